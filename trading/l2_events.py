"""Market data as the rows of an event backtest: whole ticks and lots, merged by time.

    rows = merge([trade_rows(0, rules, trades), book_rows(0, rules, deltas)], feed_latency_ns=2e6)

Rows are in the order of the venue's time; equal times keep the order of the list, and the order
within each array. A feed tells trades first, then the book, quotes, and the bars that they closed.
When we hear of a row is `ts_init`, or the venue's time plus the feed's latency.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from messages.arrays import BAR as BAR_ROW
from messages.arrays import DELTA as DELTA_ROW
from messages.arrays import FUNDING as FUNDING_ROW
from messages.arrays import QUOTE as QUOTE_ROW
from messages.arrays import TRADE as TRADE_ROW
from messages.arrays import Rows
from trading.backtest_settings import Rules
from trading.bars import Bars
from trading.kernels.l2_records import (
    BAR,
    CLOSES,
    DELTA,
    EVENT,
    FUNDING,
    LAST,
    MARK_UNIT,
    OPENS,
    QUOTE,
    RATE_UNIT,
    TRADE,
)

_OFF_GRID: Final = 1e-3  # steps: a float this far from a whole step is no multiple of it
_MOST: Final = 2.0**53
_BARS_MAX: Final = 1 << 31


class BadEvents(ValueError):
    """Market data that no market can have sent; the message names array, row and field."""


def trade_rows(instrument: int, rules: Rules, trades: Rows) -> Rows:
    """EVENT rows of TRADE rows; raises BadEvents."""
    _check(trades, TRADE_ROW, "trades")
    rows = _rows(instrument, trades, TRADE)
    rows["price"] = _steps(trades, "price", rules.tick, "trades", least=1)
    rows["size"] = _steps(trades, "size", rules.lot, "trades", least=0)
    rows["side"], rows["price2"] = trades["aggressor"], trades["trade_id"]
    return rows


def quote_rows(instrument: int, rules: Rules, quotes: Rows) -> Rows:
    """EVENT rows of QUOTE rows; raises BadEvents."""
    _check(quotes, QUOTE_ROW, "quotes")
    rows = _rows(instrument, quotes, QUOTE)
    rows["price"] = _steps(quotes, "bid_price", rules.tick, "quotes", least=0)
    rows["price2"] = _steps(quotes, "ask_price", rules.tick, "quotes", least=0)
    rows["size"] = _steps(quotes, "bid_size", rules.lot, "quotes", least=0)
    rows["size2"] = _steps(quotes, "ask_size", rules.lot, "quotes", least=0)
    both = (rows["size"] > 0) & (rows["size2"] > 0)
    _refuse(
        both & (rows["price"] >= rows["price2"]), quotes, "quotes", "bid_price", "not below ask"
    )
    return rows


def book_rows(
    instrument: int, rules: Rules, deltas: Rows, snapshot: NDArray[np.bool_] | None = None
) -> Rows:
    """EVENT rows of DELTA rows; raises BadEvents.

    snapshot   (n,) whether the row is part of a snapshot, that is of the whole book; None: the
               first rows of one time are one if the array begins with it, the others are changes

    Rows of one time are one update of the book.
    """
    _check(deltas, DELTA_ROW, "deltas")
    rows = _rows(instrument, deltas, DELTA)
    rows["price"] = _steps(deltas, "price", rules.tick, "deltas", least=1)
    rows["size"] = _steps(deltas, "size", rules.lot, "deltas", least=0)
    rows["side"] = deltas["side"]
    _refuse(abs(deltas["side"]) != 1, deltas, "deltas", "side", "neither 1 nor -1")
    if len(rows) == 0:
        return rows
    whole = np.zeros(len(rows), np.bool_) if snapshot is None else snapshot
    ends = np.ones(len(rows), np.bool_)
    ends[:-1] = (np.diff(deltas["ts_event"]) != 0) | (whole[1:] != whole[:-1])
    begins = np.ones(len(rows), np.bool_)
    begins[1:] = ends[:-1]
    rows["kind"] |= np.where(ends, LAST, 0)
    rows["kind"] |= np.where(whole & begins, OPENS, 0) | np.where(whole & ends, CLOSES, 0)
    return rows


def funding_rows(instrument: int, funding: Rows) -> Rows:
    """EVENT rows of FUNDING rows, each a settlement at its time; raises BadEvents."""
    _check(funding, FUNDING_ROW, "funding")
    rows = _rows(instrument, funding, FUNDING)
    for name in ("rate", "mark_price"):
        _refuse(~np.isfinite(funding[name]), funding, "funding", name, "not a number")
    rows["price"] = np.rint(funding["mark_price"] * MARK_UNIT)
    rows["size"] = np.rint(funding["rate"] * RATE_UNIT)
    return rows


def bars_of_trades(trades: Rows, interval_ns: int, until_ns: int = 0) -> Rows:
    """BAR rows of TRADE rows, as the feed builds them live; the last one is whole.

    until_ns  intervals without trades end up to here; 0: up to the last trade
    """
    made = Bars((interval_ns,), bars_max=_BARS_MAX)
    rows = [bars for _, bars in made.on_trades(trades, 0)]
    end = max(until_ns, int(trades["ts_event"][-1])) if len(trades) else 0
    rows += [bars for _, bars in made.on_time(end, 0)]
    found = np.concatenate(rows) if rows else np.zeros(0, BAR_ROW)
    if len(found):  # news of it travels as the last trade before its close did
        last = np.searchsorted(trades["ts_event"], found["ts_event"]) - 1
        found["ts_init"] = found["ts_event"] + (trades["ts_init"] - trades["ts_event"])[last]
    return found


def bar_rows(instrument: int, bars: Rows, first: int = 0) -> Rows:
    """EVENT rows of BAR rows, each of which happens at its close; raises BadEvents.

    first  index of the first one in the table of bars that the run is given
    """
    _check(bars, BAR_ROW, "bars")
    for name in ("open", "high", "low", "close"):
        bad = ~(bars[name] > 0.0) | ~np.isfinite(bars[name])
        _refuse(bad, bars, "bars", name, "no price")
    rows = _rows(instrument, bars, BAR)
    rows["price"] = first + np.arange(len(bars))
    return rows


def merge(parts: Sequence[Rows], feed_latency_ns: int | NDArray[np.int64] | None = None) -> Rows:
    """All rows in the order of the venue's time.

    feed_latency_ns   how long news travels, for all rows or (n,) for each row of the parts joined;
                      None: rows say themselves when they were received

    raises  BadEvents if something is heard of before it happens
    """
    rows = np.concatenate(parts) if parts else np.zeros(0, EVENT)
    if feed_latency_ns is not None:
        rows["ts_init"] = rows["ts_event"] + feed_latency_ns
    rows = rows[np.argsort(rows["ts_event"], kind="stable")]
    _refuse(rows["ts_init"] < rows["ts_event"], rows, "events", "ts_init", "before ts_event")
    return rows


def _rows(instrument: int, source: Rows, kind: int) -> Rows:
    rows = np.zeros(len(source), EVENT)
    rows["ts_event"], rows["ts_init"] = source["ts_event"], source["ts_init"]
    rows["kind"], rows["instrument"] = kind, instrument
    _refuse(source["ts_event"] <= 0, source, "events", "ts_event", "not a time in ns since 1970")
    return rows


def _check(rows: Rows, dtype: np.dtype[np.void], what: str) -> None:
    if rows.dtype != dtype:
        missing = set(dtype.names or ()) - set(rows.dtype.names or ())
        raise BadEvents(f"{what}: expected rows of {dtype.names}; missing: {sorted(missing)}")


def _steps(rows: Rows, name: str, step: float, what: str, least: int) -> NDArray[np.int64]:
    values = rows[name]
    _refuse(~np.isfinite(values), rows, what, name, "not a number")
    units = round(1.0 / step)
    whole = abs(1.0 / step - units) < 1e-9 * max(units, 1)
    exact = values * units if whole and units else values / step
    steps = np.rint(exact)
    if "price" in name:  # sizes of others may be finer than a lot, and count as the nearest
        off = abs(exact - steps) > _OFF_GRID + abs(exact) * 1e-12
        _refuse(off, rows, what, name, f"not a multiple of {step:.12g}")
    _refuse(steps < least, rows, what, name, "negative" if least == 0 else "zero or negative")
    _refuse(steps > _MOST, rows, what, name, "too large")
    return steps.astype(np.int64)


def _refuse(bad: NDArray[np.bool_], rows: Rows, what: str, name: str, why: str) -> None:
    if bad.any():
        row = int(np.argmax(bad))
        value: Any = rows[name][row]
        raise BadEvents(f"{what} row {row}: {name} {value} is {why}: correct the data")
