"""Requests of a strategy become working orders, or errors that name what is wrong with them.

As in live trading (`trading.strategy_turn`): quantities are rounded down to lots, limit prices to
the tick that is no worse for us, triggers to the nearest; what is less than the smallest quantity
is dropped without a number, and so is what finds no room among the working orders.
"""

from typing import Any

import numpy as np

from trading.kernels.engine_account import whole_steps
from trading.kernels.engine_desk import cancel, end, find
from trading.kernels.engine_kernel import cold, kernel
from trading.kernels.engine_records import (
    ERROR_ACTION,
    ERROR_CHASE,
    ERROR_COUNT,
    ERROR_EXPIRES,
    ERROR_PARENT,
    ERROR_PRICE,
    ERROR_QUANTITY,
    ERROR_SIDE,
    ERROR_TIF,
    ERROR_TRAIL,
    ERROR_TRIGGER,
    ERROR_TYPE,
    NEW,
    ROOM,
    WAITING,
)
from trading.result import (
    DONE_CANCELED,
    DONE_REFUSED,
    REASON_ASKED,
    REASON_NOTIONAL,
    REASON_SELF_TRADE,
)
from trading.strategy_records import (
    AMEND,
    CANCEL,
    GTD,
    LIMIT,
    MARKET,
    ORDERS_MAX,
    STOP_LIMIT,
    SUBMIT,
    TRAILING_STOP,
    WORKING_MAX,
)


@kernel("run i8 i8 f8")
def _fault(run: Any, error: int, request: int, value: float) -> int:
    run.error = error
    run.error_request = request
    run.error_value = value
    return error


@kernel("f8")
def _number(value: float) -> bool:
    return bool(np.isfinite(value) and value >= 0.0)


@kernel("run orders i8")
def _check(run: Any, asks: Any, i: int) -> int:
    """0, or the error that the i-th request is."""
    asked = asks[i]
    if asked.side != 1 and asked.side != -1:
        return int(_fault(run, ERROR_SIDE, i, asked.side))
    if asked.type < MARKET or asked.type > TRAILING_STOP:
        return int(_fault(run, ERROR_TYPE, i, asked.type))
    if asked.tif < 0 or asked.tif > GTD:
        return int(_fault(run, ERROR_TIF, i, asked.tif))
    if not _number(asked.quantity):
        return int(_fault(run, ERROR_QUANTITY, i, asked.quantity))
    limited = asked.type == LIMIT or asked.type == STOP_LIMIT
    if not _number(asked.price) or (limited and asked.price <= 0.0):
        return int(_fault(run, ERROR_PRICE, i, asked.price))
    stopped = asked.type != MARKET and asked.type != LIMIT and asked.type != TRAILING_STOP
    if not _number(asked.trigger) or (stopped and asked.trigger <= 0.0):
        return int(_fault(run, ERROR_TRIGGER, i, asked.trigger))
    if not _number(asked.trail) or (asked.type == TRAILING_STOP and asked.trail <= 0.0):
        return int(_fault(run, ERROR_TRAIL, i, asked.trail))
    if (
        asked.parent < -1
        or asked.parent >= i
        or (asked.parent >= 0 and asks[asked.parent].parent >= 0)
    ):
        return int(_fault(run, ERROR_PARENT, i, asked.parent))
    if asked.tif == GTD and asked.expires <= 0:
        return int(_fault(run, ERROR_EXPIRES, i, asked.expires))
    return 0


@kernel("desk i8 f8")
def _limit_price(desk: Any, side: int, price: float) -> float:
    return float(whole_steps(price, desk.tick, desk.ticks_a_unit, -side))


@kernel("desk i8 f8 i8")
def crosses_own(desk: Any, side: int, price: float, order_id: int) -> bool:
    """Whether a limit order would trade with one of our own that rests."""
    cold()
    for j in range(desk.count):
        other = desk.orders[j]
        rests = other.type == LIMIT and other.stage != WAITING and other.id != order_id
        if rests and other.side == -side and (price - other.price) * side >= 0.0:
            return True
    return False


@kernel("run desk order f8 i8 i8 f8 i8 rows")
def _place(  # noqa: PLR0915
    run: Any, desk: Any, asked: Any, quantity: float, parent: int, group: int, price: float,
    ts: int, rows: Any,
) -> None:  # fmt: skip
    order = desk.orders[desk.count]
    order.id = run.orders
    order.side = asked.side
    order.type = asked.type
    order.stage = WAITING if parent >= 0 else NEW
    order.step = run.step
    order.skip = -1
    order.tif = asked.tif
    order.post_only = asked.post_only
    order.reduce_only = asked.reduce_only
    order.tag = asked.tag
    order.ts = ts
    order.expires = asked.expires
    order.group = group
    order.parent = parent
    order.quantity = quantity
    order.leaves = 0.0 if parent >= 0 else quantity
    order.filled = 0.0
    order.price = _limit_price(desk, asked.side, asked.price) if asked.price > 0.0 else 0.0
    order.trigger = whole_steps(asked.trigger, desk.tick, desk.ticks_a_unit, 0)
    order.trail = asked.trail
    order.reference = price
    if run.keep != 0:
        row = rows[run.orders]
        row.id = run.orders
        row.ts = ts
        row.instrument = desk.instrument
        row.side = order.side
        row.type = order.type
        row.quantity = quantity
        row.price = order.price
        row.trigger = order.trigger
        row.tif = order.tif
        row.status = 0
        row.filled = 0.0
        row.tag = order.tag
        row.ts_closed = 0
        row.reason = 0
    desk.count += 1
    desk.dirty = 1
    run.orders += 1
    run.busy += 1


@kernel("run desk order i8 i8 rows")
def _amend(run: Any, desk: Any, asked: Any, i: int, ts: int, rows: Any) -> None:
    cold()
    for value in (asked.quantity, asked.price, asked.trigger):
        if not _number(value):
            _fault(run, ERROR_QUANTITY, i, value)
            return
    j = find(desk, asked.target)
    if j < 0:
        return
    order = desk.orders[j]
    if asked.quantity > 0.0:
        quantity = whole_steps(asked.quantity, desk.lot, desk.lots_a_unit, -1)
        if quantity <= order.filled:
            end(run, desk, j, DONE_CANCELED, REASON_ASKED, ts, rows)
            return
        order.leaves = 0.0 if order.stage == WAITING else quantity - order.filled
        order.quantity = quantity
    if asked.price > 0.0:
        order.price = _limit_price(desk, order.side, asked.price)
    if asked.trigger > 0.0:
        order.trigger = whole_steps(asked.trigger, desk.tick, desk.ticks_a_unit, 0)
    if order.stage != WAITING:  # a new place in the queue: it may take, or be refused as post-only
        order.stage = NEW
        order.step = run.step
    desk.dirty = 1
    if run.keep != 0:
        rows[order.id].quantity = order.quantity
        rows[order.id].price = order.price
        rows[order.id].trigger = order.trigger


@kernel("run desk orders i8 made f8 i8 rows")
def accept(
    run: Any, desk: Any, asks: Any, count: int, made: Any, price: float, ts: int, rows: Any
) -> None:
    """Carry out the first `count` requests in `asks`; sets `run.error` for nonsense.

    made   (ORDERS_MAX,) scratch: the id that each request became, -1 none
    price  known when they were decided
    """
    cold()
    if count < 0 or count > ORDERS_MAX:
        _fault(run, ERROR_COUNT, 0, count)
        return
    first = run.orders
    if run.keep != 0 and first + count > run.orders_room:
        _fault(run, ERROR_CHASE, 0, count)
        return
    for i in range(count):
        asked = asks[i]
        made[i] = -1
        if asked.action == CANCEL:
            cancel(run, desk, asked.target, ts, rows)
        elif asked.action == AMEND:
            _amend(run, desk, asked, i, ts, rows)
        elif asked.action != SUBMIT:
            _fault(run, ERROR_ACTION, i, asked.action)
        elif _check(run, asks, i) == 0:
            _submit(run, desk, asked, i, first, made, price, ts, rows)
        if run.error != 0:
            return
    if run.keep != 0 and run.orders + ROOM > run.orders_room and run.full == 0:
        run.full = 1
        run.busy += 1


@kernel("run desk order i8 i8 made f8 i8 rows")
def _submit(
    run: Any, desk: Any, asked: Any, i: int, first: int, made: Any, price: float, ts: int,
    rows: Any,
) -> None:  # fmt: skip
    quantity = min(asked.quantity, desk.max_quantity)
    quantity = whole_steps(quantity, desk.lot, desk.lots_a_unit, -1)
    parent = -1 if asked.parent < 0 else made[asked.parent]
    lost = asked.parent >= 0 and parent < 0
    small = quantity < max(desk.min_quantity, desk.lot)
    if small or lost or desk.count >= WORKING_MAX:
        run.dropped += 1
        return
    made[i] = run.orders
    group = 0 if asked.group == 0 else (first + 1) * ORDERS_MAX + asked.group
    _place(run, desk, asked, quantity, parent, group, price, ts, rows)
    j = desk.count - 1
    order = desk.orders[j]
    at = order.price if order.price > 0.0 else order.trigger
    at = at if at > 0.0 else price
    if quantity * at < desk.min_notional:
        end(run, desk, j, DONE_REFUSED, REASON_NOTIONAL, ts, rows)
    elif (
        order.type == LIMIT and parent < 0 and crosses_own(desk, order.side, order.price, order.id)
    ):
        end(run, desk, j, DONE_REFUSED, REASON_SELF_TRADE, ts, rows)
