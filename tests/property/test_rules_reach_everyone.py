"""A venue changes its filters while everything fails: soon everyone goes by those that hold."""

from typing import Any

import pytest

from messages.base import NS_PER_S
from messages.orders import OrderModifyRejected, OrderRejected
from scenarios.simulate import Parts, SimulateSpec, live
from trading.core import Step
from trading.faults import ALL, NONE
from trading.risk import RiskCore, RiskState
from venues.sim.refusals import Refusal

CHANGED_S = 1.0
SPEC = SimulateSpec(rules_change_s=CHANGED_S, peace_s=14.0, events_per_s=6.0)
FILTERS = (Refusal.PRICE_INCREMENT, Refusal.LOT_SIZE)


def refusals(loop: Any) -> list[float]:
    """When orders were refused by a filter, in seconds after the change."""
    said = (r.message for r in loop.journals["orders"].rows if r.direction == "out")
    rejected = {m.key: m for m in said if isinstance(m, OrderRejected) and m.code in FILTERS}
    began_ns = 1_700_000_000 * NS_PER_S + round(CHANGED_S * NS_PER_S)
    return [(m.ts_event - began_ns) / NS_PER_S for m in rejected.values()]


def test_without_faults_an_order_or_two_are_refused_and_within_a_second_none() -> None:
    found = [refusals(live(seed, NONE, SPEC)[0]) for seed in range(4)]

    assert any(found)
    assert max(map(len, found)) <= 2
    assert max((s for times in found for s in times), default=0.0) < 1.0


def test_under_faults_everyone_has_the_rules_that_hold_once_there_was_peace() -> None:
    lives = [live(seed, ALL, SPEC) for seed in range(12)]

    assert [c.violations for _, c in lives if c.violations] == []
    assert sum(len(refusals(loop)) for loop, _ in lives) > 5
    assert sum(loop.crashes for loop, _ in lives) > 10


class Deaf(RiskCore):
    """A risk checker that takes a refusal for the strategy's business alone."""

    def react(self, state: RiskState, message: Any, now_ns: int) -> Step[RiskState]:
        step = super().react(state, message, now_ns)
        refused = isinstance(message, OrderRejected | OrderModifyRejected)
        return Step(step.state) if refused else step


@pytest.mark.parametrize("seed", range(2))
def test_without_the_question_old_rules_are_found_by_the_law(seed: int) -> None:
    _, checker = live(seed, NONE, SPEC, Parts(risk=Deaf))

    assert any("has old rules of" in what for _, what in checker.violations)
