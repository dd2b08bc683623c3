"""The text of the loop of an event backtest. `trading.kernels.l2_loop` fills in the names.

In braces: the function's name, and what calls the strategy's handlers, a branch each. What the
engine does between two calls is behind `turn` (`trading.kernels.l2_door`).
"""

from typing import Final

LOOP: Final = """
def {name}(at):
    line = line_at(at, 0)
    engine = line.engine
    run = run_at(line.run_at, 0)
    given = params_at(run.params_at, 0)
    asks = asks_at(run.asks_at)
    count = 0
    while True:
        what = turn(engine, at, count)
        i = line.asked
        account = account_at(line.seens_at, i)
        desk = desk_at(run.desks_at, i)
        state = state_at(run.states_at, i)
        event = event_at(line.events_at, line.row)
        count = 0
        if what == CALL_NOTHING:
            break
{calls}
    return line.finished
"""
CALLS: Final = {
    "on_fill": """\
elif what == CALL_FILL:
    count = on_fill(state, given, told_at(run.told_at, 0), account, asks)
""",
    "on_trade": """\
elif what == CALL_TRADE:
    count = on_trade(state, given, TradeRow(
        event.ts_event, event.ts_init, price_of(desk, event.price), size_of(desk, event.size),
        event.side, event.price2), account, asks)
""",
    "on_quote": """\
elif what == CALL_QUOTE:
    count = on_quote(state, given, QuoteRow(
        event.ts_event, event.ts_init, price_of(desk, event.price), size_of(desk, event.size),
        price_of(desk, event.price2), size_of(desk, event.size2)), account, asks)
""",
    "on_book": """\
elif what == CALL_BOOK:
    count = on_book(state, given, show_at(line.show_at, 0), account, asks)
""",
    "on_bar": """\
elif what == CALL_BAR:
    count = on_bar(state, given, bar_row_at(line.bars_at, event.price), account, asks)
""",
    "on_timer": """\
elif what == CALL_TIMER:
    count = on_timer(state, given, TickRow(account.ts, line.local_now), account, asks)
""",
}
