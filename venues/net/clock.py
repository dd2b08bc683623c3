"""The venue's clock as seen from here: a steady clock of ours plus a measured offset.

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
# Two clocks of one host that are slewed together differ by less: more is a step.
_STEP_NS: Final = 50 * NS_PER_MS
_LOOKS: Final = 3


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

    Measurements are made with a steady clock, so that the venue's time goes on whatever becomes of
    the host's. A step between the two (the host was set, or slept) says that one of them no longer
    is what it was: until the next measurement that is a problem.

    local_ns   a clock that nobody sets; without one `now_ns`, this host's clock, has to do
    measured   the measurement in use, by that clock; None before the first
    last       the newest one, used or not
    """

    def __init__(
        self,
        now_ns: Callable[[], int],
        skew_ns_max: int = SKEW_NS_MAX,
        steady_ns: Callable[[], int] | None = None,
    ) -> None:
        self.measured: Measured | None = None
        self.last: Measured | None = None
        self.local_ns = steady_ns or now_ns
        self._now_ns = now_ns
        self._skew_ns_max = skew_ns_max
        self._gap_ns = self._gap()  # at the last measurement
        self._doubt = ""

    @property
    def offset_ns(self) -> int:
        """How far the venue is ahead of this host's clock."""
        return 0 if self.measured is None else self.measured.offset_ns - self._gap()

    @property
    def uncertainty_ns(self) -> int:
        """How far from the venue's time `now_ns` may be; -1 before the first measurement."""
        return -1 if self.measured is None else self.measured.uncertainty_ns(self.local_ns())

    def now_ns(self) -> int:
        if self.measured is None:
            return self._now_ns()
        return self.local_ns() + self.measured.offset_ns

    def add(self, sent_ns: int, venue_ns: int, received_ns: int) -> None:
        """Take one measurement in: `local_ns` around it, and the venue's time between them."""
        half = (received_ns - sent_ns) // 2
        offset_ns = venue_ns + _ROUNDED_NS - (sent_ns + half)
        new = Measured(offset_ns, max(received_ns - sent_ns, 0), received_ns)
        self.last = new
        old = None if self._doubt or self._step_ns() else self.measured
        self._doubt, self._gap_ns = "", self._gap()
        if old is not None:
            doubt = old.uncertainty_ns(received_ns)
            agrees = abs(new.offset_ns - old.offset_ns) <= doubt + half + _ROUNDED_NS
            if agrees and doubt < half:
                return
        self.measured = new

    def doubt(self, why: str) -> None:
        """What is known is wrong, says the venue: nothing is signed until the next measurement."""
        self._doubt = why

    def problem(self) -> str:
        """Why nothing may be signed now; "" if it may."""
        if self._doubt:
            return f"{self._doubt}: its time is being measured"
        if self.measured is None:
            return ""  # never measured: the venue judges our time
        if step_ns := self._step_ns():
            ms = step_ns // NS_PER_MS
            return f"this host's clock was set by {ms:+} ms: the venue's is being measured anew"
        uncertainty_ns = self.uncertainty_ns
        if uncertainty_ns > self._skew_ns_max:
            return (
                f"the venue's time is known to {uncertainty_ns // NS_PER_MS} ms only, more than "
                f"{self._skew_ns_max // NS_PER_MS} ms: look at the connection to it"
            )
        offset_ns = self.offset_ns
        if abs(offset_ns) > self._skew_ns_max:
            way = "behind" if offset_ns > 0 else "ahead of"
            return (
                f"this host's clock is {abs(offset_ns) // NS_PER_MS} ms {way} the venue's, "
                f"more than {self._skew_ns_max // NS_PER_MS} ms: set it by NTP"
            )
        return ""

    def _step_ns(self) -> int:
        """By how much the host's clock was set since the last measurement; 0 if it was not."""
        step_ns = self._gap() - self._gap_ns
        return step_ns if abs(step_ns) > _STEP_NS else 0

    def _gap(self) -> int:
        """The host's clock minus the steady one; of several looks the one that took least, because
        whoever is interrupted between the two readings sees a step that is none."""
        looks = []
        for _ in range(_LOOKS):
            before = self.local_ns()
            host = self._now_ns()
            took = self.local_ns() - before
            looks.append((took, host - before - took // 2))
            if took < NS_PER_MS:
                break
        return min(looks)[1]
