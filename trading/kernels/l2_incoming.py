"""Requests that reach the venue: orders that take, rest, wait or are refused; cancels; amends.

The rules are those of the simulated venue (`venues.sim`), and Binance's for an amendment: a smaller
quantity at the same price keeps the place in the queue, anything else gives it up; a quantity that
is filled already ends the order; a post-only order whose new price would take ends as well
(https://developers.binance.com/docs/derivatives/usds-margined-futures/trade/rest-api/Modify-Order).

An order never trades with one of our own: it takes what stands before it and then ends.
"""

from typing import Any

import numpy as np

from trading.kernels.engine_account import can_pay
from trading.kernels.engine_kernel import cold
from trading.kernels.engine_memory import order_row_at
from trading.kernels.l2_book import next_level, shown
from trading.kernels.l2_kernel import part
from trading.kernels.l2_match import rest, take, taken, touch
from trading.kernels.l2_memory import answer_of, order_of
from trading.kernels.l2_orders import (
    answer,
    end,
    end_flat,
    fill,
    find,
    measure,
    price_of,
    reducible,
    size_of,
    to_end,
)
from trading.kernels.l2_records import (
    ACCEPTED,
    AMENDED,
    ENDED,
    HELD_BACK,
    INCOMING,
    NONE,
    RESTS,
    STOPPED,
)
from trading.result import (
    DONE_CANCELED,
    DONE_EXPIRED,
    DONE_REFUSED,
    REASON_ASKED,
    REASON_FOK,
    REASON_IOC,
    REASON_LINKED,
    REASON_MARGIN,
    REASON_NO_LIQUIDITY,
    REASON_NOTIONAL,
    REASON_POST_ONLY,
    REASON_PROTECTION,
    REASON_REDUCE_ONLY,
    REASON_SELF_TRADE,
    REASON_TRIGGERED,
)
from trading.strategy_records import (
    FOK,
    GTC,
    GTD,
    LIMIT,
    MARKET,
    STOP_LIMIT,
    TAKE_PROFIT,
    TRAILING_STOP,
    WORKING_MAX,
)


@part("market book i8 i8")
def would_take(market: Any, book: Any, side: int, key: int) -> bool:
    """Whether an order at this price would meet the book or one of our own."""
    best = touch(market, book, 1 - side)
    best = max(best, market.best[1 - side])
    return bool(best != NONE and best + key >= 0)


@part("market book i8 i8 i8")
def reach(market: Any, book: Any, side: int, floor: int, wanted: int) -> int:
    """Lots that an order could take now, down to the key `floor` of the other side."""
    other = 1 - side
    own = market.best[other]
    key = book.best[other]
    found = 0
    while key != NONE and key >= floor and found < wanted:
        lots = shown(book, other, key) - taken(market, other, key)
        if own != NONE and key <= own:
            reached = max(0, min(lots, ahead_of_own(market, other, own)))
            return int(found + (reached if key == own else 0))
        found += max(0, lots)
        key = next_level(book, other, key) if book.depth != 0 else NONE
    return found


@part("market i8 i8")
def ahead_of_own(market: Any, side: int, key: int) -> int:
    """Lots that stand before the first of our orders at this price."""
    for j in range(market.count):
        order = order_of(market, j)
        if order.stage == RESTS and order.key == key and order.side == 1 - 2 * side:
            return max(0, int(order.ahead))
    return 0


@part("line run desk account market book i8")
def work(
    line: Any, run: Any, desk: Any, account: Any, market: Any, book: Any,
    j: int,
) -> None:  # fmt: skip
    """The j-th order meets the market: it takes what it may, and rests or ends."""
    cold()
    order = order_of(market, j)
    order_id = order.id
    sign = order.side
    side = (1 - sign) >> 1
    other = 1 - side
    wanted = order.leaves
    if order.reduce_only != 0:
        wanted = min(wanted, reducible(desk, account, sign))
    floor = order.floor
    own = market.best[other]
    stopped = own != NONE and own >= floor
    if order.tif == FOK and reach(market, book, side, floor, wanted) < order.leaves:
        reason = REASON_SELF_TRADE if stopped else REASON_FOK
        end(line, run, desk, market, j, DONE_EXPIRED, reason)
        return
    key = book.best[other]
    while wanted > 0 and key != NONE and key >= floor and run.error == 0:
        if own != NONE and key < own:
            break
        lots = shown(book, other, key) - taken(market, other, key)
        if key == own:
            lots = min(lots, ahead_of_own(market, other, own))
        lots = min(lots, wanted)
        if lots > 0:
            tick = -sign * key
            if not can_pay(run, desk, account, sign, price_of(desk, tick), size_of(desk, lots)):
                end(line, run, desk, market, j, DONE_CANCELED, REASON_MARGIN)
                return
            take(market, other, key, lots)
            fill(line, run, desk, account, market, j, tick, lots, 0)  # fmt: skip
            wanted -= lots
        if key == own:
            break
        key = next_level(book, other, key) if book.depth != 0 else NONE
    j = find(market, order_id, 0)
    if j >= 0:
        settle_rest(line, run, desk, account, market, book, j, wanted, stopped)
    if market.reducing > 0:
        end_flat(line, run, desk, account, market)


@part("line run desk account market book i8 i8 b1")
def settle_rest(
    line: Any, run: Any, desk: Any, account: Any, market: Any, book: Any,
    j: int, wanted: int, stopped: bool,
) -> None:  # fmt: skip
    """What becomes of the part of an order that did not trade at once."""
    order = order_of(market, j)
    if stopped and wanted > 0:
        end(line, run, desk, market, j, DONE_EXPIRED, REASON_SELF_TRADE)
    elif order.reduce_only != 0 and reducible(desk, account, order.side) == 0:
        end(line, run, desk, market, j, DONE_EXPIRED, REASON_REDUCE_ONLY)
    elif order.key != NONE and (order.tif in (GTC, GTD)):
        rest(line, market, book, j)
    else:
        reason = REASON_IOC
        if order.key == NONE:
            reason = REASON_NO_LIQUIDITY if order.floor == NONE else REASON_PROTECTION
        end(line, run, desk, market, j, DONE_EXPIRED, reason)


@part("market book order")
def due(market: Any, book: Any, order: Any) -> bool:
    """Whether a stop's trigger has been reached; moves a trailing one.

    Stops look at the last trade, or, before any, at the touch that they would trade against.
    """
    sign = order.side
    reference = market.last
    if reference == NONE:
        key = touch(market, book, (1 + sign) >> 1)
        if key == NONE:
            return False
        reference = -sign * key
    if order.type == TRAILING_STOP:
        moved = reference + sign * order.trail
        if order.trigger == 0 or sign * moved < sign * order.trigger:
            order.trigger = moved
    if order.type == TAKE_PROFIT:
        return bool(sign * reference <= sign * order.trigger)
    return bool(sign * reference >= sign * order.trigger)


@part("line run desk account market book")
def run_stops(
    line: Any, run: Any, desk: Any, account: Any, market: Any, book: Any,
) -> None:  # fmt: skip
    """Let the stops work whose trigger is reached, oldest first, one at a time."""
    cold()
    j = 0
    while j < market.count and market.stops > 0:
        order = order_of(market, j)
        if order.stage != STOPPED or not due(market, book, order):
            j += 1
            continue
        market.stops -= 1
        order.stage = INCOMING
        start(line, run, desk, account, market, book, j)  # fmt: skip
        j = 0  # what it took may have moved the touch, and ended others


@part("line run desk account market book i8")
def start(
    line: Any, run: Any, desk: Any, account: Any, market: Any, book: Any,
    j: int,
) -> None:  # fmt: skip
    """An order that waits for nothing any more is judged once more, and works."""
    order = order_of(market, j)
    side = (1 - order.side) >> 1
    if order.reduce_only != 0 and reducible(desk, account, order.side) == 0:
        end(line, run, desk, market, j, DONE_EXPIRED, REASON_REDUCE_ONLY)
    elif order.post_only != 0 and would_take(market, book, side, order.key):
        end(line, run, desk, market, j, DONE_EXPIRED, REASON_POST_ONLY)
    else:
        work(line, run, desk, account, market, book, j)  # fmt: skip


@part("line run desk account market book order i8")
def refusal(
    line: Any, run: Any, desk: Any, account: Any, market: Any, book: Any,
    order: Any, reference: int,
) -> int:  # fmt: skip
    """Why the venue does not take a new order; REASON_NONE if it does.

    reference   tick that an order is judged by if it has no price; 0 before any market data
    """
    cold()
    side = (1 - order.side) >> 1
    tick = order.side * order.key if order.key != NONE else order.trigger
    tick = tick if tick > 0 else reference
    price = price_of(desk, tick)
    quantity = size_of(desk, order.lots)
    if tick > 0 and quantity * price < desk.min_notional:
        return REASON_NOTIONAL
    if order.type not in (MARKET, LIMIT):
        if due(market, book, order):
            return REASON_TRIGGERED
    elif order.post_only != 0 and would_take(market, book, side, order.key):
        return REASON_POST_ONLY
    elif order.reduce_only != 0 and reducible(desk, account, order.side) == 0:
        return REASON_REDUCE_ONLY
    judged = order.reduce_only == 0 and tick > 0
    if judged and not can_pay(run, desk, account, order.side, price, quantity):
        return REASON_MARGIN
    return 0


@part("order request")
def write(order: Any, asked: Any) -> None:
    """A request becomes an order, which nothing is known of yet."""
    order.id = asked.id
    order.side = asked.side
    order.type = asked.type
    order.stage = INCOMING
    order.tif = asked.tif
    order.post_only = asked.post_only
    order.reduce_only = asked.reduce_only
    order.tag = asked.tag
    limited = asked.type in (LIMIT, STOP_LIMIT)
    order.key = asked.side * asked.price if limited else NONE
    order.floor = NONE
    if limited:
        order.floor = -order.key
    elif asked.protection > 0:
        order.floor = -asked.side * asked.protection
    order.trigger = asked.trigger
    order.trail = asked.trail
    order.lots = asked.lots
    order.leaves = asked.lots
    order.filled = 0
    order.ahead = 0
    order.traded = 0
    order.expires = asked.expires
    order.group = asked.group
    order.parent = asked.parent


@part("line run desk account market book request")
def enter(
    line: Any, run: Any, desk: Any, account: Any, market: Any, book: Any,
    asked: Any,
) -> None:  # fmt: skip
    """A new order reaches the venue."""
    cold()
    if market.count >= WORKING_MAX:
        answer(line, ENDED, desk.instrument, asked.id)
        return
    j = market.count
    order = order_of(market, j)
    write(order, asked)
    market.count += 1
    market.gtds += asked.tif == GTD
    market.tied += asked.group != 0 or asked.parent >= 0
    if asked.parent >= 0:
        order.leaves = min(asked.lots, parents_lots(line, desk, market, asked.parent))
        if order.leaves == 0:
            if find(market, asked.parent, 0) < 0:
                end(line, run, desk, market, j, DONE_CANCELED, REASON_LINKED)
                return
            order.stage = HELD_BACK
            answer(line, ACCEPTED, desk.instrument, asked.id)
            return
    best = touch(market, book, (1 + asked.side) >> 1)
    reference = -asked.side * best if best != NONE else max(0, market.last)
    reason = refusal(line, run, desk, account, market, book, order, reference)
    if reason != 0:
        end(line, run, desk, market, j, DONE_REFUSED, reason)
        return
    answer(line, ACCEPTED, desk.instrument, asked.id)
    if asked.type in (MARKET, LIMIT):
        work(line, run, desk, account, market, book, j)  # fmt: skip
    else:
        order.stage = STOPPED
        market.stops += 1


@part("line desk market i8")
def parents_lots(line: Any, desk: Any, market: Any, parent: int) -> int:
    """What the order that must fill first has filled so far, in lots."""
    j = find(market, parent, 0)
    if j >= 0:
        return int(order_of(market, j).filled)
    filled = order_row_at(line.orders_at, parent).filled
    lots = filled * desk.lots_a_unit if desk.lots_a_unit > 0.0 else filled / desk.lot
    return int(np.rint(lots))


@part("line run desk market request")
def cancel(line: Any, run: Any, desk: Any, market: Any, asked: Any) -> None:
    """Close an order because it is asked for; nothing if it is closed already."""
    j = find(market, asked.id, 0)
    if j >= 0:
        end(line, run, desk, market, j, DONE_CANCELED, REASON_ASKED)


@part("line run desk account market book request")
def amend(
    line: Any, run: Any, desk: Any, account: Any, market: Any, book: Any,
    asked: Any,
) -> None:  # fmt: skip
    """Change an order's quantity, price or trigger; 0 leaves a value as it is."""
    cold()
    j = find(market, asked.id, 0)
    if j < 0:
        return
    order = order_of(market, j)
    side = (1 - order.side) >> 1
    lots = asked.lots if asked.lots > 0 else order.lots
    if lots <= order.filled:
        end(line, run, desk, market, j, DONE_CANCELED, REASON_ASKED)
        return
    moved = asked.price > 0 and order.key != NONE and order.side * asked.price != order.key
    grown = lots > order.lots
    if order.stage != HELD_BACK:
        order.leaves = lots - order.filled
    order.lots = lots
    if moved:
        order.key = order.side * asked.price
        order.floor = -order.key
    if asked.trigger > 0 and order.stage == STOPPED:
        order.trigger = asked.trigger
    said = answer_of(line, answer(line, AMENDED, desk.instrument, order.id))
    said.price = price_of(desk, order.side * order.key if order.key != NONE else order.trigger)
    said.quantity = size_of(desk, order.lots)
    said.leaves = size_of(desk, order.leaves)
    if run.keep != 0:
        row = order_row_at(line.orders_at, order.id)
        row.quantity = said.quantity
        row.price = said.price if order.key != NONE else 0.0
        row.trigger = price_of(desk, order.trigger)
    if order.stage != RESTS or not (moved or grown):
        return
    order.stage = INCOMING
    market.reducing -= order.reduce_only != 0
    measure(market, side)
    to_end(market, j)
    j = market.count - 1
    order = order_of(market, j)
    if order.post_only != 0 and would_take(market, book, side, order.key):
        end(line, run, desk, market, j, DONE_CANCELED, REASON_POST_ONLY)
    else:
        work(line, run, desk, account, market, book, j)  # fmt: skip
