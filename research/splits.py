"""Where to train and where to test: walk-forward windows, combinatorial purged cross-validation.

Observations are numbered 0 .. n-1 in time order. A `Split` says which of them a choice may see and
which judge it, as half-open ranges, because a backtest runs over stretches of time.

Purging: what observation i decides is known only at i + horizon (a position held that long), so
training stops `horizon` before a test range and begins `horizon` after it. Embargo: as many more
observations after a test range are left out, for what leaks through serial correlation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from math import comb

import numpy as np
from numpy.typing import NDArray

Range = tuple[int, int]  # [start, stop)


@dataclass(frozen=True, slots=True)
class Split:
    """Ranges to choose on and ranges to judge on; they share no observation."""

    train: tuple[Range, ...]
    test: tuple[Range, ...]


def indices(ranges: Sequence[Range]) -> NDArray[np.int64]:
    """All observations in the ranges, in their order."""
    if not ranges:
        return np.empty(0, np.int64)
    return np.concatenate([np.arange(start, stop, dtype=np.int64) for start, stop in ranges])


def walk_forward(
    n: int, train: int, test: int, *, anchored: bool = False, gap: int = 0
) -> list[Split]:
    """Windows that choose on the past and are judged on what follows; oldest first.

    n         observations
    train     length of the first training range; of each one, unless anchored
    test      length of each test range; they touch, and together cover all after the first one's
              start. What remains at the end and is shorter than `test` belongs to the last window
    anchored  training begins at 0 and grows; otherwise it rolls with a fixed length
    gap       observations between training and test that neither sees (purge and embargo)
    raises    ValueError if a length is not positive or not one window fits
    """
    if train < 1 or test < 1 or gap < 0:
        raise ValueError(f"walk-forward: train {train}, test {test}, gap {gap}: lengths above 0")
    windows = (n - train - gap) // test
    if windows < 1:
        raise ValueError(
            f"walk-forward: {n} observations hold no window of {train} + {gap} + {test}; "
            "use more data or shorter windows"
        )
    splits = []
    for window in range(windows):
        begin = train + gap + window * test
        end = n if window == windows - 1 else begin + test
        stop = begin - gap
        splits.append(Split(((0 if anchored else stop - train, stop),), ((begin, end),)))
    return splits


def group_ranges(n: int, groups: int) -> tuple[Range, ...]:
    """Contiguous groups whose lengths differ by one at most.

    raises  ValueError if there are fewer observations than groups, or fewer than two groups
    """
    if groups < 2 or n < groups:
        raise ValueError(f"cannot cut {n} observations into {groups} groups (2 at least)")
    edges = np.linspace(0, n, groups + 1).astype(int).tolist()
    return tuple(pairwise(edges))


def purged_splits(
    n: int, groups: int = 6, test_groups: int = 2, *, horizon: int = 0, embargo: int = 0
) -> list[Split]:
    """Combinatorial purged cross-validation: every choice of `test_groups` groups tests once.

    n            observations
    horizon      observations until what is decided at one is known; purged around test ranges
    embargo      observations left out after each test range, besides
    ->           C(groups, test_groups) splits in lexicographic order; `test` has one range a group
    raises       ValueError for impossible sizes, or if purging leaves a split no training data
    source       M. Lopez de Prado, Advances in Financial Machine Learning (2018), ch. 7 and 12
    """
    if not 1 <= test_groups < groups or horizon < 0 or embargo < 0:
        raise ValueError(
            f"cross-validation: {test_groups} of {groups} groups, horizon {horizon}, embargo "
            f"{embargo}: test groups from 1 to {groups - 1}, the rest not negative"
        )
    ranges = group_ranges(n, groups)
    splits = []
    for chosen in combinations(range(groups), test_groups):
        test = tuple(ranges[g] for g in chosen)
        allowed = np.ones(n, bool)
        for start, stop in test:
            allowed[max(0, start - horizon) : stop + horizon + embargo] = False
        train = _runs(allowed)
        if not train:
            raise ValueError(
                f"cross-validation: horizon {horizon} and embargo {embargo} leave no training "
                f"data in {n} observations of {groups} groups"
            )
        splits.append(Split(train, test))
    return splits


def paths(groups: int, test_groups: int) -> NDArray[np.int64]:
    """Which split tests each group on each backtest path of `purged_splits`.

    ->      (paths, groups) split numbers; each path covers every group once, and each test of a
            group belongs to one path: C(groups, test_groups) * test_groups / groups paths
    """
    count = comb(groups, test_groups) * test_groups // groups
    table = np.full((count, groups), -1, np.int64)
    used = [0] * groups
    for split, chosen in enumerate(combinations(range(groups), test_groups)):
        for group in chosen:
            table[used[group], group] = split
            used[group] += 1
    return table


def _runs(mask: NDArray[np.bool_]) -> tuple[Range, ...]:
    """The stretches of True as ranges."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    pairs = edges.reshape(-1, 2).tolist()
    return tuple((int(start), int(stop)) for start, stop in pairs)
