"""A text file as blocks of whole lines, and each block as checked rows.

Theory of operation. A file is cut into blocks at line ends, so a block knows the number of its
first line, memory is bounded by a few blocks, and blocks are parsed on all cores. A block is first
given to polars as it is. Where that fails, or a value is missing, the block is halved until the
piece is small, and the piece is read line by line: so only the neighbourhood of a wrong row is read
slowly, and each wrong row has its line, its field and its reason.
"""

import csv
import gzip
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from journal.data.errors import BadData, readable, shown
from journal.data.frames import fault_text, faults, is_whole, typed
from journal.data.kinds import KINDS, KindName
from journal.data.sniff import Layout

BLOCK_BYTES: Final = 1 << 24
_SLOW_BYTES: Final = 1 << 14


@dataclass(frozen=True, slots=True)
class Wrong:
    """A row that was left out."""

    row: int  # its line in a text file, its number elsewhere, from 1
    field: str
    reason: str

    def __str__(self) -> str:
        return f"row {self.row}: {self.field}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Rows:
    """Checked rows of one block.

    frame  columns of a series, without those of wrong rows
    lines  the line of each row; None if they follow each other from `first`
    """

    frame: pl.DataFrame
    first: int
    lines: "NDArray[np.int64] | None" = None
    wrong: tuple[Wrong, ...] = ()
    blank: int = 0

    def line(self, row: int) -> int:
        """Where row `row` of the frame stands in its file."""
        return self.first + row if self.lines is None else int(self.lines[row])


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines, and the number of the first."""

    data: bytes
    first: int
    count: int
    read: int  # bytes of the file read so far


@dataclass(frozen=True, slots=True)
class TextFile:
    """A plain, gzipped or zipped text file."""

    path: Path

    def head(self, size: int = 1 << 16) -> bytes:
        """Its first lines."""
        with readable(self.path), _opened(self.path) as (_, text):
            data = text.read(size)
        return data[: data.rfind(b"\n") + 1] or data

    def blocks(self, skip: int, size: int = BLOCK_BYTES) -> Iterator[Block]:
        """Its lines after the first `skip`."""
        with readable(self.path), _opened(self.path) as (raw, text):
            for _ in range(skip):
                text.readline()
            first, rest = skip + 1, b""
            while data := text.read(size):
                data = rest + data
                cut = data.rfind(b"\n") + 1
                rest, data = data[cut:], data[:cut]
                if data:
                    count = data.count(b"\n")
                    yield Block(data, first, count, raw.tell())
                    first += count
            if rest:
                yield Block(rest, first, 1, raw.tell())


class _opened:  # noqa: N801 - a context manager
    """(the file, its text)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open: list[Any] = []

    def __enter__(self) -> tuple[IO[bytes], IO[bytes]]:
        raw = self._path.open("rb")
        self._open.append(raw)
        name = self._path.name.lower()
        try:
            if name.endswith(".gz"):
                text = cast(IO[bytes], gzip.GzipFile(fileobj=raw))
            elif name.endswith(".zip"):
                archive = zipfile.ZipFile(raw)
                self._open.append(archive)
                text = archive.open(_member(self._path, archive))
            else:
                return raw, raw
        except zipfile.BadZipFile as error:
            self.__exit__()
            raise BadData(self._path, f"is no zip file ({error})", "fetch it again") from error
        self._open.append(text)
        return raw, text

    def __exit__(self, *_: object) -> None:
        while self._open:
            self._open.pop().close()


def _member(path: Path, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    inside = [m for m in archive.infolist() if not m.is_dir() and m.file_size]
    tables = [m for m in inside if m.filename.lower().endswith((".csv", ".txt", ".tsv"))]
    if len(tables) != 1:
        names = ", ".join(m.filename for m in inside[:3]) or "nothing"
        raise BadData(path, f"holds {names}", "a zip has to hold one CSV file")
    return tables[0]


def parse(block: Block, layout: Layout) -> Rows:
    """The rows of a block, those that are wrong apart."""
    rows = _parse(block.data, block.first, block.count, layout)
    return without_faults(rows, layout.kind)


def _parse(data: bytes, first: int, count: int, layout: Layout) -> Rows:
    frame = _fast(data, layout)
    if frame is not None and frame.height == count:
        return Rows(frame, first)
    if len(data) <= _SLOW_BYTES or count == 1:
        return _slow(data, first, layout)
    cut = data.index(b"\n", len(data) // 2) + 1 if b"\n" in data[len(data) // 2 : -1] else 0
    if not cut:
        return _slow(data, first, layout)
    above, below = data[:cut], data[cut:]
    lines = above.count(b"\n")
    return _joined(
        _parse(above, first, lines, layout), _parse(below, first + lines, count - lines, layout)
    )


def _joined(a: Rows, b: Rows) -> Rows:
    lines = np.concatenate([_line_numbers(a), _line_numbers(b)])
    frame = pl.concat([a.frame, b.frame])
    return Rows(frame, a.first, lines, a.wrong + b.wrong, a.blank + b.blank)


def _line_numbers(rows: Rows) -> "NDArray[np.int64]":
    if rows.lines is not None:
        return rows.lines
    return np.arange(rows.first, rows.first + rows.frame.height)


def _fast(data: bytes, layout: Layout) -> pl.DataFrame | None:
    positions = sorted(layout.types)
    types = {f"column_{i + 1}": layout.types.get(i, pl.String) for i in range(layout.width)}
    try:
        read = pl.read_csv(
            data,
            has_header=False,
            columns=positions,
            schema=types,
            separator=layout.delimiter,
        )
    except pl.exceptions.PolarsError:
        return None
    raw = read.select(pl.col(f"column_{i + 1}").alias(f) for f, i in layout.at.items())
    # A row that ends early has nulls in the columns that are only read to see that.
    if not is_whole(raw) or not is_whole(read):
        return None
    frame = typed(raw, layout.kind, layout.how, layout.time_unit)
    return frame if is_whole(frame) else None


def _slow(data: bytes, first: int, layout: Layout) -> Rows:
    text = data.decode("utf-8", errors="replace")
    kept: list[list[str]] = []
    lines: list[int] = []
    wrong: list[Wrong] = []
    blank = 0
    for line, row in enumerate(text.splitlines(), first):
        if not row.strip():
            blank += 1
            continue
        values = next(csv.reader([row], delimiter=layout.delimiter))
        if len(values) != layout.width:
            reason = f"{shown(row)} has {len(values)} fields, not {layout.width}"
            wrong.append(Wrong(line, "row", reason))
            continue
        kept.append(values)
        lines.append(line)
    raw = pl.DataFrame(
        {f: [v[i] for v in kept] for f, i in layout.at.items()},
        schema=dict.fromkeys(layout.at, pl.String),
    )
    filled = raw.with_columns(
        pl.when(pl.col(n).str.strip_chars() == "").then(pl.lit("0")).otherwise(pl.col(n)).alias(n)
        for n in _optional(raw, layout.kind)
    )
    frame = typed(filled, layout.kind, layout.how, layout.time_unit)
    read = without_nulls(raw, frame, layout.kind, np.asarray(lines, np.int64))
    told = tuple(sorted((*wrong, *read.wrong), key=lambda w: w.row))
    return Rows(read.frame, first, read.lines, told, blank)


def _optional(raw: pl.DataFrame, kind: KindName) -> list[str]:
    """Fields that a series need not have: an empty value is 0, as if they had no column."""
    return [n for n in KINDS[kind].optional if n in raw.columns and not n.startswith("ts_")]


def without_nulls(
    raw: pl.DataFrame, frame: pl.DataFrame, kind: KindName, lines: "NDArray[np.int64]"
) -> Rows:
    """Those rows whose values could be read; the others are told as wrong.

    raw, frame  the same rows, before and after `typed`
    lines       where each stands in its file
    """
    bad = np.zeros(frame.height, np.bool_)
    wrong = []
    for name in frame.columns:
        nulls = frame[name].is_null().to_numpy() & ~bad
        source = _source(name, kind, raw)
        for i in np.flatnonzero(nulls):
            value = raw[source][int(i)]
            reason = _unreadable("" if value is None else str(value), source)
            wrong.append(Wrong(int(lines[i]), source, reason))
        bad |= nulls
    first = int(lines[0]) if len(lines) else 0
    return Rows(frame.filter(~bad), first, lines[~bad], tuple(wrong))


def _source(name: str, kind: KindName, raw: pl.DataFrame) -> str:
    if name == KINDS[kind].time:
        return "time"
    if name in ("aggressor", "side"):
        return "maker" if "maker" in raw.columns else "side"
    return name


def _unreadable(value: str, name: str) -> str:
    if not value.strip():
        return "is empty"
    what = "time" if name == "time" or name.startswith("ts_") else "number"
    return f"{shown(value)} is no " + ("direction" if name in ("maker", "side") else what)


def without_faults(rows: Rows, kind: KindName) -> Rows:
    """Those rows that can be true; the others are told as wrong."""
    of = KINDS[kind]
    bad: NDArray[np.bool_] | None = None
    wrong = list(rows.wrong)
    for mask, name, rule in faults(rows.frame, kind):
        fresh = mask if bad is None else mask & ~bad
        bad = mask if bad is None else bad | mask
        wrong += [
            Wrong(rows.line(int(i)), name, fault_text(rows.frame, int(i), name, rule, of))
            for i in np.flatnonzero(fresh)
        ]
    if bad is None:
        return rows
    wrong.sort(key=lambda w: w.row)
    kept = rows.frame.filter(~bad)
    return Rows(kept, rows.first, _line_numbers(rows)[~bad], tuple(wrong), rows.blank)
