"""Incarnation numbers on disk."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from supervisors.incarnations import Incarnations


def test_numbers_rise_by_one_and_survive_a_restart(tmp_path: Path) -> None:
    first = Incarnations(tmp_path / "run" / "incarnations", "s1")
    assert [first.claim("feed"), first.claim("risk"), first.claim("feed")] == [1, 1, 2]

    again = Incarnations(tmp_path / "run" / "incarnations", "s1")

    assert again.claim("feed") == 3
    assert again.restarts("feed") == 2
    assert again.restarts("risk") == 0


def test_new_session_counts_restarts_anew_but_never_repeats_a_number(tmp_path: Path) -> None:
    path = tmp_path / "incarnations"
    old = Incarnations(path, "s1")
    old.claim("feed")
    old.claim("feed")

    new = Incarnations(path, "s2")

    assert new.claim("feed") == 3
    assert new.restarts("feed") == 0


@pytest.mark.parametrize("torn", ["c", "claim 2", "claim 2 fee", "claim 2 feed"])
def test_torn_claim_was_never_answered_and_is_dropped(tmp_path: Path, torn: str) -> None:
    path = tmp_path / "incarnations"
    Incarnations(path, "s1").claim("feed")
    with path.open("a", encoding="utf-8") as file:
        file.write(torn)

    assert Incarnations(path, "s1").claim("feed") == 2
    assert Incarnations(path, "s1").claim("feed") == 3


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file of this process grows beyond `size` bytes: a write stops there, then fails."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("room", [0, 1, 5, len("claim 2 feed")])
def test_claim_that_a_full_disk_cuts_short_is_refused_and_leaves_no_trace(
    tmp_path: Path, room: int
) -> None:
    path = tmp_path / "incarnations"
    known = Incarnations(path, "s1")
    known.claim("feed")
    before = path.read_bytes()

    with room_for(len(before) + room), pytest.raises(OSError, match="File too large"):
        known.claim("feed")

    assert path.read_bytes() == before
    assert known.claim("feed") == 2
    assert Incarnations(path, "s1").claim("feed") == 3


def test_new_file_is_synced_with_the_folder_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    sync = os.fsync

    def noted(handle: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{handle}"))
        sync(handle)

    monkeypatch.setattr(os, "fsync", noted)

    Incarnations(tmp_path / "incarnations", "s1").claim("feed")

    file = str(tmp_path / "incarnations")
    assert synced == [file, str(tmp_path), file]


def test_halt_outlives_the_root_but_not_the_session(tmp_path: Path) -> None:
    path = tmp_path / "incarnations"
    Incarnations(path, "s1").halt("feed", "died\nof poison")

    assert Incarnations(path, "s1").halted == {"feed": "died of poison"}
    Incarnations(path, "s1").resume()
    assert Incarnations(path, "s1").halted == {}
    Incarnations(path, "s1").halt("feed", "again")
    assert Incarnations(path, "s2").halted == {}


def test_foreign_line_is_refused_with_a_remedy(tmp_path: Path) -> None:
    path = tmp_path / "incarnations"
    path.write_text("hello world\n", encoding="utf-8")

    with pytest.raises(ValueError, match="restore it from a backup"):
        Incarnations(path, "s1")
