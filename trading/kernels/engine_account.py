"""Money: what a fill does to cash, position and the round trip under way; fees, tiers, margin.

Cash moves by the full value of a trade, on margin too, so that at any moment

    equity = cash + sum over instruments of position * price * fx

Theory of exactness. Prices are whole ticks and quantities whole lots, each the double nearest to
its decimal, because steps are divided by their number a unit (1.01 is 101 / 100, not 101 * 0.01).
So every fill converts to an exact Decimal, and sums over fills can be made without any error.
"""

from typing import Any

import numpy as np

from trading.kernels.engine_kernel import cold, kernel
from trading.kernels.engine_memory import after_at, fill_row_at, put, trade_row_at
from trading.kernels.engine_records import DAY_NS, ROOM, VOLUME_DAYS

# As trading.strategy_turn: a float this close to a whole step means it. No round number, because
# doubles and decimals would disagree about what is just that close: 100.02 * 0.9995 is 9996.999.
_SAME_STEP = 0.0009737


@kernel("f8 f8 f8 i8", hot=True)
def whole_steps(value: float, step: float, a_unit: float, direction: int) -> Any:
    """`value` in whole steps: the same step, else the next one up (1), down (-1), nearest (0)."""
    steps = value * a_unit if a_unit > 0.0 else value / step
    nearest = np.rint(steps)
    if direction != 0 and abs(steps - nearest) > _SAME_STEP:
        nearest = np.rint(steps + 0.5 * direction)
    return float(nearest / a_unit if a_unit > 0.0 else nearest * step)


@kernel("desk f8 f8", hot=True)
def _sum(desk: Any, one: float, other: float) -> Any:
    """The sum of two quantities in whole lots, in whole lots."""
    total = one + other
    if one == 0.0 or total == 0.0:
        return total
    return whole_steps(total, desk.lot, desk.lots_a_unit, 0)


@kernel("run desk i8 i8", hot=True)
def fee_rate(run: Any, desk: Any, maker: int, ts: int) -> Any:
    """The fraction charged now; with tiers, that of the value traded in the last 30 days."""
    if run.tiers != 0:
        return float(_tier_rate(run, maker, ts))
    return float(desk.maker_fee if maker else desk.taker_fee)


@kernel("run i8 i8")
def _tier_rate(run: Any, maker: int, ts: int) -> Any:
    cold()
    _roll_volume(run, ts)
    traded = 0.0
    for i in range(VOLUME_DAYS):
        traded += run.volume[i]
    at = 0
    for i in range(run.tiers):
        if traded >= run.tier_volume[i]:
            at = i
    return float(run.tier_maker[at] if maker else run.tier_taker[at])


@kernel("run i8")
def _roll_volume(run: Any, ts: int) -> None:
    day = ts // DAY_NS
    for past in range(run.volume_day + 1, min(day, run.volume_day + VOLUME_DAYS) + 1):
        run.volume[past % VOLUME_DAYS] = 0.0
    run.volume_day = max(day, run.volume_day)


@kernel("run desk account live f8 f8 i8 i8 told")
def book_fill(  # noqa: PLR0915 - one fill touches everything
    run: Any, desk: Any, account: Any, order: Any, price: float, quantity: float, maker: int,
    ts: int, told: Any,
) -> None:  # fmt: skip
    """Book one fill: money, position, round trip, the rows, and the event for on_fill."""
    cold()
    side = order.side
    before = account.position
    signed = side * quantity
    fx = desk.fx
    fee = quantity * price * fee_rate(run, desk, maker, ts)
    closing = min(abs(before), quantity) if before * signed < 0.0 else 0.0
    pnl = 0.0
    if closing > 0.0:
        pnl = closing * (price - account.avg_px) * (1.0 if before > 0.0 else -1.0)
    position = _sum(desk, before, signed)
    run.cash -= (signed * price + fee) * fx
    run.fees += fee * fx
    run.turnover += quantity * price * fx
    if run.tiers != 0:
        run.volume[run.volume_day % VOLUME_DAYS] += quantity * price * fx
    _book_trip(run, desk, before, position, price, quantity, closing, fee, pnl, ts)
    if position == 0.0:
        account.avg_px = 0.0
    elif before * position <= 0.0:
        account.avg_px = price
    elif closing == 0.0:
        account.avg_px += (price - account.avg_px) * quantity / abs(position)
    if run.margin != 0:
        run.busy += (1 if position != 0.0 else 0) - (1 if before != 0.0 else 0)
    account.position = position
    account.realized_pnl += pnl
    account.commissions += fee
    account.fills += 1
    desk.dirty = 1
    order.leaves = max(_sum(desk, order.leaves, -quantity), 0.0)
    order.filled = _sum(desk, order.filled, quantity)
    if run.tells != 0:
        _tell(told, order, price, quantity, fee, maker, ts)
    if run.keep != 0:
        row = fill_row_at(run.fills_at, run.fills)
        put(
            row, ts, desk.instrument, order.id, side, price, quantity, fee * fx, maker, pnl * fx,
            position,
        )  # fmt: skip
        put(after_at(run.after_at, run.fills), run.step, run.cash)
    run.fills += 1
    if run.keep != 0 and run.fills + ROOM > run.fills_room and run.full == 0:
        run.full = 1
        run.busy += 1


@kernel("told live f8 f8 f8 i8 i8")
def _tell(
    told: Any, order: Any, price: float, quantity: float, fee: float, maker: int, ts: int
) -> None:
    cold()
    put(told, ts, ts, order.id, order.side, price, quantity, order.leaves, fee, maker, order.tag)


@kernel("run desk f8 f8 f8 f8 f8 f8 f8 i8", hot=True)
def _book_trip(
    run: Any, desk: Any, before: float, position: float, price: float, quantity: float,
    closing: float, fee: float, pnl: float, ts: int,
) -> None:  # fmt: skip
    """Keep the round trip; write its row when the position is flat or has changed sides."""
    opening = quantity - closing
    if closing > 0.0:
        desk.trip_exited += closing
        desk.trip_exit_value += closing * price
        desk.trip_fee += fee * (closing / quantity)
        desk.trip_pnl += pnl
        if before * position <= 0.0:
            _end_trip(run, desk, 1 if before > 0.0 else -1, ts)
    if opening > 0.0 and position != 0.0:
        if desk.trip_entered == 0.0:
            desk.trip_ts = ts
            desk.trip_step = run.step
        desk.trip_entered += opening
        desk.trip_entry_value += opening * price
        desk.trip_fee += fee * (opening / quantity)


@kernel("run desk i8 i8")
def _end_trip(run: Any, desk: Any, side: int, ts: int) -> None:
    pnl = (desk.trip_pnl - desk.trip_fee) * desk.fx
    if run.keep != 0:
        put(
            trade_row_at(run.trades_at, run.trades), desk.trip_ts, ts, desk.instrument, side,
            desk.trip_entered, desk.trip_entry_value / desk.trip_entered,
            desk.trip_exit_value / desk.trip_exited, desk.trip_fee * desk.fx, pnl, 0.0, 0.0,
            run.step - desk.trip_step,
        )  # fmt: skip
    run.trades += 1
    if pnl > 0.0:
        run.wins += 1
        run.gained += pnl
    else:
        run.lost -= pnl
    desk.trip_entered = 0.0
    desk.trip_entry_value = 0.0
    desk.trip_exited = 0.0
    desk.trip_exit_value = 0.0
    desk.trip_fee = 0.0
    desk.trip_pnl = 0.0


@kernel("run desk account i8 f8 f8", hot=True)
def can_pay(run: Any, desk: Any, account: Any, side: int, price: float, quantity: float) -> bool:
    """Whether the account lets this fill happen; what only reduces is always let.

    A cash account buys with the cash it has and sells what it holds. A margin account needs
    equity of at least the value of all positions after the fill / leverage, and its fee.
    """
    before = account.position
    position = before + side * quantity
    fee = quantity * price * desk.taker_fee * desk.fx
    if run.margin == 0:
        if side > 0:
            return bool(run.cash >= quantity * price * desk.fx + fee)
        return bool(position >= -0.5 * desk.lot)
    if abs(position) <= abs(before) and position * before >= 0.0:
        return True
    equity = run.cash + run.others + before * price * desk.fx - fee
    needed = run.others_initial + abs(position) * price * desk.fx / run.leverage
    return bool(equity >= needed)


@kernel("run desk account")
def liquidation_price(run: Any, desk: Any, account: Any) -> Any:
    """The price at which equity is down to the maintenance margin; 0 where there is none.

    Solves  cash + others + position * p * fx = others' margin + maintenance * |position| * p * fx.
    """
    position = account.position
    if run.margin == 0 or position == 0.0:
        return 0.0
    free = run.cash + run.others - run.others_maintenance
    price = -free / ((position - desk.maintenance * abs(position)) * desk.fx)
    if position < 0.0:  # a short without anything behind it is due at any price
        return float(max(price, 1e-300))
    return float(max(price, 0.0))
