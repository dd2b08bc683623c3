"""Strength and flow: RSI, CCI, MFI, OBV, VWAP, volume profile.

Every indicator is one step on a small state record that starts as zeros; the batch function is the
same step in a compiled loop. A bar of which a used value is not finite is missing: NaN comes back
and the state stays as it was.

Ties. A typical price is (high + low + close) / 3, and that sum rounds: bars with the same sum of
ticks differ in the last bits. Compared as they are, one bar in seven of a quiet market would move
where nothing did, so `tie` decides what is a move.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from trading.kernels.indicators_average import WILDER, wilder_step
from trading.kernels.indicators_window import (
    compiled,
    mean_state,
    mean_step,
    past_state,
    past_step,
    tie,
)

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]

RSI: Final = np.dtype([("gain", WILDER), ("loss", WILDER), ("bars", "<i8"), ("last", "<f8")])
OBV: Final = np.dtype([("bars", "<i8"), ("last", "<f8"), ("total", "<f8")])
VWAP: Final = np.dtype([("session", "<i8"), ("value", "<f8"), ("volume", "<f8")])


def mfi_state(capacity: int) -> "np.dtype[np.void]":
    """The state of `mfi_step` for periods up to `capacity`."""
    mean = mean_state(capacity)
    return np.dtype([("up", mean), ("down", mean), ("bars", "<i8"), ("last", "<f8")])


def profile_state(capacity: int, bins: int) -> "np.dtype[np.void]":
    """The state of `profile_step` for periods up to `capacity` and as many as `bins` bins."""
    past = past_state(capacity)
    return np.dtype([("high", past), ("low", past), ("volume", past), ("bins", "<f8", (bins,))])


@compiled
def _typical(high: float, low: float, close: float) -> float:
    return (high + low + close) / 3.0


@compiled
def rsi_step(state: Any, x: float, period: int) -> float:
    """Relative strength index (Wilder), percent, on RSI; the first after period + 1 values.

    Only gains give 100, only losses 0; where nothing moved it is 0 too (as TA-Lib has it).
    """
    if not abs(x) < np.inf:
        return np.nan
    change = x - state.last
    state.last = x
    state.bars += 1
    if state.bars == 1:
        return np.nan
    gain = wilder_step(state.gain, max(change, 0.0), period)
    loss = wilder_step(state.loss, max(-change, 0.0), period)
    return 0.0 if gain + loss == 0.0 else 100.0 * gain / (gain + loss)


@compiled
def cci_step(state: Any, high: float, low: float, close: float, period: int) -> float:
    """Commodity channel index, on mean_state; 0 if nothing varies.

    ->    (typical price - mean) / (0.015 * mean absolute deviation)
    cost  O(period): the deviations are from a mean that moves, so no sum of them can be kept
    """
    price = _typical(high, low, close)
    mean = mean_step(state, price, period)
    if np.isnan(mean):
        return np.nan
    spread = 0.0
    for i in range(period):
        spread += abs(state.window[i] - mean)
    if tie(price, mean) or spread <= 1e-14 * abs(mean) * period:
        return 0.0
    return (price - mean) * period / (0.015 * spread)


@compiled
def mfi_step(
    state: Any, high: float, low: float, close: float, volume: float, period: int
) -> float:
    """Money flow index, percent, on mfi_state; the first after period + 1 bars.

    An equal typical price is no flow; without any flow in the window it is 0.
    """
    price = _typical(high, low, close)
    flow = price * volume
    if not abs(flow) < np.inf:
        return np.nan
    before = state.last
    state.last = price
    state.bars += 1
    if state.bars == 1:
        return np.nan
    moved = not tie(price, before)
    up = mean_step(state.up, flow if moved and price > before else 0.0, period)
    down = mean_step(state.down, flow if moved and price < before else 0.0, period)
    # What has left the window may leave a rounding behind, on either side of zero.
    up, down = max(up, 0.0), max(down, 0.0)
    return 0.0 if up + down == 0.0 else 100.0 * up / (up + down)


@compiled
def obv_step(state: Any, close: float, volume: float) -> float:
    """On-balance volume, on OBV; starts with the first bar's volume (as TA-Lib has it)."""
    if not (abs(close) < np.inf and abs(volume) < np.inf):
        return np.nan
    if state.bars == 0 or close > state.last:
        state.total += volume
    elif close < state.last:
        state.total -= volume
    state.bars += 1
    state.last = close
    total: float = state.total
    return total


@compiled
def vwap_step(
    state: Any, ts: int, high: float, low: float, close: float, volume: float, session_ns: int
) -> float:
    """Volume-weighted mean of typical prices since the session began, on VWAP.

    ts          the bar's close, ns; the one at a session's very end belongs to it
    session_ns  length of a session, from 1970 UTC on: a day, say; 0: one session without end
    ->          NaN until the session has volume
    """
    flow = _typical(high, low, close) * volume
    if not abs(flow) < np.inf:
        return np.nan
    session = (ts - 1) // session_ns if session_ns > 0 else 0
    if session != state.session:
        state.session = session
        state.value = state.volume = 0.0
    state.value += flow
    state.volume += volume
    return state.value / state.volume if state.volume > 0.0 else np.nan


@compiled
def _fill(state: Any, period: int, bins: int, bottom: float, width: float) -> float:
    """Spread the window's volume over the bins; the volume in all of them."""
    volumes = state.bins
    for k in range(bins):
        volumes[k] = 0.0
    for i in range(period):
        low, high = state.low.window[i] - bottom, state.high.window[i] - bottom
        volume = state.volume.window[i]
        first = min(int(low / width), bins - 1)
        last = min(int(high / width), bins - 1)
        if first == last:
            volumes[first] += volume
            continue
        density = volume / (high - low)
        volumes[first] += density * ((first + 1) * width - low)
        for k in range(first + 1, last):
            volumes[k] += density * width
        volumes[last] += density * (high - last * width)
    total = 0.0
    for k in range(bins):
        total += volumes[k]
    return total


@compiled
def _value_area(volumes: Any, bins: int, wanted: float) -> tuple[int, int, int]:
    """The fullest bin, and the first and last bin of the value area."""
    best = 0
    for k in range(1, bins):
        if volumes[k] > volumes[best]:
            best = k
    first = last = best
    held = volumes[best]
    while held < wanted and last - first + 1 < bins:
        above = volumes[last + 1] if last + 1 < bins else -1.0
        below = volumes[first - 1] if first > 0 else -1.0
        if above >= below:
            last += 1
            held += above
        else:
            first -= 1
            held += below
    return best, first, last


@compiled
def profile_step(
    state: Any, high: float, low: float, volume: float, period: int, bins: int, share: float
) -> tuple[float, float, float]:
    """Volume profile of the last `period` bars, on profile_state: where trading took place.

    The range of the window is cut into `bins` of equal width, and each bar's volume is spread
    evenly over its own range. The value area grows from the fullest bin (the lowest of equals),
    each time to the fuller neighbour (upwards of equals), until it holds `share` of the volume.

    ->    middle of the fullest bin (point of control), lower and upper edge of the value area; NaN
          until the window is full, or without volume in it
    cost  O(period + bins) at least, O(period * bins) at most: a new range moves every bin
    """
    if not (abs(high) < np.inf and abs(low) < np.inf and abs(volume) < np.inf):
        return np.nan, np.nan, np.nan
    past_step(state.high, high, period)
    past_step(state.low, low, period)
    past_step(state.volume, volume, period)
    if bins < 1 or bins > len(state.bins):
        raise ValueError("bins below 1, or above the capacity of the indicator's state")
    if state.high.count < period:
        return np.nan, np.nan, np.nan
    top, bottom = state.high.window[0], state.low.window[0]
    for i in range(1, period):
        top, bottom = max(top, state.high.window[i]), min(bottom, state.low.window[i])
    width = (top - bottom) / bins
    if tie(top, bottom):
        return bottom, bottom, top
    total = _fill(state, period, bins, bottom, width)
    if not total > 0.0:
        return np.nan, np.nan, np.nan
    best, first, last = _value_area(state.bins, bins, share * total)
    return bottom + (best + 0.5) * width, bottom + first * width, bottom + (last + 1) * width


@compiled
def rsi(state: Any, x: F8, period: int, out: F8) -> None:
    """`rsi_step` for every value.

    ->     in out[0]
    cost   O(n)
    """
    for i in range(len(x)):
        out[0, i] = rsi_step(state, x[i], period)


@compiled
def cci(state: Any, high: F8, low: F8, close: F8, period: int, out: F8) -> None:
    """`cci_step` for every bar.

    ->     in out[0]
    cost   O(n * period)
    """
    for i in range(len(close)):
        out[0, i] = cci_step(state, high[i], low[i], close[i], period)


@compiled
def mfi(state: Any, high: F8, low: F8, close: F8, volume: F8, period: int, out: F8) -> None:
    """`mfi_step` for every bar.

    ->     in out[0]
    cost   O(n)
    """
    for i in range(len(close)):
        out[0, i] = mfi_step(state, high[i], low[i], close[i], volume[i], period)


@compiled
def obv(state: Any, close: F8, volume: F8, out: F8) -> None:
    """`obv_step` for every bar.

    ->     in out[0]
    cost   O(n)
    """
    for i in range(len(close)):
        out[0, i] = obv_step(state, close[i], volume[i])


@compiled
def vwap(
    state: Any, ts: I8, high: F8, low: F8, close: F8, volume: F8, session_ns: int, out: F8
) -> None:
    """`vwap_step` for every bar.

    ->     in out[0]
    cost   O(n)
    """
    for i in range(len(close)):
        out[0, i] = vwap_step(state, ts[i], high[i], low[i], close[i], volume[i], session_ns)


@compiled
def profile(
    state: Any, high: F8, low: F8, volume: F8, period: int, bins: int, share: float, out: F8
) -> None:
    """`profile_step` for every bar.

    ->     point of control, lower and upper edge of the value area in out[0], out[1], out[2]
    cost   O(n * (period + bins)) to O(n * period * bins)
    """
    for i in range(len(high)):
        out[0, i], out[1, i], out[2, i] = profile_step(
            state, high[i], low[i], volume[i], period, bins, share
        )
