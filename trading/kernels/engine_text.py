"""The text of the backtest loops. See `trading.kernels.engine_loop`, which fills in the names.

In braces: the function's name, what is done after a fill, the interval of the timer (numba
drops the branch of a timer of 0), and how the state is kept and put back.
"""

from typing import Final

ONE: Final = """
def {name}(at, start, stop, ending):
    run = run_at(at, 0)
    engine = run.engine
    account = account_at(run.accounts_at, 0)
    desk = desk_at(run.desks_at, 0)
    kept = state_at(run.states_at, 0)
    state = {own}
    given = params_at(run.params_at, 0)
    asks = asks_at(run.asks_at)
    told = told_at(run.told_at, 0)
    packed = run.packed_at
    bars = run.bars_at
    curve = run.curve_at
    if start == 0 and stop > 0:
        enter(engine, BEGIN, at, 0, 0, 0, bar_at(packed, bars, 0).ts_open, 0.0)
    equity = run.last_equity
    peak = run.peak
    trough = run.trough
    drawdown = run.drawdown
    exposed = 0
    day_end = run.day_end
    done = stop
    for k in range(start, stop):
        bar = bar_at(packed, bars, k)
        ts = bar.ts_event
        close = bar.close
        if seldom(run.busy != 0):
            if seldom(run.full != 0):
                done = k
                break
            more = enter(engine, WALK, at, 0, k, 0, bar.ts_open, bar.open)
{told}
            if seldom(run.error != 0):
                done = k
                break
        if seldom(ts > day_end):
            run.last_equity = equity
            enter(engine, DAYS, at, 0, 0, 0, ts, 0.0)
            day_end = run.day_end
        account.ts = ts
        count = on_bar(state, given, bar, account, asks)
        if seldom(count != 0):
            enter(engine, ASKED, at, 0, k, count, ts, close)
        if {timer_ns} > 0:
            if desk.timer_due == 0:
                desk.timer_due = bar.ts_open + {timer_ns}
            if ts >= desk.timer_due and run.error == 0:
                desk.timer_due += ((ts - desk.timer_due) // {timer_ns} + 1) * {timer_ns}
                if desk.dirty != 0:
                    enter(engine, SHOW, at, 0, 0, 0, 0, 0.0)
                asked = {timer}(state, given, TickRow(ts, ts), account, asks)
                if asked != 0:
                    enter(engine, ASKED, at, 0, k, asked, ts, close)
                    count += asked
        if seldom(count != 0):
            if run.at_close != 0 and run.error == 0:
                more = enter(engine, CLOSED, at, 0, k, k, ts, close)
{told_deep}
            if seldom(run.error != 0):
                done = k
                break
        equity = run.cash
        position = account.position
        if position != 0.0:
            equity += position * close
            exposed += 1
        if equity > peak:
            if trough < peak:
                drawdown = max(drawdown, (peak - trough) / peak)
            peak = equity
            trough = equity
        elif equity < trough:
            trough = equity
        if curve != 0:
            value_at(curve, k).value = equity
    {put_back}
    run.last_equity = equity
    run.peak = peak
    run.trough = trough
    run.drawdown = drawdown
    run.exposed += exposed
    run.steps += done - start
    run.day_end = day_end
    if done == ending and done > start:
        desk.price = bar_at(packed, bars, done - 1).close
        enter(engine, END, at, 0, 0, 0, bar_at(packed, bars, done - 1).ts_event, equity)
    return done
"""
UNTOLD: Final = "pass\n"
TOLD: Final = """\
while more != 0:
    account.ts = told.ts_event
    asked = on_fill(state, given, told, account, asks)
    if asked != 0:
        enter(engine, ASKED, at, {i}, run.step, asked, told.ts_event, told.price)
        if run.error != 0:
            break
    more = enter(engine, ON, at, {i}, 0, 0, 0, 0.0)
"""
MANY: Final = """
def {name}(at, start, stop, ending):
    run = run_at(at, 0)
    engine = run.engine
    given = params_at(run.params_at, 0)
    asks = asks_at(run.asks_at)
    told = told_at(run.told_at, 0)
    if start == 0 and stop > 0:
        enter(engine, BEGIN, at, 0, 0, 0, event_at(run.events_at, 0).ts, 0.0)
    done = stop
    for e in range(start, stop):
        event = event_at(run.events_at, e)
        i = event.instrument
        ts = event.ts
        kind = event.kind
        desk = desk_at(run.desks_at, i)
        account = account_at(run.accounts_at, i)
        state = state_at(run.states_at, i)
        if run.full != 0:
            done = e
            break
        if kind == FUND or kind == RATE:
            enter(engine, PAY, at, i, e, 0, 0, 0.0)
            continue
        bar = bar_row_at(run.bars_at, event.row)
        if kind == OPENS:
            enter(engine, OPEN, at, i, event.row, 0, ts, 0.0)
        elif kind == CLOSE:
            desk.last_leg = 3
        if kind != LONGER and (desk.count != 0 or run.margin != 0):
            more = enter(engine, MEET, at, i, 0, 0, 0, 0.0)
{told}
            if run.error != 0:
                done = e
                break
        if kind == OPENS:
            continue
        if desk.dirty != 0:
            enter(engine, SHOW, at, i, 0, 0, 0, 0.0)
        account.ts = ts
        if kind == CLOSE:
            desk.price = bar.close
        count = on_bar(state, given, bar, account, asks)
        step = run.steps + 1
        if count != 0:
            enter(engine, ASKED, at, i, step, count, ts, bar.close)
        if {timer_ns} > 0 and kind == CLOSE:
            if desk.timer_due == 0:
                desk.timer_due = bar.ts_open + {timer_ns}
            if ts >= desk.timer_due and run.error == 0:
                desk.timer_due += ((ts - desk.timer_due) // {timer_ns} + 1) * {timer_ns}
                if desk.dirty != 0:
                    enter(engine, SHOW, at, i, 0, 0, 0, 0.0)
                asked = {timer}(state, given, TickRow(ts, ts), account, asks)
                if asked != 0:
                    enter(engine, ASKED, at, i, step, asked, ts, bar.close)
                    count += asked
        if count != 0:
            if run.at_close != 0 and run.error == 0:
                more = enter(engine, CLOSED, at, i, step, event.row, ts, bar.close)
{told_deep}
            if run.error != 0:
                done = e
                break
            if desk.dirty != 0:
                enter(engine, SHOW, at, i, 0, 0, 0, 0.0)
        if event.last != 0:
            enter(engine, EQUITY, at, 0, 0, 0, ts, 0.0)
    if done == ending and done > start:
        enter(engine, END, at, 0, 0, 0, event_at(run.events_at, done - 1).ts, run.last_equity)
    return done
"""
