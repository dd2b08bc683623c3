"""Append-only, hash-chained, single-writer journals in SQLite.

`journal.replay` (which needs the messages) turns records back into messages; `journal.reader`
reads a journal that another process writes.
"""

from journal.backup import backup
from journal.errors import (
    DiskFull,
    Fenced,
    JournalBusy,
    JournalCorrupt,
    JournalError,
    JournalTooNew,
    JournalUnavailable,
    WrongLease,
)
from journal.log import Journal
from journal.opening import OpenReport
from journal.record import Direction, Draft, Head, Record
from journal.verify import Anchor, Problem, VerifyReport, verify

__all__ = [
    "Anchor",
    "Direction",
    "DiskFull",
    "Draft",
    "Fenced",
    "Head",
    "Journal",
    "JournalBusy",
    "JournalCorrupt",
    "JournalError",
    "JournalTooNew",
    "JournalUnavailable",
    "OpenReport",
    "Problem",
    "Record",
    "VerifyReport",
    "WrongLease",
    "backup",
    "verify",
]
