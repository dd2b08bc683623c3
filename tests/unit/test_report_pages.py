"""Pages of reports: whole, self-contained, the same each time, and with every panel."""

import re
from dataclasses import replace

import numpy as np
import pytest
from report_results import Page, minutes, small

from research.figures import describe
from research.report_backtest import backtest_page
from research.report_compare import best_of, compare_document, compare_page
from research.statistics import performance_of
from trading.result import PRICE_ROW, BacktestResult

PANELS = (
    "equity", "drawdown", "price", "exposure", "rolling", "months", "distribution", "trades",
    "excursions", "trade-list", "orders", "statistics", "identity",
)  # fmt: skip
# What makes a browser ask the network, or another file, for something.
LOADS = re.compile(r"https?:|//[a-z]|url\(|@import|\bfetch\b|XMLHttpRequest|WebSocket|import\(")


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    runs = [("one", small()), ("two", small("other", params={"fast": 4}))]
    return {
        "small": backtest_page(small(), "one"),
        "minutes": backtest_page(minutes(20_000), "random"),
        "compare": compare_page(runs, compare_document(runs)),
    }


@pytest.mark.parametrize("name", ["small", "minutes", "compare"])
def test_a_page_is_well_formed_and_its_ids_are_unique(pages: dict[str, str], name: str) -> None:
    found = Page(pages[name])

    assert found.problems == []
    assert len(found.ids) == len(set(found.ids))


@pytest.mark.parametrize("name", ["small", "minutes", "compare"])
def test_a_page_loads_nothing(pages: dict[str, str], name: str) -> None:
    found = Page(pages[name])

    assert LOADS.findall(pages[name]) == []
    assert not {t for t, _ in found.elements} & {"link", "img", "iframe", "object", "base", "use"}
    assert not {n for _, a in found.elements for n in a} & {"src", "href", "xlink:href", "srcset"}
    assert "default-src 'none'" in pages[name]


def test_the_same_run_gives_the_same_bytes(pages: dict[str, str]) -> None:
    assert backtest_page(small(), "one") == pages["small"]


def test_every_panel_is_there(pages: dict[str, str]) -> None:
    ids = Page(pages["small"]).ids

    assert [i for i in ids if i in PANELS] == list(PANELS)
    charts = {"chart-equity", "chart-drawdown", "chart-price", "chart-exposure", "chart-mae"}
    assert charts | {"chart-mfe", "chart-distribution"} <= set(ids)
    assert "chart-rolling" in Page(pages["minutes"]).ids or "too few returns" in pages["minutes"]


def test_fills_of_every_instrument_are_drawn_under_its_name() -> None:
    result = small(instruments=["BTCUSDT", "ETHUSDT"])
    result.fills["instrument"] = (0, 0, 1, 1)

    page = backtest_page(result, "two")

    assert {"price", "price-1", "chart-price", "chart-price-1"} <= set(Page(page).ids)
    assert "Price and fills: BTCUSDT" in page
    assert "Price and fills: ETHUSDT" in page


def test_every_instrument_that_traded_has_its_price_line() -> None:
    result = small(instruments=["BTCUSDT", "ETHUSDT"])
    result.fills["instrument"] = (0, 0, 1, 1)
    prices = np.zeros(len(result.equity), PRICE_ROW)
    prices["ts"], prices["price"] = result.equity["ts"], 7.0 + np.arange(len(prices))
    prices["instrument"] = 1

    bare, lined = (
        backtest_page(replace(result, prices=each), "two") for each in (prices[:0], prices)
    )

    assert "keeps no price of it" in bare
    assert "keeps no price of it" not in lined
    lines = [p.count('class="line quiet"') for p in (bare, lined)]
    assert lines[1] == lines[0] + 1


def test_a_run_of_minutes_shows_no_annualised_ratio() -> None:
    result = minutes(300)

    page = backtest_page(result, "short")

    assert "chart-rolling" not in Page(page).ids
    assert "shorter than a day" in page


def test_every_figure_has_its_formula_beside_it(pages: dict[str, str]) -> None:
    hints = {a["title"] for t, a in Page(pages["small"]).elements if t == "th" and "title" in a}

    assert hints == {f"{f.formula} [{f.unit}]" for f in describe().values()}


def test_a_curve_that_is_flat_beside_its_benchmark_has_a_scale_of_its_own(
    pages: dict[str, str],
) -> None:
    result = small()
    result.equity["equity"] = 100.0 + np.arange(9) % 2 / 10.0
    own = {"chart-equity-own", "chart-drawdown-own"}

    assert own <= set(Page(backtest_page(result, "flat")).ids)
    assert not own & set(Page(pages["small"]).ids)


def test_what_is_not_drawn_is_said(pages: dict[str, str]) -> None:
    assert "all 20 points drawn" in Page(pages["small"]).text
    assert re.search(r"[\d,]+ of 40,002 points drawn, every extreme among them", pages["minutes"])


def test_a_page_of_many_bars_stays_small() -> None:
    assert len(backtest_page(minutes(100_000), "x")) < 1_000_000


def test_identity_is_shown_and_escaped() -> None:
    html = backtest_page(small("<script>alert(1)</script>"), 'run "x" & co')

    assert "<script>alert" not in html
    assert "run &#34;x&#34; &amp; co" in html
    for shown in ("d" * 64, "c" * 64, "params.fast", "seed", "taker_fee", "instruments[0].tick"):
        assert shown in html


def test_a_run_that_never_traded_has_a_page() -> None:
    known = small()
    result = BacktestResult(
        known.equity, known.fills[:0], known.orders[:0], known.trades[:0], {}, known.identity
    )
    result.equity["equity"] = 100.0
    found = Page(backtest_page(result, "idle"))

    assert found.problems == []
    assert "No round trip was closed." in found.text


def test_a_comparison_names_what_differs_and_nothing_else() -> None:
    other = small(params={"fast": 4, "slow": 7}, data_digest="e" * 64)
    found = compare_document([("one", small()), ("two", other)])

    assert found["differences"] == {
        "identity.params.fast": ["3", "4"],
        "identity.data_digest": ["d" * 64, "e" * 64],
    }
    assert found["stats"]["sharpe"] == [performance_of(small())["sharpe"]] * 2
    assert found["same"] > 10


def test_a_parameter_that_one_run_does_not_have_differs() -> None:
    found = compare_document([("one", small()), ("two", small(params={"fast": 3}))])

    assert found["differences"] == {"identity.params.slow": ["7", None]}


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("sharpe", [1.0, 2.0, None], {1}),
        ("max_drawdown", [0.1, 0.2, 0.1], {0, 2}),
        ("sharpe", [1.0, 1.0], set()),
        ("days", [1.0, 2.0], set()),
    ],
)
def test_the_best_is_large_or_small_by_its_figure(
    name: str, values: list[float | None], expected: set[int]
) -> None:
    assert best_of(name, values) == expected


def test_runs_of_different_length_share_one_axis() -> None:
    short = small()
    short = BacktestResult(
        short.equity[:4], short.fills[:2], short.orders, short.trades[:1], {}, short.identity
    )
    runs = [("long", small()), ("short", short)]
    html = compare_page(runs, compare_document(runs))
    lines = re.findall(r'<path class="line \w+" data-name="(\w+)" d="([^"]*)"', html)

    ends = {name: float(path.split("L")[-1].split()[0]) for name, path in lines[:2]}
    assert ends["short"] == pytest.approx(4 / 9 * ends["long"], rel=1e-3)
    assert np.isfinite(ends["long"])
