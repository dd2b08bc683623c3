"""A sweep's table is a function of search, seed, data and code: not of who evaluates, or when."""

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from messages.arrays import Rows
from research.search import METHODS, make
from research.space import Space, parse
from research.sweep import (
    Evaluate,
    Plan,
    best_of,
    pareto_front,
    plan_of,
    ranked,
    sweep,
)
from research.sweep_table import DONE, PENDING, REFUSED, REPEATED, STOPPED, VOID, Table
from trading.result import METRICS

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]
PARAMS = np.dtype([("a", "<i8"), ("b", "<f8")])
SPACE = parse("a=1:12,b=0.0:1.0:0.05")
BARS = 900


def records(values: F8) -> tuple[Rows, NDArray[np.bool_]]:
    rows = np.zeros(len(values), PARAMS)
    rows["a"], rows["b"] = values.T
    return rows, rows["a"] != 11


def market(params: Rows, bars: int) -> Rows:
    """Figures as a strategy would have them: best at a = 8, b = 0.4; a = 12 fails."""
    out = np.zeros(len(params), METRICS)
    out["sharpe"] = -((params["a"] - 8.0) ** 2) - (params["b"] - 0.4) ** 2 + 0.001 * bars
    out["max_drawdown"] = params["a"] / 20.0
    out["error"] = np.where(params["a"] == 12, 5, 0)
    out["bars"] = bars
    return out


def whole(trials: I8, params: Rows, bars: int) -> Iterator[tuple[I8, Rows]]:
    yield np.arange(len(trials)), market(params, bars)


def in_pieces(size: int, seed: int) -> Evaluate:
    """Pieces of some size that come back in some order."""
    rng = np.random.default_rng(seed)

    def evaluate(trials: I8, params: Rows, bars: int) -> Iterator[tuple[I8, Rows]]:
        pieces = np.array_split(np.arange(len(trials)), max(1, len(trials) // size))
        for i in rng.permutation(len(pieces)):
            yield pieces[i], market(params[pieces[i]], bars)

    return evaluate


def run(
    method: str, evaluate: Evaluate = whole, *, seed: int = 1, space: Space = SPACE,
    plan: Plan | None = None, trials: int = 90,
) -> Table:  # fmt: skip
    plan = plan or plan_of(("sharpe",), BARS, halving=False)
    search = make(method, space, trials=trials, seed=seed, objectives=len(plan.objectives))
    return sweep(search, Table(PARAMS), records, plan, evaluate)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("halving", [False, True])
def test_pieces_in_any_size_and_order_give_the_same_table(method: str, halving: bool) -> None:
    plan = plan_of(("sharpe",), BARS, halving=halving)
    expected = run(method, plan=plan).sha256()

    found = {run(method, in_pieces(size, size), plan=plan).sha256() for size in (1, 4, 50)}

    assert found == {expected}


def test_another_seed_is_another_table() -> None:
    assert run("random", seed=1).sha256() != run("random", seed=2).sha256()


def test_an_interrupted_sweep_keeps_what_is_done_and_goes_on_to_the_same_table() -> None:
    known: dict[tuple[int, int], Rows] = {}

    def keep(trials: I8, bars: int, metrics: Rows) -> None:
        known.update({(int(t), bars): metrics[i : i + 1] for i, t in enumerate(trials)})

    def fragile(trials: I8, params: Rows, bars: int) -> Iterator[tuple[I8, Rows]]:
        for piece in in_pieces(5, 1)(trials, params, bars):
            if len(known) > 40:
                raise KeyboardInterrupt
            yield piece

    def resumed(trials: I8, params: Rows, bars: int) -> Iterator[tuple[I8, Rows]]:
        for i, trial in enumerate(trials):
            kept = known.get((int(trial), bars))
            yield np.array([i]), market(params[i : i + 1], bars) if kept is None else kept

    plan = plan_of(("sharpe",), BARS, halving=True)
    table = Table(PARAMS)
    with pytest.raises(KeyboardInterrupt):
        sweep(make("genetic", SPACE, trials=90, seed=1), table, records, plan, fragile, keep)

    assert table.pending
    assert len(known) > 40
    assert run("genetic", resumed, plan=plan).sha256() == run("genetic", plan=plan).sha256()


def test_halving_stops_the_worst_early_and_keeps_the_best_to_the_end() -> None:
    plan = plan_of(("sharpe",), BARS, halving=True)
    table = run("grid", plan=plan, trials=240)
    without = run("grid", trials=240)

    assert plan.lengths == (100, 300, 900)
    counts = [int((table.bars == length).sum()) for length in (100, 300, 900)]
    assert counts[0] > counts[1] > counts[2] > 0
    assert set(table.status[table.bars == 900]) == {DONE}
    assert set(table.status[table.bars == 300]) == {STOPPED}
    assert best_of(table, ("sharpe",)) == best_of(without, ("sharpe",))


def test_parameters_asked_for_again_are_not_evaluated_again() -> None:
    evaluated: list[bytes] = []

    def watched(trials: I8, params: Rows, bars: int) -> Iterator[tuple[I8, Rows]]:
        evaluated.extend(row.tobytes() for row in params)
        yield from whole(trials, params, bars)

    table = run("tpe", watched, space=parse("a=1:3,b=0.5"), trials=60)

    assert len(evaluated) == len(set(evaluated)) == table.tried == 3
    assert (table.status == REPEATED).sum() == 57
    again = np.flatnonzero(table.status == REPEATED)
    assert table.metrics[again].tobytes() == table.metrics[table.source[again]].tobytes()


def test_refused_parameters_are_never_evaluated_and_failed_ones_are_void() -> None:
    table = run("grid", trials=10_000)

    assert set(table.status[table.params["a"] == 11]) == {REFUSED}
    assert set(table.status[table.params["a"] == 12]) == {VOID}
    assert table.params[best_of(table, ("sharpe",))]["a"] == 8
    assert table.pending == 0
    assert all(table.params[t]["a"] < 11 for t in ranked(table, ("sharpe",), 500))


def test_a_sweep_in_which_everything_fails_has_no_best() -> None:
    table = run("grid", space=parse("a=12,b=0:1"))

    assert best_of(table, ("sharpe",)) is None
    assert ranked(table, ("sharpe",), 10) == []


def test_the_digest_does_not_see_the_sign_of_nothing() -> None:
    first, second = run("grid"), run("grid")
    first.metrics["sortino"] = np.nan
    second.metrics["sortino"] = -np.float64(np.nan)
    first.metrics["fees"] = 0.0
    second.metrics["fees"] = -0.0

    assert first.sha256() == second.sha256()


def test_the_digest_sees_a_changed_figure() -> None:
    table = run("grid")
    before = table.sha256()
    table.metrics["sharpe"][3] += 1e-12

    assert table.sha256() != before


def test_the_pareto_front_holds_what_nothing_beats() -> None:
    objectives = ("sharpe", "max_drawdown")
    table = run("nsga2", plan=Plan(objectives, (BARS,)))

    front = pareto_front(table, objectives)

    sharpe, drawdown = table.metrics["sharpe"], table.metrics["max_drawdown"]
    sound = np.flatnonzero(table.status == DONE)
    expected = [
        int(t)
        for t in sound
        if not any(
            sharpe[o] >= sharpe[t]
            and drawdown[o] <= drawdown[t]
            and (sharpe[o] > sharpe[t] or drawdown[o] < drawdown[t])
            for o in sound
        )
    ]
    assert front == expected
    assert front


def test_a_table_begins_empty() -> None:
    table = Table(PARAMS)

    assert (len(table), table.tried, table.pending) == (0, 0, 0)
    assert PENDING == 0
