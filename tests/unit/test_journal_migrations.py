import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from journal import JournalCorrupt, JournalTooNew
from journal.migrations import APPLICATION_ID, Migration, check, known, migrate, parsed

PATH = Path("j.db")
SECOND = Migration(2, "CREATE INDEX record_by_kind ON record (kind);")


def fresh() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.text_factory = bytes
    return db


def test_new_file_gets_every_migration_once() -> None:
    with closing(fresh()) as db:
        assert migrate(db, PATH, known()) == tuple(m.version for m in known())
        assert migrate(db, PATH, known()) == ()
        assert db.execute("PRAGMA user_version").fetchone() == (len(known()),)
        assert db.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)


def test_older_journal_is_brought_forward() -> None:
    with closing(fresh()) as db:
        migrate(db, PATH, known()[:1])

        assert migrate(db, PATH, (known()[0], SECOND)) == (2,)
        assert check(db, PATH, (known()[0], SECOND)) == 2


def test_failed_migration_leaves_nothing_when_rolled_back() -> None:
    broken = Migration(2, "CREATE TABLE more (a);\nCREATE TABLE record (a);")
    with closing(fresh()) as db:
        migrate(db, PATH, known()[:1])
        db.execute("BEGIN")
        with pytest.raises(sqlite3.OperationalError, match="already exists"):
            migrate(db, PATH, (known()[0], broken))
        db.execute("ROLLBACK")

        assert check(db, PATH, known()[:1]) == 1


def test_newer_journal_is_refused() -> None:
    with closing(fresh()) as db:
        migrate(db, PATH, (known()[0], SECOND))

        with pytest.raises(JournalTooNew, match="has schema 2, this program knows 1"):
            migrate(db, PATH, known()[:1])


def test_edited_migration_is_refused() -> None:
    edited = Migration(1, known()[0].sql + "\n-- a harmless remark")
    with closing(fresh()) as db:
        migrate(db, PATH, known()[:1])

        with pytest.raises(JournalCorrupt, match="another migration 1"):
            migrate(db, PATH, (edited,))


@pytest.mark.parametrize("version", [0, -1, 2_000_000_000])
def test_version_that_no_migration_made_is_refused(version: int) -> None:
    with closing(fresh()) as db:
        migrate(db, PATH, known())
        db.execute(f"PRAGMA user_version = {version}")

        with pytest.raises(JournalCorrupt, match="its migrations did not make"):
            migrate(db, PATH, known())


def test_misnumbered_schema_text_is_a_bug() -> None:
    with pytest.raises(ValueError, match="numbered 1, 2, 3"):
        parsed("-- migration 2\nCREATE TABLE a (b);")


def test_released_migrations_are_never_edited() -> None:
    # Journals in the field remember this checksum. A change to the schema is a new section.
    assert [m.sha256.hex()[:16] for m in known()] == ["58dd883ec989225a", "bb5a8e99fef84860"]
