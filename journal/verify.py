"""Proof that a journal holds what was written, or a list of what is wrong with it.

Found, each with the number of the record: any changed byte of any column, a record that is missing,
moved, inserted, or cut off at the end. Found, without a number: damage of the file's structure, of
the head row, of the schema, and of the -wal file where committed rows lie behind it.

Not found (record.py says why): a forger who can write the file and computes every hash anew; an
older copy put in its place; a deleted -wal file of a killed writer. An anchor finds all three.
In the -wal file of a killed writer, damage of the very last transaction looks like a torn one.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from journal import wal
from journal.errors import JournalCorrupt, one_line, translated
from journal.migrations import check, known
from journal.pages import head_of, tail_problems
from journal.reader import connect_read_only
from journal.record import COLUMNS, Chain, Head, genesis

_PROBLEMS_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Anchor:
    """A record's number and hash, kept outside the journal."""

    seq: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with record `seq`; 0: with the file itself."""

    seq: int
    reason: str

    def __str__(self) -> str:
        """One line."""
        return f"record {self.seq} {self.reason}" if self.seq else f"journal {self.reason}"


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What `verify` found. `rows` were read; `head` is None if it is unreadable."""

    path: Path
    rows: int
    head: Head | None
    torn_frames: int  # of a killed writer, never acknowledged: no problem
    torn_bytes: int
    problems: tuple[Problem, ...]  # the first hundred, in the order found

    @property
    def ok(self) -> bool:
        """Nothing is wrong."""
        return not self.problems


def verify(path: Path, anchor: Anchor | None = None) -> VerifyReport:
    """All that is wrong with the journal at `path`; changes nothing, and a writer may go on.

    anchor  makes sure that this is the journal, and no older than when the anchor was taken
    raises  JournalUnavailable (no such file), JournalTooNew; damage is reported, never raised
    cost    one pass, about 140,000 rows/s; a writer's -wal file grows meanwhile
    """
    before = wal.scan(path)
    walk = _Walk(path, before, anchor)
    with closing(connect_read_only(path)) as db:
        try:
            with translated(path):
                for problem in walk.problems(db):
                    walk.found.append(problem)
                    if len(walk.found) == _PROBLEMS_MAX:
                        break
        except JournalCorrupt as error:
            # SQLite gave up inside a page: what comes after the last good record is unknown.
            walk.found.append(Problem(error.seq or walk.unread, error.reason))
    after = wal.scan(path)
    # A live writer can be caught between two frames; damage stays where it is.
    if before.damaged_at is not None and before.damaged_at == after.damaged_at:
        reason = f"has committed rows behind damage in its -wal file (frame {before.damaged_at})"
        walk.found.append(Problem(0, reason))
    return VerifyReport(
        path, walk.rows, walk.head, before.torn_frames, before.torn_bytes, tuple(walk.found)
    )


class _Walk:
    """One pass through a journal, and how far it came."""

    def __init__(self, path: Path, before: wal.Wal, anchor: Anchor | None) -> None:
        self.path = path
        self.wal = before
        self.anchor = anchor
        self.found: list[Problem] = []
        self.rows = 0
        self.unread = 0  # the record being read, while reading
        self.head: Head | None = None

    def problems(self, db: sqlite3.Connection) -> Iterator[Problem]:
        """What is wrong, as it is found; raises JournalCorrupt where reading has to end."""
        db.execute("BEGIN")  # one snapshot: rows and head of the same moment
        if not check(db, self.path, known()):
            yield Problem(0, "is empty")
            return
        if (
            db.execute("PRAGMA journal_mode").fetchone()[0] != b"wal"
            and wal.scan(self.path).commits
        ):
            yield Problem(0, "says that its -wal file, which has rows, is not to be read")
        yield from _structure(db, self.path)
        try:
            self.head = head_of(db, self.path)
        except JournalCorrupt as error:
            yield Problem(0, error.reason)
        yield from self._records(db)

    def _records(self, db: sqlite3.Connection) -> Iterator[Problem]:
        # Without a head, the lease is unknown and with it what the first record continues.
        chain = Chain(0, genesis(self.head.lease) if self.head else b"")
        last = 0
        self.unread = 1
        for row in db.execute(f"SELECT {COLUMNS} FROM record ORDER BY seq"):
            self.rows += 1
            for seq, reason in chain.problems(row):
                yield Problem(seq, reason)
            last = chain.seq
            self.unread = last + 1
            if self.anchor and row[0] == self.anchor.seq and row[12] != self.anchor.hash:
                yield Problem(row[0], "differs from the anchor: this is another history")
        self.unread = 0
        if self.head:
            for seq, reason in tail_problems(chain, self.head):
                yield Problem(seq, reason)
        if self.anchor and last < self.anchor.seq:
            yield Problem(last + 1, f"and all up to the anchor, {self.anchor.seq}, are missing")


def _structure(db: sqlite3.Connection, path: Path) -> Iterator[Problem]:
    """SQLite's own opinion of pages, cells and types."""
    try:
        with translated(path):
            lines = db.execute(f"PRAGMA integrity_check({_PROBLEMS_MAX // 2})").fetchall()
    except JournalCorrupt as error:
        yield Problem(0, f"has a damaged structure: it {error.reason}")
        return
    for (line,) in lines:
        if line != b"ok":
            yield Problem(0, f"has a damaged structure ({one_line(line.decode(errors='replace'))})")
