"""Reading rows and the head row from a connection, and checking each."""

import sqlite3
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from journal.errors import JournalCorrupt
from journal.record import COLUMNS, Chain, Head, Record, genesis, missing, recorded

_PAGE_ROWS: Final = 1000
_PAGE_BYTES: Final = 4 << 20
_AFTER: Final = f"SELECT {COLUMNS} FROM record WHERE seq > ? ORDER BY seq"
_NOTES: Final = f"SELECT {COLUMNS} FROM record WHERE direction = 'note' ORDER BY seq"


def page(db: sqlite3.Connection, path: Path, after: Chain, last: int) -> tuple[Record, ...]:
    """Records that follow `after`, which moves on: a bounded number, () only past `last`.

    raises  JournalCorrupt at the first bad or missing one
    """
    records: list[Record] = []
    size = 0
    cursor = db.execute(_AFTER, (after.seq,))
    try:
        for row in cursor:
            for seq, reason in after.problems(row):
                raise JournalCorrupt(path, seq, reason)
            records.append(recorded(row))
            size += len(row[10])
            if len(records) == _PAGE_ROWS or size >= _PAGE_BYTES:
                break
    finally:
        cursor.close()  # ends the read: an open one would keep the -wal file from being reset
    if not records and after.seq < last:
        raise JournalCorrupt(path, *missing(after.seq + 1, last))
    return tuple(records)


def notes(db: sqlite3.Connection, path: Path, head: Head) -> tuple[Record, ...]:
    """All notes, oldest first, each verified against the hash stored before it.

    raises  JournalCorrupt at the first that is not what was written
    """
    found: list[Record] = []
    for row in db.execute(_NOTES).fetchall():
        for seq, reason in chain_from(db, path, head, row[0] - 1).problems(row):
            raise JournalCorrupt(path, seq, reason)
        found.append(recorded(row))
    return tuple(found)


def chain_from(db: sqlite3.Connection, path: Path, head: Head, seq: int) -> Chain:
    """The chain after record `seq`, whose stored hash is taken as it is; 0: from the start."""
    if not 0 <= seq <= head.seq:
        raise ValueError(f"record {seq} does not exist: the journal has 1 to {head.seq}")
    if seq == 0:
        return Chain(0, genesis(head.lease))
    row = db.execute("SELECT hash FROM record WHERE seq = ?", (seq,)).fetchone()
    if row is None:
        raise JournalCorrupt(path, *missing(seq, seq))
    return Chain(seq, row[0])


def head_of(db: sqlite3.Connection, path: Path) -> Head:
    """The head row; raises JournalCorrupt if it is missing or its seal is broken."""
    row = db.execute(
        "SELECT seq, hash, fence, incarnation, taken_ns, lease, owner, seal FROM head"
    ).fetchone()
    if row is None:
        raise JournalCorrupt(path, 0, "has no head row")
    seq, digest, fence, incarnation, taken_ns, lease, owner, seal = row
    try:
        head = Head(seq, digest, fence, lease.decode(), owner.decode(), incarnation, taken_ns)
        sealed = head.seal() == seal
    except (AttributeError, TypeError, UnicodeError, struct.error) as error:
        # A damaged page can hold any type in any column.
        raise JournalCorrupt(path, 0, f"has an unreadable head row ({error})") from error
    if not sealed:
        raise JournalCorrupt(path, 0, "has a head row that differs from its seal")
    return head


def verify_tail(db: sqlite3.Connection, path: Path, head: Head, rows: int) -> None:
    """Raises JournalCorrupt unless the last `rows` records are sound and end at the head."""
    walk = chain_from(db, path, head, max(0, head.seq - rows))
    for row in db.execute(_AFTER, (walk.seq,)):
        for seq, reason in walk.problems(row):
            raise JournalCorrupt(path, seq, reason)
    for seq, reason in tail_problems(walk, head):
        raise JournalCorrupt(path, seq, reason)


def tail_problems(walk: Chain, head: Head) -> Iterator[tuple[int, str]]:
    """What is wrong where the walked rows should meet the head."""
    if walk.seq < head.seq:
        yield missing(walk.seq + 1, head.seq)
    elif walk.seq > head.seq:
        yield head.seq + 1, f"stands behind the last record, {head.seq}"
    elif walk.digest != head.hash:
        yield head.seq, "differs from the hash in the head row"
