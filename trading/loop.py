"""All actors of a run in one process, under virtual time, with faults from a seed.

Theory of operation. One heap of (due, order of posting, what). A *host* is what a process is in the
real system: a machine, its clock, its timers, and what survives it: the journal rows (for the order
manager) or the journal keeper's checkpoints (for strategies). The loop carries out a machine's
effects in the order that the contract of `Effects` demands and may stop a host dead between any two
of them. Everything that a restarted host knows it reads back from what survived.

Without faults and delays the loop delivers in posting order: one order of events, the same on every
machine. That is the runtime against which the Ray shell is compared.
"""

import hashlib
import heapq
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final, Protocol

from messages import Message
from messages.base import NS_PER_MS, NS_PER_S
from messages.control import SetTimer, StrategyCheckpoint, TimerFired
from trading.core import Core
from trading.faults import NONE, Dice, Faults
from trading.links import Packet
from trading.machine import Effects, Machine, Row, since_snapshot
from trading.wiring import Directory, Role

_TICK_NS: Final = 200 * NS_PER_MS  # how often a host looks for unacknowledged messages
_PARTS: Final = 4  # of a step, between which a host may die
_GENESIS: Final = b"\0" * 32


class Fenced(Exception):
    """An older incarnation tried to write after a newer one had begun."""


class Died(Exception):
    """A planned crash: the host stops where it stands."""


class Connection(Protocol):
    """A host's way to the venue; answers come back through `Loop.answer`."""

    def request(self, loop: "Loop", host: "Host", message: Message) -> None: ...

    def launched(self, loop: "Loop", host: "Host") -> None:
        """A new process of `host` serves: its connections are new ones."""


@dataclass(slots=True)
class JournalFile:
    """What a journal is to the loop: chained rows, and the fence of its writer."""

    rows: list[Row] = field(default_factory=list)
    chain: list[bytes] = field(default_factory=list)
    fence: int = 0
    torn: int = 0

    def take(self, fence: int) -> None:
        self.fence = max(self.fence, fence)

    def append(self, rows: tuple[Row, ...], fence: int) -> None:
        """All rows or none; raises Fenced for any but the newest writer."""
        if fence != self.fence:
            raise Fenced
        for row in rows:
            self.rows.append(row)
            self.chain.append(self._link(row))

    def tear(self, row: Row) -> None:
        """Half a record at the tail, as a dying disk leaves it."""
        self.rows.append(row)
        self.chain.append(b"torn")

    def repair(self) -> None:
        """Drop a torn tail; what was synced before it is intact."""
        while self.chain and self.chain[-1] == b"torn":
            self.rows.pop()
            self.chain.pop()
            self.torn += 1

    def intact(self) -> bool:
        """Whether every record hashes to what was written, from the first to the last."""
        before, rows, chain = _GENESIS, self.rows, self.chain
        for row, link in zip(rows, chain, strict=True):
            before = hashlib.sha256(before + _bytes(row)).digest()
            if before != link:
                return False
        return True

    def _link(self, row: Row) -> bytes:
        before = self.chain[-1] if self.chain else _GENESIS
        return hashlib.sha256(before + _bytes(row)).digest()


def _bytes(row: Row) -> bytes:
    head = f"{row.direction} {row.peer} {row.session} {row.seq} {row.ts_ns} "
    return head.encode() + row.wire


@dataclass(slots=True)
class Host:
    """A process of the simulated world. `machine` is None while it is down."""

    name: str
    incarnation: int = 0
    machine: Machine[Any] | None = None
    clock_ns: int = 0  # this host's clock minus true time
    timers: dict[str, int] = field(default_factory=dict)
    deaf_until: int = 0  # partitioned from the other actors until then


Make = Callable[[str, int], Core[Any]]
Restore = Callable[[Machine[Any], StrategyCheckpoint], None]


@dataclass(frozen=True, slots=True)
class World:
    """What a loop is given: actors, how to make their cores, and their way to the venue."""

    directory: Directory
    actors: tuple[str, ...]  # in start order
    make: Make
    restore: Restore
    connection: Connection
    snapshot_every: int = 0  # inputs of an actor that journals; 0: never


def _never(probability: float) -> bool:
    return False


class Loop:
    """The simulated world of one run. Same world, faults and dice: same log, always.

    `watch(loop)` is called after every step: invariants look there.
    """

    def __init__(
        self,
        world: World,
        start_ns: int,
        faults: Faults = NONE,
        dice: Dice | None = None,
        watch: Callable[["Loop"], None] | None = None,
    ) -> None:
        self.world = world
        self.now_ns = start_ns
        self.faults = faults
        self.steps = 0
        self.crashes = 0
        self.hosts: dict[str, Host] = {name: Host(name) for name in world.actors}
        self.zombies: list[Host] = []
        self.journals: dict[str, JournalFile] = {str(Role.ORDERS): JournalFile()}
        self.checkpoints: dict[str, StrategyCheckpoint] = {}
        self.fences: dict[str, int] = {}  # newest incarnation that read its checkpoint
        self.notes: list[Message] = []
        self.trace: Callable[[str], None] | None = None
        self._dice = dice
        self.chance: Callable[[float], bool] = dice.hits if dice is not None else _never
        self._watch = watch
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()

    # --- time ---------------------------------------------------------------------------------

    def after(self, delay_ns: int, what: Callable[[], None]) -> None:
        """Do `what` in `delay_ns`; equal times keep the order of posting."""
        heapq.heappush(self._heap, (self.now_ns + delay_ns, next(self._order), what))

    def run(self, until_ns: int | None = None) -> Iterator[int]:
        """Step until the heap is empty or time is up; yields the number of each step."""
        while self._heap and (until_ns is None or self._heap[0][0] <= until_ns):
            due, _, what = heapq.heappop(self._heap)
            self.now_ns = max(self.now_ns, due)
            what()
            self.steps += 1
            if self._watch is not None:
                self._watch(self)
            yield self.steps

    def upto(self, limit: int) -> int:
        return self._dice.upto(limit) if self._dice is not None else 0

    # --- processes ----------------------------------------------------------------------------

    def start(self) -> None:
        """Start every actor, in order, and the periodic look for unheard messages."""
        for name in self.world.actors:
            self.launch(self.hosts[name])
            self.after(_TICK_NS, lambda name=name: self._tick(name))  # type: ignore[misc]

    def launch(self, host: Host) -> None:
        """A new incarnation of `host`: recover from what survived, then speak."""
        host.incarnation += 1
        host.timers = {}
        core = self.world.make(host.name, host.incarnation)
        every = self.world.snapshot_every
        machine = Machine(host.name, core, self.world.directory, host.incarnation, every)
        self._log(f"{host.name}#{host.incarnation} starts")
        journal = self.journals.get(host.name)
        if journal is not None:
            journal.take(host.incarnation)
            journal.repair()
            snapshots, rows = since_snapshot(journal.rows)
            if snapshots:
                machine.load(snapshots)
            machine.recover(rows)
        self.fences[host.name] = host.incarnation
        checkpoint = self.checkpoints.get(host.name)
        if checkpoint is not None:
            self.world.restore(machine, checkpoint)
        host.machine = machine
        machine.trace = self._log if self.trace is not None else None
        self._do(host, lambda: machine.resume(self.clock(host)))
        self.world.connection.launched(self, host)

    def crash(self, host: Host) -> None:
        """The process is gone; its supervisor starts another soon."""
        self.crashes += 1
        self._log(f"{host.name}#{host.incarnation} CRASHES")
        host.machine = None
        self.after(self.faults.restart_ns, lambda: self.launch(host))

    def outlive(self, host: Host) -> None:
        """The supervisor gives up on a process that lives: for a while there are two."""
        self._log(f"{host.name}#{host.incarnation} is taken for dead, and lives on")
        ghost = Host(host.name, host.incarnation, host.machine, host.clock_ns)
        self.zombies.append(ghost)
        self.after(self.faults.zombie_ns, lambda: self._bury(ghost))
        host.machine = None
        self.after(self.faults.restart_ns, lambda: self.launch(host))

    def clock(self, host: Host) -> int:
        return max(self.now_ns + host.clock_ns, 0)

    def _log(self, line: str) -> None:
        if self.trace is not None:
            self.trace(f"{self.steps:>6} {self.now_ns / NS_PER_S:.6f} {line}")

    def _bury(self, ghost: Host) -> None:
        ghost.machine = None
        self.zombies = [z for z in self.zombies if z is not ghost]

    def _tick(self, name: str) -> None:
        for host in (self.hosts[name], *(z for z in self.zombies if z.name == name)):
            machine = host.machine
            if machine is not None:
                for packet in machine.resend(self.clock(host), _TICK_NS):
                    self._send(host, packet)
        self.after(_TICK_NS, lambda: self._tick(name))

    # --- messages -----------------------------------------------------------------------------

    def answer(self, host: Host, incarnation: int, message: Message) -> None:
        """A message of the host's own connection; dropped if that process is gone."""
        if host.incarnation == incarnation:
            self.tell(host, message, "venue")

    def tell(self, host: Host, message: Message, peer: str) -> None:
        """Hand a host a message that came over no link ("venue", "self", "operator")."""
        machine = host.machine
        if machine is not None:
            self._do(host, lambda: machine.local(message, self.clock(host), peer))

    def _arrive(self, packet: Packet) -> None:
        host = self.hosts.get(packet.to)
        if host is None:
            return  # an actor that this world does without
        ghosts = [z for z in self.zombies if z.name == packet.to]
        for each in (host, *ghosts):
            machine = each.machine
            if machine is not None and self.now_ns >= each.deaf_until:
                self._do(each, lambda m=machine, h=each: m.packet(packet, self.clock(h)))  # type: ignore[misc]

    def _send(self, host: Host, packet: Packet) -> None:
        faults = self.faults
        if self.now_ns < host.deaf_until or self.chance(faults.loss):
            return
        copies = 2 if self.chance(faults.duplication) else 1
        for _ in range(copies):
            self.after(self.upto(faults.delay_ns), lambda: self._arrive(packet))

    def set_timer(self, host: Host, timer: SetTimer) -> None:
        """Send `TimerFired` back when the host's clock says so; the name's last setting counts."""
        host.timers[timer.name] = timer.ts_due
        wait_ns = max(timer.ts_due - self.clock(host), 0)
        incarnation = host.incarnation
        self.after(wait_ns, lambda: self._timer(host, incarnation, timer.name, timer.ts_due))

    def _timer(self, host: Host, incarnation: int, name: str, due_ns: int) -> None:
        if host.incarnation != incarnation or host.timers.get(name) != due_ns:
            return  # of an earlier process, or set anew since
        del host.timers[name]
        now_ns = self.clock(host)
        self.tell(host, TimerFired(ts_event=now_ns, ts_init=now_ns, name=name), "self")

    # --- one step of one host -----------------------------------------------------------------

    def _do(self, host: Host, step: Callable[[], Effects]) -> None:
        try:
            effects = step()
            self._carry_out(host, effects)
        except Died:
            self._end(host)
        except Fenced:
            self._end(host)

    def _end(self, host: Host) -> None:
        if self._ghost(host):
            host.machine = None
        else:
            self.crash(host)

    def _death(self, host: Host) -> int:
        """After which part of this step the host dies; one past the last: it lives."""
        dies = self.chance(self.faults.crash) and not self._ghost(host)
        return self.upto(_PARTS) if dies else _PARTS

    def _carry_out(self, host: Host, effects: Effects) -> None:
        """Journal, then speak: with a chance to die between any two steps."""
        machine = host.machine
        if machine is None:
            return
        death = self._death(host)
        if death == 0:
            raise Died
        self._persist(host, machine, effects)
        if death == 1:
            raise Died
        for message in effects.venue:
            self.world.connection.request(self, host, message)
        if death == 2:
            raise Died
        for packet in effects.packets:
            self._send(host, packet)
        if death == 3:
            raise Died
        for timer in effects.timers:
            self.set_timer(host, timer)
        for ack in machine.acks():
            self._send(host, ack)
        if self.chance(self.faults.zombie) and not self._ghost(host):
            self.outlive(host)

    def _ghost(self, host: Host) -> bool:
        return any(z is host for z in self.zombies)

    def _persist(self, host: Host, machine: Machine[Any], effects: Effects) -> None:
        if effects.rows:
            journal = self.journals[host.name]
            if self.chance(self.faults.torn) and not self._ghost(host):
                journal.tear(effects.rows[0])
                raise Died
            journal.append(effects.rows, host.incarnation)
        if effects.checkpoint is not None:
            if host.incarnation != self.fences[host.name]:
                raise Fenced
            self.checkpoints[host.name] = effects.checkpoint
            machine.persisted(effects.checkpoint)
        self.notes.extend(effects.notes)

    # --- results ------------------------------------------------------------------------------

    def digest(self) -> str:
        """SHA-256 over every actor's log digest, in start order."""
        whole = hashlib.sha256()
        for name in self.world.actors:
            machine = self.hosts[name].machine
            whole.update(f"{name} {machine.digest() if machine else '-'}\n".encode())
        return whole.hexdigest()


def strategies(loop: Loop) -> Mapping[str, Machine[Any]]:
    """The living strategy machines by actor name."""
    return {
        n: h.machine
        for n, h in loop.hosts.items()
        if h.machine is not None and h.machine.role is Role.STRATEGY
    }
