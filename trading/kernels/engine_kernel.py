"""How the engine's parts are compiled: each once, for one signature, and kept apart.

Left alone, numba compiles a function again for every constant that it is called with, and LLVM
inlines each part into every caller at every level: an engine of many small parts took half a minute
to compile. So `kernel` names the types of a part, `compile_parts` compiles all of them,
callees first, and a part of more than a few lines says `cold()` first.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import numba
from numba import njit, types
from numba.extending import intrinsic

from trading.kernels.engine_records import AFTER, DESK, LIVE, RUN
from trading.result import FILL_ROW, METRICS, ORDER_ROW, TRADE_ROW
from trading.strategy import function_digest
from trading.strategy_records import ACCOUNT, FILL, ORDER

_parts: Final[list[tuple[Any, str]]] = []
_RECORDS: Final = {
    "run": RUN, "desk": DESK, "account": ACCOUNT, "live": LIVE, "told": FILL, "order": ORDER,
    "metrics": METRICS,
}  # fmt: skip
_TABLES: Final = {
    "fills": FILL_ROW, "after": AFTER, "rows": ORDER_ROW, "trades": TRADE_ROW, "orders": ORDER,
    "desks": DESK, "accounts": ACCOUNT,
}  # fmt: skip


def kernel(signature: str) -> Callable[[Callable[..., Any]], Any]:
    """Decorate a part with the types of its arguments: "run desk i8 f8"."""

    def made(function: Callable[..., Any]) -> Any:
        options: dict[str, Any] = {
            "no_cpython_wrapper": True,
            "no_cfunc_wrapper": True,
            "_nrt": False,
        }
        part: Any = njit(error_model="numpy", **options)(function)
        _parts.append((part, signature))
        return part

    return made


def compile_parts() -> None:
    """Compile every part that is not, callees first."""
    known: dict[str, Any] = {n: numba.from_dtype(d) for n, d in _RECORDS.items()}
    for name, dtype in _TABLES.items():
        known[name] = types.Array(numba.from_dtype(dtype), 1, "C")
    known |= {"i8": types.int64, "f8": types.float64, "b1": types.boolean}
    known["curve"] = types.Array(types.float64, 1, "C")
    known["made"] = types.Array(types.int64, 1, "C")
    by_name = {part.py_func.__name__: (part, signature) for part, signature in _parts}

    def after_callees(name: str) -> None:
        part, signature = by_name[name]
        if part.signatures:
            return
        for called in part.py_func.__code__.co_names:
            if called in by_name and called != name:
                after_callees(called)
        _keep_code(part)
        part.compile(tuple(known[word] for word in signature.split()))
        part.disable_compile()

    for name in by_name:
        after_callees(name)


def _keep_code(part: Any) -> None:
    """Have the part's machine code kept on disk, so that the next strategy compiles only its loop.

    numba compares the file of a function, not those of what it calls: so the digest of all code
    behind the part goes into the name that the cache knows it by.
    """
    function = part.py_func
    function.__qualname__ = f"{function.__name__}_{function_digest(function)[:16]}"
    with suppress(RuntimeError):  # no folder to write to: compiled again in each process
        part.enable_caching()


def _cold(typing_context: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.void(), generate


# Forbids inlining of the function that calls it; no code of its own.
cold: Any = intrinsic(_cold)
