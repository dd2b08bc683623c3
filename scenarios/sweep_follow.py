"""Following a sweep: what is known already is not computed, what is new is kept, both are told."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from messages.arrays import Rows
from research.sweep import Evaluate, Plan, best_of
from research.sweep_table import Table
from scenarios.sweep_journal import SweepJournal

I8 = NDArray[np.int64]
OnProgress = Callable[[dict[str, Any]], None]


class Follow:
    """Counts pieces as they come in, and says how it goes."""

    def __init__(self, table: Table, plan: Plan, expected: int, on_progress: OnProgress) -> None:
        self._table = table
        self._plan = plan
        self._expected = expected
        self._say = on_progress
        self._begun = time.monotonic()
        self._ended = self._begun
        self.evaluated = 0  # rows that were computed now, of any length
        self.known = 0  # rows that an earlier start has computed
        self.steps = 0  # bars of the evaluated ones

    def __call__(self, trials: I8, bars: int, metrics: Rows) -> None:
        self._ended = time.monotonic()
        done = len(self._table) - self._table.pending
        seconds = max(self.seconds, 1e-9)
        rate = self.evaluated / seconds
        total = max(self._expected, len(self._table))
        best = best_of(self._table, self._plan.objectives)
        shown: dict[str, Any] = {
            "state": "searching",
            "done": done,
            "total": total,
            "rate": rate,
            "eta_s": (total - done) / rate if rate else None,
            "best": None,
        }
        if best is not None:
            objective = self._plan.objectives[0]
            shown["best"] = float(self._table.metrics[objective][best])
            shown["best_params"] = self._table.params[best]
        self._say(shown)

    @property
    def seconds(self) -> float:
        """From the first question to the last answer."""
        return self._ended - self._begun


def remembered(evaluate: Evaluate, journal: SweepJournal, follow: Follow) -> Evaluate:
    """The same evaluation, except for what the journal knows already; what is new, it keeps."""

    def found(trials: I8, params: Rows, bars: int) -> Iterator[tuple[I8, Rows]]:
        rows = [
            journal.find(int(t), bars, p.tobytes()) for t, p in zip(trials, params, strict=True)
        ]
        old = np.array([i for i, row in enumerate(rows) if row is not None], np.int64)
        if len(old):
            follow.known += len(old)
            yield old, np.concatenate([rows[i] for i in old])
        new = np.setdiff1d(np.arange(len(trials)), old)
        for at, metrics in evaluate(trials[new], params[new], bars):
            mine = new[at]
            journal.keep(trials[mine], bars, params[mine], metrics)
            follow.evaluated += len(mine)
            follow.steps += len(mine) * bars
            yield mine, metrics

    return found
