"""The compiled loop of an event backtest, one a strategy; see `l2_text` for its text.

Made from text with the handlers as globals, under the name of the strategy's file and with the
digest of all code behind it in its name, so that numba's disk cache finds it again and never finds
another: see `trading.kernels.strategy_driver`.
"""

import hashlib
from collections import namedtuple
from collections.abc import Callable, Mapping
from functools import cache
from textwrap import indent
from typing import Any, Final

from numba import njit

from messages.arrays import QUOTE as QUOTE_ROW
from messages.arrays import TRADE as TRADE_ROW
from trading.kernels import engine_records, l2_records, l2_text
from trading.kernels.engine_metrics import end_of_run, figures, first_day
from trading.kernels.engine_records import ERROR_CHASE
from trading.kernels.l2_book import set_level, show_levels
from trading.kernels.l2_exchange import exchange
from trading.kernels.l2_kernel import compile_parts, part
from trading.kernels.l2_local import learn, send
from trading.kernels.l2_margin import sample
from trading.kernels.l2_memory import bars_at
from trading.kernels.l2_news import begin_snapshot, forget_snapshot
from trading.kernels.l2_orders import price_of, size_of
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
    TRADE,
)
from trading.kernels.l2_working import forget_refused
from trading.strategy import CompiledStrategy, function_digest
from trading.strategy_records import TICK

Loop = Callable[..., Any]
_PLAIN: Final[dict[str, Any]] = {"_nrt": False}
TradeRow = namedtuple("TradeRow", TRADE_ROW.names or ())  # type: ignore[misc]
QuoteRow = namedtuple("QuoteRow", QUOTE_ROW.names or ())  # type: ignore[misc]
TickRow = namedtuple("TickRow", TICK.names or ())  # type: ignore[misc]


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


_OWN: Final[Mapping[str, Any]] = {
    "ANSWERS_AN_EVENT": ANSWERS_AN_EVENT, "ANSWERS_MAX": ANSWERS_MAX, "BAR": BAR, "DELTA": DELTA,
    "ERROR_CHASE": ERROR_CHASE, "FAR": FAR, "FILLED": FILLED, "LAST": LAST, "NONE": NONE,
    "QUOTE": QUOTE, "TRADE": TRADE, "QuoteRow": QuoteRow, "TickRow": TickRow, "TradeRow": TradeRow,
    "bars_at": bars_at, "end_of_run": end_of_run, "exchange": exchange, "figures": figures,
    "first_day": first_day, "forget_refused": forget_refused,
    "sample": sample, "hear_delta": hear_delta, "learn": learn, "price_of": price_of,
    "send": send, "show_levels": show_levels, "size_of": size_of, "touch_of": touch_of,
}  # fmt: skip
_ROW_HANDLERS: Final = {
    "on_trade": (TRADE, l2_text.ON_TRADE),
    "on_quote": (QUOTE, l2_text.ON_QUOTE),
    "on_book": (LAST, l2_text.ON_BOOK),
    "on_bar": (BAR, l2_text.ON_BAR),
}


@cache
def own_digest() -> str:
    """Of all compiled code and layouts here: other code must have another name in the cache."""
    found = hashlib.sha256()
    for value in _OWN.values():
        if hasattr(value, "py_func"):
            found.update(function_digest(value).encode())
    layouts = {**vars(engine_records), **vars(l2_records)}.values()
    records = (v for v in layouts if hasattr(v, "descr"))
    texts = (v for v in vars(l2_text).values() if isinstance(v, str))
    for text in (*texts, *(repr(r.descr) for r in records)):
        found.update(text.encode())
    return found.hexdigest()[:16]


def handled_kinds(strategy: CompiledStrategy) -> int:
    """The bits of EVENT.kind on which the strategy decides."""
    return sum(bit for name, (bit, _) in _ROW_HANDLERS.items() if name in strategy.handlers)


def loop(strategy: CompiledStrategy) -> Loop:
    """The compiled loop around this strategy; compiled, or loaded from disk, at its first call.

    raises  ValueError if the strategy has no handler that this engine calls
    """
    if not handled_kinds(strategy) and not strategy.timer_ns:
        has = ", ".join(strategy.handlers)
        raise ValueError(
            f"{strategy.name}: no on_book, on_quote, on_trade or on_bar (it has {has}): nothing"
            " that a tape has can drive it"
        )
    key = strategy.digest + own_digest()
    if key not in _made:
        _made[key] = _make(strategy)
    return _made[key]


_made: Final[dict[str, Loop]] = {}


def _make(strategy: CompiledStrategy) -> Loop:
    handlers = {n: f for n, f in strategy.handlers.items() if n in {*_ROW_HANDLERS, "on_fill"}}
    if strategy.timer_ns and strategy.on_timer is not None:
        handlers["on_timer"] = strategy.on_timer
    first = next(iter(handlers.values()))
    plain = getattr(first, "py_func", first)
    name = f"events_{strategy.digest[:16]}{own_digest()}"
    scope: dict[str, Any] = {"__name__": plain.__module__, **_OWN}
    for handler, function in handlers.items():
        compiled = hasattr(function, "py_func")
        scope[handler] = function if compiled else njit(function, **_PLAIN)
    on_row = "".join(text for n, (_, text) in _ROW_HANDLERS.items() if n in handlers)
    text = l2_text.LOOP.format(
        name=name,
        handled=handled_kinds(strategy),
        on_fill=indent(l2_text.ON_FILL if "on_fill" in handlers else l2_text.PASS, " " * 12),
        on_row=indent(on_row or l2_text.PASS, " " * 12),
        on_timer=indent(l2_text.ON_TIMER if "on_timer" in handlers else l2_text.PASS, " " * 16),
    )
    exec(compile(text, plain.__code__.co_filename, "exec"), scope)
    options: dict[str, Any] = {"error_model": "numpy", "nogil": True, "_nrt": False}
    try:
        made: Loop = njit(cache=True, **options)(scope[name])
    except RuntimeError:  # typed in at a prompt, or no folder to write to: works, compiles again
        made = njit(**options)(scope[name])
    return made


def is_cached(made: Loop) -> bool:
    """Whether the loop's machine code is there, in this process or on disk."""
    if made.signatures:  # type: ignore[attr-defined]
        return True
    stored = getattr(getattr(made, "_cache", None), "_cache_file", None)
    return bool(stored is not None and stored._load_index())


def prepare(made: Loop) -> None:
    """Compile the parts of a loop that is not in the cache, callees first; a few seconds."""
    compile_parts(made)
