"""Is the best trial of a sweep any good? What can be said from the returns of all trials.

Everything here looks at one matrix: the return of each trial in each period. A trial's return in a
period depends on nothing after it, so a trial that is chosen on some periods may be judged on
others without running it again. Judged are *choices*: "take the best of these trials", on windows
that walk forward, on all combinations of groups, and on all halves of time.

A search that learns has picked its trials after looking at all the data; only deflation by the
number of trials accounts for that, and the panels below are then kinder than they should be.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, isfinite, sqrt
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from research.equity import YEAR_NS
from research.overfitting import overfitting
from research.sharpe import deflated_sharpe, expected_maximum_sharpe, probabilistic_sharpe
from research.splits import Range, indices, paths, purged_splits, walk_forward

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]

_SECOND_NS: Final = 1_000_000_000
STEPS_NS: Final = tuple(s * _SECOND_NS for s in (86_400, 14_400, 3600, 900, 300, 60, 10, 1))
PERIODS_MIN: Final = 64  # four a block of the sixteen that overfitting looks at
TRAIN, TEST = 0.4, 0.1  # of all periods, in a walk-forward window
GROUPS, TEST_GROUPS = 6, 2  # of cross-validation: 15 splits, 5 paths
_GAP: Final = 1  # periods around a test that are in no training: positions reach across the border
CONFIDENCE: Final = 0.95
_JUDGED_MIN: Final = 20  # periods; the error of a Sharpe ratio is an approximation for many
# Combinations * trials of CSCV: beyond it, fewer blocks. 16 blocks up to 1,500 trials.
_RANKED_MAX: Final = 20_000_000
_BLOCKS: Final = (16, 12, 10, 8, 6, 4, 2)


@dataclass(frozen=True, slots=True)
class Returns:
    """What trials earned in each period.

    trials   (n,) trial numbers, one a column
    matrix   (periods, n) simple returns
    closes   (periods,) end of each, ns
    step_ns  length of a period
    """

    trials: I8
    matrix: F8
    closes: I8
    step_ns: int

    @property
    def a_year(self) -> float:
        """Periods a year of 365 days."""
        return YEAR_NS / self.step_ns


def period_ends(ts: I8) -> tuple[I8, I8, int]:
    """Where periods end: (last row of each, its close in ns, length in ns).

    The longest of STEPS_NS of which the data has PERIODS_MIN; the shortest if it has so many of
    none. Periods are whole ones since 1970; a period without rows ends at the row before it.

    ts  (n,) ns, ascending, n >= 1
    """
    for step in STEPS_NS:
        first, last = (int(ts[0]) - 1) // step, (int(ts[-1]) - 1) // step
        if last - first + 1 >= PERIODS_MIN:
            break
    closes = (np.arange(first, last + 1) + 1) * step
    return np.searchsorted(ts, closes, side="right") - 1, closes, step


def returns_of(equity: F8, initial: float) -> F8:
    """(periods,) simple returns of equity at period ends; 0 after it was lost."""
    before = np.concatenate(([initial], equity[:-1]))
    lost = before <= 0.0
    out: F8 = np.where(lost, 0.0, equity / np.where(lost, 1.0, before) - 1.0)
    return out


def sharpe(matrix: F8) -> F8:
    """(trials,) mean / standard deviation a period; 0 for what never moves or has one period."""
    if len(matrix) < 2:
        return np.zeros(matrix.shape[1])
    mean, deviation = matrix.mean(axis=0), matrix.std(axis=0, ddof=1)
    moves = deviation > 1e-12 * np.abs(matrix).max(axis=0, initial=0.0)
    out: F8 = np.divide(mean, deviation, where=moves, out=np.zeros_like(mean))
    return out


def growth(matrix: F8) -> F8:
    """(trials,) sum of log returns; very low for what was lost."""
    return np.asarray(np.log(np.maximum(1.0 + matrix, 1e-9)).sum(axis=0), np.float64)


def validate(
    returns: Returns, best: int, tried: int, *, by_growth: bool = False,
    variance: float | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Everything that the matrix says, as one JSON document; see the functions below.

    best       column of the trial that the sweep chose
    tried      different parameters that were evaluated, in `returns` or not
    by_growth  choices are made by growth, not by Sharpe ratio
    variance   of the Sharpe ratios of all trials, a period; None: of those in the matrix
    ->         `verdict.significant` is True if the deflated Sharpe ratio is above CONFIDENCE and
               the probability of overfitting below a half
    """
    choose = growth if by_growth else sharpe
    found: dict[str, Any] = {
        "period_s": returns.step_ns / _SECOND_NS,
        "periods": len(returns.matrix),
        "trials_judged": len(returns.trials),
        "chosen_by": "growth" if by_growth else "sharpe",
        "walk_forward": {
            "anchored": _walk(returns, choose, anchored=True),
            "rolling": _walk(returns, choose, anchored=False),
        },
        "cross_validation": _cross_validation(returns, choose),
        "overfitting": _overfitting(returns.matrix),
        "deflated": deflated(returns, best, tried, variance),
    }
    probability, dsr = found["overfitting"].get("pbo"), found["deflated"].get("deflated_sharpe")
    found["verdict"] = verdict(dsr, probability)
    return found


def verdict(dsr: float | None, pbo: float | None) -> dict[str, Any]:
    """Whether the best trial is called significant, and why (not)."""
    against = []
    if dsr is None:
        against.append("its deflated Sharpe ratio is not known")
    elif dsr < CONFIDENCE:
        against.append(f"deflated Sharpe ratio {dsr:.3f}, below {CONFIDENCE}")
    if pbo is not None and pbo >= 0.5:
        against.append(f"probability of overfitting {pbo:.3f}, not below 0.5")
    return {"significant": not against, "against": against}


def deflated(returns: Returns, best: int, tried: int, variance: float | None) -> dict[str, Any]:
    """The best trial's Sharpe ratio, and the probability that it is more than luck."""
    column = returns.matrix[:, best]
    ratios = sharpe(returns.matrix)
    ratio, n = float(ratios[best]), len(column)
    if n < _JUDGED_MIN:
        return {"reason": f"{n} periods are too few, {_JUDGED_MIN} are needed"}
    if ratio == 0.0:
        return {"reason": "the best trial has no returns that vary"}
    z = (column - column.mean()) / column.std()
    skew, kurtosis = float((z**3).mean()), float((z**4).mean())
    if variance is None or not isfinite(variance):
        variance = float(ratios.var(ddof=1)) if len(ratios) > 1 else 0.0
    year = sqrt(returns.a_year)
    return {
        "sharpe": ratio * year,
        "hurdle": expected_maximum_sharpe(max(tried, 1), variance) * year,
        "trials": tried,
        "skew": skew,
        "kurtosis": kurtosis,
        "probabilistic_sharpe": probabilistic_sharpe(ratio, n, skew, kurtosis),
        "deflated_sharpe": deflated_sharpe(ratio, n, max(tried, 1), variance, skew, kurtosis),
    }


def _walk(returns: Returns, choose: Any, *, anchored: bool) -> dict[str, Any]:
    """Choose on the past, be judged on what follows."""
    n = len(returns.matrix)
    try:
        splits = walk_forward(n, int(n * TRAIN), int(n * TEST), anchored=anchored, gap=_GAP)
    except ValueError as error:
        return {"reason": str(error)}
    windows, joined, inside, won = [], [], [], []
    for split in splits:
        train, test = _rows(returns, split.train), _rows(returns, split.test)
        column = int(np.argmax(choose(train)))
        joined.append(test[:, column])
        inside.append(float(sharpe(train)[column]))
        earned = float(np.prod(1.0 + test[:, column]) - 1.0)
        won.append(earned > 0.0)
        windows.append(
            {
                "train": _times(returns, split.train[0]),
                "test": _times(returns, split.test[0]),
                "trial": int(returns.trials[column]),
                "sharpe_in": inside[-1] * sqrt(returns.a_year),
                "sharpe_out": float(sharpe(test)[column]) * sqrt(returns.a_year),
                "return_out": earned,
            }
        )
    whole = np.concatenate(joined)
    outside, mean_in = float(sharpe(whole[:, None])[0]), float(np.mean(inside))
    return {
        "windows": windows,
        "sharpe_out": outside * sqrt(returns.a_year),
        "return_out": float(np.prod(1.0 + whole) - 1.0),
        "efficiency": outside / mean_in if mean_in > 0.0 else None,
        "winning_windows": float(np.mean(won)),
    }


def _cross_validation(returns: Returns, choose: Any) -> dict[str, Any]:
    """Combinatorial purged cross-validation: choose on four groups, be judged on two; each path
    strings such judgements together so that they cover all the time once."""
    n = len(returns.matrix)
    try:
        splits = purged_splits(n, GROUPS, TEST_GROUPS, horizon=_GAP, embargo=_GAP)
    except ValueError as error:
        return {"reason": str(error)}
    inside, outside, chosen = [], [], []
    for split in splits:
        train, test = _rows(returns, split.train), _rows(returns, split.test)
        column = int(np.argmax(choose(train)))
        chosen.append(column)
        inside.append(float(sharpe(train)[column]))
        outside.append(float(sharpe(test)[column]))
    edges = np.linspace(0, n, GROUPS + 1).astype(int)
    ratios = []
    for path in paths(GROUPS, TEST_GROUPS):
        parts = [
            returns.matrix[edges[g] : edges[g + 1], chosen[split]] for g, split in enumerate(path)
        ]
        ratios.append(float(sharpe(np.concatenate(parts)[:, None])[0]))
    year = sqrt(returns.a_year)
    return {
        "splits": len(splits),
        "sharpe_in": [v * year for v in inside],
        "sharpe_out": [v * year for v in outside],
        "trials": [int(returns.trials[c]) for c in chosen],
        "path_sharpe": [v * year for v in ratios],
        "median_sharpe_out": float(np.median(outside)) * year,
        "losing_paths": float(np.mean([v < 0.0 for v in ratios])),
    }


def _overfitting(matrix: F8) -> dict[str, Any]:
    """Probability of backtest overfitting, with as many blocks as data and time allow."""
    trials = matrix.shape[1]
    if trials < 2:
        return {"reason": "one trial: nothing was chosen"}
    for blocks in _BLOCKS:
        if len(matrix) >= 2 * blocks and comb(blocks, blocks // 2) * trials <= _RANKED_MAX:
            found = overfitting(matrix, blocks)
            return {
                "pbo": found.pbo,
                "blocks": blocks,
                "combinations": len(found.logits),
                "loss": found.loss,
                "slope": found.slope,
                "logit_median": float(np.median(found.logits)),
            }
    return {"reason": f"{len(matrix)} periods are too few"}


def _rows(returns: Returns, ranges: Sequence[Range]) -> F8:
    return returns.matrix[indices(ranges)]


def _times(returns: Returns, span: Range) -> list[int]:
    """[open of the first period, close of the last one], ns."""
    return [int(returns.closes[span[0]] - returns.step_ns), int(returns.closes[span[1] - 1])]
