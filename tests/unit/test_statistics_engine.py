"""The engine counts while it runs what its equity curve would say afterwards."""

import numpy as np
import pytest
from candles import candles

from research.statistics import Performance, performance_of
from strategies.trend_following import STRATEGY
from trading.backtest import Settings, run
from trading.result import BacktestResult

HOUR_NS = 3_600_000_000_000
SAME = (
    "total_return", "final_equity", "sharpe", "sortino", "volatility", "max_drawdown", "cagr",
    "calmar", "profit_factor", "win_rate", "exposure", "turnover", "skew", "kurtosis", "trades",
)  # fmt: skip


@pytest.fixture(scope="module")
def result() -> BacktestResult:
    bars = candles(24 * 90 + 7)
    bars["ts_open"] = bars["ts_open"][0] // HOUR_NS * HOUR_NS + np.arange(len(bars)) * HOUR_NS
    bars["ts_event"] = bars["ts_init"] = bars["ts_open"] + HOUR_NS
    return run(STRATEGY, {"fast": 5, "slow": 20}, bars, Settings())


@pytest.fixture(scope="module")
def found(result: BacktestResult) -> Performance:
    return performance_of(result)


def test_the_run_has_something_to_compare(result: BacktestResult) -> None:
    assert len(result.fills) > 20
    assert result.metrics["days"][0] > 80


@pytest.mark.parametrize("name", SAME)
def test_the_engine_s_figure_is_that_of_its_equity_curve(
    result: BacktestResult, found: Performance, name: str
) -> None:
    assert found[name] == pytest.approx(float(result.metrics[name][0]), rel=1e-9, abs=1e-12)


def test_the_engine_counts_the_same_days(result: BacktestResult, found: Performance) -> None:
    assert found["samples"] == result.metrics["days"][0]
