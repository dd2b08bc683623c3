"""Sending to one peer in natural batches: all that has queued, whenever the last batch has arrived.

The completion of `receive` on the other side is the transport's acknowledgement. What a dead peer
did not get is dropped: streams because newer data is worth more, numbered frames because the links
send them again, to the peer's next incarnation.

A call between actors costs both of them about a millisecond of processor time, whatever is in it.
So streams alone do not make a call at once: they wait `PACE_S` for company. Numbered frames and
acknowledgements go at once and take what waits with them. Of a stream of which only the newest
message counts (risk looks at the last quote), only that is kept.
"""

import asyncio
from collections import deque
from contextlib import suppress
from typing import Any, Final

import ray
from ray.exceptions import RayError

from actors.names import NAMESPACE, ray_name
from actors.packet import Wire, reliable

_BATCH_MAX: Final = 512
_QUEUE_MAX: Final = 20_000
_RETRY_S: Final = 0.02
_CALL_S: Final = 5.0
PACE_S: Final = 0.002
NEWEST_PACE_S: Final = 0.02


class Outbox:
    """The way to one other actor of the run."""

    def __init__(self, run: str, peer: str) -> None:
        self._run, self._peer = run, peer
        self._queue: deque[Wire] = deque(maxlen=_QUEUE_MAX)
        self._newest: dict[str, Wire] = {}  # the last message of streams that replace themselves
        self._wake = asyncio.Event()
        self._hurry = asyncio.Event()
        self._handle: Any = None
        self._task = asyncio.create_task(self._send())
        self.sent = 0
        self.batches = 0

    def __len__(self) -> int:
        return len(self._queue) + len(self._newest)

    def put(self, wire: Wire, newest_of: str = "") -> None:
        """Queue a packet; the oldest goes when the queue is full.

        newest_of  name of a stream of which only the newest message counts
        """
        if newest_of:
            self._newest[newest_of] = wire
        else:
            self._queue.append(wire)
            if reliable(wire):
                self._hurry.set()
        self._wake.set()

    def close(self) -> None:
        """Send nothing more."""
        self._task.cancel()

    async def flush(self, timeout_s: float) -> None:
        """Wait until everything queued has been handed over, or the time is up."""
        deadline = asyncio.get_running_loop().time() + timeout_s
        while len(self) and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(_RETRY_S)

    async def _send(self) -> None:
        while True:
            if not len(self):
                self._wake.clear()
                await self._wake.wait()
            await self._company()
            if self._handle is None:
                self._handle = await asyncio.to_thread(self._find)
                if self._handle is None:
                    self._take()  # nobody there: the links say it again
                    await asyncio.sleep(_RETRY_S)
                    continue
            batch = self._take()
            try:
                await asyncio.wait_for(self._handle.receive.remote(batch), _CALL_S)
                self.sent += len(batch)
                self.batches += 1
            except (RayError, TimeoutError):
                self._handle = None

    async def _company(self) -> None:
        """Streams wait a little for more; anything numbered ends the wait."""
        if not self._hurry.is_set():
            pace_s = PACE_S if self._queue else NEWEST_PACE_S
            with suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), pace_s)

    def _take(self) -> list[Wire]:
        count = min(len(self._queue), _BATCH_MAX)
        batch = [*self._newest.values(), *(self._queue.popleft() for _ in range(count))]
        self._newest.clear()
        if not any(reliable(w) for w in self._queue):
            self._hurry.clear()
        return batch

    def _find(self) -> Any:
        try:
            return ray.get_actor(ray_name(self._run, self._peer), namespace=NAMESPACE)
        except (ValueError, RayError):
            return None
