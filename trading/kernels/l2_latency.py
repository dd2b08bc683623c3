"""How long words travel: constant, or interpolated between measurements.

A series is two arrays, times and delays in nanoseconds. Between two measurements the delay is on
the straight line through both, rounded down to a nanosecond; before the first and after the last it
is theirs. A constant delay is a series of one. Words do not overtake each other: what is sent later
arrives no earlier.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

I8 = NDArray[np.int64]


@njit(error_model="numpy", _nrt=False)
def delay(times: I8, delays: I8, at: int, ts: int) -> int:
    """The delay of what is sent at `ts`.

    at   index of a measurement at or before `ts`, or 0: where a search begins
    cost O(1) for a sender whose time does not go back and who keeps `at` (see `advance`)
    """
    if len(times) == 1 or ts <= times[0]:
        return int(delays[0])
    at = advance(times, at, ts)
    if at == len(times) - 1:
        return int(delays[at])
    run = times[at + 1] - times[at]
    rise = delays[at + 1] - delays[at]
    # Whole seconds apart and delays of minutes multiply beyond int64; floats keep what matters.
    if run < 2_000_000_000 and abs(rise) < 2_000_000_000:
        return int(delays[at] + rise * (ts - times[at]) // run)
    return int(delays[at] + int(float(rise) * (float(ts - times[at]) / float(run)) // 1.0))


@njit(error_model="numpy", _nrt=False)
def advance(times: I8, at: int, ts: int) -> int:
    """Index of the last measurement at or before `ts`, searched from `at` on."""
    while at + 1 < len(times) and times[at + 1] <= ts:
        at += 1
    return at
