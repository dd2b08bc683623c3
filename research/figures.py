"""Every performance figure: its formula and its unit, for documentation, reports and --help."""

from collections.abc import Mapping
from typing import Final, NamedTuple


class Figure(NamedTuple):
    """What a number means."""

    formula: str
    unit: str


FIGURES: Final[Mapping[str, Figure]] = {
    "start_ts": Figure(
        "when the run began: the open of its first bar, else the first row", "ns since 1970 UTC"
    ),
    "end_ts": Figure("time of the last row of equity", "ns since 1970 UTC"),
    "days": Figure("(end_ts - start_ts) / 1 day", "days"),
    "sampling_s": Figure("distance of the readings behind r: 86400 means UTC days", "s"),
    "samples": Figure("n, number of returns r", "count"),
    "initial_equity": Figure("equity before the first step", "quote currency"),
    "final_equity": Figure("equity of the last row", "quote currency"),
    "total_return": Figure("final_equity / initial_equity - 1", "fraction"),
    "cagr": Figure("(final_equity / initial_equity) ^ (365 / days) - 1", "fraction a year"),
    "volatility": Figure("std(r, n - 1) * sqrt(steps a year)", "fraction, a year"),
    "sharpe": Figure("mean(r) / std(r, n - 1) * sqrt(steps a year)", "ratio, a year"),
    "sortino": Figure("mean(r) / sqrt(mean(min(r, 0)^2)) * sqrt(steps a year)", "ratio, a year"),
    "calmar": Figure("cagr / max_drawdown", "ratio"),
    "max_drawdown": Figure("max over all rows of (peak so far - equity) / peak so far", "fraction"),
    "max_drawdown_peak_ts": Figure("when that peak was first reached", "ns since 1970 UTC"),
    "max_drawdown_trough_ts": Figure("when equity was lowest", "ns since 1970 UTC"),
    "max_drawdown_recovery_ts": Figure(
        "when equity was first at the peak again", "ns since 1970 UTC"
    ),
    "max_drawdown_days": Figure("from the peak to the recovery, or to the end", "days"),
    "longest_drawdown_days": Figure("longest time below an earlier peak, of any depth", "days"),
    "var_95": Figure("-(5 % quantile of r, linear between ranks)", "fraction of equity, a step"),
    "cvar_95": Figure("-mean(r where r <= 5 % quantile)", "fraction of equity, a step"),
    "skew": Figure("mean((r - mean r)^3) / mean((r - mean r)^2)^1.5", "number"),
    "kurtosis": Figure("mean((r - mean r)^4) / mean((r - mean r)^2)^2; 3 if normal", "number"),
    "probabilistic_sharpe": Figure(
        "Phi(s sqrt(n - 1) / sqrt(1 - skew s + (kurtosis - 1) / 4 s^2)), s = mean(r) / std(r)",
        "probability that the true ratio is above 0",
    ),
    "trials": Figure("N, how many strategies or parameters were tried", "count"),
    "deflated_sharpe": Figure(
        "the same with s - s0 for the first s; s0 = sqrt(V) ((1 - g) Z(1 - 1/N) + g Z(1 - 1/(N e)))"
        ", V the variance of s over the trials, g = 0.5772, Z the normal quantile",
        "probability that the best of N is better than luck",
    ),
    "trades": Figure("round trips that are closed", "count"),
    "win_rate": Figure("trades with pnl > 0 / trades", "fraction"),
    "profit_factor": Figure("sum of pnl > 0 / -(sum of pnl < 0)", "ratio"),
    "expectancy": Figure("mean pnl of a trade, after fees", "quote currency"),
    "average_win": Figure("mean pnl of trades with pnl > 0", "quote currency"),
    "average_loss": Figure("mean pnl of trades with pnl < 0", "quote currency"),
    "sqn": Figure("sqrt(trades) * mean(pnl) / std(pnl, trades - 1); not capped", "ratio"),
    "exposure": Figure("rows of equity with a position / rows", "fraction"),
    "turnover": Figure(
        "sum(price * quantity of fills) / mean(evenly spaced equity) * 365 / days", "1 / year"
    ),
}


def describe() -> Mapping[str, Figure]:
    """Name -> (formula, unit) of every figure of `research.statistics.performance`, in its order.

    r are the returns of equity read at the close of each UTC day (see `research.equity`).
    """
    return FIGURES
