"""Columns as a file has them -> the columns of a series, and what is wrong with each row."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from journal.data import times
from journal.data.errors import shown
from journal.data.kinds import KINDS, Kind, KindName

Mask = NDArray[np.bool_]
_UP: Final = ("buy", "b", "bid", "bids", "1", "+1", "long")
_DOWN: Final = ("sell", "s", "a", "ask", "asks", "-1", "short")


def typed(
    raw: pl.DataFrame, kind: KindName, how: Mapping[str, str], time_unit: str | None = None
) -> pl.DataFrame:
    """The columns of `kind`; null where a value is not what it must be.

    raw  named by field ("time", "maker", ...), as text or as numbers
    how  form of each time, by field; see times.detect
    """
    made: dict[str, pl.Series] = {}
    for name, dtype in KINDS[kind].columns.items():
        source = "time" if name == KINDS[kind].time else name
        if name in ("aggressor", "side") and ("side" in raw.columns or "maker" in raw.columns):
            made[name] = _direction(raw)
        elif source not in raw.columns:
            if name in ("volume", "aggressor"):  # needed in a series, not in a source
                made[name] = pl.Series(name, np.zeros(raw.height), dtype=dtype)
        elif source == "time" or name.startswith("ts_"):
            made[name] = times.to_ns(raw[source], how.get(source, times.EPOCH), time_unit)
        else:
            made[name] = _cast(raw[source], dtype)
    return pl.DataFrame([column.alias(name) for name, column in made.items()])


def _cast(column: pl.Series, dtype: Any) -> pl.Series:
    if column.dtype == pl.String:
        column = column.str.strip_chars()
        if dtype == pl.Int64:
            # Counts that a spreadsheet wrote as 12.0.
            whole = column.cast(pl.Int64, strict=False)
            return whole.fill_null(
                column.cast(pl.Float64, strict=False).cast(pl.Int64, strict=False)
            )
    return column.cast(dtype, strict=False)


def _direction(raw: pl.DataFrame) -> pl.Series:
    """+1 where the buyer took, -1 where the seller took; of a book: +1 bid, -1 ask."""
    if "maker" in raw.columns:
        maker = raw["maker"]
        if maker.dtype != pl.Boolean:
            text = maker.cast(pl.String).str.strip_chars().str.to_lowercase()
            up, down = text.is_in(["false", "0", "f"]), text.is_in(["true", "1", "t"])
        else:
            return (1 - 2 * maker.cast(pl.Int8)).cast(pl.Int8)
    elif raw["side"].dtype.is_numeric():
        return raw["side"].cast(pl.Int8, strict=False)
    else:
        text = raw["side"].str.strip_chars().str.to_lowercase()
        up, down = text.is_in(_UP), text.is_in(_DOWN)
    signs = up.cast(pl.Int8) - down.cast(pl.Int8)
    return signs.set(signs == 0, None)


def is_whole(frame: pl.DataFrame) -> bool:
    """Whether no value is missing."""
    return not any(frame[c].null_count() for c in frame.columns)


def faults(frame: pl.DataFrame, kind: KindName) -> Iterator[tuple[Mask, str, str]]:
    """Rows that cannot be true: a mask over the rows, the field, and what it must be.

    frame  the columns of `kind`, without nulls
    cost   O(n), one pass a column; nothing is allocated where all is well
    """
    of = KINDS[kind]
    numbers = {c: frame[c].to_numpy() for c in frame.columns}
    yield from _out_of_range(of, numbers)
    if kind == "bars":
        yield from _bars(numbers)
    elif kind == "quotes":
        crossed = numbers["bid_price"] > numbers["ask_price"]
        if crossed.any():
            yield crossed, "bid_price", "must not be above ask_price"


def _out_of_range(of: Kind, numbers: Mapping[str, NDArray[Any]]) -> Iterator[tuple[Mask, str, str]]:
    for name, values in numbers.items():
        if values.dtype.kind == "f":
            # The extremes of a column with a NaN are NaN, and no comparison with it is true.
            low, high = (values.min(), values.max()) if len(values) else (1.0, 1.0)
            if not np.isfinite(high) or not np.isfinite(low):
                yield ~np.isfinite(values), name, "must be a finite number"
            if name in of.positive and not low > 0:
                yield values <= 0, name, "must be above zero"
            elif name in of.counted and not low >= 0:
                yield values < 0, name, "must not be negative"
        elif name == of.time and len(values) and values.min() <= 0:
            yield values <= 0, "time", "must be after 1970"


def _bars(numbers: Mapping[str, NDArray[Any]]) -> Iterator[tuple[Mask, str, str]]:
    first, last = numbers["open"], numbers["close"]
    high, low = numbers["high"], numbers["low"]
    below = (high < first) | (high < last) | (high < low)
    if below.any():
        yield below, "high", "must not be below open, low or close"
    above = (low > first) | (low > last)
    if above.any():
        yield above, "low", "must not be above open or close"


def fault_text(frame: pl.DataFrame, row: int, field: str, rule: str, of: Kind) -> str:
    """What stands in a row, and what it must be."""
    column = of.time if field == "time" else field
    return f"{shown(frame[column][row])} {rule}"
