"""A recording as the rows of an event backtest (`trading.backtest_l2`).

The venue's time of a row is Binance's event or trade time, in milliseconds; we hear of it when the
recording received it. A recorder whose clock is behind the venue's receives rows before they
happen: then all its times are moved by one amount, so that the fastest row took `latency_ns_min`.
A REST snapshot carries no time of its own: it counts from the first change that follows it.
"""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from messages.arrays import BAR, Rows
from messages.market import BookDeltaBatch, QuoteBatch, TradeBatch
from trading.backtest_settings import Rules
from trading.l2_events import (
    bar_rows,
    bars_of_trades,
    book_rows,
    merge,
    quote_rows,
    trade_rows,
)
from venues.binance.recording import RecordingError
from venues.binance.tape import Tape


@dataclass(frozen=True, slots=True)
class TapeEvents:
    """rows: EVENT; rules: of each instrument, in the order of EVENT.instrument.

    moved_ns   by how much the recorder's times were moved; 0 if its clock was not behind
    bars       BAR rows that `rows` point to
    """

    rows: Rows
    rules: tuple[Rules, ...]
    moved_ns: int
    bars: Rows


def tape_events(
    tape: Tape, *, quotes: bool = True, latency_ns_min: int = 0, interval_ns: int = 0
) -> TapeEvents:
    """All of a tape's trades, book changes and quotes.

    quotes           take quotes along; a book that has depth does not need them
    latency_ns_min   of the fastest row, where the recorder's clock was behind the venue's

    interval_ns      of the bars that are built from trades, as the feed does; 0: none

    raises   RecordingError if nothing is on it; BadEvents for prices off the instrument's grid
    cost     about 10 us a message of the recording
    """
    rules = tuple(Rules.of(i) for i in tape.instruments)
    numbers = {i.instrument_id: n for n, i in enumerate(tape.instruments)}
    found: dict[tuple[int, str], list[Rows]] = defaultdict(list)
    whole: dict[int, list[NDArray[np.bool_]]] = defaultdict(list)
    for ts_ns, message in tape:
        match message:
            case BookDeltaBatch(instrument_id=name, rows=rows, snapshot=snapshot):
                whole[numbers[name]].append(np.full(len(rows), snapshot))
                kind = "book"
            case TradeBatch(instrument_id=name, rows=rows):
                kind = "trades"
            case QuoteBatch(instrument_id=name, rows=rows) if quotes:
                kind = "quotes"
            case _:
                continue
        heard = rows.copy()
        heard["ts_init"] = ts_ns
        found[numbers[name], kind].append(heard)
    if not found:
        raise RecordingError("the recording has no trades, quotes or book: nothing to trade on")
    parts, closed = [], [np.zeros(0, BAR)]
    for number, instrument_rules in enumerate(rules):
        if trades := found.get((number, "trades")):
            joined = np.concatenate(trades)
            parts.append(trade_rows(number, instrument_rules, joined))
            if interval_ns:
                closed.append(bars_of_trades(joined, interval_ns))
                parts.append(bar_rows(number, closed[-1], sum(map(len, closed[:-1]))))
        if books := found.get((number, "book")):
            rows = np.concatenate(books)
            times = rows["ts_event"][::-1]
            rows["ts_event"] = np.minimum.accumulate(times)[::-1]
            parts.append(book_rows(number, instrument_rules, rows, np.concatenate(whole[number])))
        if touches := found.get((number, "quotes")):
            parts.append(quote_rows(number, instrument_rules, np.concatenate(touches)))
    fastest = min(int((p["ts_init"] - p["ts_event"]).min()) for p in parts if len(p))
    moved_ns = latency_ns_min - fastest if fastest < 0 else 0
    for part in parts:
        part["ts_init"] += moved_ns
    return TapeEvents(merge(parts), rules, moved_ns, np.concatenate(closed))
