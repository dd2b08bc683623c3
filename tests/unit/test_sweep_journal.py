"""A sweep's journal: what was kept is found again, what was torn is cut off."""

from pathlib import Path

import numpy as np
import pytest

from messages.arrays import Rows
from scenarios.spec import BadSpec
from scenarios.sweep_journal import RECORD, SweepJournal
from trading.result import METRICS

PARAMS = np.dtype([("a", "<i8"), ("b", "<f8")])


def rows(count: int, start: int = 0) -> tuple[Rows, Rows]:
    params, metrics = np.zeros(count, PARAMS), np.zeros(count, METRICS)
    params["a"] = metrics["fills"] = np.arange(start, start + count)
    metrics["sharpe"] = np.nan
    return params, metrics


def filled(path: Path, count: int = 5) -> Path:
    params, metrics = rows(count)
    with SweepJournal(path) as journal:
        journal.keep(np.arange(count), 100, params, metrics)
    return path


def test_what_was_kept_is_found_by_trial_length_and_parameters(tmp_path: Path) -> None:
    path = filled(tmp_path / "j")
    params, metrics = rows(5)

    with SweepJournal(path) as journal:
        found = journal.find(3, 100, params[3].tobytes())

        assert found is not None
        assert found.tobytes() == metrics[3:4].tobytes()
        assert journal.find(3, 50, params[3].tobytes()) is None
        assert journal.find(9, 100, params[3].tobytes()) is None


def test_every_torn_end_is_cut_off_and_written_over(tmp_path: Path) -> None:
    whole = filled(tmp_path / "whole").read_bytes()
    params, metrics = rows(1, start=7)
    for cut in range(1, 2 * RECORD.itemsize, 17):
        path = tmp_path / f"torn{cut}"
        path.write_bytes(whole[:-cut])

        with SweepJournal(path) as journal:
            assert len(journal.known) == 5 - -(-cut // RECORD.itemsize)
            journal.keep(np.array([7]), 100, params, metrics)
        with SweepJournal(path) as journal:
            assert journal.find(7, 100, params[0].tobytes()) is not None


def test_a_flipped_byte_ends_what_is_believed(tmp_path: Path) -> None:
    path = filled(tmp_path / "j")
    raw = bytearray(path.read_bytes())
    raw[-2 * RECORD.itemsize + 30] ^= 1
    path.write_bytes(raw)

    with SweepJournal(path) as journal:
        assert sorted(journal.known) == [(0, 100), (1, 100), (2, 100)]


def test_other_parameters_for_a_kept_trial_are_refused(tmp_path: Path) -> None:
    path = filled(tmp_path / "j")

    with SweepJournal(path) as journal, pytest.raises(BadSpec, match="searches differently"):
        journal.find(3, 100, rows(1)[0][0].tobytes())


def test_one_process_at_a_time_has_it(tmp_path: Path) -> None:
    path = filled(tmp_path / "j")

    with SweepJournal(path), pytest.raises(BadSpec, match="is running"):
        SweepJournal(path)
    SweepJournal(path).close()


def test_another_versions_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "j"
    path.write_bytes(b"something else entirely, and long enough to be read")

    with pytest.raises(BadSpec, match="another version"):
        SweepJournal(path)

    assert path.read_bytes().startswith(b"something else")
