"""Sending to one peer in natural batches: all that has queued, whenever the last batch has arrived.

The completion of `receive` on the other side is the transport's acknowledgement. What a dead peer
did not get is dropped: streams because newer data is worth more, numbered frames because the links
send them again, to the peer's next incarnation.

Through Ray a call costs both sides about a millisecond of processor time, whatever is in it; there
streams alone do not make a call at once: they wait `PACE_S` for company. Numbered frames and
acknowledgements go at once and take what waits with them. Of a stream of which only the newest
message counts (risk looks at the last quote), only that is kept.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from actors.lines import Refused
from actors.packet import Wire, reliable
from actors.peer import Peer, Unreachable

_BATCH_MAX: Final = 512
_BYTES_MAX: Final = 1 << 20  # of a batch: it is taken over whole, and a line has a limit
_QUEUE_MAX: Final = 20_000
_RETRY_S: Final = 0.02
PACE_S: Final = 0.002
NEWEST_PACE_S: Final = 0.02


class Outbox:
    """The way to one other actor of the run."""

    def __init__(self, run: str, peer: str, spawn: Callable[..., Any]) -> None:
        self._peer = Peer(run, peer)
        self._queue: deque[Wire] = deque(maxlen=_QUEUE_MAX)
        self._newest: dict[str, Wire] = {}  # the last message of streams that replace themselves
        self._wake = asyncio.Event()
        self._hurry = asyncio.Event()
        self.sent = 0
        self.batches = 0
        spawn(self._send())

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
            batch = self._take()
            try:
                await self._peer.call("receive", batch)
                self.sent += len(batch)
                self.batches += 1
            except (Unreachable, Refused):
                await asyncio.sleep(_RETRY_S)  # nobody there: the links say it again

    async def _company(self) -> None:
        """Streams wait a little for more; anything numbered ends the wait."""
        if not self._hurry.is_set():
            pace_s = NEWEST_PACE_S
            if self._queue:
                if self._peer.direct:
                    return
                pace_s = PACE_S
            with suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), pace_s)

    def _take(self) -> list[Wire]:
        batch = [*self._newest.values()]
        room = _BYTES_MAX
        for _ in range(min(len(self._queue), _BATCH_MAX)):
            wire = self._queue.popleft()
            batch.append(wire)
            room -= _size(wire)
            if room <= 0:
                break
        self._newest.clear()
        if not any(reliable(w) for w in self._queue):
            self._hurry.clear()
        return batch


def _size(wire: Wire) -> int:
    """Bytes of the message in a packet."""
    raw = wire[-1]
    return len(raw) if isinstance(raw, bytes) else 0
