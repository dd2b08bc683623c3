"""The market around us, as the tape shows it, minus what we took out of it."""

from collections.abc import Iterator

from venues.sim.ladder import Ladder


class Book:
    """Displayed lots by price level, both sides.

    What we took from a level stays taken until the tape's next word about that level: a replayed
    market does not know that we were there, and must not sell us the same lots twice.
    """

    __slots__ = ("_taken", "asks", "bids", "seen")

    def __init__(self) -> None:
        self.bids: Ladder[int] = Ladder(1)
        self.asks: Ladder[int] = Ladder(-1)
        self._taken: dict[int, dict[int, int]] = {1: {}, -1: {}}
        self.seen = False

    def side(self, sign: int) -> Ladder[int]:
        return self.bids if sign > 0 else self.asks

    def set(self, sign: int, tick: int, lots: int) -> int:
        """The tape's word about one level (0 removes it) -> the lots shown there before."""
        ladder = self.bids if sign > 0 else self.asks
        before = ladder.by_tick.get(tick, 0)
        if lots > 0:
            ladder.put(tick, lots)
        elif before:
            ladder.drop(tick)
        self._taken[sign].pop(tick, None)
        self.seen = True
        return before

    def forget(self, sign: int, tick: int) -> None:
        """The tape no longer shows this level, which says nothing about what stands there."""
        self.side(sign).drop(tick)
        self._taken[sign].pop(tick, None)

    def take(self, sign: int, tick: int, lots: int) -> None:
        taken = self._taken[sign]
        taken[tick] = taken.get(tick, 0) + lots

    def available(self, sign: int, tick: int) -> int:
        return self.side(sign).by_tick.get(tick, 0) - self._taken[sign].get(tick, 0)

    def levels(self, sign: int, limit: int | None = None) -> Iterator[tuple[int, int]]:
        """(tick, lots that we can still take), best first, down to `limit`."""
        ladder, taken = self.side(sign), self._taken[sign]
        for tick in ladder.ticks(limit):
            lots = ladder.by_tick[tick] - taken.get(tick, 0)
            if lots > 0:
                yield tick, lots

    def touch(self, sign: int) -> int | None:
        """Best tick where something can still be taken."""
        for tick, _ in self.levels(sign):
            return tick
        return None

    def hides(self, sign: int, tick: int) -> bool:
        """Whether the tape may not show this level: deeper than all it shows of this side."""
        worst = self.side(sign).worst()
        if worst is None:
            return not self.seen
        return sign * tick < sign * worst
