"""How the engine's parts are compiled: each once, for one signature, and kept apart.

Left alone, numba compiles a function again for every constant that it is called with, and LLVM
inlines each part into every caller at every level: an engine of many small parts took half a minute
to compile. So `kernel` names the types of a part, `compile_parts` compiles all of them,
callees first, and a part of more than a few lines says `cold()` first.

Numba also makes machine code of every function that it compiles, with all that it calls: what lies
seven calls deep was optimised and translated seven times. No part is ever called from Python, so
for parts numba stops half way, at LLVM's intermediate code; whatever is compiled next links
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
from numba.extending import intrinsic

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
        part: Any = njit(error_model="numpy", **options)(function)
        _parts.append((part, signature))
        return part

    return made


def tell(name: str) -> None:
    """Say to who waits that this is compiled now."""
    for listener in listeners:
        listener(name)


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


@contextmanager
def no_collection() -> Iterator[None]:
    """A compiler makes millions of objects and few cycles: collecting is a sixth of its time."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


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

    with no_collection(), half_way(by_name):
        for name in by_name:
            after_callees(name)


def _cold(typing_context: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.void(), generate


# Forbids inlining of the function that calls it; no code of its own.
cold: Any = intrinsic(_cold)
