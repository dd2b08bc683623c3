"""Does a strategy see the future, and how long does it need to warm up? Found by running it.

Look-ahead: bars after some time are scrambled and the strategy runs again; what it decided up to
that time must be the same to the bit. Whatever differs was decided with knowledge of the future.

Warm-up: the strategy starts k bars later. Once it is warm, it must decide what it decided before:
the same kinds of orders at the same times. Sizes are not compared, because an account that started
later has another balance and another position to begin with.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from messages.arrays import Rows

F8 = NDArray[np.float64]
# Bars -> ORDER_ROWs of a fresh run on them.
Decide = Callable[[Rows], Rows]
CUTS: Final = (0.35, 0.6, 0.85)  # of the data: where the future is scrambled
STARTS: Final = (0.02, 0.05, 0.1)  # of the data: how much later the strategy starts
WARM_MAX: Final = 0.5  # of the data: a strategy that is not warm by then fails
_DECIDED: Final = ("ts", "instrument", "side", "type", "quantity", "price", "trigger", "tif", "tag")
_KIND: Final = ("ts", "instrument", "side", "type", "tag")


def look_ahead(
    decide: Decide, bars: Rows, rng: np.random.Generator, cuts: Sequence[float] = CUTS
) -> dict[str, Any]:
    """Whether decisions depend on bars that come after them.

    ->    ok, and for each cut: the number of decisions before it and, if they differ, the time of
          the first one that does
    cost  len(cuts) + 1 runs
    """
    whole = decide(bars)
    found, ok = [], True
    for cut in cuts:
        row = min(max(1, int(len(bars) * cut)), len(bars) - 1)
        border = int(bars["ts_event"][row - 1])
        before = _until(whole, border)
        again = _until(decide(scrambled(bars, row, rng)), border)
        differs = _first_difference(before, again, _DECIDED)
        ok = ok and differs is None
        found.append({"ts": border, "decisions": len(before), "first_difference_ts": differs})
    return {"ok": ok, "cuts": found}


def warm_up(decide: Decide, bars: Rows, starts: Sequence[float] = STARTS) -> dict[str, Any]:
    """Whether a strategy that starts later comes to decide the same.

    ->    ok; bars_needed, the most bars from a later start until all decisions agree to the end
          of the data; share_equal, the smallest share of equal decisions after the later start
    cost  len(starts) + 1 runs
    """
    whole = decide(bars)
    ts = bars["ts_event"]
    needed, shares, counts = 0, [1.0], []
    for start in starts:
        row = min(max(1, int(len(bars) * start)), len(bars) - 1)
        expected = whole[whole["ts"] > ts[row - 1]]
        late = decide(bars[row:])
        last, share = _last_difference(expected, late)
        if last is not None:
            needed = max(needed, int(np.searchsorted(ts, last, side="right")) - row)
        shares.append(share)
        counts.append({"skipped_bars": row, "decisions": len(expected), "later": len(late)})
    ok = needed <= WARM_MAX * len(bars)
    return {"ok": ok, "bars_needed": needed, "share_equal": min(shares), "starts": counts}


def scrambled(bars: Rows, row: int, rng: np.random.Generator) -> Rows:
    """The same bars up to `row`, and from there on a market that never was.

    Returns and shapes of the bars are drawn from all bars, signs by chance; times stay. Prices
    stay positive, and high and low stay the ends of each bar.
    """
    out = bars.copy()
    out.flags.writeable = True
    count = len(bars) - row
    drawn = rng.integers(0, len(bars), count)
    close = bars["close"]
    moves = np.diff(np.log(close), prepend=np.log(close[0]))[drawn]
    moves = np.clip(moves * rng.choice((-1.0, 1.0), count), -0.5, 0.5)
    path = np.log(close[row - 1]) + np.cumsum(moves)
    # A path of a million bars may drift anywhere; folding keeps it within a factor of e^3.
    path = np.log(close[row - 1]) + _folded(path - np.log(close[row - 1]), 3.0)
    factor = np.exp(path) / close[drawn]
    tail = out[row:]
    for name in ("open", "high", "low", "close"):
        tail[name] = bars[name][drawn] * factor
    for name in ("volume", "quote_volume", "buy_volume", "trades"):
        tail[name] = bars[name][drawn]
    return out


def _folded(values: F8, bound: float) -> F8:
    """Reflected at -bound and +bound."""
    wave = np.mod(values + bound, 4.0 * bound)
    return np.where(wave > 2.0 * bound, 4.0 * bound - wave, wave) - bound


def _until(orders: Rows, ts: int) -> Rows:
    return orders[orders["ts"] <= ts]


def _first_difference(one: Rows, other: Rows, names: Sequence[str]) -> int | None:
    """Time of the first decision in which two lists of orders differ; None if they are equal."""
    shared = min(len(one), len(other))
    equal = _equal(one[:shared], other[:shared], names)
    if not equal.all():
        at = int(np.argmin(equal))
        return int(min(one["ts"][at], other["ts"][at]))
    longer = one if len(one) > shared else other
    return int(longer["ts"][shared]) if len(longer) > shared else None


def _last_difference(expected: Rows, found: Rows) -> tuple[int | None, float]:
    """(time of the last decision that only one of the two has, share of decisions in both)."""
    shared = min(len(expected), len(found))
    if not len(expected) and not len(found):
        return None, 1.0
    # From the end backwards: what warms up differs at the beginning.
    equal = _equal(expected[len(expected) - shared :], found[len(found) - shared :], _KIND)[::-1]
    same = shared if equal.all() else int(np.argmin(equal))
    rest = [rows["ts"][len(rows) - same - 1] for rows in (expected, found) if len(rows) > same]
    last = int(max(rest)) if rest else None
    return last, same / max(len(expected), len(found))


def _equal(one: Rows, other: Rows, names: Sequence[str]) -> NDArray[np.bool_]:
    out = np.ones(len(one), bool)
    for name in names:
        out &= one[name] == other[name]
    return out
