"""The venue's half of a backtest: the tape and our requests, in the order of the venue's time.

At one moment rows of the tape come first, then requests that arrive, then expiries and samples of
the equity. Rows of one book update are applied together before our orders may cross with them.
"""

from typing import Any

from trading.kernels.engine_kernel import cold
from trading.kernels.l2_book import set_level
from trading.kernels.l2_incoming import amend, cancel, enter, run_stops, start
from trading.kernels.l2_kernel import part, pasted
from trading.kernels.l2_latency import travel
from trading.kernels.l2_margin import liquidate, sample, settle_funding, weigh_others
from trading.kernels.l2_match import cross, meet_trade
from trading.kernels.l2_news import begin_snapshot, end_snapshot, level_moved, quote_side
from trading.kernels.l2_orders import end
from trading.kernels.l2_records import (
    ANSWERS_AN_EVENT,
    ANSWERS_MAX,
    CLOSES,
    DELTA,
    FAR,
    FUNDING,
    INCOMING,
    LAST,
    OPENS,
    QUOTE,
    REQUESTS_MAX,
    STOPPED,
    TRADE,
)
from trading.result import DONE_EXPIRED, REASON_GTD
from trading.strategy_records import AMEND, CANCEL, GTD, LIMIT, MARKET


@part("line i8")
def stamp(line: Any, first: int) -> None:
    """Say when the answers from `first` on arrive."""
    arrives = travel(line.back[0], line.now)
    for i in range(first, line.answers_tail):
        line.answers[i % ANSWERS_MAX].arrives = arrives


@part("line run desk account market book")
def respond(
    line: Any, run: Any, desk: Any, account: Any, market: Any, book: Any,
) -> None:  # fmt: skip
    """After a change of the book: crosses, stops, brackets and liquidation."""
    cold()
    for side in range(2):
        if market.best[side] + book.best[1 - side] >= 0:
            cross(line, run, desk, account, market, book, side)  # fmt: skip
    if market.stops > 0:
        run_stops(line, run, desk, account, market, book)  # fmt: skip
    if market.tied > 0:
        wake(line, run, desk, account, market, book)  # fmt: skip
    middle = book.best[0] - book.best[1]
    if middle <= market.low or middle >= market.high:
        liquidate(line, run, desk, account, market, book)


@part("line run desk account market book")
def wake(
    line: Any, run: Any, desk: Any, account: Any, market: Any, book: Any,
) -> None:  # fmt: skip
    """Orders whose parent has filled begin to work."""
    cold()
    j = 0
    while j < market.count:
        order = market.orders[j]
        if order.stage != INCOMING:
            j += 1
        elif order.type in (MARKET, LIMIT):
            start(line, run, desk, account, market, book, j)  # fmt: skip
            j = 0
        else:
            order.stage = STOPPED
            market.stops += 1


@part("line run desks markets i8")
def expire(line: Any, run: Any, desks: Any, markets: Any, ts: int) -> int:
    """Close the orders that are good until `ts` or before -> when the next one expires."""
    cold()
    soonest = FAR
    for i in range(len(markets)):
        market = markets[i]
        j = 0
        while j < market.count and market.gtds > 0:
            order = market.orders[j]
            if order.tif == GTD and order.expires <= ts:
                end(line, run, desks[i], market, j, DONE_EXPIRED, REASON_GTD)
                j = 0
                continue
            if order.tif == GTD:
                soonest = min(soonest, order.expires)
            j += 1
    return soonest


@part("line runs desks accounts markets books")
def business(line: Any, runs: Any, desks: Any, accounts: Any, markets: Any, books: Any) -> None:
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
            cancel(line, run, desks[i], market, asked)
        elif asked.action == AMEND:
            amend(line, run, desks[i], accounts[i], market, books[i], asked)
        else:
            enter(line, run, desks[i], accounts[i], market, books[i], asked)
        if market.tied > 0:
            wake(line, run, desks[i], accounts[i], market, books[i])
        if asked.tif == GTD:
            line.gtd_due = min(line.gtd_due, asked.expires)
    elif line.gtd_due <= ts:
        line.gtd_due = expire(line, run, desks, markets, ts)
    else:
        sample(line, run, desks, accounts, markets, books, line.sample_due)
        line.sample_due += line.sample_ns
    if line.answers_tail > first:
        stamp(line, first)
    set_alarm(line)


@part("line")
def set_alarm(line: Any) -> None:
    """When the venue's next business is due that is no row of the tape."""
    head = line.requests_head
    soonest = min(line.sample_due, line.gtd_due)
    if head < line.requests_tail:
        soonest = min(soonest, line.requests[head % REQUESTS_MAX].arrives)
    line.alarm = soonest


@pasted
def apply_delta(line: Any, market: Any, book: Any, event: Any) -> None:
    """One row of a book's update."""
    kind = event.kind
    if kind & OPENS:
        begin_snapshot(book, 0)
        begin_snapshot(book, 1)
    side = (1 - event.side) >> 1
    key = event.side * event.price
    before = set_level(book, side, key, event.size)
    book.seen = 1
    if market.takes > 0 or market.worst[side] <= key <= market.best[side]:
        level_moved(line, market, side, key, before, event.size)
    if kind & CLOSES:
        end_snapshot(line, market, book, 0)
        end_snapshot(line, market, book, 1)


@pasted
def apply_quote(line: Any, market: Any, book: Any, event: Any) -> None:
    """A quote, without depth."""
    for side in range(2):
        key = event.price if side == 0 else -event.price2
        lots = event.size if side == 0 else event.size2
        old = book.best[side]
        if lots > 0 and (key != old or lots != book.lots[side]):
            if market.best[side] >= min(key, old) or market.takes > 0:
                quote_side(line, market, book, side, key, lots)
            book.best[side] = key
            book.lots[side] = lots
    book.seen = 1


@pasted
def stir(line: Any, run: Any, desk: Any, account: Any, market: Any, book: Any, event: Any) -> None:
    """One row of the tape, and what it does to our orders."""
    kind = event.kind
    if kind & TRADE:
        tick = event.price
        market.last = tick
        if event.side <= 0 and tick <= market.best[0]:
            meet_trade(line, run, desk, account, market, book, 0, tick, event.size)
        if event.side >= 0 and -tick <= market.best[1]:
            meet_trade(line, run, desk, account, market, book, 1, -tick, event.size)
        if market.stops + market.tied > 0:
            respond(line, run, desk, account, market, book)
        return
    if kind & FUNDING:
        settle_funding(run, desk, account, market, event.size, event.price)
    elif kind & DELTA:
        apply_delta(line, market, book, event)
        if not kind & LAST:
            return
    elif kind & QUOTE == 0:
        return
    elif book.depth == 0:
        apply_quote(line, market, book, event)
    middle = book.best[0] - book.best[1]
    due = middle <= market.low or middle >= market.high or market.stops + market.tied > 0
    if due or market.best[0] + book.best[1] >= 0 or market.best[1] + book.best[0] >= 0:
        respond(line, run, desk, account, market, book)


@part("events line runs desks accounts markets books i8")
def exchange(
    events: Any, line: Any, runs: Any, desks: Any, accounts: Any, markets: Any, books: Any,
    until: int,
) -> int:  # fmt: skip
    """Let everything happen at the venue up to `until`.

    -> `until`; earlier if the strategy reacts to fills and an answer arrives earlier; the time of
       the last row if the tables or the ring of answers need room
    """
    cold()
    run = runs[0]
    n = len(events)
    i = line.venue_at
    many = len(desks) > 1 and run.margin != 0
    while run.error == 0:
        ts = events[i].ts_event if i < n else FAR
        crowded = line.answers_tail - line.answers_head > ANSWERS_MAX - ANSWERS_AN_EVENT
        if ts > line.alarm and line.alarm <= until:
            if run.full != 0 or crowded:
                until = line.now
                break
            business(line, runs, desks, accounts, markets, books)
        elif ts > until:
            break
        else:
            event = events[i]
            at = event.instrument
            if run.full != 0 or crowded:
                until = line.now
                break
            i += 1
            line.now = ts
            first = line.answers_tail
            if many:
                weigh_others(run, desks, accounts, at)
            stir(line, run, desks[at], accounts[at], markets[at], books[at], event)
            if line.answers_tail == first:
                continue
            stamp(line, first)
        if line.react != 0 and line.answers_head < line.answers_tail:
            until = min(until, line.answers[line.answers_head % ANSWERS_MAX].arrives)
    line.venue_at = i
    return until
