"""One way to one venue: its adapter with a connection, a clock and a budget; and plain questions.

Questions here are those that no command asked (time, instruments, books, history, listen keys).
Commands go through `venues.net.gateway`, which answers with evidence instead of exceptions.
"""

import asyncio
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Final

from messages.base import NS_PER_MS, NS_PER_S, InstrumentId
from messages.market import Instrument
from trading.errors import Ambiguous, NotSent, Refused, Throttled, VenueError
from venues.net.budget import RequestBudget
from venues.net.clock import VenueClock
from venues.net.http import Http
from venues.net.leases import HOP_NS
from venues.wire.adapter import Adapter
from venues.wire.keys import Keys
from venues.wire.limits import Cost, Lane
from venues.wire.request import Answer, HttpRequest, WireRequest

RECV_WINDOW_MS: Final = 5000
_SAMPLES: Final = 3
_LOOK_S: Final = 0.002
_PATIENCE_NS: Final = NS_PER_S // 4
_MEASURED_NS: Final = NS_PER_S // 4  # a measurement so young is not made again
_SETTLE_S: Final = 1.0


@dataclass(slots=True)
class Access:
    """What every request to a venue needs; share the budget among all users of an address.

    keys            None: public questions only
    instruments     those known; whoever refreshes them does it in place
    recv_window_ms  how long a signed request is good for
    """

    adapter: Adapter
    http: Http
    clock: VenueClock
    budget: RequestBudget
    now_ns: Callable[[], int]
    keys: Keys | None = None
    instruments: MutableMapping[InstrumentId, Instrument] = field(default_factory=dict)
    recv_window_ms: int = RECV_WINDOW_MS
    _syncing: "asyncio.Task[bool] | None" = field(default=None, init=False, repr=False)
    _synced_ns: int = field(default=0, init=False, repr=False)

    def signed(self, wire: WireRequest, venue_ns: int) -> HttpRequest:
        """The request as it is sent, good from now on.

        raises  NotSent without keys, or while our time cannot be trusted
        """
        if self.keys is None:
            raise NotSent("no keys: this connection asks public questions only")
        problem = self.clock.problem()
        if problem:
            raise NotSent(f"not signed: {problem}")
        return self.adapter.sign(wire, self.keys, venue_ns, self.recv_window_ms)

    async def ask(
        self, wire: WireRequest, *, signed: bool = False, lane: Lane | None = None
    ) -> Answer:
        """A success of the venue.

        lane    how urgent it is, where that is not for the adapter to say: without the venue's
                time, or a listen key, nothing else can be asked, so no data may starve those
        raises  NotSent, Ambiguous (also on a 5xx), Throttled, Refused
        """
        wait_ns = await self.admitted(wire, lane)
        if wait_ns:
            raise Throttled(wait_ns / NS_PER_S)
        venue_ns = whole_ms(self.clock.now_ns())
        request = self.signed(wire, venue_ns) if signed else self.adapter.unsigned(wire)
        answer = await self.http.send(request)
        retry_ns = self.obeyed(wire, answer, venue_ns)
        if retry_ns:
            raise Throttled(retry_ns / NS_PER_S)
        if answer.status >= 300:
            text = f"{wire.path}: HTTP {answer.status}: {answer.body[:200]!r}"
            raise Refused(text) if 400 <= answer.status < 500 else Ambiguous(text)
        return answer

    async def admitted(self, wire: WireRequest, lane: Lane | None = None) -> int:
        """0 once the budget lets the request pass, else how long (ns) until it may.

        What it will let pass within a quarter of a second is waited for: looked for again where a
        governor may lend it any moment, slept for where the time is known.
        """
        cost = self.adapter.cost(wire)
        if lane is not None:
            cost = Cost(lane, cost.amounts)
        until_ns = self.clock.local_ns() + _PATIENCE_NS
        while True:
            wait_ns = self.budget.take(cost, whole_ms(self.clock.now_ns()))
            if not 0 < wait_ns <= until_ns - self.clock.local_ns():
                return wait_ns
            await asyncio.sleep(_LOOK_S if wait_ns <= HOP_NS else wait_ns / NS_PER_S)

    def obeyed(self, wire: WireRequest, answer: Answer, sent_ns: int) -> int:
        """Count an answer -> how long (ns) the venue wants to hear nothing; the budget obeys.

        sent_ns  the venue's time when the question left: what the answer counts, it counted then
        """
        self.budget.observe(answer.headers, sent_ns)
        retry_ns = self.adapter.retry_after_ns(answer)
        if retry_ns:
            names = self.adapter.throttled(wire, answer)
            self.budget.block(retry_ns, self.clock.now_ns(), names)
        return retry_ns

    # --- the venue's time ----------------------------------------------------------------------

    async def sync(self) -> bool:
        """Measure the venue's clock; False if it gave no time, which leaves what is known."""
        found = False
        for _ in range(_SAMPLES):
            wire = self.adapter.ask_time()
            if await self.admitted(wire, Lane.QUERY):
                continue
            sent_ns, venue_ns = self.clock.local_ns(), self.clock.now_ns()
            try:
                answer = await self.http.send(self.adapter.unsigned(wire))
                received_ns = self.clock.local_ns()
                if self.obeyed(wire, answer, venue_ns) or answer.status >= 300:
                    continue
                self.clock.add(sent_ns, self.adapter.read_time(answer.body), received_ns)
            except VenueError:
                continue
            found = True
        self._synced_ns = self.clock.local_ns()
        return found

    def resync(self) -> "asyncio.Task[bool] | None":
        """Measure the venue's clock beside everything else; None if that has just been done."""
        if self._syncing is not None and not self._syncing.done():
            return self._syncing
        if self._synced_ns and self.clock.local_ns() - self._synced_ns < _MEASURED_NS:
            return None
        self._syncing = asyncio.create_task(self.sync())
        return self._syncing

    async def settled(self) -> str:
        """Why nothing may be signed now ("" if it may), after a measurement if there is a reason;
        a venue that does not answer is not waited for long."""
        problem = self.clock.problem()
        if problem and (measuring := self.resync()) is not None:
            await asyncio.wait({measuring}, timeout=_SETTLE_S)
            problem = self.clock.problem()
        return problem

    def disowned(self, why: str, signed_ns: int) -> None:
        """The venue refused the time of a request that was signed at `signed_ns` (`local_ns` of the
        clock): measure it, unless that has been done since."""
        measured = self.clock.measured
        if measured is not None and measured.at_ns > signed_ns:
            return
        self.clock.doubt(f"the venue refused our time ({why})")
        self._synced_ns = 0
        self.resync()


def whole_ms(ns: int) -> int:
    """Rounded down to what signed times can say."""
    return ns // NS_PER_MS * NS_PER_MS
