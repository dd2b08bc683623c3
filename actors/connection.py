"""A trading actor's own way to the venue: requests go out at once, each answer is one message.

A request that comes before the connection is up waits for it, and it is up once the venue's time is
known: requests are signed with it. What an answer proves, or fails to prove, is the gateway's to
say. Nothing here repeats a request.

Evidence is never dropped: it waits for room in the mailbox. While it waits the stream is not read;
if that lasts, the venue ends it, and StreamDown and StreamUp make the order manager ask for
everything.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

import numpy as np

from actors.config import RunConfig
from actors.shell import Shell
from messages import Message
from messages.venue import RequestFailed, Source
from venues.binance.gateway import BinanceGateway
from venues.binance.gateway_requests import GatewayCommand, wire_of
from venues.binance.limits import Budget
from venues.binance.transport_clock import VenueClock
from venues.binance.transport_rest import Rest
from venues.binance.transport_socket import Backoff, SocketConfig
from venues.binance.transport_user import UserStream
from venues.wire.keys import keys_from

SYNC_EVERY_S: Final = 60.0
BACKOFF: Final = Backoff(first_s=0.05, most_s=5.0)


async def open_rest(rest: Rest) -> None:
    """Open the HTTP client, importing ccxt beside the event loop: half a second in which this
    actor already serves."""
    await asyncio.to_thread(import_module, "ccxt.async_support")
    await rest.open()


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
    """REST gateway and, for the order manager, the user stream of one account."""

    def __init__(
        self,
        config: RunConfig,
        now_ns: Callable[[], int],
        owner: Owner,
        source: Source = Source.QUERY,
    ) -> None:
        self.rest = Rest(config.rest_url, keys_from("BINANCE", os.environ))
        self.clock = VenueClock(now_ns)
        self.budget = Budget()
        self._gateway = BinanceGateway(
            self.rest,
            self.clock,
            self.budget,
            now_ns,
            recv_window_ms=config.recv_window_ms,
            source=source,
        )
        self._config = config
        self._now_ns = now_ns
        self._owner = owner
        self._up = asyncio.Event()
        self._asking: set[asyncio.Task[None]] = set()
        self._stream: UserStream | None = None

    async def open(self) -> None:
        """Connect and learn the venue's time, however long that takes: a request that is signed
        with a wrong time is refused, or good for longer than its window says."""
        await open_rest(self.rest)
        rng, attempt = np.random.default_rng(), 0
        while not await self.clock.sync(self.rest):
            wait_s = BACKOFF.wait_s(attempt, rng)
            attempt += 1
            self._owner.log("WARNING", "no_venue_time", attempt=attempt, again_in_s=wait_s)
            await asyncio.sleep(wait_s)
        self._up.set()

    async def keep_time(self) -> None:
        """Measure the venue's clock now and then, for as long as this actor lives."""
        while True:
            await asyncio.sleep(SYNC_EVERY_S)
            await self.clock.sync(self.rest)

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
        await self._up.wait()
        begun = time.perf_counter()
        answer = await self._gateway.execute(command)
        if not isinstance(answer, RequestFailed):
            self._owner.timed(wire_of(command).request, time.perf_counter() - begun)
        await self._owner.answer(answer)

    async def follow(self) -> None:
        """Pass on the account's events until the connection is closed."""
        await self._up.wait()
        stream = self._stream = UserStream(
            keys_from("BINANCE", os.environ),
            self.rest,
            self.clock,
            self._now_ns,
            np.random.default_rng(),
            SocketConfig(self._config.ws_url, backoff=BACKOFF),
        )
        async with aclosing(stream.batches()) as batches:
            async for events in batches:
                for event in events:
                    await self._owner.answer(event)

    async def close(self) -> None:
        """End the stream and the session; requests under way are left to the recovery."""
        if self._stream is not None:
            self._stream.close()
        for task in self._asking:
            task.cancel()
        await self.rest.close()
