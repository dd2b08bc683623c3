"""Trend following: long while a fast EMA of the closes is above a slow one.

Decisions are taken from levels, not from the moment of the cross: an order that was refused, or a
cross that happened while the strategy was down, is made good at the next bar. Stops are checked
on closes and stay out of the market until the next cross up; with `shorts` the sides mirror.
"""

from typing import Any

import numpy as np
from pydantic import Field

from trading.kernels.strategy import submit_market
from trading.strategy import BUY, RELOAD, SELL, CompiledStrategy, StrategyParams


class Params(StrategyParams):
    """Parameters of trend following; periods count bars, fractions are of a price."""

    fast: int = Field(10, ge=1, le=1000, description="period of the fast EMA")
    slow: int = Field(20, ge=2, le=5000, description="period of the slow EMA")
    warmup: int = Field(5, ge=1, le=5000, description="bars before the first decision")
    notional: float = Field(
        1000.0, gt=0, description="quote currency per entry", json_schema_extra=RELOAD
    )
    shorts: bool = Field(False, description="hold short while the fast EMA is below")
    atr_period: int = Field(14, ge=1, le=1000, description="period of the ATR (Wilder)")
    atr_stop: float = Field(
        2.0, ge=0, description="stop this many ATRs from entry; 0 off", json_schema_extra=RELOAD
    )
    stop_loss: float = Field(
        0.0, ge=0, lt=1, description="fraction of the entry price; 0 off", json_schema_extra=RELOAD
    )
    take_profit: float = Field(
        0.0, ge=0, description="fraction of the entry price; 0 off", json_schema_extra=RELOAD
    )


STATE = np.dtype(
    [
        ("fast", "f8"),
        ("slow", "f8"),
        ("atr", "f8"),
        ("last_close", "f8"),
        ("bars", "i8"),
        ("stopped", "i8"),  # the side of the trend that a stop ended; 0 none
    ]
)


def on_bar(state: Any, params: Any, bar: Any, account: Any, orders: Any) -> int:
    """Follow the averages; ask for at most one order, and for none while one is under way."""
    if state.bars == 0:
        state.fast = state.slow = state.last_close = bar.close
        state.atr = bar.high - bar.low
    state.fast += (bar.close - state.fast) * 2.0 / (params.fast + 1.0)
    state.slow += (bar.close - state.slow) * 2.0 / (params.slow + 1.0)
    reach = max(bar.high, state.last_close) - min(bar.low, state.last_close)
    state.atr += (reach - state.atr) / params.atr_period
    state.last_close = bar.close
    state.bars += 1

    trend = 1 if state.fast > state.slow else -1 if state.fast < state.slow else 0
    if trend != state.stopped:
        state.stopped = 0
    if state.bars < params.warmup or account.acting == 0 or account.working_count > 0:
        return 0
    # What is left below a lot cannot be sold, and is as good as flat.
    held = account.position if abs(account.position) >= account.min_quantity else 0.0
    side = 1 if held > 0.0 else -1 if held < 0.0 else 0
    if side != 0:
        gain = (bar.close - account.avg_px) * side
        limit = params.atr_stop * state.atr
        hit = (limit > 0.0 and gain <= -limit) or (
            params.stop_loss > 0.0 and gain <= -params.stop_loss * account.avg_px
        )
        if hit or (params.take_profit > 0.0 and gain >= params.take_profit * account.avg_px):
            state.stopped = side
            return int(submit_market(orders, 0, -side, abs(held)))
    wanted = 0 if trend == state.stopped else trend
    if wanted < 0 and params.shorts == 0:
        wanted = 0
    if wanted == side or (trend == 0 and side != 0):
        return 0
    target = wanted * params.notional / bar.close
    change = target - held
    return int(submit_market(orders, 0, BUY if change > 0.0 else SELL, abs(change)))


STRATEGY = CompiledStrategy(name="trend_following", params=Params, state=STATE, on_bar=on_bar)
