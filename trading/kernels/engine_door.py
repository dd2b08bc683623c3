"""The engine as one piece of machine code, entered at one address, for every strategy.

Theory of operation. What a strategy brings is a few lines between two bars; what it needs from the
engine is the same for all. So the engine is compiled once and kept on disk, and the loop of a
strategy holds no code of it: it calls the address in `RUN.engine` and says with a number what is to
be done. A new strategy compiles its own lines alone.

    enter(run.engine, WALK, at, i, k, count, ts, price)

at     address of RUN
i      the instrument
k      a bar, an event, or what the line below says
->     1 if there is a fill to tell the strategy of, else 0; RUN.error says what is wrong
"""

import hashlib
from functools import cache
from typing import Any, Final

from numba import types

from trading.backtest_data import FUND
from trading.kernels import engine_memory, engine_records
from trading.kernels.engine_compiler import machine_code
from trading.kernels.engine_desk import show
from trading.kernels.engine_kernel import cold, compile_parts, kernel, tell
from trading.kernels.engine_many import look_around, pay_funding, take_equity
from trading.kernels.engine_match import advance, trade_plain
from trading.kernels.engine_memory import (
    account_at,
    bar_row_at,
    desk_at,
    event_at,
    metrics_at,
    put,
    run_at,
    told_at,
)
from trading.kernels.engine_metrics import end_of_run, figures, first_day, new_day
from trading.kernels.engine_requests import accept
from trading.kernels.engine_walk import begin_bar, begin_instant
from trading.strategy import function_digest

WALK: Final = 0  # through bar k, from its open at `ts` and `price`
ON: Final = 1  # from the fill on that the strategy has been told of
ASKED: Final = 2  # `count` requests, decided at `ts` on bar k when the price was `price`
CLOSED: Final = 3  # trade at the price of the decision, at once; `count` is the bar's row
SHOW: Final = 4  # bring ACCOUNT up to date
DAYS: Final = 5  # midnights up to `ts` have passed
BEGIN: Final = 6  # the run, at `ts`
END: Final = 7  # of the run, at `ts`, with equity `price`
SETTLE: Final = 8  # `count` requests of bar k - 1, and bar k: the number of fills, in RUN.heard_at
# Several instruments or intervals; k is an event, but for the bar of OPEN.
PAY: Final = 9  # funding, or a rate of exchange
OPEN: Final = 10  # bar k begins at `ts`
MEET: Final = 11  # what happens until the close, or at the open alone
EQUITY: Final = 12  # is taken at `ts`


@kernel("run desk account")
def _run_on(run: Any, desk: Any, account: Any) -> Any:
    """Go on to the next fill that the strategy wants to hear of: 1, or to the end: 0."""
    cold()
    told = told_at(run.told_at, 0)
    more = advance(run, desk, account, told)
    while more != 0 and run.tells == 0:
        more = advance(run, desk, account, told)
    if desk.dirty != 0 and run.error == 0:
        show(desk, account)
    return more


@kernel("run desk account i8")
def _hear_all(run: Any, desk: Any, account: Any, heard: int) -> Any:
    """Go on to the end and keep every fill."""
    cold()
    told = told_at(run.told_at, 0)
    while advance(run, desk, account, told) != 0:
        put(
            told_at(run.heard_at, heard), told.ts_event, told.ts_init, told.sequence, told.side,
            told.price, told.quantity, told.leaves, told.commission, told.maker, told.tag,
        )  # fmt: skip
        heard += 1
    return heard


@kernel("run desk account i8 i8")
def _settle(run: Any, desk: Any, account: Any, k: int, count: int) -> Any:
    """Carry out what was asked at bar k - 1, and walk through bar k."""
    cold()
    before, bar, heard = bar_row_at(run.bars_at, k - 1), bar_row_at(run.bars_at, k), 0
    if count != 0:
        run.step = k - 1
        accept(run, desk, count, before.close, before.ts_event)
        if run.at_close != 0 and run.error == 0:
            begin_instant(run, desk, k - 1, k - 1, before.ts_event, before.close)
            heard = _hear_all(run, desk, account, heard)
    if run.busy != 0 and run.error == 0:
        begin_bar(run, desk, k, k, bar.ts_open, bar.open)
        heard = _hear_all(run, desk, account, heard)
    if desk.dirty != 0:
        show(desk, account)
    return heard


@kernel("run desk account i8 i8 i8 i8 f8")
def _seldom(
    run: Any, desk: Any, account: Any, what: int, i: int, k: int, ts: int, price: float
) -> Any:
    """What a bar on which nothing happens never needs."""
    cold()
    if what == DAYS:
        new_day(run, ts)
    elif what == BEGIN:
        first_day(run, ts)
    elif what == END:
        end_of_run(run, price, ts)
        figures(run, metrics_at(run.metrics_at, 0))
    elif what == SHOW:
        show(desk, account)
    elif what == PAY:
        event = event_at(run.events_at, k)
        if event.kind == FUND:
            pay_funding(run, desk, account, event.value, event.mark)
        else:
            desk.fx = event.value
    elif what == OPEN:
        begin_bar(run, desk, run.steps + 1, k, ts, bar_row_at(run.bars_at, k).open)
        desk.last_leg = 0
    elif what == EQUITY:
        take_equity(run, ts)
    return 0


def _engine(what: int, at: int, i: int, k: int, count: int, ts: int, price: float) -> Any:
    run = run_at(at, 0)
    desk = desk_at(run.desks_at, i)
    account = account_at(run.accounts_at, i)
    if what == WALK:
        if run.plain != 0 and desk.plain != 0 and desk.count == 1:
            trade_plain(run, desk, account, k, ts, price)
            return 0
        begin_bar(run, desk, k, k, ts, price)
        return _run_on(run, desk, account)
    if what == ON:
        return _run_on(run, desk, account)
    if what == ASKED:
        run.step = k
        accept(run, desk, count, price, ts)
        if desk.dirty != 0 and run.busy == 0:
            show(desk, account)
        return 0
    if what == CLOSED:
        if run.plain != 0 and desk.plain != 0 and desk.count == 1:
            trade_plain(run, desk, account, k, ts, price)
            return 0
        look_around(run, i)
        begin_instant(run, desk, k, count, ts, price)
        return _run_on(run, desk, account)
    if what == SETTLE:
        return _settle(run, desk, account, k, count)
    if what == MEET:
        look_around(run, i)
        run.step = run.steps + 1
        return _run_on(run, desk, account)
    return _seldom(run, desk, account, what, i, k, ts, price)


def digest() -> str:
    """Of all compiled code and layouts here: other code must have another name in the cache."""
    found = hashlib.sha256(function_digest(_engine).encode())
    for value in vars(engine_memory).values():
        if hasattr(value, "_defn"):
            found.update(function_digest(value._defn).encode())
    found.update(layouts().encode())
    return found.hexdigest()[:16]


def layouts() -> str:
    """Of the records that strategies' loops and the engine share."""
    records = (v for v in vars(engine_records).values() if hasattr(v, "descr"))
    return repr([r.descr for r in records])


@cache
def address() -> int:
    """Of the engine's machine code, which is compiled, or loaded from disk, at the first call."""
    word = types.int64
    _engine.__qualname__ = f"engine_{digest()}"
    signature = ((*[word] * 6, types.float64), word)

    def parts() -> None:
        tell("the engine")
        compile_parts()

    return machine_code(_engine, signature, parts)
