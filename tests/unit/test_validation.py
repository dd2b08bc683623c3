"""What validation says of noise, of an edge, and of too little data."""

import numpy as np
import pytest
from numpy.typing import NDArray

from research.sharpe import expected_maximum_sharpe
from research.validation import (
    CONFIDENCE,
    PERIODS_MIN,
    Returns,
    deflated,
    period_ends,
    returns_of,
    sharpe,
    validate,
    verdict,
)

F8 = NDArray[np.float64]
DAY_NS = 86_400_000_000_000


def returns(matrix: F8, step_ns: int = DAY_NS) -> Returns:
    periods, trials = matrix.shape
    closes = (np.arange(periods) + 1) * step_ns
    return Returns(np.arange(trials) * 10, matrix, closes, step_ns)


def noise(seed: int, periods: int = 400, trials: int = 30) -> F8:
    return np.random.default_rng(seed).normal(0.0, 0.01, (periods, trials))


def judged(matrix: F8) -> dict[str, object]:
    return validate(returns(matrix), int(np.argmax(sharpe(matrix))), matrix.shape[1])


def test_noise_is_rarely_called_significant() -> None:
    called = [
        judged(noise(seed, 31, trials=20))["verdict"]["significant"]
        for seed in range(80)  # 31 periods: fewer blocks, so quick
    ]

    assert np.mean(called) <= 0.05


def test_noise_of_trials_that_are_nearly_the_same_is_rarely_called_significant() -> None:
    called = []
    for seed in range(80):
        common = np.random.default_rng(1000 + seed).normal(0.0, 0.01, (31, 1))
        called.append(judged(common + 0.1 * noise(seed, 31))["verdict"]["significant"])

    assert np.mean(called) <= 0.08  # of a few: benchmarks/noise_sweeps.py takes more


def test_an_edge_is_found_and_survives_every_panel() -> None:
    matrix = noise(1)
    matrix[:, 17] += 0.004

    found = judged(matrix)

    assert found["verdict"] == {"significant": True, "against": []}
    assert found["overfitting"]["pbo"] < 0.01
    assert {w["trial"] for w in found["walk_forward"]["rolling"]["windows"]} == {170}
    assert found["walk_forward"]["anchored"]["winning_windows"] == 1.0
    assert found["cross_validation"]["losing_paths"] == 0.0
    assert set(found["cross_validation"]["trials"]) == {170}


def test_walk_forward_never_judges_on_what_it_has_seen() -> None:
    found = judged(noise(2))["walk_forward"]

    for kind in ("anchored", "rolling"):
        for window in found[kind]["windows"]:
            assert window["train"][1] < window["test"][0]
    starts = {w["train"][0] for w in found["anchored"]["windows"]}
    assert starts == {0}
    assert len({w["train"][0] for w in found["rolling"]["windows"]}) > 1


def test_what_was_chosen_on_the_past_is_judged_on_the_time_after_it() -> None:
    matrix = np.zeros((100, 2))
    matrix[:, 0] = np.resize([0.02, 0.00], 100)
    matrix[45:, 0] = np.resize([-0.02, 0.00], 55)
    matrix[:, 1] = np.resize([0.001, -0.001], 100)

    first = validate(returns(matrix), 0, 2)["walk_forward"]["rolling"]["windows"][0]

    assert first["trial"] == 0
    assert first["sharpe_in"] > 0 > first["sharpe_out"]


def test_deflation_grows_with_the_number_of_trials() -> None:
    panel = returns(noise(3) + 0.001)

    few, many = deflated(panel, 0, 2, None), deflated(panel, 0, 5000, None)

    assert few["deflated_sharpe"] > many["deflated_sharpe"]
    assert few["probabilistic_sharpe"] == many["probabilistic_sharpe"]
    variance = float(sharpe(panel.matrix).var(ddof=1))
    hurdle = expected_maximum_sharpe(5000, variance) * np.sqrt(365)
    assert many["hurdle"] == pytest.approx(hurdle)


@pytest.mark.parametrize(
    ("spacing_s", "rows", "step_s"),
    [
        (60, 100_000, 86_400),
        (60, 20_000, 14_400),
        (60, 5_000, 3600),
        (3600, 8784, 86_400),
        (60, 70, 60),
        (60, 10, 1),
    ],
)
def test_periods_are_the_longest_of_which_there_are_enough(
    spacing_s: int, rows: int, step_s: int
) -> None:
    ts = 1_704_067_200_000_000_000 + (np.arange(rows) + 1) * spacing_s * 1_000_000_000

    ends, closes, step_ns = period_ends(ts)

    assert step_ns == step_s * 1_000_000_000
    assert len(ends) == len(closes)
    assert ends[-1] == rows - 1
    assert (ts[ends] <= closes).all()
    if step_s > 1:
        assert len(ends) >= PERIODS_MIN


def test_returns_multiply_to_the_growth_of_equity() -> None:
    found = returns_of(np.array([110.0, 99.0, 198.0]), 100.0)

    assert found == pytest.approx([0.1, -0.1, 1.0])


def test_nothing_is_earned_after_all_is_lost() -> None:
    assert returns_of(np.array([50.0, 0.0, 0.0]), 100.0).tolist() == [-0.5, -1.0, 0.0]


def test_too_little_data_is_said_and_calls_nothing_significant() -> None:
    found = judged(noise(4, periods=3, trials=2) + 1.0)

    assert "reason" in found["walk_forward"]["rolling"]
    assert "reason" in found["cross_validation"]
    assert found["verdict"]["significant"] is False


def test_one_trial_has_no_overfitting_probability() -> None:
    found = validate(returns(noise(5, trials=1) + 0.01), 0, 1)

    assert found["overfitting"] == {"reason": "one trial: nothing was chosen"}
    assert found["deflated"]["hurdle"] == 0.0
    assert found["verdict"]["significant"] is True


def test_trials_that_never_trade_are_not_significant() -> None:
    found = judged(np.zeros((100, 5)))

    assert found["deflated"] == {"reason": "the best trial has no returns that vary"}
    assert found["verdict"]["significant"] is False


def test_more_trials_than_can_be_ranked_take_fewer_blocks() -> None:
    assert judged(noise(6, periods=70, trials=5))["overfitting"]["blocks"] == 16
    assert judged(noise(6, periods=70, trials=3000))["overfitting"]["blocks"] == 12


def test_choices_can_be_made_by_growth() -> None:
    matrix = np.random.default_rng(7).normal(0.0, 0.002, (200, 2))
    matrix[:, 0] += 0.002  # the better ratio
    matrix[:, 1] = np.random.default_rng(8).normal(0.006, 0.05, 200)  # grows more

    found = validate(returns(matrix), 1, 2, by_growth=True)

    assert found["chosen_by"] == "growth"
    assert 10 in found["cross_validation"]["trials"]


@pytest.mark.parametrize(
    ("dsr", "pbo", "significant"),
    [(0.99, 0.1, True), (0.99, 0.5, False), (CONFIDENCE - 0.01, 0.1, False), (None, 0.1, False)],
)
def test_a_verdict_needs_both(dsr: float | None, pbo: float, significant: bool) -> None:
    found = verdict(dsr, pbo)

    assert found["significant"] is significant
    assert bool(found["against"]) is not significant
