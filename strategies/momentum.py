"""Momentum: buy what has risen fast and is not overbought, more of it the faster it rose.

    roc  = close / close `period` bars ago - 1          a fraction
    in     roc > threshold  and  RSI (Wilder) < overbought
    out    RSI > overbought, or roc < 0, or at the stop or the target
    size = notional (1 + min(1, 10 |roc|))

After a stop nothing is entered until roc has been below the threshold: otherwise the next bar
would buy back what was just sold. An RSI without any loss in it is 100, so it is overbought.
"""

from typing import Any

import numpy as np
from pydantic import Field

from strategies.stops import held, stop_hit
from trading.kernels.indicators import RSI, past_state, roc_step, rsi_step
from trading.kernels.strategy import submit_market
from trading.strategy import BUY, RELOAD, CompiledStrategy, StrategyParams

PERIOD_MAX = 500


class Params(StrategyParams):
    """Parameters of momentum; periods count bars, fractions are of a price."""

    roc_period: int = Field(14, ge=1, le=PERIOD_MAX, description="bars that the change is over")
    threshold: float = Field(
        0.02, ge=0, lt=10, description="enter above this change", json_schema_extra=RELOAD
    )
    rsi_period: int = Field(14, ge=2, le=PERIOD_MAX, description="period of the RSI")
    overbought: float = Field(
        70.0, gt=0, le=100, description="RSI of an entry at most, and of an exit",
        json_schema_extra=RELOAD,
    )  # fmt: skip
    notional: float = Field(
        1000.0, gt=0, description="quote currency per entry, times up to 2",
        json_schema_extra=RELOAD,
    )  # fmt: skip
    boost: float = Field(
        10.0, ge=0, le=1000, description="size grows by this times the change, at most to twice",
        json_schema_extra=RELOAD,
    )  # fmt: skip
    stop_loss: float = Field(
        0.02, ge=0, lt=1, description="fraction of the entry price; 0 off", json_schema_extra=RELOAD
    )
    take_profit: float = Field(
        0.04, ge=0, description="fraction of the entry price; 0 off", json_schema_extra=RELOAD
    )


STATE = np.dtype(
    [
        ("closes", past_state(PERIOD_MAX)),
        ("strength", RSI),
        ("roc", "f8"),  # of the last bar; NaN before there is one
        ("rsi", "f8"),
        ("stopped", "i8"),  # 1 after a stop, until the change is below the threshold
    ]
)


def on_bar(state: Any, params: Any, bar: Any, account: Any, orders: Any) -> int:
    """Measure change and strength; at most one order, and none while one is under way."""
    roc = roc_step(state.closes, bar.close, params.roc_period) / 100.0
    rsi = rsi_step(state.strength, bar.close, params.rsi_period)
    state.roc, state.rsi = roc, rsi
    if roc <= params.threshold:
        state.stopped = 0
    if not (abs(roc) < np.inf and abs(rsi) < np.inf):
        return 0
    if account.acting == 0 or account.working_count > 0:
        return 0
    position = held(account)
    if position != 0.0:
        hit = stop_hit(account, bar.close, params.stop_loss, params.take_profit)
        if hit and roc > params.threshold:
            state.stopped = 1
        if hit or rsi > params.overbought or roc < 0.0:
            return int(submit_market(orders, 0, -1 if position > 0.0 else 1, abs(position)))
        return 0
    if roc <= params.threshold or rsi >= params.overbought or state.stopped != 0:
        return 0
    notional = params.notional * (1.0 + min(1.0, params.boost * abs(roc)))
    return int(submit_market(orders, 0, BUY, notional / bar.close))


STRATEGY = CompiledStrategy(name="momentum", params=Params, state=STATE, on_bar=on_bar)
