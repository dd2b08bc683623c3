"""Searches: what they ask is a function of seed and answers, and they find what is to be found."""

import numpy as np
import pytest
from numpy.typing import NDArray
from optuna.trial import TrialState

from research.search import METHODS, Told, check_objectives, make, scores_of
from research.search_genetic import DRAWDOWN_MAX, ELITE, POPULATION, fitness_of
from research.search_optuna import Asked
from research.space import BadSpace, Space, parse
from trading.result import METRICS

F8 = NDArray[np.float64]
SPACE = parse("a=0:10,b=-5.0:5.0,c=0.01:1:log", ["a + b < 12"])
SINGLE = [m for m in METHODS if m not in {"grid"}]


def peak(values: F8) -> F8:
    """Largest at a = 7, b = 1, c = 0.1: one column."""
    a, b, c = values.T
    return -((a - 7) ** 2 / 10 + (b - 1) ** 2 / 4 + (np.log10(c) + 1) ** 2)[:, None]


def play(method: str, space: Space = SPACE, trials: int = 120, seed: int = 3) -> tuple[F8, F8]:
    """All values a search asks for on `peak`, and their scores."""
    search = make(method, space, trials=trials, seed=seed)
    asked, scores = [], []
    while len(batch := search.ask()):
        score = peak(batch)
        search.tell(Told(score, np.zeros(len(batch), np.int64), np.zeros(len(batch))))
        asked.append(batch)
        scores.append(score)
    return np.concatenate(asked), np.concatenate(scores)


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_asks_the_same_and_keeps_every_relation(method: str) -> None:
    first, _ = play(method)
    second, _ = play(method)

    assert first.tobytes() == second.tobytes()
    assert SPACE.allowed(first).all()
    assert (first >= [0, -5, 0.01]).all()
    assert (first <= [10, 5, 1]).all()


@pytest.mark.parametrize("method", SINGLE)
def test_another_seed_asks_something_else(method: str) -> None:
    assert play(method)[0].tobytes() != play(method, seed=4)[0].tobytes()


@pytest.mark.parametrize("method", ["random", "sobol", "tpe", "cmaes", "nsga2"])
def test_a_search_asks_for_as_many_trials_as_it_may(method: str) -> None:
    assert len(play(method, trials=50)[0]) == 50


@pytest.mark.parametrize("method", ["genetic", "tpe", "cmaes"])
def test_an_adaptive_search_ends_nearer_to_the_peak_than_chance(method: str) -> None:
    chance = np.mean([play("random", seed=s)[1].max() for s in range(3)])

    found = np.mean([play(method, seed=s)[1].max() for s in range(3)])

    assert found > chance


def test_a_grid_that_is_too_large_is_sampled_over_its_whole_range() -> None:
    space = parse("a=1:100,b=1:100")

    values = make("grid", space, trials=200, seed=1).ask()

    assert len(values) == 200
    assert values[:, 0].max() > 90
    assert np.array_equal(values, values[np.lexsort((values[:, 1], values[:, 0]))])


def test_sobol_fills_the_space_more_evenly_than_chance() -> None:
    space = parse("a=0.0:1.0,b=0.0:1.0")

    def emptiest(method: str) -> int:
        cells = (make(method, space, trials=256, seed=2).ask() * 8).astype(int)
        return int(np.bincount(cells[:, 0] * 8 + cells[:, 1], minlength=64).min())

    assert emptiest("sobol") > emptiest("random")


def test_the_elite_is_not_asked_for_again() -> None:
    search = make("genetic", SPACE, trials=100, seed=1)
    sizes = []
    while len(batch := search.ask()):
        sizes.append(len(batch))
        search.tell(Told(peak(batch), np.zeros(len(batch), np.int64), np.zeros(len(batch))))

    assert sizes[:3] == [POPULATION, POPULATION - ELITE, POPULATION - ELITE]


def test_a_genetic_search_ends_when_nothing_improves() -> None:
    search = make("genetic", SPACE, trials=10_000, seed=1)
    generations = 0
    while len(batch := search.ask()):
        generations += 1
        flat = np.ones((len(batch), 1))
        search.tell(Told(flat, np.zeros(len(batch), np.int64), np.zeros(len(batch))))

    assert generations == 6


def test_a_deep_drawdown_makes_a_negative_score_worse_too() -> None:
    scores, deep = np.array([[-1.0], [-1.0], [2.0]]), DRAWDOWN_MAX + 0.1
    told = Told(scores, np.zeros(3, np.int64), np.array([0.1, deep, deep]))

    fitness = fitness_of(told)[:, 1]

    assert fitness[1] < fitness[0]
    assert fitness[2] == pytest.approx(2.0 * (1 - deep))


@pytest.mark.parametrize("method", ["genetic", "tpe", "cmaes", "nsga2"])
def test_void_trials_do_not_stop_a_search_or_win_it(method: str) -> None:
    asked = []
    search = make(method, SPACE, trials=150, seed=1)
    while len(batch := search.ask()):
        score = np.where(batch[:, :1] > 5, np.nan, peak(batch))
        search.tell(Told(score, np.zeros(len(batch), np.int64), np.zeros(len(batch))))
        asked.extend(batch[:, 0])

    void = np.array(asked) > 5  # and the peak is at 7: only what is void leads away from there
    assert len(void) == 150
    assert void[-50:].sum() < void[:50].sum()


def test_a_trial_that_came_further_ranks_above_a_better_score_of_less_data() -> None:
    told = Told(np.array([[9.0], [1.0]]), np.array([0, 2]), np.zeros(2))

    keys = told.keys()

    assert tuple(keys[1]) > tuple(keys[0])


def test_a_stopped_trial_is_told_to_tpe_as_pruned() -> None:
    search = Asked("tpe", SPACE, 64, 1)
    told: list[tuple[TrialState, float]] = []
    while len(batch := search.ask()):
        rungs = (np.arange(len(batch)) % 3 == 0).astype(np.int64)
        scores = peak(batch)
        search.tell(Told(scores, rungs, np.zeros(len(batch))))
        states = [TrialState.COMPLETE if rung else TrialState.PRUNED for rung in rungs]
        told.extend(zip(states, scores[:, 0], strict=True))

    kept = [t for t in search._study.trials if t.state != TrialState.FAIL]  # FAIL: broke a relation
    assert len(kept) == 64
    assert [(t.state, t.value) for t in kept] == told


def test_nsga2_breeds_from_the_front_of_several_objectives() -> None:
    search = Asked("nsga2", SPACE, 150, 1, objectives=2)
    generations = []
    while len(batch := search.ask()):
        two = np.column_stack((peak(batch), batch[:, 0]))
        search.tell(Told(two, np.zeros(len(batch), np.int64), np.zeros(len(batch))))
        generations.append(two)

    every = np.concatenate(generations)
    front = [tuple(row) for row in every if not dominated(row, every)]
    assert len(every) == 150
    assert len(front) > 1
    assert sorted(tuple(t.values) for t in search._study.best_trials) == sorted(front)
    assert (generations[-1].mean(axis=0) > generations[0].mean(axis=0)).all()


def dominated(row: F8, others: F8) -> bool:
    """Whether another one is nowhere worse and somewhere better."""
    return bool(((others >= row).all(axis=1) & (others > row).any(axis=1)).any())


def test_scores_are_larger_is_better_and_void_rows_are_none() -> None:
    metrics = np.zeros(3, METRICS)
    metrics["sharpe"] = [1.0, 2.0, 3.0]
    metrics["max_drawdown"] = [0.1, 0.2, 0.3]
    metrics["error"] = [0, 0, 5]

    scores = scores_of(metrics, ("sharpe", "max_drawdown"))

    assert scores[:2].tolist() == [[1.0, -0.1], [2.0, -0.2]]
    assert np.isnan(scores[2]).all()


@pytest.mark.parametrize("method", METHODS)
def test_a_space_where_hardly_anything_is_allowed_is_refused(method: str) -> None:
    space = parse("a=0.0:1.0,b=0.0:1.0", ["a > 2"])

    with pytest.raises(BadSpace, match="a > 2"):
        make(method, space, trials=10, seed=1).ask()


@pytest.mark.parametrize(
    ("objectives", "method", "said"),
    [(("sharp",), "grid", "no figure of a run"), (("sharpe", "cagr"), "tpe", "several need")],
)
def test_objectives_that_make_no_sense_are_refused(
    objectives: tuple[str, ...], method: str, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        check_objectives(objectives, method)
