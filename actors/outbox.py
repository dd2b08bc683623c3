"""Sending to one peer in natural batches: all that has queued, whenever the last batch has arrived.

The completion of `receive` on the other side is the transport's acknowledgement. What a dead peer
did not get is dropped: streams because newer data is worth more, numbered frames because the links
send them again, to the peer's next incarnation.
"""

import asyncio
from collections import deque
from typing import Any, Final

import ray
from ray.exceptions import RayError

from actors.names import NAMESPACE, ray_name
from actors.packet import Wire

_BATCH_MAX: Final = 512
_QUEUE_MAX: Final = 20_000
_RETRY_S: Final = 0.02
_CALL_S: Final = 5.0


class Outbox:
    """The way to one other actor of the run."""

    def __init__(self, run: str, peer: str) -> None:
        self._run, self._peer = run, peer
        self._queue: deque[Wire] = deque(maxlen=_QUEUE_MAX)
        self._wake = asyncio.Event()
        self._handle: Any = None
        self._task = asyncio.create_task(self._send())
        self.sent = 0
        self.batches = 0

    def __len__(self) -> int:
        return len(self._queue)

    def put(self, wire: Wire) -> None:
        """Queue a packet; the oldest goes when the queue is full."""
        self._queue.append(wire)
        self._wake.set()

    def close(self) -> None:
        """Send nothing more."""
        self._task.cancel()

    async def flush(self, timeout_s: float) -> None:
        """Wait until everything queued has been handed over, or the time is up."""
        deadline = asyncio.get_running_loop().time() + timeout_s
        while self._queue and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(_RETRY_S)

    async def _send(self) -> None:
        while True:
            if not self._queue:
                self._wake.clear()
                await self._wake.wait()
            if self._handle is None:
                self._handle = await asyncio.to_thread(self._find)
                if self._handle is None:
                    self._queue.clear()  # nobody there: the links say it again
                    await asyncio.sleep(_RETRY_S)
                    continue
            count = min(len(self._queue), _BATCH_MAX)
            batch = [self._queue.popleft() for _ in range(count)]
            try:
                await asyncio.wait_for(self._handle.receive.remote(batch), _CALL_S)
                self.sent += count
                self.batches += 1
            except (RayError, TimeoutError):
                self._handle = None

    def _find(self) -> Any:
        try:
            return ray.get_actor(ray_name(self._run, self._peer), namespace=NAMESPACE)
        except (ValueError, RayError):
            return None
