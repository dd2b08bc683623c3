"""The client's request budget and the server's meter, under a clock made of integers."""

from dataclasses import replace

import pytest
from simulated_binance import BTC, budget_of, cancel, modify, query, submit

from messages.base import NS_PER_S, Command
from messages.venue import QueryAccount, QueryFills, QueryOpenOrders
from venues.binance.limits import SPOT, depth_weight
from venues.binance.simulator_config import LimitConfig
from venues.binance.simulator_limits import BinanceMeter, weight_of
from venues.net.budget import Budget
from venues.registry import adapter
from venues.serving.errors import ApiError
from venues.wire.limits import Cost, Lane, LimitRule

MINUTE = 60 * NS_PER_S
NOW = 1_000 * MINUTE
SUBMIT = Cost(Lane.SUBMIT, (("weight", 1), ("orders", 1)))
CANCEL = Cost(Lane.CANCEL)
COMMANDS = (
    submit("o"),
    cancel("o"),
    modify("o", "1"),
    query("o"),
    QueryOpenOrders(ts_event=1, ts_init=1, instrument_id=BTC),
    QueryFills(ts_event=1, ts_init=1, instrument_id=BTC),
    QueryAccount(ts_event=1, ts_init=1),
)


def weighing(lane: Lane, weight: int) -> Cost:
    return Cost(lane, (("weight", weight),))


def test_request_within_the_limit_passes_at_once() -> None:
    assert Budget(SPOT).take(SUBMIT, NOW) == 0


def test_full_minute_holds_requests_back_until_the_next_minute() -> None:
    budget = budget_of(weight=10)
    cost = weighing(Lane.CANCEL, 10)

    assert budget.take(cost, NOW + NS_PER_S) == 0
    assert budget.take(cost, NOW + NS_PER_S) == 59 * NS_PER_S
    assert budget.take(cost, NOW + MINUTE) == 0


def test_cancel_passes_where_a_submit_and_a_snapshot_no_longer_do() -> None:
    budget = budget_of(weight=100)
    budget.observe({"X-MBX-USED-WEIGHT-1M": "92"}, NOW)

    assert budget.take(weighing(Lane.DATA, 1), NOW) > 0
    assert budget.take(SUBMIT, NOW) > 0
    assert budget.take(CANCEL, NOW) == 0


def test_venues_count_holds_where_it_is_higher_than_ours() -> None:
    budget = budget_of(weight=100)

    budget.observe({"x-mbx-used-weight-1m": "100"}, NOW)
    budget.observe({"x-mbx-used-weight-1m": "3"}, NOW)  # overtaken on the way

    assert budget.take(CANCEL, NOW) > 0


def test_orders_in_ten_seconds_are_limited_apart_from_weight() -> None:
    budget = budget_of(orders_10s=10)
    passed = [budget.take(SUBMIT, NOW) == 0 for _ in range(10)]

    assert passed == [True] * 9 + [False]
    assert budget.take(CANCEL, NOW) == 0
    assert budget.take(SUBMIT, NOW + 10 * NS_PER_S) == 0


def test_refused_request_takes_nothing() -> None:
    budget = budget_of(weight=10)
    budget.take(weighing(Lane.CANCEL, 11), NOW)

    assert budget.windows[0].used == 0


def test_ban_holds_even_cancels_back_until_it_is_over() -> None:
    budget = Budget(SPOT)
    budget.block(120 * NS_PER_S, NOW)

    assert budget.take(CANCEL, NOW + NS_PER_S) == 119 * NS_PER_S
    assert budget.take(CANCEL, NOW + 120 * NS_PER_S) == 0


@pytest.mark.parametrize(("levels", "weight"), [(100, 5), (500, 25), (1000, 50), (5000, 250)])
def test_depth_weighs_by_its_levels(levels: int, weight: int) -> None:
    assert depth_weight(levels) == weight
    assert weight_of("GET /api/v3/depth", {"limit": str(levels)}) == weight


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c.kind)
def test_client_and_server_weigh_our_requests_alike(command: Command) -> None:
    binance = adapter("BINANCE")
    wire = binance.request_of(command, {})
    params = {key: str(value) for key, value in wire.params.items()}

    taken = dict(binance.cost(wire).amounts)

    assert taken["weight"] == weight_of(f"{wire.method} {wire.path}", params)
    assert taken["orders"] == (command is COMMANDS[0])


def test_rolling_limit_gives_back_what_is_an_interval_old() -> None:
    budget = Budget([LimitRule("weight", 3, 10 * NS_PER_S, rolling=True)])
    waits = [budget.take(CANCEL, NOW + n * NS_PER_S) for n in range(4)]

    assert waits == [0, 0, 0, 7 * NS_PER_S]
    assert budget.take(CANCEL, NOW + 10 * NS_PER_S) == 0
    assert budget.take(CANCEL, NOW + 10 * NS_PER_S) == NS_PER_S


def test_count_of_a_minute_that_is_over_says_nothing_about_this_one() -> None:
    budget = budget_of(weight=100)
    budget.take(CANCEL, NOW)

    budget.observe({"X-MBX-USED-WEIGHT-1M": "100"}, NOW - 1)  # on its way over the minute's end

    assert budget.take(CANCEL, NOW) == 0


@pytest.mark.parametrize("amount", [1, 2, 5])
@pytest.mark.parametrize("lane", Lane)
def test_every_lane_of_the_smallest_limit_is_served(lane: Lane, amount: int) -> None:
    budget = Budget([LimitRule("weight", amount, NS_PER_S, rolling=True)])

    assert budget.take(Cost(lane), NOW) == 0


def test_what_is_larger_than_its_part_passes_alone() -> None:
    budget = Budget([LimitRule("weight", 10, NS_PER_S, rolling=True)])
    batch = weighing(Lane.SUBMIT, 10)

    assert budget.take(batch, NOW) == 0
    assert budget.take(CANCEL, NOW) > 0
    assert budget.take(CANCEL, NOW + NS_PER_S) == 0
    assert budget.take(batch, NOW + NS_PER_S) > 0


def test_order_limit_that_is_used_up_leaves_cancels() -> None:
    budget = Budget(SPOT)
    budget.block(10 * NS_PER_S, NOW, ["orders"])

    assert budget.take(SUBMIT, NOW + NS_PER_S) == 9 * NS_PER_S
    assert budget.take(Cost(Lane.CANCEL, (("weight", 1), ("orders", 0))), NOW) == 0


def test_cost_of_a_limit_that_nobody_set_is_a_mistake() -> None:
    budget = Budget(replace(rule, name="weight") for rule in SPOT)

    with pytest.raises(KeyError):
        budget.take(SUBMIT, NOW)


def test_meter_answers_429_then_bans_who_goes_on_then_lets_in_again() -> None:
    meter = BinanceMeter(
        LimitConfig(weight_max=2, orders_10s_max=1, orders_day_max=1, ban_after=2, ban_s=120)
    )
    meter.charge(1, NOW)
    meter.charge(1, NOW)
    refusals = []
    for _ in range(3):
        with pytest.raises(ApiError) as caught:
            meter.charge(1, NOW)
        refusals.append(caught.value)

    assert [e.status for e in refusals] == [429, 429, 418]
    assert all(int(e.headers["Retry-After"]) > 0 for e in refusals)
    with pytest.raises(ApiError, match="banned"):
        meter.charge(1, NOW + MINUTE)
    meter.charge(1, NOW + 3 * MINUTE)


def test_second_ban_lasts_twice_as_long() -> None:
    meter = BinanceMeter(
        LimitConfig(weight_max=1, orders_10s_max=1, orders_day_max=1, ban_after=0, ban_s=10)
    )

    assert meter.ban(NOW).headers["Retry-After"] == "11"
    assert meter.ban(NOW + MINUTE).headers["Retry-After"] == "21"


def test_too_many_orders_is_429_without_retry_after() -> None:
    meter = BinanceMeter(
        LimitConfig(weight_max=9, orders_10s_max=1, orders_day_max=9, ban_after=9, ban_s=1)
    )
    meter.order(NOW)

    with pytest.raises(ApiError, match="-1015") as caught:
        meter.order(NOW)

    assert (caught.value.status, dict(caught.value.headers)) == (429, {})
