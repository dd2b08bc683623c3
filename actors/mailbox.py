"""The mailbox of one actor: bounded, first in first out, drained in natural batches."""

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Final

from actors.packet import Wire, reliable
from messages import Message

SIZE_MAX: Final = 20_000


@dataclass(frozen=True, slots=True)
class Local:
    """A message of this actor's own: from its "venue", a timer ("self"), the "operator"."""

    peer: str
    message: Message


Item = Wire | Local


class Mailbox:
    """What has arrived and is not handled yet.

    When it is full, stream frames (market data) give way, oldest first: newer ones are worth more.
    Numbered frames that then still do not fit are dropped too; the links send them again. Messages
    of our own are never dropped: whoever makes them waits for room.
    """

    def __init__(self, size_max: int = SIZE_MAX) -> None:
        self._size_max = size_max
        self._items: deque[Item] = deque()
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._items)

    def put(self, wires: list[Wire]) -> None:
        """Queue packets of a peer."""
        if len(self._items) + len(wires) > self._size_max:
            self._make_room(len(wires))
            room = max(self._size_max - len(self._items), 0)
            self.dropped += max(len(wires) - room, 0)
            wires = wires[:room]
        self._items.extend(wires)
        self._arrived.set()

    def put_local(self, peer: str, message: Message) -> None:
        """Queue a message of our own at once: timers, few by nature, and what its maker bounds."""
        self._items.append(Local(peer, message))
        self._arrived.set()

    async def offer(self, peer: str, message: Message) -> None:
        """Queue a message of our own when there is room: evidence waits, it is never dropped.

        Those who wait come in one after the other; sockets feel the wait.
        """
        while len(self._items) >= self._size_max:
            self._room.clear()
            await self._room.wait()
        self.put_local(peer, message)

    async def drain(self, batch_max: int) -> list[Item]:
        """The oldest items, at least one, at most `batch_max`; waits while there are none."""
        while not self._items:
            self._arrived.clear()
            await self._arrived.wait()
        count = min(batch_max, len(self._items))
        batch = [self._items.popleft() for _ in range(count)]
        if len(self._items) < self._size_max:
            self._room.set()
        return batch

    def _make_room(self, wanted: int) -> None:
        excess = len(self._items) + wanted - self._size_max
        kept: deque[Item] = deque()
        for item in self._items:
            if excess > 0 and not isinstance(item, Local) and not reliable(item):
                excess -= 1
                self.dropped += 1
            else:
                kept.append(item)
        self._items = kept
