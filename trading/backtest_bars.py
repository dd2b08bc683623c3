"""Bars as Python objects, one by one, for a strategy that is a class.

    for bar in objects(rows, read_by(Cross)):
        ...

Theory of speed. Eleven numbers a bar cost more to make than most strategies cost to run, and few
strategies read more than three of them. So a bar is made with those numbers that the class's code
names anywhere, which is a guess, and gets any other when it is asked for it.
"""

from collections.abc import Collection, Iterator
from functools import cache, partial
from types import CodeType
from typing import Any, Final

import numpy as np

from messages.arrays import BAR, Rows

NAMES: Final = BAR.names or ()
_BLOCK: Final = 1 << 11  # bars whose numbers are Python objects at once: they fit into the cache


class Bar:
    """One row of BAR: its numbers by name or by place, as int and float; not to be written to."""

    __slots__ = ()

    ts_open: int
    ts_event: int
    ts_init: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    quote_volume: float
    buy_volume: float
    trades: int

    def __getitem__(self, key: Any) -> Any:
        return tuple(self)[key] if not isinstance(key, str) else getattr(self, key)

    def __iter__(self) -> Iterator[Any]:
        return (getattr(self, name) for name in NAMES)

    def __len__(self) -> int:
        return len(NAMES)

    def __eq__(self, other: object) -> bool:
        return tuple(self) == (tuple(other) if isinstance(other, Bar) else other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"Bar({', '.join(f'{name}={getattr(self, name)!r}' for name in NAMES)})"

    def __reduce__(self) -> Any:  # a copy is one row's, and does not hold the others
        return _alone, (tuple(self),)


def _alone(values: tuple[Any, ...]) -> Bar:
    return next(objects(np.array([values], BAR), NAMES))


def objects(rows: Rows, names: Collection[str]) -> Iterator[Bar]:
    """Each row as a Bar.

    names  of the columns that are surely read
    cost   0.1 us a bar and 0.02 us a column; 1 us for each number that is not among `names`
    """
    made = _maker(tuple(n for n in NAMES if n in names) or NAMES[:1])
    for start in range(0, len(rows), _BLOCK):
        yield from made(rows[start : start + _BLOCK])


def read_by(cls: type) -> tuple[str, ...]:
    """The columns of bars that the code of a class names, in itself or in what it calls."""
    found: set[str] = set()
    seen: set[int] = set()
    for base in cls.__mro__:
        for member in vars(base).values():
            _look(getattr(member, "__func__", member), found, seen)
    return tuple(n for n in NAMES if n in found)


def _look(function: Any, found: set[str], seen: set[int]) -> None:
    function = getattr(function, "py_func", function)  # a numba dispatcher's own function
    if id(function) in seen or not hasattr(function, "__code__"):
        return
    seen.add(id(function))
    names: set[str] = set()
    _names_in(function.__code__, names)
    found |= names
    for name in names:
        _look(function.__globals__.get(name), found, seen)


def _names_in(code: CodeType, names: set[str]) -> None:
    names.update(code.co_names)
    for const in code.co_consts:
        if isinstance(const, CodeType):
            _names_in(const, names)
        elif isinstance(const, str):
            names.add(const)


_MAKER: Final = """
def made(rows):
    for _at, {values} in zip(range(len(rows)), {lists}):
        bar = Bar()
        bar._rows = rows
        bar._at = _at
        {stores}
        yield bar
"""


@cache
def _maker(names: tuple[str, ...]) -> Any:
    """The generator of bars with these columns; a loop over names would take three times as long.

    Columns are slots and the others properties: CPython reads a slot as fast as a local name, but
    not of a class with __getattr__.
    """
    text = _MAKER.format(
        values=", ".join(names),
        lists=", ".join(f"rows['{n}'].tolist()" for n in names),
        stores="; ".join(f"bar.{n} = {n}" for n in names),
    )
    late = {n: property(partial(_late, n)) for n in NAMES if n not in names}
    slots = (*names, "_at", "_rows")
    scope: dict[str, Any] = {"Bar": type("Bar", (Bar,), {"__slots__": slots, **late})}
    exec(compile(text, __file__, "exec"), scope)
    return scope["made"]


def _late(name: str, bar: Any) -> Any:
    return bar._rows[name][bar._at].item()
