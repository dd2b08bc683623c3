"""Whether a stream still speaks: measured by how it has spoken so far, not by a fixed time-out.

Theory of operation. The *pace* of a stream is the longest pause that it has made lately: each pause
raises it at once, and it falls by 1/256 with every batch after that. Silence of three paces is a
stall. A busy book is missed after a second, a quiet one is given the time that it takes anyway, up
to a ceiling.

Before that time is over the venue is asked over REST whether there was anything to say (a *probe*).
If there was not, silence is what should be heard: its count begins anew, and the limit doubles, so
that a quiet symbol is asked about ever more seldom. If there was, the stream is stale once what is
under way has had a second to arrive.

A stall climbs a ladder: subscribe again, connect again, start the process again, each step with
more time than the one before. Only the stream's own word ends it: a new connection does not begin
it anew. While other streams of the connection speak the connection is good, so nothing but the
subscription is made again, ever more seldom; and a process is only ended when the venue says that
there was something to hear.
"""

from dataclasses import dataclass
from typing import Final

from messages.base import NS_PER_S
from messages.market import RepairStep

_PACES: Final = 3
_FALL: Final = 256
_WARM: Final = 10  # batches before a pace is believed
_UNANSWERED: Final = 3  # limits of silence after which a doubtful stream is repaired without proof
QUIET_MAX_NS: Final = 300 * NS_PER_S  # what a limit grows to while the venue vouches
_WAIT_MAX_NS: Final = 600 * NS_PER_S  # venues count subscriptions by the hour
LADDER: Final = (RepairStep.RESUBSCRIBE, RepairStep.RECONNECT, RepairStep.RESTART)


@dataclass(slots=True)
class Pulse:
    """One stream of one instrument. `floor_ns <= limit`; `<= ceiling_ns` unless vouched for.

    heard_ns   its last word; -1: none yet
    since_ns   from when on its silence counts; -1: it is not expected to speak
    moved_ns   when we learned that it should have spoken; -1: we did not
    probed_ns  when the venue was asked about this silence; -1: it was not
    """

    ceiling_ns: int
    floor_ns: int = NS_PER_S
    heard_ns: int = -1
    since_ns: int = -1
    pace_ns: int = 0
    count: int = 0
    stale: bool = False  # found silent, and it has not spoken since
    stale_ns: int = -1
    step: int = 0  # steps of the ladder that were taken
    repeats: int = 0  # of the step before, because the next one would not be right
    due_ns: int = 0  # when the next one is
    vouches: int = 0
    moved_ns: int = -1
    probed_ns: int = -1

    @property
    def quick(self) -> bool:
        """Whether it is judged by its own pace, not by the ceiling."""
        return self.count >= _WARM and _PACES * self.pace_ns < self.ceiling_ns

    @property
    def limit_ns(self) -> int:
        """Silence that is a stall."""
        base = self.ceiling_ns
        if self.quick:
            base = max(_PACES * self.pace_ns, self.floor_ns)
        return max(base, min(base << min(self.vouches, 16), QUIET_MAX_NS))

    def heard(self, now_ns: int) -> bool:
        """It spoke; True if it was stale until now."""
        recovered = self.stale
        if self.heard_ns >= 0 and not recovered:  # a stall says nothing of its pace
            gap = now_ns - self.heard_ns
            self.pace_ns = max(gap, self.pace_ns - self.pace_ns // _FALL)
        self.heard_ns = self.since_ns = now_ns
        self.count += 1
        self._well()
        return recovered

    def _well(self) -> None:
        self.stale, self.step, self.repeats = False, 0, 0
        self.vouches, self.due_ns = 0, 0
        self.moved_ns = self.probed_ns = -1

    def expect(self, now_ns: int) -> None:
        """It can speak from now on: it was asked for. The ladder goes on where it was."""
        self.since_ns = now_ns
        self.moved_ns = self.probed_ns = -1
        self.due_ns = max(self.due_ns, now_ns + self.limit_ns)

    # --- what the venue says of it --------------------------------------------------------------

    def wants_probe(self, now_ns: int, *, suspected: bool) -> bool:
        """Whether to ask the venue now: in time to be answered, and again if it does not answer.

        suspected  another stream says that this one should have spoken
        """
        if self.since_ns < 0 or self.moved_ns >= 0:
            return False
        if self.probed_ns >= 0:
            return now_ns - self.probed_ns > self.limit_ns
        return suspected or 3 * (now_ns - self.since_ns) > 2 * self.limit_ns

    def vouched(self, asked_ns: int) -> bool:
        """There was nothing to say until then; True if it was held to be stale."""
        recovered = self.stale
        vouches = self.vouches + 1
        self._well()
        self.vouches, self.since_ns = vouches, asked_ns
        return recovered

    def missed(self, now_ns: int) -> None:
        """There was something to say."""
        if self.moved_ns < 0:
            self.moved_ns = now_ns

    # --- what to do -----------------------------------------------------------------------------

    def stalled(self, now_ns: int) -> bool:
        """Whether it has just become stale; said once."""
        if self.stale or self.since_ns < 0:
            return False
        missed = 0 <= self.moved_ns <= now_ns - self.floor_ns
        if not missed and now_ns - self.since_ns <= self.limit_ns:
            return False
        self.stale, self.stale_ns = True, now_ns
        return True

    def repair(self, now_ns: int, *, alone: bool) -> RepairStep | None:
        """What to do about it now; None while it is well, or while the last step has time to work.

        alone  nothing else came over its connection since it was found stale
        """
        if not self.stale or now_ns < self.due_ns or self.step >= len(LADDER):
            return None
        proven = self.moved_ns >= 0 or (self.quick and not self.vouches)
        if not (self.step or proven or now_ns - self.since_ns > _UNANSWERED * self.limit_ns):
            return None
        step = LADDER[self.step]
        if step is not RepairStep.RESUBSCRIBE and not alone:
            step = RepairStep.RESUBSCRIBE
            self.repeats += 1
        elif step is RepairStep.RESTART and self.moved_ns < 0:
            step = RepairStep.RECONNECT
            self.repeats += 1
        else:
            self.step += 1
        wait_ns = self.step * max(self.limit_ns, NS_PER_S) << min(self.repeats, 16)
        self.due_ns = now_ns + min(wait_ns, max(_WAIT_MAX_NS, self.limit_ns))
        return step
