"""Our half of a backtest: what we have heard, what we ask for, and when it gets there."""

from typing import Any

from trading.kernels.engine_kernel import cold
from trading.kernels.engine_memory import order_row_at, seen_of
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
    ROOM,
)
from trading.kernels.l2_kernel import part
from trading.kernels.l2_latency import travel
from trading.kernels.l2_memory import request_of, there_of
from trading.kernels.l2_orders import price_of, size_of
from trading.kernels.l2_records import (
    ACCEPTED,
    AMENDED,
    ENDED,
    FILLED,
    REQUESTS_MAX,
    WORKS,
)
from trading.kernels.l2_working import (
    count_leaves,
    drop_working,
    find_working,
    set_leaves,
    too_little,
)
from trading.result import DONE_REFUSED, REASON_NOTIONAL
from trading.strategy_records import (
    AMEND,
    CANCEL,
    CANCELING,
    GTD,
    HELD,
    LIMIT,
    MARKET,
    OPEN,
    ORDERS_MAX,
    SENT,
    STOP_LIMIT,
    STOP_MARKET,
    SUBMIT,
    TAKE_PROFIT,
    TRAILING_STOP,
    WORKING_MAX,
)

_MOST = 1e15  # ticks or lots: beyond it a float64 does not count in steps


@part("line run desk account answer told")
def learn(line: Any, run: Any, desk: Any, account: Any, said: Any, told: Any) -> None:
    """An answer arrives: what we know of the order and the account; `told` for a fill.

    A cancel that was decided before the venue was known to hold the order leaves only now, as it
    does live: about an order that it does not hold, a venue answers that there is none.
    """
    cold()
    k = find_working(account, said.id)
    if said.what == FILLED:
        account.position = said.position
        account.avg_px = said.avg_px
        account.realized_pnl = said.realized_pnl
        account.commissions = said.commissions
        account.fills += 1
        if k >= 0 and said.leaves <= 0.0:
            drop_working(desk, account, k)
        elif k >= 0:
            set_leaves(desk, account, k, said.leaves)
        told.ts_event = said.ts
        told.ts_init = said.arrives
        told.sequence = said.id
        told.side = said.side
        told.price = said.price
        told.quantity = said.quantity
        told.leaves = said.leaves
        told.commission = said.commission
        told.maker = said.maker
        told.tag = said.tag
    elif k < 0:
        return
    elif said.what == ENDED:
        drop_working(desk, account, k)
    elif said.what == AMENDED:
        seen_of(account, k).price = said.price
        seen_of(account, k).quantity = said.quantity
        set_leaves(desk, account, k, said.leaves)
    elif (said.what == ACCEPTED and seen_of(account, k).status == SENT) or (
        said.what == WORKS and seen_of(account, k).status == HELD
    ):
        seen_of(account, k).status = OPEN
    elif said.what == ACCEPTED and seen_of(account, k).status == CANCELING:
        ask_cancel(line, run, desk, said.id)


@part("run i8 i8 f8")
def fault(run: Any, error: int, request: int, value: float) -> None:
    """The strategy asked for nonsense: the run ends and says so."""
    run.error = error
    run.error_request = request
    run.error_value = value


@part("f8")
def number(value: float) -> bool:
    """Finite and not negative."""
    return bool(value >= 0.0 and value < 1e300)


@part("run asks i8")
def check(run: Any, asks: Any, i: int) -> None:
    """Sets `run.error` if the i-th request has no meaning."""
    cold()
    asked = asks[i]
    kind = asked.type
    limited = kind in (LIMIT, STOP_LIMIT)
    stopped = kind in (STOP_MARKET, STOP_LIMIT, TAKE_PROFIT)
    trailing = kind == TRAILING_STOP
    if asked.side not in (1, -1):
        fault(run, ERROR_SIDE, i, asked.side)
    elif kind < MARKET or kind > TRAILING_STOP:
        fault(run, ERROR_TYPE, i, kind)
    elif asked.tif < 0 or asked.tif > GTD:
        fault(run, ERROR_TIF, i, asked.tif)
    elif not number(asked.quantity):
        fault(run, ERROR_QUANTITY, i, asked.quantity)
    elif not number(asked.price) or (limited and asked.price <= 0.0):
        fault(run, ERROR_PRICE, i, asked.price)
    elif not number(asked.trigger) or (stopped and asked.trigger <= 0.0):
        fault(run, ERROR_TRIGGER, i, asked.trigger)
    elif not number(asked.trail) or (trailing and asked.trail <= 0.0):
        fault(run, ERROR_TRAIL, i, asked.trail)
    elif (
        asked.parent < -1
        or asked.parent >= i
        or (asked.parent >= 0 and asks[asked.parent].parent >= 0)
    ):
        fault(run, ERROR_PARENT, i, asked.parent)
    elif asked.tif == GTD and asked.expires <= 0:
        fault(run, ERROR_EXPIRES, i, float(asked.expires))


@part("f8 f8 f8 i8")
def steps(value: float, step: float, a_unit: float, direction: int) -> int:
    """Whole steps: the same, else the next one up (1) or down (-1), or the nearest (0)."""
    count = min(value * a_unit if a_unit > 0.0 else value / step, _MOST)
    nearest = round(count)
    if direction != 0 and abs(count - nearest) > 0.0009737:
        nearest = round(count + 0.5 * direction)
    return int(nearest)


@part("line run desk i8 i8")
def new_request(line: Any, run: Any, desk: Any, action: int, order_id: int) -> int:
    """Index in the ring of a request that has not left; -1 (and an error) without room."""
    if line.requests_tail - line.requests_head >= REQUESTS_MAX:
        fault(run, ERROR_CHASE, 0, REQUESTS_MAX)
        return -1
    at = line.requests_tail % REQUESTS_MAX
    asked = request_of(line, at)
    asked.action = action
    asked.instrument = desk.instrument
    asked.id = order_id
    asked.tif = 0
    return int(at)


@part("line")
def leave(line: Any) -> None:
    """The newest request is on its way."""
    asked = request_of(line, line.requests_tail % REQUESTS_MAX)
    asked.arrives = travel(there_of(line, 0), line.local_now)
    line.alarm = min(line.alarm, asked.arrives)
    line.requests_tail += 1


@part("line run desk i8")
def ask_cancel(line: Any, run: Any, desk: Any, order_id: int) -> None:
    """A cancel leaves now."""
    if new_request(line, run, desk, CANCEL, order_id) >= 0:
        leave(line)


@part("line run desk account asks i8")
def send(
    line: Any, run: Any, desk: Any, account: Any, asks: Any, count: int,
) -> None:  # fmt: skip
    """Put the first `count` requests on their way; sets `run.error` for nonsense."""
    cold()
    if count < 0 or count > ORDERS_MAX:
        fault(run, ERROR_COUNT, 0, count)
        return
    first = run.orders
    for i in range(count):
        asked = asks[i]
        if asked.action == SUBMIT:
            check(run, asks, i)
            if run.error == 0:
                submit(line, run, desk, account, asks, i, first)
        elif asked.action == CANCEL:
            k = find_working(account, asked.target)
            if k >= 0 and seen_of(account, k).status != CANCELING:
                known = seen_of(account, k).status != SENT
                seen_of(account, k).status = CANCELING
                if known:
                    ask_cancel(line, run, desk, asked.target)
        elif asked.action == AMEND:
            change(line, run, desk, account, asked, i)
        else:
            fault(run, ERROR_ACTION, i, asked.action)
        if run.error != 0:
            return
    if run.orders + ROOM > run.orders_room:
        run.full = 1


@part("line run desk account asked i8")
def change(line: Any, run: Any, desk: Any, account: Any, asked: Any, i: int) -> None:
    """Ask for other values of a working order; 0 leaves a value as it is."""
    if not number(asked.quantity) or not number(asked.price) or not number(asked.trigger):
        fault(run, ERROR_QUANTITY, i, asked.quantity)
        return
    k = find_working(account, asked.target)
    if k < 0 or seen_of(account, k).status == CANCELING:
        return
    at = new_request(line, run, desk, AMEND, asked.target)
    if at >= 0:
        wanted = request_of(line, at)
        side = seen_of(account, k).side
        wanted.lots = steps(min(asked.quantity, desk.max_quantity), desk.lot, desk.lots_a_unit, -1)
        wanted.price = steps(asked.price, desk.tick, desk.ticks_a_unit, -side)
        wanted.trigger = steps(asked.trigger, desk.tick, desk.ticks_a_unit, 0)
        leave(line)


@part("line run desk account asks i8 i8")
def submit(
    line: Any, run: Any, desk: Any, account: Any, asks: Any, i: int, first: int,
) -> None:  # fmt: skip
    """Number an order, show it among the working ones and send it; dropped if too small or many."""
    asked = asks[i]
    asked.target = -1
    parent = asks[asked.parent].target if asked.parent >= 0 else -1
    lots = steps(min(asked.quantity, desk.max_quantity), desk.lot, desk.lots_a_unit, -1)
    quantity = size_of(desk, lots)
    small = lots < 1 or quantity < desk.min_quantity
    if small or account.working_count >= WORKING_MAX or (asked.parent >= 0 and parent < 0):
        run.dropped += 1
        return
    order_id = run.orders
    at = new_request(line, run, desk, SUBMIT, order_id)
    if at < 0:
        return
    wanted = request_of(line, at)
    word(run, desk, account, wanted, asked)
    wanted.lots = lots
    wanted.group = 0 if asked.group == 0 else (first + 1) * ORDERS_MAX + asked.group
    wanted.parent = parent
    row = order_row_at(line.orders_at, order_id)
    note(row, desk, wanted, line.local_now)
    run.orders += 1
    if too_little(desk, account, wanted):
        row.status = DONE_REFUSED
        row.reason = REASON_NOTIONAL
        row.ts_closed = line.local_now
        line.refused_at = line.local_now
    else:
        asked.target = order_id
        leave(line)
    mine = seen_of(account, account.working_count)
    mine.sequence = order_id
    mine.side = asked.side
    mine.type = asked.type
    mine.price = row.price if row.price > 0.0 else row.trigger
    mine.quantity = quantity
    mine.leaves = quantity
    mine.status = HELD if parent >= 0 else SENT
    mine.tag = asked.tag
    mine.ts_decided = line.local_now
    account.working_count += 1
    count_leaves(desk, account, asked.side, quantity)


@part("run desk account request asked")
def word(run: Any, desk: Any, account: Any, wanted: Any, asked: Any) -> None:
    """The strategy's request in whole ticks: a limit no worse for us, a trigger the nearest."""
    wanted.side = asked.side
    wanted.type = asked.type
    wanted.tif = asked.tif
    wanted.post_only = asked.post_only
    wanted.reduce_only = asked.reduce_only
    wanted.tag = asked.tag
    wanted.expires = asked.expires
    limited = asked.type in (LIMIT, STOP_LIMIT)
    wanted.price = 0
    if limited:
        wanted.price = steps(asked.price, desk.tick, desk.ticks_a_unit, -asked.side)
    wanted.trigger = 0
    wanted.trail = 0
    if asked.type > LIMIT:
        wanted.trigger = steps(asked.trigger, desk.tick, desk.ticks_a_unit, 0)
        wanted.trail = max(1, steps(asked.trail, desk.tick, desk.ticks_a_unit, 0))
    wanted.protection = 0
    if run.protection > 0.0 and not limited:
        price = account.ask if asked.side > 0 else account.bid
        price = price if price > 0.0 else desk.price
        worst = price * (1.0 + asked.side * run.protection)
        wanted.protection = steps(worst, desk.tick, desk.ticks_a_unit, -asked.side)


@part("row desk request i8")
def note(row: Any, desk: Any, wanted: Any, now: int) -> None:
    """The order's row of the table, as decided."""
    row.id = wanted.id
    row.ts = now
    row.instrument = desk.instrument
    row.side = wanted.side
    row.type = wanted.type
    row.quantity = size_of(desk, wanted.lots)
    row.price = price_of(desk, wanted.price)
    row.trigger = price_of(desk, wanted.trigger)
    row.tif = wanted.tif
    row.tag = wanted.tag
    row.status = 0
    row.filled = 0.0
    row.ts_closed = 0
    row.reason = 0
