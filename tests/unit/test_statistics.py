import json
from datetime import UTC, datetime
from math import isfinite, sqrt

import numpy as np
import pytest
from scipy import stats

from research.equity import DAY_NS, SECOND_NS, read_at, sampled
from research.figures import FIGURES
from research.sharpe import deflated_sharpe
from research.statistics import Performance, describe, performance, performance_of
from trading.result import EQUITY, FILL_ROW, ORDER_ROW, TRADE_ROW, BacktestResult

HOUR_NS = 3600 * SECOND_NS
START = 19_724 * DAY_NS  # 2024-01-02
R = 0.012 * np.sin(1.7 * np.arange(250)) + 0.004 * np.cos(0.31 * np.arange(250)) + 0.0008
EQUITY_250 = 10_000.0 * np.concatenate(([1.0], np.cumprod(1.0 + R)))
DAYS_250 = START + np.arange(251) * DAY_NS

# empyrical-reloaded 0.7.1 on the returns R, annualization=365; quantstats 0.0.86, periods=365, has
# the same Sharpe, Sortino, drawdown and volatility to 1e-14.
GOLDEN = {
    "sharpe": 1.9394625904079947,
    "sortino": 3.0034948565664856,
    "volatility": 0.17111006780096819,
    "cagr": 0.373214663650955,
    "max_drawdown": 0.033274553028213014,
    "calmar": 11.216218692239432,
    "var_95": 0.012737120542606273,
    "cvar_95": 0.013998191496487582,
    "total_return": 0.24262873449684186,
}


def trades(*pnl: float) -> np.ndarray:
    table = np.zeros(len(pnl), TRADE_ROW)
    table["pnl"] = pnl
    return table


def day(ns: float | None) -> str:
    assert ns is not None
    return datetime.fromtimestamp(ns / 1e9, UTC).strftime("%Y-%m-%d")


@pytest.mark.parametrize("name", GOLDEN)
def test_daily_equity_has_the_figures_of_other_libraries(name: str) -> None:
    assert performance(DAYS_250, EQUITY_250)[name] == pytest.approx(GOLDEN[name], rel=1e-11)


def test_moments_are_those_of_scipy() -> None:
    found = performance(DAYS_250, EQUITY_250)

    assert found["skew"] == pytest.approx(stats.skew(R), rel=1e-10)
    assert found["kurtosis"] == pytest.approx(stats.kurtosis(R, fisher=False), rel=1e-10)


def test_the_drawdown_has_its_dates() -> None:
    found = performance(DAYS_250, EQUITY_250)

    # quantstats: under water from 2024-05-09 to 2024-05-22, lowest on 2024-05-17; it names the day
    # of a return, we the midnight at its end, and a peak is the midnight before the first fall.
    assert day(found["max_drawdown_peak_ts"]) == "2024-05-09"
    assert day(found["max_drawdown_trough_ts"]) == "2024-05-18"
    assert day(found["max_drawdown_recovery_ts"]) == "2024-05-24"
    assert found["max_drawdown_days"] == 15.0
    assert found["longest_drawdown_days"] == 18.0


def test_rows_within_the_day_do_not_change_the_sharpe_ratio() -> None:
    hours = START + np.arange(250 * 24 + 1) * HOUR_NS
    equity = np.repeat(EQUITY_250, 24)[-len(hours) :]
    equity[1:] *= np.where(np.arange(1, len(hours)) % 24 == 0, 1.0, 0.97)
    equity[::24] = EQUITY_250

    found = performance(hours, equity)

    assert found["sharpe"] == pytest.approx(GOLDEN["sharpe"])
    assert found["samples"] == 250
    # The drawdown sees every row.
    assert found["max_drawdown"] > GOLDEN["max_drawdown"]


def test_trades_do_not_touch_what_comes_from_equity() -> None:
    without = performance(DAYS_250, EQUITY_250)
    having = performance(DAYS_250, EQUITY_250, trades(5.0, -3.0))

    changed = {n for n in FIGURES if without[n] != having[n]}

    assert changed == {
        "trades", "win_rate", "profit_factor", "expectancy", "average_win", "average_loss", "sqn",
    }  # fmt: skip


def test_trades_have_the_figures_one_can_work_out() -> None:
    found = performance(DAYS_250, EQUITY_250, trades(100.0, -50.0, 0.0, 200.0, -50.0))

    assert found["trades"] == 5
    assert found["win_rate"] == pytest.approx(2 / 5)
    assert found["profit_factor"] == pytest.approx(3.0)
    assert found["expectancy"] == pytest.approx(40.0)
    assert found["average_win"] == pytest.approx(150.0)
    assert found["average_loss"] == pytest.approx(-50.0)
    # Deviations 60, -90, -40, 160, -90: variance 47,000 / 4.
    assert found["sqn"] == pytest.approx(sqrt(5) * 40.0 / sqrt(47_000 / 4))


def test_exposure_and_turnover_count_rows_and_fills() -> None:
    fills = np.zeros(2, FILL_ROW)
    fills["price"], fills["quantity"] = [100.0, 110.0], [2.0, 2.0]
    ts = START + np.arange(3) * 73 * DAY_NS

    found = performance(ts, np.full(3, 1000.0), fills=fills, position=np.array([0.0, 2.0, -2.0]))

    assert found["exposure"] == pytest.approx(2 / 3)
    # 420 traded on 1000 in 146 of 365 days.
    assert found["turnover"] == pytest.approx(0.42 * 365 / 146)


def test_a_search_of_many_trials_deflates_the_ratio() -> None:
    once = performance(DAYS_250, EQUITY_250)
    often = performance(DAYS_250, EQUITY_250, trials=200, trials_variance=0.002)
    s = R.mean() / R.std(ddof=1)

    expected = deflated_sharpe(s, 250, 200, 0.002, stats.skew(R), stats.kurtosis(R, fisher=False))
    assert often["deflated_sharpe"] == pytest.approx(expected, rel=1e-9)
    assert once["deflated_sharpe"] == once["probabilistic_sharpe"]
    assert often["probabilistic_sharpe"] == once["probabilistic_sharpe"]


def test_midnight_belongs_to_the_day_that_ends() -> None:
    ts = START + np.array([0, 6, 24, 30, 48, 49]) * HOUR_NS

    found = read_at(ts, np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), DAY_NS)

    # The first row is the close of the day before, alone in it, so the base.
    assert found.equity.tolist() == [1.0, 3.0, 5.0, 6.0]
    assert ((found.closes - START) // DAY_NS).tolist() == [1, 2, 3]


def test_days_without_rows_keep_the_last_equity() -> None:
    ts = START + np.array([1, 24, 96]) * HOUR_NS

    assert read_at(ts, np.array([1.0, 2.0, 3.0]), DAY_NS).equity.tolist() == [1, 2, 2, 2, 3]


def test_an_initial_equity_is_the_base_of_the_first_return() -> None:
    found = read_at(DAYS_250[:3], EQUITY_250[:3], DAY_NS, (START - DAY_NS, 9_000.0))

    assert found.equity.tolist() == [9_000.0, *EQUITY_250[:3]]
    # Days before the first row have no return.
    early = read_at(DAYS_250[:3], EQUITY_250[:3], DAY_NS, (START - 3 * DAY_NS, 9_000.0))
    assert early.equity.tolist() == [9_000.0, 9_000.0, 9_000.0, *EQUITY_250[:3]]
    with pytest.raises(ValueError, match="after its first row"):
        read_at(DAYS_250, EQUITY_250, DAY_NS, (START + 1, 9_000.0))


@pytest.mark.parametrize(
    ("hours", "step_s"),
    [(24 * 6, 86_400), (24 * 3, 3_600), (12, 900), (2, 60), (0.1, 1), (0.001, 1)],
)
def test_short_runs_are_read_at_shorter_steps(hours: float, step_s: int) -> None:
    ts = START + np.linspace(0, hours * HOUR_NS, 1000).astype(np.int64)

    found = sampled(ts, np.linspace(1.0, 2.0, 1000))

    assert found.step_ns == step_s * SECOND_NS


@pytest.mark.parametrize(("rows", "step_s"), [(4, 86_400), (12, 3_600)])
def test_few_rows_are_not_read_more_often_than_they_come(rows: int, step_s: int) -> None:
    found = sampled(START + np.arange(rows) * step_s * SECOND_NS, np.arange(1.0, rows + 1))

    assert found.step_ns == step_s * SECOND_NS
    assert len(found.returns) == rows - 1


def test_a_loss_from_the_first_row_on_is_a_drawdown_from_the_initial_equity() -> None:
    found = performance(DAYS_250[:3], np.array([900.0, 800.0, 850.0]), base=(START, 1000.0))

    assert found["max_drawdown"] == pytest.approx(0.2)
    assert found["total_return"] == pytest.approx(-0.15)
    assert found.reasons["max_drawdown_recovery_ts"] == "not recovered at the end"


DEGENERATE = {
    "empty": (np.empty(0), "sharpe", "no equity"),
    "one point": (np.array([1.0]), "sharpe", "fewer than two returns"),
    "flat": (np.full(300, 1000.0), "sharpe", "all returns are equal"),
    "steady": (1.01 ** np.arange(300), "sharpe", "all returns are equal"),
    "rising": (1000.0 + np.arange(300) ** 1.1, "sortino", "no losing return"),
    "never falls": (1000.0 + np.arange(300) ** 1.1, "calmar", "equity never fell"),
    "lost": (np.array([10.0, 5.0, 0.0, 0.0, 1.0] * 9), "sharpe", "equity reached zero"),
    "below zero": (np.array([10.0, 5.0, -1.0]), "cagr", "equity is not above zero"),
    "never above": (np.full(9, -1.0), "max_drawdown", "equity never was above zero"),
    "few": (np.array([1.0, 1.1, 1.0, 1.2]), "var_95", "fewer than 20 returns"),
    "explosion": (np.array([1e-300, 1e300]), "cagr", "too large"),
}


@pytest.mark.parametrize("case", DEGENERATE)
def test_what_cannot_be_said_is_none_with_a_reason(case: str) -> None:
    equity, name, reason = DEGENERATE[case]

    found = performance(START + np.arange(len(equity)) * DAY_NS, equity, trades())

    assert found[name] is None
    assert reason in found.reasons[name]
    assert found["win_rate"] is None
    assert found.reasons["win_rate"] == "no trades"
    assert all(v is None or isfinite(v) for v in found.values())
    assert set(found.reasons) == {n for n, v in found.items() if v is None}
    json.dumps([dict(found), found.reasons], allow_nan=False)


def test_one_instant_of_equity_has_no_year() -> None:
    found = performance(np.full(4, START), np.array([1.0, 2.0, 1.0, 2.0]))

    assert found.reasons["cagr"] == "shorter than a day"
    assert found["max_drawdown"] == 0.5


@pytest.mark.parametrize("name", ["cagr", "volatility", "sharpe", "sortino", "calmar", "turnover"])
@pytest.mark.parametrize(
    ("length_ns", "annual"), [(6 * 60 * SECOND_NS, False), (DAY_NS - 1, False), (DAY_NS, True)]
)
def test_a_run_is_annualised_from_a_day_on(name: str, length_ns: int, annual: bool) -> None:
    ts = START + np.linspace(0, length_ns, 251).astype(np.int64)
    fills = np.zeros(1, FILL_ROW)
    fills["price"] = fills["quantity"] = 1.0

    found = performance(ts, EQUITY_250, fills=fills)

    assert (found[name] is not None) == annual
    assert found.reasons.get(name) == (None if annual else "shorter than a day")
    assert found["probabilistic_sharpe"] is not None
    assert found["total_return"] == pytest.approx(GOLDEN["total_return"])


def test_only_winning_trades_have_no_profit_factor() -> None:
    found = performance(DAYS_250, EQUITY_250, trades(1.0, 1.0))

    assert found.reasons["profit_factor"] == "no losing trade"
    assert found.reasons["sqn"] == "all trades are equal"
    assert found["win_rate"] == 1.0


@pytest.mark.parametrize(
    ("ts", "equity", "reason"),
    [
        ([3, 2, 1], [1.0, 1.0, 1.0], "row 1: earlier"),
        ([1, 2, 3], [1.0, np.nan, 1.0], "row 1: nan"),
        ([1, 2, 3], [1.0, 1.0, np.inf], "row 2: inf"),
        ([1, 2], [1.0], "one a row"),
    ],
)
def test_equity_that_is_none_is_refused(ts: list[int], equity: list[float], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        performance(np.array(ts), np.array(equity))


def test_trades_without_a_result_are_refused() -> None:
    with pytest.raises(ValueError, match="trades, row 1: pnl nan"):
        performance(DAYS_250, EQUITY_250, trades(1.0, np.nan))


def test_a_backtest_result_is_read_against_its_initial_balance() -> None:
    equity = np.zeros(251, EQUITY)
    equity["ts"], equity["equity"], equity["position"] = DAYS_250, EQUITY_250, 1.0
    result = BacktestResult(
        equity, np.zeros(0, FILL_ROW), np.zeros(0, ORDER_ROW), trades(1.0),
        identity={"initial_balance": 9_999.0, "interval_ns": DAY_NS},
    )  # fmt: skip

    found = performance_of(result)

    assert found["initial_equity"] == 9_999.0
    assert (found["days"], found["samples"]) == (251.0, 251)
    assert (found["exposure"], found["turnover"], found["trades"]) == (1.0, 0.0, 1)


def test_every_figure_is_described_and_in_order() -> None:
    found = performance(DAYS_250, EQUITY_250)

    assert list(found) == list(describe())
    assert all(f.formula and f.unit for f in describe().values())
    assert list(Performance({})) == list(describe())
