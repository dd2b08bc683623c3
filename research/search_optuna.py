"""TPE, CMA-ES and NSGA-II from Optuna: it is asked and told, and never in charge.

Optuna sees positions in the unit cube, `Space` makes values of them: so every kind of axis works
with every method, and what is allowed is decided in one place. What breaks a relation is told to
Optuna as failed, is not run and is no trial of the sweep.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.trial import TrialState

from research.search import Told, draw_units
from research.space import BadSpace, Space

F8 = NDArray[np.float64]
# Fixed, so that the number of workers decides nothing. TPE learns within a batch only that its own
# questions are under way; the other two think in generations anyway.
_TPE_BATCH: Final = 16
_GENERATION: Final = 50  # NSGA-II
_TRIES: Final = 100
# Ranks below every real score; these samplers only compare.
_VOID: Final = -1e12


class Asked:
    """A search of Optuna's, behind our protocol."""

    def __init__(
        self, method: str, space: Space, trials: int, seed: int, objectives: int = 1
    ) -> None:
        if method == "cmaes" and len(space.axes) < 2:
            raise BadSpace("space: cmaes needs two axes at least: use --method tpe or grid")
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._method = method
        self._space = space
        self._left = trials
        self._batch, sampler = _sampler(method, len(space.axes), trials, seed)
        self._study = optuna.create_study(
            sampler=sampler, directions=["maximize"] * objectives, storage=None
        )
        self._rng = np.random.Generator(np.random.PCG64(seed))  # for newcomers
        self._axes: dict[str, BaseDistribution] = {
            name: FloatDistribution(0.0, 1.0) for name in space.names
        }
        self._open: list[optuna.Trial] = []

    def ask(self) -> F8:
        """The next batch."""
        count = min(self._batch, self._left)
        self._left -= count
        if self._left < 0 or count <= 0:
            return np.empty((0, len(self._axes)))
        rows = [self._allowed() for _ in range(count)]
        return np.concatenate(rows)

    def tell(self, told: Told) -> None:
        """In the order of the questions; a trial that was stopped is pruned for TPE."""
        last = int(told.rungs.max(initial=0))
        for trial, scores, rung in zip(self._open, told.scores, told.rungs, strict=True):
            values = [_VOID if np.isnan(v) else float(v) for v in scores]
            if rung < last:
                trial.report(values[0], int(rung))
                self._study.tell(trial, state=TrialState.PRUNED)
            else:
                self._study.tell(trial, values)
        self._open = []

    def _allowed(self) -> F8:
        """(1, axes) values of Optuna's next allowed question."""
        for tries in range(2 * _TRIES):
            if tries == _TRIES:  # it does not find its way back to what is allowed: help it
                units = draw_units(self._space, 1, self._rng)[0]
                self._study.enqueue_trial(dict(zip(self._axes, map(float, units), strict=True)))
            trial = self._study.ask(self._axes)
            values = self._space.at(_units(trial.params, self._axes))
            if self._space.allowed(values)[0]:
                self._open.append(trial)
                return values
            self._study.tell(trial, state=TrialState.FAIL)
        raise BadSpace(f"space: {self._method} finds nothing that keeps {self._space.said()}")


def _sampler(
    method: str, axes: int, trials: int, seed: int
) -> tuple[int, "optuna.samplers.BaseSampler"]:
    """(size of a batch, sampler)."""
    if method == "tpe":
        return _TPE_BATCH, optuna.samplers.TPESampler(seed=seed, multivariate=False)
    if method == "cmaes":
        size = 4 + int(3 * np.log(axes))  # Hansen's default
        size = max(size, 8)
        made = optuna.samplers.CmaEsSampler(
            seed=seed, popsize=size, n_startup_trials=0, warn_independent_sampling=False
        )
        return size, made
    size = min(_GENERATION, trials)
    return size, optuna.samplers.NSGAIISampler(seed=seed, population_size=max(size, 2))


def _units(params: Mapping[str, Any], axes: Mapping[str, BaseDistribution]) -> F8:
    return np.array([[float(params[name]) for name in axes]])
