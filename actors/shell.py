"""The one shell that every core runs in on Ray: mailbox, time and I/O around a `Machine`.

Theory of operation. `receive` only queues. One pump drains the mailbox in natural batches, lets the
machine handle each packet, and then carries the effects of the whole batch out in the order that
`Effects` demands: rows to the journal in one synced transaction (or the checkpoint to the journal
keeper), then everything else. Nothing leaves before what it follows from is durable.

An exception means that this actor is wrong about the world: it is logged once and the process ends,
at once and without clean-up. The supervisor starts a fresh one from the journal.
"""

import asyncio
import os
import time
from abc import abstractmethod
from collections.abc import Coroutine
from typing import Any, Final, Generic, TypeVar

from actors.boot import refusal
from actors.clock import Clock, WallClock
from actors.config import config_of
from actors.lines import Exchange, address
from actors.logs import Log, open_log
from actors.mailbox import Item, Local, Mailbox
from actors.metrics import ActorMetrics, Views
from actors.notes import Notes
from actors.outbox import Outbox
from actors.packet import Encoder, Wire, pack, unpack
from actors.supervised import Supervised
from actors.threads import prompt
from actors.timers import Timers
from messages import Message, decode, encode
from messages.base import NS_PER_MS, NS_PER_S
from messages.control import StrategyCheckpoint
from messages.market import QuoteBatch
from trading.links import Frame, Packet
from trading.machine import Effects, Machine, Row
from trading.wiring import Role, role_of

S = TypeVar("S")
_BATCH_MAX: Final = 256
_RESEND_NS: Final = 200 * NS_PER_MS
_CRASHED: Final = 70


class Shell(Supervised, Generic[S]):
    """Base of the actors of a run. Subclasses open their core, and their ways to the venue."""

    def __init__(self, run: str, name: str, incarnation: int) -> None:
        super().__init__(name, incarnation)
        prompt()
        self.config = config_of(run, name)
        self.clock = self.make_clock()
        self.mailbox = Mailbox()
        self.machine: Machine[S] | None = None
        self._outboxes: dict[str, Outbox] = {}
        self._encoder = Encoder()
        self._timers = Timers(self.clock, lambda fired: self.mailbox.put_local("self", fired))
        self._tasks: set[asyncio.Task[Any]] = set()
        self._turn = asyncio.Lock()  # held while effects are carried out
        self._unlogged: list[Message] = []
        self.neighbours: dict[str, Mailbox] = {}  # others in this process
        self._notes = Notes(self.config.run_id)
        methods = {"receive": self.mailbox.put}
        self._exchange = Exchange(address(self.config.run_id, name), methods)
        self.log: Log | None = None
        self.metrics_registry: ActorMetrics | None = None

    # --- what a subclass gives -----------------------------------------------------------------

    def make_clock(self) -> Clock:
        """Where this actor's time comes from; the host's, unless a scenario says otherwise."""
        return WallClock()

    @abstractmethod
    async def open(self) -> Machine[S]:
        """Make this actor's machine, recovered from whatever survived it."""

    async def connect(self) -> None:
        """Open ways to the venue, once the machine serves."""

    async def persist(self, rows: tuple[Row, ...]) -> None:
        """Make journal rows durable; returns when they are."""
        raise RuntimeError(f"{self.name} has rows: only durable actors may")

    async def checkpoint(self, checkpoint: StrategyCheckpoint) -> None:
        """Make a strategy's checkpoint durable; returns when it is."""
        raise RuntimeError(f"{self.name} has a checkpoint: only strategies may")

    def ask_venue(self, message: Message) -> None:
        """Send a request over this actor's own connection; the answer goes to the mailbox."""
        raise RuntimeError(f"{self.name} asks a venue: it has no connection")

    def heard(self, message: Message, now_ns: int) -> None:
        """See each message before it is handled (recorders, metrics)."""

    def said(self, message: Message) -> None:
        """See each message of this actor's to another."""

    def noted(self, message: Message) -> None:
        """See each message of this actor's for the record."""

    def measure(self) -> Views:
        """What gauges show, when somebody looks."""
        machine = self.machine
        return Views(
            mailbox=len(self.mailbox),
            mailbox_dropped=self.mailbox.dropped,
            links=machine.links if machine else None,
            peers=tuple(self._outboxes),
        )

    async def close(self) -> None:
        """Release connections and files; called on a stop, never on a crash."""

    def view(self, what: str) -> Any:
        """Plain data for people."""
        machine = self.machine
        return {"handled": machine.handled if machine else 0, "mailbox": len(self.mailbox)}

    # --- the protocol of a supervised actor ----------------------------------------------------

    async def stop(self, reason: str) -> None:
        """Say the last words, close, and end this process."""
        await self.end(reason)
        await self._exit()

    async def end(self, reason: str) -> None:
        """Say the last words and close."""
        self._log("INFO", "stopping", reason=reason)
        for outbox in self._outboxes.values():
            await outbox.flush(0.5)
        await self._notes.flush(0.5)
        for task in self._tasks:
            task.cancel()
        self._timers.cancel()
        self._exchange.close()
        await self.close()
        self._ended(reason)

    async def receive(self, wires: list[Wire]) -> None:
        """Packets from another actor; they are queued, nothing else."""
        self.mailbox.put(wires)

    async def command(self, raw: bytes) -> None:
        """A message from an operator or a supervisor."""
        await self.mailbox.offer("operator", decode(raw))

    async def look(self, what: str = "status") -> Any:
        """Plain data for people: `view`, between two batches."""
        return self.view(what)

    async def metrics(self) -> bytes:
        """This actor's metrics in the text exposition format."""
        return self.metrics_registry.exposition() if self.metrics_registry else b""

    async def digest(self) -> str:
        """SHA-256 over this actor's log (see `Machine.digest`)."""
        return self.machine.digest() if self.machine else ""

    # --- life ----------------------------------------------------------------------------------

    async def _boot(self) -> None:
        config = self.config
        try:
            self.log = open_log(
                config.path(), config.run_id, self.name, self.incarnation, config.log_level
            )
            await self._exchange.open()
            self.machine = await self.open()
            self.metrics_registry = ActorMetrics(
                config.run_id, self.name, str(self.machine.role), self.incarnation, self.measure
            )
            first = self.machine.resume(self.clock.now_ns())
            await self._carry_out(self.machine, [first])
        except Exception as e:  # noqa: BLE001  whatever it is, a half-open actor must not live
            self._log("ERROR", "died", error=e)
            raise refusal(e) from None
        self.spawn(self._pump())
        self.spawn(self._resend())
        self.spawn(self._notes.deliver())
        self.spawn(self.connect())
        self._log("INFO", "serving", pid=os.getpid())

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` beside the pump; an exception in it ends the process."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._die(error)

    def _die(self, error: BaseException) -> None:
        """Log why, and end the process: no handler, no flush, no half-done state."""
        self._log_heard()  # the last of them may be what it died of
        self._log("ERROR", "died", error=error)
        os._exit(_CRASHED)

    def _log(self, level: str, event: str, **fields: Any) -> None:
        if self.log is not None:
            self.log.event(level, event, **fields)

    # --- serving -------------------------------------------------------------------------------

    async def _pump(self) -> None:
        machine = self.machine
        assert machine is not None, "the pump starts after boot"
        while True:
            items = await self.mailbox.drain(_BATCH_MAX)
            if self.metrics_registry is not None:
                self.metrics_registry.drained(len(items))
            async with self._turn:
                await self._carry_out(machine, [self._handle(machine, i) for i in items])
            self._log_heard()

    def _handle(self, machine: Machine[S], item: Item) -> Effects:
        if isinstance(item, Local):
            return machine.local(item.message, self._note(item.message), item.peer)
        packet = unpack(item)
        if isinstance(packet, Frame):
            if self.metrics_registry is not None:
                self.metrics_registry.arriving(packet, machine.links)
            place = (packet.session, packet.seq)
            if packet.seq and machine.links.cursor(packet.sender) >= place:
                return machine.packet(packet, self.clock.now_ns())  # a repeat is no event
            return machine.packet(packet, self._note(packet.message))
        return machine.packet(packet, self.clock.now_ns())

    def _note(self, message: Message) -> int:
        """Let everyone who only watches see `message`; returns the time at which it is handled."""
        self.clock.saw(message.ts_init)
        now_ns = self.clock.now_ns()
        self.heard(message, now_ns)
        if self.metrics_registry is not None:
            self.metrics_registry.handled(message, now_ns)
        self._unlogged.append(message)
        return now_ns

    def _log_heard(self) -> None:
        """Write the lines of what was handled: after its effects, so that no order waits for it."""
        if self.log is not None:
            for message in self._unlogged:
                self.log.message(message)
        self._unlogged.clear()

    async def _carry_out(self, machine: Machine[S], done: list[Effects]) -> None:
        rows = tuple(row for effects in done for row in effects.rows)
        if rows:
            begun = time.perf_counter()
            await self.persist(rows)
            if self.metrics_registry is not None:
                self.metrics_registry.journal_synced(time.perf_counter() - begun, len(rows))
        checkpoints = [e.checkpoint for e in done if e.checkpoint is not None]
        if checkpoints:  # each includes all that came before it
            await self.checkpoint(checkpoints[-1])
            machine.persisted(checkpoints[-1])
        asked = [message for effects in done for message in effects.venue]
        for message in asked:
            self.ask_venue(message)
        if asked:  # the requests leave first; who is told of them can wait
            await asyncio.sleep(0)  # they are written in this turn of the loop,
            await asyncio.sleep(0)  # and sent at its end
        for effects in done:
            if self.metrics_registry is not None:
                self.metrics_registry.carried_out(effects)
            for message in effects.notes:
                self._notes.put(encode(message))
                self.noted(message)
            for packet in effects.packets:
                if isinstance(packet, Frame):
                    self.said(packet.message)
                self._send(packet)
            for timer in effects.timers:
                self._timers.set(timer)
        for ack in machine.acks():
            self._send(ack)

    def _send(self, packet: Packet) -> None:
        beside = self.neighbours.get(packet.to)
        if beside is not None:
            beside.put([pack(packet, self._encoder)])
            return
        outbox = self._outboxes.get(packet.to)
        if outbox is None:
            outbox = self._outboxes[packet.to] = Outbox(self.config.run_id, packet.to, self.spawn)
        message = packet.message if isinstance(packet, Frame) else None
        last_counts = role_of(packet.to) is Role.RISK and isinstance(message, QuoteBatch)
        newest_of = getattr(message, "instrument_id", "") if last_counts else ""
        outbox.put(pack(packet, self._encoder), newest_of)

    async def _resend(self) -> None:
        machine = self.machine
        assert machine is not None, "resending starts after boot"
        while True:
            await asyncio.sleep(_RESEND_NS / NS_PER_S)
            async with self._turn:  # what is being journaled now must not leave before it is
                again = machine.resend(self.clock.now_ns(), _RESEND_NS)
                if self.metrics_registry is not None:
                    self.metrics_registry.resent(again)
                for packet in again:
                    self._send(packet)
