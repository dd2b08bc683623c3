"""How the parts of the event engine are compiled: as `engine_kernel` does it, and with its parts.

Only what a loop calls is compiled, callees first, each part once for the types that its decorator
names; small ones on the path of every event are inlined instead (`forceinline`).

Theory of compile time. Numba makes machine code of every function that it compiles, with all that
it calls: of ninety parts that call each other seven levels deep, the deepest was optimised and
translated seven times, and the first backtest of a strategy waited half a minute. No part is ever
called from Python, so for parts numba stops half way, at LLVM's intermediate code; the loop links
them in, and all is optimised and translated once.
"""

import gc
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any, Final

import numba
from numba import njit, types
from numba._dynfunc import make_function
from numba.core.codegen import JITCodeLibrary
from numba.core.cpu import CPUContext

from trading.kernels import engine_kernel
from trading.kernels.engine_records import AFTER, DESK, LIVE, RUN
from trading.kernels.l2_records import ANSWER, BOOK, EVENT, LINE, MARKET, REQUEST, RESTING, WAY
from trading.result import EQUITY, FILL_ROW, METRICS, ORDER_ROW, TRADE_ROW
from trading.strategy_records import ACCOUNT, FILL, ORDER

_parts: Final[dict[str, tuple[Any, str]]] = {}
_RECORDS: Final = {
    "run": RUN, "desk": DESK, "account": ACCOUNT, "live": LIVE, "told": FILL, "asked": ORDER,
    "metrics": METRICS, "line": LINE, "market": MARKET, "book": BOOK, "event": EVENT,
    "order": RESTING, "way": WAY, "request": REQUEST, "answer": ANSWER,
    "row": ORDER_ROW,
}  # fmt: skip
_TABLES: Final = {
    "fills": FILL_ROW, "after": AFTER, "rows": ORDER_ROW, "trades": TRADE_ROW, "asks": ORDER,
    "curve": EQUITY, "events": EVENT, "runs": RUN, "desks": DESK, "accounts": ACCOUNT,
    "markets": MARKET, "books": BOOK, "lives": LIVE, "tolds": FILL,
}  # fmt: skip


def inlined(function: Callable[..., Any]) -> Any:
    """Compile a small function on the path of every event: it becomes part of its callers."""
    options: dict[str, Any] = {"forceinline": True, "error_model": "numpy", "_nrt": False}
    return njit(**options)(function)


def pasted(function: Callable[..., Any]) -> Any:
    """The same for a larger one: pasted into its caller before types are known, never compiled."""
    options: dict[str, Any] = {"inline": "always", "error_model": "numpy", "_nrt": False}
    return njit(**options)(function)


def plain(function: Callable[..., Any]) -> Any:
    """Compile a function that is called from Python as well."""
    options: dict[str, Any] = {"error_model": "numpy", "_nrt": False}
    return njit(**options)(function)


def part(signature: str) -> Callable[[Callable[..., Any]], Any]:
    """Decorate a part with the types of its arguments: "line market i8"."""

    def made(function: Callable[..., Any]) -> Any:
        options: dict[str, Any] = {
            "no_cpython_wrapper": True,
            "no_cfunc_wrapper": True,
            "_nrt": False,
        }
        compiled = njit(error_model="numpy", **options)(function)
        _parts[function.__name__] = (compiled, signature)
        return compiled

    return made


@contextmanager
def half_way(names: Collection[str]) -> Iterator[None]:
    """Meanwhile functions of these names are compiled to intermediate code only.

    They can be called from compiled functions, not from Python. Works on numba's insides, and does
    nothing where these look otherwise: then compiling takes longer.
    """
    library: Any = JITCodeLibrary
    context: Any = CPUContext
    finalize, executable = library.finalize, context.get_executable

    def finalize_half(self: Any) -> None:
        if self.name not in names:
            finalize(self)
            return
        for linked in dict.fromkeys(self._linking_libraries):
            self._reload_init.update(linked._reload_init)
            self._final_module.link_in(linked._get_module_for_linking(), preserve=True)
        self._finalize_dynamic_globals()
        self._finalized = True

    def no_executable(self: Any, made: Any, descriptor: Any, environment: Any) -> Any:
        if made.name not in names:
            return executable(self, made, descriptor, environment)
        name = descriptor.qualname.rpartition(".")[2]
        return make_function(descriptor.lookup_module(), name, "", 0, environment, (made,))

    library.finalize, context.get_executable = finalize_half, no_executable
    try:
        yield
    finally:
        library.finalize, context.get_executable = finalize, executable


def compile_parts(function: Any) -> None:
    """Compile every part that `function` reaches and that is not compiled yet."""
    known: dict[str, Any] = {n: numba.from_dtype(d) for n, d in _RECORDS.items()}
    for name, dtype in _TABLES.items():
        known[name] = types.Array(numba.from_dtype(dtype), 1, "C")
    known |= {"i8": types.int64, "f8": types.float64, "b1": types.boolean}
    theirs = {p.py_func.__name__: (p, text) for p, text in engine_kernel._parts}
    names = {**known, "order": known["live"], "orders": known["asks"]}

    def visit(reached: Any, seen: set[str]) -> None:
        plain = getattr(reached, "py_func", reached)
        for name in plain.__code__.co_names:
            called = plain.__globals__.get(name)
            if not hasattr(called, "py_func") or name in seen:
                continue
            seen.add(name)
            visit(called, seen)
            for registered, words in ((_parts, known), (theirs, names)):
                compiled, signature = registered.get(name, (None, ""))
                if compiled is called and not called.signatures:
                    called.compile(tuple(words[word] for word in signature.split()))
                    called.disable_compile()

    collects = gc.isenabled()
    gc.disable()  # a compiler makes millions of objects and few cycles: a sixth of its time
    try:
        with half_way(_parts):
            visit(function, set())
    finally:
        if collects:
            gc.enable()
