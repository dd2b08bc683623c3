"""What a writer does before its first append: recover, migrate, verify the tail, take the lease."""

import os
import sqlite3
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from journal import wal
from journal.errors import JournalCorrupt, JournalUnavailable, WrongLease, translated
from journal.migrations import known, migrate
from journal.pages import head_of, verify_tail
from journal.record import Head, genesis

_TAIL_ROWS: Final = 1000  # verified at open; recovery verifies all as it reads
_WAL_FIXED: Final = (3, 51, 3)
_TAKE: Final = """
    INSERT INTO head VALUES (1, :seq, :hash, :fence, :lease, :owner, :incarnation, :taken_ns, :seal)
    ON CONFLICT (id) DO UPDATE SET
        fence = :fence, owner = :owner, incarnation = :incarnation, taken_ns = :taken_ns,
        seal = :seal
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """Who wants to write: `owner` (actor of a run) takes `lease` (venue and account)."""

    owner: str
    lease: str
    incarnation: int
    now_ns: int


@dataclass(frozen=True, slots=True)
class OpenReport:
    """What was found and done when a writer opened the journal."""

    created: bool
    rows: int
    fence: int
    clean: bool  # no -wal file to recover: the last writer closed it, or had appended nothing
    recovered_commits: int  # transactions taken over from the -wal file
    recovered_frames: int
    torn_frames: int  # written but never committed, thus never acknowledged: dropped
    torn_bytes: int
    migrations: tuple[int, ...]  # schema versions applied now
    sqlite_version: str
    # SQLite 3.7.0 to 3.51.2 can corrupt a -wal file when two connections write or checkpoint at
    # the same time (https://www.sqlite.org/wal.html, "WAL-reset bug"). It cannot happen here as
    # long as nobody else writes: one writing connection under an OS lock, readers in mode=ro,
    # which never checkpoint. True says that this SQLite has the bug: keep database shells away.
    sqlite_wal_reset_bug: bool


def take(
    path: Path, db: sqlite3.Connection, claim: Claim, fence_seen: int
) -> tuple[Head, OpenReport]:
    """The head with the lease taken, durably; the caller holds the writer's lock.

    fence_seen  highest fence that the lock file remembers
    raises      as Journal.open
    """
    with translated(path):
        found = wal.scan(path)
        if found.damaged_at is not None:
            raise JournalCorrupt(
                path,
                0,
                f"has committed rows behind damage in its -wal file (frame {found.damaged_at})",
            )
        _configure(db, path, found)
        db.execute("BEGIN IMMEDIATE")
        try:
            head, applied = _lease(path, db, claim, fence_seen)
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        # The lease reaches the main file, and the next torn tail is this writer's alone.
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        if 1 in applied:
            _sync_folder(path.parent)
    return head, _report(head, found, applied)


def _lease(
    path: Path, db: sqlite3.Connection, claim: Claim, fence_seen: int
) -> tuple[Head, tuple[int, ...]]:
    applied = migrate(db, path, known())
    if 1 in applied:
        old = Head(0, genesis(claim.lease), 0, claim.lease, "", 0, 0)
    else:
        old = head_of(db, path)
    if old.lease != claim.lease:
        raise WrongLease(path, old.lease, claim.lease)
    if old.fence < fence_seen:
        raise JournalCorrupt(
            path,
            0,
            f"is older than its last writer (its fence is {old.fence}, {path.name}.lock has seen"
            f" {fence_seen}; to go on from a restored backup, delete that .lock file)",
        )
    verify_tail(db, path, old, _TAIL_ROWS)
    head = replace(
        old,
        fence=old.fence + 1,
        owner=claim.owner,
        incarnation=claim.incarnation,
        taken_ns=claim.now_ns,
    )
    row = {name: getattr(head, name) for name in Head.__slots__}
    db.execute(_TAKE, {**row, "seal": head.seal()})
    return head, applied


def _configure(db: sqlite3.Connection, path: Path, found: wal.Wal) -> None:
    db.text_factory = bytes  # damaged text must fail its hash, not its decoding
    mode = db.execute("PRAGMA journal_mode").fetchone()[0]
    if found.commits and mode != b"wal":
        raise JournalCorrupt(path, 0, "says that its -wal file, which has rows, is not to be read")
    db.execute("PRAGMA page_size = 4096")  # of a new file; wal.py counts on it if a header is lost
    if db.execute("PRAGMA journal_mode = WAL").fetchone()[0] != b"wal":
        raise JournalUnavailable(path, "its file system cannot hold a -wal file")
    db.execute("PRAGMA synchronous = FULL")  # every commit is synced before it is acknowledged
    db.execute("PRAGMA fullfsync = ON")  # macOS: through the drive's cache too
    db.execute("PRAGMA checkpoint_fullfsync = ON")
    db.execute("PRAGMA trusted_schema = OFF")
    db.execute("PRAGMA cell_size_check = ON")


def _report(head: Head, found: wal.Wal, applied: tuple[int, ...]) -> OpenReport:
    return OpenReport(
        created=1 in applied,
        rows=head.seq,
        fence=head.fence,
        clean=not found.size_bytes,
        recovered_commits=found.commits,
        recovered_frames=found.frames,
        torn_frames=found.torn_frames,
        torn_bytes=found.torn_bytes,
        migrations=applied,
        sqlite_version=sqlite3.sqlite_version,
        sqlite_wal_reset_bug=sqlite3.sqlite_version_info < _WAL_FIXED,
    )


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
