"""Averages and what is measured against them: SMA, EMA, MACD, Bollinger bands, z-score.

Every indicator is one step on a small state record that starts as zeros; the batch function is the
same step in a compiled loop, so both give the same bits. Missing values: `indicators_window`.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from trading.kernels.indicators_window import compiled, mean_step, moments_step, past_step

F8 = NDArray[np.float64]

EMA: Final = np.dtype([("value", "<f8"), ("count", "<i8")])
WILDER: Final = EMA
MACD: Final = np.dtype([("fast", EMA), ("slow", EMA), ("signal", EMA), ("count", "<i8")])


@compiled
def _weighted_step(state: Any, x: float, period: int, weight: float) -> float:
    """The mean of the first `period` inputs, then moved towards each one by `weight`, on EMA."""
    if not abs(x) < np.inf:
        return np.nan
    if state.count >= period:
        value: float = state.value + (x - state.value) * weight
        state.value = value
        return value
    state.count += 1
    state.value += x
    if state.count < period:
        return np.nan
    value = state.value / period
    state.value = value
    return value


@compiled
def ema_step(state: Any, x: float, period: int) -> float:
    """Exponential moving average with weight 2 / (period + 1), on EMA.

    The first value, after `period` inputs, is their mean (as TA-Lib has it); NaN before that.
    """
    return _weighted_step(state, x, period, 2.0 / (period + 1.0))


@compiled
def wilder_step(state: Any, x: float, period: int) -> float:
    """Wilder's average: weight 1 / period; the first value is the mean of `period` inputs."""
    return _weighted_step(state, x, period, 1.0 / period)


@compiled
def macd_step(
    state: Any, x: float, fast: int, slow: int, signal: int
) -> tuple[float, float, float]:
    """Difference of two EMAs, the EMA of that, and the difference of both, on MACD.

    The fast EMA starts with the mean of the last `fast` of the first `slow` values, so that both
    start at one bar; nothing is told before the signal line is there (both as TA-Lib has it).
    """
    if not abs(x) < np.inf:
        return np.nan, np.nan, np.nan
    if state.count < slow:
        state.count += 1
    quick = ema_step(state.fast, x, fast) if state.count > slow - fast else np.nan
    line = quick - ema_step(state.slow, x, slow)
    smooth = ema_step(state.signal, line, signal)
    if np.isnan(smooth):
        return np.nan, np.nan, np.nan
    return line, smooth, line - smooth


@compiled
def bollinger_step(
    state: Any, x: float, period: int, deviations: float
) -> tuple[float, float, float]:
    """Mean plus, mean, and mean minus `deviations` population deviations, on moments_state."""
    mean, deviation = moments_step(state, x, period)
    return mean + deviations * deviation, mean, mean - deviations * deviation


@compiled
def zscore_step(state: Any, x: float, period: int) -> float:
    """Distance from the mean in population deviations, on moments_state; 0 if nothing varies."""
    mean, deviation = moments_step(state, x, period)
    return 0.0 if deviation == 0.0 else (x - mean) / deviation


@compiled
def roc_step(state: Any, x: float, period: int) -> float:
    """Change over `period` values in percent, on past_state; 0 if the old value was 0."""
    old = past_step(state, x, period)
    return 0.0 if old == 0.0 else (x / old - 1.0) * 100.0


@compiled
def sma(state: Any, x: F8, period: int, out: F8) -> None:
    """Means of the last `period` values.

    ->     in out[0]
    cost   O(n)
    """
    for i in range(len(x)):
        out[0, i] = mean_step(state, x[i], period)


@compiled
def ema(state: Any, x: F8, period: int, out: F8) -> None:
    """`ema_step` for every value.

    ->     in out[0]
    cost   O(n)
    """
    for i in range(len(x)):
        out[0, i] = ema_step(state, x[i], period)


@compiled
def macd(state: Any, x: F8, fast: int, slow: int, signal: int, out: F8) -> None:
    """`macd_step` for every value.

    ->     line, signal, histogram in out[0], out[1], out[2]
    cost   O(n)
    """
    for i in range(len(x)):
        out[0, i], out[1, i], out[2, i] = macd_step(state, x[i], fast, slow, signal)


@compiled
def bollinger(state: Any, x: F8, period: int, deviations: float, out: F8) -> None:
    """`bollinger_step` for every value.

    ->     upper, middle, lower in out[0], out[1], out[2]
    cost   O(n)
    """
    for i in range(len(x)):
        out[0, i], out[1, i], out[2, i] = bollinger_step(state, x[i], period, deviations)


@compiled
def zscore(state: Any, x: F8, period: int, out: F8) -> None:
    """`zscore_step` for every value.

    ->     in out[0]
    cost   O(n)
    """
    for i in range(len(x)):
        out[0, i] = zscore_step(state, x[i], period)


@compiled
def roc(state: Any, x: F8, period: int, out: F8) -> None:
    """`roc_step` for every value.

    ->     in out[0]
    cost   O(n)
    """
    for i in range(len(x)):
        out[0, i] = roc_step(state, x[i], period)
