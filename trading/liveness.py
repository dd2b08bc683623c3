"""Whether a stream still speaks: measured by how it has spoken so far, not by a fixed time-out.

Theory of operation. The *pace* of a stream is the longest pause that it has made lately: each pause
raises it at once, and it falls by 1/256 with every batch after that. Silence of three paces is a
stall. A busy book is missed after a second, a quiet one is given the time that it takes anyway, up
to a ceiling. A stall climbs a ladder, a step for each further limit of silence: subscribe again,
connect again, start the process again. The first word from the stream ends it.
"""

from dataclasses import dataclass
from typing import Final

from messages.base import NS_PER_S
from messages.market import RepairStep

_PACES: Final = 3
_FALL: Final = 256
_WARM: Final = 10  # batches before a pace is believed
LADDER: Final = (RepairStep.RESUBSCRIBE, RepairStep.RECONNECT, RepairStep.RESTART)


@dataclass(slots=True)
class Pulse:
    """One stream of one instrument. `floor_ns <= limit <= ceiling_ns`."""

    ceiling_ns: int
    floor_ns: int = NS_PER_S
    heard_ns: int = -1  # -1: never
    pace_ns: int = 0
    count: int = 0
    stale: bool = False  # found silent, and it has not spoken since
    step: int = 0  # steps of the ladder that were taken
    due_ns: int = 0  # when the next one is

    @property
    def limit_ns(self) -> int:
        """Silence that is a stall."""
        if self.count < _WARM:
            return self.ceiling_ns
        return min(max(_PACES * self.pace_ns, self.floor_ns), self.ceiling_ns)

    def heard(self, now_ns: int) -> bool:
        """It spoke; True if it was stale until now."""
        recovered = self.stale
        if self.heard_ns >= 0 and not recovered:  # a stall says nothing of its pace
            gap = now_ns - self.heard_ns
            self.pace_ns = max(gap, self.pace_ns - self.pace_ns // _FALL)
        self.heard_ns = now_ns
        self.count += 1
        self.stale, self.step, self.due_ns = False, 0, 0
        return recovered

    def expect(self, now_ns: int) -> None:
        """It can speak from now on: a connection was made, so the ladder begins anew."""
        if self.heard_ns < 0:
            self.heard_ns = now_ns
        self.step, self.due_ns = 0, now_ns + self.limit_ns

    def stalled(self, now_ns: int) -> bool:
        """Whether it has just become stale; said once."""
        if self.stale or self.heard_ns < 0 or now_ns - self.heard_ns <= self.limit_ns:
            return False
        self.stale = True
        return True

    def repair(self, now_ns: int) -> RepairStep | None:
        """What to do about it now; None while it is well, or while the last step has time to work.

        A connection takes a second and a process several, so each step gets more of it.
        """
        if not self.stale or now_ns < self.due_ns or self.step >= len(LADDER):
            return None
        step = LADDER[self.step]
        self.step += 1
        self.due_ns = now_ns + self.step * max(self.limit_ns, NS_PER_S)
        return step
