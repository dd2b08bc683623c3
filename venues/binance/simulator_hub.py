"""WebSocket connections and what each of them listens to; slow readers are cut off.

Each connection has a bounded queue and one task that empties it, so a reader who stops reading
holds up nobody else: when its queue is full, its connection ends, as Binance does it.
"""

import asyncio
from collections import defaultdict
from typing import Final

import msgspec
from aiohttp import WSCloseCode, web

from venues.binance.codec_encode import Json, bare, wrap
from venues.binance.simulator_faults import FaultKind, Faults

_CLOSING: Final = None
_DEPTH_FAULTS: Final = (
    FaultKind.DROP_DEPTH,
    FaultKind.DUPLICATE_DEPTH,
    FaultKind.REORDER_DEPTH,
)


class Client:
    """One open connection."""

    def __init__(self, ws: web.WebSocketResponse, request: web.Request, queue_max: int) -> None:
        self.ws = ws
        self.streams: set[str] = set()
        self.combined = False
        self.held: dict[str, bytes] = {}  # frames that a fault sends after their successor
        self._request = request
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(queue_max)

    def send(self, frame: bytes) -> None:
        """Queue a frame; a reader too far behind is cut off."""
        try:
            self._queue.put_nowait(frame)
        except asyncio.QueueFull:
            self.cut()

    async def write(self) -> None:
        """Send what is queued until the connection ends."""
        while (frame := await self._queue.get()) is not _CLOSING:
            try:
                await self.ws.send_str(frame.decode())
            except (ConnectionError, RuntimeError):
                return

    def cut(self) -> None:
        """End the connection without a word, as a network does."""
        if self._request.transport is not None:
            self._request.transport.abort()


class Hub:
    """Who hears which stream."""

    def __init__(self, faults: Faults) -> None:
        self.clients: set[Client] = set()
        self.users: dict[Client, dict[int | None, str]] = {}  # subscription id (None: bare) -> key
        self._by_stream: dict[str, set[Client]] = defaultdict(set)
        self._faults = faults

    def subscribe(self, client: Client, stream: str) -> None:
        client.streams.add(stream)
        self._by_stream[stream].add(client)

    def unsubscribe(self, client: Client, stream: str) -> None:
        client.streams.discard(stream)
        self._by_stream[stream].discard(client)

    def leave(self, client: Client) -> None:
        """Forget a connection that has ended."""
        for stream in tuple(client.streams):
            self.unsubscribe(client, stream)
        self.users.pop(client, None)
        self.clients.discard(client)

    def wanted(self, stream: str) -> bool:
        return bool(self._by_stream.get(stream))

    def streams(self) -> list[str]:
        """Every stream that somebody hears."""
        return [stream for stream, clients in self._by_stream.items() if clients]

    def publish(self, stream: str, payload: Json) -> None:
        """Send one event to all who listen."""
        listeners = self._by_stream.get(stream)
        if not listeners:
            return
        forms: dict[bool, bytes] = {}
        for client in tuple(listeners):
            if self._faults.fires((FaultKind.CUT_MARKET,)):
                client.cut()
                continue
            if self._faults.fires((FaultKind.MUTE_MARKET,)):
                continue
            frame = forms.get(client.combined)
            if frame is None:
                frame = wrap(stream, payload) if client.combined else bare(payload)
                forms[client.combined] = frame
            if "@depth" in stream:
                self._send_depth(client, stream, frame)
            else:
                client.send(frame)

    def publish_user(self, payload: Json) -> None:
        """Send one event of the account to every user stream."""
        event = bare(payload)
        for client, subscriptions in tuple(self.users.items()):
            if self._faults.fires((FaultKind.CUT_USER,)):
                client.cut()
                continue
            if self._faults.fires((FaultKind.MUTE_USER,)):
                continue
            for number in subscriptions:
                if number is None:
                    client.send(event)
                else:
                    raw = msgspec.Raw(event)
                    client.send(msgspec.json.encode({"subscriptionId": number, "event": raw}))

    def cut(self, who: str) -> int:
        """End "market", "user" or "all" connections -> how many."""
        chosen = [
            c for c in self.clients if who in ("all", "user" if c in self.users else "market")
        ]
        for client in chosen:
            client.cut()
        return len(chosen)

    async def close(self) -> None:
        """Say goodbye to everyone."""
        for client in tuple(self.clients):
            await client.ws.close(code=WSCloseCode.GOING_AWAY)

    def _send_depth(self, client: Client, stream: str, frame: bytes) -> None:
        fault = self._faults.fires(_DEPTH_FAULTS)
        if fault is None:
            client.send(frame)
        elif fault.kind is FaultKind.DUPLICATE_DEPTH:
            client.send(frame)
            client.send(frame)
        elif fault.kind is FaultKind.REORDER_DEPTH and stream not in client.held:
            client.held[stream] = frame
            return
        held = client.held.pop(stream, None)
        if held is not None:
            client.send(held)
