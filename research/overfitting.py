"""Is the best of many trials any good? The probability of backtest overfitting, by CSCV.

Combinatorially symmetric cross-validation: cut time into S blocks; for each choice of S/2 blocks,
pick the trial with the best Sharpe ratio there and look where it ranks in the other half. If the
choice carries no information, its rank is as good as drawn: half of the time below the median.

The splits of cross-validation and the Monte Carlo of trades are in `research.splits` and
`research.montecarlo`; probabilistic and deflated Sharpe ratios in `research.sharpe`.
"""

from dataclasses import dataclass
from itertools import combinations, islice
from math import comb
from typing import Final

import numpy as np
from numpy.typing import NDArray

from research.splits import group_ranges

F8 = NDArray[np.float64]
BLOCKS_MAX: Final = 20  # C(20, 10) = 184,756 combinations; the paper uses 16
_CELLS: Final = 100_000  # combinations * trials worked on at once, so that they stay in the cache
# A variance below this part of the mean square is rounding: the trial did not move.
_FLAT: Final = 1e-14


@dataclass(frozen=True, slots=True)
class Overfitting:
    """What CSCV found about a set of trials; arrays have one entry a combination.

    pbo            share of combinations whose best trial is not above the median out of sample
    logits         ln(w / (1 - w)), w the relative rank out of sample of the best in sample
    chosen         that trial's column
    in_sample      its Sharpe ratio where it was chosen, per observation
    out_of_sample  its Sharpe ratio in the other half
    slope          of out_of_sample on in_sample, least squares; None if in_sample does not vary
    loss           share of combinations whose choice loses out of sample
    """

    pbo: float
    logits: F8
    chosen: NDArray[np.int64]
    in_sample: F8
    out_of_sample: F8
    slope: float | None
    loss: float


def overfitting(returns: F8, blocks: int = 16) -> Overfitting:
    """Probability of backtest overfitting of the trials in the columns.

    returns  (observations, trials) return of each trial in each period, same periods for all
    blocks   even, 2 to 20; more blocks, more combinations: C(blocks, blocks / 2)
    ->       see Overfitting; a trial that never moves has a Sharpe ratio of 0; ties share ranks
    raises   ValueError for fewer than 2 trials, 2 observations a block, or values not finite
    cost     O(observations * trials + C(blocks, blocks/2) * blocks * trials) time
    source   Bailey, Borwein, Lopez de Prado, Zhu, "The Probability of Backtest Overfitting",
             Journal of Computational Finance 20(4), 2017
    """
    matrix = _checked(returns, blocks)
    ranges = group_ranges(len(matrix), blocks)
    counts = np.array([stop - start for start, stop in ranges], np.float64)
    sums = np.array([matrix[a:b].sum(axis=0) for a, b in ranges])
    squares = np.array([np.square(matrix[a:b]).sum(axis=0) for a, b in ranges])
    count = comb(blocks, blocks // 2)
    halves = np.zeros((count // 2, blocks))
    for row, half in enumerate(islice(combinations(range(blocks), blocks // 2), count // 2)):
        halves[row, list(half)] = 1.0

    chosen = np.empty(count, np.int64)
    in_sample, out_of_sample, logits = np.empty((3, count))
    step = max(1, _CELLS // matrix.shape[1])
    for start in range(0, len(halves), step):
        inside = halves[start : start + step]
        first = _sharpe(inside, counts, sums, squares)
        second = _sharpe(1.0 - inside, counts, sums, squares)
        # In lexicographic order the other half of combination i is the i-th from the end.
        here = np.arange(start, start + len(inside))
        for at, seen, unseen in ((here, first, second), (count - 1 - here, second, first)):
            chosen[at], in_sample[at], out_of_sample[at], logits[at] = _ranked(seen, unseen)
    return Overfitting(
        pbo=float(np.mean(logits <= 0.0)),
        logits=logits,
        chosen=chosen,
        in_sample=in_sample,
        out_of_sample=out_of_sample,
        slope=_slope(in_sample, out_of_sample),
        loss=float(np.mean(out_of_sample < 0.0)),
    )


def _checked(returns: F8, blocks: int) -> F8:
    matrix = np.asarray(returns, np.float64)
    if matrix.ndim != 2 or matrix.shape[1] < 2:
        raise ValueError(f"overfitting needs (observations, trials) with 2 trials: {matrix.shape}")
    if blocks % 2 or not 2 <= blocks <= BLOCKS_MAX:
        raise ValueError(f"blocks = {blocks}: an even number from 2 to {BLOCKS_MAX}")
    if len(matrix) < 2 * blocks:
        raise ValueError(
            f"{len(matrix)} observations in {blocks} blocks: 2 a block at least, use fewer blocks"
        )
    if not np.isfinite(matrix).all():
        row, column = (int(i) for i in np.argwhere(~np.isfinite(matrix))[0])
        raise ValueError(f"return {row} of trial {column} is not finite; use 0 for no return")
    return matrix


def _sharpe(inside: F8, counts: F8, sums: F8, squares: F8) -> F8:
    """(combinations, trials) Sharpe ratio per observation over the blocks of each combination."""
    n = (inside @ counts)[:, None]
    mean = (inside @ sums) / n
    mean_square = (inside @ squares) / n
    variance = (mean_square - np.square(mean)) * n / (n - 1.0)
    moves = variance > _FLAT * mean_square
    out: F8 = np.divide(mean, np.sqrt(np.where(moves, variance, 1.0)), where=moves, out=0.0 * mean)
    return out


def _ranked(seen: F8, unseen: F8) -> tuple[NDArray[np.int64], F8, F8, F8]:
    """(chosen, its Sharpe in sample, out of sample, logit of its rank out of sample)."""
    rows = np.arange(len(seen))
    chosen = np.argmax(seen, axis=1)
    mine = unseen[rows, chosen]
    below = (unseen < mine[:, None]).sum(axis=1)
    equal = (unseen == mine[:, None]).sum(axis=1)
    w = (below + (equal + 1) / 2.0) / (unseen.shape[1] + 1.0)
    return chosen, seen[rows, chosen], mine, np.log(w / (1.0 - w))


def _slope(x: F8, y: F8) -> float | None:
    spread = float(np.square(x - x.mean()).sum())
    if spread <= 0.0:
        return None
    return float(((x - x.mean()) * (y - y.mean())).sum() / spread)
