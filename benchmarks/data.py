"""The data of W1, W3 and W4, made from seeds: `python benchmarks/data.py FOLDER`.

bars.npy    (1,000,000, 5) float64: open, high, low, close, volume of minutes
quotes.npy  (1,000,000, 6) int64: ts, bid tick, bid lots, ask tick, ask lots, 0
trades.npy  (1,000,000, 5) int64: ts, tick, lots, aggressor (1 buys, -1 sells), number
deltas.npy  (1,000,500, 4) int64: ts, side (1 bid, -1 ask), tick, lots; first a book of 2 x 250

Times are nanoseconds, a tick is 0.01. The draws are those of the published workloads, in their
order, so that counts of fills can be compared with figures that others measured.
"""

import sys
from pathlib import Path

import numpy as np
from numba import njit
from w1_w2 import START, garch_bars

COUNT = 1_000_000
LEVELS = 250
FILES = ("bars", "quotes", "trades", "deltas")


@njit
def _lots(mean):
    return int(1 + np.random.exponential(mean))


@njit
def quotes_and_trades(count, seed):
    """`count` of each, in random turns about 10 ms apart; the touch leans to the heavier side."""
    np.random.seed(seed)
    quotes, trades = np.empty((count, 6), np.int64), np.empty((count, 5), np.int64)
    now, bid, width, size = 0, 1_000_000, 1, [500, 500]
    activity, quoted, traded = 1.0, 0, 0
    while quoted < count or traded < count:
        now += int(1 + np.random.exponential(10e6))
        activity = 0.05 + 0.95 * activity + 0.05 * abs(np.random.randn()) - 0.04
        activity = min(max(activity, 0.3), 5.0)
        is_quote = quoted < count and (traded >= count or np.random.rand() < 0.5)
        lean = (size[0] - size[1]) / (size[0] + size[1])
        if is_quote:
            if np.random.rand() < 0.10 * activity:
                bid += 1 if np.random.rand() < 0.5 + 0.25 * lean else -1
                size[0] = _lots(500)
                size[1] = _lots(500)
                width = 1 if np.random.rand() < 0.8 else 2
            else:
                side = 0 if np.random.rand() < 0.5 else 1
                size[side] = max(1, size[side] + int(np.random.randn() * 120))
            row = quotes[quoted]
            row[0], row[1], row[2], row[3], row[4], row[5] = (
                now, bid, size[0], bid + width, size[1], 0,
            )  # fmt: skip
            quoted += 1
        else:
            buys = np.random.rand() < 0.5 + 0.2 * lean
            row = trades[traded]
            row[0], row[1] = now, bid + width if buys else bid
            row[2], row[3], row[4] = _lots(60), 1 if buys else -1, traded
            traded += 1
    return quotes, trades


@njit
def _put(rows, k, now, side, tick, lots):
    rows[k, 0], rows[k, 1], rows[k, 2], rows[k, 3] = now, side, tick, lots
    return k + 1


@njit
def book_changes(count, levels, seed):
    """A book of `levels` a side, then `count` changes, most of them near a touch that drifts."""
    np.random.seed(seed)
    rows = np.empty((count + 2 * levels, 4), np.int64)
    k, now, mid = 0, 0, 1_000_000
    for side in (1, -1):
        for j in range(levels):
            k = _put(rows, k, now, side, mid - j if side == 1 else mid + 1 + j, _lots(300))
    while k < len(rows):
        now += int(1 + np.random.exponential(1e6))
        if np.random.rand() < 0.02:  # the touch moves: one side's best ends, the other's begins
            up = np.random.rand() < 0.5
            if k + 1 < len(rows):
                mid += 1 if up else 0
                k = _put(rows, k, now, -1 if up else 1, mid, 0)
                k = _put(rows, k, now, 1 if up else -1, mid, _lots(300))
                mid -= 0 if up else 1
            continue
        side = 1 if np.random.rand() < 0.5 else -1
        far = int(np.random.exponential(25.0))
        if far >= levels:
            continue
        ends = np.random.rand() < 0.2 and far > 0
        tick = mid - far if side == 1 else mid + 1 + far
        k = _put(rows, k, now, side, tick, 0 if ends else _lots(300))
    return rows


def make(folder: Path) -> Path:
    """The folder, with every file in it; what is there is not made again."""
    folder.mkdir(parents=True, exist_ok=True)
    if all((folder / f"{name}.npy").exists() for name in FILES):
        return folder
    bars = np.round(garch_bars(COUNT, 7), 3)
    bars[:, :4] = np.round(bars[:, :4], 2)
    quotes, trades = quotes_and_trades(COUNT, 11)
    deltas = book_changes(COUNT, LEVELS, 13)
    for name, rows in zip(FILES, (bars, quotes, trades, deltas), strict=True):
        if name != "bars":
            rows[:, 0] += START
        part = folder / f"{name}.part.npy"
        np.save(part, rows)
        part.rename(folder / f"{name}.npy")
    return folder


if __name__ == "__main__":
    make(Path(sys.argv[1]))
