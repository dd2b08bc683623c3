"""Blocks of lines as checked rows.

Theory of operation. A block is first given to polars as it is. Where that fails, or a value is
missing, it is halved until the piece is small, and the piece is read line by line: so only the
neighbourhood of a wrong row is read slowly, and each wrong row has its line, its field and its
reason. Blocks are parsed side by side, so a block counts its lines from 1 and `shifted` puts it in
its place.
"""

import csv
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from journal.data.errors import shown
from journal.data.frames import fault_text, faults, is_whole, typed
from journal.data.kinds import KINDS, KindName
from journal.data.sniff import Layout
from journal.data.textfile import Block

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
    first  the line (row, in a table) of the block's first
    count  lines of the block
    lines  the line of each row; None if they follow each other from `first`
    """

    frame: pl.DataFrame
    first: int
    count: int
    lines: "NDArray[np.int64] | None" = None
    wrong: tuple[Wrong, ...] = ()
    blank: int = 0

    def line(self, row: int) -> int:
        """Where row `row` of the frame stands in its file."""
        return self.first + row if self.lines is None else int(self.lines[row])

    def shifted(self, by: int) -> "Rows":
        """The same block, so many lines further down."""
        lines = None if self.lines is None else self.lines + by
        wrong = tuple(Wrong(w.row + by, w.field, w.reason) for w in self.wrong)
        return replace(self, first=self.first + by, lines=lines, wrong=wrong)


def parse(block: Block, layout: Layout) -> Rows:
    """The rows of a block, those that are wrong apart; its first line is line 1."""
    return without_faults(_parse(block.read(), 1, layout), layout.kind)


def _parse(data: bytes, first: int, layout: Layout) -> Rows:
    frame = _fast(data, layout)
    # Without quotes a line is a row: a blank one would have been a row of nulls.
    if frame is not None and (b'"' not in data or frame.height == _count(data)):
        return Rows(frame, first, frame.height)
    middle = len(data) // 2
    cut = data.find(b"\n", middle, -1) + 1
    if len(data) <= _SLOW_BYTES or not cut:
        return _slow(data, first, layout)
    above = _parse(data[:cut], first, layout)
    return _joined(above, _parse(data[cut:], first + above.count, layout))


def _count(data: bytes) -> int:
    return data.count(b"\n") + (not data.endswith(b"\n"))


def _joined(a: Rows, b: Rows) -> Rows:
    lines = np.concatenate([_line_numbers(a), _line_numbers(b)])
    frame = pl.concat([a.frame, b.frame])
    return Rows(frame, a.first, a.count + b.count, lines, a.wrong + b.wrong, a.blank + b.blank)


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
    for line, row in enumerate(text.removesuffix("\n").split("\n"), first):
        if not row.strip():
            blank += 1
            continue
        values = next(csv.reader([row.rstrip("\r")], delimiter=layout.delimiter))
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
    return Rows(read.frame, first, _count(data), read.lines, told, blank)


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
    return Rows(frame.filter(~bad), first, len(lines), lines[~bad], tuple(wrong))


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
    lines = _line_numbers(rows)[~bad]
    return replace(rows, frame=rows.frame.filter(~bad), lines=lines, wrong=tuple(wrong))
