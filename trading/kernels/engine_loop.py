"""The compiled loop of a backtest: one function a strategy, from the first bar to the last.

Theory of speed. A bar on which nothing of ours works costs the strategy's own arithmetic and three
stores. So the loop asks one question a bar (`run.busy`), leaves everything else to functions that
run only when the answer is yes, and keeps the figures of the curve in local variables. Bars are
columns, and the strategy sees a named tuple of one row: what it does not read is never loaded.

The loop is made from text with the handlers as globals, under the name of the strategy's file and
with the digest of all code behind it in the function's name, so that numba's disk cache finds it
again and never finds another: see `trading.kernels.strategy_driver`.
"""

from collections import namedtuple
from collections.abc import Callable, Mapping
from functools import cache
from textwrap import indent
from typing import Any, Final

import numpy as np
from numba import njit

from trading.backtest_data import CLOSE, FUND, LONGER, OPENS, RATE
from trading.kernels import (
    engine_desk,
    engine_kernel,
    engine_many,
    engine_match,
    engine_metrics,
    engine_records,
    engine_requests,
)
from trading.kernels.engine_text import MANY, ONE, TOLD, UNTOLD
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
_HANDLERS: Final = ("on_bar", "on_fill", "on_timer")
# Called with a strategy's name before it is compiled, which takes seconds: say so to who waits.
listeners: Final[list[Callable[[str], None]]] = []
TickRow = namedtuple("TickRow", TICK.names or ())  # type: ignore[misc]
_OWN: Final[Mapping[str, Any]] = {
    "TickRow": TickRow,
    "int64": np.int64,
    "uint64": np.uint64,
    "accept": engine_requests.accept,
    "advance": engine_match.advance,
    "begin_bar": engine_match.begin_bar,
    "begin_instant": engine_match.begin_instant,
    "end_of_run": engine_metrics.end_of_run,
    "figures": engine_metrics.figures,
    "first_day": engine_metrics.first_day,
    "look_around": engine_many.look_around,
    "new_day": engine_metrics.new_day,
    "pay_funding": engine_many.pay_funding,
    "show": engine_desk.show,
    "take_equity": engine_many.take_equity,
    **{"RATE": RATE, "LONGER": LONGER, "CLOSE": CLOSE, "FUND": FUND, "OPENS": OPENS},
}


@cache
def _own_digest() -> str:
    """Of all compiled code and layouts here: other code must have another name in the cache."""
    parts = [function_digest(f) for f in _OWN.values() if hasattr(f, "py_func")]
    layouts = (engine_records.RUN, engine_records.DESK, engine_records.AFTER)
    return f"{abs(hash_text(''.join(parts) + repr([d.descr for d in layouts]) + ONE + MANY)):x}"


def hash_text(text: str) -> int:
    """A number that is the same in every process."""
    import hashlib  # noqa: PLC0415

    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])


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
    name = f"backtest_{'many' if many else 'one'}_{digest[:16]}{_own_digest()}"
    scope: dict[str, Any] = {"__name__": plain.__module__, **_OWN}
    for handler in _HANDLERS:
        function = getattr(strategy, handler)
        if function is not None:
            scope[handler] = _inlined(function)
    told = TOLD if strategy.on_fill is not None else UNTOLD
    text = (MANY if many else ONE).format(
        name=name,
        told=indent(told, " " * 16),
        told_deep=indent(told, " " * 20),
        timer_ns=strategy.timer_ns,
        timer="on_timer" if strategy.timer_ns else "on_bar",
    )
    exec(compile(text, plain.__code__.co_filename, "exec"), scope)
    options: dict[str, Any] = {"error_model": "numpy", "nogil": True, "_nrt": False}
    try:
        made: Loop = njit(cache=True, **options)(scope[name])
    except RuntimeError:  # typed in at a prompt, or no folder to write to: works, compiles again
        made = njit(**options)(scope[name])
    _compile_when_missing(made, strategy.name)
    return made


def _inlined(handler: Any) -> Any:
    """The handler, to be compiled into the loop; it raises on a division by zero, as it does live.

    What its author has said about its compilation stays. A handler that makes no arrays needs no
    counting of references, which would take longer than most handlers.
    """
    options = dict(getattr(handler, "targetoptions", {}))
    options.pop("nopython", None)
    options |= {"error_model": options.get("error_model", "python"), "forceinline": True}
    options["_nrt"] = _makes_arrays(handler, set())
    return njit(**options)(getattr(handler, "py_func", handler))


def _makes_arrays(function: Any, seen: set[int]) -> bool:
    """Whether it, or a function that it calls, names something that allocates."""
    function = getattr(function, "py_func", function)
    if id(function) in seen or not hasattr(function, "__code__"):
        return False
    seen.add(id(function))
    names = function.__code__.co_names
    called = (function.__globals__.get(name) for name in names)
    return not _MAKERS.isdisjoint(names) or any(_makes_arrays(f, seen) for f in called)


def _compile_when_missing(made: Any, name: str) -> None:
    """Have `made` compile the parts, each for its one signature, when it is compiled itself.

    numba asks its compiler only for what the disk cache does not have.
    """
    compiler = made._compiler
    plain = compiler.compile

    def noted(args: Any, return_type: Any) -> Any:
        for tell in listeners:
            tell(name)
        engine_kernel.compile_parts()
        return plain(args, return_type)

    compiler.compile = noted
