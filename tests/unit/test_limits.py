"""The client's request budget and the server's meter, under a clock made of integers."""

import pytest

from messages.base import NS_PER_S
from messages.venue import Request
from venues.binance.limits import COSTS, Budget, Cost, Priority, depth_weight
from venues.binance.simulator_config import LimitConfig
from venues.binance.simulator_limits import BinanceMeter, weight_of
from venues.serving.errors import ApiError

MINUTE = 60 * NS_PER_S
NOW = 1_000 * MINUTE


def test_request_within_the_limit_passes_at_once() -> None:
    assert Budget().take(COSTS[Request.SUBMIT], NOW) == 0


def test_full_minute_holds_requests_back_until_the_next_minute() -> None:
    budget = Budget(weight_max=10)
    cost = Cost(10, Priority.CANCEL)

    assert budget.take(cost, NOW + NS_PER_S) == 0
    assert budget.take(cost, NOW + NS_PER_S) == 59 * NS_PER_S
    assert budget.take(cost, NOW + MINUTE) == 0


def test_cancel_passes_where_a_submit_and_a_snapshot_no_longer_do() -> None:
    budget = Budget(weight_max=100)
    budget.observe({"X-MBX-USED-WEIGHT-1M": "92"}, NOW)

    assert budget.take(Cost(1, Priority.BACKGROUND), NOW) > 0
    assert budget.take(COSTS[Request.SUBMIT], NOW) > 0
    assert budget.take(COSTS[Request.CANCEL], NOW) == 0


def test_venues_count_holds_where_it_is_higher_than_ours() -> None:
    budget = Budget(weight_max=100)

    budget.observe({"x-mbx-used-weight-1m": "100"}, NOW)
    budget.observe({"x-mbx-used-weight-1m": "3"}, NOW)  # overtaken on the way

    assert budget.take(COSTS[Request.CANCEL], NOW) > 0


def test_orders_in_ten_seconds_are_limited_apart_from_weight() -> None:
    budget = Budget(orders_10s_max=10)
    passed = [budget.take(COSTS[Request.SUBMIT], NOW) == 0 for _ in range(10)]

    assert passed == [True] * 9 + [False]
    assert budget.take(COSTS[Request.CANCEL], NOW) == 0
    assert budget.take(COSTS[Request.SUBMIT], NOW + 10 * NS_PER_S) == 0


def test_refused_request_takes_nothing() -> None:
    budget = Budget(weight_max=10)
    budget.take(Cost(11, Priority.CANCEL), NOW)

    assert budget.weight.used == 0


def test_ban_holds_even_cancels_back_until_it_is_over() -> None:
    budget = Budget()
    budget.block(120 * NS_PER_S, NOW)

    assert budget.take(COSTS[Request.CANCEL], NOW + NS_PER_S) == 119 * NS_PER_S
    assert budget.take(COSTS[Request.CANCEL], NOW + 120 * NS_PER_S) == 0


@pytest.mark.parametrize(("levels", "weight"), [(100, 5), (500, 25), (1000, 50), (5000, 250)])
def test_depth_weighs_by_its_levels(levels: int, weight: int) -> None:
    assert depth_weight(levels) == weight
    assert weight_of("GET /api/v3/depth", {"limit": str(levels)}) == weight


def test_client_and_server_weigh_our_requests_alike() -> None:
    lines = {
        Request.SUBMIT: "POST /api/v3/order",
        Request.CANCEL: "DELETE /api/v3/order",
        Request.MODIFY: "PUT /api/v3/order/amend/keepPriority",
        Request.QUERY_ORDER: "GET /api/v3/order",
        Request.QUERY_OPEN_ORDERS: "GET /api/v3/openOrders",
        Request.QUERY_FILLS: "GET /api/v3/myTrades",
        Request.QUERY_ACCOUNT: "GET /api/v3/account",
    }

    assert {r: weight_of(line, {"symbol": "BTCUSDT"}) for r, line in lines.items()} == {
        r: cost.weight for r, cost in COSTS.items()
    }


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
