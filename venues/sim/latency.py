"""How long words travel: to the venue, back from it, and from its market data to us.

A model is a value; chance comes from the Generator that the caller passes.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np


class LatencyModel(Protocol):
    """Draws one delay."""

    def draw_ns(self, rng: np.random.Generator) -> int:
        """Nanoseconds, >= 0."""
        ...


@dataclass(frozen=True, slots=True)
class Constant:
    """Always the same delay; draws no chance."""

    delay_ns: int

    def draw_ns(self, rng: np.random.Generator) -> int:
        return self.delay_ns


@dataclass(frozen=True, slots=True)
class Uniform:
    """Any delay in [low_ns, high_ns), all alike."""

    low_ns: int
    high_ns: int

    def draw_ns(self, rng: np.random.Generator) -> int:
        return int(rng.integers(self.low_ns, self.high_ns))


@dataclass(frozen=True, slots=True)
class Lognormal:
    """A floor plus a right-skewed rest, as measured on networks; never above `max_ns`.

    median_ns  of the rest, above the floor
    sigma      standard deviation of the rest's logarithm; 0.5 puts the p99 at 3.2 medians
    """

    floor_ns: int
    median_ns: int
    sigma: float
    max_ns: int

    def draw_ns(self, rng: np.random.Generator) -> int:
        rest = self.median_ns * math.exp(self.sigma * float(rng.standard_normal()))
        return min(self.max_ns, self.floor_ns + int(rest))


@dataclass(frozen=True, slots=True)
class Latencies:
    """The three ways of one venue connection."""

    entry: LatencyModel  # our command reaches the matching engine
    response: LatencyModel  # its answer, and the user stream, reach us
    feed: LatencyModel  # its market data reaches us


INSTANT = Latencies(entry=Constant(0), response=Constant(0), feed=Constant(0))
