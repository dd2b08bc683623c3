"""The journal as actors use it: append-only, durable, chained, with one writer.

Theory of operation. aiosqlite runs every call on the connection's own thread. Each method here is
one call, for two reasons. A hop to the thread and back costs 0.06 ms where a sync costs 0.18 ms: an
append that awaits each of its four statements takes half as long again (measured on 2 cores, 2026;
benchmarks/journal_append.py prints all of it). And a cancelled `await` cannot leave half a
transaction open, because the whole of it runs in the thread or does not start.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import aiosqlite

from journal.backup import copy, refuse_existing
from journal.errors import JournalUnavailable, translated
from journal.ledger import Ledger
from journal.lock import WriterLock
from journal.opening import Claim, OpenReport, take
from journal.reader import connect_read_only
from journal.record import Direction, Draft, Head, Record

T = TypeVar("T")
_ITER_CHUNK_ROWS: Final = 64  # aiosqlite's own default; its cursors are not used here


class _OneHop(aiosqlite.Connection):
    """A connection that runs a whole function in its thread, not only one statement.

    stopping  the end of its thread, once that has been asked for
    """

    stopping: "asyncio.Future[Any] | None" = None

    def stop(self) -> "asyncio.Future[Any] | None":
        """Ask the thread to end."""
        self.stopping = super().stop()
        return self.stopping

    async def connect(self) -> None:
        """Connect; if that fails its thread is done, too: it would answer a loop that is over."""
        try:
            await self
        except BaseException:
            if self.stopping is not None:
                await self.stopping
            raise

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` returns or raises, given the connection."""
        result: T = await self._execute(work, self._conn)  # type: ignore[no-untyped-call]  # aiosqlite's gap
        return result


class Journal:
    """The one writer of a journal file. Make it with `open`, and always `close` it.

    `report` says what `open` found; `head` is the last durable record and the lease held.
    """

    def __init__(self, db: _OneHop, ledger: Ledger, lock: WriterLock, report: OpenReport) -> None:
        self.path = ledger.path
        self.report = report
        self._db = db
        self._ledger = ledger
        self._lock = lock

    @classmethod
    async def open(
        cls, path: Path, *, owner: str, lease: str, incarnation: int, now_ns: int
    ) -> Self:
        """The journal at `path`, created if absent, with the lease taken.

        owner        who writes, for people: "run-7/orders"
        lease        what the journal is of: "BINANCE/main"; fixed when the file is created
        incarnation  of the owner, from its supervisor
        raises       JournalBusy, JournalCorrupt, JournalTooNew, WrongLease, DiskFull,
                     JournalUnavailable
        """
        with translated(path):
            path = path.resolve()  # two names of one file must meet in one lock
        if not path.parent.is_dir():
            raise JournalUnavailable(path, "its folder does not exist")
        lock = WriterLock(path)
        try:
            claim = Claim(owner, lease, incarnation, now_ns)
            db = _OneHop(lambda: _connect(path), _ITER_CHUNK_ROWS)
            await db.connect()
            try:
                ledger, report = await db.run(lambda sqlite: _start(path, sqlite, claim, lock))
            except BaseException:
                await db.close()
                raise
        except BaseException:
            lock.release()
            raise
        return cls(db, ledger, lock, report)

    @property
    def head(self) -> Head:
        """Last durable record and lease; `(head.seq, head.hash)` is an anchor for `verify`."""
        return self._ledger.head

    async def append(self, drafts: Sequence[Draft]) -> tuple[int, ...]:
        """Numbers of the new records: one transaction, one sync, all durable or none there.

        If the await is cancelled, the records may be durable: nobody was told, so treat the
        journal as the truth and read it.
        raises  Fenced, DiskFull, JournalUnavailable (after it, only a reopened journal appends)
        """
        rows = tuple(drafts)  # the thread must not see a list that its owner goes on changing
        return await self._db.run(lambda _: self._ledger.append(rows))

    async def read(
        self, after: int = 0, direction: Direction | None = None
    ) -> AsyncIterator[Record]:
        """Records after number `after`, oldest first, each verified against the chain.

        Reads a bounded page at a time and does not hold appends up between pages.
        raises  JournalCorrupt at the first record that is not what was written
        """
        chain = await self._db.run(lambda _: self._ledger.chain_from(after))
        while records := await self._db.run(lambda _: self._ledger.page(chain)):
            for record in records:
                if direction is None or record.direction == direction:
                    yield record

    async def notes(self) -> tuple[Record, ...]:
        """All notes, oldest first, each verified against the hash stored before it.

        raises  JournalCorrupt at the first that is not what was written
        """
        return await self._db.run(lambda _: self._ledger.notes())

    async def backup(self, to: Path) -> None:
        """A consistent copy in one file, made while appends go on; complete or not there.

        raises  JournalUnavailable if `to` exists, DiskFull
        """
        refuse_existing(to)
        # Through a reader of its own: appends do not wait for it.
        db = _OneHop(lambda: connect_read_only(self.path), _ITER_CHUNK_ROWS)
        await db.connect()
        try:
            await db.run(lambda source: copy(source, to))
        finally:
            await db.close()

    async def close(self) -> None:
        """Fold the -wal file in and let the next writer in; more than once does no harm."""
        try:
            with translated(self.path):
                await self._db.close()
        finally:
            self._lock.release()

    async def __aenter__(self) -> Self:
        """Closes at the end of the block."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        await self.close()


def _start(
    path: Path, db: sqlite3.Connection, claim: Claim, lock: WriterLock
) -> tuple[Ledger, OpenReport]:
    head, report = take(path, db, claim, lock.fence)
    lock.note(head.fence)
    return Ledger(path, db, head), report


def _connect(path: Path) -> sqlite3.Connection:
    with translated(path):
        return sqlite3.connect(path, isolation_level=None)
