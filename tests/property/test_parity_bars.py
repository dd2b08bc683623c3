"""The parity law on bars: the compiled engine and the live path's cores do the same, to the fill.

Kernel: trading.backtest. Messages: strategy, risk and order manager in the loop, with a venue that
has the same fill rules in Decimal. Compared: every order (side, type, quantity, price, what became
of it and why), every fill (order, time, side, price, quantity, maker), the final cash.
"""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from market_files import needs_market
from parity import differences, hourly

from messages.arrays import Rows
from strategies import load
from trading.backtest import Rules, Settings, bars_of

MINUTE_NS = 60_000_000_000
NAMES = ("trend_following", "mean_reversion", "momentum", "market_making_bars", "grid")
MONEY = Rules(symbol="XUSD", tick=0.01, lot=0.001, min_quantity=0.001, min_notional=1.0)
BTC = Rules(symbol="BTCUSDT", tick=0.01, lot=1e-5, min_quantity=1e-5, min_notional=5.0)
quick = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)


def walk(seed: int, count: int, step: float) -> Rows:
    """Bars on whole cents; some do not move, some gap."""
    rng = np.random.default_rng(seed)
    moves = rng.normal(0.0, step, count) * (rng.random(count) > 0.1)
    close = np.round(100.0 * np.exp(np.cumsum(moves)), 2)
    gaps = np.where(rng.random(count) < 0.1, rng.normal(0.0, step, count), 0.0)
    opened = np.round(np.r_[100.0, close[:-1]] * (1.0 + gaps), 2)
    reach = np.abs(rng.normal(0.0, step / 2, count))
    high = np.round(np.maximum(opened, close) * (1.0 + reach), 2)
    low = np.round(np.minimum(opened, close) * (1.0 - reach), 2)
    ts = (np.arange(count) + 28_000_000) * MINUTE_NS
    volume = np.round(rng.lognormal(1.0, 1.0, count), 3)
    prices = {"open": opened, "high": high, "low": low, "close": close, "volume": volume}
    return bars_of({"ts_open": ts, "ts_event": ts + MINUTE_NS, **prices})


def fractions(high: float) -> st.SearchStrategy[float]:
    return st.floats(0.0, high).map(lambda x: round(x, 4))


notional = st.floats(5.0, 4_000.0).map(lambda x: round(x, 2))
PARAMS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "trend_following": st.fixed_dictionaries(
        {
            "fast": st.integers(1, 8), "slow": st.integers(2, 30), "warmup": st.integers(1, 20),
            "notional": notional, "shorts": st.booleans(), "atr_stop": fractions(3.0),
            "stop_loss": fractions(0.05), "take_profit": fractions(0.05),
        }
    ),
    "mean_reversion": st.fixed_dictionaries(
        {
            "period": st.integers(2, 40), "entry": st.floats(0.5, 3.0), "exit": fractions(1.5),
            "notional": notional, "shorts": st.booleans(), "stop_loss": fractions(0.05),
            "take_profit": fractions(0.05),
        }
    ),
    "momentum": st.fixed_dictionaries(
        {
            "roc_period": st.integers(1, 20), "threshold": fractions(0.02),
            "rsi_period": st.integers(2, 20), "overbought": st.floats(55.0, 100.0),
            "notional": notional, "stop_loss": fractions(0.05), "take_profit": fractions(0.05),
        }
    ),
    "market_making_bars": st.fixed_dictionaries(
        {
            "base_spread": st.floats(0.0002, 0.01), "volatility": st.floats(0.0, 3.0),
            "notional": notional, "inventory_max": st.floats(100.0, 6_000.0),
            "refresh_s": st.sampled_from([60.0, 180.0]),
        }
    ),
    "grid": st.fixed_dictionaries(
        {
            "lower": st.floats(90.0, 97.0), "upper": st.floats(101.0, 110.0),
            "levels": st.integers(3, 32), "investment": notional, "geometric": st.booleans(),
            "shorts": st.booleans(), "take_profit": fractions(0.1), "stop_loss": fractions(0.1),
            "trailing": st.booleans(), "rebalance": st.booleans(),
        }
    ),
}  # fmt: skip
assumptions = st.builds(
    Settings,
    fill=st.sampled_from(["next_open", "path"]),
    path=st.sampled_from([None, "adverse", "nearest", "high_first", "low_first"]),
    slippage=st.sampled_from([0.0, 0.0005]),
    limit_fill=st.sampled_from(["touch", "through"]),
    volume_share=st.sampled_from([0.0, 0.1]),
    instruments=st.just((MONEY,)),
)


@pytest.mark.parametrize("name", NAMES)
@quick
@given(data=st.data(), seed=st.integers(0, 10_000), step=st.floats(5e-4, 1.5e-2))
def test_kernel_and_messages_agree_on_any_bars_and_parameters(
    name: str, data: Any, seed: int, step: float
) -> None:
    params, assumed = data.draw(PARAMS[name]), data.draw(assumptions)

    wrong, _ = differences(load(name), params, walk(seed, 100, step), assumed)

    assert wrong == []


def test_a_price_a_thousandth_of_a_tick_from_the_next_tick_is_rounded_alike() -> None:
    # Found by the test above: 100.02 sold with 5 bps of slippage is 9996.999 ticks.
    params = {"fast": 1, "slow": 2, "warmup": 1, "notional": 5.0}
    assumed = Settings(slippage=0.0005, instruments=(MONEY,))

    wrong, _ = differences(load("trend_following"), params, walk(1, 100, 0.00390625), assumed)

    assert wrong == []


def test_what_a_bar_leaves_of_an_order_fills_at_the_next_open_if_that_is_a_tick_beyond() -> None:
    # Found by the test above: in doubles, 100.27 - 100.26 < 0.01.
    params = {"lower": 91.0, "upper": 101.0, "levels": 28, "investment": 372.0}
    assumed = Settings(limit_fill="through", volume_share=0.1, instruments=(MONEY,))

    wrong, result = differences(load("grid"), params, walk(0, 100, 5e-4), assumed)

    assert wrong == []
    assert result.fills["order"].tolist() == [24, 25, 25, 26]


@needs_market
@pytest.mark.parametrize(
    ("name", "params", "bars", "fills"),
    [
        ("trend_following", {}, 2_000, 80),
        ("mean_reversion", {"stop_loss": 0.03}, 2_000, 60),
        ("momentum", {}, 2_000, 60),
        ("market_making_bars", {"base_spread": 0.002}, 300, 50),
        ("grid", {"lower": 40_000.0, "upper": 72_000.0, "levels": 30}, 2_000, 30),
    ],
)
def test_kernel_and_messages_agree_on_real_hours_of_2024(
    name: str, params: dict[str, Any], bars: int, fills: int
) -> None:
    assumed = Settings(instruments=(BTC,))

    wrong, result = differences(load(name), params, hourly("BTC_USDT", bars), assumed)

    assert wrong == []
    assert len(result.fills) >= fills
