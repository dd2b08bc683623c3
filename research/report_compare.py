"""Backtests side by side: their figures, and everything in which what was run differs."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from research.figures import describe
from research.report import jsonable
from research.report_axes import figure_text
from research.report_page import Cell, Section, fact, fact_rows, grid, legend, page, raw, words
from research.report_series import Curve, curve_of
from research.report_svg import Layer, time_chart
from research.statistics import performance_of
from trading.result import BacktestResult

Named = tuple[str, BacktestResult]
COLOURS: Final = ("main", "other", "third", "fourth", "sell", "quiet")
RUNS_MAX: Final = len(COLOURS)
# Figures of which the largest (True) or the smallest (False) is the one to have.
_BETTER: Final = {
    "total_return": True, "cagr": True, "sharpe": True, "sortino": True, "calmar": True,
    "profit_factor": True, "expectancy": True, "sqn": True, "win_rate": True,
    "max_drawdown": False, "longest_drawdown_days": False, "cvar_95": False,
}  # fmt: skip


def compare_document(runs: Sequence[Named]) -> dict[str, Any]:
    """Runs side by side, ready for JSON.

    ->      runs: their names; stats: figure -> one value a run; differences: where identity or
            settings differ, as path -> one value a run (None where a run has no such entry); same:
            how many entries are equal in all
    raises  ValueError naming the run that has no equity
    """
    for name, result in runs:
        if not len(result.equity):
            raise ValueError(f"{name}: no row of equity: the run saw no bar")
    stats = [performance_of(result) for _, result in runs]
    facts = [_facts(result) for _, result in runs]
    paths = list(dict.fromkeys(p for each in facts for p in each))
    values = {p: [each.get(p) for each in facts] for p in paths}
    differ = {p: v for p, v in values.items() if any(fact(x) != fact(v[0]) for x in v)}
    found: dict[str, Any] = jsonable(
        {
            "kind": "comparison",
            "runs": [name for name, _ in runs],
            "stats": {n: [s[n] for s in stats] for n in describe()},
            "differences": differ,
            "same": len(values) - len(differ),
        }
    )
    return found


def _facts(result: BacktestResult) -> dict[str, str]:
    """Identity and settings, flat; both say some things, once is enough."""
    found = {f"identity.{n}": v for n, v in fact_rows(jsonable(dict(result.identity)))}
    plain = jsonable(dict(result.settings))
    return found | {f"settings.{n}": v for n, v in fact_rows(plain)}


def compare_page(runs: Sequence[Named], found: Mapping[str, Any]) -> str:
    """The comparison as one HTML file; `found` is `compare_document(runs)`."""
    curves = [curve_of(result) for _, result in runs]
    span = min(int(c.ts[0]) for c in curves), max(int(c.ts[-1]) for c in curves)
    layers = [
        Layer("line", name, colour, curve.ts, _growth(curve))
        for (name, _), colour, curve in zip(runs, COLOURS, curves, strict=False)
    ]
    falls = [
        Layer("line", each.name, each.css, each.x, curve.drawdown)
        for each, curve in zip(layers, curves, strict=True)
    ]
    drawn = time_chart("chart-equity", layers, percent=True, zero=True, height=320, span=span)
    under = time_chart("chart-drawdown", falls, percent=True, zero=True, height=200, span=span)
    sections = [
        Section(
            "equity", "Growth of equity", raw(legend(layers), drawn.svg),
            f"Equity / equity at the beginning - 1; {drawn.note}.",
        ),
        Section("drawdown", "Drawdown", raw(under.svg), f"{under.note}."),
        _differences(found),
        _statistics(found),
    ]  # fmt: skip
    return page("Backtests side by side", " · ".join(found["runs"]), [], sections)


def _growth(curve: Curve) -> Any:
    first = float(curve.equity[0])
    return curve.equity / first - 1.0 if first > 0.0 else np.zeros(len(curve.equity))


def _differences(found: Mapping[str, Any]) -> Section:
    differ = found["differences"]
    note = f"{found['same']} entries of identity and settings are the same in all runs."
    if not differ:
        return Section("differences", "What differs", raw(), f"Nothing. {note}")
    rows = [(path, *(fact(v) for v in values)) for path, values in differ.items()]
    body = grid(("entry", *found["runs"]), rows, "words")
    return Section("differences", "What differs", body, note)


def _statistics(found: Mapping[str, Any]) -> Section:
    rows: list[list[str | Cell]] = []
    for name, figure in describe().items():
        values = found["stats"][name]
        best = best_of(name, values)
        hint = f"{figure.formula} [{figure.unit}]"
        cells = [
            Cell(figure_text(v, figure.unit), tone="good" if i in best else "")
            for i, v in enumerate(values)
        ]
        rows.append([Cell(words(name), hint), *cells])
    note = "Coloured: the best of those that are better large or small. Rest on a name: formula."
    return Section("statistics", "Statistics", grid(("figure", *found["runs"]), rows, "runs"), note)


def best_of(name: str, values: Sequence[float | None]) -> set[int]:
    """Which runs have the best value of a figure; none if all are equal or it has no best."""
    known = [v for v in values if v is not None]
    if name not in _BETTER or len(set(known)) < 2:
        return set()
    best = max(known) if _BETTER[name] else min(known)
    return {i for i, v in enumerate(values) if v == best}
