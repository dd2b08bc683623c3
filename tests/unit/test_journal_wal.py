"""The torn tail: what a killed writer leaves, and what is recovered of it."""

import asyncio
import os
import random
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from journal import Journal, JournalCorrupt, OpenReport, verify, wal
from journal.reader import read_head, read_records

# Ten transactions of three rows, the last with a large payload; then gone without closing.
CRASHING = """
import asyncio, os, sys
from pathlib import Path
from journal import Draft, Journal
async def main():
    path = Path(sys.argv[1])
    journal = await Journal.open(path, owner="o", lease="L", incarnation=1, now_ns=0)
    for n in range(10):
        size = 30_000 if n == 9 else 300
        row = Draft(n, "in", "orders", 1, "k", bytes([n]) * size, "risk", 0, n, "c")
        await journal.append([row] * 3)
    os._exit(0)
asyncio.run(main())
"""

# Forks a writer per line of input: importing once makes twenty kills cheap.
WRITERS = """
import asyncio, os, random, sys
from pathlib import Path
from journal import Draft, Journal
async def main(seed):
    chance = random.Random(seed)
    journal = await Journal.open(
        Path(sys.argv[1]), owner="o", lease="L", incarnation=seed, now_ns=0)
    seq = journal.head.seq
    os.write(1, b"serving %d\\n" % os.getpid())
    while True:
        rows = chance.choice((1, 1, 2, 50, 300))
        drafts = [Draft(0, "in", "a", 1, "k", b"%d " % (seq + i + 1) * 100) for i in range(rows)]
        seq = (await journal.append(drafts))[-1]
        os.write(1, b"acked %d\\n" % seq)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        asyncio.run(main(int(line)))
    os.waitpid(child, 0)
    os.write(1, b"gone\\n")
"""


async def reopened(path: Path) -> OpenReport:
    async with await Journal.open(path, owner="o", lease="L", incarnation=2, now_ns=0) as journal:
        return journal.report


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("crashed") / "j.db"
    subprocess.run([sys.executable, "-c", CRASHING, path], check=True)
    return path


def copied(crashed: Path, to: Path, log: bytes) -> Path:
    shutil.copy(crashed, to / "j.db")
    (to / "j.db-wal").write_bytes(log)
    return to / "j.db"


def test_log_of_a_killed_writer_is_counted_and_recovered(crashed: Path, tmp_path: Path) -> None:
    path = copied(crashed, tmp_path, wal.wal_path(crashed).read_bytes())

    report = asyncio.run(reopened(path))

    assert not report.clean
    assert (report.rows, report.recovered_commits, report.torn_frames) == (30, 10, 0)
    assert report.recovered_frames * 4120 + 32 == wal.wal_path(crashed).stat().st_size
    assert asyncio.run(reopened(path)).clean


def test_log_cut_anywhere_opens_with_a_prefix_and_counts_the_rest(
    crashed: Path, tmp_path: Path
) -> None:
    whole = wal.wal_path(crashed).read_bytes()
    chance = random.Random(7)
    edges = [0, 1, 31, 32, 33, 32 + 4119, 32 + 4120, 32 + 4121, 32 + 2 * 4120, len(whole) - 1]
    cuts = edges + [chance.randrange(len(whole)) for _ in range(40)]
    expected = [(r.seq, r.payload) for r in read_records(crashed)]

    for n, cut in enumerate(cuts):
        folder = tmp_path / str(n)
        folder.mkdir()
        path = copied(crashed, folder, whole[:cut])

        assert verify(path).ok
        report = asyncio.run(reopened(path))

        found = [(r.seq, r.payload) for r in read_records(path)]
        assert found == expected[: report.rows]
        assert report.rows == 3 * report.recovered_commits
        header = 32 if cut >= 32 else 0
        assert header + report.recovered_frames * 4120 + report.torn_bytes == cut
        assert verify(path).ok


def test_torn_frames_are_those_of_the_unfinished_transaction(crashed: Path, tmp_path: Path) -> None:
    whole = wal.wal_path(crashed).read_bytes()

    report = asyncio.run(reopened(copied(crashed, tmp_path, whole[: len(whole) - 5000])))

    assert report.rows == 27
    assert report.torn_frames > 10
    assert report.torn_bytes == len(whole) - 5000 - 32 - report.recovered_frames * 4120


def test_damage_before_acknowledged_commits_is_refused_not_rolled_back(
    crashed: Path, tmp_path: Path
) -> None:
    whole = bytearray(wal.wal_path(crashed).read_bytes())
    whole[32 + 4120 + 24 + 100] ^= 1  # page data of the second frame
    path = copied(crashed, tmp_path, bytes(whole))

    with pytest.raises(JournalCorrupt, match=r"committed rows behind damage .*frame 2"):
        asyncio.run(reopened(path))

    assert wal.wal_path(path).read_bytes() == bytes(whole)  # evidence stays for the operator
    assert "committed rows behind damage" in str(verify(path).problems[-1])


def test_any_damage_of_the_log_loses_at_most_its_last_transactions_silently(
    crashed: Path, tmp_path: Path
) -> None:
    whole = wal.wal_path(crashed).read_bytes()
    expected = [(r.seq, r.payload) for r in read_records(crashed)]
    chance = random.Random(3)
    headers = [32 + 4120 * frame + byte for frame in range(4) for byte in range(24)]

    for at in [*range(32), *headers, *(chance.randrange(len(whole)) for _ in range(60))]:
        damaged = bytearray(whole)
        damaged[at] ^= 1 << chance.randrange(8)
        path = copied(crashed, tmp_path, bytes(damaged))

        report = verify(path)

        if report.ok:
            found = [(r.seq, r.payload) for r in read_records(path)]
            assert found == expected[: len(found)]
            assert len(found) >= 27, f"byte {at} lost {30 - len(found)} rows unnoticed"
        (tmp_path / "j.db-shm").unlink(missing_ok=True)


def test_leftovers_of_an_earlier_round_are_not_torn(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    log = wal.wal_path(path)
    code = CRASHING.replace("range(10)", "range(400)").replace("n == 9", "n % 40 == 0")
    code = code.replace("bytes([n])", "b'x'")
    subprocess.run([sys.executable, "-c", code, path], check=True)

    found = wal.scan(path)

    assert (found.torn_frames, found.torn_bytes, found.damaged_at) == (0, 0, None)
    assert found.frames * 4120 < log.stat().st_size - 4120  # the log has been started over
    assert verify(path).ok
    assert asyncio.run(reopened(path)).rows == 1200


# --- kill -9 --------------------------------------------------------------------------------------


@pytest.fixture
def writers(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, "-c", WRITERS, tmp_path / "j.db"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
    ) as process:
        yield process
        process.kill()


def said(process: subprocess.Popen[bytes], until_s: float) -> list[bytes]:
    """Lines until 'gone', or what came within a pause."""
    assert process.stdout is not None
    raw = b""
    while not raw.endswith(b"gone\n") and select.select([process.stdout], [], [], until_s)[0]:
        raw += os.read(process.stdout.fileno(), 65536)
    return raw.splitlines()


def test_twenty_kills_lose_no_acknowledged_row(
    writers: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    assert writers.stdin is not None
    assert writers.stdout is not None
    path, chance, acked = tmp_path / "j.db", random.Random(11), 0

    for seed in range(1, 21):
        writers.stdin.write(b"%d\n" % seed)
        assert select.select([writers.stdout], [], [], 30)[0]
        line = b""
        while not line.endswith(b"\n"):
            line += os.read(writers.stdout.fileno(), 1)
        select.select([], [], [], chance.uniform(0.0, 0.08))
        os.kill(int(line.split()[1]), signal.SIGKILL)
        lines = said(writers, 30)
        acked = max([acked, *(int(x.split()[1]) for x in lines if x.startswith(b"acked"))])

        assert read_head(path).seq >= acked
        assert verify(path).ok, verify(path).problems

    report = asyncio.run(reopened(path))
    assert report.fence == 21
    assert report.rows >= acked > 0
    for record in read_records(path):
        assert record.payload.startswith(b"%d " % record.seq)


def test_journal_verifies_while_another_process_writes_it(
    writers: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    assert writers.stdin is not None
    assert writers.stdout is not None
    path = tmp_path / "j.db"
    writers.stdin.write(b"1\n")
    line = writers.stdout.readline()

    reports = []
    for _ in range(8):
        select.select([], [], [], 0.02)
        reports.append(verify(path))
    os.kill(int(line.split()[1]), signal.SIGKILL)
    said(writers, 30)

    assert [report.problems for report in reports] == [()] * 8
    assert reports[-1].rows > reports[0].rows
