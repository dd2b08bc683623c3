"""Any file that holds a series, as checked rows in the order in which they stand there."""

import hashlib
import os
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from journal.data import names, times
from journal.data.blocks import parse
from journal.data.columns import Columns, identify, missing, said
from journal.data.errors import BadData, readable, shown
from journal.data.frames import typed
from journal.data.kinds import KINDS, KindName
from journal.data.rows import Rows, without_faults, without_nulls
from journal.data.sniff import Layout, Wish, sniff
from journal.data.textfile import TextFile

TEXT: Final = (".csv", ".tsv", ".txt", ".gz", ".zip")
TABLES: Final = (".parquet", ".feather", ".arrow", ".ipc")
_PLAIN: Final = (".csv", ".tsv", ".txt")
_DIGEST_BYTES_MAX: Final = 1 << 26
_TABLE_ROWS: Final = 500_000
_WORKERS_MAX: Final = 4


@dataclass(frozen=True, slots=True)
class Reading:
    """A file being read: what it is, and its rows, once, each block with the bytes read so far."""

    path: Path
    kind: KindName
    rows: Iterator[tuple[Rows, int]]
    bytes: int
    units: str  # of its times
    notes: tuple[str, ...] = ()

    @property
    def worth_a_digest(self) -> bool:
        """False for plain text so large that its SHA-256 would take a good part of an import."""
        return self.path.suffix.lower() not in _PLAIN or self.bytes <= _DIGEST_BYTES_MAX


def open_file(path: Path, wish: Wish | None = None) -> Reading:
    """Start to read a CSV (plain, .gz, .zip), feather or Parquet file.

    raises  BadData naming file, row and field; JournalUnavailable
    """
    wish = wish or Wish()
    if wish.kind is None and not wish.columns:
        wish = replace(wish, kind=names.of(path).kind)
    with readable(path):
        size = path.stat().st_size
    if not size:
        raise BadData(path, "is empty", "there is nothing to read")
    suffix = path.suffix.lower()
    if suffix in TABLES:
        return _open_table(path, size, wish)
    if suffix in TEXT:
        file = TextFile(path)
        layout = sniff(path, file.head(), wish)
        return Reading(path, layout.kind, _parsed(file, layout), size, layout.units, layout.notes)
    known = ", ".join((*TEXT, *TABLES))
    raise BadData(path, f"ends with {shown(suffix)}", f"name a file that ends with one of {known}")


def sha256_of(path: Path) -> str:
    """SHA-256 of a file. Lets other threads run meanwhile."""
    with readable(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _parsed(file: TextFile, layout: Layout) -> Iterator[tuple[Rows, int]]:
    workers = min(os.cpu_count() or 1, _WORKERS_MAX)
    waiting: deque[tuple[Future[Rows], int]] = deque()
    line = layout.skip

    def next_rows() -> tuple[Rows, int]:
        nonlocal line
        done, end = waiting.popleft()
        with readable(file.path):
            rows = done.result().shifted(line)
        line += rows.count
        return rows, end

    with ThreadPoolExecutor(workers, "parse") as pool:
        try:
            for block in file.blocks(layout.skip):
                waiting.append((pool.submit(parse, block, layout), block.end))
                if len(waiting) > workers:
                    yield next_rows()
            while waiting:
                yield next_rows()
        finally:
            for future, _ in waiting:
                future.cancel()


def _open_table(path: Path, size: int, wish: Wish) -> Reading:
    with readable(path):
        lazy = _scan(path)
        schema = lazy.collect_schema()
        count = int(lazy.select(pl.len()).collect().item())
    if not count:
        raise BadData(path, "has no rows", "there is nothing to read")
    found = _table_columns(path, list(schema), wish)
    at = {field: list(schema)[i] for field, i in found.at.items()}
    how = {}
    for field, column in at.items():
        if (field == "time" or field.startswith("ts_")) and schema[column] == pl.String:
            with readable(path):
                first = lazy.select(column).head(200).collect().to_series()
            how[field] = wish.time_format or times.detect(first.drop_nulls().to_list()) or ""
    if schema[at["time"]] == pl.String and not how["time"]:
        raise BadData(path, "its times are not understood", "say --time-format", field="time")
    rows = _table_rows(path, lazy, count, size, found.kind, at, how, wish.time_unit)
    return Reading(path, found.kind, rows, size, _units(path, lazy, at["time"]))


def _scan(path: Path) -> pl.LazyFrame:
    if path.suffix.lower() == ".parquet":
        return pl.scan_parquet(path, glob=False, hive_partitioning=False)
    return pl.scan_ipc(path, glob=False, hive_partitioning=False)


def _units(path: Path, lazy: pl.LazyFrame, column: str) -> str:
    with readable(path):
        times_read = lazy.select(column).head(1).collect().to_series()
    if times_read.dtype.is_numeric():
        return " and ".join(times.units_of(times_read)) or "numbers"
    return times_read.dtype.time_unit if isinstance(times_read.dtype, pl.Datetime) else "text"


def _table_columns(path: Path, schema: list[str], wish: Wish) -> Columns:
    columns = list(wish.columns) or schema
    found = identify(columns, wish.kind) if len(columns) == len(schema) else None
    if found is None:
        kind = wish.kind or "bars"
        lacking = ", ".join(missing(kind, said(columns, kind))) or "all of its columns"
        reason = f"has the columns {', '.join(schema[:12])}, and none for {lacking} of {kind}"
        raise BadData(path, reason, "say --kind and --columns")
    return found


def _table_rows(
    path: Path,
    lazy: pl.LazyFrame,
    count: int,
    size: int,
    kind: KindName,
    at: Mapping[str, str],
    how: Mapping[str, str],
    time_unit: str | None,
) -> Iterator[tuple[Rows, int]]:
    chosen = lazy.select(pl.col(c).alias(f) for f, c in at.items())
    for start in range(0, count, _TABLE_ROWS):
        with readable(path):
            raw = chosen.slice(start, _TABLE_ROWS).collect()
        # A recording of market data has a row of nulls where a batch was empty.
        empty = raw.select(pl.all_horizontal(pl.all().is_null())).to_series().to_numpy()
        skipped = np.flatnonzero(empty)
        height, blank = raw.height, len(skipped)
        raw = (raw.filter(~empty) if blank else raw).with_columns(
            pl.col(n).fill_null(0) for n in KINDS[kind].optional if n in raw.columns
        )
        frame = typed(raw, kind, how, time_unit)
        read = without_nulls(raw, Rows(frame, start + 1, height, skipped, blank=blank), kind)
        rows = without_faults(read, kind)
        yield rows, size * (start + height) // count
