"""Forward-only migrations: the numbered sections of schema.sql, applied once each, in order."""

import hashlib
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from journal.errors import JournalCorrupt, JournalTooNew

APPLICATION_ID: Final = 0x4D414E54  # as in schema.sql
_SECTION: Final = re.compile(r"^-- migration (\d+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Migration:
    """One section of schema.sql."""

    version: int
    sql: str

    @property
    def sha256(self) -> bytes:
        """Checksum, kept in the journal that it was applied to."""
        return hashlib.sha256(self.sql.encode()).digest()


@cache
def known() -> tuple[Migration, ...]:
    """All migrations of this program, in order."""
    return parsed(files("journal").joinpath("schema.sql").read_text("utf-8"))


def parsed(text: str) -> tuple[Migration, ...]:
    """The sections of a schema text; raises ValueError if they are not numbered 1, 2, 3 ..."""
    _, *parts = _SECTION.split(text)
    made = tuple(
        Migration(int(version), sql.strip())
        for version, sql in zip(parts[::2], parts[1::2], strict=True)
    )
    if [m.version for m in made] != list(range(1, len(made) + 1)):
        raise ValueError("schema.sql: migrations must be numbered 1, 2, 3 ... in order")
    return made


def migrate(
    db: sqlite3.Connection, path: Path, migrations: tuple[Migration, ...]
) -> tuple[int, ...]:
    """Versions applied now, to be committed by the caller; () if the journal was current.

    raises  JournalTooNew, JournalCorrupt (another file, or one that other migrations made)
    """
    found = check(db, path, migrations)
    todo = migrations[found:]
    for migration in todo:
        for statement in _statements(migration.sql):
            db.execute(statement)
        db.execute("INSERT INTO migration VALUES (?, ?)", (migration.version, migration.sha256))
        db.execute(f"PRAGMA user_version = {migration.version:d}")
    return tuple(m.version for m in todo)


def check(db: sqlite3.Connection, path: Path, migrations: tuple[Migration, ...]) -> int:
    """Schema version of the journal, 0 if it is empty; raises as `migrate`."""
    found = _pragma(db, "user_version")
    if not found and not _schema(db):
        return 0
    if _pragma(db, "application_id") != APPLICATION_ID:
        raise JournalCorrupt(path, 0, "is some other program's database")
    applied = db.execute("SELECT version, sha256 FROM migration ORDER BY version").fetchall()
    # Counted by the list: a damaged version number can be two billion.
    if len(applied) != found or any(row[0] != n for n, row in enumerate(applied, 1)):
        raise JournalCorrupt(path, 0, "has a schema version that its migrations did not make")
    if found > len(migrations):
        raise JournalTooNew(path, found, len(migrations))
    for migration, row in zip(migrations, applied, strict=False):
        if row[1] != migration.sha256:
            raise JournalCorrupt(
                path, 0, f"was made by another migration {migration.version} than this program's"
            )
    if _schema(db) != _expected(migrations[:found]):
        raise JournalCorrupt(path, 0, "has other tables or triggers than its migrations made")
    return found


@cache
def _expected(migrations: tuple[Migration, ...]) -> tuple[Any, ...]:
    db = sqlite3.connect(":memory:", isolation_level=None)
    try:
        for migration in migrations:
            for statement in _statements(migration.sql):
                db.execute(statement)
        return _schema(db)
    finally:
        db.close()


def _schema(db: sqlite3.Connection) -> tuple[Any, ...]:
    # As blobs: damaged text must compare unequal, not fail to decode.
    return tuple(
        db.execute(
            "SELECT CAST(type AS BLOB), CAST(name AS BLOB), CAST(tbl_name AS BLOB),"
            " CAST(sql AS BLOB) FROM sqlite_master ORDER BY type, name"
        ).fetchall()
    )


def _pragma(db: sqlite3.Connection, name: str) -> int:
    return int(db.execute(f"PRAGMA {name}").fetchone()[0])


def _statements(sql: str) -> Iterator[str]:
    """One statement at a time: `executescript` would commit the transaction it runs in."""
    statement = ""
    for line in sql.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        raise ValueError("schema.sql: the last statement has no end")
