"""The text of the backtest loops. See `trading.kernels.engine_loop`, which fills in the names.

In braces: the function's name, what is done after a fill, and the interval of the timer (numba
drops the branch of a timer of 0).
"""

from typing import Final

ONE: Final = """
def {name}(bars, start, stop, ending, states, params, accounts, asks, made, runs, desks, tolds,
           metrics, curve, fills, after, rows, trades):
    run = runs[0]
    desk = desks[0]
    account = accounts[0]
    state = states[0]
    given = params[0]
    told = tolds[0]
    keep = len(curve) > 0
    if start == 0 and stop > 0:
        first_day(run, bars[0].ts_open)
    equity = run.last_equity
    peak = run.peak
    trough = run.trough
    drawdown = run.drawdown
    exposed = 0
    day_end = run.day_end
    done = stop
    for u in range(uint64(start), uint64(stop)):  # unsigned: no index counts from the end
        bar = bars[u]
        k = int64(u)
        ts = bar.ts_event
        close = bar.close
        if run.busy != 0:
            if run.full != 0:
                done = k
                break
            begin_bar(run, desk, k, bar.ts_open, ts, bar.open, bar.high, bar.low, close,
                      bar.volume)
            while advance(run, desk, account, told, fills, after, rows, trades) != 0:
{told}
            if run.error != 0:
                done = k
                break
            if desk.dirty != 0:
                show(desk, account)
        if ts > day_end:
            run.last_equity = equity
            new_day(run, ts)
            day_end = run.day_end
        account.ts = ts
        count = on_bar(state, given, bar, account, asks)
        if count != 0:
            run.step = k
            accept(run, desk, asks, count, made, close, ts, rows)
        if {timer_ns} > 0:
            if desk.timer_due == 0:
                desk.timer_due = bar.ts_open + {timer_ns}
            if ts >= desk.timer_due and run.error == 0:
                desk.timer_due += ((ts - desk.timer_due) // {timer_ns} + 1) * {timer_ns}
                if desk.dirty != 0:
                    show(desk, account)
                more = {timer}(state, given, TickRow(ts, ts), account, asks)
                if more != 0:
                    run.step = k
                    accept(run, desk, asks, more, made, close, ts, rows)
                    count += more
        if count != 0:
            if run.at_close != 0 and run.error == 0:
                begin_instant(run, desk, k, ts, close, bar.volume)
                while advance(run, desk, account, told, fills, after, rows, trades) != 0:
{told_deep}
            if run.error != 0:
                done = k
                break
            # With orders at work, the next bar shows them before the strategy looks.
            if desk.dirty != 0 and run.busy == 0:
                show(desk, account)
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
        if keep:
            curve[u] = equity
    run.last_equity = equity
    run.peak = peak
    run.trough = trough
    run.drawdown = drawdown
    run.exposed += exposed
    run.steps += done - start
    run.day_end = day_end
    if done == ending and done > start:
        desk.price = bars[done - 1].close
        end_of_run(run, equity, bars[done - 1].ts_event)
        figures(run, metrics[0])
    return done
"""
UNTOLD: Final = "pass\n"
TOLD: Final = """\
account.ts = told.ts_event
if desk.dirty != 0:
    show(desk, account)
asked = on_fill(state, given, told, account, asks)
if asked != 0:
    accept(run, desk, asks, asked, made, told.price, told.ts_event, rows)
    if run.error != 0:
        break
"""
MANY: Final = """
def {name}(bars, start, stop, ending, states, params, accounts, asks, made, runs, desks, tolds,
           metrics, curve, fills, after, rows, trades, events):
    run = runs[0]
    given = params[0]
    told = tolds[0]
    if start == 0 and stop > 0:
        first_day(run, events[0].ts)
    done = stop
    for e in range(start, stop):
        event = events[e]
        i = event.instrument
        ts = event.ts
        kind = event.kind
        desk = desks[i]
        account = accounts[i]
        state = states[i]
        if run.full != 0:
            done = e
            break
        if kind == FUND:
            pay_funding(run, desk, account, event.value, event.mark)
            continue
        if kind == RATE:
            desk.fx = event.value
            continue
        bar = bars[event.row]
        if kind == OPENS:
            begin_bar(run, desk, run.steps + 1, ts, bar.ts_event, bar.open, bar.high,
                      bar.low, bar.close, bar.volume)
            desk.last_leg = 0
        elif kind == CLOSE:
            desk.last_leg = 3
        if kind != LONGER and (desk.count != 0 or run.margin != 0):
            look_around(run, desks, accounts, i)
            run.step = run.steps + 1
            while advance(run, desk, account, told, fills, after, rows, trades) != 0:
{told}
            if run.error != 0:
                done = e
                break
        if kind == OPENS:
            continue
        if desk.dirty != 0:
            show(desk, account)
        account.ts = ts
        if kind == CLOSE:
            desk.price = bar.close
        count = on_bar(state, given, bar, account, asks)
        if count != 0:
            run.step = run.steps + 1
            accept(run, desk, asks, count, made, bar.close, ts, rows)
        if {timer_ns} > 0 and kind == CLOSE:
            if desk.timer_due == 0:
                desk.timer_due = bar.ts_open + {timer_ns}
            if ts >= desk.timer_due and run.error == 0:
                desk.timer_due += ((ts - desk.timer_due) // {timer_ns} + 1) * {timer_ns}
                if desk.dirty != 0:
                    show(desk, account)
                more = {timer}(state, given, TickRow(ts, ts), account, asks)
                if more != 0:
                    run.step = run.steps + 1
                    accept(run, desk, asks, more, made, bar.close, ts, rows)
                    count += more
        if count != 0:
            if run.at_close != 0 and run.error == 0:
                look_around(run, desks, accounts, i)
                begin_instant(run, desk, run.steps + 1, ts, bar.close, bar.volume)
                while advance(run, desk, account, told, fills, after, rows, trades) != 0:
{told_deep}
            if run.error != 0:
                done = e
                break
            if desk.dirty != 0:
                show(desk, account)
        if event.last != 0:
            take_equity(run, desks, accounts, ts, curve)
    if done == ending and done > start:
        end_of_run(run, run.last_equity, events[done - 1].ts)
        figures(run, metrics[0])
    return done
"""
