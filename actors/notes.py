"""What an actor says for the record: to the journal keeper, in batches, until it has been taken.

Nothing on the trading path waits here. While the keeper is away its notes wait, bounded; a batch
whose answer was lost is said again, and the keeper drops what it has.
"""

import asyncio
from collections import deque
from typing import Final

from actors.lines import Refused
from actors.peer import Peer, Unreachable

KEEPER: Final = "journal"
_BATCH_MAX: Final = 128
_QUEUE_MAX: Final = 10_000
_RETRY_S: Final = 0.05


class Notes:
    """The way to the journal keeper of a run."""

    def __init__(self, run: str) -> None:
        self._keeper = Peer(run, KEEPER)
        self._queue: deque[bytes] = deque(maxlen=_QUEUE_MAX)
        self._wake = asyncio.Event()

    def __len__(self) -> int:
        return len(self._queue)

    def put(self, raw: bytes) -> None:
        """Queue an encoded message; the oldest goes when there are too many."""
        self._queue.append(raw)
        self._wake.set()

    async def flush(self, timeout_s: float) -> None:
        """Wait until the keeper has everything, or the time is up."""
        deadline = asyncio.get_running_loop().time() + timeout_s
        while self._queue and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(_RETRY_S)

    async def deliver(self) -> None:
        """Hand over what is queued, for as long as this actor lives."""
        while True:
            if not self._queue:
                self._wake.clear()
                await self._wake.wait()
            batch = list(self._queue)[:_BATCH_MAX]
            try:
                await self._keeper.call("notes", batch)
            except (Unreachable, Refused):
                await asyncio.sleep(_RETRY_S)
                continue
            for raw in batch:  # it may have overflowed meanwhile: take off what was handed over
                if self._queue and self._queue[0] is raw:
                    self._queue.popleft()
