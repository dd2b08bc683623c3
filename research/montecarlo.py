"""What else could have happened with these trades: Monte Carlo by bootstrap or by shuffling.

Shuffling keeps the trades and changes their order: the final equity stays, the way there and its
drawdowns vary. The bootstrap draws trades with replacement: the final equity varies too.
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

F8 = NDArray[np.float64]
QUANTILES: Final = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
POINTS_MAX: Final = 200  # equity is kept at this many points of a path
_CELLS: Final = 2_000_000  # paths * trades worked on at once: bounds memory at ~50 MB


@dataclass(frozen=True, slots=True)
class MonteCarlo:
    """Distribution over paths; rows of quantiles follow `levels`.

    levels              quantile levels, ascending
    trades              how many trades are done at each point of `equity`; 0 first
    equity              (levels, points) quantiles of equity after that many trades
    final               (paths,) equity at the end
    drawdown            (paths,) largest fall from a peak, as a fraction of the peak
    final_quantiles     quantiles of `final`
    drawdown_quantiles  quantiles of `drawdown`
    ruin                share of paths whose equity reached zero
    """

    levels: tuple[float, ...]
    trades: NDArray[np.int64]
    equity: F8
    final: F8
    drawdown: F8
    final_quantiles: F8
    drawdown_quantiles: F8
    ruin: float


def monte_carlo(
    pnl: F8,
    initial: float,
    rng: np.random.Generator,
    *,
    method: Literal["bootstrap", "shuffle"] = "bootstrap",
    paths: int = 1000,
    levels: tuple[float, ...] = QUANTILES,
) -> MonteCarlo:
    """Equity paths from the same trades in another order, or drawn anew.

    pnl      (trades,) net profit of each round trip, quote currency; sizes are not rescaled
    initial  equity before the first trade, > 0
    ->       see MonteCarlo; drawdown may exceed 1 where equity falls below zero
    raises   ValueError for no trades, values not finite, initial <= 0, paths < 1
    cost     O(paths * trades) time; memory bounded whatever their product
    """
    trades = np.asarray(pnl, np.float64)
    if trades.ndim != 1 or not len(trades) or not np.isfinite(trades).all():
        raise ValueError("Monte Carlo needs one finite profit a trade, and one trade at least")
    if not initial > 0.0 or paths < 1:
        raise ValueError(f"Monte Carlo: initial equity {initial} and {paths} paths: above 0")
    if method not in {"bootstrap", "shuffle"}:
        raise ValueError(f"Monte Carlo: method {method!r}: bootstrap or shuffle")
    n = len(trades)
    at = np.unique(np.linspace(0, n, min(n + 1, POINTS_MAX)).astype(np.int64))
    kept = np.empty((paths, len(at)))
    drawdown, low = np.empty(paths), np.empty(paths)
    step = max(1, _CELLS // n)
    for start in range(0, paths, step):
        stop = min(paths, start + step)
        if method == "bootstrap":
            drawn = trades[rng.integers(0, n, (stop - start, n))]
        else:
            drawn = rng.permuted(np.tile(trades, (stop - start, 1)), axis=1)
        equity = np.empty((stop - start, n + 1))
        equity[:, 0] = initial
        np.cumsum(drawn, axis=1, out=equity[:, 1:])
        equity[:, 1:] += initial
        kept[start:stop] = equity[:, at]
        low[start:stop] = equity.min(axis=1)
        # The first point is above zero, so every running peak is.
        peak = np.maximum.accumulate(equity, axis=1)
        drawdown[start:stop] = ((peak - equity) / peak).max(axis=1)
    return MonteCarlo(
        levels=tuple(levels),
        trades=at,
        equity=np.quantile(kept, levels, axis=0),
        final=kept[:, -1].copy(),
        drawdown=drawdown,
        final_quantiles=np.quantile(kept[:, -1], levels),
        drawdown_quantiles=np.quantile(drawdown, levels),
        ruin=float(np.mean(low <= 0.0)),
    )
