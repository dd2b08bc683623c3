"""What can go wrong with a journal. Each message is one line: the thing, the reason, the remedy."""

import errno
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_FREE_BYTES_MIN: Final = 1 << 20


def one_line(text: str) -> str:
    """`text` fit for one line of a terminal: SQLite quotes damaged names as they are."""
    return "".join(c if c.isprintable() else "?" for c in text)


class JournalError(Exception):
    """Base of every expected failure of a journal; never raised itself."""

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


class JournalBusy(JournalError):
    """Another living writer holds the journal. `pid` is its process; None if it cannot be told."""

    def __init__(self, path: Path, pid: int | None) -> None:
        who = f"process {pid}" if pid is not None else "another process"
        super().__init__(
            f"{path}: journal is in use by {who}: stop that run, or wait until it has ended"
        )
        self.path, self.pid = path, pid


class Fenced(JournalError):
    """A newer writer took the lease; nothing of the append was written, nor ever will be."""

    def __init__(self, path: Path, fence: int, newer: int) -> None:
        super().__init__(
            f"{path}: this writer's fence {fence} was superseded by {newer}:"
            " end this process, the newer writer goes on"
        )
        self.path, self.fence, self.newer = path, fence, newer


class JournalCorrupt(JournalError):
    """The content is not what was written. `seq` is the first bad record; 0: the file itself."""

    def __init__(self, path: Path, seq: int, reason: str) -> None:
        thing = f"record {seq}" if seq else "journal"
        super().__init__(
            f"{path}: {thing} {reason}:"
            " restore a backup; `manta journal verify` lists all that is wrong"
        )
        self.path, self.seq, self.reason = path, seq, one_line(reason)


class JournalTooNew(JournalError):
    """A later version of this program wrote the journal."""

    def __init__(self, path: Path, found: int, known: int) -> None:
        super().__init__(
            f"{path}: journal has schema {found}, this program knows {known}:"
            " install the version that wrote it"
        )
        self.path, self.found, self.known = path, found, known


class WrongLease(JournalError):
    """The journal belongs to another venue and account."""

    def __init__(self, path: Path, lease: str, asked: str) -> None:
        super().__init__(
            f"{path}: journal belongs to {lease!r}, not to {asked!r}:"
            " give each account a file of its own"
        )
        self.path, self.lease, self.asked = path, lease, asked


class DiskFull(JournalError):
    """No space: nothing of the failed append was written, and all before it is readable."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path}: no space left on its disk: free some and start again; nothing was lost"
        )
        self.path = path


class JournalUnavailable(JournalError):
    """The file cannot be used at all: missing, not permitted, or its disk fails."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}: check the path, its permissions and its disk")
        self.path, self.reason = path, reason


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turns what SQLite and the operating system raise inside into the errors of this file."""
    try:
        yield
    except sqlite3.Error as error:
        known = _of_sqlite(path, error)
        if known is None:
            raise  # outside the table: a bug of ours, which must crash
        raise known from error
    except UnicodeDecodeError as error:  # SQLite complained in words from a damaged page
        raise JournalCorrupt(path, 0, "cannot be read (it holds damaged text)") from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(path) from error
        raise JournalUnavailable(path, error.strerror or str(error)) from error


def _of_sqlite(path: Path, error: sqlite3.Error) -> JournalError | None:
    code = getattr(error, "sqlite_errorname", "").removeprefix("SQLITE_").partition("_")[0]
    # No space for the -shm file, over a quota, or found late: plain I/O errors to SQLite.
    if code == "IOERR" and shutil.disk_usage(path.parent).free < _FREE_BYTES_MIN:
        code = "FULL"
    if code == "NOTADB":
        return JournalCorrupt(path, 0, "is not a SQLite database")
    # Our statements are fixed and tested: one that SQLite cannot run has met a damaged file.
    if code in ("CORRUPT", "ERROR", "TOOBIG"):
        return JournalCorrupt(path, 0, f"cannot be read ({error})")
    if code in ("IOERR", "CANTOPEN", "READONLY", "PERM", "AUTH"):
        return JournalUnavailable(path, str(error))
    if code in ("BUSY", "LOCKED"):
        return JournalBusy(path, None)
    return DiskFull(path) if code == "FULL" else None
