"""Circuit breakers: asking a venue that fails less, and finding out soon that it no longer does.

Theory of operation. Each kind of endpoint of each venue has a breaker of its own, because venues
fail by halves: orders time out while market data answers. It is CLOSED while all is well. After
`failures` failures in a row it is OPEN: nothing passes for a pause. Then it is HALF_OPEN: one
request at a time passes, as a probe; `successes` good ones in a row close it, one bad one opens it
again, for twice the pause. Pauses are short and bounded: one request in five seconds is no burden
for a sick venue, and one that is well again is used again after at most
pause_most + successes x (time of an answer).

What is a failure? Silence, 5xx, garbage: an answer from which the venue's health cannot be seen. A
refusal is the venue working; a throttled request is the budget's matter, not the breaker's.
Cancels pass always: the one thing worse than asking a sick venue is not to cancel there.
No clock and no chance: time and a Generator are arguments. Values; each call gives the next one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

import numpy as np

from messages.base import NS_PER_MS, NS_PER_S, Event
from messages.venue import Acted, Request, RequestFailed


class BreakerState(StrEnum):
    """Whether requests pass."""

    CLOSED = "CLOSED"
    OPEN = "OPEN"
    HALF_OPEN = "HALF_OPEN"


class Endpoint(StrEnum):
    """Kinds of requests that fail together."""

    ORDERS = "ORDERS"
    CANCELS = "CANCELS"
    ACCOUNT = "ACCOUNT"  # questions about orders, fills, balances; settings
    MARKET = "MARKET"  # public questions


_ENDPOINT: Final[Mapping[Request, Endpoint]] = {
    Request.SUBMIT: Endpoint.ORDERS,
    Request.SUBMIT_LIST: Endpoint.ORDERS,
    Request.MODIFY: Endpoint.ORDERS,
    Request.CANCEL: Endpoint.CANCELS,
    Request.CANCEL_ALL: Endpoint.CANCELS,
    Request.CANCEL_ALL_AFTER: Endpoint.CANCELS,
}


def endpoint_of(request: Request | None) -> Endpoint:
    """Which breaker judges a request; None is a public question."""
    return Endpoint.MARKET if request is None else _ENDPOINT.get(request, Endpoint.ACCOUNT)


@dataclass(frozen=True, slots=True)
class BreakerConfig:
    """failures   in a row that open it
    successes  in a row that close it
    pause_ns   nothing passes for so long; twice as long each time in a row, up to `pause_most_ns`
    """

    failures: int = 3
    successes: int = 2
    pause_ns: int = NS_PER_S
    pause_most_ns: int = 5 * NS_PER_S


@dataclass(frozen=True, slots=True)
class Breaker:
    """One venue's one kind of endpoint.

    row        successes or failures in a row, whichever counts in this state
    pauses     openings in a row
    ts_until   when OPEN ends
    probing    HALF_OPEN: the one request is on its way
    """

    config: BreakerConfig = field(default_factory=BreakerConfig)
    state: BreakerState = BreakerState.CLOSED
    row: int = 0
    pauses: int = 0
    ts_until: int = 0
    probing: bool = False

    def wait_ns(self, now_ns: int) -> int:
        """0: a request may go now (tell `sent`); else how long it must wait at least."""
        if self.state is BreakerState.CLOSED:
            return 0
        if self.state is BreakerState.OPEN:
            return max(self.ts_until - now_ns, 0)
        return NS_PER_MS if self.probing else 0

    def sent(self, now_ns: int) -> "Breaker":
        """A request goes out: after a pause it is the probe."""
        if self.state is BreakerState.OPEN and now_ns >= self.ts_until:
            return replace(self, state=BreakerState.HALF_OPEN, row=0, probing=True)
        return replace(self, probing=self.state is BreakerState.HALF_OPEN)

    def succeeded(self) -> "Breaker":
        """The venue answered like a venue."""
        if self.state is not BreakerState.HALF_OPEN:
            return self if self.state is BreakerState.OPEN else replace(self, row=0)
        if self.row + 1 >= self.config.successes:
            return Breaker(self.config)
        return replace(self, row=self.row + 1, probing=False)

    def failed(self, now_ns: int) -> "Breaker":
        """The venue did not answer, or not like one. Answers to what was sent before it opened
        change nothing any more."""
        if self.state is BreakerState.OPEN:
            return self
        if self.state is BreakerState.CLOSED and self.row + 1 < self.config.failures:
            return replace(self, row=self.row + 1)
        pause = min(self.config.pause_ns << self.pauses, self.config.pause_most_ns)
        return Breaker(self.config, BreakerState.OPEN, 0, min(self.pauses + 1, 32), now_ns + pause)

    def heard(self, answer: Event, now_ns: int) -> "Breaker":
        """What one answer of the connection says about the venue's health."""
        if not isinstance(answer, RequestFailed):
            return self.succeeded()
        if answer.retry_after_ns:
            return replace(self, probing=False)  # throttled or held back: it says nothing
        return self.failed(now_ns)


@dataclass(frozen=True, slots=True)
class Breakers:
    """All of them, by venue and kind of endpoint."""

    config: BreakerConfig = field(default_factory=BreakerConfig)
    known: Mapping[tuple[str, Endpoint], Breaker] = field(default_factory=dict)

    def of(self, venue: str, endpoint: Endpoint) -> Breaker:
        return self.known.get((venue, endpoint), Breaker(self.config))

    def wait_ns(self, venue: str, endpoint: Endpoint, now_ns: int) -> int:
        """As `Breaker.wait_ns`; cancels never wait."""
        if endpoint is Endpoint.CANCELS:
            return 0
        return self.of(venue, endpoint).wait_ns(now_ns)

    def sent(self, venue: str, endpoint: Endpoint, now_ns: int) -> "Breakers":
        return self._with(venue, endpoint, self.of(venue, endpoint).sent(now_ns))

    def heard(self, venue: str, endpoint: Endpoint, answer: Event, now_ns: int) -> "Breakers":
        return self._with(venue, endpoint, self.of(venue, endpoint).heard(answer, now_ns))

    def healthy(self, venue: str) -> bool:
        """Whether orders may be sent there at all: what a router asks."""
        return self.of(venue, Endpoint.ORDERS).state is BreakerState.CLOSED

    def _with(self, venue: str, endpoint: Endpoint, breaker: Breaker) -> "Breakers":
        return replace(self, known={**self.known, (venue, endpoint): breaker})


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """At most `attempts` in all; waits double from `first_ns`, off by up to `jitter` either way,
    so that a thousand callers do not come back together."""

    attempts: int = 3
    first_ns: int = 100 * NS_PER_MS
    jitter: float = 0.1

    def wait_ns(self, answer: Event, attempt: int, rng: np.random.Generator) -> int | None:
        """How long to wait before sending the same request (and id) again; None: never.

        Only where the venue certainly did not act. PERHAPS is for reconciliation, not for hope;
        a refusal would be repeated too; what was held back has to wait too long for an order, and
        who asks a question asks again when the answer still matters.
        attempt  those made so far, >= 1
        """
        if not isinstance(answer, RequestFailed) or not answer.request.acting:
            return None
        if answer.acted is not Acted.NO or answer.retry_after_ns or attempt >= self.attempts:
            return None
        wait = self.first_ns << (attempt - 1)
        return round(wait * (1.0 + self.jitter * float(rng.uniform(-1.0, 1.0))))
