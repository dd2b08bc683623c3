"""Timers of one actor: they fire late at worst, never early."""

import asyncio
from collections.abc import Callable

from actors.clock import Clock
from messages.base import NS_PER_S
from messages.control import SetTimer, TimerFired


class Timers:
    """Named timers on the event loop; setting a name again replaces it."""

    def __init__(self, clock: Clock, fire: Callable[[TimerFired], None]) -> None:
        self._clock = clock
        self._fire = fire
        self._pending: dict[str, asyncio.TimerHandle] = {}

    def set(self, timer: SetTimer) -> None:
        """Fire `timer` once its time has come by this actor's clock."""
        if (old := self._pending.pop(timer.name, None)) is not None:
            old.cancel()
        wait_s = max(timer.ts_due - self._clock.now_ns(), 0) / NS_PER_S
        loop = asyncio.get_running_loop()
        self._pending[timer.name] = loop.call_later(wait_s, self._due, timer)

    def cancel(self) -> None:
        """Forget all of them."""
        for handle in self._pending.values():
            handle.cancel()
        self._pending.clear()

    def _due(self, timer: SetTimer) -> None:
        self._pending.pop(timer.name, None)
        now_ns = self._clock.now_ns()
        if now_ns < timer.ts_due:  # the loop's clock and ours differ by a little: wait the rest
            self.set(timer)
            return
        self._fire(TimerFired(ts_event=timer.ts_due, ts_init=now_ns, name=timer.name))
