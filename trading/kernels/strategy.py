"""What compiled handlers call: write a request, read the working orders.

Each writer takes the requests array and how many are in it, and returns how many are in it then:

    count = submit_limit(orders, count, BUY, 0.01, 59_990.0, post_only=True)

A request beyond the array's end is counted, not written, and ends in a clear error.
"""

from typing import Any

from numba import njit

from trading.strategy_records import (
    AMEND,
    CANCEL,
    CANCELING,
    GTC,
    GTD,
    HELD,
    LIMIT,
    MARKET,
    STOP_LIMIT,
    STOP_MARKET,
    SUBMIT,
    TAKE_PROFIT,
    TRAILING_STOP,
)


@njit
def _submit(
    orders: Any, count: int, side: int, kind: int, quantity: float, price: float, trigger: float,
    tif: int, post_only: int, reduce_only: int, tag: int,
) -> int:  # fmt: skip
    if count < len(orders):
        order = orders[count]
        order.action = SUBMIT
        order.target = -1
        order.side = side
        order.type = kind
        order.quantity = quantity
        order.price = price
        order.trigger = trigger
        order.tif = tif
        order.post_only = post_only
        order.reduce_only = reduce_only
        order.tag = tag
        order.trail = 0.0
        order.expires = 0
        order.group = 0
        order.parent = -1
    return count + 1


@njit
def submit_market(
    orders: Any, count: int, side: int, quantity: float, reduce_only: bool = False, tag: int = 0
) -> int:
    """Ask for a market order."""
    return int(_submit(orders, count, side, MARKET, quantity, 0.0, 0.0, GTC, 0, reduce_only, tag))


@njit
def submit_limit(
    orders: Any, count: int, side: int, quantity: float, price: float,
    post_only: bool = False, tif: int = GTC, reduce_only: bool = False, tag: int = 0,
) -> int:  # fmt: skip
    """Ask for a limit order; the price is rounded to a tick that is no worse for us."""
    return int(
        _submit(orders, count, side, LIMIT, quantity, price, 0.0, tif, post_only, reduce_only, tag)
    )


@njit
def submit_stop(
    orders: Any, count: int, side: int, quantity: float, trigger: float,
    reduce_only: bool = True, tag: int = 0,
) -> int:  # fmt: skip
    """Ask for a stop-market order; by default it only reduces the position."""
    return int(
        _submit(orders, count, side, STOP_MARKET, quantity, 0.0, trigger, GTC, 0, reduce_only, tag)
    )


@njit
def submit_stop_limit(
    orders: Any, count: int, side: int, quantity: float, trigger: float, price: float,
    reduce_only: bool = False, tag: int = 0,
) -> int:  # fmt: skip
    """Ask for a limit order at `price` that is placed once the market has come to `trigger`."""
    return int(
        _submit(orders, count, side, STOP_LIMIT, quantity, price, trigger, GTC, 0, reduce_only, tag)
    )


@njit
def submit_take_profit(
    orders: Any, count: int, side: int, quantity: float, trigger: float,
    reduce_only: bool = True, tag: int = 0,
) -> int:  # fmt: skip
    """Ask for a market order once the price has come to `trigger`, in our favour. Backtests."""
    return int(
        _submit(orders, count, side, TAKE_PROFIT, quantity, 0.0, trigger, GTC, 0, reduce_only, tag)
    )


@njit
def submit_trailing_stop(
    orders: Any, count: int, side: int, quantity: float, trail: float,
    reduce_only: bool = True, tag: int = 0,
) -> int:  # fmt: skip
    """Ask for a stop that follows the best price since it works at a distance. Backtests only."""
    made = _submit(orders, count, side, TRAILING_STOP, quantity, 0.0, 0.0, GTC, 0, reduce_only, tag)
    if count < len(orders):
        orders[count].trail = trail
    return int(made)


@njit
def submit_bracket(
    orders: Any, count: int, side: int, quantity: float, price: float, stop: float, take: float,
    tag: int = 0,
) -> int:  # fmt: skip
    """Ask for an entry with a stop and a take-profit that end each other. Backtests only.

    price  limit of the entry; 0 for a market order
    stop   trigger of the stop, take: price of the take-profit limit order; both only reduce
    """
    kind = LIMIT if price > 0.0 else MARKET
    made = _submit(orders, count, side, kind, quantity, price, 0.0, GTC, 0, 0, tag)
    made = _submit(orders, made, -side, STOP_MARKET, quantity, 0.0, stop, GTC, 0, 1, tag)
    made = _submit(orders, made, -side, LIMIT, quantity, take, 0.0, GTC, 0, 1, tag)
    for i in range(count + 1, min(count + 3, len(orders))):
        orders[i].parent = count
        orders[i].group = count + 1
    return int(made)


@njit
def one_cancels_other(orders: Any, first: int, count: int) -> int:
    """Tie the requests from index `first` on: a fill or end of one ends the others.

    Backtests only. Returns `count`, so that it ends a chain of writers.
    """
    for i in range(first, min(count, len(orders))):
        orders[i].group = first + 1
    return count


@njit
def good_till(orders: Any, count: int, expires: int) -> int:
    """Let the request written last expire at this time (ns). Backtests only. Returns `count`."""
    if 0 < count <= len(orders):
        orders[count - 1].tif = GTD
        orders[count - 1].expires = expires
    return count


@njit
def amend(
    orders: Any, count: int, sequence: int, quantity: float = 0.0, price: float = 0.0,
    trigger: float = 0.0,
) -> int:  # fmt: skip
    """Ask to change a working order; 0 leaves a value as it is.

    quantity  in total, of which some may have traded. Live it can only become smaller, and keeps
              its place in the queue then; what has traded already, or less, cancels
    price, trigger  backtests only
    """
    if count < len(orders):
        order = orders[count]
        order.action = AMEND
        order.target = sequence
        order.quantity = quantity
        order.price = price
        order.trigger = trigger
    return count + 1


@njit
def cancel(orders: Any, count: int, sequence: int) -> int:
    """Ask to cancel the working order with this sequence."""
    if count < len(orders):
        orders[count].action = CANCEL
        orders[count].target = sequence
    return count + 1


@njit
def cancel_all(orders: Any, count: int, account: Any) -> int:
    """Ask to cancel every working order whose cancel is not under way."""
    for i in range(account.working_count):
        if account.working[i].status != CANCELING:
            count = cancel(orders, count, account.working[i].sequence)
    return count


@njit
def working(account: Any, side: int) -> int:
    """Index of the oldest working order on `side`; -1 if there is none."""
    for i in range(account.working_count):
        if account.working[i].side == side and account.working[i].status != HELD:
            return i
    return -1
