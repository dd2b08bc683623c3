import asyncio
import dataclasses
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from journal import (
    Anchor,
    DiskFull,
    Draft,
    Fenced,
    Journal,
    JournalBusy,
    JournalCorrupt,
    JournalError,
    JournalTooNew,
    JournalUnavailable,
    WrongLease,
    verify,
)
from journal.reader import read_head, read_records


def draft(number: int, **changes: Any) -> Draft:
    made = Draft(
        ts_ns=number,
        direction="in",
        actor="orders",
        incarnation=1,
        kind="order_filled",
        payload=b'{"number":%d}' % number,
        peer="risk",
        session=2,
        peer_seq=number,
        correlation_id=f"O{number}",
    )
    return dataclasses.replace(made, **changes)


async def opened(path: Path, incarnation: int = 1, lease: str = "BINANCE/main") -> Journal:
    return await Journal.open(
        path, owner="run/orders", lease=lease, incarnation=incarnation, now_ns=7
    )


async def test_appended_rows_come_back_as_they_were(tmp_path: Path) -> None:
    odd = draft(2, direction="note", actor="zoë\0", peer="", correlation_id="", payload=b"\xff\0")

    async with await opened(tmp_path / "j.db") as journal:
        assert await journal.append([draft(1), odd]) == (1, 2)
        assert await journal.append([draft(3)]) == (3,)
        records = [record async for record in journal.read()]

    fields = [field.name for field in dataclasses.fields(Draft)]
    assert [Draft(**{f: getattr(r, f) for f in fields}) for r in records] == [
        draft(1),
        odd,
        draft(3),
    ]
    assert [(r.seq, r.fence) for r in records] == [(1, 1), (2, 1), (3, 1)]


async def test_read_starts_after_a_number_and_keeps_one_direction(tmp_path: Path) -> None:
    async with await opened(tmp_path / "j.db") as journal:
        await journal.append([draft(n, direction="out" if n % 2 else "in") for n in range(1, 3001)])

        inputs = [r.seq async for r in journal.read(after=1500, direction="in")]

    assert inputs == list(range(1502, 3001, 2))
    assert [r.seq for r in read_records(tmp_path / "j.db", 2990, "out")] == [
        2991,
        2993,
        2995,
        2997,
        2999,
    ]


async def test_empty_append_writes_nothing(tmp_path: Path) -> None:
    async with await opened(tmp_path / "j.db") as journal:
        assert await journal.append([]) == ()
        assert journal.head.seq == 0


async def test_concurrent_appends_are_each_whole_and_in_one_order(tmp_path: Path) -> None:
    async with await opened(tmp_path / "j.db") as journal:
        given = await asyncio.gather(*(journal.append([draft(n), draft(n)]) for n in range(50)))

    assert sorted(seq for pair in given for seq in pair) == list(range(1, 101))
    assert all(b == a + 1 for a, b in given)
    assert verify(tmp_path / "j.db").ok


async def test_cancelled_append_leaves_a_journal_that_goes_on(tmp_path: Path) -> None:
    async with await opened(tmp_path / "j.db") as journal:
        for number in range(20):
            task = asyncio.create_task(journal.append([draft(number)]))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await journal.append([draft(99)])
        assert journal.head.seq == 21

    assert verify(tmp_path / "j.db").rows == 21
    assert verify(tmp_path / "j.db").ok


async def test_refused_draft_leaves_nothing_of_its_batch(tmp_path: Path) -> None:
    async with await opened(tmp_path / "j.db") as journal:
        with pytest.raises(sqlite3.IntegrityError):
            await journal.append([draft(1), draft(2, direction="sideways")])

        assert await journal.append([draft(3)]) == (1,)


# --- one writer -----------------------------------------------------------------------------------


async def test_second_writer_in_this_process_is_told_who_writes(tmp_path: Path) -> None:
    async with await opened(tmp_path / "j.db"):
        with pytest.raises(JournalBusy, match=f"process {os.getpid()}") as caught:
            await opened(tmp_path / "j.db")

    assert caught.value.pid == os.getpid()
    assert "\n" not in str(caught.value)


async def test_second_name_of_the_same_file_is_the_same_lock(tmp_path: Path) -> None:
    (tmp_path / "other.db").symlink_to(tmp_path / "j.db")
    async with await opened(tmp_path / "j.db"):
        with pytest.raises(JournalBusy):
            await opened(tmp_path / "other.db")


HOLDER = """
import asyncio, sys
from pathlib import Path
from journal import Journal
async def main():
    await Journal.open(Path(sys.argv[1]), owner="o", lease="BINANCE/main", incarnation=1, now_ns=0)
    print("open", flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


async def test_killed_writer_frees_the_journal_at_once(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    with subprocess.Popen([sys.executable, "-c", HOLDER, path], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"

        with pytest.raises(JournalBusy, match=f"process {holder.pid}"):
            await opened(path)
        holder.kill()
        holder.wait()

        async with await opened(path, incarnation=2) as journal:
            assert journal.report.fence == 2


async def test_each_opening_raises_the_fence(tmp_path: Path) -> None:
    for fence in (1, 2, 3):
        async with await opened(tmp_path / "j.db", incarnation=fence) as journal:
            assert journal.head.fence == journal.report.fence == fence
            await journal.append([draft(fence)])

    assert [r.fence for r in read_records(tmp_path / "j.db")] == [1, 2, 3]
    assert read_head(tmp_path / "j.db").incarnation == 3


async def test_stale_writer_is_fenced_and_writes_nothing(tmp_path: Path) -> None:
    old = await opened(tmp_path / "j.db")
    await old.append([draft(1)])
    (tmp_path / "j.db.lock").unlink()  # what a careless operator might do
    new = await opened(tmp_path / "j.db", incarnation=2)

    for _ in range(2):
        with pytest.raises(Fenced, match="fence 1 was superseded by 2"):
            await old.append([draft(666)])
    assert await new.append([draft(2)]) == (2,)
    await old.close()
    await new.close()

    assert [r.peer_seq for r in read_records(tmp_path / "j.db")] == [1, 2]
    assert verify(tmp_path / "j.db").ok


async def test_other_account_may_not_use_the_journal(tmp_path: Path) -> None:
    await (await opened(tmp_path / "j.db")).close()

    with pytest.raises(WrongLease, match="belongs to 'BINANCE/main', not to 'BINANCE/other'"):
        await opened(tmp_path / "j.db", lease="BINANCE/other")


async def test_older_copy_put_back_is_refused_until_the_lock_file_goes(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    async with await opened(path) as journal:
        await journal.append([draft(1)])
        await journal.backup(tmp_path / "copy.db")
    await (await opened(path)).close()
    path.unlink()
    (tmp_path / "copy.db").rename(path)

    with pytest.raises(JournalCorrupt, match="older than its last writer"):
        await opened(path)
    (tmp_path / "j.db.lock").unlink()
    async with await opened(path) as journal:
        assert journal.report.rows == 1


# --- backup ---------------------------------------------------------------------------------------


async def test_backup_is_one_complete_file_while_appends_go_on(tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    async with await opened(tmp_path / "j.db") as journal:
        await journal.append([draft(n) for n in range(500)])
        anchor = Anchor(journal.head.seq, journal.head.hash)

        await asyncio.gather(
            journal.backup(copy), *(journal.append([draft(n)]) for n in range(100))
        )

        report = verify(copy, anchor)
        assert report.ok
        assert 500 <= report.rows <= 600
        assert not list(tmp_path.glob("copy.db*part"))
        with pytest.raises(JournalUnavailable, match="overwrites nothing: name another folder"):
            await journal.backup(copy)

    async with await opened(copy) as restored:
        assert restored.report.rows == report.rows


# --- what is not a journal ------------------------------------------------------------------------


async def test_garbage_is_named_and_untouched(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    path.write_bytes(b"not a database" * 1000)

    with pytest.raises(JournalCorrupt, match="is not a SQLite database"):
        await opened(path)

    assert path.read_bytes() == b"not a database" * 1000
    assert [str(p) for p in verify(path).problems] == ["journal is not a SQLite database"]


async def test_other_programs_database_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "j.db") as db:
        db.execute("CREATE TABLE theirs (a)")
    db.close()

    with pytest.raises(JournalCorrupt, match="some other program's database"):
        await opened(tmp_path / "j.db")


async def test_newer_schema_is_refused_in_one_line(tmp_path: Path) -> None:
    await (await opened(tmp_path / "j.db")).close()
    with sqlite3.connect(tmp_path / "j.db") as db:
        db.execute("INSERT INTO migration VALUES (3, x'00')")
        db.execute("PRAGMA user_version = 3")
    db.close()

    with pytest.raises(
        JournalTooNew, match="has schema 3, this program knows 2: install"
    ) as caught:
        await opened(tmp_path / "j.db")
    assert "\n" not in str(caught.value)
    with pytest.raises(JournalTooNew):
        verify(tmp_path / "j.db")


async def test_missing_folder_and_missing_file_say_so(tmp_path: Path) -> None:
    with pytest.raises(JournalUnavailable, match="its folder does not exist"):
        await opened(tmp_path / "none" / "j.db")
    with pytest.raises(JournalUnavailable, match="does not exist"):
        verify(tmp_path / "j.db")
    with pytest.raises(JournalUnavailable):
        await opened(tmp_path)
    assert not (tmp_path / "j.db").exists()


def test_a_journal_that_cannot_be_opened_leaves_no_thread_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its thread would answer a loop that is over: an exception that nobody hears."""
    unheard: list[object] = []
    monkeypatch.setattr(threading, "excepthook", unheard.append)
    before = threading.active_count()

    for _ in range(50):
        loop = asyncio.new_event_loop()
        with pytest.raises(JournalUnavailable):
            loop.run_until_complete(opened(tmp_path))
        loop.close()

    for thread in threading.enumerate():
        if thread is not threading.current_thread() and "_connection_worker" in thread.name:
            thread.join(5)
    assert unheard == []
    assert threading.active_count() <= before


async def test_closed_journal_can_be_closed_again_but_not_used(tmp_path: Path) -> None:
    journal = await opened(tmp_path / "j.db")
    await journal.close()
    await journal.close()

    with pytest.raises(ValueError, match="no active connection"):
        await journal.append([draft(1)])


# --- a full disk ----------------------------------------------------------------------------------


@contextmanager
def log_replaced_by(path: Path, device: str, flags: int) -> Iterator[None]:
    """The kernel's own failure on every write to the log, then a working log again."""
    fd = next(
        int(link.name)
        for link in Path("/proc/self/fd").iterdir()
        if os.path.realpath(link) == f"{path}-wal"
    )
    kept, other = os.dup(fd), os.open(device, flags)
    os.dup2(other, fd)
    try:
        yield
    finally:
        os.dup2(kept, fd)
        os.close(kept)
        os.close(other)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
async def test_full_disk_loses_only_the_failed_batch_and_heals_with_space(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    async with await opened(path) as journal:
        await journal.append([draft(1)])

        with (
            log_replaced_by(path, "/dev/full", os.O_RDWR),
            pytest.raises(DiskFull, match="no space left"),
        ):
            await journal.append([draft(2), draft(3)])

        assert [r.seq async for r in journal.read()] == [1]
        assert await journal.append([draft(4)]) == (2,)

    assert [r.peer_seq for r in read_records(path)] == [1, 4]
    assert verify(path).ok


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs Linux's /proc")
async def test_failing_disk_ends_this_writer_but_not_the_journal(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    async with await opened(path) as journal:
        await journal.append([draft(1)])

        with (
            log_replaced_by(path, "/dev/null", os.O_RDONLY),
            pytest.raises(JournalUnavailable, match="disk I/O error"),
        ):
            await journal.append([draft(2)])
        with pytest.raises(JournalUnavailable):
            await journal.append([draft(3)])

    async with await opened(path) as journal:
        assert await journal.append([draft(4)]) == (2,)
    assert verify(path).ok


async def test_every_message_of_an_error_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    made: list[JournalError] = [
        JournalBusy(path, None),
        Fenced(path, 1, 2),
        JournalCorrupt(path, 4, "differs from its hash"),
        JournalTooNew(path, 3, 1),
        WrongLease(path, "a", "b"),
        DiskFull(path),
        JournalUnavailable(path, "disk I/O error"),
    ]

    for error in made:
        assert str(error).startswith(f"{path}: ")
        assert "\n" not in str(error)
