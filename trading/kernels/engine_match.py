"""How a bar fills orders: a walk along four prices, one fill at a time.

A bar is walked from its open over its two extremes to its close; RUN.path_rule says which extreme
comes first. At the open, new orders arrive and gaps are felt. On each leg after it, the order that
the price comes to first is carried out, then the next, from there on: so nothing fills before what
triggers it, and an order that a fill brings to life acts on the rest of the path alone.

`advance` stops after each fill, so that the strategy can be told, and goes on when called again.
"""

from typing import Any

from trading.kernels.engine_account import book_fill, can_pay, liquidation_price, whole_steps
from trading.kernels.engine_desk import after_fill, end, end_all, find, is_new, remove, show
from trading.kernels.engine_kernel import cold, kernel
from trading.kernels.engine_memory import live_of, told_at
from trading.kernels.engine_records import (
    ERROR_CHASE,
    FILLS_A_BAR_MAX,
    NEW,
    RESTING,
    WAITING,
)
from trading.kernels.engine_requests import crosses_own
from trading.kernels.engine_walk import leave_open
from trading.result import (
    DONE_CANCELED,
    DONE_EXPIRED,
    DONE_FILLED,
    DONE_REFUSED,
    REASON_FOK,
    REASON_GTD,
    REASON_IOC,
    REASON_LIQUIDATED,
    REASON_MARGIN,
    REASON_NONE,
    REASON_POST_ONLY,
    REASON_PROTECTION,
    REASON_REDUCE_ONLY,
    REASON_SELF_TRADE,
)
from trading.strategy_records import (
    FOK,
    GTC,
    GTD,
    IOC,
    LIMIT,
    MARKET,
    STOP_LIMIT,
    TAKE_PROFIT,
    TRAILING_STOP,
)


@kernel("run desk account i8 i8 f8")
def trade_plain(run: Any, desk: Any, account: Any, step: int, ts: int, price: float) -> None:
    """What `advance` comes to for the only order of an instrument, if it is plain: most are.

    A market order under settings that are plain too: nothing limits its quantity, and nobody waits
    for its fill, so the walk ends where it begins.
    """
    cold()
    order = live_of(desk, 0)
    run.step = step
    paid = _slipped(run, desk, order, price, order.leaves)
    if can_pay(run, desk, account, order.side, paid, order.leaves):
        told = told_at(run.told_at, 0)
        book_fill(run, desk, account, order, paid, order.leaves, 0, ts, told)
        remove(run, desk, 0, DONE_FILLED, REASON_NONE, ts)
    else:
        end(run, desk, 0, DONE_REFUSED, REASON_MARGIN, ts)
    show(desk, account)


@kernel("run desk account told")
def advance(run: Any, desk: Any, account: Any, told: Any) -> int:
    """Walk on until something fills: 1; 0 when the bar is done, or `run.error` is set."""
    cold()
    if desk.leg == 0:
        ts = desk.ts_open
        while desk.next < desk.count:
            j = desk.next
            desk.next += 1
            order = live_of(desk, j)
            if order.tif == GTD and order.expires <= ts:
                end(run, desk, j, DONE_EXPIRED, REASON_GTD, ts)
            elif _meet(run, desk, account, j, ts, told) != 0:
                return int(_count_fill(run, desk))
        if run.margin != 0 and _liquidated_at(run, desk, account, desk.at, desk.at) > 0.0:
            return int(_liquidate(run, desk, account, ts, told))
        desk.leg = 1
        idle = desk.count == 0 and (run.margin == 0 or account.position == 0.0)
        if desk.instant != 0 or (idle and desk.last_leg != 0):
            return 0
        leave_open(run, desk, account.position)
    if desk.count == 0 and (run.margin == 0 or account.position == 0.0):
        return 0
    ts = desk.ts_close - 1  # before the close, and after anything at the open
    while desk.leg <= desk.last_leg:
        target = desk.points[desk.leg]
        j, level = _first_on_the_way(run, desk, target)
        due = _liquidated_at(run, desk, account, desk.at, target)
        if due > 0.0 and (j < 0 or abs(due - desk.at) < abs(level - desk.at)):
            desk.at = due
            return int(_liquidate(run, desk, account, ts, told))
        if j < 0:
            desk.at = target
            _trail(desk, target)
            desk.leg += 1
            continue
        desk.at = level
        _trail(desk, level)
        if _hit(run, desk, account, j, ts, told) != 0:
            return int(_count_fill(run, desk))
    return 0


@kernel("run desk")
def _count_fill(run: Any, desk: Any) -> int:
    desk.fills_here += 1
    if desk.fills_here > FILLS_A_BAR_MAX:
        run.error = ERROR_CHASE
        run.error_value = desk.fills_here
        return 0
    return 1


@kernel("desk f8")
def _trail(desk: Any, price: float) -> None:
    """Let the trailing stops that work follow the price; a trigger of 0 is not set yet."""
    cold()
    for j in range(desk.count):
        order = live_of(desk, j)
        if order.type == TRAILING_STOP and order.stage == RESTING:
            trigger = whole_steps(price + order.side * order.trail, desk.tick, desk.ticks_a_unit, 0)
            if order.trigger == 0.0 or (order.trigger - trigger) * order.side > 0.0:
                order.trigger = trigger
                desk.dirty = 1


@kernel("run desk f8")
def _first_on_the_way(run: Any, desk: Any, target: float) -> tuple[int, float]:
    """(index, price) of the order that comes first on the way to `target`; (-1, 0) if none.

    Of several at one price, stops come before limits: the outcome that is worse for us.
    """
    cold()
    at = desk.at
    up = 1 if target >= at else -1
    best = -1
    best_level = 0.0
    for j in range(desk.count):
        order = live_of(desk, j)
        if order.stage != RESTING or order.skip == run.step or order.leaves <= 0.0:
            continue
        kind = order.type
        if kind == MARKET:
            continue
        needed = 0.0
        if kind == LIMIT:
            level = order.price
            wanted = -order.side  # a buy waits for the price to fall
            needed = desk.tick if run.through != 0 else 0.0
        else:
            level = order.trigger
            wanted = -order.side if kind == TAKE_PROFIT else order.side
        if wanted != up or (target - level) * up < needed - 1e-3 * desk.tick or level == 0.0:
            continue
        if (level - at) * up < 0.0:  # the price is beyond it already
            level = at
        ahead = (best_level - level) * up
        stop_first = ahead == 0.0 and kind != LIMIT and live_of(desk, best).type == LIMIT
        if best < 0 or ahead > 0.0 or stop_first:
            best = j
            best_level = level
    return best, best_level


@kernel("run desk account i8 i8 told")
def _hit(
    run: Any, desk: Any, account: Any, j: int, ts: int, told: Any,
) -> int:  # fmt: skip
    """Carry out the order that the walk has come to; 1 if it filled."""
    cold()
    order = live_of(desk, j)
    if order.type == LIMIT:
        price = order.price
        return int(_execute(run, desk, account, j, price, 1, ts, told))
    if order.type == STOP_LIMIT:
        order.type = LIMIT
        order.stage = NEW
        order.step = run.step - 1
        return int(_meet(run, desk, account, j, ts, told))
    price = desk.at
    return int(_execute(run, desk, account, j, price, 0, ts, told))


@kernel("run desk account i8 i8 told")
def _meet(  # noqa: PLR0912
    run: Any, desk: Any, account: Any, j: int, ts: int, told: Any,
) -> int:  # fmt: skip
    """What the price where the walk stands does to the j-th order; 1 if it filled."""
    cold()
    order = live_of(desk, j)
    price = desk.at
    fresh = is_new(desk, order, run.step)
    if order.stage == WAITING or order.skip == run.step or (order.stage == NEW and not fresh):
        return 0
    kind = order.type
    if kind == TRAILING_STOP:
        order.stage = RESTING
        _trail(desk, price)
    if kind == LIMIT:
        beyond = (order.price - price) * order.side
    elif kind == TAKE_PROFIT:
        beyond = (order.trigger - price) * order.side
    else:
        beyond = (price - order.trigger) * order.side
    if kind != MARKET and beyond < 0.0:
        if kind == LIMIT and order.tif != GTC and order.tif != GTD:
            reason = REASON_IOC if order.tif == IOC else REASON_FOK
            end(run, desk, j, DONE_CANCELED, reason, ts)
            return 0
        order.stage = RESTING
        return 0
    if kind == STOP_LIMIT:
        order.type = LIMIT
        order.stage = NEW
        fresh = True
        kind = LIMIT
        if (order.price - price) * order.side < 0.0:
            order.stage = RESTING
            return 0
    if kind != LIMIT:
        return int(_execute(run, desk, account, j, price, 0, ts, told))
    if not fresh:  # the market came to an order that rested: it trades at its own price
        needed = desk.tick if run.through != 0 else 0.0
        if beyond < needed - 1e-3 * desk.tick:  # 100.27 - 100.26 is a tick, a bit less in doubles
            return 0
        price = order.price
        return int(_execute(run, desk, account, j, price, 1, ts, told))
    if order.post_only != 0:
        end(run, desk, j, DONE_REFUSED, REASON_POST_ONLY, ts)
        return 0
    if crosses_own(desk, order.side, order.price, order.id):
        end(run, desk, j, DONE_REFUSED, REASON_SELF_TRADE, ts)
        return 0
    return int(_execute(run, desk, account, j, price, 0, ts, told))


@kernel("run desk live f8 f8", hot=True)
def _slipped(run: Any, desk: Any, order: Any, price: float, quantity: float) -> float:
    """What a taker pays: the price, the slippage against us, and what our size moves it."""
    worse = run.slippage
    if run.impact > 0.0 and desk.volume > 0.0:
        share = quantity / desk.volume
        worse += run.impact * share * share
    paid = price
    if worse > 0.0:
        paid = price * (1.0 + order.side * worse)
    paid = whole_steps(paid, desk.tick, desk.ticks_a_unit, order.side)
    if order.type == LIMIT and (paid - order.price) * order.side > 0.0:
        paid = order.price
    return float(max(paid, desk.tick))


@kernel("run desk account i8 f8 i8 i8 told")
def _execute(
    run: Any, desk: Any, account: Any, j: int, price: float, maker: int, ts: int, told: Any,
) -> int:  # fmt: skip
    """Fill the j-th order as far as liquidity, position and money let it; 1 if it filled."""
    cold()
    order = live_of(desk, j)
    order.stage = RESTING
    quantity = order.leaves
    if order.reduce_only != 0:
        held = -account.position * order.side
        if held < 0.5 * desk.lot:
            end(run, desk, j, DONE_CANCELED, REASON_REDUCE_ONLY, ts)
            return 0
        quantity = min(quantity, held)
    if desk.liquidity < quantity:
        if order.tif == FOK:
            end(run, desk, j, DONE_CANCELED, REASON_FOK, ts)
            return 0
        quantity = whole_steps(desk.liquidity, desk.lot, desk.lots_a_unit, -1)
    if quantity < 0.5 * desk.lot:
        order.skip = run.step
        if order.tif == IOC:
            end(run, desk, j, DONE_CANCELED, REASON_IOC, ts)
        return 0
    if maker == 0:
        price = _slipped(run, desk, order, price, quantity)
        limit = order.reference * (1.0 + order.side * run.protection)
        if run.protection > 0.0 and (price - limit) * order.side > 0.0:
            end(run, desk, j, DONE_REFUSED, REASON_PROTECTION, ts)
            return 0
    if not can_pay(run, desk, account, order.side, price, quantity):
        end(run, desk, j, DONE_REFUSED, REASON_MARGIN, ts)
        return 0
    desk.liquidity -= quantity
    book_fill(run, desk, account, order, price, quantity, maker, ts, told)
    # What is left of it finds nothing more in this bar, or may not wait.
    ended = False
    if order.leaves > 0.0:
        order.skip = run.step
        ended = order.tif == IOC
    order_id = order.id
    after_fill(run, desk, j, quantity, ts)
    left = find(desk, order_id) if ended else -1
    if left >= 0:
        end(run, desk, left, DONE_CANCELED, REASON_IOC, ts)
    return 1


@kernel("run desk account f8 f8")
def _liquidated_at(run: Any, desk: Any, account: Any, at: float, target: float) -> float:
    """The price between `at` and `target` at which the account is liquidated; 0 if none."""
    cold()
    due = liquidation_price(run, desk, account)
    if due <= 0.0:
        return 0.0
    sign = 1.0 if account.position < 0.0 else -1.0  # a short dies on the way up
    if (at - due) * sign >= 0.0:
        return at
    if (target - due) * sign >= 0.0:
        return float(due)
    return 0.0


@kernel("run desk account i8 told")
def _liquidate(
    run: Any, desk: Any, account: Any, ts: int, told: Any,
) -> int:  # fmt: skip
    """Close the position where the walk stands, as taker, plus the liquidation fee; end all."""
    cold()
    end_all(run, desk, REASON_LIQUIDATED, ts)
    run.liquidated += 1
    order = live_of(desk, 0)
    order.id = -1
    order.side = -1 if account.position > 0.0 else 1
    order.type = MARKET
    order.tag = 0
    order.leaves = abs(account.position)
    order.filled = 0.0
    quantity = order.leaves
    price = whole_steps(desk.at, desk.tick, desk.ticks_a_unit, order.side)
    fee = quantity * price * run.liquidation_fee
    account.commissions += fee
    run.cash -= fee * desk.fx
    run.fees += fee * desk.fx
    book_fill(run, desk, account, order, price, quantity, 0, ts, told)
    return int(_count_fill(run, desk))
