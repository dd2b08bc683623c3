"""The account's events from Binance, as evidence.

Spot's listen keys were discontinued on 2026-02-20 (announcement of 2026-01-21); their successor is
one signed request, `userDataStream.subscribe.signature`, on the WebSocket API. The subscription
lives as long as its connection: there is no key to keep alive, only the connection's own pings.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Final

import msgspec
import numpy as np

from messages.base import Event
from messages.venue import StreamDown, StreamUp
from trading.errors import Garbled
from venues.binance.codec_frames import decode_frame
from venues.binance.codec_names import Market, ms
from venues.binance.signing import sign, sorted_payload
from venues.binance.transport_clock import VenueClock
from venues.binance.transport_rest import Rest
from venues.binance.transport_socket import FAILURES, Frame, Socket, SocketConfig
from venues.wire.frames import Control, Decoded
from venues.wire.keys import Keys

WS_API: Final = SocketConfig("wss://ws-api.binance.com:443")
_PATH: Final = "/ws-api/v3"
_SUBSCRIBE: Final = "userDataStream.subscribe.signature"
_REQUEST_ID: Final = "subscribe"


class UserStream:
    """The user data stream of one account, made again whenever it is lost.

    garbled  events that could not be read; after one the stream says that it was down, because
             something happened that nobody was told
    """

    def __init__(
        self,
        keys: Keys,
        rest: Rest,
        clock: VenueClock,
        now_ns: Callable[[], int],
        rng: np.random.Generator,
        config: SocketConfig = WS_API,
    ) -> None:
        self.socket = Socket(config, now_ns, rng)
        self.garbled = 0
        self._keys = keys
        self._rest = rest
        self._clock = clock
        self._now_ns = now_ns

    async def batches(self) -> AsyncGenerator[tuple[Event, ...], None]:
        """Evidence, oldest first, until `close`; StreamUp and StreamDown frame each connection.

        Iterate inside `contextlib.aclosing`.
        """
        socket = self.socket
        while True:
            up = False
            try:
                ws = await socket.opened(_PATH)
                await ws.send(self._subscription())
                async with aclosing(socket.batches(ws)) as batches:
                    async for frames in batches:
                        events, problem = self._read(frames)
                        up = up or any(isinstance(e, StreamUp) for e in events)
                        if events:
                            yield events
                        if problem:
                            socket.problem = problem
                            break
            except FAILURES as e:
                socket.problem = f"{type(e).__name__}: {e}"
            if up:
                now_ns = self._now_ns()
                yield (StreamDown(ts_event=now_ns, ts_init=now_ns, reason=socket.problem),)
            elif "-1021" in socket.problem:
                await self._clock.sync(self._rest)
            if not await socket.rest():
                return

    def reconnect(self) -> None:
        """Cut the connection; a new one is made at once."""
        self.socket.reconnect()

    def close(self) -> None:
        """End for good; `batches` returns."""
        self.socket.close()

    def _subscription(self) -> bytes:
        params: dict[str, object] = {
            "apiKey": self._keys.api_key,
            "timestamp": ms(self._clock.now_ns()),
        }
        params["signature"] = sign(sorted_payload(params), self._keys.secret)
        return msgspec.json.encode({"id": _REQUEST_ID, "method": _SUBSCRIBE, "params": params})

    def _read(self, frames: list[Frame]) -> tuple[tuple[Event, ...], str]:
        """Evidence in these frames, and why to leave this connection ("" to stay)."""
        events: list[Event] = []
        for ts_init, raw in frames:
            try:
                found = decode_frame(raw, Market.SPOT, ts_init)
            except Garbled as e:
                self.garbled += 1
                return tuple(events), f"unreadable event: {e}"
            if isinstance(found, Decoded):
                downs = [m for m in found.messages if isinstance(m, StreamDown)]
                if downs:  # said once, when the connection is left
                    return tuple(events), downs[0].reason
                events += found.messages
            elif isinstance(found, Control) and found.request_id == _REQUEST_ID:
                if found.kind == "error":
                    return tuple(events), f"subscription refused: {found.detail}"
                events.append(StreamUp(ts_event=self._clock.now_ns(), ts_init=ts_init))
        return tuple(events), ""
