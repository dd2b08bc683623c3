"""The fault script: what the simulator does wrong, how often, and to whom. Seeded.

A script is data: rules, each tried on every occasion of its kind. It comes with the configuration
or, where the control endpoint is on, in the body of POST /sim/faults.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field


class FaultKind(StrEnum):
    """One way to misbehave."""

    DROP_DEPTH = "DROP_DEPTH"  # a depth frame is never sent
    DUPLICATE_DEPTH = "DUPLICATE_DEPTH"
    REORDER_DEPTH = "REORDER_DEPTH"  # a depth frame comes after its successor
    CUT_MARKET = "CUT_MARKET"  # a market connection is cut at an event
    CUT_USER = "CUT_USER"  # a user stream is cut at an event, which is lost
    MUTE_MARKET = "MUTE_MARKET"  # an event is not sent: all of them make a stream open but silent
    MUTE_USER = "MUTE_USER"
    DELAY = "DELAY"  # the answer takes `delay_ms` longer; the venue acted at once
    STALL = "STALL"  # the venue acts `delay_ms` later
    ACT_THEN_CUT = "ACT_THEN_CUT"  # the venue acts, then the connection ends without an answer
    ACT_THEN_5XX = "ACT_THEN_5XX"  # the venue acts, then answers 503, -1007
    CUT = "CUT"  # the connection ends without an answer; the venue did not act
    FAIL_5XX = "FAIL_5XX"  # 503, -1007; the venue did not act
    THROTTLE = "THROTTLE"  # 429, as if the address had used up its weight
    BAN = "BAN"  # 418


class Rule(BaseModel):
    """`kind` happens with `probability` on each occasion, at most `times` times."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: FaultKind
    probability: Annotated[float, Field(ge=0, le=1)] = 1.0
    times: int | None = None
    requests: tuple[str, ...] = ()  # "POST /api/v3/order"; () is every request
    delay_ms: Annotated[float, Field(ge=0)] = 0.0


class FaultScript(BaseModel):
    """Rules in the order in which they are tried, and the seed of their chance."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = 0
    rules: tuple[Rule, ...] = ()


class Faults:
    """A script being played."""

    def __init__(self, script: FaultScript) -> None:
        self.counts: dict[str, int] = {}
        self.play(script)

    def play(self, script: FaultScript) -> None:
        """Start this script instead of the present one."""
        self.script = script
        self._rng = np.random.default_rng(script.seed)
        self._left = [rule.times for rule in script.rules]

    def fires(self, kinds: Sequence[FaultKind], request: str = "") -> Rule | None:
        """The first rule of one of these kinds that strikes now, if any."""
        for i, rule in enumerate(self.script.rules):
            left = self._left[i]
            if rule.kind not in kinds or left == 0:
                continue
            if rule.requests and request not in rule.requests:
                continue
            if rule.probability < 1.0 and self._rng.random() >= rule.probability:
                continue
            if left is not None:
                self._left[i] = left - 1
            self.counts[rule.kind] = self.counts.get(rule.kind, 0) + 1
            return rule
        return None
