"""A text file (plain, gzipped or zipped) as blocks of whole lines.

Blocks of a plain file are only measured here, by finding the line end nearest to each boundary: who
parses a block reads it, so that reading, too, is done side by side. A compressed file is unpacked
by who walks over the blocks.
"""

import gzip
import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Final, cast

from journal.data.errors import BadData, readable

BLOCK_BYTES: Final = 1 << 24
_LINE_BYTES: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines. `end` is how far into the file on disk they reach, in bytes."""

    read: Callable[[], bytes]
    end: int


@dataclass(frozen=True, slots=True)
class TextFile:
    """A text file by its path."""

    path: Path

    def head(self, size: int = 1 << 16) -> bytes:
        """Its first lines."""
        with readable(self.path), self._unpacked() as (_, text):
            data = text.read(size)
        return data[: data.rfind(b"\n") + 1] or data

    def blocks(self, skip: int, size: int = BLOCK_BYTES) -> Iterator[Block]:
        """Its lines after the first `skip`."""
        with readable(self.path), self._unpacked() as (raw, text):
            for _ in range(skip):
                text.readline()
            if raw is text:
                yield from _measured(self.path, raw, size)
            else:
                yield from _unpacked(raw, text, size)

    @contextmanager
    def _unpacked(self) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
        """(the file, its text); the same for a plain file."""
        name = self.path.name.lower()
        with self.path.open("rb") as raw:
            if name.endswith(".gz"):
                yield raw, cast(IO[bytes], gzip.GzipFile(fileobj=raw))
            elif name.endswith(".zip"):
                with zipfile.ZipFile(raw) as archive, archive.open(self._member(archive)) as text:
                    yield raw, text
            else:
                yield raw, raw

    def _member(self, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
        inside = [m for m in archive.infolist() if not m.is_dir()]
        tables = [m for m in inside if m.filename.lower().endswith((".csv", ".txt", ".tsv"))]
        if len(tables) != 1:
            names = ", ".join(m.filename for m in inside[:3]) or "nothing"
            raise BadData(self.path, f"holds {names}", "a zip has to hold one CSV file")
        return tables[0]


def _measured(path: Path, raw: IO[bytes], size: int) -> Iterator[Block]:
    handle, start = raw.fileno(), raw.tell()
    whole = os.fstat(handle).st_size
    while start < whole:
        end = start + size
        while end < whole:
            near = os.pread(handle, _LINE_BYTES, end)
            found = near.find(b"\n")
            end += len(near) if found < 0 else found + 1
            if found >= 0:
                break
        end = min(end, whole)
        yield Block(partial(_read, path, start, end - start), end)
        start = end


def _read(path: Path, start: int, length: int) -> bytes:
    with path.open("rb", buffering=0) as file:
        return os.pread(file.fileno(), length, start)


def _unpacked(raw: IO[bytes], text: IO[bytes], size: int) -> Iterator[Block]:
    while data := text.read(size):
        data += text.readline()
        yield Block(partial(bytes, data), raw.tell())
