"""Searches that do not learn: everything is asked for at once. Grid, random and Sobol."""

import numpy as np
from numpy.typing import NDArray

from research.search import Search, Told, draw
from research.space import BadSpace, Space

F8 = NDArray[np.float64]
_SOBOL_MAX = 1 << 20


class _Listed:
    """A search whose questions are known beforehand."""

    def __init__(self, values: F8) -> None:
        self._values = values

    def ask(self) -> F8:
        values, self._values = self._values, self._values[:0]
        return values

    def tell(self, told: Told) -> None:
        pass  # it has nothing left to decide


def plain(method: str, space: Space, trials: int, rng: np.random.Generator) -> Search:
    """Grid, random or Sobol: values in the order in which they are tried."""
    if method == "grid":
        return _Listed(grid(space, trials, rng))
    if method == "random":
        return _Listed(draw(space, trials, rng))
    return _Listed(sobol(space, trials, rng))


def grid(space: Space, trials: int, rng: np.random.Generator) -> F8:
    """All cells; if there are more than `trials`, so many of them by chance, in the grid's order.

    Not the first ones: a grid that is cut off has only the first axis' smallest values in it.
    """
    cells = space.grid()
    if len(cells) <= trials:
        return cells
    return cells[np.sort(rng.choice(len(cells), trials, replace=False))]


def sobol(space: Space, trials: int, rng: np.random.Generator) -> F8:
    """Scrambled Sobol points; those that break a relation are left out, and others taken.

    raises  BadSpace if hardly any is allowed
    """
    # Takes half a second to import; scipy ships no types.
    from scipy.stats import qmc  # type: ignore[import-untyped]  # noqa: PLC0415

    points = qmc.Sobol(len(space.axes), scramble=True, rng=rng)
    found = np.empty((0, len(space.axes)))
    # Powers of two keep the sequence balanced; what is drawn beyond `trials` is not used.
    drawn = 0
    while len(found) < trials:
        size = max(drawn, 1 << max(trials - 1, 1).bit_length())
        if drawn + size > _SOBOL_MAX * 4 or (drawn > 64 * trials and not len(found)):
            raise BadSpace(f"space: hardly any combination keeps {space.said()}: widen the ranges")
        values = space.at(points.random(size))
        drawn += size
        found = np.concatenate((found, values[space.allowed(values)]))
    return found[:trials]
