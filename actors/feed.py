"""The feed as an actor: sockets and decoding around the feed core."""

import asyncio
from contextlib import aclosing
from typing import Any, Final

import numpy as np

from actors.connection import BACKOFF, open_rest
from actors.shell import Shell
from journal.recorder import Recorder, warm_up, write_parts
from messages import Message
from messages.market import Batch, SnapshotRequested
from trading.errors import VenueError
from trading.feed import FeedCore
from trading.feed_state import FeedConfig, FeedState
from trading.machine import Machine
from venues.binance.codec_frames import reader
from venues.binance.codec_names import Market
from venues.binance.limits import Budget
from venues.binance.transport import MarketData, MarketStreams, streams_of
from venues.binance.transport_clock import VenueClock
from venues.binance.transport_rest import Rest
from venues.binance.transport_socket import SocketConfig
from venues.wire.batch import Batcher

_BACKLOG_MAX: Final = 2_000  # messages that may wait here before the socket feels it
_PAUSE_S: Final = 0.002
_RECORD_S: Final = 1.0


class Feed(Shell[FeedState]):
    """One connection for every strategy of the run."""

    async def open(self) -> Machine[FeedState]:
        config = self.config
        core = FeedCore(
            FeedConfig(
                instruments=config.instruments,
                incarnation=self.incarnation,
                bar_intervals_ns=config.bar_intervals_ns,
                stale_after_ns=(("book", config.stale_book_ns),),
            )
        )
        self._rest = Rest(config.rest_url)
        self._clock = VenueClock(self.clock.now_ns)
        self._data = MarketData(self._rest, self._clock, Budget(), self.clock.now_ns)
        self._streams = MarketStreams(
            streams_of(tuple(config.by_id)),
            self.clock.now_ns,
            np.random.default_rng(),
            SocketConfig(config.ws_url, backoff=BACKOFF),
        )
        self._batcher = Batcher(reader(Market.SPOT))
        self._rest_up = asyncio.Event()
        self._asking: set[asyncio.Task[None]] = set()
        self._recorder = Recorder(config.path("data"), self.incarnation)
        self.events = 0
        return Machine(self.name, core, config.directory, self.incarnation)

    async def connect(self) -> None:
        self.spawn(self._follow())
        if self.config.record:
            self.spawn(self._record())
        await open_rest(self._rest)
        await self._clock.sync(self._rest)
        self._rest_up.set()

    async def _follow(self) -> None:
        async with aclosing(self._streams.batches()) as batches:
            async for frames in batches:
                for ts_init, raw in frames:
                    self._batcher.add(raw, ts_init)
                for message in self._batcher.flush():
                    self.events += len(getattr(message, "rows", ()))
                    self._heard_from_venue(message)
                while len(self.mailbox) > _BACKLOG_MAX:
                    await asyncio.sleep(_PAUSE_S)

    def ask_venue(self, message: Message) -> None:
        assert isinstance(message, SnapshotRequested), "a feed asks for books only"
        task = asyncio.create_task(self._snapshot(message))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _snapshot(self, wanted: SnapshotRequested) -> None:
        await self._rest_up.wait()
        try:
            book = await self._data.snapshot(wanted.instrument_id)
        except VenueError as e:
            self._log("WARNING", "no_snapshot", instrument=wanted.instrument_id, error=str(e))
            return  # the core asks again
        self._heard_from_venue(book)

    def _heard_from_venue(self, message: Message) -> None:
        self.mailbox.put_local("venue", message)
        if self.config.record and isinstance(message, Batch):
            self._recorder.add(message, self.clock.now_ns())

    async def _record(self) -> None:
        """Write what has gathered now and then, in a thread: files must not delay the market."""
        await asyncio.to_thread(warm_up)
        while True:
            await asyncio.sleep(_RECORD_S)
            if self._recorder.due(self.clock.now_ns()):
                await asyncio.to_thread(write_parts, self._recorder.take(self.clock.now_ns()))

    async def close(self) -> None:
        self._streams.close()
        for task in self._asking:
            task.cancel()
        await self._rest.close()
        if self.config.record:
            await asyncio.to_thread(write_parts, self._recorder.take())

    def view(self, what: str) -> Any:
        counts = {str(k): v for k, v in self._batcher.counts.items()}
        return super().view(what) | {
            "events": self.events,
            "frames": counts,
            "unknown": sum(self._batcher.unknown.values()),
            "garbled": self._batcher.garbled,
            "unrecorded": self._recorder.dropped,
        }
