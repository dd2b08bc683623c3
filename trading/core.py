"""What an actor is, minus the actor: a fold over messages.

A core holds no state of its own, reads no clock and draws no chance: time arrives as `now_ns`,
everything else in messages. The same state, message and time give the same step, always, so one
core runs in the Loop (virtual time), in a Ray shell (wall time) and in a replay (recorded time).

State belongs to whoever drives the core and is passed through `react` once: maps of orders and
positions are persistent values, but arrays (books, strategy records) may be updated in place, so
the state handed in must not be used again after the call. An exception means that the core is
wrong about the world: its driver drops the state and folds the journal again.
"""

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from messages import Message

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Step(Generic[S]):
    """The next state, and what to say, in order. Where it goes is in `trading.wiring`."""

    state: S
    out: tuple[Message, ...] = ()


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
