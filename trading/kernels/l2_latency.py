"""How long words travel: constant, or interpolated between measurements.

A series is two arrays, times and delays in nanoseconds. Between two measurements the delay is on
the straight line through both, rounded down to a nanosecond; before the first and after the last it
is theirs. A constant delay is a series of one. Words do not overtake each other: what is sent later
arrives no earlier.
"""

from typing import Any

from trading.kernels.l2_kernel import part
from trading.kernels.l2_memory import number_at

_EXACT = 2_000_000_000  # ns; products of two smaller numbers fit into an int64


@part("way i8")
def travel(way: Any, ts: int) -> int:
    """When what is sent at `ts` arrives; `ts` must not go back from call to call.

    cost   O(1), and O(measurements) over the run
    """
    at = way.at
    while at + 1 < way.count and number_at(way.times, at + 1).n <= ts:
        at += 1
    way.at = at
    since, delay = number_at(way.times, at).n, number_at(way.delays, at).n
    if ts > since and at + 1 < way.count:
        run, rise = number_at(way.times, at + 1).n - since, number_at(way.delays, at + 1).n - delay
        if run < _EXACT and abs(rise) < _EXACT:
            delay += rise * (ts - since) // run
        else:  # floats keep 15 digits of a delay, which is less than a nanosecond of a day
            delay += int(rise * ((ts - since) / run) // 1.0)
    way.last = max(way.last, ts + delay)
    return int(way.last)
