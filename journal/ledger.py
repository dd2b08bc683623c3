"""The journal on one SQLite connection, in one thread: what `Journal` does behind its await.

An append is one transaction: move the head from where we left it, under our fence, and insert the
rows; then one sync. If the head is not where we left it nothing is written, so a writer that lost
its lease cannot add a row, whatever it believes.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from journal.errors import Fenced, JournalCorrupt, JournalError, JournalUnavailable, translated
from journal.pages import chain_from, head_of, notes, page
from journal.record import COLUMNS, Chain, Draft, Head, Record, Row, drafted

_INSERT: Final = f"INSERT INTO record ({COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)"
_MOVE: Final = """
    UPDATE head SET seq = ?, hash = ?, seal = ?
    WHERE id = 1 AND fence = ? AND seq = ? AND hash = ?
"""


class Ledger:
    """Owns a connection and the head; every method runs in the connection's thread."""

    def __init__(self, path: Path, db: sqlite3.Connection, head: Head) -> None:
        self.path = path
        self.head = head
        self._db = db
        self._failed: JournalError | None = None

    def append(self, drafts: Sequence[Draft]) -> tuple[int, ...]:
        """Numbers of the rows, which are durable when this returns; all of them or none.

        raises  Fenced, DiskFull, JournalUnavailable
        """
        if self._failed is not None:
            raise self._failed
        if not drafts:
            return ()
        old, rows, digest = self.head, [], self.head.hash
        for seq, draft in enumerate(drafts, old.seq + 1):
            row = drafted(draft, seq, old.fence, digest)
            digest = row[12]
            rows.append(row)
        new = replace(old, seq=old.seq + len(rows), hash=digest)
        try:
            with translated(self.path):
                self._write(old, new, rows)
        except JournalUnavailable as error:
            # After a failed sync nobody knows what the disk holds: only a fresh start may tell.
            self._failed = error
            raise
        self.head = new
        return tuple(range(old.seq + 1, new.seq + 1))

    def _write(self, old: Head, new: Head, rows: list[Row]) -> None:
        db = self._db
        try:
            db.execute("BEGIN IMMEDIATE")
            moved = db.execute(_MOVE, (new.seq, new.hash, new.seal(), old.fence, old.seq, old.hash))
            if moved.rowcount != 1:
                there = head_of(db, self.path)
                if there.fence != old.fence:
                    raise Fenced(self.path, old.fence, there.fence)
                raise JournalCorrupt(self.path, there.seq, "was not appended by the lease's holder")
            db.executemany(_INSERT, rows)
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                with suppress(sqlite3.Error):  # the first error is the one to report
                    db.execute("ROLLBACK")
            raise

    def page(self, after: Chain) -> tuple[Record, ...]:
        """The next records, verified; () at the end. Moves `after` on."""
        with translated(self.path):
            return page(self._db, self.path, after, self.head.seq)

    def notes(self) -> tuple[Record, ...]:
        """All notes, each verified."""
        with translated(self.path):
            return notes(self._db, self.path, self.head)

    def chain_from(self, seq: int) -> Chain:
        """Where to start reading after record `seq`."""
        with translated(self.path):
            return chain_from(self._db, self.path, self.head, seq)
