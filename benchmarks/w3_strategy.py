"""W3: quote the touch with one unit a side, at most ten units long or short, every 100 ms.

An order that still stands at the touch stays; any other open one is cancelled. The peer's version
of the same is in peers/w3_hftbacktest.py.
"""

from typing import Any

import numpy as np

from trading.kernels.strategy import cancel, submit_limit
from trading.strategy import BUY, OPEN, SELL, CompiledStrategy, StrategyParams


class Params(StrategyParams):
    """Size of a quote, and of the position that stops quoting on its side."""

    quantity: float = 1.0
    limit: float = 10.0


STATE = np.dtype([("unused", "i8")])


def on_quote(state: Any, params: Any, quote: Any, account: Any, orders: Any) -> int:
    """Quotes are only looked at when the timer is due."""
    return 0


def on_timer(state: Any, params: Any, tick: Any, account: Any, orders: Any) -> int:
    """Keep what is right, cancel what is not, quote what is missing."""
    if account.bid == 0.0:
        return 0
    count = 0
    bid = account.position < params.limit
    ask = account.position > -params.limit
    for i in range(account.working_count):
        mine = account.working[i]
        if mine.side > 0 and bid and mine.price == account.bid:
            bid = False
        elif mine.side < 0 and ask and mine.price == account.ask:
            ask = False
        elif mine.status == OPEN:
            count = cancel(orders, count, mine.sequence)
    if bid:
        count = submit_limit(orders, count, BUY, params.quantity, account.bid, True)
    if ask:
        count = submit_limit(orders, count, SELL, params.quantity, account.ask, True)
    return int(count)


STRATEGY = CompiledStrategy(
    name="w3",
    params=Params,
    state=STATE,
    on_quote=on_quote,
    on_timer=on_timer,
    timer_ns=100_000_000,
)
