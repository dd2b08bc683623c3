"""What may go wrong in a simulated world, how often, and the dice that decide.

Probabilities are per opportunity (a packet, a request, a step). All dice come from one seeded
generator, drawn in blocks because one scalar draw costs more than a whole delivery.
"""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from messages.base import NS_PER_MS, NS_PER_S
from trading.replacing import replace

_BLOCK: Final = 4096


@dataclass(frozen=True, slots=True)
class Faults:
    """Probabilities and sizes of faults; the default is a perfect world."""

    # between actors
    loss: float = 0.0
    duplication: float = 0.0
    delay_ns: int = 0  # up to this much, uniformly: packets overtake each other
    partition: float = 0.0  # an actor's packets are lost for a while
    partition_ns: int = 2 * NS_PER_S
    # between an actor and the venue
    request_lost: float = 0.0  # never reached the venue, and we cannot tell
    request_late: float = 0.0  # reaches the venue after we gave up
    reply_lost: float = 0.0  # the venue acted, the answer never came
    not_sent: float = 0.0  # provably not sent
    venue_delay_ns: int = 0
    stream_cut: float = 0.0  # per market step: the user stream goes down for a while
    stream_cut_ns: int = 3 * NS_PER_S
    stream_twice: float = 0.0  # a report comes twice
    # processes
    crash: float = 0.0  # at each step of any actor, at any point within it
    zombie: float = 0.0  # at each step: its supervisor takes a living process for dead
    zombie_ns: int = 3 * NS_PER_S
    restart_ns: int = NS_PER_S // 2
    torn: float = 0.0  # at each journal write: it dies, and half a record is left behind
    # clocks
    clock_jump: float = 0.0  # per market step: one actor's clock is set forth or back
    clock_jump_ns: int = 5 * NS_PER_S

    def only(self, *names: str) -> Self:
        """These faults with every probability but the named ones at 0."""
        odds = {n: 0.0 for n in CHANCES if n not in names}
        return replace(self, **odds)


CHANCES: Final = (
    "loss",
    "duplication",
    "partition",
    "request_lost",
    "request_late",
    "reply_lost",
    "not_sent",
    "stream_cut",
    "stream_twice",
    "crash",
    "zombie",
    "torn",
    "clock_jump",
)

NONE: Final = Faults()
ALL: Final = Faults(
    loss=0.02,
    duplication=0.02,
    delay_ns=20 * NS_PER_MS,
    partition=0.002,
    request_lost=0.05,
    request_late=0.03,
    reply_lost=0.05,
    not_sent=0.02,
    venue_delay_ns=50 * NS_PER_MS,
    stream_cut=0.01,
    stream_twice=0.05,
    crash=0.005,
    zombie=0.0005,
    torn=0.001,
    clock_jump=0.01,
)


class Dice:
    """Chance for the whole simulated world: seeded, and always asked in the same order."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._block: list[float] = []

    def unit(self) -> float:
        """Uniform in [0, 1)."""
        if not self._block:
            self._block = self._rng.random(_BLOCK).tolist()
        return self._block.pop()

    def hits(self, probability: float) -> bool:
        """True with `probability`; a probability of 0 asks no dice."""
        if probability <= 0.0:
            return False
        block = self._block
        return (block.pop() if block else self.unit()) < probability

    def upto(self, limit: int) -> int:
        """A whole number in [0, limit)."""
        return int(self.unit() * limit) if limit else 0
