"""Room for the tables of a run: lent, and taken back when nobody looks at them any more.

The operating system clears every page that a program touches first, which takes longer than the
engine needs to fill it. So the memory of tables that are no longer used is used again by the next
run of the process. A table keeps its memory for as long as any view of it exists.
"""

import weakref
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_spare: Final[list[NDArray[np.uint8]]] = []
_SPARES_MAX: Final = 12


class _Lent:
    """Owner of a piece of memory: dies with the last array that was made of it."""

    def __init__(self, memory: NDArray[np.uint8]) -> None:
        self.__array_interface__ = memory.__array_interface__


def table(rows: int, dtype: Any) -> NDArray[Any]:
    """An array of `rows` rows whose contents are arbitrary."""
    wanted = np.dtype(dtype)
    size = max(rows * wanted.itemsize, 1)
    fitting = [m for m in _spare if size <= m.size <= 4 * size]
    memory = min(fitting, key=lambda m: m.size) if fitting else np.empty(size, np.uint8)
    for i, spare in enumerate(_spare):
        if spare is memory:
            del _spare[i]
            break
    lent = _Lent(memory)
    weakref.finalize(lent, _take_back, memory)
    found: NDArray[Any] = np.asarray(lent)[: rows * wanted.itemsize].view(wanted)
    return found


def _take_back(memory: NDArray[np.uint8]) -> None:
    _spare.append(memory)
    if len(_spare) > _SPARES_MAX:
        _spare.pop(0)
