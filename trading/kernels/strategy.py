"""What compiled handlers call: write a request, read the working orders.

Each writer takes the requests array and how many are in it, and returns how many are in it then:

    count = submit_limit(orders, count, BUY, 0.01, 59_990.0, post_only=True)

A request beyond the array's end is counted, not written, and ends in a clear error.
"""

from typing import Any

from numba import njit

from trading.strategy_records import (
    CANCEL,
    CANCELING,
    GTC,
    LIMIT,
    MARKET,
    STOP_MARKET,
    SUBMIT,
)


@njit
def _submit(  # noqa: PLR0913, PLR0917 - one argument a field
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
    return count + 1


@njit
def submit_market(
    orders: Any, count: int, side: int, quantity: float, reduce_only: bool = False, tag: int = 0
) -> int:
    """Ask for a market order."""
    return int(_submit(orders, count, side, MARKET, quantity, 0.0, 0.0, GTC, 0, reduce_only, tag))


@njit
def submit_limit(  # noqa: PLR0913, PLR0917
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
        if account.working[i].side == side:
            return i
    return -1
