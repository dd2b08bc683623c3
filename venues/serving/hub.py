"""WebSocket connections and what each of them listens to; slow readers are cut off.

A channel is any text that a venue's simulator chooses ("btcusdt@trade", "books:BTC-USDT",
"orders"): the hub knows only who subscribed to it. Each connection has a bounded queue and one
task that empties it, so a reader who stops reading holds up nobody else: when its queue is full,
its connection ends, as venues do it.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Callable
from enum import Enum
from typing import Final

from aiohttp import WSCloseCode, WSMsgType, web

from venues.serving.faults import DEPTH, FaultKind, Faults

_CLOSING: Final = None
_F: Final = FaultKind
Frame = bytes | Callable[["Client"], bytes]


class About(Enum):
    """What a published event is, for the faults that may strike it."""

    MARKET = "MARKET"
    BOOK = "BOOK"  # market too, and its sequence can be broken
    USER = "USER"


class Client:
    """One open connection; a venue that keeps more about it makes a subclass.

    private  signed in: what `cut("user")` and the faults of private streams mean
    frozen   half open: nothing goes out any more, and what comes in is not heard
    """

    def __init__(self, ws: web.WebSocketResponse, request: web.Request, queue_max: int) -> None:
        self.ws = ws
        self.request = request
        self.channels: set[str] = set()
        self.private = False
        self.frozen = False
        self.drip_s = 0.0
        self.held: dict[str, bytes] = {}  # frames that a fault sends after their successor
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(queue_max)

    def send(self, frame: bytes) -> None:
        """Queue a frame; a reader too far behind is cut off."""
        if self.frozen:
            return
        try:
            self._queue.put_nowait(frame)
        except asyncio.QueueFull:
            self.cut()

    async def write(self) -> None:
        """Send what is queued until the connection ends."""
        while (frame := await self._queue.get()) is not _CLOSING:
            if self.drip_s:
                await asyncio.sleep(self.drip_s)
            try:
                if not self.frozen:
                    await self.ws.send_str(frame.decode())
            except (ConnectionError, RuntimeError):
                return

    async def ping(self, every_s: float) -> None:
        """Send a protocol ping every so often; a reader who answers none is cut off."""
        self.answered = True
        with contextlib.suppress(ConnectionError, RuntimeError):
            while True:
                await asyncio.sleep(every_s)
                if self.frozen:
                    continue
                if not self.answered:
                    self.cut()
                    return
                self.answered = False
                await self.ws.ping()

    async def read(self, heard: Callable[[bytes], None]) -> None:
        """Give each frame to `heard` until the connection ends; pings are answered here."""
        async for message in self.ws:
            self.answered = True
            if self.frozen:
                continue
            if message.type is WSMsgType.PING:
                await self.ws.pong(message.data)
            elif message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                data = message.data
                heard(data.encode() if isinstance(data, str) else data)

    def cut(self) -> None:
        """End the connection without a word, as a network does."""
        if self.request.transport is not None:
            self.request.transport.abort()


class Hub:
    """Who hears which channel."""

    def __init__(self, faults: Faults) -> None:
        self.clients: set[Client] = set()
        self._by_channel: dict[str, set[Client]] = defaultdict(set)
        self._faults = faults

    def subscribe(self, client: Client, channel: str) -> None:
        client.channels.add(channel)
        self._by_channel[channel].add(client)

    def unsubscribe(self, client: Client, channel: str) -> None:
        client.channels.discard(channel)
        self._by_channel[channel].discard(client)

    def leave(self, client: Client) -> None:
        """Forget a connection that has ended."""
        for channel in tuple(client.channels):
            self.unsubscribe(client, channel)
        self.clients.discard(client)

    def wanted(self, channel: str) -> bool:
        """Whether somebody hears it: what nobody hears needs no frame."""
        return bool(self._by_channel.get(channel))

    def channels(self, prefix: str = "") -> list[str]:
        """Every channel that somebody hears and that begins so."""
        heard = self._by_channel.items()
        return [name for name, clients in heard if clients and name.startswith(prefix)]

    def listeners(self, channel: str) -> tuple[Client, ...]:
        return tuple(self._by_channel.get(channel, ()))

    def publish(self, channel: str, frame: Frame, about: About = About.MARKET) -> None:
        """Send one event to all who listen; `frame` may depend on the connection (sequence numbers,
        wrapped or bare)."""
        user = about is About.USER
        cut, mute = (_F.CUT_USER, _F.MUTE_USER) if user else (_F.CUT_MARKET, _F.MUTE_MARKET)
        for client in self.listeners(channel):
            fault = self._faults.fires((cut, mute, _F.HALF_OPEN, _F.SLOW_STREAM))
            if fault is not None and fault.kind is cut:
                client.cut()
                continue
            if fault is not None and fault.kind is mute:
                continue
            if fault is not None and fault.kind is _F.HALF_OPEN:
                client.frozen = True
            elif fault is not None:
                client.drip_s = fault.delay_ms / 1000
            # Made even if a fault then swallows it: it may count (a connection's sequence number).
            raw = frame if isinstance(frame, bytes) else frame(client)
            if about is About.BOOK:
                self._send_depth(client, channel, raw)
            else:
                client.send(raw)

    def cut(self, who: str = "all") -> int:
        """End "market", "user" or "all" connections -> how many."""
        chosen = [c for c in self.clients if who in ("all", "user" if c.private else "market")]
        for client in chosen:
            client.cut()
        return len(chosen)

    async def close(self) -> None:
        """Say goodbye to everyone."""
        for client in tuple(self.clients):
            await client.ws.close(code=WSCloseCode.GOING_AWAY)

    def _send_depth(self, client: Client, channel: str, frame: bytes) -> None:
        fault = self._faults.fires(DEPTH)
        if fault is None:
            client.send(frame)
        elif fault.kind is _F.DUPLICATE_DEPTH:
            client.send(frame)
            client.send(frame)
        elif fault.kind is _F.REORDER_DEPTH and channel not in client.held:
            client.held[channel] = frame
            return
        held = client.held.pop(channel, None)
        if held is not None:
            client.send(held)
