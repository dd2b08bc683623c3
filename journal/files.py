"""Files that are whole or not there: written beside their place, synced, then renamed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

from journal.errors import translated


class Write(Protocol):
    """How bytes reach a disk; a test gives one whose disk is full."""

    def __call__(self, path: Path, data: bytes | memoryview) -> None: ...


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file to write, which takes the place of `path` when the block ends well, else vanishes.

    raises  DiskFull, JournalUnavailable; `path` is then what it was
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with translated(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def write_whole(path: Path, data: bytes | memoryview) -> None:
    """Put a file in its place, or leave everything as it was."""
    with replacing(path) as file:
        file.write(data)
