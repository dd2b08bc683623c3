"""Market data of one venue over connections that are made again whenever they are lost.

Some venues have several addresses for it (routes); each is a `MarketStream`, `MarketStreams` is all
of them. What is subscribed to outlives every connection; a route is connected to once something of
it is wanted, because venues close a connection that asks for nothing. Whether a stream is silent is
the feed core's to judge; this offers `resubscribe` and `reconnect`.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from contextlib import aclosing, suppress
from typing import Final

import numpy as np
from websockets.asyncio.client import ClientConnection

from messages.base import NS_PER_MS, NS_PER_S, Event, InstrumentId
from messages.market import BookDeltaBatch, StreamKind, StreamName, StreamsAnswered
from messages.venue import StreamDown, StreamUp
from venues.net.lag import Lag
from venues.net.socket import FAILURES, Frame, Socket, SocketConfig
from venues.wire.adapter import Adapter, Channel, Instruments, MarketSession, Subscription
from venues.wire.batch import Batcher
from venues.wire.frames import Control, Read

_REFUSALS_MAX: Final = 16
_TURN_NS: Final = 2 * NS_PER_MS  # of decoding without a pause
_LOOK_EVERY: Final = 16  # frames between two looks at the clock
CHANNELS: Final[dict[StreamKind, Channel]] = {
    "book": Channel.BOOK,
    "trades": Channel.TRADES,
    "quotes": Channel.QUOTES,
    "bars": Channel.BARS,
}
_NAMES: Final = {channel: stream for stream, channel in CHANNELS.items()}


class MarketStream:
    """Batches of everything that is wanted, over one connection at a time.

    rng       jitter of the waits between attempts
    batcher   counts what was read, by the venue's kinds
    wanted    subscriptions, in the order in which they were made
    refusals  the venue's last refusals of subscriptions: (request id, words)
    lag       judges how late the connection is; one that is too late is left for a new one
    """

    def __init__(
        self,
        adapter: Adapter,
        config: SocketConfig,
        instruments: Instruments,
        now_ns: Callable[[], int],
        rng: np.random.Generator,
        route: str = "",
        lag: Lag | None = None,
    ) -> None:
        self.route = route
        self.lag = lag or Lag()
        self.socket = Socket(config, now_ns, rng)
        self.batcher = Batcher(self._read)
        self.wanted: dict[Subscription, None] = {}
        self.refusals: deque[Control] = deque(maxlen=_REFUSALS_MAX)
        self._adapter = adapter
        self._instruments = instruments
        self._now_ns = now_ns
        self._session: MarketSession | None = None
        self._ws: ClientConnection | None = None
        self._sending = asyncio.Lock()
        self._begun: set[InstrumentId] = set()  # books that this connection has sent whole
        self._errors: list[str] = []  # what it said no with
        self._needed = asyncio.Event()  # something is wanted, or this ends

    async def subscribe(self, *wanted: Subscription) -> None:
        """Want these too; asked for at once where connected."""
        new = [s for s in wanted if s not in self.wanted]
        self.wanted |= dict.fromkeys(new)
        if self.wanted:
            self._needed.set()
        if self._session is not None:
            await self._send(self._session.subscribe(new))

    async def unsubscribe(self, *unwanted: Subscription) -> None:
        """Want these no longer."""
        known = [s for s in unwanted if self.wanted.pop(s, s) is None]
        if not self.wanted:
            self._needed.clear()
        if self._session is not None:
            await self._send(self._session.unsubscribe(known))

    async def resubscribe(self, *again: Subscription) -> None:
        """Leave and ask again: what begins with a whole book does so anew."""
        known = [s for s in again if s in self.wanted]
        if self._session is not None and known:
            await self._send((*self._session.unsubscribe(known), *self._session.subscribe(known)))

    async def begin_anew(self, subscription: Subscription) -> None:
        """Have the stream begin again with a whole book; nothing to do where it has just been asked
        for and its first frame is still to come."""
        if subscription.instrument_id in self._begun:
            self._begun.discard(subscription.instrument_id)
            await self.resubscribe(subscription)

    async def batches(self) -> AsyncGenerator[tuple[Event, ...], None]:
        """Everything that is there now, joined, oldest first; until `close`.

        StreamUp comes once the connection is made, `StreamsAnswered` for what the venue confirms or
        refuses of its subscriptions, before data that came with it; StreamDown when the connection
        is lost, which is no end. Iterate inside `contextlib.aclosing`.
        """
        socket = self.socket
        while True:
            await self._needed.wait()
            if socket.closing:
                return
            session = self._adapter.market_session(self._instruments, self.route)
            up = False
            try:
                self._ws = ws = await socket.opened(session.path(), session.ping)
                self._session, up = session, True
                self._begun.clear()
                self.lag.begin()
                self._errors.clear()
                asking = asyncio.create_task(self._send(session.subscribe(tuple(self.wanted))))
                try:
                    async with aclosing(socket.batches(ws, session.ping)) as batches:
                        yield (self._up(),)
                        async for frames in batches:
                            late_ns = 0
                            for events in self._turns(frames, session):
                                if events:
                                    yield events
                                late_ns = late_ns or self.lag.behind_ns(events)
                            if late_ns:
                                socket.problem = f"{late_ns / NS_PER_S:.1f} s late"
                                break
                finally:
                    self._session, self._ws = None, None
                    asking.cancel()
            except FAILURES as e:
                socket.problem = f"{type(e).__name__}: {e}"
            if up:
                yield (self._down(),)
            if not await socket.rest():
                return

    def reconnect(self) -> None:
        """Cut the connection; a new one is made at once."""
        self.socket.reconnect()

    def close(self) -> None:
        """End for good; `batches` returns."""
        self.socket.close()
        self._needed.set()

    async def _send(self, frames: Iterable[bytes]) -> None:
        """A connection that is lost meanwhile is no failure: all is asked for on the next one."""
        session = self._session
        async with self._sending:
            for frame in frames:
                if session is not self._session or session is None or self._ws is None:
                    return
                with suppress(*FAILURES):
                    await self._ws.send(frame, text=True)
                if session.send_gap_s:
                    await asyncio.sleep(session.send_gap_s)

    def _read(self, raw: bytes, ts_init: int) -> Read:
        session = self._session
        if session is None:
            return Control("late")
        found = session.heard(raw, ts_init)
        if isinstance(found, Control) and found.kind == "error":
            self.refusals.append(found)
            self._errors.append(found.detail)
        return found

    def _turns(
        self, frames: Iterable[Frame], session: MarketSession
    ) -> Iterator[tuple[Event, ...]]:
        """What frames say, in parts of a few milliseconds: between them whoever iterates can let
        its process write, else a flood of frames is decoded and nothing of it is sent."""
        begun_ns = self._now_ns()
        for count, (ts_init, raw) in enumerate(frames, 1):
            self.batcher.add(raw, ts_init)
            if count % _LOOK_EVERY == 0 and self._now_ns() - begun_ns >= _TURN_NS:
                yield self._said(session)
                begun_ns = self._now_ns()
        yield self._said(session)

    def _said(self, session: MarketSession) -> tuple[Event, ...]:
        events = (*self._answers(session), *self.batcher.flush())
        self._begun |= _whole(events)
        return events

    def _answers(self, session: MarketSession) -> tuple[Event, ...]:
        """What was confirmed and refused just now; also words that name no subscription."""
        settled = session.pending.settled()
        if not settled and not self._errors:
            return ()
        said: dict[str, list[StreamName]] = {words: [] for words in self._errors}
        self._errors.clear()
        for one in settled:
            stream = _NAMES.get(one.subscription.channel)
            if stream is not None:
                about = StreamName(instrument_id=one.subscription.instrument_id, stream=stream)
                said.setdefault(one.refused, []).append(about)
        now_ns = self._now_ns()
        return tuple(
            StreamsAnswered(ts_event=now_ns, ts_init=now_ns, streams=tuple(about), refused=words)
            for words, about in said.items()
        )

    def _up(self) -> StreamUp:
        now_ns = self._now_ns()
        return StreamUp(ts_event=now_ns, ts_init=now_ns, route=self.route)

    def _down(self) -> StreamDown:
        now_ns = self._now_ns()
        reason = self.socket.problem
        return StreamDown(ts_event=now_ns, ts_init=now_ns, reason=reason, route=self.route)


def _whole(events: Iterable[Event]) -> set[InstrumentId]:
    return {m.instrument_id for m in events if isinstance(m, BookDeltaBatch) and m.snapshot}


class MarketStreams:
    """The streams of every route of a venue; a route without subscriptions need not be followed."""

    def __init__(
        self,
        adapter: Adapter,
        config: SocketConfig,
        instruments: Instruments,
        now_ns: Callable[[], int],
        rng: np.random.Generator,
    ) -> None:
        self._adapter = adapter
        self.routes = {
            route: MarketStream(adapter, config, instruments, now_ns, rng, route)
            for route in adapter.routes
        }

    def of(self, subscription: Subscription) -> MarketStream:
        """The stream that a subscription comes on."""
        return self.routes[self._adapter.route_of(subscription)]

    async def subscribe(self, *wanted: Subscription) -> None:
        """As `MarketStream.subscribe`, each on its route."""
        for route, stream in self.routes.items():
            await stream.subscribe(*(s for s in wanted if self._adapter.route_of(s) == route))

    async def unsubscribe(self, *unwanted: Subscription) -> None:
        """As `MarketStream.unsubscribe`, each on its route."""
        for stream in self.routes.values():
            await stream.unsubscribe(*(s for s in unwanted if s in stream.wanted))

    def close(self) -> None:
        """End all of them for good."""
        for stream in self.routes.values():
            stream.close()
