"""Links between actors that lose nothing and deliver nothing twice: pure protocol, no I/O.

Theory of operation. Ray delivers an actor call at most once and may fail after it ran, so every
message that carries an order or a permission is numbered per (sender, receiver), kept until the
receiver acknowledges it, and re-sent when that takes too long. The receiver delivers in order,
drops what it has had, and holds what came early.

*Sessions.* A durable sender (the order manager) re-derives the same messages with the same numbers
when its journal is folded again: one session for life. A soft sender starts a new session, numbered
by its incarnation, with whatever it then has to say; receivers forget the older session. Each frame
names `base`, the oldest message still unacknowledged: a receiver that knows nothing starts there.

*When to acknowledge* is the safety rule of the whole path (`Acks`):
    AFTER_JOURNAL     durable actors: as soon as the message is in the journal
    AFTER_EFFECTS     soft actors: when all they said in consequence has been acknowledged, so a
                      crash in the middle loses nothing: the message is simply sent again
    AFTER_CHECKPOINT  strategies, towards the order manager: when a checkpoint that includes the
                      message is durable; towards others (who repeat themselves) at once

*Fencing.* Frames, acks and hellos carry the sender's incarnation; what an older incarnation than
the newest seen says is dropped.
"""

import json
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum, auto
from typing import Final

from messages import Message, decode, encode

DURABLE_SESSION: Final = 0
_EARLY_MAX: Final = 10_000  # frames held for one peer before they are dropped and asked again


class Acks(StrEnum):
    """When an actor may acknowledge what it received."""

    AFTER_JOURNAL = auto()
    AFTER_EFFECTS = auto()
    AFTER_CHECKPOINT = auto()


@dataclass(frozen=True, slots=True)
class Frame:
    """One message on its way. `seq` 0: an unreliable stream, neither numbered nor kept."""

    sender: str
    to: str
    incarnation: int
    session: int
    seq: int
    base: int
    message: Message


@dataclass(frozen=True, slots=True)
class Ack:
    """`sender` has taken over everything of `session` up to `cursor`."""

    sender: str
    to: str
    incarnation: int
    session: int
    cursor: int


@dataclass(frozen=True, slots=True)
class Hello:
    """A new incarnation of `sender` serves; it has `to`'s messages of `session` up to `cursor`."""

    sender: str
    to: str
    incarnation: int
    session: int = -1
    cursor: int = -1  # -1: knows nothing, start at the oldest unacknowledged


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message to handle, and its place on the link (`seq` 0: not from a reliable link)."""

    peer: str
    session: int
    seq: int
    message: Message


Packet = Frame | Ack | Hello


@dataclass(slots=True)
class _Outgoing:
    frame: Frame
    sent_ns: int
    cause: Delivery | None


@dataclass(slots=True)
class _Outbox:
    next_seq: int = 1
    unacked: deque[_Outgoing] = field(default_factory=deque)

    @property
    def base(self) -> int:
        return self.unacked[0].frame.seq if self.unacked else self.next_seq


@dataclass(slots=True)
class _Inbox:
    session: int = -1
    cursor: int = -1  # last delivered; -1: nothing known yet
    acked: int = -1  # last acknowledged to the peer
    ackable: int = -1  # last that may be acknowledged
    early: dict[int, Frame] = field(default_factory=dict)
    effects: dict[int, int] = field(default_factory=dict)  # seq -> unacknowledged consequences


class Links:
    """All links of one actor: hand it packets, it hands back deliveries and packets to send.

    Mutable, and owned by one runtime; nothing here waits or does I/O.
    `checkpointed` is the peer whose messages a strategy's checkpoint covers.
    """

    def __init__(
        self, name: str, incarnation: int, acks: Acks, checkpointed: str = "orders"
    ) -> None:
        self.name = name
        self.incarnation = incarnation
        self.acks = acks
        self._checkpointed = checkpointed
        self._session = DURABLE_SESSION if acks is Acks.AFTER_JOURNAL else incarnation
        self._out: dict[str, _Outbox] = {}
        self._in: dict[str, _Inbox] = {}
        self._known: dict[str, int] = {}  # newest incarnation seen, by peer

    # --- sending ------------------------------------------------------------------------------

    def send(
        self, to: str, message: Message, now_ns: int, *, reliable: bool, cause: Delivery | None
    ) -> Frame:
        """The frame that carries `message` to `to`; a reliable one is kept until acknowledged."""
        if not reliable:
            return Frame(self.name, to, self.incarnation, self._session, 0, 0, message)
        box = self._out.setdefault(to, _Outbox())
        seq = box.next_seq
        frame = Frame(self.name, to, self.incarnation, self._session, seq, box.base, message)
        box.next_seq += 1
        box.unacked.append(_Outgoing(frame, now_ns, cause))
        if cause is not None and cause.seq and self.acks is Acks.AFTER_EFFECTS:
            inbox = self._in[cause.peer]
            if inbox.session == cause.session:
                inbox.effects[cause.seq] = inbox.effects.get(cause.seq, 0) + 1
        return frame

    def barrier(self, to: str) -> None:
        """What comes next makes all earlier messages to `to` obsolete: keep none of them."""
        box = self._out.get(to)
        if box is not None:
            self._forget(to, box.next_seq - 1)

    def patience(self, now_ns: int) -> None:
        """Recovery: give peers the usual time to say what they have before sending it again."""
        for box in self._out.values():
            for kept in box.unacked:
                kept.sent_ns = now_ns

    def resend(self, now_ns: int, timeout_ns: int, limit: int = 256) -> tuple[Frame, ...]:
        """Frames that have waited for an acknowledgement longer than `timeout_ns`."""
        due: list[Frame] = []
        for box in self._out.values():
            if box.unacked and now_ns - box.unacked[0].sent_ns >= timeout_ns:
                due.extend(self._again(box, now_ns, limit))
        return tuple(due)

    def unacked(self, to: str) -> int:
        """How many messages `to` has not acknowledged."""
        return len(self._out[to].unacked) if to in self._out else 0

    def _again(self, box: _Outbox, now_ns: int, limit: int) -> list[Frame]:
        frames: list[Frame] = []
        for kept in list(box.unacked)[:limit]:
            kept.sent_ns = now_ns
            old = kept.frame
            kept.frame = Frame(
                old.sender, old.to, self.incarnation, old.session, old.seq, box.base, old.message
            )
            frames.append(kept.frame)
        return frames

    # --- receiving ----------------------------------------------------------------------------

    def receive(self, frame: Frame) -> tuple[Delivery, ...]:
        """What `frame` lets us handle now, in order; () for repeats, early and fenced frames."""
        if self._fenced(frame.sender, frame.incarnation):
            return ()
        if frame.seq == 0:
            return (Delivery(frame.sender, frame.session, 0, frame.message),)
        box = self._in.setdefault(frame.sender, _Inbox())
        if frame.session < box.session:
            return ()
        if frame.session > box.session:
            box = self._in[frame.sender] = _Inbox(session=frame.session)
        if box.cursor < frame.base - 1:
            # Nothing known yet, or the sender's barrier made older messages obsolete.
            assert box.cursor < 0 or self.acks is not Acks.AFTER_JOURNAL, "a durable link lost some"
            box.cursor = box.acked = box.ackable = frame.base - 1
            box.early = {seq: f for seq, f in box.early.items() if seq > box.cursor}
        if frame.seq <= box.cursor:
            box.acked = min(box.acked, box.ackable - 1)  # it missed our ack: say it again
            return ()
        if len(box.early) < _EARLY_MAX:
            box.early[frame.seq] = frame
        ready: list[Delivery] = []
        while (following := box.early.pop(box.cursor + 1, None)) is not None:
            box.cursor += 1
            ready.append(Delivery(frame.sender, box.session, box.cursor, following.message))
        return tuple(ready)

    def handled(self, delivery: Delivery) -> None:
        """`delivery` has been journaled (if this actor does) and its consequences sent."""
        box = self._in.get(delivery.peer)
        if not delivery.seq or box is None or box.session != delivery.session:
            return
        match self.acks:
            case Acks.AFTER_JOURNAL:
                box.ackable = max(box.ackable, delivery.seq)
            case Acks.AFTER_EFFECTS:
                box.effects.setdefault(delivery.seq, 0)
                self._advance(box)
            case Acks.AFTER_CHECKPOINT:
                if delivery.peer != self._checkpointed:  # for that peer, `durable` says when
                    box.ackable = max(box.ackable, delivery.seq)

    def durable(self, peer: str, session: int, cursor: int) -> None:
        """Everything of `peer` up to `cursor` is in a durable checkpoint."""
        box = self._in.get(peer)
        if box is not None and box.session == session:
            box.ackable = max(box.ackable, min(cursor, box.cursor))

    def acks_due(self) -> tuple[Ack, ...]:
        """Acknowledgements to send now; each once."""
        due: list[Ack] = []
        for peer, box in self._in.items():
            if box.ackable > box.acked:
                box.acked = box.ackable
                due.append(Ack(self.name, peer, self.incarnation, box.session, box.ackable))
        return tuple(due)

    def acked(self, ack: Ack) -> None:
        """The peer has taken over what it names: forget those messages."""
        if self._fenced(ack.sender, ack.incarnation) or ack.session != self._session:
            return
        self._forget(ack.sender, ack.cursor)

    # --- incarnations -------------------------------------------------------------------------

    def hello(self, to: str) -> Hello:
        """What a fresh incarnation says to every peer."""
        box = self._in.get(to)
        if box is None or box.cursor < 0:
            return Hello(self.name, to, self.incarnation)
        return Hello(self.name, to, self.incarnation, box.session, box.cursor)

    def greeted(self, hello: Hello, now_ns: int) -> tuple[Frame, ...]:
        """A peer's new incarnation said hello: what it still lacks, from the oldest on."""
        if self._fenced(hello.sender, hello.incarnation):
            return ()
        inbox = self._in.get(hello.sender)
        if inbox is not None:
            inbox.acked = min(inbox.acked, inbox.ackable - 1)  # it may not know what we have
        if hello.session == self._session:
            self._forget(hello.sender, hello.cursor)
        box = self._out.get(hello.sender)
        return tuple(self._again(box, now_ns, len(box.unacked))) if box else ()

    def save(self) -> bytes:
        """Numbers of every link, and what peers have not acknowledged, as bytes."""
        content = {
            "out": [
                [
                    to,
                    box.next_seq,
                    [[k.frame.seq, encode(k.frame.message).decode()] for k in box.unacked],
                ]
                for to, box in sorted(self._out.items())
            ],
            "in": [[peer, box.session, box.cursor] for peer, box in sorted(self._in.items())],
            "known": sorted(self._known.items()),
        }
        return json.dumps(content, separators=(",", ":")).encode()

    def load(self, raw: bytes) -> None:
        """Recovery: the links that `save` was called on; frames bear this incarnation."""
        found = json.loads(raw)
        for to, next_seq, unacked in found["out"]:
            box = self._out[to] = _Outbox(next_seq)
            base = unacked[0][0] if unacked else next_seq
            for seq, message in unacked:
                place = (self.incarnation, self._session, seq, base)
                frame = Frame(self.name, to, *place, decode(message.encode()))
                box.unacked.append(_Outgoing(frame, 0, None))
        for peer, session, cursor in found["in"]:
            if cursor >= 0:
                self.restore(peer, session, cursor)
        self._known |= dict(found["known"])

    def restore(self, peer: str, session: int, cursor: int) -> None:
        """Recovery: the journal or checkpoint holds everything of `peer` up to `cursor`."""
        self._in[peer] = _Inbox(session=session, cursor=cursor, acked=cursor - 1, ackable=cursor)
        if session != DURABLE_SESSION:  # a soft peer numbers its sessions by its incarnations
            self._known[peer] = max(self._known.get(peer, 0), session)

    def cursor(self, peer: str) -> tuple[int, int]:
        """(session, last delivered number) of a peer; (-1, -1) before its first message."""
        box = self._in.get(peer)
        return (box.session, box.cursor) if box else (-1, -1)

    def _fenced(self, peer: str, incarnation: int) -> bool:
        known = self._known.get(peer, 0)
        if incarnation > known:
            self._known[peer] = incarnation
        return incarnation < known

    def _forget(self, peer: str, cursor: int) -> None:
        box = self._out.get(peer)
        while box and box.unacked and box.unacked[0].frame.seq <= cursor:
            cause = box.unacked.popleft().cause
            if cause is None or not cause.seq or self.acks is not Acks.AFTER_EFFECTS:
                continue
            inbox = self._in.get(cause.peer)
            if inbox is not None and inbox.session == cause.session:
                inbox.effects[cause.seq] = inbox.effects.get(cause.seq, 0) - 1
                self._advance(inbox)

    @staticmethod
    def _advance(box: _Inbox) -> None:
        """Acknowledge in order: a message counts once it and all before it are done with."""
        while box.effects.get(box.ackable + 1) == 0 and box.ackable < box.cursor:
            box.ackable += 1
            del box.effects[box.ackable]
