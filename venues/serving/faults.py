"""The fault script: what a simulator does wrong, when, how often, and to whom.

A script is data: rules, each tried on every occasion of its kind, by seeded chance, by schedule
(`at_s`, `for_s`, counted from when the script starts) or both. It comes with the configuration
(`plan.py` reads it from TOML) or, where the control endpoint is on, in the body of
POST /sim/faults.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Annotated, Final

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from messages.base import NS_PER_S


class FaultKind(StrEnum):
    """One way to misbehave."""

    # Streams: an occasion is one event that goes to one connection.
    DROP_DEPTH = "DROP_DEPTH"  # a gap: a frame of a book is never sent
    DUPLICATE_DEPTH = "DUPLICATE_DEPTH"
    REORDER_DEPTH = "REORDER_DEPTH"  # a frame of a book comes after its successor
    BAD_CHECKSUM = "BAD_CHECKSUM"  # a book's frame is not what its checksum says
    CUT_MARKET = "CUT_MARKET"  # reset: a market connection is cut at an event, which is lost
    CUT_USER = "CUT_USER"  # the same of a private connection
    MUTE_MARKET = "MUTE_MARKET"  # an event is not sent: all of them make a stream open but silent
    MUTE_USER = "MUTE_USER"
    HALF_OPEN = "HALF_OPEN"  # from an event on a connection says and hears nothing, pings included
    SLOW_STREAM = "SLOW_STREAM"  # from an event on a connection needs `delay_ms` for each frame

    # Requests: an occasion is one request.
    DELAY = "DELAY"  # the answer takes `delay_ms` longer; the venue acted at once
    STALL = "STALL"  # the venue acts `delay_ms` later
    SLOW_DRIP = "SLOW_DRIP"  # the answer comes byte by byte, over `delay_ms` altogether
    ACT_THEN_CUT = "ACT_THEN_CUT"  # the venue acts, then the connection ends without an answer
    ACT_THEN_5XX = "ACT_THEN_5XX"  # the venue acts, then says that it does not know
    CUT = "CUT"  # the connection ends without an answer; the venue did not act
    FAIL_5XX = "FAIL_5XX"  # the venue fails; it did not act
    THROTTLE = "THROTTLE"  # 429, as if the caller had used up a limit
    BAN = "BAN"  # the venue hears this caller no longer, for a while

    # The venue as a whole: in force while their time lasts (`at_s`, `for_s`); EXPIRE_KEY is tried
    # every second.
    MAINTENANCE = "MAINTENANCE"  # no request is served, connections are closed
    CLOCK_SKEW = "CLOCK_SKEW"  # its clock is `delay_ms` ahead (< 0: behind)
    PARTIAL_FILLS = "PARTIAL_FILLS"  # every fill comes in `pieces`
    FILTER_CHANGE = "FILTER_CHANGE"  # ticks and lots are ten times as coarse
    EXPIRE_KEY = "EXPIRE_KEY"  # every private sign-in (listen key) ends, once


# Tried on each event of a book that goes to a connection.
DEPTH: Final = (FaultKind.DROP_DEPTH, FaultKind.DUPLICATE_DEPTH, FaultKind.REORDER_DEPTH)

# Tried on each request; the others have none to be told apart by.
REQUESTS: Final = (
    *(FaultKind.DELAY, FaultKind.STALL, FaultKind.SLOW_DRIP, FaultKind.ACT_THEN_CUT),
    *(FaultKind.ACT_THEN_5XX, FaultKind.CUT, FaultKind.FAIL_5XX, FaultKind.THROTTLE, FaultKind.BAN),
)
# In force while their time lasts: neither chance nor counts apply.
WHOLE: Final = (
    *(FaultKind.MAINTENANCE, FaultKind.CLOCK_SKEW),
    *(FaultKind.PARTIAL_FILLS, FaultKind.FILTER_CHANGE),
)


class Rule(BaseModel):
    """`kind` happens with `probability` on each occasion, at most `times` times.

    at_s   seconds after the script's start before which it does not happen
    for_s  seconds after `at_s` from which it no longer does; None: never ends
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: FaultKind
    probability: Annotated[float, Field(ge=0, le=1)] = 1.0
    times: Annotated[int, Field(ge=1)] | None = None
    requests: tuple[str, ...] = ()  # "POST /api/v3/order"; () is every request
    at_s: Annotated[float, Field(ge=0)] = 0.0
    for_s: Annotated[float, Field(gt=0)] | None = None
    delay_ms: float = 0.0
    pieces: Annotated[int, Field(ge=1, le=100)] = 5


class FaultScript(BaseModel):
    """Rules in the order in which they are tried, and the seed of their chance."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = 0
    rules: tuple[Rule, ...] = ()


class Faults:
    """A script being played; `now_ns` is this machine's clock, which no fault skews.

    start_ns  when this script began
    """

    def __init__(self, script: FaultScript, now_ns: Callable[[], int]) -> None:
        self.counts: dict[str, int] = {}
        self._now_ns = now_ns
        self.play(script)

    def play(self, script: FaultScript) -> None:
        """Start this script instead of the present one."""
        self.script = script
        self._rng = np.random.default_rng(script.seed)
        self._left = [rule.times for rule in script.rules]
        self.start_ns = self._now_ns()
        self._noted: set[int] = set()
        self._kinds = frozenset(rule.kind for rule in script.rules)

    def fires(self, kinds: Sequence[FaultKind], request: str = "") -> Rule | None:
        """The first rule of one of these kinds that strikes now, if any. Counts it."""
        if self._kinds.isdisjoint(kinds):
            return None
        for i, rule in enumerate(self.script.rules):
            left = self._left[i]
            if rule.kind not in kinds or left == 0 or not self._due(rule):
                continue
            if rule.requests and request not in rule.requests:
                continue
            if rule.probability < 1.0 and self._rng.random() >= rule.probability:
                continue
            if left is not None:
                self._left[i] = left - 1
            self._count(rule)
            return rule
        return None

    def active(self, kind: FaultKind) -> Rule | None:
        """The rule of this kind whose time it is, if any; counted once each time it begins."""
        if kind not in self._kinds:
            return None
        for i, rule in enumerate(self.script.rules):
            if rule.kind is kind and self._due(rule):
                if i not in self._noted:
                    self._noted.add(i)
                    self._count(rule)
                return rule
        return None

    def _due(self, rule: Rule) -> bool:
        if not rule.at_s and rule.for_s is None:
            return True
        age_s = (self._now_ns() - self.start_ns) / NS_PER_S
        return age_s >= rule.at_s and (rule.for_s is None or age_s < rule.at_s + rule.for_s)

    def _count(self, rule: Rule) -> None:
        self.counts[rule.kind] = self.counts.get(rule.kind, 0) + 1
