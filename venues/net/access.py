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
from venues.wire.request import Answer, HttpRequest, WireRequest

RECV_WINDOW_MS: Final = 5000
_SAMPLES: Final = 3
_LOOK_S: Final = 0.005
_LOOKS_MAX: Final = 50


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

    async def ask(self, wire: WireRequest, *, signed: bool = False) -> Answer:
        """A success of the venue.

        raises  NotSent, Ambiguous (also on a 5xx), Throttled, Refused
        """
        wait_ns = await self.admitted(wire)
        if wait_ns:
            raise Throttled(wait_ns / NS_PER_S)
        venue_ns = whole_ms(self.clock.now_ns())
        request = self.signed(wire, venue_ns) if signed else self.adapter.unsigned(wire)
        answer = await self.http.send(request)
        retry_ns = self.obeyed(answer)
        if retry_ns:
            raise Throttled(retry_ns / NS_PER_S)
        if answer.status >= 300:
            text = f"{wire.path}: HTTP {answer.status}: {answer.body[:200]!r}"
            raise Refused(text) if 400 <= answer.status < 500 else Ambiguous(text)
        return answer

    async def admitted(self, wire: WireRequest) -> int:
        """0 once the budget lets the request pass, else how long (ns) until it may.

        What a governor can lend within a hop is waited for, up to a quarter of a second.
        """
        cost = self.adapter.cost(wire)
        for _ in range(_LOOKS_MAX):
            wait_ns = self.budget.take(cost, whole_ms(self.clock.now_ns()))
            if not 0 < wait_ns <= HOP_NS:
                return wait_ns
            await asyncio.sleep(_LOOK_S)
        return wait_ns

    def obeyed(self, answer: Answer) -> int:
        """Count an answer -> how long (ns) the venue wants to hear nothing; the budget obeys."""
        venue_ns = self.clock.now_ns()
        self.budget.observe(answer.headers, venue_ns)
        retry_ns = self.adapter.retry_after_ns(answer)
        if retry_ns:
            self.budget.block(retry_ns, venue_ns)
        return retry_ns

    async def sync(self) -> bool:
        """Measure the venue's clock; False if it gave no time, which leaves what is known."""
        found = False
        for _ in range(_SAMPLES):
            sent_ns = self.now_ns()
            try:
                answer = await self.ask(self.adapter.ask_time())
                venue_ns = self.adapter.read_time(answer.body)
            except VenueError:
                continue
            self.clock.add(sent_ns, venue_ns, self.now_ns())
            found = True
        return found


def whole_ms(ns: int) -> int:
    """Rounded down to what signed times can say."""
    return ns // NS_PER_MS * NS_PER_MS
