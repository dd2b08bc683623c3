"""The text of the loop of an event backtest. `trading.kernels.l2_loop` fills in the names.

In braces: the function's name, the kinds of rows that the strategy handles, and what calls it.
Between two decisions of the strategy nothing that we do can reach the venue, so the venue may run
ahead up to the next one, and we catch up with what was heard by then: two tight loops instead of
one that alternates.
"""

from typing import Final

LOOP: Final = """
def {name}(events, heard, states, params, seens, asks, lines, runs, desks, accounts, markets, books,
           nears, shows, tolds, metrics):
    line = lines[0]
    run = runs[0]
    given = params[0]
    n = len(events)
    ordered = line.ordered != 0
    if run.ts_start == 0:
        first_day(run, events[0].ts_event)
    while run.error == 0 and run.full == 0 and line.finished == 0:
        due = min(line.timer_due, line.ts_last)
        k = max(line.peek, line.local_at)
        row_due = False
        if {handled} != 0:
            while k < n and events[k if ordered else heard[k]].kind & {handled} == 0:
                k += 1
            line.peek = k
            if k < n:
                ts = events[k if ordered else heard[k]].ts_init
                if ts <= due:
                    due = ts
                    row_due = True
        if line.react != 0 and line.answers_head < line.answers_tail:
            arrives = line.answers[line.answers_head % ANSWERS_MAX].arrives
            if arrives < due:
                due = arrives
                row_due = False
        until = exchange(events, line, runs, desks, accounts, markets, books, due)
        if until < due:
            row_due = False
        local_at = line.local_at
        stop = k if row_due else n
        while local_at < stop:
            event = events[local_at if ordered else heard[local_at]]
            if event.ts_init > until:
                break
            kind = event.kind
            if kind & QUOTE:
                near = nears[event.instrument]
                near.lots[0] = event.price
                near.lots[1] = event.price2
            elif kind & DELTA:
                near = nears[event.instrument]
                if near.depth != 0:
                    hear_delta(near, event)
            local_at += 1
        line.local_at = local_at
        line.local_now = until
        if until > line.refused_at:
            forget_refused(line, desks, seens)
        while line.answers_head < line.answers_tail:
            said = line.answers[line.answers_head % ANSWERS_MAX]
            if said.arrives > until:
                break
            line.answers_head += 1
            i = said.instrument
            account = seens[i]
            learn(line, run, desks[i], account, said, tolds[0])
{on_fill}
        if until < due or run.error != 0:
            if line.answers_tail - line.answers_head > ANSWERS_MAX - ANSWERS_AN_EVENT:
                run.error = ERROR_CHASE
            continue
        if row_due:
            event = events[local_at if ordered else heard[local_at]]
            i = event.instrument
            account = seens[i]
            desk = desks[i]
            near = nears[i]
            line.local_at = local_at + 1
            count = 0
{on_row}
            if count != 0:
                send(line, run, desk, account, asks, count)
        elif due == line.timer_due:
            line.timer_due += line.timer_ns
            if line.refused_at != FAR:
                forget_refused(line, desks, seens)
            for i in range(len(desks)):
                account = seens[i]
                desk = desks[i]
                near = nears[i]
                touch_of(account, desk, near)
{on_timer}
        elif due == line.ts_last:
            line.finished = 1
            sample(line, run, desks, accounts, markets, books, line.ts_last)
            end_of_run(run, run.last_equity, line.ts_last)
            figures(run, metrics[0])
    return line.finished
"""
ON_FILL: Final = """\
if said.what == FILLED:
    account.ts = tolds[0].ts_event
    touch_of(account, desks[i], nears[i])
    count = on_fill(states[i], given, tolds[0], account, asks)
    if count != 0:
        send(line, run, desks[i], account, asks, count)
        if run.error != 0:
            break
"""
ON_TRADE: Final = """\
if event.kind & TRADE:
    account.ts = event.ts_event
    touch_of(account, desk, near)
    count = on_trade(states[i], given, TradeRow(
        event.ts_event, event.ts_init, price_of(desk, event.price), size_of(desk, event.size),
        event.side, event.price2), account, asks)
"""
ON_QUOTE: Final = """\
if event.kind & QUOTE:
    near.lots[0] = event.price
    near.lots[1] = event.price2
    account.ts = event.ts_event
    touch_of(account, desk, near)
    count = on_quote(states[i], given, QuoteRow(
        event.ts_event, event.ts_init, price_of(desk, event.price), size_of(desk, event.size),
        price_of(desk, event.price2), size_of(desk, event.size2)), account, asks)
"""
ON_BOOK: Final = """\
if event.kind & LAST:
    hear_delta(near, event)
    if near.best[0] != NONE and near.best[1] != NONE:
        book = shows[0]
        book.ts_event = event.ts_event
        book.ts_init = event.ts_init
        show_levels(near, book, desk.ticks_a_unit, desk.tick, desk.lots_a_unit, desk.lot)
        account.ts = event.ts_event
        account.bid = book.bid_px[0]
        account.ask = book.ask_px[0]
        count = on_book(states[i], given, book, account, asks)
"""
ON_BAR: Final = """\
if event.kind & BAR:
    account.ts = event.ts_event
    touch_of(account, desk, near)
    count = on_bar(states[i], given, bars_at(line.bars_at)[event.price], account, asks)
"""
ON_TIMER: Final = """\
count = on_timer(states[i], given, TickRow(account.ts, due), account, asks)
if count != 0:
    send(line, run, desk, account, asks, count)
"""
PASS: Final = "pass\n"
