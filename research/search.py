"""Searches: what to try next, given what came of what was tried.

A search asks for one *batch* at a time and is told about the whole batch, in the order in which it
asked. Batches have a size of their own that does not follow from the number of workers, and a
search has no chance but its seed: so the same seed asks the same questions, however many workers
answer and in whatever order. That is also how a sweep resumes: the questions are asked again, and
the answers that are kept already are not computed again.

Scores are larger-is-better, one column an objective; NaN says that a trial is void.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from research.space import BadSpace, Space
from trading.result import METRICS

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]
PLAIN: Final = ("grid", "random", "sobol")
METHODS: Final = (*PLAIN, "genetic", "tpe", "cmaes", "nsga2")
# Trials where the user does not say: what an adaptive search needs to become better than chance.
TRIALS: Final[Mapping[str, int]] = {
    "grid": 10_000,
    "random": 100,
    "sobol": 128,
    "genetic": 1000,
    "tpe": 200,
    "cmaes": 400,
    "nsga2": 1000,
}
# Metrics of which less is better; all others count upwards.
SMALLER: Final = frozenset(
    {"max_drawdown", "volatility", "fees", "turnover", "exposure", "std_daily"}
)


@dataclass(frozen=True, slots=True)
class Told:
    """What came of one batch.

    scores    (k, objectives), larger is better; NaN: void
    rungs     (k,) how far each trial came: stopped ones came less far, and their scores are of
              less data
    drawdown  (k,) largest drawdown, a fraction
    """

    scores: F8
    rungs: I8
    drawdown: F8

    def keys(self) -> F8:
        """(k, 1 + objectives) to compare trials by: first how far it came, then its scores."""
        scores = np.where(np.isnan(self.scores), -np.inf, self.scores)
        return np.column_stack((self.rungs.astype(np.float64), scores))


class Search(Protocol):
    """One strategy of searching; told once after each ask."""

    def ask(self) -> F8:
        """(k, axes) values to try; k is 0 when the search is over."""
        ...

    def tell(self, told: Told) -> None:
        """What came of them, in the same order."""
        ...


def scores_of(metrics: NDArray[np.void], objectives: Sequence[str]) -> F8:
    """(n, objectives) METRICS as scores: larger is better; NaN where a row is void."""
    found = np.column_stack([metrics[name].astype(np.float64) for name in objectives])
    signs = [-1.0 if name in SMALLER else 1.0 for name in objectives]
    found *= np.array(signs)
    found[metrics["error"] != 0] = np.nan
    return found


def check_objectives(objectives: Sequence[str], method: str) -> None:
    """raises ValueError naming what is wrong with the objectives of a search."""
    known = [n for n in METRICS.names or () if n not in {"error", "liquidated", "days", "bars"}]
    for name in objectives:
        if name not in known:
            raise ValueError(
                f"objective {name!r}: no figure of a run: use one of {', '.join(known)}"
            )
    if len(objectives) > 1 and method != "nsga2":
        raise ValueError(
            f"objective {','.join(objectives)}: several need --method nsga2; {method} takes one"
        )


def make(method: str, space: Space, *, trials: int, seed: int, objectives: int = 1) -> Search:
    """The search of this name.

    trials    at most so many are asked for; adaptive searches round up to whole batches
    raises    BadSpace for a space that the method cannot search, ValueError for an unknown method
    """
    if trials < 1:
        raise BadSpace(f"trials: {trials}: at least one")
    rng = np.random.Generator(np.random.PCG64(seed))
    if method in PLAIN:
        from research.search_plain import plain  # noqa: PLC0415 - scipy for Sobol

        return plain(method, space, trials, rng)
    if method == "genetic":
        from research.search_genetic import Genetic  # noqa: PLC0415

        return Genetic(space, trials, rng)
    if method in METHODS:
        from research.search_optuna import Asked  # noqa: PLC0415 - optuna takes 0.3 s to import

        return Asked(method, space, trials, seed, objectives)
    raise ValueError(f"method {method!r}: use one of {', '.join(METHODS)}")


def draw(space: Space, count: int, rng: np.random.Generator) -> F8:
    """(count, axes) values, uniform over what is allowed.

    raises  BadSpace if hardly anything is
    """
    units = draw_units(space, count, rng)
    return space.at(units)


def draw_units(space: Space, count: int, rng: np.random.Generator) -> F8:
    """(count, axes) positions in the unit cube, uniform over what is allowed; see `draw`."""
    found = np.empty((0, len(space.axes)))
    for _ in range(_ROUNDS):
        units = rng.random((max(count, _DRAWN), len(space.axes)))
        found = np.concatenate((found, units[space.allowed(space.at(units))]))
        if len(found) >= count:
            return found[:count]
    raise BadSpace(
        f"space: hardly any combination keeps {space.said()}: widen the ranges, or try a grid"
    )


_ROUNDS: Final = 200
_DRAWN: Final = 256
