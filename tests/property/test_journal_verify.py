"""Whatever is changed in a journal is found and named, and never crashes the one who looks."""

import asyncio
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from journal import Anchor, Draft, Journal, JournalCorrupt, JournalError, Record, verify
from journal.reader import read_head, read_records

ROWS = 40
NUMBERS = ("ts_ns", "incarnation", "session", "peer_seq", "fence")
TEXTS = ("direction", "actor", "peer", "kind", "correlation_id", "payload", "hash")
slow = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


async def written(path: Path, incarnation: int, rows: int) -> None:
    async with await Journal.open(
        path, owner="run/orders", lease="L", incarnation=incarnation, now_ns=9
    ) as journal:
        for n in range(rows):
            payload = b'{"n":%d}' % n * (300 if n % 13 == 0 else 3)  # some need overflow pages
            row = Draft(n, ("in", "out")[n % 2], "orders", 1, "k", payload, "risk", 1, n, f"O{n}")
            await journal.append([row])


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sound") / "j.db"
    asyncio.run(written(path, 1, ROWS // 2))
    asyncio.run(written(path, 2, ROWS // 2))
    return path


@contextmanager
def copy_of(sound: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(shutil.copy(sound, folder))


def tampered(path: Path, change: Callable[[sqlite3.Connection], object]) -> None:
    """Changes rows as someone with a database shell would, and covers the tracks."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        guards = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        db.execute("PRAGMA ignore_check_constraints = ON")
        for name, _ in guards:
            db.execute(f"DROP TRIGGER {name}")
        try:
            change(db)
        finally:
            for _, sql in guards:
                db.execute(sql)


def named(path: Path) -> set[int]:
    return {problem.seq for problem in verify(path).problems}


def outcome(work: Callable[[], object]) -> object:
    """What `work` returns, or the one line that it refuses with."""
    try:
        return work()
    except JournalError as error:
        line = str(error)
    assert line.isprintable()
    return line


def everything(path: Path) -> tuple[Any, list[Record]]:
    return read_head(path), list(read_records(path))


def test_untouched_journal_is_sound(sound: Path) -> None:
    report = verify(sound)

    assert report.ok
    assert report.rows == ROWS
    assert report.head == read_head(sound)


@slow
@given(seq=st.integers(1, ROWS), column=st.sampled_from(NUMBERS), bit=st.integers(0, 62))
def test_flipped_bit_of_a_number_names_its_record(
    sound: Path, seq: int, column: str, bit: int
) -> None:
    with copy_of(sound) as path:
        tampered(
            path,
            lambda db: db.execute(
                f"UPDATE record SET {column} = ({column} | ?1) - ({column} & ?1) WHERE seq = ?2",
                (1 << bit, seq),
            ),
        )

        assert named(path) == {seq}


@slow
@given(
    seq=st.integers(1, ROWS),
    column=st.sampled_from(TEXTS),
    at=st.floats(0, 1),
    bit=st.integers(0, 7),
)
def test_flipped_byte_of_a_text_names_its_record(
    sound: Path, seq: int, column: str, at: float, bit: int
) -> None:
    def change(db: sqlite3.Connection) -> None:
        db.text_factory = bytes
        (old,) = db.execute(f"SELECT {column} FROM record WHERE seq = ?", (seq,)).fetchone()
        new = bytearray(old)
        new[int(at * (len(new) - 1))] ^= 1 << bit
        value = "?" if column in ("payload", "hash") else "CAST(? AS TEXT)"
        db.execute(f"UPDATE record SET {column} = {value} WHERE seq = ?", (bytes(new), seq))

    with copy_of(sound) as path:
        tampered(path, change)

        assert seq in named(path)
        # SQLite's own check may add that a direction is not one: that has no number.
        assert named(path) <= {0, seq}
        with pytest.raises(JournalCorrupt) as caught:
            list(read_records(path))
        assert caught.value.seq == seq


@pytest.mark.parametrize("column", [*NUMBERS, *TEXTS])
@pytest.mark.parametrize("gap_before", [False, True])
def test_value_of_another_type_names_its_record(sound: Path, column: str, gap_before: bool) -> None:
    wrong = "2.5" if column in NUMBERS else "NULL"

    def change(db: sqlite3.Connection) -> None:
        # Strict tables refuse this, so it takes a schema without types: what a damaged page is.
        db.execute("PRAGMA writable_schema = ON")
        (sql,) = db.execute("SELECT sql FROM sqlite_master WHERE name = 'record'").fetchone()
        for typed in (" INTEGER NOT NULL", " TEXT NOT NULL", " BLOB NOT NULL"):
            sql = sql.replace(typed, " ANY")
        db.execute("UPDATE sqlite_master SET sql = ? WHERE name = 'record'", (sql,))

    with copy_of(sound) as path:
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            (strict,) = db.execute("SELECT sql FROM sqlite_master WHERE name = 'record'").fetchone()
        tampered(path, change)

        def damage(db: sqlite3.Connection) -> None:
            db.execute(f"UPDATE record SET {column} = {wrong} WHERE seq = 20")
            if gap_before:
                db.execute("DELETE FROM record WHERE seq = 19")
            db.execute("PRAGMA writable_schema = ON")
            db.execute("UPDATE sqlite_master SET sql = ? WHERE name = 'record'", (strict,))

        tampered(path, damage)

        assert named(path) == {0, 20} | ({19} if gap_before else set())


@slow
@given(first=st.integers(1, ROWS), count=st.integers(1, ROWS))
def test_removed_records_are_named_wherever_they_stood(sound: Path, first: int, count: int) -> None:
    last = min(ROWS, first + count - 1)
    with copy_of(sound) as path:
        tampered(
            path,
            lambda db: db.execute("DELETE FROM record WHERE seq BETWEEN ? AND ?", (first, last)),
        )

        (problem,) = verify(path).problems
        assert problem.seq == first
        assert "missing" in problem.reason
        assert first == last or f"up to {last}" in problem.reason
        with pytest.raises(JournalCorrupt, match=f"record {first} "):
            list(read_records(path))


@slow
@given(a=st.integers(1, ROWS), b=st.integers(1, ROWS))
def test_swapped_records_are_both_named(sound: Path, a: int, b: int) -> None:
    assume(a != b)

    def swap(db: sqlite3.Connection) -> None:
        for old, new in ((a, -1), (b, a), (-1, b)):
            db.execute("UPDATE record SET seq = ? WHERE seq = ?", (new, old))

    with copy_of(sound) as path:
        tampered(path, swap)

        assert {a, b} <= named(path)


@slow
@given(seq=st.integers(-5, ROWS + 5))
def test_inserted_record_is_named(sound: Path, seq: int) -> None:
    assume(not 1 <= seq <= ROWS)
    with copy_of(sound) as path:
        tampered(
            path,
            lambda db: db.execute(
                "INSERT INTO record SELECT ?, ts_ns, direction, actor, incarnation, peer, session,"
                " peer_seq, kind, correlation_id, payload, fence, hash FROM record WHERE seq = 1",
                (seq,),
            ),
        )

        assert not verify(path).ok
        assert named(path) & {seq, ROWS + 1}


@pytest.mark.parametrize(
    "column", ["seq", "hash", "fence", "lease", "owner", "incarnation", "taken_ns", "seal"]
)
def test_changed_head_row_is_found(sound: Path, column: str) -> None:
    new = "x'00'" if column in ("hash", "seal") else "'M'" if column in ("lease", "owner") else "77"
    with copy_of(sound) as path:
        tampered(path, lambda db: db.execute(f"UPDATE head SET {column} = {new}"))

        assert "differs from its seal" in str(verify(path).problems[0])


def test_removed_head_row_and_changed_schema_are_found(sound: Path) -> None:
    with copy_of(sound) as path:
        tampered(path, lambda db: db.execute("DELETE FROM head"))
        assert "has no head row" in str(verify(path).problems[0])
    with copy_of(sound) as path, closing(sqlite3.connect(path)) as db:
        db.execute("DROP TRIGGER record_is_not_deleted")
        assert "other tables or triggers" in str(verify(path).problems[0])


def test_append_only_guards_stop_a_database_shell(sound: Path) -> None:
    with copy_of(sound) as path, closing(sqlite3.connect(path)) as db:
        for statement in ("DELETE FROM record", "UPDATE record SET ts_ns = 1", "DELETE FROM head"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                db.execute(statement)


def test_anchor_finds_an_older_copy_and_another_history(sound: Path) -> None:
    head = read_head(sound)

    assert verify(sound, Anchor(head.seq, head.hash)).ok
    assert "missing" in str(verify(sound, Anchor(head.seq + 3, head.hash)).problems[0])
    assert "another history" in str(verify(sound, Anchor(head.seq, b"x" * 32)).problems[0])


@settings(slow, max_examples=400)
@given(at=st.floats(0, 1, exclude_max=True), mask=st.integers(1, 255), data=st.data())
def test_flipped_byte_of_the_file_is_found_or_changes_nothing(
    sound: Path, at: float, mask: int, data: st.DataObject
) -> None:
    with copy_of(sound) as path:
        raw = bytearray(path.read_bytes())
        header = data.draw(st.booleans())  # the first bytes matter most: go there half of the time
        raw[int(at * (200 if header else len(raw)))] ^= mask
        path.write_bytes(raw)

        unharmed = outcome(lambda: verify(path).ok)
        if unharmed is True:
            assert everything(path) == everything(sound)
        if outcome(lambda: asyncio.run(written(path, 3, 1))) is None and unharmed is True:
            assert verify(path).ok
