"""Market making: a bid and an ask around the middle of the book, leaning against the inventory.

    skew    = -(inventory / limit) / 2                       in [-1/2, 1/2]
    spread  = base + 2 sigma + |skew| base                   fraction of mid, clamped
    quotes  = mid (1 + skew base -+ spread / 2)              never crossing the touch
    size    = full, but the side that adds to the inventory shrinks linearly to 0 at the limit

sigma is the standard deviation of the last 20 returns of mid, one a refresh. Quotes are renewed
every `refresh_s`, and at once when mid has moved by half a spread. A quote whose price and size
are still right stays, and keeps its place in the queue. A silent book cancels everything.
"""

import math
from typing import Any, Final

import numpy as np
from numba import njit
from pydantic import Field

from trading.kernels.strategy import cancel, submit_limit
from trading.strategy import BUY, OPEN, RELOAD, SELL, CompiledStrategy, StrategyParams

RETURNS: Final = 20
SIDE_MAX: Final = 3  # orders of one side that may be under way before more are asked for


class Params(StrategyParams):
    """Parameters of market making; spreads are fractions of mid."""

    base_spread: float = Field(
        0.0001, gt=0, lt=0.1, description="spread of a calm market", json_schema_extra=RELOAD
    )
    spread_min: float = Field(
        0.00005, gt=0, lt=0.1, description="never quote narrower", json_schema_extra=RELOAD
    )
    spread_max: float = Field(
        0.01, gt=0, lt=0.5, description="never quote wider", json_schema_extra=RELOAD
    )
    volatility: float = Field(
        2.0, ge=0, description="standard deviations added to the spread", json_schema_extra=RELOAD
    )
    notional: float = Field(
        500.0, gt=0, description="quote currency per quote", json_schema_extra=RELOAD
    )
    inventory_max: float = Field(
        5000.0, gt=0, description="quote currency; nothing adds beyond", json_schema_extra=RELOAD
    )
    refresh_s: float = Field(1.0, gt=0, le=3600, description="seconds between renewals")


STATE = np.dtype(
    [
        ("ts_quoted", "i8"),
        ("mid_quoted", "f8"),
        ("spread", "f8"),  # of the last renewal
        ("returns", "f8", (RETURNS,)),
        ("count", "i8"),  # of returns so far
        ("mid_sampled", "f8"),
        ("ts_sampled", "i8"),
    ]
)


@njit()
def sigma(returns: Any, count: int) -> float:
    """Standard deviation of the last `RETURNS` returns; 0 before the second."""
    n = min(count, len(returns))
    if n < 2:
        return 0.0
    mean = 0.0
    for i in range(n):
        mean += returns[i] / n
    square = 0.0
    for i in range(n):
        square += (returns[i] - mean) ** 2 / n
    return math.sqrt(square)


@njit()
def inventory_skew(inventory: float, limit: float) -> float:
    """How far the quotes lean: -1/2 at the long limit, +1/2 at the short one."""
    return -0.5 * max(-1.0, min(1.0, inventory / limit))


@njit()
def quoted_spread(params: Any, deviation: float, skew: float) -> float:
    """Distance between the two quotes, as a fraction of mid."""
    wide = params.base_spread + params.volatility * deviation + abs(skew) * params.base_spread
    return float(max(params.spread_min, min(params.spread_max, wide)))


@njit()
def side_notional(params: Any, side: int, inventory: float) -> float:
    """What a side quotes: full where it reduces, linearly less where it adds."""
    adding = max(0.0, side * inventory / params.inventory_max)
    return float(params.notional * max(0.0, 1.0 - adding))


@njit()
def _quote(account: Any, orders: Any, count: int, side: int, price: float, quantity: float) -> int:
    """Make `side` show this and nothing else."""
    under_way, right = 0, False
    for i in range(account.working_count):
        mine = account.working[i]
        if mine.side != side:
            continue
        under_way += 1
        same = abs(mine.price - price) < account.tick and mine.leaves >= 0.5 * quantity
        if same and quantity > 0.0:
            right = True
        elif mine.status == OPEN:
            count = cancel(orders, count, mine.sequence)
    worth = quantity >= account.min_quantity and quantity * price >= account.min_notional
    if right or not worth or under_way >= SIDE_MAX:
        return int(count)
    return int(submit_limit(orders, count, side, quantity, price, True))


@njit()
def renew(
    state: Any, params: Any, ts: int, best_bid: float, best_ask: float, account: Any, orders: Any
) -> int:
    """Sample mid, and renew the quotes when it is time or they have become stale."""
    mid = 0.5 * (best_bid + best_ask)
    refresh_ns = int(params.refresh_s * 1e9)
    if state.mid_sampled == 0.0:
        state.mid_sampled, state.ts_sampled = mid, ts
    elif ts - state.ts_sampled >= refresh_ns:
        state.returns[state.count % RETURNS] = mid / state.mid_sampled - 1.0
        state.count += 1
        state.mid_sampled, state.ts_sampled = mid, ts
    if account.acting == 0:
        return 0
    moved = abs(mid - state.mid_quoted) > 0.5 * state.spread * mid
    if not moved and ts - state.ts_quoted < refresh_ns:
        return 0

    inventory = account.position * mid
    skew = inventory_skew(inventory, params.inventory_max)
    spread = quoted_spread(params, sigma(state.returns, state.count), skew)
    centre = mid * (1.0 + skew * params.base_spread)
    bid = min(centre - 0.5 * spread * mid, best_ask - account.tick)
    ask = max(centre + 0.5 * spread * mid, best_bid + account.tick)
    state.ts_quoted, state.mid_quoted, state.spread = ts, mid, spread
    count = _quote(account, orders, 0, BUY, bid, side_notional(params, BUY, inventory) / mid)
    return int(
        _quote(account, orders, count, SELL, ask, side_notional(params, SELL, inventory) / mid)
    )


def on_book(state: Any, params: Any, book: Any, account: Any, orders: Any) -> int:
    """Quote around the middle of the book."""
    touch_bid, touch_ask = book.bid_px[0], book.ask_px[0]
    return int(renew(state, params, book.ts_event, touch_bid, touch_ask, account, orders))


def on_bar(state: Any, params: Any, bar: Any, account: Any, orders: Any) -> int:
    """Quote around the close, as if that were both sides of the touch: for tests on bars."""
    return int(renew(state, params, bar.ts_event, bar.close, bar.close, account, orders))


STRATEGY = CompiledStrategy(name="market_making", params=Params, state=STATE, on_book=on_book)
ON_BARS = CompiledStrategy(name="market_making_bars", params=Params, state=STATE, on_bar=on_bar)
