"""The compiled loop of a backtest: one function a strategy, from the first bar to the last.

Theory of speed. A bar on which nothing of ours works costs the strategy's own arithmetic and three
stores. So the loop asks one question a bar (`run.busy`), leaves everything else to the engine
(`trading.kernels.engine_door`), and keeps the figures of the curve in local variables. Bars are
read from columns, and what the strategy does not read is never loaded. A small state is copied to
where no other code can know of it, so LLVM keeps it in registers: through memory, an average of
prices would take half as long again.

The loop is made from text with the handlers as globals, under the name of the strategy's file and
with the digest of all code behind it in the function's name, so that numba's disk cache finds it
again and never finds another: see `trading.kernels.strategy_driver`.
"""

import hashlib
from collections import namedtuple
from collections.abc import Callable, Collection, Mapping
from functools import cache
from textwrap import indent
from typing import Any, Final

import numpy as np
from numba import njit

from messages.arrays import BAR
from trading.backtest_data import CLOSE, FUND, LONGER, OPENS, RATE
from trading.kernels import engine_door, engine_kernel, engine_memory, engine_text
from trading.kernels.engine_compiler import half_way, quick
from trading.kernels.engine_text import MANY, ONE, TOLD, UNTOLD
from trading.kernels.strategy_copy import Copies, rules
from trading.strategy import CompiledStrategy, function_digest
from trading.strategy_records import TICK

Loop = Callable[..., Any]
# NumPy names that make arrays.
_MAKERS: Final = {
    "append", "arange", "argsort", "array", "concatenate", "copy", "cumsum", "diff", "empty",
    "empty_like", "eye", "full", "full_like", "hstack", "linspace", "list", "median", "ones",
    "ones_like", "outer", "percentile", "quantile", "repeat", "roll", "sort", "stack", "unique",
    "vstack", "where", "zeros", "zeros_like",
}  # fmt: skip
listeners: Final = engine_kernel.listeners
_HANDLERS: Final = ("on_bar", "on_fill", "on_timer")
_STATE_MAX: Final = 1024  # bytes of a state that is copied
TickRow = namedtuple("TickRow", TICK.names or ())  # type: ignore[misc]
_DOORS: Final = {n: v for n, v in vars(engine_door).items() if n.isupper() and isinstance(v, int)}
_OWN: Final[Mapping[str, Any]] = {
    "TickRow": TickRow,
    **{n: v for n, v in vars(engine_memory).items() if hasattr(v, "_defn")},
    **_DOORS,
    **{"RATE": RATE, "LONGER": LONGER, "CLOSE": CLOSE, "FUND": FUND, "OPENS": OPENS},
}


@cache
def loop_digest() -> str:
    """Of all that goes into a loop besides the strategy: another must have another name."""
    found = hashlib.sha256((engine_door.layouts() + rules()).encode())
    for value in _OWN.values():
        if hasattr(value, "_defn"):
            found.update(function_digest(value._defn).encode())
    texts = [v for v in vars(engine_text).values() if isinstance(v, str)]
    found.update(repr((sorted(_DOORS.items()), texts)).encode())
    return found.hexdigest()[:8]


def packed(strategy: CompiledStrategy) -> "np.dtype[np.void]":
    """The layout of a table with the columns of bars that the loop and the strategy's code name."""
    found: set[str] = {"ts_open", "ts_event", "open", "close"}
    seen: set[int] = set()

    def look(function: Any) -> None:
        function = getattr(function, "py_func", function)
        if id(function) in seen or not hasattr(function, "__code__"):
            return
        seen.add(id(function))
        code = function.__code__
        found.update(code.co_names, (c for c in code.co_consts if isinstance(c, str)))
        for name in code.co_names:
            look(function.__globals__.get(name))

    for handler in _HANDLERS:
        look(getattr(strategy, handler))
    return np.dtype([(n, BAR[n]) for n in BAR.names or () if n in found])


def loop(strategy: CompiledStrategy, *, many: bool = False) -> Loop:
    """The compiled loop around this strategy; compiled or loaded from the cache at its first call.

    many    for several instruments, intervals, funding or currencies: events in one order of time

    raises  ValueError if the strategy has no on_bar
    """
    if strategy.on_bar is None:
        has = ", ".join(strategy.handlers)
        raise ValueError(f"{strategy.name}: no on_bar (it has {has}): bars cannot drive it")
    return _made(strategy.digest, _Handlers(strategy), many)


class _Handlers:
    """A strategy as a cache key: by its digest, which names its code."""

    def __init__(self, strategy: CompiledStrategy) -> None:
        self.strategy = strategy

    def __hash__(self) -> int:
        return hash(self.strategy.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Handlers) and other.strategy.digest == self.strategy.digest


@cache
def _made(digest: str, key: _Handlers, many: bool) -> Loop:
    strategy = key.strategy
    plain: Any = getattr(strategy.on_bar, "py_func", strategy.on_bar)
    name = f"backtest_{'many' if many else 'one'}_{digest[:16]}{loop_digest()}"
    scope: dict[str, Any] = {
        "__name__": plain.__module__,
        **_OWN,
        "bar_at": engine_memory.bar_of(packed(strategy)),
        "state_at": engine_memory.row_of(strategy.state),
        "params_at": engine_memory.row_of(strategy.params.dtype()),
    }
    copies = Copies()
    for handler in _HANDLERS:
        function = getattr(strategy, handler)
        if function is not None:
            scope[handler] = copies.of(function, **handler_options(function))
    told = TOLD if strategy.on_fill is not None else UNTOLD
    told = told.replace("{i}", "i" if many else "0")
    small = strategy.state.itemsize <= _STATE_MAX
    text = (MANY if many else ONE).format(
        name=name,
        told=indent(told, " " * 12),
        told_deep=indent(told, " " * 16),
        own="own_copy(kept)" if small else "kept",
        put_back="put_back(kept, state)" if small else "pass",
        timer_ns=strategy.timer_ns,
        timer="on_timer" if strategy.timer_ns else "on_bar",
    )
    exec(compile(text, plain.__code__.co_filename, "exec"), scope)
    options: dict[str, Any] = {"error_model": "numpy", "nogil": True, "_nrt": False}
    try:
        made: Loop = njit(cache=True, **options)(scope[name])
    except RuntimeError:  # typed in at a prompt, or no folder to write to: works, compiles again
        made = njit(**options)(scope[name])
    note_compiling(made, strategy.name, copies.names)
    return made


def handler_options(handler: Any) -> dict[str, Any]:
    """How a handler becomes part of its loop: it raises on a division by zero, as it does live.

    What its author has said about its compilation stays. A handler that makes no arrays needs no
    counting of references, which would take longer than most handlers.
    """
    theirs = getattr(handler, "targetoptions", {})
    return {
        "error_model": theirs.get("error_model", "python"),
        "forceinline": True,
        "_nrt": _makes_arrays(handler, set()),
    }


def _makes_arrays(function: Any, seen: set[int]) -> bool:
    """Whether it, or a function that it calls, names something that allocates."""
    function = getattr(function, "py_func", function)
    if id(function) in seen or not hasattr(function, "__code__"):
        return False
    seen.add(id(function))
    names = function.__code__.co_names
    called = (function.__globals__.get(name) for name in names)
    return not _MAKERS.isdisjoint(names) or any(_makes_arrays(f, seen) for f in called)


def note_compiling(made: Any, name: str, parts: Collection[str] = ()) -> None:
    """Tell who waits when `made` is compiled: numba asks for what the disk cache does not have.

    parts  names of the functions that nothing else calls
    """
    compiler = made._compiler
    plain = compiler.compile

    def noted(args: Any, return_type: Any) -> Any:
        engine_kernel.tell(name)
        with quick(), half_way(parts):
            return plain(args, return_type)

    compiler.compile = noted
