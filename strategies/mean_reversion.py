"""Mean reversion: buy what is far below its recent mean, sell it when it has come back.

    z = (close - mean) / deviation    of the last `period` closes, deviation of the population

Long when z is below -entry, out when z is above +exit, or at the stop or the target. With `shorts`
the sides mirror. After a stop nothing is entered until z has been back inside: otherwise a price
that keeps falling would be bought at every bar. Where nothing varies z is 0.
"""

from typing import Any

import numpy as np
from pydantic import Field

from strategies.stops import held, stop_hit
from trading.kernels.indicators import moments_state, zscore_step
from trading.kernels.strategy import submit_market
from trading.strategy import BUY, RELOAD, SELL, CompiledStrategy, StrategyParams

PERIOD_MAX = 500


class Params(StrategyParams):
    """Parameters of mean reversion; the period counts bars, levels count deviations."""

    period: int = Field(20, ge=2, le=PERIOD_MAX, description="closes that z is measured against")
    entry: float = Field(
        2.0, gt=0, le=20, description="enter beyond this z", json_schema_extra=RELOAD
    )
    exit: float = Field(
        0.5, ge=0, le=20, description="leave beyond this z on the other side",
        json_schema_extra=RELOAD,
    )  # fmt: skip
    notional: float = Field(
        1000.0, gt=0, description="quote currency per entry", json_schema_extra=RELOAD
    )
    shorts: bool = Field(False, description="sell what is far above its mean, too")
    stop_loss: float = Field(
        0.0, ge=0, lt=1, description="fraction of the entry price; 0 off", json_schema_extra=RELOAD
    )
    take_profit: float = Field(
        0.0, ge=0, description="fraction of the entry price; 0 off", json_schema_extra=RELOAD
    )


STATE = np.dtype(
    [
        ("closes", moments_state(PERIOD_MAX)),
        ("z", "f8"),  # of the last bar; NaN before there is one
        ("stopped", "i8"),  # the side that a stop ended; 0 none
    ]
)


def on_bar(state: Any, params: Any, bar: Any, account: Any, orders: Any) -> int:
    """Measure z; ask for at most one order, and for none while one is under way."""
    z = zscore_step(state.closes, bar.close, params.period)
    state.z = z
    if state.stopped * z > -params.entry:
        state.stopped = 0  # the reason to be in is gone: back inside
    if not abs(z) < np.inf or account.acting == 0 or account.working_count > 0:
        return 0
    position = held(account)
    side = 1 if position > 0.0 else -1 if position < 0.0 else 0
    if side != 0:
        hit = stop_hit(account, bar.close, params.stop_loss, params.take_profit)
        if not hit and z * side <= params.exit:
            return 0
        if hit and z * side < -params.entry:
            state.stopped = side
        return int(submit_market(orders, 0, -side, abs(position)))
    wanted = 0
    if z < -params.entry:
        wanted = BUY
    elif z > params.entry and params.shorts != 0:
        wanted = SELL
    if wanted in (0, state.stopped):
        return 0
    return int(submit_market(orders, 0, wanted, params.notional / bar.close))


STRATEGY = CompiledStrategy(name="mean_reversion", params=Params, state=STATE, on_bar=on_bar)
