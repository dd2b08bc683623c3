"""Ranges of bars: true range, ATR, ADX, Donchian and Keltner channels, stochastic, volatility.

Every indicator is one step on a small state record that starts as zeros; the batch function is the
same step in a compiled loop. A bar of which a used price is not finite is missing: NaN comes back
and the state stays as it was.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from trading.kernels.indicators_average import EMA, WILDER, ema_step, wilder_step
from trading.kernels.indicators_window import (
    compiled,
    extreme_state,
    highest_step,
    lowest_step,
    mean_state,
    mean_step,
    tie,
)

F8 = NDArray[np.float64]

ATR: Final = np.dtype([("average", WILDER), ("bars", "<i8"), ("close", "<f8")])
ADX: Final = np.dtype(
    [
        ("bars", "<i8"),
        ("high", "<f8"),
        ("low", "<f8"),
        ("close", "<f8"),
        ("up", "<f8"),  # Wilder sums of directional movement and true range
        ("down", "<f8"),
        ("range", "<f8"),
        ("adx", "<f8"),
    ]
)
KELTNER: Final = np.dtype([("middle", EMA), ("atr", ATR)])


def channel_state(capacity: int) -> "np.dtype[np.void]":
    """The state of `donchian_step` for periods up to `capacity`."""
    return np.dtype([("high", extreme_state(capacity)), ("low", extreme_state(capacity))])


def stochastic_state(capacity: int) -> "np.dtype[np.void]":
    """The state of `stochastic_step` for periods up to `capacity`."""
    mean, extreme = mean_state(capacity), extreme_state(capacity)
    return np.dtype([("high", extreme), ("low", extreme), ("k", mean), ("d", mean)])


def volatility_state(capacity: int) -> "np.dtype[np.void]":
    """The state of `volatility_step` for periods up to `capacity`."""
    return np.dtype([("bars", "<i8"), ("close", "<f8"), ("squares", mean_state(capacity))])


@compiled
def _finite(high: float, low: float, close: float) -> bool:
    return abs(high) < np.inf and abs(low) < np.inf and abs(close) < np.inf


@compiled
def _true_range(high: float, low: float, close: float) -> float:
    """How far a bar reached, from the close before it."""
    return max(high - low, abs(high - close), abs(low - close))


@compiled
def atr_step(state: Any, high: float, low: float, close: float, period: int) -> float:
    """Average true range (Wilder), on ATR; the first after period + 1 bars."""
    if not _finite(high, low, close):
        return np.nan
    before = state.close
    state.close = close
    state.bars += 1
    if state.bars == 1:
        return np.nan
    return wilder_step(state.average, _true_range(high, low, before), period)


@compiled
def adx_step(
    state: Any, high: float, low: float, close: float, period: int
) -> tuple[float, float, float]:
    """ADX, +DI and -DI (Wilder), on ADX; period >= 2.

    The DIs come after period + 1 bars, their sums starting with period - 1 movements; ADX after
    2 * period bars, starting with the mean of `period` DX. Without movement DX is not defined: ADX
    keeps its value, and takes 0 for it at the start (all as TA-Lib has it).
    """
    if not _finite(high, low, close):
        return np.nan, np.nan, np.nan
    state.bars += 1
    bars = state.bars
    if bars > 1:
        keep = 1.0 if bars <= period else 1.0 - 1.0 / period
        rise, fall = high - state.high, state.low - low
        state.up = state.up * keep + (rise if rise > fall and rise > 0.0 else 0.0)
        state.down = state.down * keep + (fall if fall > rise and fall > 0.0 else 0.0)
        state.range = state.range * keep + _true_range(high, low, state.close)
    state.high, state.low, state.close = high, low, close
    if bars <= period:
        return np.nan, np.nan, np.nan

    up = down = 0.0
    if state.range > 0.0:
        up, down = 100.0 * state.up / state.range, 100.0 * state.down / state.range
    moved = up + down > 0.0
    dx = 100.0 * abs(up - down) / (up + down) if moved else 0.0
    if bars < 2 * period:
        state.adx += dx
        return np.nan, up, down
    if bars == 2 * period:
        state.adx = (state.adx + dx) / period
    elif moved:
        state.adx += (dx - state.adx) * (1.0 / period)
    return state.adx, up, down


@compiled
def donchian_step(state: Any, high: float, low: float, period: int) -> tuple[float, float, float]:
    """Highest high, the middle, lowest low of the last `period` bars, on channel_state."""
    if not (abs(high) < np.inf and abs(low) < np.inf):
        return np.nan, np.nan, np.nan
    top = highest_step(state.high, high, period)
    bottom = lowest_step(state.low, low, period)
    return top, (top + bottom) / 2.0, bottom


@compiled
def keltner_step(
    state: Any, high: float, low: float, close: float, period: int, atr_period: int, width: float
) -> tuple[float, float, float]:
    """EMA of closes plus, the EMA, and minus `width` ATRs, on KELTNER; NaN until both are there."""
    if not _finite(high, low, close):
        return np.nan, np.nan, np.nan
    middle = ema_step(state.middle, close, period)
    reach = width * atr_step(state.atr, high, low, close, atr_period)
    if np.isnan(middle + reach):
        return np.nan, np.nan, np.nan
    return middle + reach, middle, middle - reach


@compiled
def stochastic_step(
    state: Any, high: float, low: float, close: float, period: int, smooth: int, signal: int
) -> tuple[float, float]:
    """%K and %D, on stochastic_state: where the close lies in the range of `period` bars, percent.

    %K is the mean of the last `smooth` places in the range, %D the mean of the last `signal` %K;
    both come with the first %D. A range of zero counts as 0 (all as TA-Lib's STOCH has it).
    """
    if not _finite(high, low, close):
        return np.nan, np.nan
    top = highest_step(state.high, high, period)
    bottom = lowest_step(state.low, low, period)
    if np.isnan(top):
        return np.nan, np.nan
    place = 0.0 if tie(top, bottom) else 100.0 * (close - bottom) / (top - bottom)
    k = mean_step(state.k, place, smooth)
    d = mean_step(state.d, k, signal)
    return (np.nan if np.isnan(d) else k), d


@compiled
def volatility_step(state: Any, close: float, period: int, bars_a_year: float) -> float:
    """Realised volatility, annualised, on volatility_state; a close not above zero is missing.

    ->  sqrt(bars_a_year * mean of the last `period` squared log returns)
    """
    if not 0.0 < close < np.inf:
        return np.nan
    before = state.close
    state.close = close
    state.bars += 1
    if state.bars == 1:
        return np.nan
    square = mean_step(state.squares, np.log(close / before) ** 2, period)
    return float(np.sqrt(bars_a_year * square))


@compiled
def atr(state: Any, high: F8, low: F8, close: F8, period: int, out: F8) -> None:
    """`atr_step` for every bar.

    ->     in out[0]
    cost   O(n)
    """
    for i in range(len(close)):
        out[0, i] = atr_step(state, high[i], low[i], close[i], period)


@compiled
def adx(state: Any, high: F8, low: F8, close: F8, period: int, out: F8) -> None:
    """`adx_step` for every bar.

    ->     ADX, +DI, -DI in out[0], out[1], out[2]
    cost   O(n)
    """
    for i in range(len(close)):
        out[0, i], out[1, i], out[2, i] = adx_step(state, high[i], low[i], close[i], period)


@compiled
def donchian(state: Any, high: F8, low: F8, period: int, out: F8) -> None:
    """`donchian_step` for every bar.

    ->     upper, middle, lower in out[0], out[1], out[2]
    cost   O(n)
    """
    for i in range(len(high)):
        out[0, i], out[1, i], out[2, i] = donchian_step(state, high[i], low[i], period)


@compiled
def keltner(
    state: Any, high: F8, low: F8, close: F8, period: int, atr_period: int, width: float, out: F8
) -> None:
    """`keltner_step` for every bar.

    ->     upper, middle, lower in out[0], out[1], out[2]
    cost   O(n)
    """
    for i in range(len(close)):
        out[0, i], out[1, i], out[2, i] = keltner_step(
            state, high[i], low[i], close[i], period, atr_period, width
        )


@compiled
def stochastic(
    state: Any, high: F8, low: F8, close: F8, period: int, smooth: int, signal: int, out: F8
) -> None:
    """`stochastic_step` for every bar.

    ->     %K, %D in out[0], out[1]
    cost   O(n)
    """
    for i in range(len(close)):
        out[0, i], out[1, i] = stochastic_step(
            state, high[i], low[i], close[i], period, smooth, signal
        )


@compiled
def volatility(state: Any, close: F8, period: int, bars_a_year: float, out: F8) -> None:
    """`volatility_step` for every bar.

    ->     in out[0]
    cost   O(n)
    """
    for i in range(len(close)):
        out[0, i] = volatility_step(state, close[i], period, bars_a_year)
