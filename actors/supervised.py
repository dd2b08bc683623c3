"""What a supervisor asks of each of its actors: boot, alive, identity, stop."""

import asyncio
import os
from abc import ABC, abstractmethod
from typing import Final

import ray

_LAST_WORDS_S: Final = 0.05  # between the last answer and the end of the process


class Supervised(ABC):
    """Base of every actor below the root."""

    def __init__(self, name: str, incarnation: int) -> None:
        self.name = name
        self.incarnation = incarnation
        self._booting: asyncio.Task[None] | None = None
        self._end: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    @abstractmethod
    async def _boot(self) -> None:
        """Open everything; returns when this actor serves."""

    @abstractmethod
    async def stop(self, reason: str) -> None:
        """Say the last words, close, and end this process."""

    async def boot(self) -> tuple[int, str]:
        """Serve, once however often it is asked for; returns (pid, node id)."""
        if self._booting is None:
            self._booting = asyncio.create_task(self._boot())
        await asyncio.shield(self._booting)
        return os.getpid(), ray.get_runtime_context().get_node_id()

    async def alive(self) -> str:
        """Return only when this process ends on purpose; raise if it gives up."""
        return await asyncio.shield(self._end)

    async def identity(self) -> tuple[str, int, int, str]:
        """(name, incarnation, pid, node id)."""
        return self.name, self.incarnation, os.getpid(), ray.get_runtime_context().get_node_id()

    def _ended(self, reason: str) -> None:
        """Let `alive` return."""
        if not self._end.done():
            self._end.set_result(reason)

    async def _exit(self) -> None:
        """End this process, when its last answers are on their way."""
        await asyncio.sleep(_LAST_WORDS_S)
        ray.actor.exit_actor()
