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
    for k in range(start, stop):
        bar = bars[k]
        ts = bar.ts_event
        close = bar.close
        if run.busy != 0:
            if run.full != 0:
                done = k
                break
            begin_bar(run, desk, account, k, bar.ts_open, ts, bar.open, bar.high, bar.low, close,
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
            if run.timer_due == 0:
                run.timer_due = bar.ts_open + {timer_ns}
            if ts >= run.timer_due and run.error == 0:
                run.timer_due += ((ts - run.timer_due) // {timer_ns} + 1) * {timer_ns}
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
            if desk.dirty != 0:
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
            curve[k] = equity
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
MANY: Final = ""
