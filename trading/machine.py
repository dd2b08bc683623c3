"""An actor without its process: core, links and routes, driven by packets, timers and answers.

The Loop and the Ray shell both drive this class and nothing else, so what an actor decides, in
which order it journals and speaks, and what it hashes cannot differ between them. A runtime must
carry an `Effects` out in this order: `rows` to the journal and synced (or `checkpoint` to the
journal keeper, then `persisted`), then everything else. A crash before the rows are synced leaves
no trace; after, the fold of the rows repeats the step, and the links repeat what was not heard.
"""

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar, cast

from messages import Message, encode
from messages.accounts import AccountSnapshot
from messages.control import ActorSnapshot, Resumed, SetTimer, StrategyCheckpoint
from messages.market import BarBatch, BookDeltaBatch, FundingBatch, QuoteBatch, TradeBatch
from trading.core import Core, Durable, Step
from trading.errors import RecoveryMismatch
from trading.links import Ack, Acks, Delivery, Frame, Hello, Links, Packet
from trading.replacing import replace
from trading.wiring import RELIABLE, Directory, Role, role_of

S = TypeVar("S")
_BATCHES: Final = (TradeBatch, QuoteBatch, BookDeltaBatch, BarBatch, FundingBatch)
_EARLY_MAX: Final = 10_000  # frames held while not ready; their senders hold the rest
ACKS: Final = {
    Role.ORDERS: Acks.AFTER_JOURNAL,
    Role.STRATEGY: Acks.AFTER_CHECKPOINT,
    Role.RISK: Acks.AFTER_EFFECTS,
    Role.RECONCILER: Acks.AFTER_EFFECTS,
    Role.FEED: Acks.AFTER_EFFECTS,
}


@dataclass(frozen=True, slots=True)
class Row:
    """One journal row: an input with its place on its link, or an output."""

    direction: str  # "in" | "out" | "note": a snapshot
    peer: str  # where an input came from ("venue", "self", "operator", an actor) or an output goes
    session: int
    seq: int
    ts_ns: int
    message: Message
    wire: bytes  # the message's wire form; of a market batch, only its key and row count


@dataclass(frozen=True, slots=True)
class Effects:
    """What a step asks of its runtime, in the order in which to do it."""

    rows: tuple[Row, ...] = ()
    checkpoint: StrategyCheckpoint | None = None
    notes: tuple[Message, ...] = ()  # for the journal keeper's record; nothing waits for them
    venue: tuple[Message, ...] = ()  # for this actor's own venue connection
    packets: tuple[Packet, ...] = ()
    timers: tuple[SetTimer, ...] = ()

    def then(self, later: "Effects") -> "Effects":
        """Both, as one: for runtimes that journal several steps in one transaction."""
        return Effects(
            self.rows + later.rows,
            later.checkpoint or self.checkpoint,
            self.notes + later.notes,
            self.venue + later.venue,
            self.packets + later.packets,
            self.timers + later.timers,
        )


_NOTHING: Final = Effects()


class Machine(Generic[S]):
    """One actor of a run. Mutable, single-threaded; an exception ends it (drop it, make another).

    `name` is the actor's ("orders", "strategy-TREND"), `incarnation` counts its starts from 1.
    """

    def __init__(
        self,
        name: str,
        core: Core[S],
        directory: Directory,
        incarnation: int,
        snapshot_every: int = 0,  # inputs, of an actor that journals; 0: never
    ) -> None:
        self.name = name
        self.role = role_of(name)
        self.incarnation = incarnation
        self.state = core.start()
        self._orders = directory.actor(Role.ORDERS)
        self.links = Links(name, incarnation, ACKS[self.role], self._orders)
        self.log = hashlib.sha256()
        self.handled = 0
        self.trace: Callable[[str], None] | None = None  # one line a step, for people
        # The order manager's last message that the state includes. The link may have delivered
        # more by now: several come at once when a missing one arrives.
        self._included = 0
        self._core = core
        self._directory = directory
        self._journals = self.links.acks is Acks.AFTER_JOURNAL
        self._snapshot_every = snapshot_every
        self._since_snapshot = 0
        self._folding = False
        self._ready: Callable[[S], bool] = getattr(core, "ready", lambda _: True)
        self._early: deque[Frame] = deque(maxlen=_EARLY_MAX)

    # --- starting -----------------------------------------------------------------------------

    def load(self, snapshots: Sequence[ActorSnapshot]) -> None:
        """Begin where the last snapshot of a journal was taken; `recover` the rows after it.

        snapshots  all of them, oldest first: each holds what was set aside then
        """
        last, core = snapshots[-1], cast(Durable[S], self._core)
        self.state = core.load(last.state, [s.shelved for s in snapshots])
        self.links.load(last.links)
        self.handled = last.handled
        self._begin_log(last)

    def recover(self, rows: Iterable[Row]) -> int:
        """Fold a journal's rows, all or those after a loaded snapshot; returns how many inputs.

        raises  RecoveryMismatch if an output, or a snapshot, is not what the journal says it was
        """
        self._folding = True
        inputs = self._fold(rows)
        self._folding = False
        return inputs

    def _fold(self, rows: Iterable[Row]) -> int:
        inputs = 0
        said: Iterator[tuple[str, int, Message]] = iter(())
        for row in rows:
            if row.direction == "out":
                mine = next(said, None)
                if mine is None or mine != (row.peer, row.seq, row.message):
                    raise RecoveryMismatch(self.name, inputs, f"{row.message.key} to {row.peer}")
                continue
            if next(said, None) is not None:
                raise RecoveryMismatch(self.name, inputs, "fewer outputs than before")
            if isinstance(row.message, ActorSnapshot):
                self._compare(row.message, inputs)
                continue
            inputs += 1
            if row.seq:
                self.links.restore(row.peer, row.session, row.seq)
            delivery = Delivery(row.peer, row.session, row.seq, row.message)
            done = self._step(delivery, row.ts_ns)
            said = iter([(r.peer, r.seq, r.message) for r in done.rows[1:]])
        if next(said, None) is not None:
            raise RecoveryMismatch(self.name, inputs, "outputs of the last input are missing")
        return inputs

    def _compare(self, then: ActorSnapshot, inputs: int) -> None:
        """A fold comes past a snapshot: it must be in the state that was written then."""
        now = self._snapshot(then.ts_event)
        # Not the links: acknowledgements are not journaled, so a fold has more to send again.
        for what in ("handled", "log", "state", "shelved"):
            if getattr(now, what) != getattr(then, what):
                raise RecoveryMismatch(self.name, inputs, f"the {what} in the snapshot")

    def restore(self, checkpoint: StrategyCheckpoint, state: S) -> None:
        """A strategy comes back: `state` as of `checkpoint`."""
        self.state = state
        self._included = checkpoint.cursor
        self.links.restore(self._orders, 0, checkpoint.cursor)

    def resume(self, now_ns: int) -> Effects:
        """First words of this incarnation: greetings to all peers, and what the core says."""
        self.links.patience(now_ns)
        hellos = tuple(self.links.hello(p) for p in self._directory.peers(self.role))
        start = Resumed(
            ts_event=now_ns, ts_init=now_ns, actor=self.name, incarnation=self.incarnation
        )
        said = self._step(Delivery("self", 0, 0, start), now_ns)
        return replace(said, packets=hellos + said.packets)

    # --- serving ------------------------------------------------------------------------------

    def packet(self, packet: Packet, now_ns: int) -> Effects:
        """Handle one packet from another actor."""
        match packet:
            case Frame():
                return self._frame(packet, now_ns)
            case Ack():
                self.links.acked(packet)
                return _NOTHING
            case Hello():
                return Effects(packets=self.links.greeted(packet, now_ns))

    def _frame(self, frame: Frame, now_ns: int) -> Effects:
        if frame.seq and role_of(frame.sender) is not Role.ORDERS and not self._ready(self.state):
            # Not acknowledged and not judged: kept here, and by its sender, until we can.
            self._early.append(frame)
            return _NOTHING
        effects = self._deliver(frame, now_ns)
        while self._early and self._ready(self.state):
            effects = effects.then(self._deliver(self._early.popleft(), now_ns))
        return effects

    def _deliver(self, frame: Frame, now_ns: int) -> Effects:
        first, *more = self.links.receive(frame) or (None,)
        if first is None:
            return _NOTHING
        effects = self._step(first, now_ns)
        for delivery in more:
            effects = effects.then(self._step(delivery, now_ns))
        return effects

    def local(self, message: Message, now_ns: int, peer: str) -> Effects:
        """Handle a message of this actor's own: from its "venue", a timer ("self"), "operator"."""
        return self._step(Delivery(peer, 0, 0, message), now_ns)

    def persisted(self, checkpoint: StrategyCheckpoint) -> None:
        """The journal keeper holds `checkpoint`: what it includes may be acknowledged."""
        self.links.durable(self._orders, 0, checkpoint.cursor)

    def acks(self) -> tuple[Packet, ...]:
        """Acknowledgements to send; call after the effects of a batch have been carried out."""
        return self.links.acks_due()

    def resend(self, now_ns: int, timeout_ns: int) -> tuple[Packet, ...]:
        """What peers have not acknowledged in time."""
        return self.links.resend(now_ns, timeout_ns)

    def digest(self) -> str:
        """SHA-256 (hex) over this actor's log: one line for every message handled and every one
        said, in order: direction, peer, number on the link, wire form. Market batches stand in it
        by key (kind, instrument, sequence) and row count: they decide nothing by themselves."""
        return self.log.hexdigest()

    # --- the step -----------------------------------------------------------------------------

    def _step(self, delivery: Delivery, now_ns: int) -> Effects:
        message = delivery.message
        if delivery.peer == self._orders and delivery.seq:
            self._included = delivery.seq
        if isinstance(message, Resumed):
            step: Step[S] = self._core.resume(self.state, now_ns)
        else:
            step = self._core.react(self.state, message, now_ns)
        self.state = step.state
        self.handled += 1
        effects = self._route(delivery, step.out, now_ns)
        self.links.handled(delivery)
        self._since_snapshot += 1
        if (
            self._journals
            and 0 < self._snapshot_every <= self._since_snapshot
            and not self._folding
        ):
            taken = self._snapshot(now_ns)
            row = Row("note", "self", 0, 0, now_ns, taken, encode(taken))
            effects = replace(effects, rows=(*effects.rows, row))
        if self.trace is not None:
            said = ", ".join(o.key for o in step.out) or "-"
            where = f"{delivery.peer}:{delivery.seq}" if delivery.seq else delivery.peer
            self.trace(f"{self.name}#{self.incarnation} <- {where} {message.key} => {said}")
        return effects

    def _route(self, cause: Delivery, out: tuple[Message, ...], now_ns: int) -> Effects:
        heard, rows = cause.message, list[Row]()
        wire = _wire(heard)
        lines = [_line("in", cause.peer, cause.seq, wire)]
        if self._journals:
            rows.append(Row("in", cause.peer, cause.session, cause.seq, now_ns, heard, wire))
        elif not out:
            self.log.update(lines[0])
            return _NOTHING
        notes: list[Message] = []
        venue: list[Message] = []
        packets: list[Packet] = []
        timers: list[SetTimer] = []
        checkpoint: StrategyCheckpoint | None = None
        for message in out:
            if isinstance(message, StrategyCheckpoint):
                checkpoint = message.model_copy(update={"cursor": self._included})
                continue
            if isinstance(message, SetTimer):
                timers.append(message)
                continue
            wire = _wire(message)  # once, however many hear it
            for to in self._directory.recipients(self.role, message):
                seq = 0
                if to == Role.VENUE:
                    venue.append(message)
                elif to == Role.JOURNAL:
                    notes.append(message)
                    continue
                else:
                    reliable = (self.role, role_of(to)) in RELIABLE
                    if isinstance(message, AccountSnapshot) and role_of(to) is not Role.STRATEGY:
                        self.links.barrier(to)  # soft actors begin anew with the snapshot
                    frame = self.links.send(to, message, now_ns, reliable=reliable, cause=cause)
                    packets.append(frame)
                    seq = frame.seq
                lines.append(_line("out", to, seq, wire))
                if self._journals:
                    rows.append(Row("out", to, 0, seq, now_ns, message, wire))
        self.log.update(b"".join(lines))
        return Effects(
            tuple(rows),
            checkpoint,
            tuple(notes),
            tuple(venue),
            tuple(packets),
            tuple(timers),
        )

    def _snapshot(self, now_ns: int) -> ActorSnapshot:
        core = cast(Durable[S], self._core)
        self.state, shelved = core.shelve(self.state, now_ns)
        taken = ActorSnapshot(
            ts_event=now_ns,
            ts_init=now_ns,
            actor=self.name,
            handled=self.handled,
            log=self.digest(),
            state=core.save(self.state),
            shelved=shelved,
            links=self.links.save(),
        )
        self._begin_log(taken)
        return taken

    def _begin_log(self, snapshot: ActorSnapshot) -> None:
        """Who recovers from the snapshot and who lived on have the same log from here on."""
        self.log = hashlib.sha256(f"snapshot {snapshot.log}\n".encode())
        self._since_snapshot = 0


def _line(direction: str, peer: str, seq: int, wire: bytes) -> bytes:
    """Of an actor's log."""
    return b"%s %s %d %s\n" % (direction.encode(), peer.encode(), seq, wire)


def _wire(message: Message) -> bytes:
    if isinstance(message, _BATCHES):
        return f"{message.key} {len(message.rows)}".encode()
    return encode(message)


def since_snapshot(rows: Sequence[Row]) -> tuple[list[ActorSnapshot], Sequence[Row]]:
    """The snapshots among a journal's rows, and the rows after the last one."""
    places = [n for n, row in enumerate(rows) if isinstance(row.message, ActorSnapshot)]
    taken = [rows[n].message for n in places]
    after = places[-1] + 1 if places else 0
    return [s for s in taken if isinstance(s, ActorSnapshot)], rows[after:]
