"""Price levels of one side, best first.

A level's rank is its tick for bids and minus its tick for asks, so that on both sides the better
price has the higher rank and the best level is the last key: adding and removing near the touch,
where nearly everything happens, moves almost nothing.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator
from typing import Generic, TypeVar

V = TypeVar("V")


class Ladder(Generic[V]):
    """Values by price level of one side; `sign` is +1 for bids, -1 for asks."""

    __slots__ = ("_ranks", "by_tick", "sign")

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.by_tick: dict[int, V] = {}
        self._ranks: list[int] = []

    def __len__(self) -> int:
        return len(self._ranks)

    def put(self, tick: int, value: V) -> None:
        if tick not in self.by_tick:
            insort(self._ranks, self.sign * tick)
        self.by_tick[tick] = value

    def drop(self, tick: int) -> None:
        """Remove the level; nothing happens if there is none."""
        if self.by_tick.pop(tick, None) is not None:
            del self._ranks[bisect_left(self._ranks, self.sign * tick)]

    def clear(self) -> None:
        self.by_tick.clear()
        self._ranks.clear()

    def best(self) -> int | None:
        return self.sign * self._ranks[-1] if self._ranks else None

    def worst(self) -> int | None:
        return self.sign * self._ranks[0] if self._ranks else None

    def nth(self, n: int) -> int:
        """Tick of the n-th best level, from 0; raises IndexError if there is none."""
        return self.sign * self._ranks[-1 - n]

    def ticks(self, limit: int | None = None) -> Iterator[int]:
        """Ticks from the best to `limit` (all if None). The ladder must not change meanwhile."""
        sign = self.sign
        floor = None if limit is None else sign * limit
        for rank in reversed(self._ranks):
            if floor is not None and rank < floor:
                return
            yield sign * rank
