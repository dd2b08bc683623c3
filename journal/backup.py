"""A consistent copy of a journal, taken while its writer goes on."""

import sqlite3
from contextlib import closing
from pathlib import Path

from journal.errors import JournalUnavailable, translated
from journal.reader import connect_read_only


def backup(path: Path, to: Path) -> None:
    """A copy of the journal at `path` in the one file `to`; complete or not there.

    raises  JournalUnavailable if `path` is no journal or `to` exists, DiskFull, JournalCorrupt
    """
    refuse_existing(to)
    with closing(connect_read_only(path)) as source:
        copy(source, to)


def refuse_existing(to: Path) -> None:
    """raises  JournalUnavailable if `to` exists."""
    if to.exists():
        raise JournalUnavailable(
            to, "it exists, and a backup overwrites nothing: name another folder"
        )


def copy(source: sqlite3.Connection, to: Path) -> None:
    """All pages that `source` sees now, written beside `to` and renamed when they are synced."""
    part = to.with_name(to.name + ".part")
    part.unlink(missing_ok=True)
    try:
        with translated(to), closing(sqlite3.connect(part, isolation_level=None)) as target:
            source.backup(target)
            # One file, complete without a -wal beside it, synced by the change of mode.
            target.execute("PRAGMA synchronous = FULL")
            target.execute("PRAGMA journal_mode = DELETE").fetchall()
        part.rename(to)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
