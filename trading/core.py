"""What an actor is, minus the actor: a fold over messages.

A core holds no state of its own, reads no clock and draws no chance: time arrives as `now_ns`,
everything else in messages. The same state, message and time give the same step, always, so one
core runs in the Loop (virtual time), in a Ray shell (wall time) and in a replay (recorded time).

State belongs to whoever drives the core and is passed through `react` once: maps of orders and
positions are persistent values, but arrays (books, strategy records) may be updated in place, so
the state handed in must not be used again after the call. An exception means that the core is
wrong about the world: its driver drops the state and folds the journal again.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from messages import Message

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Step(Generic[S]):
    """The next state, and what to say, in order. Where it goes is in `trading.wiring`."""

    state: S
    out: tuple[Message, ...] = ()


class Durable(Protocol[S]):
    """What a core adds whose actor journals, so that recovery need not fold a whole life."""

    def shelve(self, state: S, now_ns: int) -> tuple[S, bytes]:
        """The state with what is hardly used any more set aside, and that as bytes.

        A snapshot writes those bytes once; the state answers as before.
        """
        ...

    def save(self, state: S) -> bytes:
        """Everything else, as bytes; equal states give equal bytes, in every process."""
        ...

    def load(self, raw: bytes, shelved: Iterable[bytes]) -> S:
        """The state that `save` was given; `shelved` as written by all snapshots, oldest first."""
        ...


class Core(Protocol[S]):
    """Behaviour of one actor."""

    def start(self) -> S:
        """The state before any message."""
        ...

    def resume(self, state: S, now_ns: int) -> Step[S]:
        """First words of a fresh or recovered actor: timers to set, questions to ask.

        Called once per incarnation, after the journal has been folded and before live messages.
        """
        ...

    def react(self, state: S, message: Message, now_ns: int) -> Step[S]:
        """The step that `message` causes; an unexpected kind of message is ignored."""
        ...
