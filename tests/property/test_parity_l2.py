"""The parity law on books: the compiled engine and the live path's cores do the same, to the fill.

Kernel: trading.backtest_l2. Messages: feed, strategy, risk and order manager in the loop, with the
simulated venue behind constant delays. Compared: every order (when decided, side, type, quantity,
price, filled, how and when it ended, or that risk refused it), every fill (order, time, side,
price, quantity, fee, maker), and the strategy's memory, byte by byte.
"""

from typing import Any, Final

import pytest
from l2_witness import WITNESS
from parity_l2 import differences, tape

from scenarios.loop_tape import Delays
from strategies import load
from trading.result import DONE_REFUSED

MS: Final = 1_000_000
SECOND: Final = 1000 * MS
NEAR: Final = Delays(feed_ns=2 * MS, entry_ns=3 * MS, response_ns=4 * MS)
FAR: Final = Delays(feed_ns=50 * MS, entry_ns=200 * MS, response_ns=100 * MS)
SLOW: Final = Delays(feed_ns=20 * MS, entry_ns=800 * MS, response_ns=900 * MS)
STEPS: Final = Delays(feed_ns=20 * MS, entry_ns=10 * MS, response_ns=10 * MS)
# Strategy, parameters, interval of the bars that are built from trades, and fills at least.
CASES: Final[dict[str, tuple[str, dict[str, Any], int, int]]] = {
    "market making": (
        "market_making",
        {"refresh_s": 0.1, "notional": 3000.0, "base_spread": 1e-6, "spread_min": 1e-6},
        0,
        10,
    ),
    "market making with little money": (
        "market_making", {"refresh_s": 0.2, "notional": 150.0, "base_spread": 1e-6,
                          "spread_min": 1e-6}, 0, 1,
    ),
    "grid": (
        "grid", {"lower": 59_900.0, "upper": 60_100.0, "levels": 30, "investment": 30_000.0},
        SECOND, 5,
    ),
    "trailing grid": (
        "grid", {"lower": 59_950.0, "upper": 60_050.0, "levels": 30, "investment": 3000.0,
                 "trailing": True, "shorts": True, "stop_loss": 1e-4}, SECOND, 5,
    ),
    "trend following": (
        "trend_following", {"fast": 2, "slow": 4, "warmup": 2, "notional": 1000.0, "shorts": True,
                            "atr_stop": 1.0}, SECOND, 2,
    ),
    "mean reversion": (
        "mean_reversion", {"period": 4, "entry": 0.7, "exit": 0.1, "notional": 1000.0,
                           "shorts": True, "stop_loss": 2e-4}, SECOND, 2,
    ),
    "momentum": (
        "momentum", {"roc_period": 2, "threshold": 0.0, "rsi_period": 2, "overbought": 100.0,
                     "notional": 1000.0, "stop_loss": 2e-4}, SECOND, 2,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("delays", [NEAR, SLOW], ids=["near", "slow"])
def test_kernel_and_messages_agree_on_generated_markets(case: str, delays: Delays) -> None:
    name, params, interval_ns, fills = CASES[case]
    items = tape(seed=1, seconds=10.0, annual_volatility=3.0)

    wrong, result = differences(load(name), params, items, delays, interval_ns=interval_ns)

    assert wrong == []
    assert len(result.fills) >= fills


@pytest.mark.parametrize("model", ["risk_averse", "prob_power", "prob_log"])
def test_kernel_and_messages_agree_with_every_queue_model(model: str) -> None:
    name, params, _, _ = CASES["market making"]
    items = tape(seed=3, seconds=10.0)

    wrong, result = differences(load(name), params, items, FAR, queue_model=model)

    assert wrong == []
    assert (result.fills["maker"] == 1).any()


@pytest.mark.parametrize("delays", [Delays(response_ns=1), STEPS, SLOW], ids=["1 ns", "10", "slow"])
@pytest.mark.parametrize("grid_ns", [0, 10 * MS], ids=["any time", "much at one time"])
def test_kernel_and_messages_show_a_strategy_the_same(delays: Delays, grid_ns: int) -> None:
    items = tape(2, 8.0, grid_ns, annual_volatility=3.0)

    wrong, result = differences(
        WITNESS, {"calm": 30}, items, delays, queue_model="prob_log", interval_ns=SECOND
    )

    assert wrong == []
    assert len(result.fills) > 20


def test_orders_that_risk_refuses_are_the_same_and_never_reach_the_venue() -> None:
    name, params, _, _ = CASES["market making with little money"]
    items = tape(1, 10.0, grid_ns=10 * MS)

    wrong, result = differences(load(name), params | {"notional": 110.0}, items, STEPS)

    assert wrong == []
    assert len(result.orders) > 0
    assert (result.orders["status"] == DONE_REFUSED).all()
