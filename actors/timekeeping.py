"""A venue's clock, measured for as long as an actor lives, and what people are shown of it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from messages.base import NS_PER_MS, NS_PER_S
from venues.net.access import Access


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often a clock is measured: a new problem (a step, a doubt) at once, with the next look.

    every_s  while all is well
    again_s  while a problem lasts
    look_s   how often somebody looks whether there is one
    """

    every_s: float
    again_s: float
    look_s: float = 1.0


SIGNING: Final = Rhythm(10.0, 1.0)  # without the venue's time no order leaves
LISTENING: Final = Rhythm(60.0, 10.0)


async def keep_time(access: Access, rhythm: Rhythm, told: Callable[[str, str], None]) -> None:
    """Measure the venue's clock for as long as nobody cancels this.

    told  (problem, the one before), each time that it begins or ends; "" is none
    """
    waited_s, said = 0.0, ""
    while True:
        await asyncio.sleep(rhythm.look_s)
        waited_s += rhythm.look_s
        problem = access.clock.problem()
        due_s = rhythm.every_s if not problem else rhythm.again_s if said else 0.0
        if waited_s < due_s:
            continue
        waited_s = 0.0
        await access.sync()
        problem = access.clock.problem()
        if bool(problem) != bool(said):
            told(problem, said)
        said = problem


def clock_view(access: Access) -> dict[str, Any] | None:
    """Plain data for people; None before the first measurement.

    offset_ms       how far the venue is ahead of this host
    round_trip_ms   of the newest measurement, whether it was exact enough to be used or not
    uncertainty_ms  how far from the truth the offset may be by now
    """
    clock = access.clock
    last = clock.last
    if last is None:
        return None
    return {
        "venue": access.adapter.venue,
        "offset_ms": round(clock.offset_ns / NS_PER_MS, 3),
        "round_trip_ms": round(last.round_trip_ns / NS_PER_MS, 3),
        "uncertainty_ms": round(clock.uncertainty_ns / NS_PER_MS, 3),
        "age_s": round((clock.local_ns() - last.at_ns) / NS_PER_S, 1),
        "problem": clock.problem(),
    }
