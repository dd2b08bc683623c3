"""Several of a run's actors in one process, for latency: what they say to each other makes no hop.

Each member is the shell that it would be alone: its own machine, mailbox, journal, sockets and
line, and everybody else meets it under its own name. They share a process, so they share its
death and its event loop: a strategy that computes for 50 ms holds the order manager up for 50 ms.
"""

import asyncio
import os
from collections.abc import Sequence
from typing import Any, Final

import ray

from actors.config import config_of
from actors.orders import OrderManager
from actors.risk import RiskChecker
from actors.shell import Shell
from actors.strategy import Strategy
from trading.wiring import Role, role_of

_LAST_WORDS_S: Final = 0.05
_SHELLS: Final[dict[Role, type[Shell[Any]]]] = {
    Role.ORDERS: OrderManager,
    Role.RISK: RiskChecker,
    Role.STRATEGY: Strategy,
}


class Cell:
    """Hosts the order manager, the risk checker and the strategies of a run."""

    def __init__(self, run: str, name: str, incarnation: int) -> None:
        config = config_of(run, name)
        self.name, self.incarnation = name, incarnation
        self._members = {n: _SHELLS[role_of(n)](run, n, incarnation) for n in config.cell}
        boxes = {n: shell.mailbox for n, shell in self._members.items()}
        for n, shell in self._members.items():
            shell.neighbours = {other: box for other, box in boxes.items() if other != n}
        self._end: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def boot(self) -> tuple[int, str]:
        """Boot every member; returns (pid, node id)."""
        await asyncio.gather(*(shell.boot() for shell in self._members.values()))
        return os.getpid(), ray.get_runtime_context().get_node_id()

    async def alive(self) -> str:
        """Return only when this process ends on purpose."""
        return await asyncio.shield(self._end)

    async def identity(self) -> tuple[str, int, int, str]:
        """(name, incarnation, pid, node id)."""
        return self.name, self.incarnation, os.getpid(), ray.get_runtime_context().get_node_id()

    async def stop(self, reason: str) -> None:
        """Say every member's last words, the strategies' first, and end this process."""
        for shell in reversed(self._members.values()):
            await shell.end(reason)
        if not self._end.done():
            self._end.set_result(reason)
        await asyncio.sleep(_LAST_WORDS_S)
        ray.actor.exit_actor()

    async def look(self, what: str = "status") -> Any:
        """Who is in here."""
        return {"members": {n: type(s).__name__ for n, s in self._members.items()}}

    async def member(self, name: str, method: str, arguments: Sequence[Any]) -> Any:
        """What a member's method returns.

        raises  KeyError if there is no such member
        """
        return await getattr(self._members[name], method)(*arguments)

    async def metrics(self) -> bytes:
        """Nothing of its own: each member answers for itself."""
        return b""
