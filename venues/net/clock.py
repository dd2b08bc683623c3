"""The venue's clock as seen from here: our clock plus a measured offset.

An offset is measured with one request: the venue's time lies somewhere between sending and
receiving, so the middle is right to half the round trip. What is known best is kept: a later
measurement that is less exact and does not contradict it changes nothing, one that contradicts it
(a clock has moved) replaces it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from messages.base import NS_PER_MS

# Quartz is good to 50 millionths; twice that for two clocks, twice again to be sure.
_DRIFT: Final = 200e-6
# Venues give whole milliseconds, rounded down: half of one is missing on average.
_ROUNDED_NS: Final = 500_000
# Beyond this nothing is signed: what a signed time says would no longer be so.
SKEW_NS_MAX: Final = 250 * NS_PER_MS


@dataclass(frozen=True, slots=True)
class Measured:
    """One measurement; `round_trip_ns` is what its request took."""

    offset_ns: int
    round_trip_ns: int
    at_ns: int

    def uncertainty_ns(self, now_ns: int) -> int:
        """How far from the truth the offset may be by now."""
        return self.round_trip_ns // 2 + int(abs(now_ns - self.at_ns) * _DRIFT)


class VenueClock:
    """`now_ns` of the venue; until the first measurement it is our own.

    measured  the measurement in use; None before the first
    """

    def __init__(self, now_ns: Callable[[], int], skew_ns_max: int = SKEW_NS_MAX) -> None:
        self.measured: Measured | None = None
        self._now_ns = now_ns
        self._skew_ns_max = skew_ns_max

    @property
    def offset_ns(self) -> int:
        return self.measured.offset_ns if self.measured is not None else 0

    @property
    def uncertainty_ns(self) -> int:
        """How far from the venue's time `now_ns` may be; -1 before the first measurement."""
        return -1 if self.measured is None else self.measured.uncertainty_ns(self._now_ns())

    def now_ns(self) -> int:
        return self._now_ns() + self.offset_ns

    def add(self, sent_ns: int, venue_ns: int, received_ns: int) -> None:
        """Take one measurement in: our times around it, and the venue's between them."""
        half = (received_ns - sent_ns) // 2
        offset_ns = venue_ns + _ROUNDED_NS - (sent_ns + half)
        new = Measured(offset_ns, max(received_ns - sent_ns, 0), received_ns)
        old = self.measured
        if old is not None:
            doubt = old.uncertainty_ns(received_ns)
            agrees = abs(new.offset_ns - old.offset_ns) <= doubt + half + _ROUNDED_NS
            if agrees and doubt < half:
                return
        self.measured = new

    def problem(self) -> str:
        """Why nothing may be signed now; "" if it may."""
        if self.measured is None:
            return ""  # never measured: the venue judges our time
        uncertainty_ns = self.uncertainty_ns
        if uncertainty_ns > self._skew_ns_max:
            return (
                f"the venue's time is known to {uncertainty_ns // NS_PER_MS} ms only, more than "
                f"{self._skew_ns_max // NS_PER_MS} ms: look at the connection to it"
            )
        if abs(self.offset_ns) > self._skew_ns_max:
            way = "behind" if self.offset_ns > 0 else "ahead of"
            return (
                f"this host's clock is {abs(self.offset_ns) // NS_PER_MS} ms {way} the venue's, "
                f"more than {self._skew_ns_max // NS_PER_MS} ms: set it by NTP"
            )
        return ""
