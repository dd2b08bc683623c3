"""Figures of a run, computed while it runs, so that a sweep keeps no equity curve.

Equity is sampled once a UTC day: the last value at or before each midnight (days without bars keep
the value before them, return 0), and the last value of the run. Daily returns r over n days give

    sharpe      mean(r) / std(r, ddof=1) * sqrt(365)
    sortino     mean(r) / sqrt(mean(min(r, 0)^2)) * sqrt(365)
    volatility  std(r, ddof=1) * sqrt(365)
    skew        m3 / m2^1.5,  kurtosis  m4 / m2^2    (central moments / n)
    cagr        (final / initial)^(365 d / elapsed) - 1
    calmar      cagr / max_drawdown
    turnover    traded value / mean daily equity, a year

with the risk-free rate 0. The largest drawdown looks at every step, not at days. Moments follow
Welford's update in its form for four moments (Pebay 2008, SAND2008-6212, eq. 2.1 and 3.1).
"""

from typing import Any

import numpy as np

from trading.kernels.engine_kernel import cold, kernel
from trading.kernels.engine_memory import put
from trading.kernels.engine_records import DAY_NS

_YEAR_DAYS = 365.0


@kernel("run f8")
def add_day(run: Any, equity: float) -> None:
    """One more daily sample of equity."""
    cold()
    r = equity / run.day_equity - 1.0 if run.day_equity > 0.0 else 0.0
    run.day_equity = equity
    run.equity_sum += equity
    run.days += 1
    n = float(run.days)
    delta = r - run.mean
    part = delta / n
    square = part * part
    term = delta * part * (n - 1.0)
    run.mean += part
    run.m4 += term * square * (n * n - 3.0 * n + 3.0) + 6.0 * square * run.m2 - 4.0 * part * run.m3
    run.m3 += term * part * (n - 2.0) - 3.0 * part * run.m2
    run.m2 += term
    run.downside += min(r, 0.0) ** 2


@kernel("run i8")
def new_day(run: Any, ts: int) -> None:
    """The step at `ts` is past midnight: sample what equity was before it, for each midnight."""
    cold()
    while ts > run.day_end:
        add_day(run, run.last_equity)
        run.day_end += DAY_NS


@kernel("run i8")
def first_day(run: Any, ts_open: int) -> None:
    """Begin the count of days at the first bar's open."""
    run.ts_start = ts_open
    run.day_end = (ts_open // DAY_NS + 1) * DAY_NS


@kernel("run f8 i8")
def end_of_run(run: Any, equity: float, ts: int) -> None:
    """The last sample, and the drawdown that is still open."""
    cold()
    run.ts_end = ts
    run.last_equity = equity
    if run.steps > 0:
        add_day(run, equity)
    close_drawdown(run)


@kernel("run")
def close_drawdown(run: Any) -> None:
    """Count the depth since the last peak."""
    if run.peak > 0.0:
        run.drawdown = max(run.drawdown, (run.peak - run.trough) / run.peak)
    run.trough = run.peak


@kernel("run metrics")
def figures(run: Any, out: Any) -> None:
    """Fill one METRICS record from what the run has counted."""
    cold()
    days, nothing = float(run.days), np.nan
    final, initial = run.last_equity, run.initial
    deviation = np.sqrt(run.m2 / (days - 1.0)) if run.days > 1 else nothing
    below = np.sqrt(run.downside / days) if run.days > 0 else 0.0
    years = (run.ts_end - run.ts_start) / (DAY_NS * _YEAR_DAYS)
    grown = final / initial
    cagr = grown ** (1.0 / years) - 1.0 if grown > 0.0 and years > 0.0 else -1.0
    mean_equity = run.equity_sum / days if run.days > 0 else nothing
    spread = run.m2 / days if run.days > 0 else 0.0
    put(
        out, final, final - initial, grown - 1.0, run.fills, run.orders, run.trades, run.fees,
        run.funding,
        run.mean / deviation * np.sqrt(_YEAR_DAYS) if deviation > 0.0 else nothing,
        run.mean / below * np.sqrt(_YEAR_DAYS) if below > 0.0 else nothing,
        run.drawdown,
        cagr / run.drawdown if run.drawdown > 0.0 else nothing,
        cagr,
        deviation * np.sqrt(_YEAR_DAYS),
        run.gained / run.lost if run.lost > 0.0 else nothing,
        run.wins / run.trades if run.trades > 0 else nothing,
        run.exposed / run.steps if run.steps > 0 else 0.0,
        run.turnover / mean_equity / years if years > 0.0 else nothing,
        run.m3 / days / spread**1.5 if spread > 0.0 else nothing,
        run.m4 / days / (spread * spread) if spread > 0.0 else nothing,
        run.mean, deviation, run.days, run.steps, run.liquidated, run.error,
    )  # fmt: skip
