"""When a position has lost or won enough: what the strategies of this package share.

Checked on closes, against the average price of the position. A strategy that was stopped out waits
until its reason to be in the market is gone before it enters again; `STATE.stopped` says so.
"""

from typing import Any

from numba import njit


@njit()
def held(account: Any) -> float:
    """The position; 0 if less than a lot that can be traded is left: as good as flat."""
    return float(account.position if abs(account.position) >= account.min_quantity else 0.0)


@njit()
def stop_hit(account: Any, price: float, stop_loss: float, take_profit: float) -> bool:
    """Whether the position is at its stop or its target at this price.

    stop_loss, take_profit  fractions of the entry price; 0 is off
    """
    side = 1.0 if account.position > 0.0 else -1.0
    gain = (price - account.avg_px) * side
    lost = stop_loss > 0.0 and gain <= -stop_loss * account.avg_px
    won = take_profit > 0.0 and gain >= take_profit * account.avg_px
    return bool(lost or won)
