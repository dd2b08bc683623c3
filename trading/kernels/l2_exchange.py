"""The venue's half of a backtest: the tape and our requests, in the order of the venue's time.

At one moment rows of the tape come first, then requests that arrive, then expiries and samples of
the equity. Rows of one book update are applied together before our orders may cross with them.
"""

from typing import Any

from trading.kernels.engine_account import book_fill, liquidation_price
from trading.kernels.engine_kernel import cold
from trading.kernels.engine_metrics import new_day
from trading.kernels.l2_book import I8, next_level, set_level, show_quote
from trading.kernels.l2_incoming import amend, cancel, enter, run_stops, start
from trading.kernels.l2_kernel import part
from trading.kernels.l2_latency import advance, delay
from trading.kernels.l2_match import cross, forget_take, lead, meet_trade
from trading.kernels.l2_orders import answer, end, price_of, set_limits
from trading.kernels.l2_queue import queue_moved
from trading.kernels.l2_records import (
    ANSWERS_AN_EVENT,
    ANSWERS_MAX,
    CLOSES,
    DELTA,
    FAR,
    FILLED,
    FUNDING,
    INCOMING,
    LAST,
    MARK_UNIT,
    NONE,
    OPENS,
    QUOTE,
    RATE_UNIT,
    REQUESTS_MAX,
    STOPPED,
    TRADE,
)
from trading.result import DONE_EXPIRED, DONE_FILLED, REASON_GTD, REASON_LIQUIDATED
from trading.strategy_records import AMEND, CANCEL, GTD, LIMIT, MARKET


@part("line i8s i8s i8")
def stamp(line: Any, times: I8, delays: I8, first: int) -> None:
    """Say when the answers from `first` on arrive."""
    line.answer_at = advance(times, line.answer_at, line.now)
    arrives = line.now + delay(times, delays, line.answer_at, line.now)
    line.answer_last = max(line.answer_last, arrives)
    for i in range(first, line.answers_tail):
        line.answers[i % ANSWERS_MAX].arrives = line.answer_last


@part("line market book i8 i8 i8")
def quote_side(line: Any, market: Any, book: Any, side: int, key: int, lots: int) -> None:
    """Without depth: the touch of one side is now `lots` at `key`."""
    cold()
    old = book.best[side]
    if old > key and old != NONE:
        queue_moved(line, market, side, old, book.lots[side], 0)
        lead(market, side, key)
    if market.takes > 0:
        forget_take(market, side, old)
        forget_take(market, side, key)
    before = book.lots[side] if old == key else 0
    queue_moved(line, market, side, key, before, lots)


@part("book i8s i8s i8")
def begin_snapshot(book: Any, sizes: I8, words: I8, side: int) -> None:
    """Mark all levels as not seen in this snapshot: their sizes become negative."""
    cold()
    key = book.best[side]
    while key != NONE:
        sizes[book.start[side] + key] *= -1
        key = next_level(book, words, side, key)


@part("book i8s i8s i8")
def forget_snapshot(book: Any, sizes: I8, words: I8, side: int) -> None:
    """Drop the levels that a snapshot did not show."""
    cold()
    deepest = NONE
    key = book.best[side]
    while key != NONE:
        below = next_level(book, words, side, key)
        if sizes[book.start[side] + key] < 0:
            set_level(book, sizes, words, side, key, 0)
        else:
            deepest = key
        key = below
    book.low[side] = deepest if deepest != NONE else -NONE


@part("line market book i8s i8s i8")
def end_snapshot(line: Any, market: Any, book: Any, sizes: I8, words: I8, side: int) -> None:
    """The same, and what it means to our orders: within the snapshot's depth a level is gone."""
    cold()
    deepest = NONE
    key = book.best[side]
    while key != NONE:
        if sizes[book.start[side] + key] > 0:
            deepest = key
        key = next_level(book, words, side, key)
    key = book.best[side]
    while key != NONE:
        lots = sizes[book.start[side] + key]
        if lots < 0:
            forget_take(market, side, key)
            if deepest == NONE or key > deepest:
                queue_moved(line, market, side, key, -lots, 0)
        key = next_level(book, words, side, key)
    forget_snapshot(book, sizes, words, side)


@part("line market i8 i8 i8 i8")
def level_moved(line: Any, market: Any, side: int, key: int, before: int, lots: int) -> None:
    """The tape spoke of a level where we may stand or may have taken."""
    cold()
    if market.takes > 0:
        forget_take(market, side, key)
    if market.best[side] != NONE and market.worst[side] <= key <= market.best[side]:
        queue_moved(line, market, side, key, abs(before), lots)


@part("run desks accounts i8")
def weigh_others(run: Any, desks: Any, accounts: Any, i: int) -> None:
    """Value and margins of the positions in all instruments but the i-th, at prices known now."""
    cold()
    run.others = 0.0
    run.others_initial = 0.0
    run.others_maintenance = 0.0
    for k in range(len(desks)):
        if k != i and accounts[k].position != 0.0:
            worth = accounts[k].position * desks[k].price * desks[k].fx
            run.others += worth
            run.others_initial += abs(worth) / run.leverage
            run.others_maintenance += abs(worth) * desks[k].maintenance


@part("line run desks accounts markets books i8 curve")
def sample(
    line: Any, run: Any, desks: Any, accounts: Any, markets: Any, books: Any, ts: int, curve: Any
) -> None:
    """One row of the equity table, and what the figures need of it."""
    cold()
    equity = run.cash
    exposed = False
    for i in range(len(desks)):
        book = books[i]
        if book.best[0] != NONE and book.best[1] != NONE:
            desks[i].price = 0.5 * price_of(desks[i], book.best[0] - book.best[1])
        position = accounts[i].position
        if position != 0.0:
            exposed = True
            if len(desks) > 1 and run.margin != 0:  # the others' prices have moved its limit
                weigh_others(run, desks, accounts, i)
                set_limits(run, desks[i], accounts[i], markets[i])
            equity += position * desks[i].price * desks[i].fx
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
    if line.samples < len(curve):
        row = curve[line.samples]
        row.ts = ts
        row.equity = equity
        row.cash = run.cash
        row.position = accounts[0].position
        row.price = desks[0].price
        line.samples += 1


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


@part("line run desk account market book live told fills after rows trades")
def liquidate(  # noqa: PLR0913, PLR0917
    line: Any, run: Any, desk: Any, account: Any, market: Any, book: Any, live: Any, told: Any,
    fills: Any, after: Any, rows: Any, trades: Any,
) -> None:  # fmt: skip
    """On margin: close all when equity at the middle of the book is down to maintenance.

    The venue takes the position over at the price where it is due, for its fee, whatever the book
    shows: how a liquidation engine trades is not on the tape.
    """
    cold()
    if book.best[0] == NONE or book.best[1] == NONE:
        return
    price = 0.5 * price_of(desk, book.best[0] - book.best[1])
    limit = liquidation_price(run, desk, account)
    if limit == 0.0 or (price - limit) * account.position > 0.0:
        return
    while market.count > 0:
        end(line, run, desk, market, 0, DONE_EXPIRED, REASON_LIQUIDATED, rows)
    if run.orders >= run.orders_room:
        return
    row = rows[run.orders]
    row.id = run.orders
    row.ts = line.now
    row.instrument = desk.instrument
    row.side = -1 if account.position > 0.0 else 1
    row.type = MARKET
    row.quantity = abs(account.position)
    row.filled = row.quantity
    row.status = DONE_FILLED
    row.reason = REASON_LIQUIDATED
    row.ts_closed = line.now
    live.id = run.orders
    live.side = row.side
    live.tag = 0
    live.leaves = row.quantity
    live.filled = 0.0
    run.orders += 1
    fee = row.quantity * price * run.liquidation_fee * desk.fx
    book_fill(
        run, desk, account, live, price, row.quantity, 0, line.now, told, fills, after, trades
    )
    run.cash -= fee
    run.fees += fee
    run.liquidated = 1
    said = line.answers[answer(line, FILLED, desk.instrument, live.id)]
    said.side = row.side
    said.price = price
    said.quantity = row.quantity
    said.commission = told.commission + fee
    said.position = account.position
    said.avg_px = account.avg_px
    said.realized_pnl = account.realized_pnl
    said.commissions = account.commissions


@part("line run desk account market book i8s i8s live told fills after rows trades")
def respond(  # noqa: PLR0913, PLR0917
    line: Any, run: Any, desk: Any, account: Any, market: Any, book: Any, sizes: Any, words: Any,
    live: Any, told: Any, fills: Any, after: Any, rows: Any, trades: Any,
) -> None:  # fmt: skip
    """After a change of the book: crosses, stops, brackets and liquidation."""
    cold()
    for side in range(2):
        if market.best[side] + book.best[1 - side] >= 0:
            cross(line, run, desk, account, market, book, sizes, words, side, live, told, fills,
                  after, rows, trades)  # fmt: skip
    if market.stops > 0:
        run_stops(line, run, desk, account, market, book, sizes, words, live, told, fills, after,
                  rows, trades)  # fmt: skip
    if market.tied > 0:
        wake(line, run, desk, account, market, book, sizes, words, live, told, fills, after, rows,
             trades)  # fmt: skip
    middle = book.best[0] - book.best[1]
    if middle <= market.low or middle >= market.high:
        liquidate(line, run, desk, account, market, book, live, told, fills, after, rows, trades)


@part("line run desk account market book i8s i8s live told fills after rows trades")
def wake(  # noqa: PLR0913, PLR0917
    line: Any, run: Any, desk: Any, account: Any, market: Any, book: Any, sizes: Any, words: Any,
    live: Any, told: Any, fills: Any, after: Any, rows: Any, trades: Any,
) -> None:  # fmt: skip
    """Orders whose parent has filled begin to work."""
    cold()
    j = 0
    while j < market.count:
        order = market.orders[j]
        if order.stage != INCOMING:
            j += 1
        elif order.type in (MARKET, LIMIT):
            start(line, run, desk, account, market, book, sizes, words, j, live, told, fills,
                  after, rows, trades)  # fmt: skip
            j = 0
        else:
            order.stage = STOPPED
            market.stops += 1


@part("line run desks markets i8 rows")
def expire(line: Any, run: Any, desks: Any, markets: Any, ts: int, rows: Any) -> int:
    """Close the orders that are good until `ts` or before -> when the next one expires."""
    cold()
    soonest = FAR
    for i in range(len(markets)):
        market = markets[i]
        j = 0
        while j < market.count and market.gtds > 0:
            order = market.orders[j]
            if order.tif == GTD and order.expires <= ts:
                end(line, run, desks[i], market, j, DONE_EXPIRED, REASON_GTD, rows)
                j = 0
                continue
            if order.tif == GTD:
                soonest = min(soonest, order.expires)
            j += 1
    return soonest


@part(
    "line runs desks accounts markets books i8s i8s i8s i8s curve lives tolds fills after rows trades"
)
def business(  # noqa: PLR0913, PLR0917
    line: Any, runs: Any, desks: Any, accounts: Any, markets: Any, books: Any, sizes: Any,
    words: Any, times: Any, delays: Any, curve: Any, lives: Any, tolds: Any, fills: Any,
    after: Any, rows: Any, trades: Any,
) -> None:  # fmt: skip
    """What is due at the alarm: a request that arrives, an expiry or a sample; sets the next."""
    cold()
    run = runs[0]
    ts = line.alarm
    line.now = max(line.now, ts)
    first = line.answers_tail
    head = line.requests_head
    if head < line.requests_tail and line.requests[head % REQUESTS_MAX].arrives <= ts:
        asked = line.requests[head % REQUESTS_MAX]
        line.requests_head += 1
        i = asked.instrument
        market = markets[i]
        if len(desks) > 1:
            weigh_others(run, desks, accounts, i)
        if asked.action == CANCEL:
            cancel(line, run, desks[i], market, asked, rows)
        elif asked.action == AMEND:
            amend(line, run, desks[i], accounts[i], market, books[i], sizes, words, asked, lives[0],
                  tolds[0], fills, after, rows, trades)  # fmt: skip
        else:
            enter(line, run, desks[i], accounts[i], market, books[i], sizes, words, asked, lives[0],
                  tolds[0], fills, after, rows, trades)  # fmt: skip
        if market.tied > 0:
            wake(line, run, desks[i], accounts[i], market, books[i], sizes, words, lives[0],
                 tolds[0], fills, after, rows, trades)  # fmt: skip
        if asked.tif == GTD:
            line.gtd_due = min(line.gtd_due, asked.expires)
    elif line.gtd_due <= ts:
        line.gtd_due = expire(line, run, desks, markets, ts, rows)
    else:
        sample(line, run, desks, accounts, markets, books, line.sample_due, curve)
        line.sample_due += line.sample_ns
    if line.answers_tail > first:
        stamp(line, times, delays, first)
    set_alarm(line)


@part("line")
def set_alarm(line: Any) -> None:
    """When the venue's next business is due that is no row of the tape."""
    head = line.requests_head
    soonest = min(line.sample_due, line.gtd_due)
    if head < line.requests_tail:
        soonest = min(soonest, line.requests[head % REQUESTS_MAX].arrives)
    line.alarm = soonest


@part(
    "events line runs desks accounts markets books i8s i8s i8s i8s curve lives tolds fills after"
    " rows trades i8"
)
def exchange(  # noqa: PLR0912, PLR0913, PLR0915, PLR0917 - the hot loop: every branch is a kind
    events: Any, line: Any, runs: Any, desks: Any, accounts: Any, markets: Any, books: Any,
    sizes: Any, words: Any, times: Any, delays: Any, curve: Any, lives: Any, tolds: Any,
    fills: Any, after: Any, rows: Any, trades: Any, until: int,
) -> int:  # fmt: skip
    """Let everything happen at the venue up to `until`.

    -> `until`; earlier if the strategy reacts to fills and an answer arrives earlier; the time of
       the last row if there is no room for more rows of the tables
    """
    cold()
    run = runs[0]
    n = len(events)
    i = line.venue_at
    while run.error == 0:
        ts = events[i].ts_event if i < n else FAR
        if ts > line.alarm:
            if line.alarm > until:
                break
            if run.full != 0:
                until = line.now
                break
            business(line, runs, desks, accounts, markets, books, sizes, words, times, delays,
                     curve, lives, tolds, fills, after, rows, trades)  # fmt: skip
            if line.react != 0 and line.answers_head < line.answers_tail:
                until = min(until, line.answers[line.answers_head % ANSWERS_MAX].arrives)
            continue
        if ts > until:
            break
        event = events[i]
        kind = event.kind
        at = event.instrument
        market = markets[at]
        book = books[at]
        if market.count == 0:  # nothing of ours can be touched
            i += 1
            if kind & DELTA:
                side = (1 - event.side) >> 1
                if kind & OPENS:
                    begin_snapshot(book, sizes, words, 0)
                    begin_snapshot(book, sizes, words, 1)
                key = event.side * event.price
                set_level(book, sizes, words, side, key, event.size)
                if market.takes > 0:
                    forget_take(market, side, key)
                if kind & CLOSES:
                    end_snapshot(line, market, book, sizes, words, 0)
                    end_snapshot(line, market, book, sizes, words, 1)
                book.seen = 1
            elif kind & QUOTE:
                if book.depth == 0:
                    market.takes = min(market.takes, 0)
                    show_quote(book, event)
            elif kind & TRADE:
                market.last = event.price
            else:
                line.now = ts
                settle_funding(run, desks[at], accounts[at], market, event.size, event.price)
            middle = book.best[0] - book.best[1]
            if middle <= market.low or middle >= market.high:
                line.now = ts
                first = line.answers_tail
                liquidate(line, run, desks[at], accounts[at], market, book, lives[0], tolds[0],
                          fills, after, rows, trades)  # fmt: skip
                if line.answers_tail > first:
                    stamp(line, times, delays, first)
            continue
        if run.full != 0 or line.answers_tail - line.answers_head > ANSWERS_MAX - ANSWERS_AN_EVENT:
            until = line.now
            break
        i += 1
        line.now = ts
        first = line.answers_tail
        if len(desks) > 1 and run.margin != 0:
            weigh_others(run, desks, accounts, at)
        if kind & TRADE:
            tick = event.price
            market.last = tick
            if event.side <= 0 and tick <= market.best[0]:
                meet_trade(line, run, desks[at], accounts[at], market, book, sizes, words, 0, tick,
                           event.size, lives[0], tolds[0], fills, after, rows, trades)  # fmt: skip
            if event.side >= 0 and -tick <= market.best[1]:
                meet_trade(line, run, desks[at], accounts[at], market, book, sizes, words, 1, -tick,
                           event.size, lives[0], tolds[0], fills, after, rows, trades)  # fmt: skip
            if market.stops + market.tied > 0:
                respond(line, run, desks[at], accounts[at], market, book, sizes, words, lives[0],
                        tolds[0], fills, after, rows, trades)  # fmt: skip
        elif kind & FUNDING:
            settle_funding(run, desks[at], accounts[at], market, event.size, event.price)
        else:
            if kind & DELTA:
                if kind & OPENS:
                    begin_snapshot(book, sizes, words, 0)
                    begin_snapshot(book, sizes, words, 1)
                side = (1 - event.side) >> 1
                key = event.side * event.price
                before = set_level(book, sizes, words, side, key, event.size)
                book.seen = 1
                near = market.worst[side] <= key <= market.best[side]
                if near or market.takes > 0:
                    level_moved(line, market, side, key, before, event.size)
                if kind & CLOSES:
                    end_snapshot(line, market, book, sizes, words, 0)
                    end_snapshot(line, market, book, sizes, words, 1)
                if not kind & LAST:
                    continue
            elif book.depth == 0:
                for side in range(2):
                    key = event.price if side == 0 else -event.price2
                    lots = event.size if side == 0 else event.size2
                    if lots > 0 and (key != book.best[side] or lots != book.lots[side]):
                        if market.best[side] >= min(key, book.best[side]) or market.takes > 0:
                            quote_side(line, market, book, side, key, lots)
                        book.best[side] = key
                        book.lots[side] = lots
                book.seen = 1
            else:
                continue
            crossed = market.best[0] + book.best[1] >= 0 or market.best[1] + book.best[0] >= 0
            middle = book.best[0] - book.best[1]
            crossed |= middle <= market.low or middle >= market.high
            if crossed or market.stops + market.tied > 0:
                respond(line, run, desks[at], accounts[at], market, book, sizes, words, lives[0],
                        tolds[0], fills, after, rows, trades)  # fmt: skip
        if line.answers_tail > first:
            stamp(line, times, delays, first)
            if line.react != 0:
                until = min(until, line.answers[line.answers_head % ANSWERS_MAX].arrives)
    line.venue_at = i
    line.now = max(line.now, min(until, line.ts_last))
    return until
