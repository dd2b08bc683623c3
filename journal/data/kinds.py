"""The kinds of series: their columns on disk, their rows in memory, how they are cut into files."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import polars as pl

from messages.arrays import BAR, DELTA, FUNDING, QUOTE, TRADE, Rows
from messages.base import NS_PER_S

KindName = Literal["bars", "trades", "quotes", "deltas", "funding"]
Period = Literal["day", "month", "year"]

_NS: Final = {"s": NS_PER_S, "m": 60 * NS_PER_S, "h": 3_600 * NS_PER_S}
_NS_OF: Final = _NS | {"d": 24 * _NS["h"], "w": 7 * 24 * _NS["h"]}
_INTERVAL: Final = re.compile(r"([1-9]\d{0,5})\s*(s|sec|m|min|t|h|d|w)", re.IGNORECASE)
_UNIT: Final = {"sec": "s", "min": "m", "t": "m"}
_PIECE: Final = 4_096


@dataclass(frozen=True, slots=True)
class Kind:
    """Columns of a kind of series.

    time      the column that sorts it
    required  columns every file has; `optional` are absent where a source does not say
    positive  must be above zero; `counted` at least zero
    """

    name: KindName
    dtype: "np.dtype[np.void]"
    time: str
    required: Mapping[str, Any]
    optional: Mapping[str, Any]
    positive: tuple[str, ...]
    counted: tuple[str, ...] = ()

    @property
    def columns(self) -> dict[str, Any]:
        """All columns that a file may have, in their order."""
        return {**self.required, **self.optional}


_I8, _I1, _F8 = pl.Int64, pl.Int8, pl.Float64
KINDS: Final[dict[KindName, Kind]] = {
    "bars": Kind(
        "bars",
        BAR,
        "ts_open",
        {"ts_open": _I8, "open": _F8, "high": _F8, "low": _F8, "close": _F8, "volume": _F8},
        {"quote_volume": _F8, "buy_volume": _F8, "trades": _I8},
        ("open", "high", "low", "close"),
        ("volume", "quote_volume", "buy_volume", "trades"),
    ),
    "trades": Kind(
        "trades",
        TRADE,
        "ts_event",
        {"ts_event": _I8, "price": _F8, "size": _F8, "aggressor": _I1},
        {"trade_id": _I8, "ts_init": _I8},
        ("price", "size"),
    ),
    "quotes": Kind(
        "quotes",
        QUOTE,
        "ts_event",
        {"ts_event": _I8, "bid_price": _F8, "bid_size": _F8, "ask_price": _F8, "ask_size": _F8},
        {"ts_init": _I8},
        ("bid_price", "ask_price"),
        ("bid_size", "ask_size"),
    ),
    "deltas": Kind(
        "deltas",
        DELTA,
        "ts_event",
        {"ts_event": _I8, "side": _I1, "price": _F8, "size": _F8},
        {"ts_init": _I8},
        ("price",),
        ("size",),
    ),
    "funding": Kind(
        "funding",
        FUNDING,
        "ts_event",
        {"ts_event": _I8, "rate": _F8},
        {"mark_price": _F8, "ts_next": _I8, "ts_init": _I8},
        (),
    ),
}


def interval_ns(text: str | int) -> int:
    """Length of "1m", "15m", "4h", "1d", "1w", "1min"; nanoseconds are taken as they are.

    raises  ValueError, also for calendar months: they have no length
    """
    if isinstance(text, int):
        if text <= 0:
            raise ValueError(f"interval {text}: must be above zero")
        return text
    found = _INTERVAL.fullmatch(text.strip())
    if found is None or found[2] == "M":
        why = "a calendar month has no fixed length" if text.endswith("M") else "not understood"
        raise ValueError(f"interval {text!r}: {why}: use one like 1s, 1m, 15m, 4h, 1d, 1w")
    unit = found[2].lower()
    return int(found[1]) * _NS_OF[_UNIT.get(unit, unit)]


def interval_name(ns: int) -> str:
    """The shortest name: 3_600_000_000_000 is "1h"."""
    for unit in ("w", "d", "h", "m", "s"):
        if ns % _NS_OF[unit] == 0:
            return f"{ns // _NS_OF[unit]}{unit}"
    return f"{ns}ns"


def period_of(kind: KindName, bar_ns: int) -> Period:
    """How much time one file covers: small enough to rewrite, few enough to open."""
    if kind == "bars":
        return "month" if bar_ns < _NS["h"] else "year"
    return "year" if kind == "funding" else "day"


def to_rows(frame: pl.DataFrame, kind: Kind, bar_ns: int = 0) -> Rows:
    """Columns as the rows that strategies read.

    frame   the columns of `kind`, any optional one absent
    bar_ns  length of a bar; it closes that long after it opened
    ->      (n,) kind.dtype; what a source does not say is 0, `ts_init` is then `ts_event`
    """
    rows = np.zeros(frame.height, kind.dtype)
    columns = {n: frame[n].to_numpy() for n in kind.columns if n in frame.columns}
    # Piece by piece: a piece stays in the cache while its fields are put in, one after the other.
    for start in range(0, len(rows), _PIECE):
        piece = rows[start : start + _PIECE]
        for name, column in columns.items():
            piece[name] = column[start : start + _PIECE]
        if kind.name == "bars":
            piece["ts_event"] = piece["ts_open"] + bar_ns
        if "ts_init" not in columns:
            piece["ts_init"] = piece["ts_event"]
    return rows


def from_rows(rows: Rows, kind: Kind) -> pl.DataFrame:
    """The inverse of `to_rows`; optional columns that say nothing are left out."""
    columns = {n: np.ascontiguousarray(rows[n]) for n in kind.required}
    for name in kind.optional:
        said = rows[name] != (rows["ts_event"] if name == "ts_init" else 0)
        if said.any():
            columns[name] = np.ascontiguousarray(rows[name])
    return pl.DataFrame(columns).cast({n: t for n, t in kind.columns.items() if n in columns})
