"""Copies of a strategy's functions that become part of its loop and of nothing else.

A compiled function may be called from Python, so numba makes machine code of it and a wrapper, and
does the same for each that it calls, once for all types that it is called with. A copy that only
the loop can name needs none of that: it stops half way (`trading.kernels.engine_compiler`), which
saves a third of what a new strategy costs.
"""

from types import CellType, FunctionType
from typing import Any, Final

from numba import njit
from numba.core.dispatcher import Dispatcher

from trading.kernels.engine_compiler import Lean
from trading.strategy import function_digest

_SUFFIX: Final = " (copy)"  # no function's name ends like this
_ALONE: Final = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}


class Copies:
    """The copies that one loop is made of; `names` are those under which numba knows them."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self._made: dict[int, Any] = {}

    def of(self, function: Any, **options: Any) -> Any:
        """A copy of a handler, compiled with these options besides its own, and what it calls."""
        plain = getattr(function, "py_func", function)
        if id(plain) in self._made:
            return self._made[id(plain)]
        scope = dict(plain.__globals__)
        cells = tuple(CellType() for _ in plain.__closure__ or ())
        copy = FunctionType(plain.__code__, scope, plain.__name__, plain.__defaults__, cells)
        copy.__kwdefaults__ = plain.__kwdefaults__
        copy.__qualname__ = plain.__qualname__ + _SUFFIX
        own = dict(getattr(function, "targetoptions", {}))
        own.pop("nopython", None)
        made = njit(**{**own, **options, **_ALONE})(copy)
        self._made[id(plain)] = made
        self.names.add(copy.__qualname__)
        for name in plain.__code__.co_names:
            if name in scope and _is_helper(scope[name]):
                scope[name] = self.of(scope[name])
        for cell, old in zip(cells, plain.__closure__ or (), strict=True):
            value = old.cell_contents
            cell.cell_contents = self.of(value) if _is_helper(value) else value
        return made


def _is_helper(value: Any) -> bool:
    """A compiled function like any other.

    Those that numba pastes or makes parallel stay apart, and those whose author has named types: a
    number becomes one of these on its way in or out.
    """
    made: Any = value
    if not isinstance(value, Dispatcher) or made._compiler.pipeline_class is Lean:
        return False
    if made.locals or not made._can_compile:
        return False
    options: dict[str, Any] = value.targetoptions
    return not options.keys() & {"parallel", "forceobj", "inline"}


def rules() -> str:
    """Digest of what is copied and how: a loop made by other rules must have another name."""
    return Copies.of.__code__.co_code.hex() + function_digest(_is_helper)
