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
from trading.kernels.engine_memory import (
    ask_at,
    live_of,
    numbers_at,
    order_row_at,
    put,
)
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
    GTC,
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


@kernel("run order i8", hot=True)
def _check(run: Any, asked: Any, i: int) -> int:
    """0, or the error that the i-th request is."""
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
    parent = asked.parent
    if parent < -1 or parent >= i or (parent >= 0 and ask_at(run.asks_at, parent).parent >= 0):
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
        other = live_of(desk, j)
        rests = other.type == LIMIT and other.stage != WAITING and other.id != order_id
        if rests and other.side == -side and (price - other.price) * side >= 0.0:
            return True
    return False


@kernel("run desk order f8 i8 i8 f8 i8", hot=True)
def _place(
    run: Any, desk: Any, asked: Any, quantity: float, parent: int, group: int, price: float,
    ts: int,
) -> None:  # fmt: skip
    limit = _limit_price(desk, asked.side, asked.price) if asked.price > 0.0 else 0.0
    trigger = asked.trigger
    if trigger != 0.0:
        trigger = whole_steps(trigger, desk.tick, desk.ticks_a_unit, 0)
    held = parent >= 0
    put(
        live_of(desk, desk.count), run.orders, asked.side, asked.type, WAITING if held else NEW,
        run.step, -1, asked.tif, asked.post_only, asked.reduce_only, asked.tag, ts, asked.expires,
        group, parent, quantity, 0.0 if held else quantity, 0.0, limit, trigger, asked.trail, price,
    )  # fmt: skip
    if run.keep != 0:
        put(
            order_row_at(run.orders_at, run.orders), run.orders, ts, desk.instrument, asked.side,
            asked.type, quantity, limit, trigger, asked.tif, 0, 0.0, asked.tag, 0, 0,
        )  # fmt: skip
    desk.count += 1
    desk.dirty = 1
    run.orders += 1
    run.busy += 1


@kernel("run desk order i8 i8")
def _amend(run: Any, desk: Any, asked: Any, i: int, ts: int) -> None:
    cold()
    for value in (asked.quantity, asked.price, asked.trigger):
        if not _number(value):
            _fault(run, ERROR_QUANTITY, i, value)
            return
    j = find(desk, asked.target)
    if j < 0:
        return
    order = live_of(desk, j)
    if asked.quantity > 0.0:
        quantity = whole_steps(asked.quantity, desk.lot, desk.lots_a_unit, -1)
        if quantity <= order.filled:
            end(run, desk, j, DONE_CANCELED, REASON_ASKED, ts)
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
        row = order_row_at(run.orders_at, order.id)
        row.quantity = order.quantity
        row.price = order.price
        row.trigger = order.trigger


@kernel("run desk i8 f8 i8")
def accept(run: Any, desk: Any, count: int, price: float, ts: int) -> None:
    """Carry out the first `count` of RUN's requests; sets `run.error` for nonsense.

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
        asked = ask_at(run.asks_at, i)
        numbers_at(run.made_at)[i] = -1
        if asked.action == CANCEL:
            cancel(run, desk, asked.target, ts)
        elif asked.action == AMEND:
            _amend(run, desk, asked, i, ts)
        elif asked.action != SUBMIT:
            _fault(run, ERROR_ACTION, i, asked.action)
        elif _check(run, asked, i) == 0:
            _submit(run, desk, asked, i, first, price, ts)
        if run.error != 0:
            return
    if run.keep != 0 and run.orders + ROOM > run.orders_room and run.full == 0:
        run.full = 1
        run.busy += 1


@kernel("run desk order i8 i8 f8 i8", hot=True)
def _submit(run: Any, desk: Any, asked: Any, i: int, first: int, price: float, ts: int) -> None:
    made = numbers_at(run.made_at)
    quantity = min(asked.quantity, desk.max_quantity)
    quantity = whole_steps(quantity, desk.lot, desk.lots_a_unit, -1)
    parent = -1 if asked.parent < 0 else made[asked.parent]
    lost = asked.parent >= 0 and parent < 0
    small = quantity < max(desk.min_quantity, desk.lot)
    if small or lost or desk.count >= WORKING_MAX:
        run.dropped += 1
        return
    made[i] = run.orders
    desk.plain = (
        desk.count == 0
        and asked.type == MARKET
        and asked.tif == GTC
        and asked.reduce_only == 0
        and asked.group == 0
    )
    group = 0 if asked.group == 0 else (first + 1) * ORDERS_MAX + asked.group
    _place(run, desk, asked, quantity, parent, group, price, ts)
    j = desk.count - 1
    order = live_of(desk, j)
    at = order.price if order.price > 0.0 else order.trigger
    at = at if at > 0.0 else price
    if quantity * at < desk.min_notional:
        end(run, desk, j, DONE_REFUSED, REASON_NOTIONAL, ts)
    elif (
        order.type == LIMIT and parent < 0 and crosses_own(desk, order.side, order.price, order.id)
    ):
        end(run, desk, j, DONE_REFUSED, REASON_SELF_TRADE, ts)
