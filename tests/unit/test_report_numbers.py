"""What a report computes: golden numbers of a run that can be done by hand."""

from math import sqrt

import numpy as np
import pytest
from report_results import DAY_NS, EQUITIES, JANUARY_28, PRICES, START_NS, minutes, small

from research.report import document
from research.report_axes import (
    duration,
    figure_text,
    number,
    tick_text,
    time_ticks,
    to_ms,
    value_ticks,
    when,
)
from research.report_series import (
    Curve,
    benchmark,
    curve_of,
    deepest,
    distribution,
    excursions,
    monthly,
    readings_of,
    rolling_sharpe,
    trade_summary,
    window_of,
    yearly,
)
from research.report_thin import dot_rows, line_rows
from research.statistics import performance_of
from trading.result import BacktestResult


def test_months_begin_where_the_one_before_ended() -> None:
    months = monthly(curve_of(small()))

    assert [(m["year"], m["month"]) for m in months] == [(2024, 1), (2024, 2)]
    # Four closes lie in January: the row stamped February 1st, 00:00, is the last of them.
    assert months[0]["return"] == pytest.approx(110.0 / 100.0 - 1.0)
    assert months[1]["return"] == pytest.approx(121.0 / 110.0 - 1.0)
    assert yearly(months)[2024] == pytest.approx(0.21)


def test_the_benchmark_buys_at_the_first_price_with_all_money() -> None:
    found = benchmark(small())

    assert curve_of(small()).hold.tolist() == [100.0, *(100.0 * p / 10.0 for p in PRICES)]
    assert found is not None
    assert found["total_return"] == pytest.approx(0.5)
    assert found["max_drawdown"] == pytest.approx(0.5)


def test_a_price_that_is_missing_is_the_last_one_and_none_at_all_means_no_benchmark() -> None:
    result, silent = small(), small()
    result.equity["price"][[0, 4]] = 0.0
    silent.equity["price"] = 0.0

    assert curve_of(result).hold[:3].tolist() == [100.0, 100.0, 100.0]
    assert curve_of(result).hold[5] == curve_of(result).hold[4]
    assert benchmark(silent) is None
    assert document(silent, "x")["benchmark"] is None


def test_the_deepest_fall_is_the_one_of_the_statistics() -> None:
    curve, stats = curve_of(small()), performance_of(small())
    falls = deepest(curve.ts, curve.equity)

    assert len(falls) == 1
    assert falls[0].depth == pytest.approx(1.0 - 88.0 / 110.0) == stats["max_drawdown"]
    assert falls[0].trough_ts == JANUARY_28 + 6 * DAY_NS == stats["max_drawdown_trough_ts"]
    assert falls[0].recovery_ts == JANUARY_28 + 8 * DAY_NS == stats["max_drawdown_recovery_ts"]


@pytest.mark.parametrize(
    ("equity", "depths", "recovered"),
    [
        ([5.0, 6.0, 7.0], [], []),
        ([10.0, 9.0, 10.0, 8.0, 11.0], [0.2, 0.1], [True, True]),
        ([10.0, 5.0], [0.5], [False]),
        ([10.0, 5.0, 10.0, 9.0, 9.0], [0.5, 0.1], [True, False]),
    ],
)
def test_falls_are_listed_from_the_deepest(
    equity: list[float], depths: list[float], recovered: list[bool]
) -> None:
    found = deepest(np.arange(len(equity)), np.array(equity))

    assert [f.depth for f in found] == pytest.approx(depths)
    assert [f.recovery_ts is not None for f in found] == recovered


def test_the_rolling_ratio_over_all_returns_is_the_sharpe_ratio_of_the_run() -> None:
    result = small()
    ts, ratio = rolling_sharpe(readings_of(result), window=9)

    assert ratio.tolist() == pytest.approx([performance_of(result)["sharpe"]])
    assert ts.tolist() == [int(result.equity["ts"][-1])]
    returns = np.diff([100.0, *EQUITIES]) / np.array([100.0, *EQUITIES[:-1]])
    assert ratio[0] == pytest.approx(returns.mean() / returns.std(ddof=1) * sqrt(365.0))


@pytest.mark.parametrize(("days", "window"), [(9, 5), (60, 20), (200, 30)])
def test_a_short_run_has_a_shorter_window(days: int, window: int) -> None:
    rows = minutes(days).equity
    rows["ts"] = START_NS + np.arange(1, days + 1) * DAY_NS
    known = {"initial_balance": 10_000.0, "interval_ns": DAY_NS}
    result = BacktestResult(rows, *(small().fills[:0],) * 3, identity=known)

    assert window_of(readings_of(result)) == window
    assert len(rolling_sharpe(readings_of(result), window)[0]) == days - window + 1


def test_returns_of_zero_are_a_bin_of_their_own_side() -> None:
    found = distribution(np.array([-0.02, -0.01, 0.0, 0.01, 0.02, 0.03]))

    assert sum(found["counts"]) == 6
    assert 0.0 in found["edges"]


def test_excursions_are_parts_of_what_was_entered() -> None:
    found = excursions(small().trades)

    assert found["mae"].tolist() == pytest.approx([-0.1, -0.2])
    assert found["mfe"].tolist() == pytest.approx([0.3, 0.1])
    assert found["pnl"].tolist() == pytest.approx([0.24, -0.125])


def test_trades_are_summed_by_side() -> None:
    found = trade_summary(small().trades)

    assert found["all"]["pnl"] == 8.0
    assert found["all"]["losses_in_a_row"] == 1
    assert found["long"]["winning"] == 1
    assert found["short"]["worst"] == -4.0
    assert found["long"]["median_s"] == 2 * 86_400


def test_the_document_has_the_statistics_as_they_are() -> None:
    found, stats = document(small(), "run-1"), performance_of(small())

    assert found["stats"] == dict(stats)
    assert found["reasons"] == stats.reasons
    assert found["run"] == "run-1"
    assert found["identity"]["params"] == {"fast": 3, "slow": 7}
    assert found["orders"]["status"] == {"filled": 4, "refused": 1}
    assert found["orders"]["reason"] == {"not enough cash or margin": 1}
    assert found["fills"]["value"] == pytest.approx(50.0 + 62.5 + 32.0 + 35.6)
    assert found["fills"]["fees"] == pytest.approx(0.9)
    assert (found["fills"]["buys"], found["fills"]["sells"]) == (2, 2)
    assert found["equity"]["equity"] == [100.0, *EQUITIES]


def test_a_spike_of_one_row_survives_thinning() -> None:
    result = minutes(60_000)
    result.equity["equity"][31_234] = 99_999.0
    result.equity["equity"][31_300] = 1.0
    found = document(result, "x")["equity"]

    assert found["of"] == 60_001
    assert found["points"] == len(found["ts"]) <= 4000
    assert max(found["equity"]) == 99_999.0
    assert min(found["equity"]) == 1.0


def test_few_points_are_all_drawn() -> None:
    assert line_rows(np.arange(40), np.zeros(40), 10).tolist() == list(range(40))


def test_dots_on_one_pixel_are_one_dot() -> None:
    x = np.array([0.0, 0.1, 100.0, 99.9, 50.0])

    assert dot_rows(x, np.zeros(5), 100, 100).tolist() == [0, 2, 4]
    assert dot_rows(np.zeros(0), np.zeros(0), 100, 100).tolist() == []


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 10.0, [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]),
        (-0.03, 0.02, [-0.03, -0.02, -0.01, 0.0, 0.01, 0.02]),
        (5.0, 5.0, [5.0]),
    ],
)
def test_marks_are_round_numbers(low: float, high: float, expected: list[float]) -> None:
    assert value_ticks(low, high) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("days", "first", "last"),
    [
        (365, "2024-01", "2024-11"),
        (2000, "2024", "2029"),
        (20, "01-04", "01-18"),
        (1, "01-01 00:00", "01-02 00:00"),
    ],
)
def test_marks_of_time_are_whole_days_months_and_years(days: int, first: str, last: str) -> None:
    found = time_ticks(START_NS, START_NS + days * DAY_NS)

    assert (found[0][1], found[-1][1]) == (first, last)
    assert len(found) <= 10


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (number(1234.5678), "1,235"),
        (number(0.00012345), "0.0001234"),
        (number(-2.5), "-2.5"),
        (number(float("nan")), "-"),
        (tick_text(0.05, 0.05, percent=True), "5 %"),
        (tick_text(-1e-17, 0.5), "0.0"),
        (when(START_NS + 1_500_000_000), "2024-01-01 00:00:01.5"),
        (to_ms(START_NS - 1), "2024-01-01 00:00:00"),
        (to_ms(START_NS + 1_234_567), "2024-01-01 00:00:00.001"),
        (duration(90e9), "1.5 min"),
        (duration(5e6), "5 ms"),
        (figure_text(0.1234, "fraction a year"), "12.34 %"),
        (figure_text(-0.0000123, "fraction"), "-0.0012 %"),
        (figure_text(0.0, "fraction"), "0.00 %"),
        (figure_text(None, "ratio"), "-"),
        (figure_text(12, "count"), "12"),
        (figure_text(START_NS, "ns since 1970 UTC"), "2024-01-01 00:00:00"),
    ],
)
def test_values_are_written_for_people(said: str, expected: str) -> None:
    assert said == expected


def test_a_run_that_lost_everything_still_has_a_report() -> None:
    result = small()
    result.equity["equity"][4:] = 0.0
    found = document(result, "x")

    assert found["stats"]["cagr"] is None
    assert found["monthly"][-1]["return"] == -1.0
    assert Curve(np.arange(2), np.zeros(2), np.zeros(2)).drawdown.tolist() == [0.0, 0.0]


def test_a_run_without_bars_is_refused() -> None:
    result = small()
    empty = type(result)(result.equity[:0], result.fills, result.orders, result.trades)

    with pytest.raises(ValueError, match="no row of equity"):
        document(empty, "x")
