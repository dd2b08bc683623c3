"""How the engine's parts are compiled: each once, for one signature, and kept apart.

Left alone, numba compiles a function again for every constant that it is called with, and LLVM
inlines each part into every caller at every level: an engine of many small parts took half a minute
to compile. So `kernel` names the types of a part, `compile_parts` compiles all of them,
callees first, and a part of more than a few lines says `cold()` first.

What a compiler does to a part, and what it leaves out: `engine_compiler`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import numba
from numba import njit, types
from numba.extending import intrinsic

from trading.kernels.engine_compiler import Lean, half_way, quick
from trading.kernels.engine_records import DESK, LIVE, RUN
from trading.result import METRICS
from trading.strategy_records import ACCOUNT, FILL, ORDER

_parts: Final[list[tuple[Any, str]]] = []
# Called with the name of what is compiled, which takes seconds: say so to who waits.
listeners: Final[list[Callable[[str], None]]] = []
_RECORDS: Final = {
    "run": RUN, "desk": DESK, "account": ACCOUNT, "live": LIVE, "told": FILL, "order": ORDER,
    "metrics": METRICS,
}  # fmt: skip


def kernel(signature: str, *, hot: bool = False) -> Callable[[Callable[..., Any]], Any]:
    """Decorate a part with the types of its arguments: "run desk i8 f8".

    hot  inline it wherever it is called: it is on the path of every fill
    """

    def made(function: Callable[..., Any]) -> Any:
        options: dict[str, Any] = {
            "no_cpython_wrapper": True,
            "no_cfunc_wrapper": True,
            "forceinline": hot,
            "_nrt": False,
        }
        part: Any = njit(error_model="numpy", pipeline_class=Lean, **options)(function)
        _parts.append((part, signature))
        return part

    return made


def tell(name: str) -> None:
    """Say to who waits that this is compiled now."""
    for listener in listeners:
        listener(name)


@contextmanager
def telling(listener: Callable[[str], None]) -> Iterator[None]:
    """Meanwhile this is told of what is compiled."""
    listeners.append(listener)
    try:
        yield
    finally:
        listeners.remove(listener)


def compile_parts() -> None:
    """Compile every part that is not, callees first."""
    known: dict[str, Any] = {n: numba.from_dtype(d) for n, d in _RECORDS.items()}
    known |= {"i8": types.int64, "f8": types.float64, "b1": types.boolean}
    by_name = {part.py_func.__name__: (part, signature) for part, signature in _parts}

    def after_callees(name: str) -> None:
        part, signature = by_name[name]
        if part.signatures:
            return
        for called in part.py_func.__code__.co_names:
            if called in by_name and called != name:
                after_callees(called)
        part.compile(tuple(known[word] for word in signature.split()))
        part.disable_compile()

    with quick(), half_way(by_name):
        for name in by_name:
            after_callees(name)


def _cold(typing_context: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.void(), generate


# Forbids inlining of the function that calls it; no code of its own.
cold: Any = intrinsic(_cold)
