"""Blocks of lines as checked rows.

Theory of operation. A block is first given to polars as it is. Where that fails, or a value is
missing, it is halved until the piece is small, and the piece is read line by line: so only the
neighbourhood of a wrong row is read slowly, and each wrong row has its line, its field and its
reason. Blocks are parsed side by side, so a block counts its lines from 1 and `Rows.shifted` puts
it in its place.
"""

import csv
from typing import Final

import numpy as np
import polars as pl

from journal.data.errors import shown
from journal.data.frames import is_whole, typed
from journal.data.kinds import KINDS, KindName
from journal.data.rows import SHOWN, Rows, Wrong, without_faults, without_nulls
from journal.data.sniff import Layout
from journal.data.textfile import Block

_SLOW_BYTES: Final = 1 << 17


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
    return above.followed_by(_parse(data[cut:], first + above.count, layout))


def _count(data: bytes) -> int:
    return data.count(b"\n") + (not data.endswith(b"\n"))


def _fast(data: bytes, layout: Layout) -> pl.DataFrame | None:
    """All rows of a block without a wrong one; None if there may be one."""
    types = {f"column_{i + 1}": layout.types.get(i, pl.String) for i in range(layout.width)}
    try:
        read = pl.read_csv(
            data,
            has_header=False,
            columns=sorted(layout.types),
            schema=types,
            separator=layout.delimiter,
        )
    except pl.exceptions.PolarsError:
        return None
    raw = read.select(pl.col(f"column_{i + 1}").alias(f) for f, i in layout.at.items())
    # A row that ends early has nulls in the columns that are only read to see that.
    if not is_whole(read):
        if not _has_all_fields(data, read.height, layout):
            return None
        raw = raw.with_columns(pl.col(n).fill_null(0) for n in _optional(raw, layout.kind))
    frame = typed(raw, layout.kind, layout.how, layout.time_unit)
    return frame if is_whole(frame) else None


def _has_all_fields(data: bytes, rows: int, layout: Layout) -> bool:
    """Whether missing values are empty fields, and not rows that end early."""
    found = data.count(layout.delimiter.encode())
    return b'"' not in data and found == rows * (layout.width - 1)


def _slow(data: bytes, first: int, layout: Layout) -> Rows:
    lines = data.decode("utf-8", errors="replace").removesuffix("\n").split("\n")
    kept: list[list[str]] = []
    skipped: list[int] = []
    wrong: list[Wrong] = []
    blank = 0
    for offset, line in enumerate(lines):
        values = _split(line, layout.delimiter)
        if len(values) == layout.width:
            kept.append(values)
            continue
        skipped.append(offset)
        if line.strip():
            reason = f"{shown(line)} has {len(values)} fields, not {layout.width}"
            wrong.append(Wrong(first + offset, "row", reason))
        else:
            blank += 1
    raw = pl.DataFrame(
        {f: [v[i] for v in kept] for f, i in layout.at.items()},
        schema=dict.fromkeys(layout.at, pl.String),
    )
    filled = raw.with_columns(
        pl.when(pl.col(n).str.strip_chars() == "").then(pl.lit("0")).otherwise(pl.col(n)).alias(n)
        for n in _optional(raw, layout.kind)
    )
    rows = Rows(
        typed(filled, layout.kind, layout.how, layout.time_unit),
        first,
        len(lines),
        np.asarray(skipped, np.int64),
        tuple(wrong[:SHOWN]),
        len(wrong),
        blank,
    )
    return without_nulls(raw, rows, layout.kind)


def _split(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line.rstrip("\r")], delimiter=delimiter), [])
    except csv.Error:  # longer than any field may be
        return [line]


def _optional(raw: pl.DataFrame, kind: KindName) -> list[str]:
    """Fields that a series need not have: an empty value is 0, as if they had no column."""
    return [n for n in KINDS[kind].optional if n in raw.columns and not n.startswith("ts_")]
