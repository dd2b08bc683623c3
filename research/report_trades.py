"""The panels of a backtest's trades, orders and fills."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from markupsafe import Markup

from messages.arrays import Rows
from research.equity import SECOND_NS
from research.report_axes import duration, number, to_ms
from research.report_page import Section, grid, legend, percent, raw, signed
from research.report_series import excursions
from research.report_svg import Layer, scatter
from trading.result import BacktestResult

TRADES_ALL: Final = 60  # so many trades are listed; of more, the best and the worst
TRADES_ENDS: Final = 20  # of each


def trade_panels(result: BacktestResult, found: Mapping[str, Any], currency: str) -> list[Section]:
    """Trades by side, their excursions, and one by one; `found` is the run's document."""
    trades = result.trades
    if not len(trades):
        return [Section("trades", "Trades", raw(), "No round trip was closed.")]
    return [
        Section("trades", "Trades", _sides(found["trades"]), f"Round trips; money in {currency}."),
        _excursions(trades),
        _listed(trades, result.identity.get("instruments", [])),
    ]


def _sides(summary: Mapping[str, Any]) -> Markup:
    headers = (
        "side", "trades", "winning", "pnl", "fees", "best", "worst", "median time", "longest",
        "losses in a row",
    )  # fmt: skip
    rows = [
        (
            name,
            f"{side['trades']:,}",
            f"{side['winning']:,}",
            signed(side["pnl"], _money(side["pnl"])),
            _money(side["fees"]),
            _money(side["best"]),
            _money(side["worst"]),
            duration(side["median_s"] * SECOND_NS),
            duration(side["longest_s"] * SECOND_NS),
            f"{side['losses_in_a_row']:,}",
        )
        for name, side in summary.items()
    ]
    return grid(headers, rows)


def _money(value: float) -> str:
    return f"{value:,.2f}" if abs(value) >= 1.0 else number(value)


def _excursions(trades: Rows) -> Section:
    parts = excursions(trades)
    won = trades["pnl"] > 0.0
    charts = []
    for ident, field, name in (("mae", "mae", "worst"), ("mfe", "mfe", "best")):
        layers = [
            Layer("dots", "lost", "loss", parts[field][~won], parts["pnl"][~won]),
            Layer("dots", "won", "gain", parts[field][won], parts["pnl"][won]),
        ]
        across = f"{field.upper()}: {name} open result"
        charts.append(scatter(f"chart-{ident}", layers, height=240, names=(across, "result")))
    note = (
        "Each trade's worst (MAE) and best (MFE) open result before fees against what it earned"
        f" after fees, as parts of what was entered. {len(trades):,} trades,"
        f" {charts[0].drawn:,} and {charts[1].drawn:,} dots: trades on one pixel are one dot."
    )
    key = legend([Layer("dots", n, c, np.zeros(0), np.zeros(0)) for n, c in _OUTCOMES])
    body = raw(key, *(c.svg for c in charts))
    return Section("excursions", "Excursions of trades", body, note)


_OUTCOMES: Final = (("won", "gain"), ("lost", "loss"))


def _listed(trades: Rows, instruments: Sequence[str]) -> Section:
    order = np.argsort(-trades["pnl"], kind="stable")
    chosen, note = np.arange(len(trades)), f"All {len(trades):,}, in order of exit."
    if len(trades) > TRADES_ALL:
        chosen = np.concatenate((order[:TRADES_ENDS], order[-TRADES_ENDS:]))
        note = (
            f"The {TRADES_ENDS} best and the {TRADES_ENDS} worst of {len(trades):,};"
            " trades.parquet in the run's folder has all."
        )
    parts = excursions(trades)
    several = len(instruments) > 1  # one is in the title: the table has room for what differs
    headers = (
        "no.", *(("instrument",) if several else ()), "side", "entered", "left", "held", "quantity",
        "entry", "exit", "pnl", "pnl %", "MAE %", "MFE %", "fee",
    )  # fmt: skip
    rows = []
    for i in chosen.tolist():
        t = trades[i]
        which = int(t["instrument"])
        name = instruments[which] if which < len(instruments) else str(which)
        entered, left = to_ms(int(t["entry_ts"])), to_ms(int(t["exit_ts"]))
        rows.append(
            (
                str(i + 1),
                *((name,) if several else ()),
                "long" if t["side"] > 0 else "short",
                entered,
                left[11:] if left[:10] == entered[:10] else left,
                duration(float(t["exit_ts"] - t["entry_ts"])),
                number(float(t["quantity"]), 6),
                number(float(t["entry_price"]), 7),
                number(float(t["exit_price"]), 7),
                signed(float(t["pnl"]), _money(float(t["pnl"]))),
                *(percent(float(parts[name][i])) for name in ("pnl", "mae", "mfe")),
                _money(float(t["fee"])),
            )
        )
    return Section("trade-list", "Trades one by one", grid(headers, rows), note)


def orders_section(found: Mapping[str, Any]) -> Section:
    """How orders ended and what fills cost; `found` is the run's document."""
    orders, fills = found["orders"], found["fills"]
    rows = [(name, f"{n:,}") for name, n in orders["status"].items()]
    rows += [(f"because: {name}", f"{n:,}") for name, n in orders["reason"].items()]
    rows += [
        ("fills, buys / sells", f"{fills['buys']:,} / {fills['sells']:,}"),
        ("fills as maker", f"{fills['maker']:,} of {fills['fills']:,}"),
        ("value traded", _money(fills["value"])),
        ("fees", _money(fills["fees"])),
    ]
    note = f"{orders['orders']:,} orders, {fills['fills']:,} fills."
    return Section("orders", "Orders and fills", grid(("what", "how many"), rows), note)
