"""Equity as evenly spaced returns, and its drawdowns: what every performance figure starts from.

The rule. Equity is read at the close of each UTC day: the last value known at midnight, carried
over days without rows; a row stamped midnight belongs to the day that ends there. The base of the
first return is the initial equity if it is known, else the first row. So first and last day may be
parts of days and count as one each. A year has 365 days: crypto markets do not close.

A run with fewer than DAILY_MIN daily returns is read by the same rule at the largest of STEPS_NS
at which rows fall into ROWS_MIN different steps; if none has so many, at the one with most of them,
the largest of equals. It is annualised by the number of such steps in 365 days. Its figures say
little about a year; `sampling_s` shows it. A run of less than a day is not annualised at all.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]
Base = tuple[int, float]  # a time in ns, and the equity then

SECOND_NS: Final = 1_000_000_000
DAY_NS: Final = 86_400 * SECOND_NS
YEAR_NS: Final = 365 * DAY_NS
DAILY_MIN: Final = 5
STEPS_NS: Final = tuple(s * SECOND_NS for s in (86_400, 3600, 900, 60, 1))
ROWS_MIN: Final = 30


@dataclass(frozen=True, slots=True)
class Sampled:
    """Evenly spaced readings of equity.

    step_ns  distance of readings
    equity   (n + 1,) the base and n readings
    closes   (n,) the end of each step, ns; the last one may lie after the last row
    """

    step_ns: int
    equity: F8
    closes: I8

    @property
    def returns(self) -> F8:
        """(n,) simple returns; only where no reading but the last is zero or below."""
        out: F8 = self.equity[1:] / self.equity[:-1] - 1.0
        return out

    @property
    def steps_a_year(self) -> float:
        """What annualises a mean; its root annualises a deviation."""
        return YEAR_NS / self.step_ns


@dataclass(frozen=True, slots=True)
class Drawdown:
    """The deepest fall from a peak; times in ns, `depth` a fraction of the peak.

    recovery_ts  first time at or above the peak again; None if that never came
    longest_ns   the longest time below an earlier peak, of any depth; the last one may be open
    """

    depth: float
    peak_ts: int
    trough_ts: int
    recovery_ts: int | None
    longest_ns: int


def checked(ts: I8, equity: F8) -> tuple[I8, F8]:
    """The same as int64 and float64, once they are found usable.

    raises  ValueError naming the row: lengths differ, times fall, equity is not finite
    """
    times, values = np.asarray(ts, np.int64), np.asarray(equity, np.float64)
    if times.shape != values.shape or times.ndim != 1:
        raise ValueError(f"equity: {times.shape} times for {values.shape} values; one a row")
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        raise ValueError(f"equity, row {bad[0]}: {values[bad[0]]} is no amount of money")
    falls = np.flatnonzero(np.diff(times) < 0)
    if len(falls):
        raise ValueError(f"equity, row {falls[0] + 1}: earlier than the row before; sort by time")
    return times, values


def sampled(ts: I8, equity: F8, base: Base | None = None) -> Sampled:
    """Equity by the rule above.

    ts      (n,) ns, ascending, n >= 1
    equity  (n,)
    raises  ValueError if the base is later than the first row
    base    when the run began, and with how much; None: with the first row
    cost    O(n) time, O(steps) memory
    """
    daily = read_at(ts, equity, DAY_NS, base)
    if len(daily.closes) >= DAILY_MIN:
        return daily
    filled = [min(ROWS_MIN, len(np.unique((ts - 1) // s))) for s in STEPS_NS]
    return read_at(ts, equity, STEPS_NS[filled.index(max(filled))], base)


def read_at(ts: I8, equity: F8, step_ns: int, base: Base | None = None) -> Sampled:
    """Equity at the end of every step of `step_ns` since 1970; see `sampled`."""
    step = (ts - 1) // step_ns  # the boundary itself belongs to the step it ends
    first = int(step[0])
    if base is not None:
        if base[0] > ts[0]:
            raise ValueError(f"the run began at {base[0]}, after its first row of equity, {ts[0]}")
        first = min(first, base[0] // step_ns)  # what begins at a boundary is in the step after it
    wanted = np.arange(first, step[-1] + 1)
    last = np.searchsorted(step, wanted, side="right") - 1
    closes = (wanted + 1) * step_ns
    if base is not None:
        known = np.concatenate(([base[1]], equity))
        return Sampled(step_ns, np.concatenate(([base[1]], known[last + 1])), closes)
    if last[0] > 0:
        return Sampled(step_ns, np.concatenate((equity[:1], equity[last])), closes)
    # The first row is alone in its step: it is the base, and that step has no return.
    return Sampled(step_ns, equity[last], closes[1:])


def deepest_drawdown(ts: I8, equity: F8) -> Drawdown | None:
    """The deepest drawdown over all rows; of equal ones the first.

    ->    None if equity never falls, or never was above zero
    cost  O(n) time and memory
    """
    peak = np.maximum.accumulate(equity)
    depth = np.divide(peak - equity, peak, out=np.zeros_like(peak), where=peak > 0.0)
    trough = int(np.argmax(depth))
    if depth[trough] <= 0.0:
        return None
    top = int(np.argmax(equity[: trough + 1]))  # the first time the peak was reached
    again = np.flatnonzero(equity[trough:] >= peak[trough])
    return Drawdown(
        depth=float(depth[trough]),
        peak_ts=int(ts[top]),
        trough_ts=int(ts[trough]),
        recovery_ts=int(ts[trough + again[0]]) if len(again) else None,
        longest_ns=_longest(ts, equity, peak),
    )


def _longest(ts: I8, equity: F8, peak: F8) -> int:
    """The longest time between two rows at a running peak; the last row ends an open one."""
    at_peak = np.flatnonzero(equity >= peak)
    ends = np.append(at_peak, len(ts) - 1)
    apart = np.diff(ends) > 1
    apart[-1] = ends[-1] > ends[-2]
    return int(np.max(np.diff(ts[ends])[apart], initial=0))
