"""The working orders of one instrument: shown to the strategy, tied to each other, and ended.

Orders stand oldest first and close ranks when one ends. Whoever walks through them keeps its place
in `desk.next`, which moves with them.
"""

from typing import Any

from trading.kernels.engine_kernel import cold, kernel
from trading.kernels.engine_memory import live_of, order_row_at, put, seen_of
from trading.kernels.engine_records import NEW, RESTING, WAITING
from trading.result import (
    DONE_CANCELED,
    DONE_FILLED,
    REASON_ASKED,
    REASON_LINKED,
    REASON_NONE,
)
from trading.strategy_records import HELD, OPEN, STOP_MARKET, TAKE_PROFIT, TRAILING_STOP


@kernel("desk account")
def show(desk: Any, account: Any) -> None:
    """Bring ACCOUNT's view of the working orders up to date."""
    cold()
    buying = 0.0
    selling = 0.0
    for j in range(desk.count):
        order = live_of(desk, j)
        stopped = (
            order.type == STOP_MARKET or order.type == TAKE_PROFIT or order.type == TRAILING_STOP
        )
        waits = order.stage == WAITING
        put(
            seen_of(account, j), order.id, order.side, order.type,
            order.trigger if stopped else order.price, order.quantity,
            order.quantity - order.filled if waits else order.leaves, HELD if waits else OPEN,
            order.tag, order.ts,
        )  # fmt: skip
        if order.side > 0:
            buying += order.leaves
        else:
            selling += order.leaves
    account.working_count = desk.count
    account.buying = buying
    account.selling = selling
    desk.dirty = 0


@kernel("desk i8")
def find(desk: Any, order_id: int) -> int:
    """Index of the working order with this id; -1 if it is closed."""
    cold()
    for j in range(desk.count):
        if live_of(desk, j).id == order_id:
            return j
    return -1


@kernel("run desk i8 i8 i8 i8")
def remove(run: Any, desk: Any, j: int, status: int, reason: int, ts: int) -> None:
    """Close the j-th order, whatever is tied to it."""
    cold()
    order = live_of(desk, j)
    if run.keep != 0:
        row = order_row_at(run.orders_at, order.id)
        row.status = status
        row.reason = reason
        row.filled = order.filled
        row.ts_closed = ts
    for k in range(j, desk.count - 1):
        desk.orders[k] = desk.orders[k + 1]
    desk.count -= 1
    run.busy -= 1
    desk.dirty = 1
    if j < desk.next:
        desk.next -= 1


@kernel("run desk i8 i8 i8 i8")
def end(run: Any, desk: Any, j: int, status: int, reason: int, ts: int) -> None:
    """Close the j-th order; without a fill, what waits for it; and the rest of its group."""
    cold()
    order = live_of(desk, j)
    order_id, group, filled = order.id, order.group, order.filled
    remove(run, desk, j, status, reason, ts)
    if desk.count == 0:
        return
    k = 0
    while k < desk.count:
        other = live_of(desk, k)
        orphan = other.parent == order_id and filled == 0.0
        tied = group != 0 and other.group == group and status != DONE_FILLED
        if orphan or tied:
            remove(run, desk, k, DONE_CANCELED, REASON_LINKED, ts)
        else:
            k += 1


@kernel("run desk i8 f8 i8")
def after_fill(run: Any, desk: Any, j: int, quantity: float, ts: int) -> None:
    """What a fill of the j-th order means for the orders tied to it, and its end when it is done.

    Children of a bracket begin to work with what their parent has filled. Orders of a group lose
    what one of them has filled, so together they never trade more than one of them asked for.
    """
    cold()
    order = live_of(desk, j)
    order_id, group = order.id, order.group
    if order.leaves <= 0.0:
        remove(run, desk, j, DONE_FILLED, REASON_NONE, ts)
    k = 0
    while k < desk.count:
        other = live_of(desk, k)
        if other.parent == order_id:
            other.leaves += min(quantity, other.quantity - other.filled - other.leaves)
            other.stage = RESTING
            desk.dirty = 1
        elif group != 0 and other.group == group and other.id != order_id:
            other.leaves -= quantity
            if other.leaves < 0.5 * desk.lot:
                remove(run, desk, k, DONE_CANCELED, REASON_LINKED, ts)
                continue
        k += 1


@kernel("run desk i8 i8")
def cancel(run: Any, desk: Any, order_id: int, ts: int) -> None:
    """Close an order because the strategy asks for it; nothing if it is closed already."""
    cold()
    j = find(desk, order_id)
    if j >= 0:
        end(run, desk, j, DONE_CANCELED, REASON_ASKED, ts)


@kernel("run desk i8 i8")
def end_all(run: Any, desk: Any, reason: int, ts: int) -> None:
    """Close every order of the instrument."""
    cold()
    while desk.count > 0:
        end(run, desk, 0, DONE_CANCELED, reason, ts)


@kernel("desk live i8")
def is_new(desk: Any, order: Any, step: int) -> bool:
    """Whether the market has not seen the order, and may now."""
    return bool(order.stage == NEW and (order.step < step or desk.instant != 0))
