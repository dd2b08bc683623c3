"""Windows over the last values: what rolling indicators are made of.

A state is a record that starts as zeros; the window is a ring inside it, of a capacity given with
the dtype, so `period` may be any number up to it. What is not finite is missing: the answer is NaN
and the state stays as it was, so a window holds the last `period` values that were there.

Drift. Sums move by what enters and leaves, which rounds; so each time the ring is full round, every
`period` steps, they are taken afresh from its values: O(1) a step on average, and no error is older
than one round. A window of equal values has exactly their mean and no spread at all: without that,
rounding would look like a signal where nothing moves.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit

from trading.strategy import function_digest

_Step = TypeVar("_Step", bound=Callable[..., Any])


def compiled(function: _Step) -> _Step:
    """The function, compiled by numba and kept on disk.

    Numba looks for kept code under the function's name, and asks only whether the function's own
    file has changed. So the name is given the digest of the code and of all that it calls, for
    which callees have to stand above their callers. (The cast: numba's stubs lose the type.)
    """
    name = function.__qualname__
    function.__qualname__ = f"{name}_{function_digest(function)[:16]}"
    made = njit(function, cache=True, error_model="numpy")
    function.__qualname__ = name
    return cast(_Step, made)


@compiled
def tie(a: float, b: float) -> bool:
    """Whether two results of arithmetic on prices differ by rounding alone.

    Within 1e-14 of their size (about 90 units in the last place, as TA-Lib has it): equal prices
    that were added up come out a few units apart, and no two ticks of a market are so close.
    """
    return abs(a - b) <= 1e-14 * (abs(a) + abs(b))


def mean_state(capacity: int) -> "np.dtype[np.void]":
    """The state of `mean_step` for periods up to `capacity`."""
    return np.dtype(
        [
            ("count", "<i8"),
            ("next", "<i8"),
            ("same", "<i8"),  # how many of the last values were equal
            ("last", "<f8"),
            ("sum", "<f8"),
            ("window", "<f8", (capacity,)),
        ]
    )


def moments_state(capacity: int) -> "np.dtype[np.void]":
    """The state of `moments_step` for periods up to `capacity`."""
    return np.dtype(
        [
            ("count", "<i8"),
            ("next", "<i8"),
            ("same", "<i8"),
            ("last", "<f8"),
            ("mean", "<f8"),
            ("squares", "<f8"),  # sum of squared deviations from the mean
            ("window", "<f8", (capacity,)),
        ]
    )


def extreme_state(capacity: int) -> "np.dtype[np.void]":
    """The state of `highest_step` or `lowest_step` for periods up to `capacity`."""
    return np.dtype(
        [("count", "<i8"), ("next", "<i8"), ("best", "<f8"), ("window", "<f8", (capacity,))]
    )


def past_state(capacity: int) -> "np.dtype[np.void]":
    """The state of `past_step` for periods up to `capacity`."""
    return np.dtype([("count", "<i8"), ("next", "<i8"), ("window", "<f8", (capacity,))])


@compiled
def _check(window: Any, period: int) -> None:
    if period < 1 or period > len(window):
        raise ValueError("period below 1, or above the capacity of the indicator's state")


@compiled
def mean_step(state: Any, x: float, period: int) -> float:
    """Mean of the last `period` values; NaN until there are so many."""
    if not abs(x) < np.inf:
        return np.nan
    window = state.window
    _check(window, period)
    at = state.next
    total = state.sum + x
    if state.count >= period:
        total -= window[at]
    window[at] = x
    state.same = state.same + 1 if x == state.last and state.count > 0 else 1
    state.last = x
    state.count += 1
    at += 1
    if at == period:
        at = 0
        total = 0.0
        for i in range(period):
            total += window[i]
    state.next = at
    state.sum = total
    if state.count < period:
        return np.nan
    return x if state.same >= period else total / period


@compiled
def _afresh(window: Any, period: int) -> tuple[float, float]:
    """Mean and sum of squared deviations, in two passes."""
    first = window[0]  # taken off, so that large prices with small moves keep their digits
    total = 0.0
    for i in range(period):
        total += window[i] - first
    mean = first + total / period
    squares = 0.0
    for i in range(period):
        squares += (window[i] - mean) ** 2
    return mean, squares


@compiled
def moments_step(state: Any, x: float, period: int) -> tuple[float, float]:
    """Mean and standard deviation (of the population) of the last `period` values.

    source  B. P. Welford, Technometrics 4(3), 1962, with one value leaving as another comes
    """
    if not abs(x) < np.inf:
        return np.nan, np.nan
    window = state.window
    _check(window, period)
    at = state.next
    state.same = state.same + 1 if x == state.last and state.count > 0 else 1
    state.last = x
    state.count += 1
    if state.count <= period:
        change = x - state.mean
        mean = state.mean + change / state.count
        squares = state.squares + change * (x - mean)
    else:
        old = window[at]
        mean = state.mean + (x - old) * (1.0 / period)
        squares = state.squares + (x - old) * (x - mean + old - state.mean)
    window[at] = x
    at += 1
    if at == period:
        at = 0
        mean, squares = _afresh(window, period)
    if state.same >= period:
        mean, squares = x, 0.0
    state.next = at
    state.mean = mean
    state.squares = max(squares, 0.0)
    if state.count < period:
        return np.nan, np.nan
    return mean, np.sqrt(state.squares / period)


@compiled
def highest_step(state: Any, x: float, period: int) -> float:
    """Largest of the last `period` values; NaN until there are so many.

    Two halves make the window: values of this round of the ring, whose best so far is `best`, and
    the rest of the round before, whose maxima from each place to its end were stored in their
    places when it ended. So a step compares three numbers, whatever the period and the data.

    source  M. van Herk, Pattern Recognition Letters 13(7), 1992; J. Gil, M. Werman, IEEE PAMI 15(5)
    """
    if not abs(x) < np.inf:
        return np.nan
    window = state.window
    _check(window, period)
    at = state.next
    best: float = x if at == 0 else max(state.best, x)
    window[at] = x
    state.best = best
    state.count += 1
    at += 1
    if at == period:
        for i in range(period - 2, -1, -1):
            window[i] = max(window[i], window[i + 1])
        state.next = 0
        return best
    state.next = at
    return max(best, window[at]) if state.count >= period else np.nan


@compiled
def lowest_step(state: Any, x: float, period: int) -> float:
    """Smallest of the last `period` values; NaN until there are so many."""
    return -highest_step(state, -x, period)


@compiled
def past_step(state: Any, x: float, period: int) -> float:
    """The value `period` values ago; NaN until there is one."""
    if not abs(x) < np.inf:
        return np.nan
    window = state.window
    _check(window, period)
    at = state.next
    old = window[at] if state.count >= period else np.nan
    window[at] = x
    state.count += 1
    state.next = 0 if at + 1 == period else at + 1
    return old
