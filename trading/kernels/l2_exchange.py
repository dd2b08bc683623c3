"""The venue's half of a backtest: the tape and our requests, in the order of the venue's time.

At one moment rows of the tape come first, then requests that arrive, then expiries and samples of
the equity. Rows of one book update are applied together before our orders may cross with them.
"""

from typing import Any

from trading.kernels.engine_kernel import cold
from trading.kernels.engine_memory import account_at, desk_at
from trading.kernels.l2_book import set_level
from trading.kernels.l2_incoming import amend, cancel, enter, run_stops, start
from trading.kernels.l2_kernel import part
from trading.kernels.l2_latency import travel
from trading.kernels.l2_margin import liquidate, sample, settle_funding, weigh_others
from trading.kernels.l2_match import cross, meet_trade
from trading.kernels.l2_memory import (
    answer_of,
    back_of,
    book_at,
    event_at,
    market_at,
    order_of,
    request_of,
)
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
    arrives = travel(back_of(line, 0), line.now)
    for i in range(first, line.answers_tail):
        answer_of(line, i % ANSWERS_MAX).arrives = arrives


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
        order = order_of(market, j)
        if order.stage != INCOMING:
            j += 1
        elif order.type in (MARKET, LIMIT):
            start(line, run, desk, account, market, book, j)  # fmt: skip
            j = 0
        else:
            order.stage = STOPPED
            market.stops += 1


@part("line run i8")
def expire(line: Any, run: Any, ts: int) -> int:
    """Close the orders that are good until `ts` or before -> when the next one expires."""
    cold()
    soonest = FAR
    for i in range(run.desk_count):
        market = market_at(line.markets_at, i)
        j = 0
        while j < market.count and market.gtds > 0:
            order = order_of(market, j)
            if order.tif == GTD and order.expires <= ts:
                end(line, run, desk_at(run.desks_at, i), market, j, DONE_EXPIRED, REASON_GTD)
                j = 0
                continue
            if order.tif == GTD:
                soonest = min(soonest, order.expires)
            j += 1
    return soonest


@part("line run")
def business(line: Any, run: Any) -> None:
    """What is due at the alarm: a request that arrives, an expiry or a sample; sets the next."""
    cold()
    ts = line.alarm
    line.now = max(line.now, ts)
    first = line.answers_tail
    head = line.requests_head
    if head < line.requests_tail and request_of(line, head % REQUESTS_MAX).arrives <= ts:
        line.requests_head += 1
        arrive(line, run, request_of(line, head % REQUESTS_MAX))
    elif line.gtd_due <= ts:
        line.gtd_due = expire(line, run, ts)
    else:
        sample(line, run, line.sample_due)
        line.sample_due += line.sample_ns
    if line.answers_tail > first:
        stamp(line, first)
    set_alarm(line)


@part("line run request")
def arrive(line: Any, run: Any, asked: Any) -> None:
    """A request reaches the venue."""
    i = asked.instrument
    desk = desk_at(run.desks_at, i)
    account = account_at(run.accounts_at, i)
    market = market_at(line.markets_at, i)
    book = book_at(line.books_at, i)
    if run.desk_count > 1:
        weigh_others(run, i)
    if asked.action == CANCEL:
        cancel(line, run, desk, market, asked)
    elif asked.action == AMEND:
        amend(line, run, desk, account, market, book, asked)
    else:
        enter(line, run, desk, account, market, book, asked)
    if market.tied > 0:
        wake(line, run, desk, account, market, book)
    if asked.tif == GTD:
        line.gtd_due = min(line.gtd_due, asked.expires)


@part("line")
def set_alarm(line: Any) -> None:
    """When the venue's next business is due that is no row of the tape."""
    head = line.requests_head
    soonest = min(line.sample_due, line.gtd_due)
    if head < line.requests_tail:
        soonest = min(soonest, request_of(line, head % REQUESTS_MAX).arrives)
    line.alarm = soonest


@part("line market book event", hot=True)
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


@part("line market book event", hot=True)
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


@part("line run desk account market book event", hot=True)
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


@part("line run i8")
def exchange(line: Any, run: Any, until: int) -> int:
    """Let everything happen at the venue up to `until`.

    -> `until`; earlier if the strategy reacts to fills and an answer arrives earlier; the time of
       the last row if the tables or the ring of answers need room
    """
    cold()
    n = line.rows
    i = line.venue_at
    many = run.desk_count > 1 and run.margin != 0
    while run.error == 0:
        event = event_at(line.events_at, i)
        ts = event.ts_event if i < n else FAR
        crowded = line.answers_tail - line.answers_head > ANSWERS_MAX - ANSWERS_AN_EVENT
        if ts > line.alarm and line.alarm <= until:
            if run.full != 0 or crowded:
                until = line.now
                break
            business(line, run)
        elif ts > until:
            break
        else:
            at = event.instrument
            if run.full != 0 or crowded:
                until = line.now
                break
            i += 1
            line.now = ts
            first = line.answers_tail
            if many:
                weigh_others(run, at)
            stir(
                line, run, desk_at(run.desks_at, at), account_at(run.accounts_at, at),
                market_at(line.markets_at, at), book_at(line.books_at, at), event,
            )  # fmt: skip
            if line.answers_tail == first:
                continue
            stamp(line, first)
        if line.react != 0 and line.answers_head < line.answers_tail:
            until = min(until, answer_of(line, line.answers_head % ANSWERS_MAX).arrives)
    line.venue_at = i
    return until
