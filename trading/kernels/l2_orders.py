"""Our orders at the venue: listed, ended, filled, and the word about each sent back.

Orders stand in the order of time and close ranks when one ends.
"""

from typing import Any

import numpy as np

from trading.kernels.engine_account import book_fill, can_pay, liquidation_price
from trading.kernels.engine_kernel import cold
from trading.kernels.engine_memory import order_row_at, put_back
from trading.kernels.engine_records import ERROR_CHASE
from trading.kernels.l2_kernel import part
from trading.kernels.l2_memory import answer_of, live_at_venue, order_of, told_of
from trading.kernels.l2_records import (
    ANSWERS_MAX,
    ENDED,
    FAR,
    FILLED,
    HELD_BACK,
    INCOMING,
    NONE,
    RESTS,
    STOPPED,
    WORKS,
)
from trading.result import (
    DONE_CANCELED,
    DONE_EXPIRED,
    DONE_FILLED,
    REASON_LINKED,
    REASON_MARGIN,
    REASON_NONE,
    REASON_REDUCE_ONLY,
)
from trading.strategy_records import GTD, WORKING_MAX


@part("desk i8")
def price_of(desk: Any, tick: int) -> float:
    """The double nearest to a price of so many ticks."""
    if desk.ticks_a_unit > 0.0:
        return float(tick / desk.ticks_a_unit)
    return float(tick * desk.tick)


@part("desk i8")
def size_of(desk: Any, lots: int) -> float:
    """The double nearest to a size of so many lots."""
    if desk.lots_a_unit > 0.0:
        return float(lots / desk.lots_a_unit)
    return float(lots * desk.lot)


@part("desk account i8")
def reducible(desk: Any, account: Any, side: int) -> int:
    """Lots that an order of this side can trade before the position is flat."""
    position = account.position
    steps = position * desk.lots_a_unit if desk.lots_a_unit > 0.0 else position / desk.lot
    return int(max(0, -side * round(steps)))


@part("line i8 i8 i8")
def answer(line: Any, what: int, instrument: int, order_id: int) -> Any:
    """Index of a new answer that says `what` now; when it arrives is `l2_exchange`'s to say."""
    at = line.answers_tail % ANSWERS_MAX
    said = answer_of(line, at)
    said.arrives = 0
    said.ts = line.now
    said.what = what
    said.instrument = instrument
    said.id = order_id
    line.answers_tail += 1
    return at


@part("market i8 i8")
def find(market: Any, order_id: int, start: int) -> int:
    """Index of the order with this id; -1 if the venue does not hold it."""
    for j in range(start, market.count):
        if order_of(market, j).id == order_id:
            return j
    return -1


@part("run desk account market")
def set_limits(run: Any, desk: Any, account: Any, market: Any) -> None:
    """Where the middle of the book must not come while the position is what it is."""
    cold()
    market.low = NONE
    market.high = FAR
    price = liquidation_price(run, desk, account)
    if price > 0.0:
        ticks = 2.0 * min(price / desk.tick, 1e15)
        if account.position > 0.0:
            market.low = int(np.floor(ticks))
        else:
            market.high = int(np.ceil(ticks))


@part("market i8")
def measure(market: Any, side: int) -> None:
    """Best and worst key of our resting orders on one side, anew."""
    best = NONE
    worst = -NONE
    sign = 1 - 2 * side
    for j in range(market.count):
        order = order_of(market, j)
        if order.side == sign and order.stage == RESTS:
            best = max(best, order.key)
            worst = min(worst, order.key)
    market.best[side] = best
    market.worst[side] = worst


@part("line run desk market i8 i8 i8")
def remove(line: Any, run: Any, desk: Any, market: Any, j: int, status: int, reason: int) -> None:
    """Close the j-th order; nothing that is tied to it."""
    cold()
    order = order_of(market, j)
    if run.keep != 0:
        row = order_row_at(line.orders_at, order.id)
        row.status = status
        row.reason = reason
        row.filled = size_of(desk, order.filled)
        row.ts_closed = line.now
    if status != DONE_FILLED:
        answer(line, ENDED, desk.instrument, order.id)
    side = (1 - order.side) >> 1
    rested = order.stage == RESTS
    market.stops -= order.stage == STOPPED
    market.gtds -= order.tif == GTD
    market.reducing -= order.reduce_only != 0 and rested
    market.tied -= order.group != 0 or order.parent >= 0
    for k in range(j, market.count - 1):
        put_back(order_of(market, k), order_of(market, k + 1))
    market.count -= 1
    if rested:
        measure(market, side)


@part("line run desk market i8 i8 i8")
def end(line: Any, run: Any, desk: Any, market: Any, j: int, status: int, reason: int) -> None:
    """Close the j-th order; without a fill, what waits for it; and the rest of its group."""
    cold()
    order_id = order_of(market, j).id
    group = order_of(market, j).group
    filled = order_of(market, j).filled
    remove(line, run, desk, market, j, status, reason)
    k = 0
    while market.tied > 0 and k < market.count:
        other = order_of(market, k)
        orphan = other.parent == order_id and filled == 0
        if orphan or (group != 0 and other.group == group and status != DONE_FILLED):
            remove(line, run, desk, market, k, DONE_CANCELED, REASON_LINKED)
        else:
            k += 1


@part("line run desk market i8 i8 i8")
def after_fill(
    line: Any, run: Any, desk: Any, market: Any, order_id: int, group: int, lots: int
) -> None:
    """What a fill means for the orders tied to it.

    Children of a bracket begin to work with what their parent has filled; orders of a group lose
    what one of them has filled. Children that may work now are INCOMING: `l2_exchange` takes them.
    """
    cold()
    k = 0
    while k < market.count:
        other = order_of(market, k)
        if other.parent == order_id:
            other.leaves += min(lots, other.lots - other.filled - other.leaves)
            if other.stage == HELD_BACK:
                other.stage = INCOMING
                answer(line, WORKS, desk.instrument, other.id)
        elif group != 0 and other.group == group and other.id != order_id:
            other.leaves -= lots
            if other.leaves <= 0:
                remove(line, run, desk, market, k, DONE_CANCELED, REASON_LINKED)
                continue
        k += 1


@part("line run desk account market i8 i8 i8 i8")
def fill(
    line: Any, run: Any, desk: Any, account: Any, market: Any, j: int, tick: int, lots: int,
    maker: int,
) -> None:  # fmt: skip
    """`lots` of the j-th order trade at `tick`; it is closed when it is full."""
    cold()
    if run.fills >= run.fills_room or line.answers_tail - line.answers_head >= ANSWERS_MAX:
        run.error = ERROR_CHASE
        return
    order = order_of(market, j)
    price = price_of(desk, tick)
    quantity = size_of(desk, lots)
    live = live_at_venue(line, 0)
    told = told_of(line, 0)
    live.id = order.id
    live.side = order.side
    live.tag = order.tag
    live.leaves = size_of(desk, order.leaves)
    live.filled = size_of(desk, order.filled)
    book_fill(run, desk, account, live, price, quantity, maker, line.now, told)
    if run.margin != 0:
        set_limits(run, desk, account, market)
    order.leaves -= lots
    order.filled += lots
    said = answer_of(line, answer(line, FILLED, desk.instrument, order.id))
    said.side = order.side
    said.price = price
    said.quantity = quantity
    said.leaves = size_of(desk, order.leaves)
    said.commission = told.commission
    said.maker = maker
    said.tag = order.tag
    said.position = account.position
    said.avg_px = account.avg_px
    said.realized_pnl = account.realized_pnl
    said.commissions = account.commissions
    order_id = order.id
    group = order.group
    if order.leaves == 0:
        remove(line, run, desk, market, j, DONE_FILLED, REASON_NONE)
    elif run.keep != 0:
        order_row_at(line.orders_at, order_id).filled = size_of(desk, order.filled)
    if market.tied > 0:
        after_fill(line, run, desk, market, order_id, group, lots)


@part("line run desk account market i8 i8")
def make(
    line: Any, run: Any, desk: Any, account: Any, market: Any, j: int, lots: int,
) -> int:  # fmt: skip
    """Up to `lots` of the j-th, resting order trade at its price -> how many did.

    An order that the account cannot pay, or that would open though it may only reduce, ends.
    """
    cold()
    order = order_of(market, j)
    lots = min(lots, order.leaves)
    if order.reduce_only != 0:
        room = reducible(desk, account, order.side)
        if room == 0:
            end(line, run, desk, market, j, DONE_EXPIRED, REASON_REDUCE_ONLY)
            return 0
        lots = min(lots, room)
    if lots <= 0:
        return 0
    tick = order.key * order.side
    if not can_pay(run, desk, account, order.side, price_of(desk, tick), size_of(desk, lots)):
        end(line, run, desk, market, j, DONE_CANCELED, REASON_MARGIN)
        return 0
    fill(line, run, desk, account, market, j, tick, lots, 1)
    return lots


@part("line run desk account market")
def end_flat(line: Any, run: Any, desk: Any, account: Any, market: Any) -> None:
    """Close the resting reduce-only orders that have nothing left to reduce."""
    cold()
    j = 0
    while j < market.count:
        order = order_of(market, j)
        idle = order.stage == RESTS and order.reduce_only != 0
        if idle and reducible(desk, account, order.side) == 0:
            end(line, run, desk, market, j, DONE_EXPIRED, REASON_REDUCE_ONLY)
            j = 0
        else:
            j += 1


@part("market i8")
def to_end(market: Any, j: int) -> None:
    """The j-th order becomes the newest in the order of time."""
    put_back(order_of(market, WORKING_MAX), order_of(market, j))
    for k in range(j, market.count - 1):
        put_back(order_of(market, k), order_of(market, k + 1))
    put_back(order_of(market, market.count - 1), order_of(market, WORKING_MAX))
