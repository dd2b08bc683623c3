"""Reading a journal that somebody else may be writing: `mode=ro`, so nothing can be harmed."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from journal.errors import JournalUnavailable, translated
from journal.migrations import check, known
from journal.pages import chain_from, head_of, page
from journal.record import Direction, Head, Record


def connect_read_only(path: Path) -> sqlite3.Connection:
    """A connection that cannot write nor checkpoint; text comes as bytes."""
    if not path.is_file():
        raise JournalUnavailable(path, "journal does not exist")
    with translated(path):
        uri = f"{path.resolve().as_uri()}?mode=ro"
        db = sqlite3.connect(uri, uri=True, isolation_level=None)
    db.text_factory = bytes
    return db


def read_head(path: Path) -> Head:
    """Last record, and who holds the lease; raises as `read_records`."""
    with closing(connect_read_only(path)) as db, translated(path):
        return _checked_head(db, path)


def read_records(
    path: Path, after: int = 0, direction: Direction | None = None
) -> Iterator[Record]:
    """Records after number `after`, oldest first, each verified against the chain.

    Ends with the last record there was at the start, although a writer may go on.
    raises  JournalUnavailable, JournalCorrupt, JournalTooNew
    """
    with closing(connect_read_only(path)) as db:
        with translated(path):
            head = _checked_head(db, path)
            chain = chain_from(db, path, head, after)
        while chain.seq < head.seq:
            with translated(path):
                records = page(db, path, chain, head.seq)
            for record in records:
                if record.seq <= head.seq and direction in (None, record.direction):
                    yield record


def _checked_head(db: sqlite3.Connection, path: Path) -> Head:
    if not check(db, path, known()):
        raise JournalUnavailable(path, "journal is empty: its creation did not finish")
    return head_of(db, path)
