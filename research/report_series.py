"""What a report shows of a backtest, as numbers: everything here is a function of its tables."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from messages.arrays import Rows
from research.equity import DAY_NS, SECOND_NS, Base, Sampled, sampled
from research.statistics import Performance, performance
from trading.result import BacktestResult

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]

WINDOW: Final = 30  # returns behind each point of the rolling Sharpe ratio, at most
WINDOW_MIN: Final = 5
FALLS: Final = 5  # drawdowns that are listed
BINS_MAX: Final = 60


@dataclass(frozen=True, slots=True)
class Curve:
    """Equity over time, with what the run began with in front.

    ts      (n,) ns
    equity  (n,)
    hold    (n,) what buying the main instrument at the first price with all money gives: no fees,
            no funding; the initial balance until that price. Zeros where there is no price.
    """

    ts: I8
    equity: F8
    hold: F8

    @property
    def drawdown(self) -> F8:
        """(n,) equity / peak so far - 1, from -1 to 0."""
        return fall(self.equity)


@dataclass(frozen=True, slots=True)
class Fall:
    """One time below a peak; ns, depth as a fraction of the peak; recovery None if it lasts."""

    depth: float
    peak_ts: int
    trough_ts: int
    recovery_ts: int | None
    until_ts: int

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "depth": self.depth,
            "peak_ts": self.peak_ts,
            "trough_ts": self.trough_ts,
            "recovery_ts": self.recovery_ts,
            "days": (self.until_ts - self.peak_ts) / DAY_NS,
        }


def base_of(result: BacktestResult) -> Base | None:
    """When the run began and with how much, as `performance_of` reads it; None if not known."""
    rows, interval = result.equity, int(result.identity.get("interval_ns", 0))
    if not len(rows) or result.initial_balance <= 0.0:
        return None
    return int(rows["ts"][0]) - interval, result.initial_balance


def curve_of(result: BacktestResult) -> Curve:
    """Equity and its benchmark, from a result with at least one row of equity."""
    rows, base = result.equity, base_of(result)
    ts, equity = rows["ts"].astype(np.int64), rows["equity"].astype(np.float64)
    start = result.initial_balance if base else float(equity[0])
    price = rows["price"].astype(np.float64)
    known = np.flatnonzero(np.isfinite(price) & (price > 0.0))
    hold = np.zeros(len(rows))
    if len(known):
        # Before the first price nothing could be bought; a price that is missing is the last one.
        last = np.maximum.accumulate(np.where((price > 0.0), np.arange(len(price)), 0))
        hold = start * price[last] / price[known[0]]
        hold[: known[0]] = start
    if base is None:
        return Curve(ts, equity, hold)
    front = start if len(known) else 0.0
    return Curve(np.append(base[0], ts), np.append(start, equity), np.append(front, hold))


def benchmark(result: BacktestResult) -> Performance | None:
    """The figures of buying and holding; None without prices."""
    curve = curve_of(result)
    if not curve.hold.any():
        return None
    base = base_of(result)
    skip = 0 if base is None else 1
    return performance(curve.ts[skip:], curve.hold[skip:], base=base)


def fall(equity: F8) -> F8:
    """(n,) equity / peak so far - 1; 0 before equity was ever above zero."""
    peak = np.maximum.accumulate(equity)
    return np.divide(equity - peak, peak, out=np.zeros_like(peak), where=peak > 0.0)


def deepest(ts: I8, equity: F8, count: int = FALLS) -> list[Fall]:
    """The deepest times below a peak, deepest first; of equal ones the first.

    cost  O(n)
    """
    down = fall(equity)
    under = np.flatnonzero(down < 0.0)
    if not len(under):
        return []
    starts = under[np.flatnonzero(np.diff(under, prepend=-2) > 1)]
    ends = under[np.flatnonzero(np.diff(under, append=len(down) + 1) > 1)]
    depths = np.minimum.reduceat(down, np.column_stack((starts, ends + 1)).ravel()[:-1])[::2]
    found = []
    for i in np.argsort(depths, kind="stable")[:count]:
        first, last = int(starts[i]), int(ends[i])
        trough = first + int(np.argmin(down[first : last + 1]))
        again = int(ts[last + 1]) if last + 1 < len(ts) else None
        found.append(
            Fall(
                depth=-float(down[trough]),
                peak_ts=int(ts[first - 1]),
                trough_ts=int(ts[trough]),
                recovery_ts=again,
                until_ts=int(ts[-1]) if again is None else again,
            )
        )
    return found


def readings_of(result: BacktestResult) -> Sampled:
    """Evenly spaced equity, the one that all statistics use."""
    rows = result.equity
    return sampled(rows["ts"].astype(np.int64), rows["equity"].astype(np.float64), base_of(result))


def usable_returns(readings: Sampled) -> F8:
    """Returns up to the first reading at or below zero: after it there are none."""
    lost = np.flatnonzero(readings.equity[:-1] <= 0.0)
    count = int(lost[0]) if len(lost) else len(readings.equity) - 1
    before = readings.equity[:count]
    return np.asarray(readings.equity[1 : count + 1] / before - 1.0, np.float64)


def window_of(readings: Sampled) -> int:
    """How many returns a point of the rolling Sharpe ratio looks at: WINDOW, a third if few."""
    return max(WINDOW_MIN, min(WINDOW, len(usable_returns(readings)) // 3))


def rolling_sharpe(readings: Sampled, window: int) -> tuple[I8, F8]:
    """Annualised Sharpe ratio of the last `window` returns, at the close of each.

    ->  (ns, ratio), without the first window - 1; a window whose returns are equal is left out
    """
    r = usable_returns(readings)
    if len(r) < window:
        return np.zeros(0, np.int64), np.zeros(0)
    views = np.lib.stride_tricks.sliding_window_view(r, window)
    mean, deviation = views.mean(axis=1), views.std(axis=1, ddof=1)
    moves = deviation > 1e-12 * np.abs(views).max(axis=1)
    closes = readings.closes[window - 1 : len(r)]
    return closes[moves], mean[moves] / deviation[moves] * sqrt(readings.steps_a_year)


def monthly(curve: Curve) -> list[dict[str, Any]]:
    """Return of each UTC month, in order: year, month, return, and of the benchmark.

    From the last value known when the month began to the last one in it; a row stamped at midnight
    belongs to the month that ends there. The first and the last month may be parts of months. None
    where the month began with nothing.
    """
    month = (curve.ts - 1).astype("datetime64[ns]").astype("datetime64[M]").astype(np.int64)
    last = np.append(np.flatnonzero(np.diff(month)), len(month) - 1)
    found = []
    for i, at in enumerate(last):
        before = int(last[i - 1]) if i else 0
        if at == before and i == 0 and len(month) > 1:
            continue  # only the base lies in it: the moment before the first month
        year, number = divmod(int(month[at]) + 1970 * 12, 12)
        found.append(
            {
                "year": year,
                "month": number + 1,
                "return": _gain(curve.equity, before, int(at)),
                "benchmark": _gain(curve.hold, before, int(at)),
            }
        )
    return found


def _gain(values: F8, before: int, after: int) -> float | None:
    if values[before] <= 0.0:
        return None
    return float(values[after] / values[before] - 1.0)


def yearly(months: list[dict[str, Any]]) -> dict[int, float | None]:
    """Return of each year: its months multiplied."""
    found: dict[int, float | None] = {}
    for each in months:
        before, gain = found.get(each["year"], 0.0), each["return"]
        if before is None or gain is None:
            found[each["year"]] = None
        else:
            found[each["year"]] = (1.0 + before) * (1.0 + gain) - 1.0
    return found


def distribution(r: F8) -> dict[str, Any]:
    """Histogram of returns: edges (n + 1), counts (n), and what a normal one would have.

    Bins by the Freedman-Diaconis rule, BINS_MAX at most; zero is an edge, so that gains and losses
    are in different bins.
    """
    if len(r) < 2 or float(r.min()) == float(r.max()):
        return {"edges": [], "counts": [], "normal": []}
    spread = float(np.subtract(*np.percentile(r, [75, 25])))
    reach = float(r.max() - r.min())
    width = max(2.0 * spread / len(r) ** (1 / 3), reach / BINS_MAX)
    first, last = int(np.floor(r.min() / width)), int(np.floor(r.max() / width)) + 1
    edges = np.arange(first, last + 1) * width
    counts, _ = np.histogram(r, edges)
    middle = (edges[1:] + edges[:-1]) / 2.0
    z = (middle - r.mean()) / r.std()
    normal = len(r) * width * np.exp(-0.5 * z * z) / (float(r.std()) * sqrt(2.0 * np.pi))
    return {"edges": edges.tolist(), "counts": counts.tolist(), "normal": normal.tolist()}


def exposure(result: BacktestResult) -> tuple[I8, F8]:
    """Value of the main instrument's position / equity at each row; > 0 long, 1 all of it.

    Rows at which equity is not above zero are left out.
    """
    rows = result.equity
    sound = rows["equity"] > 0.0
    part = rows[sound]
    return part["ts"].astype(np.int64), part["position"] * part["price"] / part["equity"]


def excursions(trades: Rows) -> dict[str, F8]:
    """MAE, MFE and result of each trade, as fractions of what was entered; result after fees."""
    value = np.abs(trades["entry_price"] * trades["quantity"])
    value = np.where(value > 0.0, value, np.inf)
    return {name: np.asarray(trades[name] / value, np.float64) for name in ("mae", "mfe", "pnl")}


def trade_summary(trades: Rows) -> dict[str, Any]:
    """By side: how many, how they ended, how long they took."""
    found: dict[str, Any] = {}
    for name, rows in _by_side(trades).items():
        if not len(rows):
            continue
        pnl, held = rows["pnl"], rows["exit_ts"] - rows["entry_ts"]
        found[name] = {
            "trades": len(rows),
            "winning": int((pnl > 0.0).sum()),
            "pnl": float(pnl.sum()),
            "fees": float(rows["fee"].sum()),
            "best": float(pnl.max()),
            "worst": float(pnl.min()),
            "median_s": float(np.median(held)) / SECOND_NS,
            "longest_s": float(held.max()) / SECOND_NS,
            "losses_in_a_row": _longest_run(pnl < 0.0),
        }
    return found


def _by_side(trades: Rows) -> Mapping[str, Rows]:
    side = trades["side"]
    return {"all": trades, "long": trades[side > 0], "short": trades[side < 0]}


def _longest_run(flags: NDArray[np.bool_]) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    return int((edges[1::2] - edges[::2]).max(initial=0))
