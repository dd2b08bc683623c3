"""A backtest as one JSON document: its figures, what they are beside buy and hold, its curves.

The page of the same run is made from it by `research.report_backtest`.
"""

from math import isfinite
from typing import Any, Final

import numpy as np

from messages.arrays import Rows
from research.equity import SECOND_NS
from research.report_series import (
    Curve,
    benchmark,
    curve_of,
    deepest,
    distribution,
    exposure,
    monthly,
    readings_of,
    rolling_sharpe,
    trade_summary,
    usable_returns,
    window_of,
    yearly,
)
from research.report_thin import line_rows
from research.statistics import Performance, performance_of
from trading.result import REASON_NAMES, STATUS_NAMES, BacktestResult

POINTS: Final = 1000  # buckets of the curves in the document: at most four rows each


def document(result: BacktestResult, run: str) -> dict[str, Any]:
    """Everything that a report says about a backtest, ready for JSON: no NaN, no numpy.

    run     what it is called
    ->      `stats` and `reasons` as `research.statistics.performance_of`; `benchmark` the same of
            buy and hold, or None; `equity` thinned, with `of` rows before; times in ns
    raises  ValueError if there is no equity to report on
    cost    O(n log n) in rows of equity
    """
    if not len(result.equity):
        raise ValueError("no row of equity: the run saw no bar")
    stats, curve, readings = performance_of(result), curve_of(result), readings_of(result)
    hold = benchmark(result)
    months = monthly(curve)
    returns = usable_returns(readings)
    window = window_of(readings)
    rolling_ts, rolling = rolling_sharpe(readings, window)
    found = {
        "kind": "backtest",
        "run": run,
        "steps": len(result.equity),
        "identity": dict(result.identity),
        "settings": dict(result.settings),
        "stats": dict(stats),
        "reasons": stats.reasons,
        "benchmark": None if hold is None else dict(hold),
        "monthly": months,
        "yearly": yearly(months),
        "drawdowns": [each.plain() for each in deepest(curve.ts, curve.equity)],
        "rolling_sharpe": {
            "window": window,
            "sampling_s": readings.step_ns / SECOND_NS,
            **_thinned(rolling_ts, sharpe=rolling),
        },
        "distribution": {"returns": len(returns), **distribution(returns)},
        "exposure": exposure_summary(result),
        "trades": trade_summary(result.trades),
        "orders": order_summary(result.orders),
        "fills": fill_summary(result.fills),
        "equity": _equity(curve),
    }
    plain: dict[str, Any] = jsonable(found)
    return plain


def exposure_summary(result: BacktestResult) -> dict[str, Any]:
    """How much was at stake: position value / equity of the main instrument."""
    _, part = exposure(result)
    if not len(part):
        return {}
    return {
        "mean": float(np.abs(part).mean()),
        "highest": float(part.max()),
        "lowest": float(part.min()),
        "time_long": float((part > 0.0).mean()),
        "time_short": float((part < 0.0).mean()),
    }


def order_summary(orders: Rows) -> dict[str, Any]:
    """How orders ended, and why those that were not filled were not."""
    return {
        "orders": len(orders),
        "status": _named(orders["status"], STATUS_NAMES),
        "reason": _named(orders["reason"][orders["reason"] > 0], REASON_NAMES),
    }


def fill_summary(fills: Rows) -> dict[str, Any]:
    """Fills, what they cost, and how many of them waited in the book."""
    value = np.abs(fills["price"] * fills["quantity"])
    return {
        "fills": len(fills),
        "value": float(value.sum()),
        "fees": float(fills["fee"].sum()),
        "maker": int((fills["maker"] != 0).sum()),
        "buys": int((fills["side"] > 0).sum()),
        "sells": int((fills["side"] < 0).sum()),
    }


def jsonable(value: Any) -> Any:
    """The same without numpy, and with None where a number is none."""
    if isinstance(value, Performance | dict):
        return {str(k): jsonable(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(v) for v in value]
    if isinstance(value, np.ndarray):
        return jsonable(value.tolist())
    if isinstance(value, np.generic):
        return jsonable(value.item())
    if isinstance(value, float):
        return value if isfinite(value) else None
    return value


def _equity(curve: Curve) -> dict[str, Any]:
    return _thinned(curve.ts, equity=curve.equity, benchmark=curve.hold, drawdown=curve.drawdown)


def _thinned(ts: Any, **columns: Any) -> dict[str, Any]:
    """Columns at the rows that a drawing of the first one needs, and how many there were."""
    first = next(iter(columns.values()))
    rows = line_rows(ts, first, POINTS)
    kept = {name: values[rows].tolist() for name, values in columns.items()}
    return {"of": len(ts), "points": len(rows), "ts": ts[rows].tolist(), **kept}


def _named(codes: Any, names: tuple[str, ...]) -> dict[str, int]:
    counts = np.bincount(np.asarray(codes, np.int64), minlength=len(names)).tolist()
    return {names[i]: n for i, n in enumerate(counts) if n and i < len(names)}
