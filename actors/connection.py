"""A trading actor's own way to the venue: requests go out at once, each answer is one message.

A request that comes before the connection is up waits for it, within bounds, and it is up once the
venue's time is known: requests are signed with it. What an answer proves, or fails to prove, is the
gateway's to say. Only what certainly never left is sent again, a few times, soon (`RetryPolicy`).

Evidence is never dropped: it waits for room in the mailbox. While it waits the stream is not read;
if that lasts, the venue ends it, and StreamDown and StreamUp make the order manager ask for
everything.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from actors.config import RunConfig
from actors.leasing import Leasing
from actors.peer import Peer
from actors.shell import Shell
from actors.timekeeping import SIGNING, keep_time
from messages import Message
from messages.base import NS_PER_S
from messages.market import Instrument
from messages.venue import Request, RequestFailed, Source
from trading.breaker import Breakers, RetryPolicy
from trading.execution.record import VenueRecord
from venues.net.access import Access
from venues.net.budget import Budget, RequestBudget
from venues.net.clock import VenueClock
from venues.net.gateway import REQUEST, Gateway, GatewayCommand
from venues.net.http import Http
from venues.net.leases import reserve_of, time_reserve
from venues.net.socket import Backoff, SocketConfig
from venues.net.user import UserStream
from venues.registry import adapter
from venues.wire.keys import Keys, keys_from

BACKOFF: Final = Backoff(first_s=0.05, most_s=5.0)
# What adds or changes is worth nothing when it is late; what takes off is, for a while. What is not
# sent by then is told so, and the order manager repeats what it still wants.
PATIENT: Final = frozenset({Request.CANCEL, Request.CANCEL_ALL, Request.CANCEL_ALL_AFTER})
PATIENCE: Final = 6  # receive windows


def access_of(config: RunConfig, now_ns: Callable[[], int], *, private: bool) -> Access:
    """The run's way to its venue; with the keys of this process's environment if `private`."""
    venue = adapter(config.venue, config.product)
    keys: Keys | None = None
    if private:
        keys = keys_from(config.venue, os.environ, passphrase=venue.needs_passphrase)
    clock = VenueClock(time.time_ns, steady_ns=time.monotonic_ns)
    budget: RequestBudget = Budget(venue.limits)
    if config.governed:
        governor, news = (Peer(config.run_id, config.governor) for _ in range(2))
        stock = reserve_of(venue, config.by_id) if private else time_reserve(venue)
        budget = Leasing(venue.limits, stock, config.product, governor, news, clock.now_ns)
    return Access(
        venue,
        Http(config.rest_url),
        clock,
        budget,
        now_ns,
        keys,
        dict(config.by_id),
        config.recv_window_ms,
    )


def keep_budget(
    access: Access, ended: Callable[["asyncio.Task[None]"], None]
) -> "asyncio.Task[None] | None":
    """Where a governor lends the budget, talk to it for as long as the task is not cancelled.

    ended  is told when it has ended: after an exception that nobody sees nothing would be lent
    """
    if not isinstance(access.budget, Leasing):
        return None
    task = asyncio.create_task(access.budget.keep())
    task.add_done_callback(ended)
    return task


@dataclass(frozen=True, slots=True)
class Owner:
    """The actor that a connection belongs to, as the connection sees it."""

    answer: Callable[[Message], Awaitable[None]]  # returns when the message is taken over
    died: Callable[[BaseException], None]
    log: Callable[..., None]  # (level, event, **fields)
    timed: Callable[[str, float], None]  # (request, seconds until the venue answered)


def owner(shell: Shell[Any]) -> Owner:
    """A shell as the owner of its connection; evidence waits for room in its mailbox."""

    def timed(request: str, seconds: float) -> None:
        if shell.metrics_registry is not None:
            shell.metrics_registry.venue_answered(request, seconds)

    async def answer(message: Message) -> None:
        await shell.mailbox.offer("venue", message)

    return Owner(answer, shell._die, shell._log, timed)


class VenueConnection:
    """REST gateway and, for the order manager, the user stream of one account.

    wanted  whether a command that has waited here is still to be sent: orders are cancelled, and
            trading is halted, while they wait
    """

    def __init__(
        self,
        config: RunConfig,
        now_ns: Callable[[], int],
        owner: Owner,
        source: Source = Source.QUERY,
        retries: RetryPolicy | None = None,
        wanted: Callable[[GatewayCommand], bool] = lambda _: True,
    ) -> None:
        self.access = access_of(config, now_ns, private=True)
        self._gateway = Gateway(self.access, source, Breakers())
        self._retries = retries or RetryPolicy()
        self._wanted = wanted
        self._rng = np.random.default_rng()
        self.record = VenueRecord()  # of requests that change something
        self._config = config
        self._owner = owner
        self._up = asyncio.Event()
        self._asking: set[asyncio.Task[None]] = set()
        self._stream: UserStream | None = None
        self._keeping: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect and learn the venue's time, however long that takes: a request that is signed
        with a wrong time is refused, or good for longer than its window says."""
        self._keeping = keep_budget(self.access, self._asked)
        await self.access.http.open()
        rng, attempt = np.random.default_rng(), 0
        while not await self.access.sync():
            wait_s = BACKOFF.wait_s(attempt, rng)
            attempt += 1
            self._owner.log("WARNING", "no_venue_time", attempt=attempt, again_in_s=wait_s)
            await asyncio.sleep(wait_s)
        self._up.set()

    def learn(self, instrument: Instrument) -> None:
        """Today's rules of an instrument: from here on requests and answers are counted by them."""
        if instrument.instrument_id in self.access.instruments:
            self.access.instruments[instrument.instrument_id] = instrument

    async def keep_time(self) -> None:
        """Measure the venue's clock now and then, for as long as this actor lives; while nothing
        may be signed, every second."""
        await keep_time(self.access, SIGNING, self._signing)

    def _signing(self, problem: str, before: str) -> None:
        if problem:
            self._owner.log("ERROR", "nothing_is_signed", reason=problem)
        else:
            self._owner.log("INFO", "signing_again", after=before)

    def ask(self, command: GatewayCommand) -> None:
        """Carry out one command beside everything else; its answer comes as a message."""
        task = asyncio.create_task(self._ask(command))
        self._asking.add(task)
        task.add_done_callback(self._asked)

    def _asked(self, task: "asyncio.Task[None]") -> None:
        """A request that ends in an exception of ours would leave its order without an answer."""
        self._asking.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._owner.died(error)

    async def _ask(self, command: GatewayCommand) -> None:
        if not self._up.is_set() and not await self._comes_up(command):
            reason = "no connection to the venue yet: its time is not known"
            await self._owner.answer(self._gateway.unsent(command, reason))
            return
        if not self._wanted(command):
            reason = "it was cancelled while it waited for the connection"
            await self._owner.answer(self._gateway.unsent(command, reason))
            return
        begun = time.perf_counter()
        answer, tries = await self._gateway.execute(command), 1
        while (wait_ns := self._retries.wait_ns(answer, tries, self._rng)) is not None:
            await asyncio.sleep(wait_ns / NS_PER_S)
            late = time.perf_counter() - begun > self._patience_s(command)
            if late or not self._wanted(command):
                break
            answer, tries = await self._gateway.execute(command), tries + 1
        if not isinstance(answer, RequestFailed):
            self._owner.timed(REQUEST[type(command)], time.perf_counter() - begun)
        await self._owner.answer(answer)
        if REQUEST[type(command)].acting:  # afterwards: nobody waits for statistics
            took_ns = round((time.perf_counter() - begun) * NS_PER_S)
            self.record = self.record.heard(answer, took_ns, self.access.now_ns())

    def view(self) -> dict[str, Any]:
        """How good the venue has been lately, for a router."""
        now_ns, breakers = self.access.now_ns(), self._gateway.breakers
        return {
            "venue": self.access.adapter.venue,
            "latency_ms": self.record.p50(now_ns),
            "reliability": self.record.reliability(now_ns),
            "healthy": breakers is None or breakers.healthy(self.access.adapter.venue),
        }

    async def _comes_up(self, command: GatewayCommand) -> bool:
        """Whether the connection comes up while the command is still worth sending."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._up.wait(), self._patience_s(command))
        return self._up.is_set()

    def _patience_s(self, command: GatewayCommand) -> float:
        windows = PATIENCE if REQUEST[type(command)] in PATIENT else 1
        return windows * self._config.recv_window_ms / 1000

    async def follow(self) -> None:
        """Pass on the account's events until the connection is closed."""
        await self._up.wait()
        where = SocketConfig(self._config.ws_url, backoff=BACKOFF)
        stream = self._stream = UserStream(
            self.access, where, np.random.default_rng(), self._not_following
        )
        async with aclosing(stream.batches()) as batches:
            async for events in batches:
                for event in events:
                    await self._owner.answer(event)

    def _not_following(self, problem: str) -> None:
        self._owner.log("WARNING", "no_private_stream", reason=problem)

    async def close(self) -> None:
        """End the stream and the session; requests under way are left to the recovery."""
        if self._stream is not None:
            self._stream.close()
        for task in (*self._asking, self._keeping):
            if task is not None:
                task.cancel()
        await self.access.http.close()
