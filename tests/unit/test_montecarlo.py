import numpy as np
import pytest

from research import montecarlo as module
from research.montecarlo import monte_carlo

PNL = np.array([30.0, -10.0, 25.0, -40.0, 15.0, 5.0, -20.0, 60.0] * 10)


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def test_shuffled_trades_end_where_the_real_ones_did() -> None:
    found = monte_carlo(PNL, 1000.0, rng(), method="shuffle", paths=200)

    assert found.final == pytest.approx(np.full(200, 1000.0 + PNL.sum()))
    assert found.drawdown.min() < found.drawdown.max()


def test_bootstrapped_trades_end_around_where_the_real_ones_did() -> None:
    found = monte_carlo(PNL, 1000.0, rng(), paths=4000)

    # Mean and deviation of a sum of draws with replacement.
    assert found.final.mean() == pytest.approx(1000.0 + PNL.sum(), abs=20.0)
    assert found.final.std() == pytest.approx(PNL.std() * np.sqrt(len(PNL)), rel=0.05)


def test_one_order_has_the_drawdown_one_can_work_out() -> None:
    found = monte_carlo(np.array([-100.0, -100.0]), 1000.0, rng(), paths=3)

    assert found.drawdown == pytest.approx([0.2] * 3)
    assert found.equity[:, 0] == pytest.approx([1000.0] * len(found.levels))
    assert found.trades.tolist() == [0, 1, 2]
    assert found.ruin == 0.0


def test_quantiles_rise_with_their_level_and_ruin_is_counted() -> None:
    found = monte_carlo(PNL * 20, 1000.0, rng())

    assert (np.diff(found.equity, axis=0) >= 0.0).all()
    assert (np.diff(found.final_quantiles) >= 0.0).all()
    assert (np.diff(found.drawdown_quantiles) >= 0.0).all()
    assert 0.0 < found.ruin < 1.0


def test_the_same_generator_gives_the_same_paths() -> None:
    first, second = (monte_carlo(PNL, 1000.0, rng(), paths=50) for _ in range(2))

    assert np.array_equal(first.final, second.final)


def test_many_trades_are_kept_at_few_points() -> None:
    found = monte_carlo(np.ones(50_000), 1.0, rng(), paths=20)

    assert len(found.trades) == module.POINTS_MAX
    assert found.equity[3] == pytest.approx(1.0 + found.trades)


@pytest.mark.parametrize(
    ("pnl", "initial", "paths"),
    [([], 1.0, 10), ([np.nan], 1.0, 10), ([1.0], 0.0, 10), ([1.0], np.nan, 10), ([1.0], 1.0, 0)],
)
def test_impossible_input_is_refused(pnl: list[float], initial: float, paths: int) -> None:
    with pytest.raises(ValueError, match="Monte Carlo"):
        monte_carlo(np.array(pnl), initial, rng(), paths=paths)
