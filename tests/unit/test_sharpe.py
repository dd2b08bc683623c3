from math import sqrt

import numpy as np
import pytest

from research.sharpe import (
    deflated_sharpe,
    expected_maximum_sharpe,
    minimum_track_record,
    probabilistic_sharpe,
)

# Bailey, Lopez de Prado, "The Sharpe Ratio Efficient Frontier" (2012): a fund with two years of
# monthly returns, annual Sharpe ratio 1.59, skew -2.448, kurtosis 10.164; all rounded there.
FUND = 1.59 / sqrt(12)


def test_the_published_fund_has_the_published_probability() -> None:
    assert probabilistic_sharpe(FUND, 24, -2.448, 10.164) == pytest.approx(0.913, abs=1e-3)


def test_the_published_fund_would_look_better_if_returns_were_normal() -> None:
    assert probabilistic_sharpe(FUND, 24) == pytest.approx(0.982, abs=5e-4)


# The same paper: an annual Sharpe ratio of 2 against 1, normal returns, in years.
@pytest.mark.parametrize(("per_year", "years"), [(250, 2.73), (52, 2.83), (12, 3.24)])
def test_the_published_track_records_are_needed(per_year: int, years: float) -> None:
    needed = minimum_track_record(2 / sqrt(per_year), 1 / sqrt(per_year))

    assert needed is not None
    assert needed / per_year == pytest.approx(years, abs=6e-3)


# Bailey, Lopez de Prado, "The Deflated Sharpe Ratio" (2014), numerical example: annual Sharpe ratio
# 2.5 over 1250 days of 250 a year, skew -3, kurtosis 10, variance of annual ratios 1/2.
def test_the_published_example_of_a_hundred_trials_is_not_significant() -> None:
    assert expected_maximum_sharpe(100, 0.5 / 250) == pytest.approx(0.1132, abs=5e-5)
    found = deflated_sharpe(2.5 / sqrt(250), 1250, 100, 0.5 / 250, -3, 10)
    assert found == pytest.approx(0.9004, abs=5e-5)


def test_the_published_example_of_fewer_trials_is_significant() -> None:
    found = deflated_sharpe(2.5 / sqrt(250), 1250, 46, 0.5 / 250, -3, 10)

    assert found == pytest.approx(0.9505, abs=5e-5)


def test_the_published_example_with_normal_returns_allows_more_trials() -> None:
    found = deflated_sharpe(2.5 / sqrt(250), 1250, 88, 0.5 / 250)

    assert found == pytest.approx(0.9505, abs=5e-5)


def test_one_trial_is_not_deflated() -> None:
    assert deflated_sharpe(0.1, 100, 1, 0.5) == probabilistic_sharpe(0.1, 100)


def test_one_observation_or_impossible_moments_say_nothing() -> None:
    assert probabilistic_sharpe(1.0, 1) is None
    assert probabilistic_sharpe(1.0, 100, skew=5.0, kurtosis=1.0) is None
    assert minimum_track_record(0.1, 0.1) is None


@pytest.mark.parametrize(("trials", "variance"), [(0, 1.0), (5, -1.0), (5, float("nan"))])
def test_impossible_trials_are_refused(trials: int, variance: float) -> None:
    with pytest.raises(ValueError, match="trials with variance"):
        expected_maximum_sharpe(trials, variance)


def best_of_noise(rng: np.random.Generator, edge: float) -> float | None:
    """Deflated Sharpe ratio of the best of 50 trials of a year, of which one has an edge."""
    returns = rng.normal(0.0, 0.02, (365, 50))
    returns[:, 0] += edge
    ratios = returns.mean(axis=0) / returns.std(axis=0, ddof=1)
    best = returns[:, np.argmax(ratios)]
    z = (best - best.mean()) / best.std()
    # The edge is not luck: the spread of the trials is that of the worthless ones.
    luck = float(ratios[1:].var(ddof=1))
    return deflated_sharpe(
        float(ratios.max()), 365, 50, luck, float((z**3).mean()), float((z**4).mean())
    )


def test_the_best_of_noise_is_rarely_significant_and_an_edge_mostly_is() -> None:
    rng = np.random.default_rng(11)
    noise = [best_of_noise(rng, 0.0) for _ in range(400)]
    edge = [best_of_noise(rng, 0.006) for _ in range(100)]

    assert sum(p is not None and p > 0.95 for p in noise) <= 0.05 * len(noise)
    assert sum(p is not None and p > 0.95 for p in edge) >= 0.8 * len(edge)
