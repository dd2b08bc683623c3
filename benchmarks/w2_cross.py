"""The strategy of W2: an EMA cross, long or flat, in a file of its own as a user would have it."""

from typing import Any

import numpy as np
from pydantic import Field

from trading.kernels.strategy import submit_market
from trading.strategy import BUY, SELL, CompiledStrategy, StrategyParams


class Params(StrategyParams):
    """Periods in bars; averages begin at the first close."""

    fast: int = Field(10, ge=1, le=1000, description="period of the fast EMA")
    slow: int = Field(20, ge=2, le=5000, description="period of the slow EMA, and bars to wait")
    quantity: float = Field(1.0, gt=0, description="base currency per entry")


STATE = np.dtype([("fast", "f8"), ("slow", "f8"), ("bars", "i8")])


def on_bar(state: Any, params: Any, bar: Any, account: Any, orders: Any) -> int:
    """Long while the fast average is above the slow one."""
    if state.bars == 0:
        state.fast = state.slow = bar.close
    else:
        state.fast += (bar.close - state.fast) * (2.0 / (params.fast + 1.0))
        state.slow += (bar.close - state.slow) * (2.0 / (params.slow + 1.0))
    state.bars += 1
    if state.bars < params.slow:
        return 0
    if state.fast > state.slow and account.position == 0.0:
        return int(submit_market(orders, 0, BUY, params.quantity))
    if state.fast < state.slow and account.position > 0.0:
        return int(submit_market(orders, 0, SELL, account.position))
    return 0


CROSS = CompiledStrategy(name="w2_cross", params=Params, state=STATE, on_bar=on_bar)
