"""A feed core over real sockets, in this event loop: what its actor does for it, without the
actor."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing, asynccontextmanager
from typing import Any, Final, TypeVar

import numpy as np
from contract_world import World, rng, trade

from messages import Message
from messages.arrays import TRADE
from messages.control import SetTimer, TimerFired
from messages.market import (
    ChangeStreams,
    HistoryRequested,
    RepairStep,
    RepairStream,
    SnapshotRequested,
    StreamName,
    StreamState,
    SubscriptionsChanged,
    TradeBatch,
    TradeHistory,
)
from trading.book_sync import SyncState
from trading.feed import FeedCore
from trading.feed_state import FeedConfig, Stream
from venues.net.market import CHANNELS, MarketStream, MarketStreams
from venues.wire.adapter import Subscription

STREAMS: Final[tuple[Stream, ...]] = ("book", "trades", "quotes")
_M = TypeVar("_M", bound=Message)


class WiredFeed:
    """The feed of one instrument of a simulated venue; `said` is all that its core has said."""

    def __init__(self, w: World, **settings: Any) -> None:
        adapter = w.access.adapter
        self.w = w
        self.core = FeedCore(
            FeedConfig(
                (w.access.instruments[w.name],),
                routes=tuple((s, adapter.route_of(_subscription(w, s))) for s in STREAMS),
                wanted=tuple(("risk", w.name, s) for s in STREAMS),
                **settings,
            )
        )
        self.state = self.core.start()
        self.streams = MarketStreams(adapter, w.socket, w.access.instruments, time.time_ns, rng())
        self.said: list[Message] = []
        self._timers: dict[str, int] = {}
        self._tasks: list[asyncio.Task[None]] = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator["WiredFeed"]:
        """Connected, with a trade every 20 ms; what fails in here fails the test."""
        async with asyncio.TaskGroup() as self._group:
            for stream in self.streams.routes.values():
                self._spawn(self._follow(stream))
            self._spawn(self._busy())
            self._carry_out(self.core.resume(self.state, time.time_ns()).out)
            yield self
            self.streams.close()
            for task in self._tasks:
                task.cancel()

    def only(self, kind: type[_M]) -> list[_M]:
        """What was said of this kind."""
        return [m for m in self.said if isinstance(m, kind)]

    def are(self, state: StreamState) -> set[str]:
        """The streams that are in this state."""
        return {s.key.kind for s in self.state.subs.statuses() if s.state is state}

    def were(self, state: StreamState, since: int) -> set[str]:
        """The streams that came into this state after so many words."""
        changes = (m for m in self.said[since:] if isinstance(m, SubscriptionsChanged))
        return {n.stream for c in changes if c.state is state for n in c.streams}

    @property
    def in_step(self) -> bool:
        return self.state.tracked[self.w.name].sync.state is SyncState.SYNCHRONIZED

    @property
    def trade_ids(self) -> list[int]:
        """Of the trades that were told, in that order."""
        return [n for b in self.only(TradeBatch) for n in b.rows["trade_id"].tolist()]

    # --- what its actor does ---------------------------------------------------------------------

    def _spawn(self, work: Any) -> None:
        self._tasks.append(self._group.create_task(work))

    def _hear(self, message: Message) -> None:
        self._carry_out(self.core.react(self.state, message, time.time_ns()).out)

    def _carry_out(self, out: Iterable[Message]) -> None:
        for message in out:
            self.said.append(message)
            match message:
                case SetTimer():
                    self._spawn(self._wake(message))
                case ChangeStreams():
                    self._spawn(self._change(message))
                case RepairStream():
                    self._spawn(self._repair(message))
                case SnapshotRequested():
                    self._spawn(self._snapshot())
                case HistoryRequested():
                    self._spawn(self._history(message))

    async def _follow(self, stream: MarketStream) -> None:
        async with aclosing(stream.batches()) as batches:
            async for messages in batches:
                for message in messages:
                    self._hear(message)

    async def _busy(self) -> None:
        for n in range(3, 100_000):
            await asyncio.sleep(0.02)
            self.w.tape(trade(self.w.name, n))

    async def _wake(self, timer: SetTimer) -> None:
        self._timers[timer.name] = timer.ts_due
        await asyncio.sleep((timer.ts_due - time.time_ns()) / 1e9)
        if self._timers.get(timer.name) == timer.ts_due:
            del self._timers[timer.name]
            now = time.time_ns()
            self._hear(TimerFired(ts_event=now, ts_init=now, name=timer.name))

    async def _change(self, wanted: ChangeStreams) -> None:
        await self.streams.unsubscribe(*self._named(wanted.unsubscribe))
        await self.streams.subscribe(*self._named((*wanted.subscribe, *wanted.again)))

    async def _repair(self, wanted: RepairStream) -> None:
        one = _subscription(self.w, wanted.stream)
        if wanted.step is RepairStep.RESUBSCRIBE:
            await self.streams.of(one).resubscribe(one)
        else:
            self.streams.of(one).reconnect()

    async def _snapshot(self) -> None:
        self._hear(await self.w.questions.book(self.w.name))

    async def _history(self, wanted: HistoryRequested) -> None:
        past = await self.w.questions.trades(wanted.instrument_id, wanted.since_ns)
        found, now = past.batch, time.time_ns()
        self._hear(
            TradeHistory(
                ts_event=now,
                ts_init=now,
                instrument_id=wanted.instrument_id,
                asked_ns=wanted.ts_event,
                since_ns=wanted.since_ns,
                complete=past.whole,
                rows=np.empty(0, TRADE) if found is None else found.rows.copy(),
            )
        )

    def _named(self, names: Iterable[StreamName]) -> tuple[Subscription, ...]:
        return tuple(_subscription(self.w, n.stream) for n in names)


def _subscription(w: World, stream: Stream) -> Subscription:
    return Subscription(w.name, CHANNELS[stream])
