"""Performance of a run, from its equity: never from trades taken for days.

Figures that a run cannot have (no variance, no trades, one point) are None, never NaN or infinite,
and `reasons` says why. Formulas and units: `research.figures`; the reading of equity, the year of
365 days and the rule for runs of less than five days: `research.equity`.
"""

from collections.abc import Mapping
from math import isfinite, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from research.equity import (
    DAY_NS,
    F8,
    I8,
    SECOND_NS,
    YEAR_NS,
    Base,
    Sampled,
    checked,
    deepest_drawdown,
    sampled,
)
from research.figures import FIGURES, describe
from research.sharpe import deflated_sharpe, probabilistic_sharpe
from trading.result import BacktestResult

__all__ = ["Performance", "describe", "performance", "performance_of"]

Rows = NDArray[np.void]
# A number, or in words why there is none.
_Found = dict[str, float | int | str]
SHORT: Final = "shorter than a day"
_ANNUAL: Final = ("cagr", "volatility", "sharpe", "sortino", "calmar", "turnover")
_TAIL: Final = 0.05
_TAIL_RETURNS_MIN: Final = 20  # with fewer, not one return lies in the tail
_SAME: Final = 1e-12  # a deviation below this part of the largest return is rounding


class Performance(dict[str, float | int | None]):
    """Figures by name, in the order of `describe()`; `reasons` has the name of each None."""

    def __init__(self, found: Mapping[str, float | int | str]) -> None:
        super().__init__()
        self.reasons: dict[str, str] = {}
        for name in FIGURES:
            value = found.get(name, "not asked for")
            if isinstance(value, float) and not isfinite(value):
                value = "too large for a number"
            if isinstance(value, str):
                self.reasons[name] = value
            self[name] = None if isinstance(value, str) else value


# Absurd amounts overflow to infinity, which is found and said; a warning would say it twice.
@np.errstate(over="ignore", invalid="ignore")
def performance(
    equity_ts: I8,
    equity: F8,
    trades: Rows | None = None,
    *,
    fills: Rows | None = None,
    position: F8 | None = None,
    base: Base | None = None,
    trials: int = 1,
    trials_variance: float | None = None,
) -> Performance:
    """Every figure of `describe()`.

    equity_ts        (n,) int64 ns, ascending
    equity           (n,) quote currency, finite
    trades           closed round trips with a `pnl` after fees (TRADE_ROW); None: no such figures
    fills            with `price` and `quantity` (FILL_ROW); None: no turnover
    position         (n,) held at each row; None: no exposure
    base             when the run began (its first bar's open) and its equity then; None: the first
                     row of equity
    trials           how many were tried to find this run
    trials_variance  of their Sharpe ratios, per return (an annual one / steps a year)
    raises           ValueError naming the row for times that fall or equity that is not finite
    cost             O(n)
    """
    ts, values = checked(equity_ts, equity)
    found: _Found = {"trials": trials}
    found |= _trades(trades)
    if not len(ts):
        return Performance({n: "no equity" for n in FIGURES} | found)
    readings = sampled(ts, values, base)
    if base is not None:  # a run that loses from its first row on falls from here
        ts, values = np.append(base[0], ts), np.append(base[1], values)
    found |= _span(ts, values)
    found |= _drawdown(ts, values)
    found |= _activity(readings, int(ts[-1] - ts[0]), fills, position)
    found |= {"sampling_s": readings.step_ns / SECOND_NS, "samples": len(readings.closes)}
    found |= _returns(readings, trials, trials_variance)
    cagr, depth = found["cagr"], found["max_drawdown"]
    if isinstance(cagr, str) or isinstance(depth, str):
        found["calmar"] = cagr if isinstance(cagr, str) else str(depth)
    else:
        found["calmar"] = cagr / depth if depth > 0.0 else "equity never fell"
    if int(ts[-1] - ts[0]) < DAY_NS:  # of minutes: hundreds, which say nothing
        found |= {n: SHORT for n in _ANNUAL if not isinstance(found[n], str)}
    return Performance(found)


def performance_of(
    result: BacktestResult, trials: int = 1, trials_variance: float | None = None
) -> Performance:
    """`performance` of a finished backtest, against its initial balance at its first bar's open."""
    rows, interval_ns = result.equity, int(result.identity.get("interval_ns", 0))
    known = len(rows) and result.initial_balance > 0.0
    return performance(
        rows["ts"],
        rows["equity"],
        result.trades,
        fills=result.fills,
        position=rows["position"],
        base=(int(rows["ts"][0]) - interval_ns, result.initial_balance) if known else None,
        trials=trials,
        trials_variance=trials_variance,
    )


def _span(ts: I8, equity: F8) -> _Found:
    base, final, length = float(equity[0]), float(equity[-1]), int(ts[-1] - ts[0])
    out: _Found = {
        "start_ts": int(ts[0]),
        "end_ts": int(ts[-1]),
        "days": length / DAY_NS,
        "initial_equity": base,
        "final_equity": final,
        "total_return": final / base - 1.0 if base > 0.0 else "initial equity is not above zero",
    }
    if base <= 0.0 or final <= 0.0:
        out["cagr"] = "equity is not above zero"
    elif length < DAY_NS:
        out["cagr"] = SHORT
    else:
        growth = np.log(final / base) * YEAR_NS / length
        out["cagr"] = float(np.expm1(growth)) if growth < 700.0 else "too large for a number"
    return out


def _drawdown(ts: I8, equity: F8) -> _Found:
    if equity.max() <= 0.0:
        return dict.fromkeys(_DRAWDOWN, "equity never was above zero")
    fall = deepest_drawdown(ts, equity)
    if fall is None:
        never: _Found = dict.fromkeys(_DRAWDOWN, "equity never fell")
        return never | {"max_drawdown": 0.0, "max_drawdown_days": 0.0, "longest_drawdown_days": 0.0}
    recovery = fall.recovery_ts
    end = int(ts[-1]) if recovery is None else recovery
    return {
        "max_drawdown": fall.depth,
        "max_drawdown_peak_ts": fall.peak_ts,
        "max_drawdown_trough_ts": fall.trough_ts,
        "max_drawdown_recovery_ts": "not recovered at the end" if recovery is None else recovery,
        "max_drawdown_days": (end - fall.peak_ts) / DAY_NS,
        "longest_drawdown_days": fall.longest_ns / DAY_NS,
    }


_DRAWDOWN: Final = tuple(n for n in FIGURES if "drawdown" in n)
_OF_RETURNS: Final = (
    "volatility", "sharpe", "sortino", "var_95", "cvar_95", "skew", "kurtosis",
    "probabilistic_sharpe", "deflated_sharpe",
)  # fmt: skip


def _returns(readings: Sampled, trials: int, variance: float | None) -> _Found:
    if (readings.equity[:-1] <= 0.0).any():
        return dict.fromkeys(_OF_RETURNS, "equity reached zero: no returns after that")
    r = readings.returns
    if len(r) < 2:
        return dict.fromkeys(_OF_RETURNS, "fewer than two returns")
    mean, deviation = float(r.mean()), float(r.std(ddof=1))
    if not isfinite(deviation):
        return dict.fromkeys(_OF_RETURNS, "a return is too large for a number")
    out = _tail(r) | _downside(r, readings.steps_a_year)
    out["volatility"] = deviation * sqrt(readings.steps_a_year)
    if deviation <= _SAME * float(np.abs(r).max()):
        out["volatility"] = 0.0
        flat = ("sharpe", "skew", "kurtosis", "probabilistic_sharpe", "deflated_sharpe")
        return out | dict.fromkeys(flat, "all returns are equal")
    sharpe, z = mean / deviation, (r - mean) / float(r.std())
    skew, kurtosis = float((z**3).mean()), float((z**4).mean())
    out |= {
        "sharpe": sharpe * sqrt(readings.steps_a_year),
        "skew": skew,
        "kurtosis": kurtosis,
        "probabilistic_sharpe": _or(
            probabilistic_sharpe(sharpe, len(r), skew, kurtosis), "no standard error"
        ),
    }
    if trials > 1 and variance is None:
        out["deflated_sharpe"] = "variance of the trials' Sharpe ratios not given"
    else:
        deflated = deflated_sharpe(sharpe, len(r), trials, variance or 0.0, skew, kurtosis)
        out["deflated_sharpe"] = _or(deflated, "no standard error")
    return out


def _downside(r: F8, steps_a_year: float) -> _Found:
    downside = sqrt(float(np.square(np.minimum(r, 0.0)).mean()))
    if downside == 0.0:
        return {"sortino": "no losing return"}
    return {"sortino": float(r.mean()) / downside * sqrt(steps_a_year)}


def _tail(r: F8) -> _Found:
    if len(r) < _TAIL_RETURNS_MIN:
        return dict.fromkeys(("var_95", "cvar_95"), f"fewer than {_TAIL_RETURNS_MIN} returns")
    cut = float(np.quantile(r, _TAIL))
    # Where the quantile is an element, interpolation may land a rounding below it: so by rank.
    rank = int(_TAIL * (len(r) - 1))
    tail = r[r <= np.partition(r, rank)[rank]]
    return {"var_95": -cut, "cvar_95": -float(tail.mean())}


def _trades(trades: Rows | None) -> _Found:
    names = [n for n in FIGURES if n in _OF_TRADES]
    if trades is None:
        return dict.fromkeys(names, "no table of trades")
    pnl = np.asarray(trades["pnl"], np.float64)
    if not np.isfinite(pnl).all():
        row = int(np.flatnonzero(~np.isfinite(pnl))[0])
        raise ValueError(f"trades, row {row}: pnl {pnl[row]} is no amount of money")
    out: _Found = {"trades": len(pnl)}
    if not len(pnl):
        return out | dict.fromkeys(names[1:], "no trades")
    wins, losses = pnl[pnl > 0.0], pnl[pnl < 0.0]
    deviation = float(pnl.std(ddof=1)) if len(pnl) > 1 else 0.0
    if deviation <= _SAME * float(np.abs(pnl).max()):
        sqn: float | str = "all trades are equal"
    elif isfinite(deviation):
        sqn = sqrt(len(pnl)) * float(pnl.mean()) / deviation
    else:
        sqn = "a trade is too large for a number"
    return out | {
        "win_rate": len(wins) / len(pnl),
        "profit_factor": float(wins.sum() / -losses.sum()) if len(losses) else "no losing trade",
        "expectancy": float(pnl.mean()),
        "average_win": float(wins.mean()) if len(wins) else "no winning trade",
        "average_loss": float(losses.mean()) if len(losses) else "no losing trade",
        "sqn": sqn,
    }


_OF_TRADES: Final = (
    "trades", "win_rate", "profit_factor", "expectancy", "average_win", "average_loss", "sqn",
)  # fmt: skip


def _activity(readings: Sampled, length: int, fills: Rows | None, position: F8 | None) -> _Found:
    out: _Found = {"exposure": "no positions given", "turnover": "no table of fills"}
    if position is not None:
        out["exposure"] = float(np.mean(np.asarray(position) != 0.0))
    if fills is not None:
        mean = float(readings.equity[1:].mean()) if len(readings.closes) else 0.0
        if length == 0 or mean <= 0.0:
            out["turnover"] = "no time passed" if length == 0 else "equity is not above zero"
        else:
            traded = float(np.abs(fills["price"] * fills["quantity"]).sum())
            out["turnover"] = traded / mean * YEAR_NS / length
    return out


def _or(value: float | None, reason: str) -> float | str:
    return reason if value is None else value
