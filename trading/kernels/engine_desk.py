"""The working orders of one instrument: shown to the strategy, tied to each other, and ended.

Orders stand oldest first and close ranks when one ends. Whoever walks through them keeps its place
in `desk.next`, which moves with them.
"""

from typing import Any

from trading.kernels.engine_kernel import cold, kernel
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
        order = desk.orders[j]
        seen = account.working[j]
        stopped = (
            order.type == STOP_MARKET or order.type == TAKE_PROFIT or order.type == TRAILING_STOP
        )
        seen.sequence = order.id
        seen.side = order.side
        seen.type = order.type
        seen.price = order.trigger if stopped else order.price
        seen.quantity = order.quantity
        seen.leaves = order.quantity - order.filled if order.stage == WAITING else order.leaves
        seen.status = HELD if order.stage == WAITING else OPEN
        seen.tag = order.tag
        seen.ts_decided = order.ts
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
        if desk.orders[j].id == order_id:
            return j
    return -1


@kernel("run desk i8 i8 i8 i8 rows")
def _remove(run: Any, desk: Any, j: int, status: int, reason: int, ts: int, rows: Any) -> None:
    cold()
    order = desk.orders[j]
    if run.keep != 0:
        row = rows[order.id]
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


@kernel("run desk i8 i8 i8 i8 rows")
def end(run: Any, desk: Any, j: int, status: int, reason: int, ts: int, rows: Any) -> None:
    """Close the j-th order; without a fill, what waits for it; and the rest of its group."""
    cold()
    order_id = desk.orders[j].id
    group = desk.orders[j].group
    filled = desk.orders[j].filled
    _remove(run, desk, j, status, reason, ts, rows)
    if desk.count == 0:
        return
    k = 0
    while k < desk.count:
        other = desk.orders[k]
        orphan = other.parent == order_id and filled == 0.0
        tied = group != 0 and other.group == group and status != DONE_FILLED
        if orphan or tied:
            _remove(run, desk, k, DONE_CANCELED, REASON_LINKED, ts, rows)
        else:
            k += 1


@kernel("run desk i8 f8 i8 rows")
def after_fill(run: Any, desk: Any, j: int, quantity: float, ts: int, rows: Any) -> None:
    """What a fill of the j-th order means for the orders tied to it, and its end when it is done.

    Children of a bracket begin to work with what their parent has filled. Orders of a group lose
    what one of them has filled, so together they never trade more than one of them asked for.
    """
    cold()
    order_id = desk.orders[j].id
    group = desk.orders[j].group
    if desk.orders[j].leaves <= 0.0:
        _remove(run, desk, j, DONE_FILLED, REASON_NONE, ts, rows)
    k = 0
    while k < desk.count:
        other = desk.orders[k]
        if other.parent == order_id:
            other.leaves += min(quantity, other.quantity - other.filled - other.leaves)
            other.stage = RESTING
            desk.dirty = 1
        elif group != 0 and other.group == group and other.id != order_id:
            other.leaves -= quantity
            if other.leaves < 0.5 * desk.lot:
                _remove(run, desk, k, DONE_CANCELED, REASON_LINKED, ts, rows)
                continue
        k += 1


@kernel("run desk i8 i8 rows")
def cancel(run: Any, desk: Any, order_id: int, ts: int, rows: Any) -> None:
    """Close an order because the strategy asks for it; nothing if it is closed already."""
    cold()
    j = find(desk, order_id)
    if j >= 0:
        end(run, desk, j, DONE_CANCELED, REASON_ASKED, ts, rows)


@kernel("run desk i8 i8 rows")
def end_all(run: Any, desk: Any, reason: int, ts: int, rows: Any) -> None:
    """Close every order of the instrument."""
    cold()
    while desk.count > 0:
        end(run, desk, 0, DONE_CANCELED, reason, ts, rows)


@kernel("desk live i8")
def is_new(desk: Any, order: Any, step: int) -> bool:
    """Whether the market has not seen the order, and may now."""
    return bool(order.stage == NEW and (order.step < step or desk.instant != 0))
