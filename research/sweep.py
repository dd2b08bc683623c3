"""A sweep: ask a search, evaluate, tell it, until it has enough; what came of it as a table.

Who evaluates, where, and in which order pieces come back, decides nothing: pieces are put in their
place in the table, a batch is told in the order in which it was asked, and halving looks at whole
batches. So a table is a function of search, seed, data and code.

Successive halving evaluates a batch on a part of the data first (its beginning), keeps the best
part of it, and goes on with more data; `plan_of` makes the lengths. A trial that was stopped keeps
the figures of the length it reached.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil
from typing import Final

import numpy as np
from numpy.typing import NDArray

from messages.arrays import Rows
from research.search import F8, I8, Search, Told, scores_of
from research.sweep_table import DONE, PENDING, STOPPED, VOID, Table

# (trial numbers, their PARAMS, bars) -> pieces (positions in these arrays, METRICS), in any order.
Evaluate = Callable[[I8, Rows, int], Iterator[tuple[I8, Rows]]]
# (n, axes) values -> PARAMS, and which rows the strategy's own model accepts.
Records = Callable[[F8], tuple[Rows, NDArray[np.bool_]]]
# (trial numbers, bars, METRICS): a piece is here. To keep it, and to show progress.
OnPiece = Callable[[I8, int, Rows], None]

KEPT: Final = 1.0 / 3.0
SHORTEST: Final = 1.0 / 9.0  # of the data, in the first round of halving


@dataclass(frozen=True, slots=True)
class Plan:
    """What a trial goes through.

    objectives  METRICS fields; the first one ranks
    lengths     bars of each round, ascending; the last one is all of the data
    kept        part of a batch that goes on to the next round
    """

    objectives: tuple[str, ...]
    lengths: tuple[int, ...]
    kept: float = KEPT


def plan_of(objectives: tuple[str, ...], bars: int, *, halving: bool) -> Plan:
    """The plan for so much data: one round, or three that get three times as long."""
    if not halving:
        return Plan(objectives, (bars,))
    lengths = sorted({ceil(bars * SHORTEST), ceil(bars * KEPT), bars})
    return Plan(objectives, tuple(lengths))


def sweep(
    search: Search,
    table: Table,
    records: Records,
    plan: Plan,
    evaluate: Evaluate,
    on_piece: OnPiece | None = None,
) -> Table:
    """Fill `table` until the search is over; the same table.

    Whatever `evaluate` raises ends the sweep; what is in the table by then is right, and what is
    not done is PENDING there.
    """
    while len(values := search.ask()):
        batch = table.add(*records(values))
        _rounds(table, batch.fresh, plan, evaluate, on_piece)
        table.copy_repeats(batch)
        metrics = table.metrics[batch.trials]
        told = Told(
            scores=scores_of(metrics, plan.objectives),
            rungs=np.searchsorted(plan.lengths, table.bars[batch.trials]).astype(np.int64),
            drawdown=metrics["max_drawdown"].astype(np.float64),
        )
        search.tell(told)
    return table


def _rounds(
    table: Table, trials: I8, plan: Plan, evaluate: Evaluate, on_piece: OnPiece | None
) -> None:
    """Evaluate these trials, round by round."""
    for rung, length in enumerate(plan.lengths):
        last = rung == len(plan.lengths) - 1
        for at, metrics in evaluate(trials, table.params[trials], length):
            table.put(trials[at], length, metrics)
            table.status[trials[at]] = np.where(
                metrics["error"] != 0, VOID, DONE if last else PENDING
            )
            if on_piece is not None:
                on_piece(trials[at], length, metrics)
        if not last:
            kept = _best(table, trials, plan)
            ended = np.setdiff1d(trials, kept)
            table.status[ended] = np.where(table.status[ended] == VOID, VOID, STOPPED)
            trials = kept


def _best(table: Table, trials: I8, plan: Plan) -> I8:
    """The trials that go on, in their order; of equal ones the earlier."""
    score = scores_of(table.metrics[trials], plan.objectives)[:, 0]
    sound = trials[~np.isnan(score)]
    score = score[~np.isnan(score)]
    count = min(len(sound), max(1, ceil(len(trials) * plan.kept)))
    return np.sort(sound[np.argsort(-score, kind="stable")[:count]])


def best_of(table: Table, objectives: tuple[str, ...]) -> int | None:
    """The trial with the largest score of those that saw all data; of equal ones the first."""
    score = scores_of(table.metrics, objectives)[:, 0]
    score = np.where((table.status == DONE) & ~np.isnan(score), score, -np.inf)
    if not len(score) or not np.isfinite(score.max()):
        return None
    return int(np.argmax(score))


def ranked(table: Table, objectives: tuple[str, ...], count: int) -> list[int]:
    """The best trials by the first objective, best first; ones that were stopped are not in it."""
    score = scores_of(table.metrics, objectives)[:, 0]
    sound = np.flatnonzero((table.status == DONE) & ~np.isnan(score))
    return [int(t) for t in sound[np.argsort(-score[sound], kind="stable")[:count]]]


def pareto_front(table: Table, objectives: tuple[str, ...]) -> list[int]:
    """Trials that no other one beats in all objectives, in their order.

    cost  O(n * front)
    """
    scores = scores_of(table.metrics, objectives)
    sound = np.flatnonzero((table.status == DONE) & ~np.isnan(scores).any(axis=1))
    # Best first objective first, then the second: whatever beats a trial comes before it.
    order = sound[np.lexsort(tuple(-scores[sound].T[::-1]))]
    front: list[int] = []
    for trial in order:
        rivals = scores[front]
        beaten = (rivals >= scores[trial]).all(axis=1) & (rivals > scores[trial]).any(axis=1)
        if not front or not beaten.any():
            front.append(int(trial))
    return sorted(front)
