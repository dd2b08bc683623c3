"""One WebSocket that stays: connect, read in natural batches, back off, connect again.

Natural batching: a task reads frames as they come and stamps them; whoever iterates takes all that
are there. A slow consumer therefore gets larger batches, not a longer queue of small ones; past a
bound the reading stops and TCP holds the sender back.

A connection that is open and dead is left: a quiet one is pinged, by the protocol's own pings or by
the text that the venue wants, and cut if nothing comes back. A frame over the size limit ends its
connection, and nothing else.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Final

import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from messages.base import NS_PER_S
from venues.wire.adapter import Ping

_FRAMES_MAX: Final = 1024  # 50 ms at 20,000 a second; beyond it TCP waits
_FRAME_BYTES_MAX: Final = 16 * 1024 * 1024
FAILURES: Final = (OSError, TimeoutError, WebSocketException)
PROTOCOL: Final = Ping(20.0)

Frame = tuple[int, bytes]  # (ts_init, raw)


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before the n-th attempt in a row: doubling, capped, with jitter."""

    first_s: float = 0.1
    most_s: float = 30.0

    def wait_s(self, attempt: int, rng: np.random.Generator) -> float:
        """Between half and all of the doubled wait, so that many clients do not come at once."""
        full = min(self.most_s, self.first_s * 2.0 ** min(attempt, 30))
        return full * (0.5 + 0.5 * float(rng.random()))


@dataclass(frozen=True, slots=True)
class SocketConfig:
    """Where to connect, and how to stay.

    rotate_s         a connection is replaced after this time; venues end one after 24 h, at a
                     moment of their choosing, so the default is an hour earlier
    frame_bytes_max  a larger frame ends the connection
    proxy            whether to use the environment's proxy
    """

    url: str
    backoff: Backoff = Backoff()
    rotate_s: float = 23 * 3600.0
    frame_bytes_max: int = _FRAME_BYTES_MAX
    proxy: bool = False


class Inbox:
    """Frames that have arrived and were not taken yet; `count` of all so far."""

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self.count = 0
        self._now_ns = now_ns
        self._frames: list[Frame] = []
        self._arrived = asyncio.Event()
        self._taken = asyncio.Event()
        self._ended = False

    async def fill(self, ws: ClientConnection) -> None:
        """Read until the connection ends; raises what ended it, unless it was closed in order."""
        try:
            while True:
                raw = await ws.recv(decode=False)
                self._frames.append((self._now_ns(), raw))
                self.count += 1
                self._arrived.set()
                if len(self._frames) >= _FRAMES_MAX:
                    self._taken.clear()
                    await self._taken.wait()
        finally:
            self._ended = True
            self._arrived.set()

    async def batches(self) -> AsyncGenerator[list[Frame], None]:
        """Everything that is there, again and again, until the connection has ended."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            frames, self._frames = self._frames, []
            self._taken.set()
            if frames:
                yield frames
            if self._ended and not self._frames:
                return


class Socket:
    """A connection to one address, made again whenever it is lost.

    up        whether it is connected
    connects  connections made so far
    problem   why the last one ended, or was not made
    frames_confirm  any frame says that the connection is a good one, so that the next wait is short
                    again; else `confirm` does: a refused sign-in is a frame too
    """

    def __init__(
        self,
        config: SocketConfig,
        now_ns: Callable[[], int],
        rng: np.random.Generator,
        *,
        frames_confirm: bool = True,
    ) -> None:
        self.up = False
        self.connects = 0
        self.problem = ""
        self._config = config
        self._now_ns = now_ns
        self._rng = rng
        self._ws: ClientConnection | None = None
        self._attempt = 0
        self._frames_confirm = frames_confirm
        self._closing = asyncio.Event()

    @property
    def closing(self) -> bool:
        """Whether `close` was called."""
        return self._closing.is_set()

    async def opened(self, path: str, ping: Ping = PROTOCOL) -> ClientConnection:
        """A fresh connection; raises one of FAILURES."""
        protocol_s = None if ping.text else ping.every_s
        ws = await connect(
            self._config.url.rstrip("/") + path,
            compression=None,  # market data is many small frames: deflate costs more than it saves
            max_size=self._config.frame_bytes_max,
            ping_interval=protocol_s,
            ping_timeout=protocol_s,
            proxy=True if self._config.proxy else None,
            open_timeout=10,
            close_timeout=1,
        )
        self._ws, self.up = ws, True
        self.connects += 1
        if self._closing.is_set():
            self.reconnect()
        return ws

    async def batches(
        self, ws: ClientConnection, ping: Ping = PROTOCOL
    ) -> AsyncGenerator[list[Frame], None]:
        """Frames of one connection until it ends, is rotated or `reconnect` is called."""
        inbox = Inbox(self._now_ns)
        reader = asyncio.create_task(inbox.fill(ws))
        pinger = asyncio.create_task(_keep_open(ws, inbox, ping)) if ping.text else None
        until_ns = self._now_ns() + int(self._config.rotate_s * NS_PER_S)
        try:
            async with aclosing(inbox.batches()) as batches:
                async for frames in batches:
                    if self._frames_confirm:
                        self.confirm()
                    yield frames
                    if self._now_ns() >= until_ns:
                        self.problem = "rotated before the venue's limit"
                        return
            self.problem = _reason(reader)
        finally:
            self.up = False
            for task in filter(None, (reader, pinger)):
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            await ws.close()

    async def rest(self) -> bool:
        """Wait before the next attempt; False once `close` was called."""
        wait_s = self._config.backoff.wait_s(self._attempt, self._rng)
        self._attempt += 1
        with suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), wait_s)
        return not self._closing.is_set()

    def confirm(self) -> None:
        """The connection is what it should be: waits begin anew."""
        self._attempt = 0

    def reconnect(self) -> None:
        """Cut the connection; a new one is made at once. For streams that are open but silent."""
        if self._ws is not None:
            self._ws.transport.abort()

    def close(self) -> None:
        """Cut the connection for good."""
        self._closing.set()
        self.reconnect()


async def _keep_open(ws: ClientConnection, inbox: Inbox, ping: Ping) -> None:
    """Ping in text after each quiet stretch; cut the connection if even that gets no frame."""
    heard, asked = -1, False
    while True:
        await asyncio.sleep(ping.every_s)
        if inbox.count != heard:
            heard, asked = inbox.count, False
        elif asked:
            ws.transport.abort()
            return
        else:
            await ws.send(ping.text, text=True)
            asked = True


def _reason(reader: asyncio.Task[None]) -> str:
    error = reader.exception() if reader.done() and not reader.cancelled() else None
    return f"{type(error).__name__}: {error}" if error is not None else "ended"
