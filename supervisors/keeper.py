"""Keeps one team of actors alive: watches, asks `judge`, and carries the verdicts out on Ray.

Theory of operation. Every child is a detached named actor, so it outlives its supervisor. Starting
a team therefore means: find who lives, adopt them, start the others. Each child is watched by a
call that does not return while its process lives (`alive`): Ray fails it the moment the process is
gone, so death is observed, not polled. Only that a process lives and does nothing has to be asked
for (`pulse`); it is a death like any other. Deaths queue up and are handled one at a time; bringing
children up runs beside that, one task a child, and is thrown away when a later verdict sweeps over
it. Processes of a group are created together, which is slow, and told to boot in order.

A replacement gets its number durably first, and its process starts only after the old one is known
to be gone; Ray's unique names refuse it otherwise.
"""

import asyncio
import time
from dataclasses import dataclass, replace
from typing import Final, Protocol

from loguru import logger
from ray.exceptions import RayError, RayTaskError

from messages.base import NS_PER_MS, NS_PER_S, Message
from messages.health import ChildDied, ChildStarted, Escalated
from supervisors import kid as ray_side
from supervisors.kid import Kid, State
from supervisors.plan import Plan
from supervisors.policy import Death, TeamState, Verdict, judge, started
from supervisors.pulse import Pulses
from supervisors.tree import Team, leaves

IDENTITY_S: Final = 2.0  # a living actor answers this quickly, however busy, or it is replaced
SWEEP_NS: Final = 200 * NS_PER_MS  # a child that goes down with a sibling is not waited for longer
_RETRY_S: Final = 0.02
_SETTLED: Final = frozenset({State.SERVING, State.ENDED, State.STOPPED, State.GIVEN_UP})


class Escalation(Exception):
    """A team restarted too often and gave up."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """One restart: from the moment the death was seen until the replacement served."""

    actor: str
    incarnation: int
    serve_ms: float
    ts_ns: int


class Office(Protocol):
    """What a keeper needs from the supervisor that hosts it."""

    async def claim(self, name: str) -> int:
        """The next incarnation number of `name`, durable before it is returned."""
        ...

    def say(self, event: Message) -> None:
        """Pass a supervision event on; never waits."""
        ...

    def recovered(self, recovery: Recovery) -> None:
        """Count a restart; never waits."""
        ...

    async def gave_up(self, child: str, reason: str) -> bool:
        """The team is at its limit; True if it shall live on without `child`."""
        ...

    def escalated(self, reason: str) -> None:
        """The team has been stopped; it is for the team above to act."""
        ...


@dataclass(frozen=True, slots=True)
class _Ended:
    """What a watch or a failed start reports."""

    kid: Kid
    life: int
    crashed: bool
    reason: str
    seen_s: float  # monotonic


@dataclass(frozen=True, slots=True)
class _Start:
    """One attempt to bring a child up."""

    kid: Kid
    life: int
    earlier: Kid | None  # boots first
    after_ns: int
    seen_s: float | None  # when the death that this repairs was seen, monotonic
    adopt: bool


class Keeper:
    """One team. `start` adopts or starts everybody, `stop` ends everybody in reverse order."""

    def __init__(
        self, plan: Plan, team: Team, office: Office, given_up: frozenset[str] = frozenset()
    ) -> None:
        self._plan = plan
        self._team = team
        self._office = office
        self.kids = {node.name: Kid(node) for node in team.children}
        self._state: TeamState = started(team)
        self._ended: asyncio.Queue[_Ended] = asyncio.Queue()
        self._changed = asyncio.Condition()
        self._tasks: list[asyncio.Task[None]] = []
        self.escalated = ""
        for name in given_up & self.kids.keys():
            self._set(self.kids[name], State.GIVEN_UP)
            self._state = replace(self._state, running=self._state.running - {name})

    async def start(self) -> None:
        """Adopt the living, start the rest in order; returns when all of them serve.

        raises  Escalation if they cannot be kept alive
        """
        self._tasks = [
            asyncio.create_task(self._handle_deaths()),
            asyncio.create_task(Pulses(self._team.pulse, self.kids, self._hung).watch()),
        ]
        names = tuple(n for n in self._state.present if n in self._state.running)
        self._schedule(names, 0, None, adopt=True)
        async with self._changed:
            await self._changed.wait_for(lambda: self.escalated or self._settled())
        if self.escalated:
            raise Escalation(self.escalated)

    async def stop(self, reason: str) -> None:
        """Stop every child, last first, and see that its process is gone.

        The next one is told to stop when this one has closed. That a process ends takes half a
        second more, for which nobody waits: all of them leave meanwhile.
        """
        for task in self._tasks:
            task.cancel()
            await asyncio.wait({task})
        async with asyncio.TaskGroup() as leaving:
            for name in reversed(self.kids):
                kid = self.kids[name]
                closed = await self._dismiss(kid, reason, kid.node.stop_ns)
                end = leaving.create_task(self._see_off(kid, reason))
                if not closed or isinstance(kid.node, Team):
                    await end  # it, or one of its own, may still work: not without those it needs

    def revive(self) -> None:
        """Start the children that were given up, with a clean history."""
        names = [n for n, kid in self.kids.items() if kid.state is State.GIVEN_UP]
        self._state = replace(self._state, running=self._state.running | set(names), restarts=())
        self._schedule(tuple(names), 0, None, adopt=True)

    def _settled(self) -> bool:
        """Whether every child that should run serves."""
        running = self._state.running
        return all(k.state is State.SERVING for n, k in self.kids.items() if n in running)

    # --- deaths ----------------------------------------------------------------------------------

    async def _handle_deaths(self) -> None:
        while not self.escalated:
            ended = await self._ended.get()
            if ended.life == ended.kid.life:
                await self._on_death(ended)
        self._office.escalated(self.escalated)

    async def _on_death(self, ended: _Ended) -> None:
        kid = ended.kid
        kid.life += 1  # the watch and a failed start may both tell of one death
        kid.reason = ended.reason
        ts_ns = time.time_ns()
        await self._abandon(kid)
        self._set(kid, State.DOWN)
        await ray_side.bury(kid, patience_s=ray_side.PATIENCE_S)
        self._died(kid, ended.reason, crashed=ended.crashed)
        before = self._state
        # The window is measured on the monotonic clock: a stepped clock forgives and blames nobody.
        death = Death(kid.name, ended.crashed, int(ended.seen_s * NS_PER_S))
        verdict, self._state = judge(self._team, before, death)
        if verdict.escalate:
            reason = f"{kid.name} died: {ended.reason}; limit of {self._team.restarts_max} restarts"
            self._office.say(
                Escalated(ts_event=ts_ns, ts_init=ts_ns, team=self._team.name, reason=reason)
            )
            if await self._office.gave_up(kid.name, reason):
                self._state = replace(before, running=before.running - {kid.name})
                self._set(kid, State.GIVEN_UP)
                await self._tell()
                return
        await self._carry_out(verdict, kid, ended.seen_s)
        if verdict.escalate:
            self.escalated = reason
        await self._tell()

    async def _carry_out(self, verdict: Verdict, dead: Kid, seen_s: float) -> None:
        for name in verdict.stop:
            await self._stop(self.kids[name], f"{dead.name} died", swift=True)
        if not verdict.start and not verdict.escalate:
            self._set(dead, State.ENDED)
        self._schedule(verdict.start, verdict.after_ns, seen_s)

    async def _stop(self, kid: Kid, reason: str, *, swift: bool) -> None:
        # One that must come back at once is not given time to leave the stage.
        swift = swift and not isinstance(kid.node, Team)
        grace_ns = min(kid.node.stop_ns, SWEEP_NS) if swift else kid.node.stop_ns
        await self._dismiss(kid, reason, grace_ns)
        await self._see_off(kid, reason, patience_s=0.0 if swift else ray_side.PATIENCE_S)

    async def _dismiss(self, kid: Kid, reason: str, grace_ns: int) -> bool:
        """Ask a child to stop; whether it has closed in time."""
        kid.life += 1  # whatever it reports from now on is expected
        await self._abandon(kid)
        if kid.handle is None:
            kid.state = State.STOPPED if kid.state is State.WAITING else kid.state
            return True
        self._set(kid, State.STOPPING)
        kid.farewell = asyncio.create_task(ray_side.tell_to_stop(kid.handle, reason))
        last = kid.farewell if kid.watch is None else kid.watch
        await asyncio.wait({last}, timeout=grace_ns / NS_PER_S)
        return last.done()

    async def _see_off(
        self, kid: Kid, reason: str, *, patience_s: float = ray_side.PATIENCE_S
    ) -> None:
        """See that the process of a child that was asked to stop is gone."""
        if kid.handle is None:
            return
        await ray_side.bury(kid, patience_s=patience_s)
        if kid.farewell is not None:
            kid.farewell.cancel()
        if isinstance(kid.node, Team):
            await sweep(self._plan.run, kid.node)
        self._died(kid, reason, crashed=False)
        self._set(kid, State.STOPPED)

    async def _abandon(self, kid: Kid) -> None:
        """Give up an unfinished start, but let a process that is being created come to light."""
        task, kid.bringing_up = kid.bringing_up, None
        if task is not None and task is not asyncio.current_task():
            task.cancel()
            await asyncio.wait({task})
        if kid.creating is not None:
            await asyncio.wait({kid.creating}, timeout=ray_side.GONE_S)
            if kid.creating.done() and not kid.creating.exception():
                kid.handle = kid.creating.result()
            kid.creating = None

    # --- starts ----------------------------------------------------------------------------------

    def _schedule(
        self, names: tuple[str, ...], after_ns: int, seen_s: float | None, *, adopt: bool = False
    ) -> None:
        earlier: Kid | None = None
        for name in names:
            kid = self.kids[name]
            kid.life += 1
            self._set(kid, State.WAITING)
            kid.bringing_up = asyncio.create_task(
                self._bring_up(_Start(kid, kid.life, earlier, after_ns, seen_s, adopt))
            )
            earlier = kid

    async def _bring_up(self, start: _Start) -> None:
        kid = start.kid
        try:
            await asyncio.sleep(start.after_ns / NS_PER_S)
            async with asyncio.timeout(kid.node.boot_ns / NS_PER_S):
                adopted = start.adopt and await self._adopt(kid)
                if not adopted:
                    await self._create(kid)
                kid.watch = asyncio.create_task(self._watch(kid, start.life))
            await self._turn(start.earlier)
            async with asyncio.timeout(kid.node.boot_ns / NS_PER_S):
                pid, node_id = await kid.handle.boot.remote()
        except Exception as e:  # noqa: BLE001  whatever keeps a child from serving is its death
            kid.refusals += isinstance(e, RayTaskError) or getattr(e, "actor_init_failed", False)
            self._ended.put_nowait(_Ended(kid, start.life, True, _reason(e), time.monotonic()))
            return
        ray_side.seen(kid, pid, node_id)
        self._serves(kid, start.seen_s, adopted=adopted)
        await self._tell()

    async def _turn(self, earlier: Kid | None) -> None:
        """Wait until the child before this one serves, or will not be waited for."""
        if earlier is not None:
            async with self._changed:
                await self._changed.wait_for(lambda: earlier.state in _SETTLED)

    async def _adopt(self, kid: Kid) -> bool:
        """Take over a living actor of this name; one that does not answer is ended instead."""
        handle = await ray_side.find(self._plan.run, kid.name)
        if handle is None:
            return False
        try:
            told = await asyncio.wait_for(handle.identity.remote(), IDENTITY_S)
        except (RayError, TimeoutError):
            await ray_side.end(handle)
            return False
        _, kid.incarnation, pid, node_id = told
        ray_side.seen(kid, pid, node_id)
        kid.handle = handle
        return True

    async def _create(self, kid: Kid) -> None:
        kid.incarnation = await self._office.claim(kid.name)
        self._set(kid, State.STARTING)
        first: object = self._plan if isinstance(kid.node, Team) else self._plan.config
        args = (first, kid.name, kid.incarnation)
        while True:
            kid.creating = asyncio.create_task(
                asyncio.to_thread(ray_side.create, self._plan.run, kid.node, args)
            )
            try:
                kid.handle = await asyncio.shield(kid.creating)
                return
            except ValueError as e:
                if "already" not in str(e):
                    raise
                # The name is taken: an older incarnation is not dead, or not yet for Ray.
                if (older := await ray_side.find(self._plan.run, kid.name)) is not None:
                    await ray_side.end(older)
            finally:
                if kid.creating.done():
                    kid.creating = None
            await asyncio.sleep(_RETRY_S)

    async def _watch(self, kid: Kid, life: int) -> None:
        try:
            reason = str(await kid.handle.alive.remote())
            crashed = False
        except RayError as e:  # dead, unreachable, or it escalated: `bury` sees to its end
            reason, crashed = _reason(e), True
        self._ended.put_nowait(_Ended(kid, life, crashed, reason, time.monotonic()))

    def _hung(self, kid: Kid, life: int, reason: str) -> None:
        self._ended.put_nowait(_Ended(kid, life, True, reason, time.monotonic()))

    # --- what is told ----------------------------------------------------------------------------

    def _serves(self, kid: Kid, seen_s: float | None, *, adopted: bool) -> None:
        self._set(kid, State.SERVING)
        kid.refusals = 0
        verb = "adopted" if adopted else "started"
        logger.info("{} {} incarnation {} pid {}", verb, kid.name, kid.incarnation, kid.pid)
        if adopted:
            return
        now_ns = time.time_ns()
        if seen_s is not None:
            serve_ms = (time.monotonic() - seen_s) * 1e3
            self._office.recovered(Recovery(kid.name, kid.incarnation, serve_ms, now_ns))
        self._office.say(
            ChildStarted(
                ts_event=now_ns,
                ts_init=now_ns,
                actor=kid.name,
                incarnation=kid.incarnation,
                pid=kid.pid,
                node=kid.node_id,
            )
        )

    def _died(self, kid: Kid, reason: str, *, crashed: bool) -> None:
        now_ns = time.time_ns()
        logger.info("{} incarnation {} ended: {}", kid.name, kid.incarnation, reason)
        self._office.say(
            ChildDied(
                ts_event=now_ns,
                ts_init=now_ns,
                actor=kid.name,
                incarnation=kid.incarnation,
                reason=reason,
                crashed=crashed,
            )
        )

    def _set(self, kid: Kid, state: State) -> None:
        kid.state, kid.since_ns = state, time.time_ns()

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()


async def sweep(run: str, team: Team) -> None:
    """End every actor below a team whose supervisor is gone: nobody else would."""
    for leaf in reversed(leaves(team)):
        if (handle := await ray_side.find(run, leaf.name)) is not None:
            await ray_side.end(handle)


def _reason(e: BaseException) -> str:
    lines = [line.strip() for line in str(e).splitlines() if line.strip()]
    return f"{type(e).__name__}: {lines[-1] if lines else 'no reason given'}"[:500]
