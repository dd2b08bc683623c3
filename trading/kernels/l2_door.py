"""The event engine as one piece of machine code, entered at one address, for every strategy.

Theory of operation. As `trading.kernels.engine_door`: the engine is compiled once and kept on disk,
and the loop of a strategy holds no code of it, so that a new strategy compiles its own lines alone.
Here the engine holds the loop as well. The strategy's code asks it what to call next, calls that
handler, and tells with its next question how many requests the handler wrote:

    what = turn(line.engine, at, count)

at     address of LINE
count  requests in the table of RUN; 0 at the first turn
->     CALL_*, for the instrument `line.asked` and, if it is a row of the tape, for row `line.row`;
       CALL_NOTHING at the end of the run, on an error, and when a table needs room

Between two decisions of the strategy nothing that we do can reach the venue, so the venue may run
ahead up to the next one, and we catch up with what was heard by then: two tight loops instead of
one that alternates. Where a turn ends in the middle, LINE says how to go on.
"""

import hashlib
from functools import cache
from typing import Any, Final

from numba import types

from trading.kernels import engine_memory, engine_records, l2_book, l2_memory, l2_records
from trading.kernels.engine_compiler import machine_code
from trading.kernels.engine_kernel import cold, tell
from trading.kernels.engine_memory import account_at, asks_at, desk_at, metrics_at, run_at, told_at
from trading.kernels.engine_metrics import end_of_run, figures, first_day
from trading.kernels.engine_records import ERROR_CHASE
from trading.kernels.l2_book import set_level, show_levels
from trading.kernels.l2_exchange import exchange
from trading.kernels.l2_kernel import compile_parts, part
from trading.kernels.l2_local import learn, send
from trading.kernels.l2_margin import sample
from trading.kernels.l2_memory import answer_of, book_at, event_at, line_at, number_at, show_at
from trading.kernels.l2_news import begin_snapshot, forget_snapshot
from trading.kernels.l2_orders import price_of
from trading.kernels.l2_records import (
    ANSWERS_AN_EVENT,
    ANSWERS_MAX,
    BAR,
    CLOSES,
    DELTA,
    FAR,
    FILLED,
    LAST,
    NONE,
    OPENS,
    QUOTE,
)
from trading.kernels.l2_working import forget_refused
from trading.strategy import function_digest

CALL_NOTHING: Final = 0
CALL_FILL: Final = 1
CALL_TRADE: Final = 2
CALL_QUOTE: Final = 3
CALL_BOOK: Final = 4
CALL_BAR: Final = 5
CALL_TIMER: Final = 6
# LINE.phase: what comes next
_VENUE: Final = 0  # it runs up to the next decision
_ANSWERS: Final = 1  # that have arrived by then, one by one
_TIMERS: Final = 2  # of the instruments, one by one


@part("account desk book")
def touch_of(account: Any, desk: Any, near: Any) -> None:
    """What we have heard of the touch, from quotes or whole updates of the book; 0 before."""
    account.bid = price_of(desk, near.lots[0])
    account.ask = price_of(desk, near.lots[1])


@part("book event")
def hear_delta(near: Any, event: Any) -> None:
    """One row of a book's update reaches us."""
    if event.kind & OPENS:
        begin_snapshot(near, 0)
        begin_snapshot(near, 1)
    side = (1 - event.side) >> 1
    set_level(near, side, event.side * event.price, event.size)
    if event.kind & CLOSES:
        forget_snapshot(near, 0)
        forget_snapshot(near, 1)
    if event.kind & LAST and near.best[0] != NONE and near.best[1] != NONE:
        near.lots[0] = near.best[0]
        near.lots[1] = -near.best[1]


@part("line i8")
def heard_row(line: Any, k: int) -> Any:
    """The k-th row in the order in which we hear them."""
    return event_at(line.events_at, k if line.ordered != 0 else number_at(line.heard_at, k).n)


@part("line run")
def run_venue(line: Any, run: Any) -> None:
    """Let the venue run up to the strategy's next decision, or as far as it gets."""
    n = line.rows
    line.due = min(line.timer_due, line.ts_last)
    line.row_due = 0
    handled = line.handled
    k = max(line.peek, line.local_at)
    if handled != 0:
        while k < n and heard_row(line, k).kind & handled == 0:
            k += 1
        line.peek = k
        if k < n:
            ts = heard_row(line, k).ts_init
            if ts <= line.due:
                line.due = ts
                line.row_due = 1
    if line.react != 0 and line.answers_head < line.answers_tail:
        arrives = answer_of(line, line.answers_head % ANSWERS_MAX).arrives
        if arrives < line.due:
            line.due = arrives
            line.row_due = 0
    until = exchange(line, run, line.due)
    if until < line.due:
        line.row_due = 0
    catch_up(line, k if line.row_due != 0 else n, until)
    line.local_now = until
    if until > line.refused_at:
        forget_refused(line, run)


@part("line i8 i8")
def catch_up(line: Any, stop: int, until: int) -> None:
    """Hear of the rows before `stop` that have reached us by `until`, none of which is handled."""
    at = line.local_at
    while at < stop:
        event = heard_row(line, at)
        if event.ts_init > until:
            break
        kind = event.kind
        if kind & QUOTE:
            near = book_at(line.nears_at, event.instrument)
            near.lots[0] = event.price
            near.lots[1] = event.price2
        elif kind & DELTA:
            near = book_at(line.nears_at, event.instrument)
            if near.depth != 0:
                hear_delta(near, event)
        at += 1
    line.local_at = at


@part("line run")
def hear_answer(line: Any, run: Any) -> int:
    """Take the next answer: CALL_FILL if the strategy is to be told of it."""
    said = answer_of(line, line.answers_head % ANSWERS_MAX)
    line.answers_head += 1
    i = said.instrument
    desk, account = desk_at(run.desks_at, i), account_at(line.seens_at, i)
    told = told_at(run.told_at, 0)
    learn(line, run, desk, account, said, told)
    if line.react == 0 or said.what != FILLED:
        return CALL_NOTHING
    account.ts = told.ts_event
    touch_of(account, desk, book_at(line.nears_at, i))
    line.asked = i
    return CALL_FILL


@part("line run")
def hear_row(line: Any, run: Any) -> int:
    """The row that is due reaches us: which handler to call with it."""
    k = line.local_at
    line.local_at += 1
    line.row = k if line.ordered != 0 else number_at(line.heard_at, k).n
    event = event_at(line.events_at, line.row)
    i = event.instrument
    line.asked = i
    kind = event.kind
    near, account = book_at(line.nears_at, i), account_at(line.seens_at, i)
    desk = desk_at(run.desks_at, i)
    if kind & LAST:
        hear_delta(near, event)
        if near.best[0] == NONE or near.best[1] == NONE:
            return CALL_NOTHING
        show_book(desk, account, near, event, show_at(line.show_at, 0))
        return CALL_BOOK
    if kind & QUOTE:
        near.lots[0] = event.price
        near.lots[1] = event.price2
    account.ts = event.ts_event
    touch_of(account, desk, near)
    if kind & QUOTE:
        return CALL_QUOTE
    return CALL_BAR if kind & BAR else CALL_TRADE


@part("desk account book event show")
def show_book(desk: Any, account: Any, near: Any, event: Any, book: Any) -> None:
    """What on_book is given."""
    cold()
    book.ts_event = event.ts_event
    book.ts_init = event.ts_init
    show_levels(near, book, desk.ticks_a_unit, desk.tick, desk.lots_a_unit, desk.lot)
    account.ts = event.ts_event
    account.bid = book.bid_px[0]
    account.ask = book.ask_px[0]


@part("line run")
def decide(line: Any, run: Any) -> int:
    """What has been waited for is here, unless the venue got less far."""
    line.phase = _VENUE
    if line.local_now < line.due or run.error != 0:
        if line.answers_tail - line.answers_head > ANSWERS_MAX - ANSWERS_AN_EVENT:
            run.error = ERROR_CHASE
    elif line.row_due != 0:
        return int(hear_row(line, run))
    elif line.due == line.timer_due:
        line.timer_due += line.timer_ns
        if line.refused_at != FAR:
            forget_refused(line, run)
        line.timer_at = 0
        line.phase = _TIMERS
    elif line.due == line.ts_last:
        end_run(line, run)
    return CALL_NOTHING


@part("line run")
def end_run(line: Any, run: Any) -> None:
    """The last row has been heard."""
    cold()
    line.finished = 1
    sample(line, run, line.ts_last)
    end_of_run(run, run.last_equity, line.ts_last)
    figures(run, metrics_at(run.metrics_at, 0))


@part("line run i8")
def carry_out(line: Any, run: Any, count: int) -> None:
    """The handler that was called last has written `count` requests."""
    i = line.asked
    desk, account = desk_at(run.desks_at, i), account_at(line.seens_at, i)
    send(line, run, desk, account, asks_at(run.asks_at), count)


def _turn(at: int, count: int) -> Any:
    line = line_at(at, 0)
    run = run_at(line.run_at, 0)
    wrong = False
    if count != 0:
        carry_out(line, run, count)
        wrong = run.error != 0
    while True:
        if line.phase == _VENUE:
            if run.error != 0 or run.full != 0 or line.finished != 0:
                return CALL_NOTHING
            if run.ts_start == 0:
                first_day(run, event_at(line.events_at, 0).ts_event)
            run_venue(line, run)
            line.phase = _ANSWERS
        if line.phase == _ANSWERS:
            while line.answers_head < line.answers_tail and not wrong:
                if answer_of(line, line.answers_head % ANSWERS_MAX).arrives > line.local_now:
                    break
                if hear_answer(line, run) != CALL_NOTHING:
                    return CALL_FILL
            what = decide(line, run)
            if what != CALL_NOTHING:
                return what
        if line.phase == _TIMERS:
            i = line.timer_at
            if i < run.desk_count:
                line.timer_at += 1
                line.asked = i
                near = book_at(line.nears_at, i)
                touch_of(account_at(line.seens_at, i), desk_at(run.desks_at, i), near)
                return CALL_TIMER
            line.phase = _VENUE


def digest() -> str:
    """Of all compiled code and layouts here: other code must have another name in the cache."""
    found = hashlib.sha256(function_digest(_turn).encode())
    made = {**vars(engine_memory), **vars(l2_memory), **vars(l2_book)}.values()
    for value in made:
        if hasattr(value, "_defn"):
            found.update(function_digest(value._defn).encode())
    layouts = {**vars(engine_records), **vars(l2_records)}.values()
    found.update(repr([r.descr for r in layouts if hasattr(r, "descr")]).encode())
    return found.hexdigest()[:16]


@cache
def address() -> int:
    """Of the engine's machine code, which is compiled, or loaded from disk, at the first call."""
    word = types.int64
    _turn.__qualname__ = f"turn_{digest()}"

    def parts() -> None:
        tell("the engine")
        compile_parts(_turn)

    return machine_code(_turn, ((word, word), word), parts)
