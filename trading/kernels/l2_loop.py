"""The compiled loop of an event backtest, one a strategy; see `l2_text` for its text.

Made from text with the handlers as globals, under the name of the strategy's file and with the
digest of all code behind it in its name, so that numba's disk cache finds it again and never finds
another: see `trading.kernels.strategy_driver`. The engine is not in it: see `l2_door`.
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
from trading.kernels import engine_memory, engine_records, l2_door, l2_memory, l2_records, l2_text
from trading.kernels.engine_loop import TickRow, handler_options, note_compiling
from trading.kernels.l2_orders import price_of, size_of
from trading.kernels.l2_records import BAR, LAST, QUOTE, TRADE
from trading.kernels.strategy_copy import Copies, rules
from trading.strategy import CompiledStrategy, function_digest

Loop = Callable[..., Any]
TradeRow = namedtuple("TradeRow", TRADE_ROW.names or ())  # type: ignore[misc]
QuoteRow = namedtuple("QuoteRow", QUOTE_ROW.names or ())  # type: ignore[misc]
_MEMORY: Final = {**vars(engine_memory), **vars(l2_memory)}
_OWN: Final[Mapping[str, Any]] = {
    **{n: v for n, v in _MEMORY.items() if hasattr(v, "_defn")},
    **{n: v for n, v in vars(l2_door).items() if n.startswith("CALL_")},
    **{"QuoteRow": QuoteRow, "TickRow": TickRow, "TradeRow": TradeRow},
    **{"price_of": price_of, "size_of": size_of},
}
_ROW_HANDLERS: Final = {"on_trade": TRADE, "on_quote": QUOTE, "on_book": LAST, "on_bar": BAR}


@cache
def own_digest() -> str:
    """Of all that goes into a loop besides the strategy: another must have another name."""
    found = hashlib.sha256(rules().encode())
    for value in _OWN.values():
        for function in (getattr(value, "_defn", None), getattr(value, "py_func", None)):
            if function is not None:
                found.update(function_digest(function).encode())
    layouts = {**vars(engine_records), **vars(l2_records)}.values()
    calls = sorted((n, v) for n, v in _OWN.items() if n.startswith("CALL_"))
    found.update(repr([r.descr for r in layouts if hasattr(r, "descr")]).encode())
    found.update(repr((l2_text.LOOP, l2_text.CALLS, calls)).encode())
    return found.hexdigest()[:16]


def handled_kinds(strategy: CompiledStrategy) -> int:
    """The bits of EVENT.kind on which the strategy decides."""
    return sum(bit for name, bit in _ROW_HANDLERS.items() if name in strategy.handlers)


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
    copies = Copies()
    scope: dict[str, Any] = {
        "__name__": plain.__module__,
        **_OWN,
        "state_at": engine_memory.row_of(strategy.state),
        "params_at": engine_memory.row_of(strategy.params.dtype()),
        **{n: copies.of(f, **handler_options(f)) for n, f in handlers.items()},
    }
    calls = "".join(text for n, text in l2_text.CALLS.items() if n in handlers)
    text = l2_text.LOOP.format(name=name, calls=indent(calls, " " * 8))
    exec(compile(text, plain.__code__.co_filename, "exec"), scope)
    options: dict[str, Any] = {"error_model": "numpy", "nogil": True, "_nrt": False}
    try:
        made: Loop = njit(cache=True, **options)(scope[name])
    except RuntimeError:  # typed in at a prompt, or no folder to write to: works, compiles again
        made = njit(**options)(scope[name])
    note_compiling(made, strategy.name, copies.names)
    return made
