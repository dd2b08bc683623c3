"""The root supervisor: the one actor that Ray itself restarts."""

import asyncio
import os
import time
from collections import deque
from dataclasses import asdict
from typing import Any, Final

import ray
from loguru import logger
from ray.exceptions import RayError

from messages import Message, decode, encode
from messages.health import ChildStarted
from messages.risk import KillSwitch, TradingState
from supervisors.incarnations import Incarnations
from supervisors.keeper import Keeper, Recovery
from supervisors.kid import find
from supervisors.plan import Plan
from supervisors.post import Post
from supervisors.rows import Row, team_rows
from supervisors.tree import ROOT
from supervisors.warm import WarmPool

EVENTS_MAX: Final = 1_000
_HALT_CALL_S: Final = 2.0
_HALT_LOOKS: Final = 10  # at the order manager's state, before it is told again
_HALT_PAUSE_S: Final = 0.1
_SINK_PATIENCE_S: Final = 5.0
_FLUSH_S: Final = 1.0


class Root:
    """Owns the whole tree: its incarnation numbers, its events, and the decision to halt.

    Started once by the driver, and again by Ray whenever it dies; both times it adopts whoever
    lives and starts the rest. It never gives up: where a team would escalate it pulls the kill
    switch, leaves that child down, and goes on supervising the others.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._since_ns = time.time_ns()
        self._incarnations = Incarnations(plan.ledger_path, plan.session)
        self._incarnation = self._incarnations.claim(ROOT)
        self._writing = asyncio.Lock()
        self._events: deque[bytes] = deque(maxlen=EVENTS_MAX)
        self._recoveries: deque[Recovery] = deque(maxlen=EVENTS_MAX)
        self._sink = Post(plan.run, plan.sink, "note", patience_s=_SINK_PATIENCE_S)
        self._halting: asyncio.Task[None] | None = None
        self._warm = WarmPool(plan.spares)
        self._state = "starting"
        self._keeper = Keeper(plan, plan.tree, self, frozenset(self._incarnations.halted))
        self._see_to_halts()  # an earlier incarnation may have died before this was done
        # Nobody calls a root that Ray has restarted: it starts by itself.
        self._booting = asyncio.get_running_loop().create_task(self._start())

    async def _start(self) -> None:
        await self._keeper.start()
        if self._state == "starting":
            self._state = "running"
        if self._incarnations.restarts(ROOT) == 0:
            await self._warm.fill()
            return
        here = ray.get_runtime_context().get_node_id()
        nodes = {kid.node_id for kid in self._keeper.kids.values()} | {here}
        self._warm.assume_filled(nodes)
        self._warm.used(here)  # by this process

    async def boot(self) -> tuple[int, str]:
        """Wait until the whole tree serves; returns (pid, node id)."""
        await asyncio.shield(self._booting)
        return os.getpid(), ray.get_runtime_context().get_node_id()

    async def identity(self) -> tuple[str, int, int, str]:
        """(name, incarnation, pid, node id)."""
        node_id = ray.get_runtime_context().get_node_id()
        return ROOT, self._incarnation, os.getpid(), node_id

    async def claim(self, name: str) -> int:
        """The next incarnation number of `name`, on disk before it is returned."""
        async with self._writing:
            return await asyncio.to_thread(self._incarnations.claim, name)

    async def heard(self, event: bytes) -> None:
        """A supervisor below says what happened."""
        self.say(decode(event))

    async def counted(self, recovery: Recovery) -> None:
        """A supervisor below brought a child back."""
        self.recovered(recovery)

    async def events(self) -> list[bytes]:
        """The latest supervision events, oldest first."""
        return list(self._events)

    async def status(self) -> dict[str, Any]:
        """The whole tree as plain data; answers within about a second whoever is dead."""
        rows = [self._row(), *await team_rows(ROOT, self._keeper.kids.values())]
        for row in rows:
            row["restarts"] = self._incarnations.restarts(row["name"])
        halted = self._incarnations.halted
        return {
            "run": self._plan.run,
            "state": "halted" if halted and self._state == "running" else self._state,
            "halted": halted,
            "actors": rows,
            "recoveries": [asdict(r) for r in self._recoveries],
        }

    async def resume(self, operator: str) -> None:
        """Start again what was given up. Trading stays halted until the operator sets its state."""
        logger.info("{} resumes {}", operator, sorted(self._incarnations.halted))
        async with self._writing:
            await asyncio.to_thread(self._incarnations.resume)
        self._keeper.revive()

    async def shutdown(self, reason: str) -> None:
        """Stop everybody in reverse order. The caller ends this process afterwards."""
        self._state = "stopping"
        self._booting.cancel()
        await self._keeper.stop(reason)
        await self._sink.flush(_FLUSH_S)
        self._state = "stopped"

    # --- what the keeper needs -------------------------------------------------------------------

    def say(self, event: Message) -> None:
        raw = encode(event)
        self._events.append(raw)
        if self._state != "stopping":  # the sink is one of those who go
            self._sink.send(raw)
        if isinstance(event, ChildStarted) and self._state == "running":
            self._warm.used(event.node)

    def recovered(self, recovery: Recovery) -> None:
        self._recoveries.append(recovery)

    async def gave_up(self, child: str, reason: str) -> bool:
        logger.error("halt: {}", reason)
        async with self._writing:
            await asyncio.to_thread(self._incarnations.halt, child, reason)
        self._see_to_halts()
        return True

    def escalated(self, reason: str) -> None:
        raise AssertionError(f"the root gave up: {reason}")

    # --- halting ---------------------------------------------------------------------------------

    def _see_to_halts(self) -> None:
        if self._incarnations.untold and (self._halting is None or self._halting.done()):
            self._halting = asyncio.get_running_loop().create_task(self._halt())

    async def _halt(self) -> None:
        """Tell the order manager until it shows that it is halted, then remember that it was.

        That it took the command is not enough: it is queued there, and may die with its process.
        """
        while untold := self._incarnations.untold:
            if self._state in ("stopping", "stopped"):
                return
            if await self._halted("; ".join(untold.values())):
                async with self._writing:
                    for name in untold:
                        await asyncio.to_thread(self._incarnations.told, name)
            await asyncio.sleep(_HALT_PAUSE_S)

    async def _halted(self, reason: str) -> bool:
        """Whether every order manager shows that it is halted; each is told, whatever others do."""
        done = await asyncio.gather(*(self._halted_one(h, reason) for h in self._plan.hooks))
        return all(done)

    async def _halted_one(self, name: str, reason: str) -> bool:
        hook = await find(self._plan.run, name)
        if hook is None:
            return False
        now_ns = time.time_ns()
        # Not only HALTED: what works at the venue would go on trading with nobody to look after it.
        halt = KillSwitch(ts_event=now_ns, ts_init=now_ns, reason=reason, operator="supervisor")
        try:
            await asyncio.wait_for(hook.command.remote(encode(halt)), _HALT_CALL_S)
            for _ in range(_HALT_LOOKS):
                seen = await asyncio.wait_for(hook.look.remote(), _HALT_CALL_S)
                if seen.get("trading_state") == TradingState.HALTED:
                    return True
                await asyncio.sleep(_HALT_PAUSE_S)
        except (RayError, TimeoutError):
            pass  # it died, or is busy: it is told again
        return False

    def _row(self) -> Row:
        return {
            "name": ROOT,
            "class": type(self).__name__,
            "team": "",
            "pid": os.getpid(),
            "node": ray.get_runtime_context().get_node_id(),
            "incarnation": self._incarnation,
            "restarts": 0,
            "state": "serving",
            "since_ns": self._since_ns,
            "refusals": 0,
            "reason": "",
        }
