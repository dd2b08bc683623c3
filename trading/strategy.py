"""What a strategy is: the contract that every strategy, built in or a user's own, keeps.

A *compiled* strategy is a value: parameters (a pydantic model), a STATE dtype, and plain functions
on records, which the engine compiles once and calls in every mode:

    on_bar(state, params, event, account, orders) -> how many requests it wrote into `orders`

A *Python* strategy is a class (`trading.strategy_python.Strategy`): slower, same core, same
guarantees. Both only ever ask; risk and the order manager decide what becomes of it.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from types import CodeType, ModuleType
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from trading import strategy_records as records
from trading.strategy_records import (
    ACCOUNT,
    BOOK,
    BUY,
    CANCELING,
    FILL,
    FOK,
    GTC,
    GTD,
    HELD,
    IOC,
    OPEN,
    ORDER,
    SELL,
    SENT,
    TICK,
    UNKNOWN,
    WORKING,
)

Handler = Callable[..., Any]
# Which feed streams a handler lives on: silence of one of them stops the strategy's decisions.
STREAMS: Final[Mapping[str, str]] = {
    "on_bar": "bars",
    "on_trade": "trades",
    "on_quote": "quotes",
    "on_book": "book",
}
# A parameter declared with Field(..., json_schema_extra=RELOAD) may change while the strategy runs:
# STATE means the same with any value of it.
RELOAD: Final[dict[str, Any]] = {"reload": True}
# Modules that change only with a release, and numba's cache is keyed by the release of these.
_NOT_OURS: Final = frozenset({"builtins", "math", "numba", "numpy"})
_FIELD_DTYPES: Final[Mapping[Any, str]] = {int: "<i8", float: "<f8", bool: "<i8"}


class StrategyParams(BaseModel):
    """Base of a strategy's parameters: int, float and bool fields with defaults and ranges.

    The model gives the PARAMS record, the checks, the JSON schema and the command line's help.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def dtype(cls) -> "np.dtype[np.void]":
        """The PARAMS dtype: one 8-byte field per parameter, in the order of the class.

        raises  TypeError naming the field whose type a record cannot hold
        """
        columns = []
        for name, field in cls.model_fields.items():
            if field.annotation not in _FIELD_DTYPES:
                raise TypeError(f"{cls.__name__}.{name}: use int, float or bool")
            columns.append((name, _FIELD_DTYPES[field.annotation]))
        return np.dtype(columns)

    @classmethod
    def reloadable(cls) -> frozenset[str]:
        """Names of the parameters that may change while the strategy runs."""
        fields = cls.model_fields.items()
        marks = {name: field.json_schema_extra for name, field in fields}
        return frozenset(n for n, m in marks.items() if isinstance(m, dict) and m.get("reload"))

    def record(self) -> NDArray[np.void]:
        """These parameters as an array of one PARAMS record."""
        return np.array([tuple(getattr(self, n) for n in type(self).model_fields)], self.dtype())


@dataclass(frozen=True)
class CompiledStrategy:
    """A strategy whose handlers numba compiles.

    name      "trend_following"
    params    its parameters
    state     STATE dtype; one zeroed record per instrument at the start, bytes in a checkpoint
    on_*      plain functions (state, params, event, account, orders) -> number of requests
    timer_ns  on_timer is called at about this interval; 0 never

    Events: on_bar BAR, on_trade TRADE, on_quote QUOTE, on_book BOOK, on_fill FILL, on_timer and
    on_stale TICK. Without on_stale, all working orders are cancelled when a stream goes silent.
    """

    name: str
    params: type[StrategyParams]
    state: "np.dtype[np.void]"
    on_bar: Handler | None = None
    on_trade: Handler | None = None
    on_quote: Handler | None = None
    on_book: Handler | None = None
    on_fill: Handler | None = None
    on_timer: Handler | None = None
    on_stale: Handler | None = None
    timer_ns: int = 0

    HANDLERS: ClassVar = (*STREAMS, "on_fill", "on_timer", "on_stale")

    def __post_init__(self) -> None:
        if self.timer_ns and self.on_timer is None:
            raise ValueError(f"{self.name}: timer_ns without on_timer: nothing would happen")
        if not any(getattr(self, name) for name in STREAMS):
            raise ValueError(f"{self.name}: no on_bar, on_trade, on_quote or on_book")

    @property
    def handlers(self) -> dict[str, Handler]:
        """The handlers that are there, by name."""
        return {n: f for n in self.HANDLERS if (f := getattr(self, n)) is not None}

    @property
    def layout(self) -> str:
        """What must be equal for one version to read another's STATE."""
        return repr(self.state.descr)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the code that decides: handlers, what they call, layouts. Hex."""
        found = hashlib.sha256(f"{self.name} {self.timer_ns} {self.layout}".encode())
        found.update(repr(self.params.dtype().descr).encode())
        found.update(repr(record_layouts()).encode())
        seen: set[int] = set()
        for name, function in self.handlers.items():
            found.update(name.encode())
            _digest_function(function, found, seen)
        return found.hexdigest()


def record_layouts() -> list[Any]:
    """The layouts of the records that every strategy shares: they too are part of its code."""
    shared = (f for f in vars(records).values() if isinstance(f, np.dtype))
    return [dtype.descr for dtype in shared]


def class_digest(cls: type) -> str:
    """SHA-256 over the methods of a Python strategy's class and its bases' in user code. Hex."""
    found = hashlib.sha256(cls.__qualname__.encode())
    seen: set[int] = set()
    for base in cls.__mro__:
        for name, member in sorted(vars(base).items()):
            function = getattr(member, "__func__", member)
            if callable(function) and hasattr(function, "__code__"):
                found.update(name.encode())
                _digest_function(function, found, seen)
    return found.hexdigest()


def function_digest(function: Any) -> str:
    """SHA-256 over the byte-code of one function and what it calls. Hex."""
    found = hashlib.sha256()
    _digest_function(function, found, set())
    return found.hexdigest()


def _digest_function(function: Any, found: Any, seen: set[int]) -> None:
    """Feed the byte-code of `function`, and of the functions and constants it names, to `found`.

    Byte-code, not text: no file is read, and what a function calls is part of what it does. That
    is also why the compiler's cache is keyed by this digest: numba alone would not notice that a
    function in another file has changed.
    """
    function = getattr(function, "py_func", function)  # a numba dispatcher's own function
    if id(function) in seen:
        return
    seen.add(id(function))
    code: CodeType = function.__code__
    _digest_code(code, found)
    found.update(repr(function.__defaults__).encode())
    cells = zip(code.co_freevars, function.__closure__ or (), strict=True)
    named = {name: cell.cell_contents for name, cell in cells}
    for name in sorted(code.co_names):
        if name in function.__globals__:
            named.setdefault(name, function.__globals__[name])
    for name, value in named.items():
        _digest_value(name, value, code.co_names, found, seen)


def _digest_value(name: str, value: Any, used: Iterable[str], found: Any, seen: set[int]) -> None:
    """Feed what a function knows as `name`: a function, a constant, or what holds some of them."""
    if hasattr(getattr(value, "py_func", value), "__code__"):
        _digest_function(value, found, seen)
    elif isinstance(value, ModuleType | type):
        _digest_holder(name, value, used, found, seen)
    elif isinstance(value, np.ndarray):
        found.update(f"{name}={value.dtype.descr}{value.shape}".encode())
        found.update(value.tobytes())
    elif isinstance(value, int | float | str | bytes | tuple | Enum | np.dtype | np.generic):
        found.update(f"{name}={value!r}".encode())


def _digest_holder(
    name: str, holder: ModuleType | type, used: Iterable[str], found: Any, seen: set[int]
) -> None:
    """Feed those parts of a module or class that are named as often as it is: `lib.helper(x)`."""
    home = holder.__name__ if isinstance(holder, ModuleType) else holder.__module__
    if home.partition(".")[0] in _NOT_OURS or id(holder) in seen:
        return
    seen.add(id(holder))
    for part in sorted(used):
        if (value := getattr(holder, part, None)) is not None:
            _digest_value(f"{name}.{part}", value, used, found, seen)
    seen.discard(id(holder))  # another function may use other parts of it


def _digest_code(code: CodeType, found: Any) -> None:
    found.update(code.co_code)
    found.update(repr(code.co_names).encode())
    for const in code.co_consts:
        if isinstance(const, CodeType):
            _digest_code(const, found)
        elif isinstance(const, frozenset):
            found.update(repr(sorted(map(repr, const))).encode())
        else:
            found.update(repr(const).encode())


__all__ = [
    "ACCOUNT",
    "BOOK",
    "BUY",
    "CANCELING",
    "FILL",
    "FOK",
    "GTC",
    "GTD",
    "HELD",
    "IOC",
    "OPEN",
    "ORDER",
    "RELOAD",
    "SELL",
    "SENT",
    "STREAMS",
    "TICK",
    "UNKNOWN",
    "WORKING",
    "CompiledStrategy",
    "StrategyParams",
    "class_digest",
    "function_digest",
]
