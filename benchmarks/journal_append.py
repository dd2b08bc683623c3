"""What a durable append costs: `python benchmarks/journal_append.py [folder]`.

Prints rows/s and latencies of single rows and of batches of 100, each append synced, and where the
time goes: the same rows without aiosqlite's thread, with one await a statement instead of one an
append, and a bare write and fsync. The folder decides which disk is measured.
"""

import asyncio
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import aiosqlite

from journal import Draft, Journal, verify
from journal.ledger import Ledger
from journal.opening import Claim, take

PAYLOAD = (
    b'{"v":1,"ts_event":1700000000000000000,"ts_init":1700000000000000000,"correlation_id":'
    b'"MTREND0010000000001","causation_id":"","kind":"submit_order","client_order_id":'
    b'"MTREND0010000000001","instrument_id":"BTCUSDT.BINANCE","side":"BUY","order_type":"LIMIT",'
    b'"quantity":"0.01250","price":"43125.10","time_in_force":"GTC","reduce_only":false}'
)
DRAFT = Draft(
    ts_ns=1_700_000_000_000_000_000,
    direction="in",
    actor="orders",
    incarnation=1,
    kind="submit_order",
    payload=PAYLOAD,
    peer="risk",
    peer_seq=7,
    correlation_id="MTREND0010000000001",
)
CLAIM = Claim("bench/orders", "BENCH/main", 1, 0)


def report(name: str, seconds: list[float], rows: int) -> None:
    """One line: rows/s, p50, p99 and the worst."""
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    line = f"{name:34} {rows * len(seconds) / sum(seconds):10,.0f} rows/s"
    line += f"   p50 {cuts[49] * 1e3:7.3f} ms   p99 {cuts[98] * 1e3:7.3f} ms"
    print(f"{line}   max {max(seconds) * 1e3:7.3f} ms")


def timed(work: Callable[[], object], count: int) -> list[float]:
    """Seconds of each call."""
    seconds = []
    for _ in range(count):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return seconds


async def timed_async(work: Callable[[], Awaitable[object]], count: int) -> list[float]:
    """Seconds of each awaited call."""
    seconds = []
    for _ in range(count):
        start = time.perf_counter()
        await work()
        seconds.append(time.perf_counter() - start)
    return seconds


async def journal_rows(folder: Path) -> None:
    """The journal as actors use it."""
    path = folder / "journal.db"
    async with await Journal.open(path, owner="b", lease="b", incarnation=1, now_ns=0) as journal:
        for rows, count in ((1, 3000), (2, 2000), (10, 1000), (100, 500), (1000, 50)):
            batch = [DRAFT] * rows
            report(
                f"Journal.append, {rows} a batch",
                await timed_async(partial(journal.append, batch), count),
                rows,
            )
        start = time.perf_counter()
        read = [record.seq async for record in journal.read()]
        rate = len(read) / (time.perf_counter() - start)
        print(f"{'Journal.read, verified':34} {rate:10,.0f} rows/s")
    start = time.perf_counter()
    checked = verify(path)
    rate = checked.rows / (time.perf_counter() - start)
    print(f"{'verify':34} {rate:10,.0f} rows/s, ok {checked.ok}")


def without_thread(folder: Path) -> None:
    """The same appends, called from the thread that owns the connection."""
    path = folder / "thread.db"
    db = sqlite3.connect(path, isolation_level=None)
    head, _ = take(path, db, CLAIM, 0)
    ledger = Ledger(path, db, head)
    for rows, count in ((1, 3000), (100, 300)):
        batch = [DRAFT] * rows
        report(
            f"no thread, {rows} a batch",
            timed(partial(ledger.append, batch), count),
            rows,
        )
    db.close()


async def hop_each_statement(folder: Path) -> None:
    """Four awaits an append, as aiosqlite's own methods would have it (no hashing here)."""
    async with aiosqlite.connect(folder / "hops.db", isolation_level=None) as db:
        await db.execute("PRAGMA journal_mode = WAL")
        await db.execute("PRAGMA synchronous = FULL")
        await db.execute("CREATE TABLE record (seq INTEGER PRIMARY KEY, payload BLOB)")
        await db.execute("CREATE TABLE head (id INTEGER PRIMARY KEY, seq INTEGER)")
        await db.execute("INSERT INTO head VALUES (1, 0)")

        async def append() -> None:
            await db.execute("BEGIN IMMEDIATE")
            await db.execute("UPDATE head SET seq = seq + 1")
            await db.executemany("INSERT INTO record (payload) VALUES (?)", [(PAYLOAD,)])
            await db.execute("COMMIT")

        report("four awaits an append, 1 a batch", await timed_async(append, 3000), 1)
    async with aiosqlite.connect(":memory:") as db:
        report("one empty await (the thread hop)", await timed_async(db.rollback, 3000), 1)


def bare_sync(folder: Path) -> None:
    """The floor: what the disk itself asks."""
    fd = os.open(folder / "bare", os.O_WRONLY | os.O_CREAT)

    def write() -> None:
        os.write(fd, bytes(8192))
        os.fdatasync(fd)

    report("write 8 KiB and fdatasync", timed(write, 1000), 1)
    os.close(fd)


def main() -> None:
    """Run all in a temporary folder."""
    where = sys.argv[1] if len(sys.argv) > 1 else None
    with tempfile.TemporaryDirectory(dir=where) as name:
        folder = Path(name)
        print(f"SQLite {sqlite3.sqlite_version}, WAL, synchronous=FULL, {os.cpu_count()} CPUs")
        asyncio.run(journal_rows(folder))
        without_thread(folder)
        asyncio.run(hop_each_statement(folder))
        bare_sync(folder)


if __name__ == "__main__":
    main()
