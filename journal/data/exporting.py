"""Rows of a series as a file for other tools: CSV, feather or Parquet."""

from pathlib import Path
from typing import Final

import polars as pl

from journal.data.errors import BadData, readable, shown
from journal.data.kinds import KINDS, KindName, from_rows
from journal.files import replacing
from messages.arrays import Rows

SUFFIXES: Final = (".csv", ".feather", ".arrow", ".parquet")


def export(rows: Rows, kind: KindName, path: Path) -> int:
    """Write rows in the format that the name's ending says; returns the size in bytes.

    Columns have the names of the rows' fields and times are nanoseconds, so a file can be imported
    again as it is. Bars have `ts_open` and `ts_close`. The file appears when it is whole.

    raises  BadData for another ending; DiskFull, JournalUnavailable
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        known = ", ".join(SUFFIXES)
        raise BadData(path, f"ends with {shown(suffix)}", f"choose one of {known}")
    frame = from_rows(rows, KINDS[kind])
    if kind == "bars":
        frame.insert_column(1, pl.Series("ts_close", rows["ts_event"]))
    with readable(path), replacing(path) as file:
        if suffix == ".csv":
            frame.write_csv(file)
        elif suffix == ".parquet":
            frame.write_parquet(file, compression="zstd")
        else:
            frame.write_ipc(file, compression="lz4")
    return path.stat().st_size
