"""A backtest as a page: the panels, from its tables and the document of `research.report`."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from markupsafe import Markup

from messages.arrays import Rows
from research.equity import SECOND_NS
from research.figures import describe
from research.report import document
from research.report_axes import duration, figure_text, to_ms, when
from research.report_page import (
    Card,
    Cell,
    Section,
    fact_rows,
    grid,
    legend,
    page,
    percent,
    raw,
    signed,
    words,
)
from research.report_series import (
    curve_of,
    deepest,
    exposure,
    fall,
    readings_of,
    rolling_sharpe,
)
from research.report_svg import Layer, bars, time_chart
from research.report_trades import orders_section, trade_panels
from trading.result import BacktestResult

_FLAT: Final = 0.35
_SHORT_DAYS: Final = 30
_PANELS_MAX: Final = 12  # of instruments besides the first
MONTHS: Final = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_CARDS: Final = (
    "total_return", "cagr", "sharpe", "sortino", "max_drawdown", "calmar", "volatility",
    "profit_factor", "win_rate", "trades", "exposure", "final_equity",
)  # fmt: skip
_SIGNED: Final = {"total_return", "cagr", "sharpe", "sortino", "calmar"}


def backtest_page(result: BacktestResult, run: str, known: Mapping[str, Any] | None = None) -> str:
    """The report of a backtest as one HTML file; the same result gives the same bytes.

    known   `document(result, run)`, if it is there already
    raises  ValueError if there is no equity to report on
    cost    O(n log n) in rows of equity
    """
    found = known or document(result, run)
    identity = found["identity"]
    named = ", ".join(identity.get("instruments", []) or ["?"])
    title = f"{identity.get('strategy', 'strategy')} on {named}"
    return page(title, subtitle_of(found), cards_of(found["stats"]), sections_of(result, found))


def subtitle_of(found: Mapping[str, Any]) -> str:
    """Period, bars and run in one line."""
    stats, identity = found["stats"], found["identity"]
    interval, steps = int(identity.get("interval_ns", 0)), f"{found['steps']:,} steps"
    if interval:
        events = str(identity.get("engine", "")).startswith("events")
        steps += f", one {'every' if events else 'a bar of'} {duration(interval)}"
    period = f"{when(stats['start_ts'])} to {when(stats['end_ts'])} UTC"
    short = stats["days"] < _SHORT_DAYS
    warned = f"; less than {_SHORT_DAYS} days: annualised figures say little" if short else ""
    return f"{period}, {steps}{warned}; run {found['run']}"


def cards_of(stats: Mapping[str, Any]) -> list[Card]:
    """The figures at the top."""
    found = []
    for name in _CARDS:
        value, figure = stats[name], describe()[name]
        tone = ""
        if name in _SIGNED and value:
            tone = "good" if value > 0.0 else "bad"
        hint = f"{figure.formula} [{figure.unit}]"
        found.append(Card(words(name), figure_text(value, figure.unit), hint, tone))
    return found


def sections_of(result: BacktestResult, found: Mapping[str, Any]) -> list[Section]:
    """All panels, in their order."""
    curve, currency = curve_of(result), result.identity.get("currency", "")
    span = int(curve.ts[0]), int(curve.ts[-1])
    return [
        *_equity_panels(result, span, currency),
        *_prices(result, span),
        _exposure(result, found, span),
        _rolling(result, found, span),
        _months(found),
        _distribution(found),
        *trade_panels(result, found, currency),
        orders_section(found),
        _statistics(found),
        identity_section(found["identity"], found["settings"]),
    ]


def _equity_panels(result: BacktestResult, span: tuple[int, int], currency: str) -> list[Section]:
    curve = curve_of(result)
    layers = [Layer("line", "equity", "main", curve.ts, curve.equity)]
    if curve.hold.any():
        layers.insert(0, Layer("line", "buy and hold", "other", curve.ts, curve.hold))
    drawn = time_chart("chart-equity", layers, height=300, span=span)
    charts = [drawn.svg]
    if np.ptp(curve.equity) < _FLAT * max(np.ptp(curve.hold), 1e-12):
        # Beside a benchmark that moves much more, equity is a flat line: it gets its own scale.
        charts.append(time_chart("chart-equity-own", layers[-1:], height=200, span=span).svg)
    down = [Layer("area", "drawdown", "loss", curve.ts, curve.drawdown)]
    if curve.hold.any():
        from_hold = Layer("line", "of buy and hold", "other", curve.ts, fall(curve.hold))
        down.append(from_hold)
    under = time_chart("chart-drawdown", down, percent=True, zero=True, height=180, span=span)
    falls = [under.svg]
    if curve.drawdown.min() > _FLAT * down[-1].y.min():
        own = time_chart(
            "chart-drawdown-own", down[:1], percent=True, zero=True, height=140, span=span
        )
        falls.append(own.svg)
    note = f"{currency}; {drawn.note}. Buy and hold: all money at the first price, without fees."
    return [
        Section("equity", "Equity", raw(legend(layers), *charts), note),
        Section(
            "drawdown", "Drawdown", raw(legend(down), *falls, _falls(result)),
            f"Below the highest equity so far; {under.note}.",
        ),
    ]  # fmt: skip


def _falls(result: BacktestResult) -> Markup:
    curve = curve_of(result)
    rows = [
        (
            percent(each.depth),
            to_ms(each.peak_ts),
            to_ms(each.trough_ts),
            "not recovered" if each.recovery_ts is None else to_ms(each.recovery_ts),
            duration(each.until_ts - each.peak_ts),
        )
        for each in deepest(curve.ts, curve.equity)
    ]
    if not rows:
        return raw()
    return grid(("deepest falls", "peak", "lowest", "recovered", "took"), rows)


def _prices(result: BacktestResult, span: tuple[int, int]) -> list[Section]:
    """Price and fills, a panel an instrument."""
    rows, names = result.equity, list(result.identity.get("instruments", ()))
    priced = np.isfinite(rows["price"]) & (rows["price"] > 0.0)
    found = [_price(result, span, 0, names, [_line(rows[priced])])]
    for i in sorted({int(i) for i in result.fills["instrument"]} - {0})[:_PANELS_MAX]:
        mine = result.prices[result.prices["instrument"] == i]
        found.append(_price(result, span, i, names, [_line(mine)] if len(mine) else []))
    return found


def _line(rows: Rows) -> Layer:
    return Layer("line", "price", "quiet", rows["ts"], rows["price"])


def _price(
    result: BacktestResult, span: tuple[int, int], i: int, names: list[str], lines: list[Layer]
) -> Section:
    mine = result.fills[result.fills["instrument"] == i]
    dots = [
        Layer("dots", name, name, f["ts"], np.asarray(f["price"], np.float64))
        for name, f in (("buy", mine[mine["side"] > 0]), ("sell", mine[mine["side"] < 0]))
    ]
    which = f"-{i}" if i else ""
    drawn = time_chart(f"chart-price{which}", [*lines, *dots], height=280, span=span)
    apart = time_chart("fills", dots, span=span)
    note = f"{len(mine):,} fills, {apart.drawn:,} dots: fills that fall on one pixel are one dot."
    if not lines:
        note += " The run keeps no price of it but that of its fills."
    title = f"Price and fills: {names[i]}" if len(names) > 1 else "Price and fills"
    return Section(f"price{which}", title, raw(legend([*lines, *dots]), drawn.svg), note)


def _exposure(result: BacktestResult, found: Mapping[str, Any], span: tuple[int, int]) -> Section:
    ts, part = exposure(result)
    drawn = time_chart(
        "chart-exposure", [Layer("area", "exposure", "main", ts, np.asarray(part))],
        percent=True, zero=True, height=150, span=span,
    )  # fmt: skip
    known = found["exposure"]
    note = "Value of the position / equity; above 0 long."
    if known:
        note += (
            f" Mean size {percent(known['mean'])}, highest {percent(known['highest'])},"
            f" lowest {percent(known['lowest'])}; long {percent(known['time_long'], 1)} of the"
            f" steps, short {percent(known['time_short'], 1)}; {drawn.note}."
        )
    return Section("exposure", "Exposure", raw(drawn.svg), note)


def _rolling(result: BacktestResult, found: Mapping[str, Any], span: tuple[int, int]) -> Section:
    known = found["rolling_sharpe"]
    step = duration(known["sampling_s"] * SECOND_NS)
    note = f"Of the last {known['window']} returns of {step} each, annualised for 365 days."
    ts, ratio = rolling_sharpe(readings_of(result), known["window"])
    if found["stats"]["days"] < 1.0:
        text = "The run is shorter than a day: an annualised ratio would say nothing."
        return Section("rolling", "Rolling Sharpe ratio", raw(), text)
    if not len(ts):
        text = f"The run has too few returns: {known['window']} are needed."
        return Section("rolling", "Rolling Sharpe ratio", raw(), text)
    drawn = time_chart(
        "chart-rolling", [Layer("line", "Sharpe ratio", "main", ts, ratio)],
        zero=True, height=180, span=(span[0], max(span[1], int(ts[-1]))),
    )  # fmt: skip
    return Section("rolling", "Rolling Sharpe ratio", raw(drawn.svg), f"{note} {drawn.note}.")


def _months(found: Mapping[str, Any]) -> Section:
    known = {(m["year"], m["month"]): m for m in found["monthly"]}
    returns = [abs(m["return"]) for m in found["monthly"] if m["return"] is not None]
    top = max(returns, default=0.0) or 1.0
    rows: list[list[str | Cell]] = []
    for year, whole in found["yearly"].items():
        row: list[str | Cell] = [str(year)]
        for month in range(1, 13):
            row.append(_month(known.get((int(year), month)), top))
        rows.append([*row, signed(whole, percent(whole))])
    note = "UTC months; the first and the last may be parts. Rest on one for the benchmark."
    return Section("months", "Monthly returns", grid(("year", *MONTHS, "all"), rows), note)


def _month(month: Mapping[str, Any] | None, top: float) -> Cell:
    if month is None or month["return"] is None:
        return Cell("")
    gain = float(month["return"])
    hint = f"buy and hold {percent(month['benchmark'])}"
    # Half the colour at most, so that the text on it can be read.
    return Cell(percent(gain), hint, shade=0.55 * gain / top)


def _distribution(found: Mapping[str, Any]) -> Section:
    known, stats = found["distribution"], found["stats"]
    step = duration(float(stats["sampling_s"] or 0.0) * SECOND_NS)
    if not known["counts"]:
        text = "Too few different returns to draw."
        return Section("distribution", "Distribution of returns", raw(), text)
    edges, counts = np.array(known["edges"]), np.array(known["counts"])
    drawn = bars(
        "chart-distribution", edges, counts, np.array(known["normal"]),
        names=("return", "number"),
    )  # fmt: skip
    note = (
        f"{known['returns']:,} returns of {step} each; the line is a normal distribution of"
        f" the same mean and deviation. Skew {_figure(stats, 'skew')}, kurtosis"
        f" {_figure(stats, 'kurtosis')}, 5 % value at risk {_figure(stats, 'var_95')}, mean"
        f" beyond it {_figure(stats, 'cvar_95')}."
    )
    return Section("distribution", "Distribution of returns", raw(drawn.svg), note)


def _figure(stats: Mapping[str, Any], name: str) -> str:
    return figure_text(stats[name], describe()[name].unit)


def _statistics(found: Mapping[str, Any]) -> Section:
    stats, hold, reasons = found["stats"], found["benchmark"], found["reasons"]
    rows: list[list[str | Cell]] = []
    for name, figure in describe().items():
        hint = f"{figure.formula} [{figure.unit}]"
        why = f": {reasons[name]}" if name in reasons else ""
        shown = figure_text(stats[name], figure.unit) + why
        beside = "-" if hold is None else figure_text(hold[name], figure.unit)
        rows.append([Cell(words(name), hint), shown, beside, figure.unit])
    note = "Rest on a name for its formula. All are computed from equity, annualised for 365 days."
    body = grid(("figure", "run", "buy and hold", "unit"), rows)
    formulas = grid(("figure", "formula"), [(words(n), f.formula) for n, f in describe().items()])
    more = raw("<details><summary>All formulas</summary>", formulas, "</details>")
    return Section("statistics", "Statistics", raw(body, more), note)


def identity_section(identity: Mapping[str, Any], settings: Mapping[str, Any]) -> Section:
    """What was run: everything that decides the result."""
    body = raw(
        grid(("identity", ""), fact_rows(identity), "facts"),
        grid(("setting of the engine", ""), fact_rows(settings), "facts"),
    )
    note = "The same identity and settings give the same result."
    return Section("identity", "Run identity", body, note)
