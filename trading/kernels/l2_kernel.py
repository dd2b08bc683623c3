"""How the parts of the event engine are compiled: as `engine_kernel` does it, and with its parts.

Only what a loop calls is compiled, callees first, each part once for the types that its decorator
names.
"""

from collections.abc import Callable
from typing import Any, Final

import numba
from numba import njit, types

from trading.kernels import engine_kernel
from trading.kernels.engine_compiler import Lean, half_way, quick
from trading.kernels.engine_records import DESK, LIVE, RUN
from trading.kernels.l2_records import ANSWER, BOOK, EVENT, LINE, MARKET, REQUEST, RESTING, WAY
from trading.result import METRICS, ORDER_ROW
from trading.strategy_records import ACCOUNT, FILL, ORDER
from trading.strategy_records import BOOK as SHOWN

_parts: Final[dict[str, tuple[Any, str]]] = {}
_RECORDS: Final = {
    "run": RUN, "desk": DESK, "account": ACCOUNT, "live": LIVE, "told": FILL, "asked": ORDER,
    "metrics": METRICS, "line": LINE, "market": MARKET, "book": BOOK, "event": EVENT,
    "order": RESTING, "way": WAY, "request": REQUEST, "answer": ANSWER,
    "row": ORDER_ROW, "show": SHOWN,
}  # fmt: skip


def part(signature: str, *, hot: bool = False) -> Callable[[Callable[..., Any]], Any]:
    """Decorate a part with the types of its arguments: "line market i8".

    hot  inline it wherever it is called: it is small, and on the path of every event
    """

    def made(function: Callable[..., Any]) -> Any:
        options: dict[str, Any] = {
            "no_cpython_wrapper": True,
            "no_cfunc_wrapper": True,
            "forceinline": hot,
            "_nrt": False,
        }
        compiled = njit(error_model="numpy", pipeline_class=Lean, **options)(function)
        _parts[function.__name__] = (compiled, signature)
        return compiled

    return made


def compile_parts(function: Any) -> None:
    """Compile every part that `function` reaches and that is not compiled yet."""
    known: dict[str, Any] = {n: numba.from_dtype(d) for n, d in _RECORDS.items()}
    known["asks"] = types.Array(numba.from_dtype(ORDER), 1, "C")
    known |= {"i8": types.int64, "f8": types.float64, "b1": types.boolean}
    theirs = {p.py_func.__name__: (p, text) for p, text in engine_kernel._parts}
    names = {**known, "order": known["live"]}

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

    with quick(), half_way({*_parts, *theirs}):
        visit(function, set())
