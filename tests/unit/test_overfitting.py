from itertools import combinations

import numpy as np
import pytest

from research import overfitting as module
from research.overfitting import overfitting
from research.splits import group_ranges


def noise(seed: int, rows: int = 1000, trials: int = 50) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, 0.01, (rows, trials))


def slowly(returns: np.ndarray, blocks: int) -> list[float]:
    """Logits by the definition, one combination after the other."""
    ranges, out = group_ranges(len(returns), blocks), []
    for half in combinations(range(blocks), blocks // 2):
        inside = np.concatenate([returns[a:b] for g, (a, b) in enumerate(ranges) if g in half])
        outside = np.concatenate([returns[a:b] for g, (a, b) in enumerate(ranges) if g not in half])
        best = np.argmax(inside.mean(axis=0) / inside.std(axis=0, ddof=1))
        unseen = outside.mean(axis=0) / outside.std(axis=0, ddof=1)
        w = (np.sum(unseen < unseen[best]) + 1) / (returns.shape[1] + 1)
        out.append(np.log(w / (1 - w)))
    return out


def test_noise_is_overfitted_about_half_of_the_time() -> None:
    found = [overfitting(noise(seed), blocks=10).pbo for seed in range(40)]

    assert np.mean(found) == pytest.approx(0.5, abs=0.08)


def test_a_true_edge_is_not_overfitted() -> None:
    returns = noise(1)
    returns[:, 7] += 0.003

    found = overfitting(returns)

    assert found.pbo < 0.01
    assert found.loss < 0.01
    assert (found.chosen == 7).mean() > 0.99


def test_the_result_is_the_definition_worked_out() -> None:
    returns = noise(3, rows=97, trials=9)

    assert overfitting(returns, blocks=6).logits == pytest.approx(slowly(returns, 6))


def test_work_in_pieces_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = overfitting(noise(4), blocks=8)
    monkeypatch.setattr(module, "_CELLS", 333)

    assert np.array_equal(overfitting(noise(4), blocks=8).logits, whole.logits)


def test_trials_that_never_trade_carry_no_information() -> None:
    found = overfitting(np.zeros((64, 4)), blocks=8)

    assert found.pbo == 1.0
    assert found.slope is None
    assert not found.out_of_sample.any()


@pytest.mark.parametrize(
    ("returns", "blocks", "reason"),
    [
        (np.zeros((100, 1)), 8, "2 trials"),
        (np.zeros(100), 8, "2 trials"),
        (np.zeros((100, 3)), 7, "even"),
        (np.zeros((100, 3)), 22, "even"),
        (np.zeros((15, 3)), 8, "fewer blocks"),
        (np.full((100, 3), np.nan), 8, "return 0 of trial 0 is not finite"),
    ],
)
def test_impossible_input_is_refused(returns: np.ndarray, blocks: int, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        overfitting(returns, blocks)
