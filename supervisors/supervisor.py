"""The supervisor of one team below the root, as a Ray actor."""

import asyncio
from typing import Final

from ray.exceptions import RayError

from actors.supervised import Supervised
from messages import Message, encode
from supervisors.keeper import Escalation, Keeper, Recovery
from supervisors.kid import Handle, find
from supervisors.plan import Plan
from supervisors.post import Post
from supervisors.rows import Row, team_rows
from supervisors.tree import ROOT, Team

_CLAIM_S: Final = 2.0
_RETRY_S: Final = 0.05
_FLUSH_S: Final = 0.2


class Supervisor(Supervised):
    """Keeps one team; its own death leaves the team running, for its successor to adopt."""

    def __init__(self, plan: Plan, name: str, incarnation: int) -> None:
        super().__init__(name, incarnation)
        self._plan = plan
        self._team: Team = plan.team(name)
        self._keeper = Keeper(plan, self._team, self)
        self._root: Handle | None = None
        self._events = Post(plan.run, ROOT, "heard", patience_s=10.0)
        self._recoveries = Post(plan.run, ROOT, "counted", patience_s=10.0)

    async def _boot(self) -> None:
        """Adopt or start the team; returns when all of it serves."""
        await self._keeper.start()

    async def rows(self) -> list[Row]:
        """The team's children, and theirs."""
        return await team_rows(self._team.name, self._keeper.kids.values())

    async def stop(self, reason: str) -> None:
        """Stop the team, last child first, then end this process."""
        if self._booting is not None:
            self._booting.cancel()
        await self._keeper.stop(reason)
        await self._events.flush(_FLUSH_S)
        self._ended(reason)
        await self._exit()

    async def claim(self, name: str) -> int:
        """Ask the root, for as long as it takes: without a number nothing may start."""
        while True:
            try:
                if self._root is None:
                    self._root = await find(self._plan.run, ROOT)
                if self._root is not None:
                    return int(await asyncio.wait_for(self._root.claim.remote(name), _CLAIM_S))
            except (RayError, TimeoutError):
                self._root = None
            await asyncio.sleep(_RETRY_S)

    def say(self, event: Message) -> None:
        self._events.send(encode(event))

    def recovered(self, recovery: Recovery) -> None:
        self._recoveries.send(recovery)

    async def gave_up(self, child: str, reason: str) -> bool:
        return False

    def escalated(self, reason: str) -> None:
        if not self._end.done():
            self._end.set_exception(Escalation(reason))
