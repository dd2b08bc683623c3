"""What a venue's answers have been like lately: how fast, and how many of them were answers.

A record holds at most 1000 samples of the last minute. It feeds the router: `p50` is a candidate's
latency, `reliability` its share of requests that were answered well.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from messages.base import NS_PER_MS, NS_PER_S, Event
from messages.venue import RequestFailed

SAMPLES_MAX: Final = 1000
WINDOW_NS: Final = 60 * NS_PER_S
_Sample = tuple[int, int, bool]  # when it ended, how long it took, whether it was answered well


@dataclass(frozen=True, slots=True)
class VenueRecord:
    """Samples, oldest first. A value: each call gives the next one.

    cost  O(samples) a call: for answers to orders, not for ticks
    """

    samples: tuple[_Sample, ...] = ()

    def heard(self, answer: Event, took_ns: int, now_ns: int) -> "VenueRecord":
        """Count one answer. A refusal is an answer; held back by ourselves is no sample."""
        good = not isinstance(answer, RequestFailed)
        if isinstance(answer, RequestFailed) and answer.retry_after_ns:
            return self
        return VenueRecord(_young((*self.samples, (now_ns, took_ns, good)), now_ns))

    def latency_ms(self, percent: float, now_ns: int) -> float | None:
        """A percentile of how long good answers took; None without one in the window.

        percent  0 .. 100
        """
        took = [ns for _, ns, good in _young(self.samples, now_ns) if good]
        return float(np.percentile(took, percent)) / NS_PER_MS if took else None

    def p50(self, now_ns: int) -> float | None:
        """Milliseconds."""
        return self.latency_ms(50.0, now_ns)

    def reliability(self, now_ns: int) -> float:
        """Share of requests that were answered well; 1 without any, for nothing speaks against."""
        known = _young(self.samples, now_ns)
        return sum(good for _, _, good in known) / len(known) if known else 1.0


def _young(samples: Sequence[_Sample], now_ns: int) -> tuple[_Sample, ...]:
    recent = (s for s in samples[-SAMPLES_MAX:] if s[0] > now_ns - WINDOW_NS)
    return tuple(recent)
