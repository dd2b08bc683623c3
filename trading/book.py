"""One instrument's order book as plain arrays, and the questions one asks of it.

Each side is `prices[:n]`, `sizes[:n]`, worst first and best last (see `trading.kernels.book`);
a compiled strategy gets these arrays as they are. Answers are float64: data for decisions.
A side without levels answers NaN.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from messages.arrays import DELTA, Rows
from trading.kernels import book_numpy

F8 = NDArray[np.float64]
_ROOM: Final = 512
NAN: Final = float("nan")


class Side:
    """One side of a book. `sign` is +1 for bids, -1 for asks."""

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.n = 0
        self.prices: F8 = np.zeros(_ROOM)
        self.sizes: F8 = np.zeros(_ROOM)

    @property
    def best(self) -> float:
        """The best price; NaN if there is none."""
        return float(self.prices[self.n - 1]) if self.n else NAN

    @property
    def best_size(self) -> float:
        return float(self.sizes[self.n - 1]) if self.n else NAN

    def top(self, levels: int) -> tuple[F8, F8]:
        """(prices, sizes) of the best levels, best first, as views."""
        low = max(0, self.n - levels)
        return self.prices[low : self.n][::-1], self.sizes[low : self.n][::-1]

    def size_at(self, price: float) -> float:
        """What rests at exactly this price; 0 if nothing does."""
        at = int(np.searchsorted(self.sign * self.prices[: self.n], self.sign * price))
        return float(self.sizes[at]) if at < self.n and self.prices[at] == price else 0.0

    def cumulative(self, levels: int) -> float:
        """What rests on the best levels together."""
        return float(self.top(levels)[1].sum())

    def within(self, fraction: float) -> tuple[F8, F8]:
        """(prices, sizes), best first, of levels at most `fraction` away from the best."""
        if not self.n:
            return self.top(0)
        limit = self.sign * self.best - fraction * self.best
        low = int(np.searchsorted(self.sign * self.prices[: self.n], limit))
        return self.top(self.n - low)

    def vwap(self, quantity: float) -> tuple[float, float]:
        """(average price, quantity) that an order of this size would get from this side now.

        The quantity is smaller than asked where the side holds less; the price then NaN if 0.
        """
        prices, sizes = self.top(self.n)
        before = np.concatenate(([0.0], np.cumsum(sizes)))
        taken = np.clip(quantity - before[:-1], 0.0, sizes)
        filled = float(taken.sum())
        return (float((taken * prices).sum()) / filled if filled > 0.0 else NAN), filled

    def reserve(self, more: int) -> None:
        """Make room for that many further levels."""
        if self.n + more > len(self.prices):
            room = max(2 * len(self.prices), self.n + more)
            self.prices = np.concatenate((self.prices, np.zeros(room - len(self.prices))))
            self.sizes = np.concatenate((self.sizes, np.zeros(room - len(self.sizes))))

    def trim(self, levels_max: int) -> int:
        """Forget the worst levels beyond `levels_max`; how many."""
        surplus = self.n - levels_max
        if surplus <= 0:
            return 0
        self.prices[:levels_max] = self.prices[surplus : self.n].copy()
        self.sizes[:levels_max] = self.sizes[surplus : self.n].copy()
        self.n = levels_max
        return surplus


class Book:
    """Both sides, updated in place from DELTA rows.

    levels_max  levels a side keeps after an update; the worst beyond it are forgotten
    compiled    use the numba kernel: faster on long replays, and costs its import at the start
    """

    def __init__(self, levels_max: int = 10_000, compiled: bool = False) -> None:
        if levels_max < 1:
            raise ValueError(f"levels_max {levels_max}: a book keeps at least one level")
        self.bids = Side(1)
        self.asks = Side(-1)
        self.forgotten = 0
        self._levels_max = levels_max
        self._apply_side = book_numpy.apply_side
        if compiled:
            from trading.kernels import book as kernel  # noqa: PLC0415 - numba only on request

            self._apply_side = kernel.apply_side

    def apply(self, rows: Rows, snapshot: bool = False) -> None:
        """Apply rows in order; a snapshot first empties the book.

        cost  about 50 us for 200 rows on 2,000 levels
        """
        if snapshot:
            self.bids.n = self.asks.n = 0
        bid = rows["side"] > 0
        # Columns first: picking whole rows copies five times as much, one row after the other.
        all_prices, all_sizes = rows["price"], rows["size"]
        for side, picked in ((self.bids, bid), (self.asks, ~bid)):
            prices = all_prices[picked]
            if len(prices):
                sizes = all_sizes[picked]
                side.reserve(len(prices))
                side.n = self._apply_side(
                    side.prices, side.sizes, side.n, float(side.sign), prices, sizes
                )
                self.forgotten += side.trim(self._levels_max)

    def clear(self) -> None:
        """Forget every level."""
        self.bids.n = self.asks.n = 0

    @property
    def crossed(self) -> bool:
        """Whether the best bid is at or above the best ask: no venue is in that state."""
        return bool(self.bids.best >= self.asks.best)

    @property
    def empty(self) -> bool:
        """Whether a side has no level."""
        return not (self.bids.n and self.asks.n)

    @property
    def spread(self) -> float:
        return self.asks.best - self.bids.best

    @property
    def mid(self) -> float:
        return (self.asks.best + self.bids.best) / 2

    def imbalance(self, levels: int = 5) -> float:
        """(bid - ask) / (bid + ask) of what rests on the best levels: -1 .. 1; NaN if empty."""
        bid, ask = self.bids.cumulative(levels), self.asks.cumulative(levels)
        return (bid - ask) / (bid + ask) if bid + ask > 0.0 else NAN

    def rows(self, ts_event: int, ts_init: int) -> Rows:
        """The whole book as the rows of a snapshot: bids then asks, best first."""
        out = np.empty(self.bids.n + self.asks.n, DELTA)
        out["ts_event"], out["ts_init"] = ts_event, ts_init
        for side, part in ((self.bids, out[: self.bids.n]), (self.asks, out[self.bids.n :])):
            part["side"] = side.sign
            part["price"], part["size"] = side.top(side.n)
        return out
