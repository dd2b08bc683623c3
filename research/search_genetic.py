"""A genetic search: tournaments, elite, blend crossover, gaussian mutation, early end.

Individuals are positions in the unit cube, so one standard deviation means the same on every axis,
and a blend cannot leave the range. Discrete axes round when a position becomes a value.

Two things that are often done wrong, and how they are done here (docs/decisions/017):

- The penalty for a drawdown beyond DRAWDOWN_MAX makes a score worse whatever its sign: multiplying
  a negative score by (1 - drawdown) would make the deepest losers the fittest.
- The seed is the caller's. The same seed breeds the same generations.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from research.search import Told, draw_units
from research.space import Space

F8 = NDArray[np.float64]
POPULATION: Final = 20
POPULATION_MIN: Final = 4
GENERATIONS: Final = 50
TOURNAMENT: Final = 3
ELITE: Final = 2
CROSSOVER: Final = 0.8
BLEND: Final = 0.5  # alpha of BLX
MUTATION: Final = 0.1  # a gene
DEVIATION: Final = 0.1  # of a mutation, as a part of the range
DRAWDOWN_MAX: Final = 0.3
STALE: Final = 5  # generations in which the best moves less than STALE_STEP end the search
STALE_STEP: Final = 0.001
_TRIES: Final = 50  # to breed a child that is allowed


class Genetic:
    """Asks for one generation at a time; its elite lives on without being tried again."""

    def __init__(self, space: Space, trials: int, rng: np.random.Generator) -> None:
        self._space = space
        self._rng = rng
        self._left = trials
        self._size = max(POPULATION_MIN, min(POPULATION, trials))
        self._population = np.empty((0, len(space.axes)))
        self._fitness = np.empty((0, 2))
        self._asked = np.empty((0, len(space.axes)))
        self._best: list[float] = []  # of each generation

    def ask(self) -> F8:
        """The first generation, then the children of each one."""
        if self._left <= 0 or len(self._best) >= GENERATIONS or self._stale():
            return np.empty((0, len(self._space.axes)))
        if not len(self._population):
            self._asked = draw_units(self._space, self._size, self._rng)
        else:
            count = min(self._size - ELITE, self._left)
            self._asked = np.array([self._child() for _ in range(count)])
        self._left -= len(self._asked)
        return self._space.at(self._asked)

    def tell(self, told: Told) -> None:
        """Keep the elite, and the batch as the rest of the new generation."""
        fitness = fitness_of(told)
        order = _ranked(self._fitness)[:ELITE]
        self._population = np.concatenate((self._population[order], self._asked))
        self._fitness = np.concatenate((self._fitness[order], fitness))
        self._best.append(float(self._fitness[_ranked(self._fitness)[0], 1]))

    def _stale(self) -> bool:
        if len(self._best) <= STALE:
            return False
        then, now = self._best[-1 - STALE], self._best[-1]
        return now == then or now - then < STALE_STEP  # both may be -inf

    def _child(self) -> F8:
        """One allowed child; a newcomer where breeding gives none."""
        for _ in range(_TRIES):
            first, second = self._winner(), self._winner()
            child = self._mutated(self._blended(first, second))
            if self._space.allowed(self._space.at(child[None, :]))[0]:
                return child
        newcomer: F8 = draw_units(self._space, 1, self._rng)[0]
        return newcomer

    def _winner(self) -> F8:
        drawn = self._rng.integers(0, len(self._population), TOURNAMENT)
        best: F8 = self._population[drawn[_ranked(self._fitness[drawn])[0]]]
        return best

    def _blended(self, first: F8, second: F8) -> F8:
        """BLX-alpha: each gene from the interval of both parents', widened by alpha each side."""
        if self._rng.random() >= CROSSOVER:
            return first.copy()
        low, high = np.minimum(first, second), np.maximum(first, second)
        reach = BLEND * (high - low)
        return np.clip(self._rng.uniform(low - reach, high + reach), 0.0, 1.0)

    def _mutated(self, child: F8) -> F8:
        hit = self._rng.random(len(child)) < MUTATION
        noise = self._rng.normal(0.0, DEVIATION, len(child))
        return np.clip(np.where(hit, child + noise, child), 0.0, 1.0)


def fitness_of(told: Told) -> F8:
    """(k, 2) rung and penalised score; a void trial is the least fit."""
    score = told.keys()[:, 1]
    deep = told.drawdown > DRAWDOWN_MAX  # NaN is not
    with np.errstate(invalid="ignore"):
        score = np.where(deep, score - np.abs(score) * told.drawdown, score)
    return np.column_stack((told.rungs.astype(np.float64), score))


def _ranked(fitness: F8) -> NDArray[np.int64]:
    """Rows, fittest first; of equal ones the earlier first."""
    return np.lexsort((-fitness[:, 1], -fitness[:, 0]))
