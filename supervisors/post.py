"""Telling a named actor something without waiting for it, while it may be dead or restarting."""

import asyncio
from collections import deque
from typing import Final

from loguru import logger
from ray.exceptions import RayError

from supervisors.kid import Handle, find

QUEUE_MAX: Final = 1_000
_CALL_S: Final = 2.0
_PAUSE_S: Final = 0.1


class Post:
    """Calls `method` of one actor with each item, in order, until it answers or patience ends.

    An item may arrive twice (its answer was lost) or, after `patience_s`, not at all.
    """

    def __init__(self, run: str, actor: str, method: str, *, patience_s: float) -> None:
        self._run = run
        self._actor = actor
        self._method = method
        self._patience_s = patience_s
        self._queue: deque[object] = deque(maxlen=QUEUE_MAX)
        self._handle: Handle | None = None
        self._task: asyncio.Task[None] | None = None

    def send(self, item: object) -> None:
        """Queue an item; never waits."""
        self._queue.append(item)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._deliver())

    async def flush(self, timeout_s: float) -> None:
        """Wait until everything was delivered or given up."""
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=timeout_s)

    async def _deliver(self) -> None:
        loop = asyncio.get_running_loop()
        while self._queue:
            item = self._queue.popleft()
            deadline = loop.time() + self._patience_s
            while not await self._call(item):
                if loop.time() >= deadline:
                    logger.warning("{} did not take a {} call", self._actor, self._method)
                    break
                await asyncio.sleep(_PAUSE_S)

    async def _call(self, item: object) -> bool:
        if self._handle is None:
            self._handle = await find(self._run, self._actor)
        if self._handle is None:
            return False
        try:
            await asyncio.wait_for(getattr(self._handle, self._method).remote(item), _CALL_S)
        except (RayError, TimeoutError, AttributeError):
            self._handle = None  # it may be back under the same name: look it up again
            return False
        return True
