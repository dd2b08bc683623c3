import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from research.splits import Split, group_ranges, indices, paths, purged_splits, walk_forward


def distances(split: Split) -> np.ndarray:
    """How far each training observation lies after (+) or before (-) each tested one."""
    return indices(split.train)[:, None] - indices(split.test)[None, :]


@given(
    n=st.integers(1, 300),
    train=st.integers(1, 100),
    test=st.integers(1, 50),
    anchored=st.booleans(),
    gap=st.integers(0, 20),
)
def test_walk_forward_trains_on_the_past_and_tests_all_the_rest(
    n: int, train: int, test: int, anchored: bool, gap: int
) -> None:
    assume(n >= train + gap + test)

    splits = walk_forward(n, train, test, anchored=anchored, gap=gap)

    tested = np.concatenate([indices(s.test) for s in splits])
    assert np.array_equal(tested, np.arange(train + gap, n))
    for split in splits:
        assert distances(split).max() < -gap
        ((start, stop),) = split.train
        assert start == 0 if anchored else stop - start == train
        assert len(indices(split.test)) >= test


@given(
    n=st.integers(10, 200),
    groups=st.integers(2, 8),
    test_groups=st.integers(1, 4),
    horizon=st.integers(0, 5),
    embargo=st.integers(0, 5),
)
def test_purged_splits_keep_their_distance(
    n: int, groups: int, test_groups: int, horizon: int, embargo: int
) -> None:
    assume(test_groups < groups <= n)
    # Less than one group is purged around each test group, so that some training data is left.
    assume((test_groups + 1) * (2 * horizon + embargo) < n // groups)

    splits = purged_splits(n, groups, test_groups, horizon=horizon, embargo=embargo)

    for split in splits:
        apart = distances(split)
        forbidden = (apart >= -horizon) & (apart <= horizon + embargo)
        assert not forbidden.any()
    # Every observation is tested in the same number of splits.
    times = np.bincount(np.concatenate([indices(s.test) for s in splits]), minlength=n)
    assert len(set(times.tolist())) == 1


def test_without_purging_training_is_all_that_is_not_tested() -> None:
    for split in purged_splits(60, 6, 2):
        both = np.concatenate([indices(split.train), indices(split.test)])

        assert np.array_equal(np.sort(both), np.arange(60))


@given(groups=st.integers(2, 8), test_groups=st.integers(1, 4))
def test_every_path_tests_every_group_once(groups: int, test_groups: int) -> None:
    assume(test_groups < groups)
    ranges, splits = group_ranges(80, groups), purged_splits(80, groups, test_groups)

    table = paths(groups, test_groups)

    for group in range(groups):
        assert all(ranges[group] in splits[s].test for s in table[:, group])
        assert len(set(table[:, group].tolist())) == len(table)


def test_six_groups_of_which_two_test_give_fifteen_splits_and_five_paths() -> None:
    # Lopez de Prado, Advances in Financial Machine Learning, ch. 12.
    assert len(purged_splits(600, 6, 2)) == 15
    assert paths(6, 2).shape == (5, 6)


@pytest.mark.parametrize(
    ("train", "test", "gap"), [(0, 5, 0), (5, 0, 0), (5, 5, -1), (50, 50, 1), (101, 1, 0)]
)
def test_windows_that_do_not_fit_are_refused(train: int, test: int, gap: int) -> None:
    with pytest.raises(ValueError, match="walk-forward"):
        walk_forward(100, train, test, gap=gap)


@pytest.mark.parametrize(("groups", "test_groups"), [(6, 6), (6, 0), (1, 1), (200, 2)])
def test_groups_that_do_not_fit_are_refused(groups: int, test_groups: int) -> None:
    with pytest.raises(ValueError, match=r"cross-validation|cannot cut"):
        purged_splits(100, groups, test_groups)


def test_purging_that_leaves_no_training_data_is_refused() -> None:
    with pytest.raises(ValueError, match="leave no training data"):
        purged_splits(20, 4, 2, horizon=6)
