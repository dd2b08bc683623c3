"""A sweep as a page: maps of its trials, the best ones beside their neighbours, its validation."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

from research.report import jsonable
from research.report_axes import number
from research.report_landscape import Landscape, Map, best_rows, landscape, maps, plain
from research.report_page import Card, Cell, Section, fact_rows, grid, page, percent, raw
from research.report_series import distribution
from research.report_svg import ACROSS, LEFT, WIDTH, bars
from research.report_validation import validation_sections

TOP: Final = 15
_ROW: Final = 22  # height of a map's row, px
_IDENTITY: Final = ("strategy", "code", "data", "method", "objective", "seed", "table_sha256")


def sweep_document(
    summary: Mapping[str, Any], spec: Mapping[str, Any], columns: Mapping[str, NDArray[Any]]
) -> dict[str, Any]:
    """What a report says about a sweep, ready for JSON.

    summary, spec  the sweep's summary.json and sweep.json
    columns        its table
    ->             `summary` without what differs from machine to machine, and `stability`: the
                   best trials beside their neighbours, and the best neighbourhood
    """
    objective = spec["objectives"][0]
    land = landscape(columns, objective)
    steadiest = land.steadiest
    kept = {n: v for n, v in summary.items() if n not in ("times", "workers", "files", "top")}
    found: dict[str, Any] = {
        "kind": "sweep",
        "run": summary["run_id"],
        **{n: v for n, v in kept.items() if not n.endswith("_per_s")},
        "spec": dict(spec),
        "stability": {
            "objective": objective,
            "rule": "one step on every axis" if land.grid else "the nearest trials",
            "axes": list(land.axes),
            "best": plain(land, best_rows(land, TOP)),
            "steadiest": None if steadiest is None else plain(land, [steadiest])[0],
        },
    }
    plainly: dict[str, Any] = jsonable(found)
    return plainly


def sweep_page(found: Mapping[str, Any], columns: Mapping[str, NDArray[Any]]) -> str:
    """The report of a sweep as one HTML file; the same sweep gives the same bytes.

    found    `sweep_document`
    columns  the sweep's table
    """
    land = landscape(columns, found["stability"]["objective"])
    title = f"Sweep of {found['strategy']}"
    data, tried = found["data"], found["tried"]
    of = str(data["of"]).replace("\\", "/").rpartition("/")[2]
    subtitle = f"{found['trials']:,} trials ({tried:,} different) on {data['bars']:,} bars of {of}"
    sections = [
        _verdict(found),
        _best(found, land),
        *_maps(found, land),
        _all_trials(found, land),
        *validation_sections(found["validation"]),
        _identity(found),
    ]
    return page(title, f"{subtitle}; run {found['run']}", _cards(found), sections)


def _cards(found: Mapping[str, Any]) -> list[Card]:
    best, objective = found["best"] or {}, found["stability"]["objective"]
    steadiest = found["stability"]["steadiest"]
    cards = [
        Card("trials", f"{found['trials']:,}"),
        Card(f"best {_words(objective)}", _number(best.get(objective))),
        Card("return of the best", percent(best.get("total_return"))),
        Card("its deepest drawdown", percent(best.get("max_drawdown"))),
        Card("deflated Sharpe", _number(found["deflated_sharpe"]), _DEFLATED),
        Card("overfitting (PBO)", _number(found["pbo"]), _PBO),
    ]
    if steadiest is not None:
        hint = f"best neighbourhood average of {_words(objective)}: trial {steadiest['trial']}"
        cards.append(Card("best neighbourhood", _number(steadiest["average"]), hint))
    return cards


_DEFLATED: Final = "probability that the best Sharpe ratio is more than luck among so many trials"
_PBO: Final = "how often the best of one half of time is below the median in the other half"


def _verdict(found: Mapping[str, Any]) -> Section:
    verdict = found["validation"].get("verdict")
    if verdict is None:
        reason = found["validation"].get("reason") or "the sweep ran without validation"
        failed = found.get("failed")
        if failed:
            reason += f"; {failed['trials']:,} trials failed, most of them of this: {failed['why']}"
        return Section("verdict", "Verdict", raw(_box("", f"Not judged: {reason}.")))
    if verdict["significant"]:
        text = "The best trial is significant: more than what so many trials show by luck."
        return Section("verdict", "Verdict", raw(_box("good", text)))
    text = f"The best trial is not significant: {'; '.join(verdict['against'])}."
    return Section("verdict", "Verdict", raw(_box("bad", text)))


def _box(tone: str, text: str) -> Markup:
    return Markup('<p class="verdict {}">{}</p>').format(tone, text)


def _best(found: Mapping[str, Any], land: Landscape) -> Section:
    stability = found["stability"]
    objective = _words(stability["objective"])
    headers = ("trial", *land.axes, objective, "neighbourhood", "worst near", "neighbours")
    rows = [_trial(t, land) for t in stability["best"]]
    steadiest = stability["steadiest"]
    note = (
        f"Neighbourhood: mean {objective} of the trial and its neighbours ({stability['rule']})."
        " A best trial far above it is a spike."
    )
    body = grid(headers, rows)
    if steadiest is not None:
        body = raw(body, grid(("best neighbourhood", *headers[1:]), [_trial(steadiest, land)]))
    return Section("best", "Best trials and their neighbours", body, note)


def _trial(trial: Mapping[str, Any], land: Landscape) -> list[str | Cell]:
    own, average = trial["objective"], trial["average"]
    steady = land.sign * (own - average) <= 0.5 * abs(own)
    return [
        str(trial["trial"]),
        *(f"{v:.6g}" for v in trial["params"].values()),
        _number(own),
        Cell(_number(average), tone="" if steady else "bad"),
        _number(trial["worst"]),
        str(trial["neighbours"]),
    ]


def _maps(found: Mapping[str, Any], land: Landscape) -> list[Section]:
    objective = _words(found["stability"]["objective"])
    sections = []
    for i, each in enumerate(maps(land)):
        note = f"{objective} over {each.across} (across) and {each.up} (up)."
        if each.counts.max(initial=0) > 1:
            note += " A cell is the median over the other parameters; rest on it for the number."
        title = f"{each.across} and {each.up}"
        sections.append(
            Section(f"map-{i}", title, raw(heat_map(f"chart-map-{i}", each, land.sign)), note)
        )
    return sections


def heat_map(ident: str, of: Map, sign: float = 1.0) -> str:
    """A map as SVG: the colour of gains and losses, or from weak to strong if all have one sign.

    sign  -1 where smaller is better: the best cell has a border
    """
    down, across = of.cells.shape
    wide, height = ACROSS / across, down * _ROW + 26
    low, high = float(np.nanmin(of.cells)), float(np.nanmax(of.cells))
    top = high if sign > 0.0 else low
    parts = []
    for row, name in enumerate(of.rows):
        y = (down - 1 - row) * _ROW  # the smallest value at the bottom
        parts.append(f'<text class="y" x="{LEFT - 6}" y="{y + 15}">{escape(name)}</text>')
        for column in range(across):
            value = float(of.cells[row, column])
            if np.isfinite(value):
                x = LEFT + column * wide
                css, strength = _colour(value, low, high)
                hint = f"{of.across} {of.columns[column]}, {of.up} {name}: {number(value)}"
                hint += f" ({int(of.counts[row, column])} trials)"
                best = " best" if value == top else ""
                parts.append(
                    f'<rect class="{css}{best}" x="{x:.2f}" y="{y}" width="{wide:.2f}"'
                    f' height="{_ROW}" fill-opacity="{strength:.2f}"><title>{escape(hint)}'
                    "</title></rect>"
                )
                if wide >= 40:
                    middle = f'x="{x + wide / 2:.2f}" y="{y + 15}"'
                    parts.append(f'<text class="value" {middle}>{number(value, 3)}</text>')
    every = max(1, round(across * 40 / ACROSS))  # names that do not fit beside each other
    for column in range(0, across, every):
        x = LEFT + (column + 0.5) * wide
        text = escape(of.columns[column])
        parts.append(f'<text class="x" x="{x:.2f}" y="{down * _ROW + 15}">{text}</text>')
    box = f'viewBox="0 0 {WIDTH} {height}"'
    return f'<svg id="{ident}" class="chart map" role="img" {box}>{"".join(parts)}</svg>'


def _colour(value: float, low: float, high: float) -> tuple[str, float]:
    if low < 0.0 < high:
        strength = abs(value) / max(-low, high)
        return ("gain" if value >= 0.0 else "loss"), 0.06 + 0.7 * strength
    part = (value - low) / (high - low) if high > low else 0.5
    return "main", 0.06 + 0.7 * part


def _all_trials(found: Mapping[str, Any], land: Landscape) -> Section:
    objective = _words(found["stability"]["objective"])
    counted = ", ".join(f"{n:,} {name}" for name, n in found["statuses"].items())
    note = f"{objective} of the {len(land.trials):,} trials that saw all data. Status: {counted}."
    known = distribution(land.objective)
    if not known["counts"]:
        return Section("trials", "All trials", raw(), note)
    drawn = bars(
        "chart-trials", np.array(known["edges"]), np.array(known["counts"]), percent=False,
        names=(objective, "trials"),
    )  # fmt: skip
    return Section("trials", "All trials", raw(drawn.svg), note)


def _identity(found: Mapping[str, Any]) -> Section:
    identity = {n: found[n] for n in _IDENTITY}
    spec = {n: v for n, v in found["spec"].items() if n not in ("source", "settings")}
    body = raw(
        grid(("identity", ""), fact_rows(identity), "facts"),
        grid(("what was asked", ""), fact_rows(spec), "facts"),
        grid(("setting of the engine", ""), fact_rows(found["spec"]["settings"]), "facts"),
    )
    note = "The same identity gives the same table, whatever the number of workers."
    return Section("identity", "Run identity", body, note)


def _number(value: float | None) -> str:
    return "-" if value is None else number(value)


def _words(name: str) -> str:
    return name.replace("_", " ")
