"""One WebSocket that stays: connect, read in natural batches, back off, connect again.

Natural batching: a task reads frames as they come and stamps them; whoever iterates takes all that
are there. A slow consumer therefore gets larger batches, not a longer queue of small ones; past a
bound the reading stops and TCP holds the sender back.
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

_FRAMES_MAX: Final = 65_536
_FRAME_BYTES_MAX: Final = 16 * 1024 * 1024
FAILURES: Final = (OSError, TimeoutError, WebSocketException)

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

    rotate_s  a connection is replaced after this time; Binance ends one after 24 h, at a moment
              of its choosing, so the default is an hour earlier
    proxy     whether to use the environment's proxy
    """

    url: str
    backoff: Backoff = Backoff()
    rotate_s: float = 23 * 3600.0
    proxy: bool = False


class Inbox:
    """Frames that have arrived and were not taken yet."""

    def __init__(self, now_ns: Callable[[], int]) -> None:
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
    """

    def __init__(
        self, config: SocketConfig, now_ns: Callable[[], int], rng: np.random.Generator
    ) -> None:
        self.up = False
        self.connects = 0
        self.problem = ""
        self._config = config
        self._now_ns = now_ns
        self._rng = rng
        self._ws: ClientConnection | None = None
        self._attempt = 0
        self._closing = asyncio.Event()

    async def opened(self, path: str) -> ClientConnection:
        """A fresh connection; raises one of FAILURES."""
        ws = await connect(
            self._config.url.rstrip("/") + path,
            compression=None,  # market data is many small frames: deflate costs more than it saves
            max_size=_FRAME_BYTES_MAX,
            proxy=True if self._config.proxy else None,
            open_timeout=10,
            close_timeout=1,
        )
        self._ws, self.up = ws, True
        self.connects += 1
        if self._closing.is_set():
            self.reconnect()
        return ws

    async def batches(self, ws: ClientConnection) -> AsyncGenerator[list[Frame], None]:
        """Frames of one connection until it ends, is rotated or `reconnect` is called."""
        inbox = Inbox(self._now_ns)
        reader = asyncio.create_task(inbox.fill(ws))
        until_ns = self._now_ns() + int(self._config.rotate_s * NS_PER_S)
        try:
            async with aclosing(inbox.batches()) as batches:
                async for frames in batches:
                    self._attempt = 0
                    yield frames
                    if self._now_ns() >= until_ns:
                        self.problem = "rotated before the venue's limit of 24 h"
                        return
            self.problem = _reason(reader)
        finally:
            self.up = False
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
            await ws.close()

    async def rest(self) -> bool:
        """Wait before the next attempt; False once `close` was called."""
        wait_s = self._config.backoff.wait_s(self._attempt, self._rng)
        self._attempt += 1
        with suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), wait_s)
        return not self._closing.is_set()

    def reconnect(self) -> None:
        """Cut the connection; a new one is made at once. For streams that are open but silent."""
        if self._ws is not None:
            self._ws.transport.abort()

    def close(self) -> None:
        """Cut the connection for good."""
        self._closing.set()
        self.reconnect()


def _reason(reader: asyncio.Task[None]) -> str:
    error = reader.exception() if reader.done() and not reader.cancelled() else None
    return f"{type(error).__name__}: {error}" if error is not None else "ended"
