"""Money that moves without a fill: funding, liquidation, and the samples of the equity."""

from typing import Any

from trading.kernels.engine_account import liquidation_price
from trading.kernels.engine_kernel import cold
from trading.kernels.engine_memory import account_at, desk_at, order_row_at, put
from trading.kernels.engine_metrics import new_day
from trading.kernels.l2_kernel import part
from trading.kernels.l2_memory import book_at, curve_row_at, market_at, order_of
from trading.kernels.l2_orders import end, fill, price_of, set_limits
from trading.kernels.l2_records import INCOMING, MARK_UNIT, NONE, RATE_UNIT
from trading.result import DONE_CANCELED, REASON_LIQUIDATED
from trading.strategy_records import IOC, MARKET


@part("run i8")
def weigh_others(run: Any, i: int) -> None:
    """Value and margins of the positions in all instruments but the i-th, at prices known now."""
    cold()
    run.others = 0.0
    run.others_initial = 0.0
    run.others_maintenance = 0.0
    for k in range(run.desk_count):
        desk = desk_at(run.desks_at, k)
        position = account_at(run.accounts_at, k).position
        if k != i and position != 0.0:
            worth = position * desk.price * desk.fx
            run.others += worth
            run.others_initial += abs(worth) / run.leverage
            run.others_maintenance += abs(worth) * desk.maintenance


@part("run desk account market i8 i8")
def settle_funding(run: Any, desk: Any, account: Any, market: Any, rate: int, mark: int) -> None:
    """Pay or receive funding: position * mark price * rate; longs pay a positive rate.

    source   https://www.binance.com/en/support/faq/360033525031 (Funding Amount)
    """
    cold()
    paid = account.position * (mark / MARK_UNIT) * (rate / RATE_UNIT) * desk.fx
    run.cash -= paid
    run.funding -= paid
    set_limits(run, desk, account, market)


@part("order i8 i8")
def takeover(order: Any, order_id: int, side: int) -> None:
    """The order by which a liquidation closes a position."""
    order.id = order_id
    order.side = side
    order.type = MARKET
    order.stage = INCOMING
    order.tif = IOC
    order.tag = 0
    order.reduce_only = 0
    order.group = 0
    order.parent = -1
    order.filled = 0


@part("line run desk account market book")
def liquidate(line: Any, run: Any, desk: Any, account: Any, market: Any, book: Any) -> None:
    """On margin: close all when equity at the middle of the book is down to maintenance.

    The venue takes the position over at the middle, rounded against us, for the taker's fee and its
    own, whatever the book shows: how a liquidation engine trades is not on the tape.
    """
    cold()
    middle = book.best[0] - book.best[1]
    short = book.best[0] == NONE or book.best[1] == NONE or account.position == 0.0
    if short or run.orders >= run.orders_room:
        return
    limit = liquidation_price(run, desk, account)
    price = 0.5 * price_of(desk, middle)
    if limit == 0.0 or (price - limit) * account.position > 0.0:
        set_limits(run, desk, account, market)
        return
    while market.count > 0:
        end(line, run, desk, market, 0, DONE_CANCELED, REASON_LIQUIDATED)
    side = -1 if account.position > 0.0 else 1
    lots = abs(account.position)
    order = order_of(market, 0)
    takeover(order, run.orders, side)
    order.lots = round(lots * desk.lots_a_unit if desk.lots_a_unit > 0.0 else lots / desk.lot)
    order.leaves = order.lots
    market.count = 1
    row = order_row_at(line.orders_at, run.orders)
    row.id = run.orders
    row.ts = line.now
    row.instrument = desk.instrument
    row.side = side
    row.type = MARKET
    row.quantity = lots
    row.price = 0.0
    row.trigger = 0.0
    row.tif = IOC
    row.tag = 0
    run.orders += 1
    fill(line, run, desk, account, market, 0, (middle + (side > 0)) >> 1, order.lots, 0)
    fee = lots * price * run.liquidation_fee * desk.fx
    run.cash -= fee
    run.fees += fee
    run.liquidated = 1
    row.reason = REASON_LIQUIDATED


@part("line run i8")
def sample(line: Any, run: Any, ts: int) -> None:
    """One row of the equity table, and what the figures need of it."""
    cold()
    equity = run.cash
    exposed = False
    for i in range(run.desk_count):
        desk, account = desk_at(run.desks_at, i), account_at(run.accounts_at, i)
        book = book_at(line.books_at, i)
        if book.best[0] != NONE and book.best[1] != NONE:
            desk.price = 0.5 * price_of(desk, book.best[0] - book.best[1])
        if account.position != 0.0:
            exposed = True
            if run.desk_count > 1 and run.margin != 0:  # the others' prices have moved its limit
                weigh_others(run, i)
                set_limits(run, desk, account, market_at(line.markets_at, i))
            equity += account.position * desk.price * desk.fx
    if ts > run.day_end:
        new_day(run, ts)
    if equity > run.peak:
        if run.trough < run.peak:
            run.drawdown = max(run.drawdown, (run.peak - run.trough) / run.peak)
        run.peak = equity
        run.trough = equity
    elif equity < run.trough:
        run.trough = equity
    run.last_equity = equity
    run.exposed += exposed
    run.steps += 1
    run.step += 1
    if line.samples < line.curve_room:
        position, price = account_at(run.accounts_at, 0).position, desk_at(run.desks_at, 0).price
        put(curve_row_at(line.curve_at, line.samples), ts, equity, run.cash, position, price)
        line.samples += 1
