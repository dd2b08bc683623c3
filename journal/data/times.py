"""Times as files write them, and as nanoseconds.

A number's unit follows from its size: seconds have 9 to 11 digits before the point, and each finer
unit three more. That holds from 1973 to 5138, so it is decided row by row: one file may change its
unit in the middle, as Binance's did on 2025-01-01. Text without a zone is UTC.
"""

import re
from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl

UNITS: Final = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
_BELOW: Final = {"s": 1e11, "ms": 1e14, "us": 1e17, "ns": 9.3e18}
EPOCH: Final = "epoch"
EPOCH_FLOAT: Final = "epoch-float"
_LAST_NS: Final = 2**63 - 1
_SMALLEST: Final = 1e8  # below it a number is no time: 1973 in seconds

_DATE: Final = {
    r"\d{4}-\d\d-\d\d": "%Y-%m-%d",
    r"\d{4}/\d\d/\d\d": "%Y/%m/%d",
    r"\d{8}": "%Y%m%d",
    r"\d\d\.\d\d\.\d{4}": "%d.%m.%Y",
}
_CLOCK: Final = {
    r"": "",
    r"\d\d:\d\d": "%H:%M",
    r"\d\d:\d\d:\d\d": "%H:%M:%S",
    r"\d\d:\d\d:\d\d\.\d{1,9}": "%H:%M:%S%.f",
}
_ZONE: Final = {r"": "", r"Z": "Z", r" UTC": " UTC", r"[+-]\d\d:?\d\d": "%z"}


def detect(samples: Sequence[str]) -> str | None:
    """How these texts say a time: EPOCH, EPOCH_FLOAT, or a format; None if in no way known."""
    texts = [s.strip() for s in samples if s.strip()]
    if not texts:
        return None
    if all(re.fullmatch(r"\d{9,19}", t) for t in texts):
        return EPOCH
    if all(re.fullmatch(r"\d{9,}\.\d*|\d\.\d+[eE]\+?\d+", t) for t in texts):
        return EPOCH_FLOAT
    # Some writers leave out ".000": the form of the longest text reads the shorter ones too.
    texts.sort(key=len)
    return _format_of(texts[-1]) if _format_of(texts[0]) else None


def _format_of(text: str) -> str | None:
    for date, date_format in _DATE.items():
        for clock, clock_format in _CLOCK.items():
            for zone, zone_format in _ZONE.items():
                between = r"([ T]|)" if clock else r"()"
                found = re.fullmatch(f"{date}{between}{clock}{zone}", text)
                if found is not None:
                    return date_format + found[1] + clock_format + zone_format
    return None


def to_ns(column: pl.Series, how: str, unit: str | None = None) -> pl.Series:
    """Nanoseconds, null where a value is no time.

    how   what `detect` said
    unit  of numbers: a key of UNITS; None: by size
    """
    if column.dtype == pl.Date or isinstance(column.dtype, pl.Datetime):
        return column.cast(pl.Datetime("ns")).cast(pl.Int64)
    if how not in (EPOCH, EPOCH_FLOAT):
        if column.dtype != pl.String:  # 20240131: a date that a reader took for a number
            column = column.cast(pl.String)
        read = column.str.strip_chars().str.to_datetime(how, time_unit="ns", strict=False)
        return read.cast(pl.Int64)
    if column.dtype == pl.String:
        column = column.str.strip_chars().cast(
            pl.Int64 if how == EPOCH else pl.Float64, strict=False
        )
    return _scaled(column, unit)


def units_of(column: pl.Series) -> list[str]:
    """The units that numbers of these sizes have."""
    low, high = column.min(), column.max()
    if low is None or high is None:
        return []
    first, last = _unit_of(float(str(low))), _unit_of(float(str(high)))
    names = list(UNITS)
    if first is None or last is None:
        return []
    return names[names.index(first) : names.index(last) + 1]


def _unit_of(number: float) -> str | None:
    if number < _SMALLEST:
        return None
    return next((u for u, below in _BELOW.items() if number < below), None)


def _scaled(column: pl.Series, unit: str | None) -> pl.Series:
    found = [unit] if unit is not None else units_of(column)
    if len(found) == 1:
        largest = _LAST_NS // UNITS[found[0]]
        inside = column.is_between(0, largest)
        return _times(column if inside.all() else column.set(~inside, None), found[0])
    name = pl.col(column.name)
    chosen: pl.Expr = pl.lit(None, pl.Int64)
    for u, below in reversed(_BELOW.items()):
        factor = UNITS[u]
        scaled = (name * factor).round(0) if column.dtype == pl.Float64 else name * factor
        has_unit = (name < below) & (name >= _SMALLEST)
        chosen = pl.when(has_unit).then(scaled.cast(pl.Int64, strict=False)).otherwise(chosen)
    return column.to_frame().select(chosen.alias(column.name)).to_series()


def _times(column: pl.Series, unit: str) -> pl.Series:
    factor = UNITS[unit]
    if column.dtype == pl.Float64:
        # Whole and broken part apart: a double has no room for nanoseconds since 1970.
        whole = column.floor()
        broken = ((column - whole) * factor).round(0)
        return (whole.cast(pl.Int64, strict=False) * factor) + broken.cast(pl.Int64, strict=False)
    return column * factor


def said(ns: int) -> str:
    """A time for people: UTC, no longer than it has to be."""
    text = str(np.datetime64(ns, "ns")).replace("T", " ")
    whole = text.rstrip("0").rstrip(".") if "." in text else text
    return whole.removesuffix(":00") if whole.count(":") == 2 else whole
