"""The lock of the one living writer: an OS lock on `<journal>.lock`, freed by the kernel.

The file's one line is the writer's pid and the highest fence ever given out. It is never deleted,
so that an emptied or older copy of the journal cannot give a fence out twice unnoticed.
"""

import fcntl
import os
from pathlib import Path
from typing import Final

from journal.errors import JournalBusy, translated

_LINE_BYTES: Final = 32


class WriterLock:
    """Held from construction to `release`, or to the end of the process, however it ends.

    A forked child shares the lock until it ends too; a process started by exec does not.

    raises  JournalBusy if another living writer holds it
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with translated(path):
            self._fd: int | None = os.open(_lock_path(path), os.O_RDWR | os.O_CREAT, 0o644)
        try:
            self._lock(self._fd)
            self.fence = _read(self._fd)[1]
            self.note(self.fence)  # names this process to whoever comes second
        except BaseException:
            self.release()
            raise

    def _lock(self, fd: int) -> None:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise JournalBusy(self.path, _read(fd)[0]) from error

    def note(self, fence: int) -> None:
        """Remember the highest fence."""
        if self._fd is None:
            raise ValueError("the lock was released")
        line = f"{os.getpid():>10} {fence:>20}\n"  # one write of a fixed size: never half a line
        with translated(self.path):
            os.pwrite(self._fd, line.encode(), 0)

    def release(self) -> None:
        """Let the next writer in."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def _lock_path(path: Path) -> Path:
    return path.with_name(path.name + ".lock")


def _read(fd: int) -> tuple[int | None, int]:
    """(pid, fence); (None, 0) of a file that holds neither."""
    words = os.pread(fd, _LINE_BYTES, 0).split()
    if len(words) != 2 or not all(word.isdigit() for word in words):
        return None, 0
    return int(words[0]), int(words[1])
