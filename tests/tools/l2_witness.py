"""A strategy that writes down all that it is shown, and trades at whim: to compare two engines by.

Every call leaves a row in STATE.log: which handler, the event's times and a number of it, and what
the account record said. Two engines that show the same in the same order leave equal bytes.
"""

from typing import Any, Final

import numpy as np
from numba import njit

from trading.kernels.strategy import cancel, submit_limit, submit_market
from trading.strategy import BUY, SELL, CompiledStrategy, StrategyParams

ROWS: Final = 4096
COLUMNS: Final = 12


class Params(StrategyParams):
    """Seed of the whims, and one in how many calls has one."""

    seed: int = 1
    calm: int = 8
    quantity: float = 0.01


STATE: Final = np.dtype([("count", "i8"), ("chance", "i8"), ("log", "f8", (ROWS, COLUMNS))])


@njit()
def seen(state: Any, kind: int, ts: int, ts_init: int, what: float, account: Any) -> None:
    """Write a row; the newest overwrite the oldest."""
    row = state.log[state.count % ROWS]
    state.count += 1
    orders = 0.0
    for i in range(account.working_count):
        mine = account.working[i]
        orders += (i + 1) * (mine.sequence + 10.0 * mine.status + mine.leaves + mine.ts_decided % 7)
    row[0], row[1], row[2], row[3] = kind, ts % 10**12, ts_init % 10**12, what
    row[4], row[5], row[6] = account.bid, account.ask, account.position
    row[7], row[8], row[9] = account.fills, account.working_count, orders
    row[10], row[11] = account.buying - account.selling, account.ts % 10**12


@njit()
def whim(state: Any, params: Any, account: Any, orders: Any) -> int:
    """Now and then an order near the touch, or a cancel of any order in any condition."""
    state.chance = (state.chance * 1103515245 + 12345 + params.seed) % 2147483648
    choice = (state.chance >> 8) % params.calm
    side = BUY if (state.chance >> 16) % 2 == 0 else SELL
    touch = account.bid if side == BUY else account.ask
    away = ((state.chance >> 20) % 6 - 1) * side
    if account.acting == 0 or touch == 0.0 or choice > 4:
        return 0
    if choice == 0:
        return int(submit_market(orders, 0, side, params.quantity))
    if choice < 4 or account.working_count == 0:
        post = (state.chance >> 24) % 2 == 0
        price = touch - away * account.tick
        return int(submit_limit(orders, 0, side, params.quantity, price, post))
    which = (state.chance >> 12) % account.working_count
    return int(cancel(orders, 0, account.working[which].sequence))


def on_trade(state: Any, params: Any, trade: Any, account: Any, orders: Any) -> int:
    seen(state, 1, trade.ts_event, trade.ts_init, trade.price + trade.size, account)
    return int(whim(state, params, account, orders))


def on_quote(state: Any, params: Any, quote: Any, account: Any, orders: Any) -> int:
    seen(state, 2, quote.ts_event, quote.ts_init, quote.bid_size - quote.ask_size, account)
    return int(whim(state, params, account, orders))


def on_book(state: Any, params: Any, book: Any, account: Any, orders: Any) -> int:
    depth = 0.0
    for i in range(book.bids):
        depth += book.bid_px[i] * book.bid_sz[i]
    for i in range(book.asks):
        depth -= book.ask_px[i] * book.ask_sz[i]
    seen(state, 3, book.ts_event, book.ts_init, depth, account)
    return int(whim(state, params, account, orders))


def on_bar(state: Any, params: Any, bar: Any, account: Any, orders: Any) -> int:
    what = bar.open + 3.0 * bar.high + 5.0 * bar.low + 7.0 * bar.close + bar.trades
    seen(state, 4, bar.ts_event, bar.ts_init, what, account)
    return int(whim(state, params, account, orders))


def on_fill(state: Any, params: Any, fill: Any, account: Any, orders: Any) -> int:
    what = fill.price * fill.side + fill.quantity + 3.0 * fill.leaves + fill.maker + fill.tag
    seen(state, 5, fill.ts_event, fill.sequence, what, account)
    return int(whim(state, params, account, orders))


def on_timer(state: Any, params: Any, tick: Any, account: Any, orders: Any) -> int:
    seen(state, 6, tick.ts_event, tick.ts_init, 0.0, account)
    return int(whim(state, params, account, orders))


WITNESS: Final = CompiledStrategy(
    name="witness", params=Params, state=STATE, on_trade=on_trade, on_quote=on_quote,
    on_book=on_book, on_bar=on_bar, on_fill=on_fill, on_timer=on_timer, timer_ns=300_000_000,
)  # fmt: skip
