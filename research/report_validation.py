"""The validation of a sweep as panels: walk-forward, cross-validation, Monte Carlo, causality."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from research.report_axes import number, when
from research.report_page import Cell, Section, fact_rows, grid, percent, raw, signed
from research.report_svg import Layer, time_chart

_DAY: Final = 10  # characters of a date


def validation_sections(judged: Mapping[str, Any]) -> list[Section]:
    """Panels of `scenarios.sweep_judge`'s document; none if the sweep was not judged."""
    if "walk_forward" not in judged:
        return []
    return [
        *(_walk(name, judged["walk_forward"][name]) for name in ("anchored", "rolling")),
        _overfitting(judged),
        _cross_validation(judged["cross_validation"]),
        _monte_carlo(judged.get("monte_carlo", {"reason": "it was not asked for"})),
        _causality(judged),
    ]


def _walk(name: str, walk: Mapping[str, Any]) -> Section:
    title = f"Walk-forward, {name}"
    if "reason" in walk:
        return Section(f"walk-{name}", title, raw(), f"Not done: {walk['reason']}.")
    windows = walk["windows"]
    ts = np.array([w["test"][0] for w in windows], np.int64)
    layers = [
        Layer("line", "Sharpe ratio where it was chosen", "other", ts, _column(windows, "in")),
        Layer("line", "Sharpe ratio afterwards", "main", ts, _column(windows, "out")),
    ]
    drawn = time_chart(f"chart-walk-{name}", layers, zero=True, height=160)
    rows = [
        (
            f"{when(w['test'][0])[:_DAY]} to {when(w['test'][1])[:_DAY]}",
            f"{when(w['train'][0])[:_DAY]} to {when(w['train'][1])[:_DAY]}",
            str(w["trial"]),
            number(w["sharpe_in"]),
            signed(w["sharpe_out"]),
            signed(w["return_out"], percent(w["return_out"])),
        )
        for w in windows
    ]
    headers = ("judged on", "chosen on", "trial", "Sharpe chosen", "Sharpe judged", "return judged")
    efficiency = "-" if walk["efficiency"] is None else number(walk["efficiency"])
    note = (
        f"The best trial of each window, judged on what follows it. All judged parts together:"
        f" Sharpe {number(walk['sharpe_out'])}, return {percent(walk['return_out'])}, part of the"
        f" chosen Sharpe that is left (efficiency) {efficiency}, winning windows"
        f" {percent(walk['winning_windows'], 0)}."
    )
    names = raw(
        '<p class="legend"><span class="other">Sharpe ratio where it was chosen</span>'
        '<span class="main">afterwards</span></p>'
    )
    return Section(f"walk-{name}", title, raw(names, drawn.svg, grid(headers, rows)), note)


def _column(windows: Any, side: str) -> Any:
    return np.array([w[f"sharpe_{side}"] for w in windows], np.float64)


def _overfitting(judged: Mapping[str, Any]) -> Section:
    parts = {
        "probability of backtest overfitting": judged["overfitting"],
        "deflated Sharpe ratio": judged["deflated"],
    }
    tables = []
    for name, part in parts.items():
        tables.append(grid((name, ""), [(n.replace("_", " "), v) for n, v in _facts(part)]))
    note = (
        f"{judged['trials_judged']:,} trials, {judged['periods']:,} periods of"
        f" {number(judged['period_s'])} s. Significant: deflated Sharpe ratio at least 0.95 and"
        " probability of overfitting below a half."
    )
    return Section("overfitting", "Overfitting", raw(*tables), note)


def _facts(part: Mapping[str, Any]) -> list[tuple[str, str]]:
    known = {n: number(v) if isinstance(v, float) else v for n, v in part.items()}
    return fact_rows(known)


def _cross_validation(found: Mapping[str, Any]) -> Section:
    title = "Combinatorial purged cross-validation"
    if "reason" in found:
        return Section("cross-validation", title, raw(), f"Not done: {found['reason']}.")
    paths = [(f"path {i + 1}", signed(v)) for i, v in enumerate(found["path_sharpe"])]
    splits = [
        (str(i + 1), str(trial), number(inside), signed(outside))
        for i, (trial, inside, outside) in enumerate(
            zip(found["trials"], found["sharpe_in"], found["sharpe_out"], strict=True)
        )
    ]
    note = (
        f"{found['splits']} splits: the median Sharpe ratio of what was chosen is"
        f" {number(found['median_sharpe_out'])} where it was judged;"
        f" {percent(found['losing_paths'], 0)} of the paths lose."
    )
    body = raw(
        grid(("path through all time", "Sharpe"), paths),
        grid(("split", "trial", "Sharpe chosen", "Sharpe judged"), splits),
    )
    return Section("cross-validation", title, body, note)


def _monte_carlo(found: Mapping[str, Any]) -> Section:
    title = "Monte Carlo of the best trial's trades"
    if "reason" in found:
        return Section("monte-carlo", title, raw(), f"Not done: {found['reason']}.")
    levels = [percent(v, 0) for v in found["bootstrap"]["levels"]]
    rows: list[list[str | Cell]] = []
    for name, method in (("drawn anew", "bootstrap"), ("in another order", "shuffle")):
        part = found[method]
        rows.append([f"{name}: final equity", *(f"{v:,.2f}" for v in part["final"])])
        rows.append([f"{name}: deepest drawdown", *(percent(v) for v in part["drawdown"])])
    ruin, losing = found["bootstrap"]["ruin"], found["bootstrap"]["losing"]
    note = (
        f"{found['trades']:,} trades; columns are quantiles. Drawn anew, {percent(losing, 1)} of"
        f" the histories lose money and {percent(ruin, 1)} lose all."
    )
    return Section("monte-carlo", title, grid(("trades", *levels), rows), note)


def _causality(judged: Mapping[str, Any]) -> Section:
    rows: list[list[str | Cell]] = []
    ahead, warm = judged.get("look_ahead"), judged.get("warm_up")
    if ahead is not None:
        said = "no decision changes when the bars after it are scrambled"
        if not ahead["ok"]:
            first = min(c["first_difference_ts"] for c in ahead["cuts"] if c["first_difference_ts"])
            said = f"decisions know the future: the first one at {when(first)}"
        rows.append(["look-ahead", _answer(ok=bool(ahead["ok"])), said])
    if warm is not None:
        said = f"{warm['bars_needed']:,} bars until a later start decides the same"
        if not warm["ok"]:
            said = f"a later start does not come to decide the same ({said})"
        rows.append(["warm-up", _answer(ok=bool(warm["ok"])), said])
    if not rows:
        return Section("causality", "Look-ahead and warm-up", raw(), "Not tested.")
    return Section(
        "causality", "Look-ahead and warm-up", grid(("test", "", "found"), rows, "words")
    )


def _answer(*, ok: bool) -> Cell:
    return Cell("passed" if ok else "failed", tone="good" if ok else "bad")
