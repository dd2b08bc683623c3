"""One budget for all: the venue's own meter counts fifty of us, and nobody is banned."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messages.base import NS_PER_MS, NS_PER_S
from venues.net.budget import Budget, RequestBudget
from venues.net.governor import Count, Governor, Lease, Wish
from venues.net.leases import HOP_NS, SILENT_NS, LeasedBudget
from venues.serving.meter import Meter
from venues.wire.limits import Cost, Lane, LimitRule

FIXED = LimitRule("weight", 6000, 60 * NS_PER_S, header="X-Used")
ROLLING = LimitRule("orders", 20, 2 * NS_PER_S, rolling=True)
START = 1_700_000_040 * NS_PER_S  # a whole minute
STEP_NS = 10 * NS_PER_MS
RESERVE = {(Lane.CANCEL, "weight"): 2, (Lane.SUBMIT, "weight"): 2}
ORDERS = {(Lane.CANCEL, "orders"): 1}
# What each of fifty strategies would like to do: many orders, some cancels, much data.
KINDS = (
    Cost(Lane.DATA, (("weight", 5),)),
    Cost(Lane.SUBMIT, (("weight", 1),)),
    Cost(Lane.CANCEL, (("weight", 1),)),
)


@dataclass
class Seen:
    """What came of a crowd at one venue."""

    sent: dict[Lane, int]
    banned: int
    denied: int
    cancel_waits_ns: list[int]
    data_held: int


def crowd(budgets: list[RequestBudget], governor: Governor | None, seconds: int) -> Seen:
    """Holders who want three times the limit, in turns of 10 ms; they talk every second turn."""
    rng = np.random.default_rng(5)
    meter = Meter([FIXED], ban_after=10, count_denied=True)
    seen = Seen(dict.fromkeys(Lane, 0), 0, 0, [], 0)
    waiting: list[tuple[int, RequestBudget, Cost]] = []
    for turn in range(seconds * 100):
        now = START + turn * STEP_NS
        if governor is not None and turn % 2 == 0:
            talk(budgets, governor, now)
        who, what = int(rng.integers(len(budgets))), int(rng.choice(3, p=(0.5, 0.25, 0.25)))
        waiting.append((now, budgets[who], KINDS[what]))
        left = []
        for since, budget, cost in waiting:
            if budget.take(cost, now):
                seen.data_held += cost.lane is Lane.DATA
                if cost.lane is not Lane.DATA:  # data is asked again some other time
                    left.append((since, budget, cost))
                continue
            seen.sent[cost.lane] += 1
            if cost.lane is Lane.CANCEL:
                seen.cancel_waits_ns.append(now - since)
            denied = meter.charge(cost.amounts, now)
            if denied is not None:
                seen.denied += 1
                seen.banned += denied.banned
                budget.block(denied.wait_ns, now)
        waiting = left
    return seen


def talk(budgets: list[RequestBudget], governor: Governor, now: int) -> None:
    for budget in budgets:
        assert isinstance(budget, LeasedBudget)
        governor.block(budget.told, now)
        governor.observe(budget.seen.values())
        governor.charge(budget.alone.items(), now)
        budget.told, budget.seen, budget.alone = {}, {}, {}
        governor.give_back(budget.unspent(), now)
        budget.lent(governor.lend(budget.wishes(now), now), governor.silence.all(now), now)


def test_fifty_who_share_a_governor_are_never_denied_and_their_cancels_never_wait_behind_data() -> (
    None
):
    governor = Governor([FIXED])
    shared: list[RequestBudget] = [LeasedBudget([FIXED], RESERVE) for _ in range(50)]

    seen = crowd(shared, governor, 55)

    assert (seen.denied, seen.banned) == (0, 0)
    assert seen.data_held > 0  # there was more to ask than the limit takes
    assert len(seen.cancel_waits_ns) > 500
    assert max(seen.cancel_waits_ns) <= 2 * HOP_NS


def test_the_same_fifty_with_limiters_of_their_own_are_banned() -> None:
    seen = crowd([Budget([FIXED]) for _ in range(50)], None, 55)

    assert seen.denied > 10
    assert seen.banned > 0


def test_what_one_of_us_was_told_stops_everybody_with_the_next_word() -> None:
    governor = Governor([FIXED])
    one, other = (LeasedBudget([FIXED], RESERVE) for _ in range(2))
    both: list[RequestBudget] = [one, other]
    talk(both, governor, START)
    assert other.take(KINDS[2], START) == 0

    one.block(3 * NS_PER_S, START)
    talk(both, governor, START + STEP_NS)

    for lane in Lane:
        assert other.take(Cost(lane), START + 2 * STEP_NS) > 2 * NS_PER_S
    assert governor.epoch == 1
    later = START + STEP_NS + 3 * NS_PER_S
    talk(both, governor, later)
    assert other.take(KINDS[2], later) == 0


def test_a_silent_governor_leaves_cancels_and_nothing_that_adds() -> None:
    budget = LeasedBudget([FIXED], RESERVE)
    budget.lent((), {}, START)
    away = START + SILENT_NS + 1

    assert budget.take(KINDS[1], away) == HOP_NS
    assert budget.take(KINDS[2], away) == 0
    for _ in range(FIXED.amount):
        budget.take(KINDS[2], away)
    assert budget.take(KINDS[2], away) > 0  # a part of the limit, not all of it


def test_more_urgent_requests_spend_what_less_urgent_ones_hold_and_never_the_reverse() -> None:
    budget = LeasedBudget([FIXED], {})
    budget.lent((Lease(Lane.SUBMIT, "weight", 2, START, START + NS_PER_S),), {}, START)

    assert budget.take(Cost(Lane.DATA), START) == HOP_NS
    assert budget.take(Cost(Lane.CANCEL), START) == 0
    assert budget.take(Cost(Lane.SUBMIT), START) == 0
    assert budget.take(Cost(Lane.CANCEL), START) == HOP_NS


def test_a_lease_ends_with_its_time_and_with_its_window() -> None:
    governor = Governor([FIXED])
    (lease,) = governor.lend([Wish(Lane.SUBMIT, "weight", 5)], START + 60 * NS_PER_S - 1)
    assert lease.ts_end == START + 60 * NS_PER_S

    budget = LeasedBudget([FIXED], {})
    budget.lent([lease], {}, lease.ts_end - 1)
    assert budget.take(Cost(Lane.SUBMIT), lease.ts_end) == HOP_NS


def test_what_comes_back_unspent_can_be_lent_again() -> None:
    governor = Governor([FIXED])
    leases = governor.lend([Wish(Lane.CANCEL, "weight", 6000)], START)
    assert governor.lend([Wish(Lane.CANCEL, "weight", 1)], START) == ()

    governor.give_back(leases, START + 1)

    (again,) = governor.lend([Wish(Lane.CANCEL, "weight", 6000)], START + 2)
    assert again.units == 6000


@pytest.mark.parametrize(("lane", "most"), [(lane, 6000 * lane // 100) for lane in Lane])
def test_each_lane_can_lease_its_part_of_the_limit_and_no_more(lane: Lane, most: int) -> None:
    governor = Governor([FIXED])

    wish = Wish(lane, "weight", 7)
    got = sum(lease.units for _ in range(1000) for lease in governor.lend([wish], START))

    assert most - 7 < got <= most


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3 * NS_PER_S), st.integers(1, 9)), max_size=40))
def test_a_rolling_window_of_the_venue_never_holds_more_than_its_limit(
    asked: list[tuple[int, int]],
) -> None:
    """Whenever a lease's units are spent - at its start, or just before its end."""
    for late in (False, True):
        governor, meter, now, spends = Governor([ROLLING]), Meter([ROLLING]), START, []
        for gap, units in asked:
            now += gap
            for lease in governor.lend([Wish(Lane.CANCEL, "orders", units)], now):
                spends.append((lease.ts_end - 1 if late else now, lease.units))
        for when, units in sorted(spends):
            assert meter.charge((("orders", units),), when) is None


def test_a_throttled_endpoint_is_left_alone_by_everybody_and_nothing_else_is() -> None:
    rules = (FIXED, ROLLING)
    governor = Governor(rules)
    one, other = (LeasedBudget(rules, RESERVE | ORDERS) for _ in range(2))
    talk([one, other], governor, START)

    one.block(NS_PER_S, START, ["orders"])
    talk([one, other], governor, START + STEP_NS)

    for budget in (one, other):
        order = Cost(Lane.CANCEL, (("weight", 1), ("orders", 1)))
        assert budget.take(order, START + 2 * STEP_NS) > NS_PER_S // 2
        assert budget.take(Cost(Lane.CANCEL, (("weight", 1), ("orders", 0))), START) == 0
    assert governor.epoch == 1


@pytest.mark.parametrize("amount", [1, 5, 10])
def test_a_question_passes_alone_however_small_the_limit_is(amount: int) -> None:
    budget = LeasedBudget([replace(ROLLING, amount=amount)], {})
    budget.lent((), {}, START)
    away = START + SILENT_NS + 1

    for lane in (Lane.QUERY, Lane.CANCEL):
        assert budget.take(Cost(lane, (("orders", 1),)), away) == 0
        away += 3 * NS_PER_S


def test_alone_we_spend_no_more_than_the_venue_says_is_left() -> None:
    budget = LeasedBudget([FIXED], {})
    budget.lent((), {}, START)
    away = START + SILENT_NS + 1
    budget.observe({"x-used": "5998"}, away)

    waits = [budget.take(KINDS[2], away) for _ in range(3)]

    assert waits[:2] == [0, 0]
    assert waits[2] > 0
    assert budget.alone == {"weight": 2}  # the next governor is told


def test_counts_are_told_by_window_and_an_old_one_hides_no_new_one() -> None:
    budget = LeasedBudget([FIXED], {})
    governor = Governor([FIXED])
    later = START + 60 * NS_PER_S

    budget.observe({"X-Used": "700"}, later)
    budget.observe({"X-Used": "800"}, later + 1)
    budget.observe({"X-Used": "5990", "Other": "9"}, later - 1)  # came late, of the minute before
    talk([budget], governor, later + 2)
    (lease,) = governor.lend([Wish(Lane.CANCEL, "weight", 5200)], later + 3)

    assert lease.units == 5200
    assert governor.lend([Wish(Lane.CANCEL, "weight", 1)], later + 3) == ()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, NS_PER_S), st.integers(1, 9), st.booleans()), max_size=40),
    st.booleans(),
)
def test_governors_that_die_never_lend_more_than_the_limit_between_them(
    asked: list[tuple[int, int, bool]], remembered: bool
) -> None:
    governor, meter, now = Governor([ROLLING]), Meter([ROLLING]), START
    for gap, units, dies in asked:
        now += gap
        if dies:
            memory, governor = governor.memory(), Governor([ROLLING])
            if remembered:
                governor.resume(memory)
            else:  # then only cancels have anything, and a tenth of it
                governor.assume(now)
        lane = Lane.CANCEL if remembered else Lane.SUBMIT
        for lease in governor.lend([Wish(lane, "orders", units)], now):
            assert meter.charge((("orders", lease.units),), now) is None


def test_who_knows_nothing_of_the_minute_lends_little_until_the_venue_has_told() -> None:
    governor = Governor([FIXED])
    governor.assume(START)

    assert governor.lend([Wish(Lane.DATA, "weight", 1)], START) == ()
    assert governor.lend([Wish(Lane.SUBMIT, "weight", 1)], START) == ()
    assert governor.lend([Wish(Lane.QUERY, "weight", 6)], START) != ()
    governor.observe([Count("X-Used", 40, START + 1)])
    (lease,) = governor.lend([Wish(Lane.SUBMIT, "weight", 5000)], START + 2)

    assert lease.units == 5000


def test_a_clock_that_was_ahead_for_a_while_holds_nobody_up_afterwards() -> None:
    for rule in (FIXED, ROLLING):
        governor, ahead = Governor([rule]), START + 300 * NS_PER_S
        governor.lend([Wish(Lane.CANCEL, rule.name, rule.amount)], ahead)
        governor.block({"": ahead + 2 * NS_PER_S}, ahead)

        assert governor.lend([Wish(Lane.CANCEL, rule.name, 1)], START) == ()
        assert governor.lend([Wish(Lane.CANCEL, rule.name, 1)], START + 61 * NS_PER_S) != ()


def test_who_is_refused_is_told_how_long_to_the_end_of_the_window() -> None:
    governor, budget = Governor([FIXED]), LeasedBudget([FIXED], {})
    now, data = START + 50 * NS_PER_S, Cost(Lane.DATA, (("weight", 1),))
    governor.lend([Wish(Lane.SUBMIT, "weight", 5397)], now)

    waits = [ask(budget, governor, KINDS[1], now) for _ in range(4)]

    assert waits == [0, 0, 0, 10 * NS_PER_S]  # three units were left to orders
    assert budget.take(data, now) == 10 * NS_PER_S  # its part of the limit is smaller still
    assert ask(budget, governor, KINDS[2], now) == 0  # and that of cancels larger
    assert budget.take(KINDS[1], now + 9 * NS_PER_S) == NS_PER_S
    assert ask(budget, governor, KINDS[1], now + 10 * NS_PER_S) == 0


def test_what_is_lent_after_a_refusal_ends_it() -> None:
    governor, budget = Governor([FIXED]), LeasedBudget([FIXED], {})
    leases = governor.lend([Wish(Lane.SUBMIT, "weight", 5400)], START)
    assert ask(budget, governor, KINDS[1], START) == 60 * NS_PER_S

    governor.give_back(leases, START + 1)
    budget.lent(governor.lend([Wish(Lane.SUBMIT, "weight", 2)], START + 1), {}, START + 1)

    assert [budget.take(KINDS[1], START + 2) for _ in range(3)] == [0, 0, HOP_NS]


def test_a_refusal_that_was_told_while_a_clock_was_ahead_does_not_outlast_the_mistake() -> None:
    governor, budget = Governor([FIXED]), LeasedBudget([FIXED], {})
    ahead = START + 300 * NS_PER_S
    governor.lend([Wish(Lane.CANCEL, "weight", 6000)], ahead)
    assert ask(budget, governor, KINDS[1], ahead) == 60 * NS_PER_S

    assert budget.take(KINDS[1], START) == HOP_NS


def ask(budget: LeasedBudget, governor: Governor, cost: Cost, now: int) -> int:
    """What the budget says once the governor has answered."""
    if wait := budget.take(cost, now):
        wishes = budget.wishes(now)
        budget.lent(governor.lend(wishes, now), {}, now, governor.full(wishes, now))
        wait = budget.take(cost, now)
    return wait


def test_who_starts_during_a_ban_hears_of_it_before_it_asks_anything_alone() -> None:
    fresh = LeasedBudget([FIXED], {})
    question = Cost(Lane.QUERY, (("weight", 1),))

    first = fresh.take(question, START)
    fresh.lent((), {"": START + 60 * NS_PER_S}, START + STEP_NS)

    assert first == HOP_NS
    assert fresh.take(question, START + 2 * STEP_NS) > 59 * NS_PER_S


def test_who_starts_while_the_governor_is_away_asks_alone_after_a_while() -> None:
    fresh = LeasedBudget([FIXED], {})

    waits = [fresh.take(KINDS[2], START + since) for since in (0, SILENT_NS, SILENT_NS + 1)]

    assert waits == [HOP_NS, HOP_NS, 0]


@pytest.mark.parametrize("off_s", [300, -300, -2])
def test_one_whose_clock_is_wrong_ends_no_silence_of_the_others(off_s: int) -> None:
    governor, wrong = Governor([FIXED]), START + off_s * NS_PER_S
    governor.block({"": START + 60 * NS_PER_S}, START)
    governor.lend([Wish(Lane.CANCEL, "weight", 1)], wrong)
    governor.silence.all(wrong)

    assert governor.lend([Wish(Lane.CANCEL, "weight", 1)], START + 59 * NS_PER_S) == ()


@pytest.mark.parametrize("host_ahead_s", [0, 30, 300, -30, -300])
def test_a_silence_outlives_its_governor_whatever_the_hosts_clock_says(host_ahead_s: int) -> None:
    first, second = Governor([FIXED]), Governor([FIXED])
    host = START + host_ahead_s * NS_PER_S
    first.block({"": START + 60 * NS_PER_S}, START)

    first.silence.all(host)
    second.resume(first.memory())
    second.silence.all(host)

    until = START + 60 * NS_PER_S
    assert second.silence.all(START + NS_PER_S) == {"": until}
    assert second.lend([Wish(Lane.CANCEL, "weight", 1)], until - 1) == ()
    assert second.lend([Wish(Lane.CANCEL, "weight", 1)], until) != ()
