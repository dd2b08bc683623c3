"""What the server knows of one market: its book with update ids of its own, trades, candles.

The tape's update ids may jump (a capture that lost frames, a second snapshot); the ids here never
do: a snapshot in the tape becomes the difference to the book before it, so that a client sees an
unbroken sequence unless a fault breaks it on purpose.
"""

from collections import deque
from itertools import islice
from typing import Final

import numpy as np

from messages.arrays import BAR, DELTA, Rows
from messages.base import NS_PER_S
from messages.market import BarBatch, BookDeltaBatch, Instrument, TradeBatch

_TRADES_MAX: Final = 10_000
_SECONDS_MAX: Final = 86_400


class ServerBook:
    """Levels by price, and the id of the last update."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.last_id = 0
        self._sides: dict[int, dict[float, float]] = {1: {}, -1: {}}

    def apply(self, batch: BookDeltaBatch) -> BookDeltaBatch | None:
        """The tape's batch as an update with our own ids; None if it changes nothing."""
        rows = self._difference(batch.rows) if batch.snapshot else batch.rows
        if not len(rows):
            return None
        for _, _, side, price, size in rows.tolist():
            if size > 0:
                self._sides[side][price] = size
            else:
                self._sides[side].pop(price, None)
        before = self.last_id
        self.last_id += len(rows)  # the venue counts changes, not messages
        update = {
            "snapshot": False,
            "first_seq": before + 1,
            "last_seq": self.last_id,
            "prev_seq": before,
            "rows": rows,
        }
        return batch.model_copy(update=update)

    def levels(self, side: int, limit: int) -> list[tuple[float, float]]:
        """(price, size), best first."""
        ranked = sorted(self._sides[side].items(), reverse=side > 0)
        return ranked[:limit]

    def snapshot(self, limit: int, now_ns: int) -> BookDeltaBatch:
        """The best `limit` levels of each side."""
        found = [(now_ns, now_ns, s, p, q) for s in (1, -1) for p, q in self.levels(s, limit)]
        return BookDeltaBatch(
            ts_event=now_ns,
            ts_init=now_ns,
            instrument_id=self.instrument.instrument_id,
            snapshot=True,
            first_seq=self.last_id,
            last_seq=self.last_id,
            rows=np.array(found, DELTA),
        )

    def _difference(self, rows: Rows) -> Rows:
        ts_event, ts_init = (
            (int(rows[-1][f]) for f in ("ts_event", "ts_init")) if len(rows) else (0, 0)
        )
        shown = {(s, p) for _, _, s, p, q in rows.tolist() if q > 0}
        gone = [
            (ts_event, ts_init, side, price, 0.0)
            for side, known in self._sides.items()
            for price in known
            if (side, price) not in shown
        ]
        return np.concatenate((np.array(gone, DELTA), rows))


class Trades:
    """The last trades, and a candle for each second since the first one."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.recent: deque[TradeBatch] = deque(maxlen=_TRADES_MAX)  # one row each
        self._seconds: deque[list[float]] = deque(maxlen=_SECONDS_MAX)
        self._first_s = 0

    def add(self, batch: TradeBatch) -> None:
        for i in range(len(batch.rows)):
            self.recent.append(batch.model_copy(update={"rows": batch.rows[i : i + 1]}))
        for ts, _, price, size, aggressor, _ in batch.rows.tolist():
            self.roll(ts)
            if not self._seconds:
                self._seconds.append([price] * 4 + [0.0] * 4)
                self._first_s = ts // NS_PER_S
            candle = self._seconds[-1]
            if not candle[7]:
                candle[0] = candle[1] = candle[2] = price
            candle[1], candle[2], candle[3] = max(candle[1], price), min(candle[2], price), price
            candle[4] += size
            candle[5] += price * size
            candle[6] += size if aggressor > 0 else 0.0
            candle[7] += 1

    def roll(self, now_ns: int) -> None:
        """Seconds without trades repeat the last close."""
        if not self._seconds:
            return
        while self._first_s + len(self._seconds) - 1 < now_ns // NS_PER_S:
            if len(self._seconds) == self._seconds.maxlen:
                self._first_s += 1
            self._seconds.append([self._seconds[-1][3]] * 4 + [0.0] * 4)

    def candles(self, interval_ns: int, limit: int, now_ns: int) -> BarBatch:
        """The newest `limit` candles of an interval; the last one is still open."""
        self.roll(now_ns)
        length = interval_ns // NS_PER_S
        by_start: dict[int, list[list[float]]] = {}
        newest = now_ns // NS_PER_S // length
        begin = max(0, len(self._seconds) - (limit + 1) * length)
        for i, second in enumerate(islice(self._seconds, begin, None), begin):
            start = (self._first_s + i) // length
            if newest - limit < start <= newest:
                by_start.setdefault(start, []).append(second)
        rows = [self._row(start * length, length, part) for start, part in sorted(by_start.items())]
        return BarBatch(
            ts_event=now_ns,
            ts_init=now_ns,
            instrument_id=self.instrument.instrument_id,
            interval_ns=interval_ns,
            rows=np.array(rows, BAR),
        )

    @staticmethod
    def _row(start_s: int, length_s: int, seconds: list[list[float]]) -> tuple[float, ...]:
        end_ns = (start_s + length_s) * NS_PER_S
        lasting = [sum(s[i] for s in seconds) for i in (4, 5, 6)]
        return (
            start_s * NS_PER_S,
            end_ns,
            end_ns,
            seconds[0][0],
            max(s[1] for s in seconds),
            min(s[2] for s in seconds),
            seconds[-1][3],
            *lasting,
            int(sum(s[7] for s in seconds)),
        )
