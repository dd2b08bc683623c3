"""Market data of a backtest: checked once, merged once, shared by every run over it.

Instruments and intervals are merged into one order of time without look-ahead. At one moment, in
this order: currency rates; bars of longer intervals that have closed; bars of the shortest interval
that have closed; funding; and then the open of the next bar. So a longer bar is seen only when it
is over, and a decision on a close fills no earlier than the open that follows.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from messages.arrays import BAR, FUNDING, Rows

# EVENT.kind: also the order at one moment
RATE: Final = 0
LONGER: Final = 1
CLOSE: Final = 2
FUND: Final = 3
OPENS: Final = 4
EVENT: Final = np.dtype(
    [
        ("ts", "<i8"),
        ("kind", "<i8"),
        ("instrument", "<i8"),
        ("row", "<i8"),  # of the joined bars
        ("last", "<i8"),  # 1 at the last close of a moment: equity is taken then
        ("value", "<f8"),  # funding rate, or settlement currency per quote currency
        ("mark", "<f8"),
    ]
)
FX: Final = np.dtype([("ts", "<i8"), ("rate", "<f8")])
_PRICES: Final = ("open", "high", "low", "close")
_DEFAULTS: Final = ("quote_volume", "buy_volume", "trades", "ts_init")


class BadBars(ValueError):
    """Market data that no backtest may use.

    name   what it is of: a file, an instrument
    row    index of the first bad row, -1 for the table as a whole
    field  its column
    """

    def __init__(self, name: str, row: int, field: str, what: str) -> None:
        where = f"{name}: row {row}: {field}" if row >= 0 else f"{name}: {field}"
        super().__init__(f"{where} {what}")
        self.name, self.row, self.field = name, row, field


def bars_of(columns: Mapping[str, NDArray[np.generic]], name: str = "bars") -> Rows:
    """BAR rows from columns; quote_volume, buy_volume, trades and ts_init may be missing.

    raises  BadBars naming the column that is missing
    """
    wanted = [n for n in (BAR.names or ()) if n not in _DEFAULTS]
    for field in wanted:
        if field not in columns:
            raise BadBars(name, -1, field, f"is missing: these are there: {', '.join(columns)}")
    rows = np.zeros(len(columns["close"]), BAR)
    for field in BAR.names or ():
        if field in columns:
            rows[field] = columns[field]
    if "ts_init" not in columns:
        rows["ts_init"] = rows["ts_event"]
    return rows


def check(bars: Rows, name: str = "bars") -> Rows:
    """The same rows, read-only, if they are fit for a backtest.

    raises  BadBars naming the first bad row and its field: NaN, infinite, zero or negative prices,
            a high below or a low above another price, negative volume, times that do not rise
    cost    O(n), about 40 ns a bar
    """
    if not isinstance(bars, np.ndarray) or bars.dtype.names is None:
        raise BadBars(name, -1, "rows", "are no structured array: make them with bars_of()")
    if bars.dtype != BAR:
        bars = bars_of({n: bars[n] for n in bars.dtype.names}, name)
    if not len(bars):
        raise BadBars(name, -1, "rows", "are none: there is nothing to run on")
    for field in _PRICES:
        column = bars[field]
        _refuse(name, field, column, ~np.isfinite(column), "no number")
        _refuse(name, field, column, column <= 0.0, "not above 0")
    top = np.maximum(bars["open"], bars["close"])
    bottom = np.minimum(bars["open"], bars["close"])
    _refuse(name, "high", bars["high"], bars["high"] < top, "below the open or close")
    _refuse(name, "low", bars["low"], bars["low"] > bottom, "above the open or close")
    volume = bars["volume"]
    _refuse(name, "volume", volume, ~np.isfinite(volume) | (volume < 0.0), "no volume")
    times = bars["ts_event"]
    _refuse(name, "ts_open", bars["ts_open"], bars["ts_open"] >= times, "not before ts_event")
    late = np.zeros(len(bars), np.bool_)
    late[1:] = times[1:] <= times[:-1]
    _refuse(name, "ts_event", times, late, "not after the row before: sort, drop duplicates")
    checked = np.ascontiguousarray(bars).view()
    checked.flags.writeable = False
    return checked


def _refuse(
    name: str, field: str, column: NDArray[np.generic], bad: NDArray[np.bool_], what: str
) -> None:
    if bad.any():
        row = int(np.argmax(bad))
        raise BadBars(name, row, field, f"is {column[row]}: {what}")


@dataclass(frozen=True)
class MarketData:
    """Checked data, ready to run on; make it with `prepare`.

    symbols  of the instruments; the first is the main one
    series   (instrument, bars): the first of an instrument is its shortest interval, which orders
             trade on; all read-only
    funding  (instrument, FUNDING rows)
    rates    (instrument, FX rows): settlement currency per quote currency, from `ts` on
    """

    symbols: tuple[str, ...]
    series: tuple[tuple[int, Rows], ...]
    funding: tuple[tuple[int, Rows], ...] = ()
    rates: tuple[tuple[int, Rows], ...] = ()

    @property
    def simple(self) -> bool:
        """One series and nothing else: the fast loop can take it."""
        return len(self.series) == 1 and not self.funding and not self.rates

    @property
    def interval_ns(self) -> int:
        """Of the main instrument's shortest bars."""
        bars = self.series[0][1]
        return int(bars["ts_event"][0] - bars["ts_open"][0])

    @cached_property
    def joined(self) -> Rows:
        """All bars of all series, one series after the other."""
        if len(self.series) == 1:
            return self.series[0][1]
        rows = np.concatenate([bars for _, bars in self.series])
        rows.flags.writeable = False
        return rows

    def packed(self, dtype: "np.dtype[np.void]") -> Rows:
        """Some columns of the joined bars as rows of this dtype; made once, shared by all runs.

        A loop that reads four columns then reads 32 bytes a bar, in order, and not 88.
        """
        tables: dict[str, Rows] = self.__dict__.setdefault("_packed", {})
        key = repr(dtype.descr)
        if key not in tables:
            made = np.empty(len(self.joined), dtype)
            for name in dtype.names or ():
                made[name] = self.joined[name]
            tables[key] = made
        return tables[key]

    @cached_property
    def events(self) -> Rows:
        """EVENT rows in the order of the module's first lines; built once, O(n log n)."""
        parts, start, seen = [], 0, set()
        for instrument, bars in self.series:
            at = np.arange(start, start + len(bars))
            if instrument in seen:
                parts.append(_events(bars["ts_event"], LONGER, instrument, at))
            else:
                parts.append(_events(bars["ts_open"], OPENS, instrument, at))
                parts.append(_events(bars["ts_event"], CLOSE, instrument, at))
            seen.add(instrument)
            start += len(bars)
        for instrument, rows in self.funding:
            made = _events(rows["ts_event"], FUND, instrument, np.zeros(len(rows), np.int64))
            made["value"], made["mark"] = rows["rate"], rows["mark_price"]
            parts.append(made)
        for instrument, rows in self.rates:
            made = _events(rows["ts"], RATE, instrument, np.zeros(len(rows), np.int64))
            made["value"] = rows["rate"]
            parts.append(made)
        events = np.concatenate(parts)
        events = events[np.lexsort((events["instrument"], events["kind"], events["ts"]))]
        closes = np.flatnonzero(events["kind"] == CLOSE)
        moments = events["ts"][closes]
        events["last"][closes[np.append(moments[1:] != moments[:-1], True)]] = 1
        events.flags.writeable = False
        return events

    @cached_property
    def digest(self) -> str:
        """SHA-256 over symbols and rows. Hex."""
        found = hashlib.sha256(repr(self.symbols).encode())
        for what in (self.series, self.funding, self.rates):
            for instrument, rows in what:
                found.update(f"{instrument} {len(rows)}".encode())
                found.update(np.ascontiguousarray(rows).view(np.uint8).data)
        return found.hexdigest()


def prepare(
    bars: Rows | Mapping[str, Rows | Sequence[Rows]],
    *,
    funding: Mapping[str, Rows] | None = None,
    rates: Mapping[str, Rows] | None = None,
) -> MarketData:
    """Check bars and make them ready to run on.

    bars     BAR rows of one instrument; or by symbol, BAR rows or several intervals of them
    funding  FUNDING rows by symbol
    rates    FX rows by symbol, where its quote currency is not the settlement currency
    raises   BadBars naming table, row and field
    """
    table = bars if isinstance(bars, Mapping) else {"bars": bars}
    if not table:
        raise BadBars("bars", -1, "rows", "are none: there is nothing to run on")
    symbols = tuple(table)
    series: list[tuple[int, Rows]] = []
    for i, (symbol, given) in enumerate(table.items()):
        each = [given] if isinstance(given, np.ndarray) else list(given)
        checked = [check(rows, symbol) for rows in each]
        checked.sort(key=lambda rows: int(rows["ts_event"][0] - rows["ts_open"][0]))
        series += [(i, rows) for rows in checked]
    for what, rows_of in (("funding", funding), ("rates", rates)):
        for symbol in rows_of or {}:
            if symbol not in symbols:
                raise BadBars(symbol, -1, what, f"is of no instrument here: {', '.join(symbols)}")
    paid = tuple((symbols.index(s), _sorted(r, s, FUNDING)) for s, r in (funding or {}).items())
    worth = tuple((symbols.index(s), _sorted(r, s, FX)) for s, r in (rates or {}).items())
    return MarketData(symbols, tuple(series), paid, worth)


def _sorted(rows: Rows, name: str, dtype: "np.dtype[np.void]") -> Rows:
    time, rate = ("ts", "rate") if dtype == FX else ("ts_event", "rate")
    if rows.dtype != dtype:
        raise BadBars(name, -1, "rows", f"need the columns {', '.join(dtype.names or ())}")
    late = np.zeros(len(rows), np.bool_)
    late[1:] = rows[time][1:] <= rows[time][:-1]
    _refuse(name, time, rows[time], late, "not after the row before: sort, drop duplicates")
    _refuse(name, rate, rows[rate], ~np.isfinite(rows[rate]), "no number")
    if dtype == FX:
        _refuse(name, rate, rows[rate], rows[rate] <= 0.0, "not above 0")
    return rows


def _events(ts: NDArray[np.int64], kind: int, instrument: int, rows: NDArray[np.int64]) -> Rows:
    made = np.zeros(len(ts), EVENT)
    made["ts"], made["kind"], made["instrument"], made["row"] = ts, kind, instrument, rows
    return made
