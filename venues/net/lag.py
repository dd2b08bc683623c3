"""A connection that is alive, complete and ever later: the slow drip, which no gap and no silence
shows.

Theory of operation. A change of a book tells when the venue made it, and we know when it was read:
the difference is latency, plus whatever the two clocks differ by. On one connection only the least
difference of late counts as normal; what comes much later than that waits somewhere on the way,
and a fresh connection begins with the present. Were the network itself too slow, a new connection
would help only for moments: so not more often than every `rest_ns`.
"""

from collections.abc import Iterable
from typing import Final

from messages.base import NS_PER_S, Event
from messages.market import BookDeltaBatch

LATE_NS: Final = 3 * NS_PER_S
REST_NS: Final = 30 * NS_PER_S
_SPAN_NS: Final = 300 * NS_PER_S  # clocks drift: older differences say nothing about today's


class Lag:
    """How late one connection is.

    late_ns  beyond the least lateness of the last minutes: too late
    rest_ns  between two times that it says so
    """

    def __init__(self, late_ns: int = LATE_NS, rest_ns: int = REST_NS) -> None:
        self._late_ns = late_ns
        self._rest_ns = rest_ns
        self._said_ns = -rest_ns
        self.begin()

    def begin(self) -> None:
        """A fresh connection."""
        self._least: int | None = None  # in this span
        self._before: int | None = None  # in the one before
        self._span_ns = 0

    def behind_ns(self, events: Iterable[Event]) -> int:
        """How far these are behind, if it is too far; else 0."""
        worst = 0
        for event in events:
            if isinstance(event, BookDeltaBatch) and not event.snapshot:
                worst = max(worst, self._heard(event.ts_init, event.ts_init - event.ts_event))
        return worst

    def _heard(self, now_ns: int, age_ns: int) -> int:
        if now_ns - self._span_ns > _SPAN_NS:
            self._before, self._least, self._span_ns = self._least, None, now_ns
        self._least = age_ns if self._least is None else min(self._least, age_ns)
        normal = self._least if self._before is None else min(self._least, self._before)
        late = age_ns - normal
        if late <= self._late_ns or now_ns - self._said_ns < self._rest_ns:
            return 0
        self._said_ns = now_ns
        return late
