"""Bars from trades, on UTC-aligned intervals of any number of lengths.

Time closes a bar: a trade in a later interval does, and so does `on_time`. An interval without
trades is closed too, at the last close with volume 0, so a receiver counts on one bar an interval
once a first trade was seen. A trade of an interval that is already closed is late: counted, left
out, because a published bar does not change.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from messages.arrays import BAR, Rows


@dataclass(slots=True)
class _Open:
    """The interval in progress."""

    interval_ns: int
    opens_at_close: bool = False
    index: int = -1  # intervals since the epoch; -1 before the first trade
    close: float = 0.0
    open: float = 0.0
    high: float = 0.0
    low: float = 0.0
    volume: float = 0.0
    quote_volume: float = 0.0
    buy_volume: float = 0.0
    trades: int = 0
    late: int = 0

    @property
    def _opens(self) -> bool:
        """Whether the next trade gives the interval its first price."""
        return self.trades == 0 and not (self.opens_at_close and self.close)

    def add(self, rows: Rows) -> None:
        """Take trades of this very interval in."""
        price, size = rows["price"], rows["size"]
        high, low = float(price.max()), float(price.min())
        if self._opens:
            self.open, self.high, self.low = float(price[0]), high, low
        else:
            self.high, self.low = max(self.high, high), min(self.low, low)
        self.close = float(price[-1])
        self.volume += float(size.sum())
        self.quote_volume += float((price * size).sum())
        self.buy_volume += float(size[rows["aggressor"] > 0].sum())
        self.trades += len(rows)

    def add_one(self, price: float, size: float, bought: bool) -> None:
        """`add` for one trade, without the fixed cost of arrays."""
        if self._opens:
            self.open = self.high = self.low = price
        self.high, self.low = max(self.high, price), min(self.low, price)
        self.close = price
        self.volume += size
        self.quote_volume += price * size
        self.buy_volume += size if bought else 0.0
        self.trades += 1

    def shut(self, ts_init: int) -> tuple[float, ...]:
        """The finished bar; the next interval is then open, with nothing in it."""
        ts_open = self.index * self.interval_ns
        bar = (
            ts_open,
            ts_open + self.interval_ns,
            ts_init,
            self.open,
            self.high,
            self.low,
            self.close,
            self.volume,
            self.quote_volume,
            self.buy_volume,
            self.trades,
        )
        self._begin(self.index + 1)
        return bar

    def _begin(self, index: int) -> None:
        self.index = index
        self.open = self.high = self.low = self.close
        self.volume = self.quote_volume = self.buy_volume = 0.0
        self.trades = 0

    def close_until(self, index: int, ts_init: int, bars_max: int) -> list[tuple[float, ...]]:
        """Bars of the intervals before `index`, oldest first.

        A leap over more than `bars_max` intervals is a clock that jumped, or a feed that was away
        for days: the bars nobody can use are left out and the count starts again at `index`.
        """
        out: list[tuple[float, ...]] = []
        while self.index < index and len(out) < bars_max:
            out.append(self.shut(ts_init))
        if self.index < index:
            self._begin(index)
        return out


class Bars:
    """Bars of one instrument, on several intervals at once.

    opens_at_close  a bar opens at the close of the one before, not at its first trade (Bybit)
    """

    def __init__(
        self, intervals_ns: Sequence[int], bars_max: int = 1000, *, opens_at_close: bool = False
    ) -> None:
        if any(i <= 0 for i in intervals_ns) or len(set(intervals_ns)) != len(intervals_ns):
            raise ValueError(f"intervals {tuple(intervals_ns)}: must be positive and distinct")
        self._open = [_Open(i, opens_at_close) for i in sorted(intervals_ns)]
        self._bars_max = bars_max

    @property
    def late(self) -> int:
        """Trades that came after the close of their shortest interval."""
        return self._open[0].late if self._open else 0

    def on_trades(self, rows: Rows, ts_init: int) -> list[tuple[int, Rows]]:
        """(interval, bars) that these TRADE rows close; the rows after them are in progress."""
        if not len(rows):
            return []
        taken = [(o.interval_ns, self._take(o, rows, ts_init)) for o in self._open]
        return [(interval, np.array(bars, BAR)) for interval, bars in taken if bars]

    def on_time(self, ts_ns: int, ts_init: int) -> list[tuple[int, Rows]]:
        """(interval, bars) that end at or before `ts_ns` (the venue's clock)."""
        out = []
        for o in self._open:
            if o.index >= 0 and ts_ns // o.interval_ns > o.index:
                closed = o.close_until(ts_ns // o.interval_ns, ts_init, self._bars_max)
                out.append((o.interval_ns, np.array(closed, BAR)))
        return out

    def next_close(self, ts_ns: int) -> int | None:
        """The first interval end after `ts_ns`; None without intervals."""
        if not self._open:
            return None
        return min((ts_ns // o.interval_ns + 1) * o.interval_ns for o in self._open)

    def _take(self, o: _Open, rows: Rows, ts_init: int) -> list[tuple[float, ...]]:
        if len(rows) == 1:
            return self._take_one(o, rows, ts_init)
        index = rows["ts_event"] // o.interval_ns
        closed: list[tuple[float, ...]] = []
        starts = [0, *(np.flatnonzero(np.diff(index)) + 1).tolist(), len(rows)]
        for start, end in pairwise(starts):
            at = int(index[start])
            if self._reach(o, at, end - start, ts_init, closed):
                o.add(rows[start:end])
        return closed

    def _take_one(self, o: _Open, rows: Rows, ts_init: int) -> list[tuple[float, ...]]:
        ts_event, _, price, size, aggressor, _ = rows[0].item()
        closed: list[tuple[float, ...]] = []
        if self._reach(o, ts_event // o.interval_ns, 1, ts_init, closed):
            o.add_one(price, size, aggressor > 0)
        return closed

    def _reach(
        self, o: _Open, at: int, count: int, ts_init: int, closed: list[tuple[float, ...]]
    ) -> bool:
        """Close what lies before interval `at`; False if that is closed already: these are late."""
        if at < o.index:
            o.late += count
            return False
        if o.index < 0:
            o.index = at
        elif at > o.index:
            closed += o.close_until(at, ts_init, self._bars_max)
        return True
