"""Executions: what is placed when, that it is never too much, and how they end."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from instruments import usdt

from messages import orders as m
from messages.base import NS_PER_S, ClientOrderId, TradeId
from messages.orders import LiquiditySide, OrderSide, RefusalCode
from trading.execution.core import (
    CLOSED_MAX,
    Execution,
    Status,
    Wanted,
    placed,
    slice_ts,
    sliced,
    stuck,
    told,
    wanted,
)
from trading.execution.plan import Method, Plan

S = NS_PER_S
BTC = usdt(venue="BINANCE")


def plan(**more: Any) -> Plan:
    fields: dict[str, Any] = {
        "instrument_id": BTC.instrument_id,
        "side": OrderSide.BUY,
        "quantity": Decimal(12),
        "method": Method.TWAP,
        "jitter": 0.0,
    }
    return Plan(**(fields | more))


class Desk:
    """Drives an execution: its slices, a market, and a venue that fills what it has."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.state = Execution()
        self.now = 0
        self.touch = (Decimal(100), Decimal("100.1"))
        self.placed: list[tuple[int, Wanted]] = []
        self._trades = 0

    def tick(self) -> None:
        """To the next slice."""
        due = slice_ts(self.plan, self.state, self.state.number + 1, 0.0)
        self.now = max(due, self.now)
        self.state = sliced(self.plan, self.state, self.now)
        self.work()

    def work(self) -> None:
        child = wanted(self.plan, self.state, BTC, self.touch)
        if child is not None:
            name = ClientOrderId(f"c{len(self.placed)}")
            self.placed.append((self.now, child))
            self.state = placed(self.state, name, child.quantity)

    def fact(self, kind: Any, order: str, **more: Any) -> None:
        head: Any = {"ts_event": self.now, "ts_init": self.now, "client_order_id": order}
        if kind is not m.RefusedOrder:
            head["instrument_id"] = BTC.instrument_id
        self.state = told(self.plan, self.state, kind(**head, strategy_id="A", **more))

    def fill(self, order: str, quantity: str | Decimal, left: str | Decimal = "0") -> None:
        self._trades += 1
        self.fact(
            m.OrderFilled,
            order,
            trade_id=TradeId(str(self._trades)),
            side=OrderSide.BUY,
            last_qty=Decimal(quantity),
            last_px=Decimal(100),
            leaves_qty=Decimal(left),
            commission=Decimal(0),
            currency="USDT",
            liquidity_side=LiquiditySide.TAKER,
        )

    def fill_last(self) -> None:
        self.fill(f"c{len(self.placed) - 1}", self.placed[-1][1].quantity)

    @property
    def parts(self) -> list[str]:
        return [f"{child.quantity.normalize():f}" for _, child in self.placed]


def test_twap_places_equal_parts_in_equal_times_and_completes() -> None:
    desk = Desk(plan())

    for _ in range(12):
        desk.tick()
        desk.fill_last()

    assert [t // S for t, _ in desk.placed] == list(range(0, 60, 5))
    assert desk.parts == ["1"] * 12
    assert desk.placed[-1][1].time_in_force is m.TimeInForce.IOC
    assert str(desk.placed[-1][1].price) == "100.15"  # 5 bps beyond the ask, no worse than that
    assert (desk.state.status, desk.state.filled) == (Status.COMPLETED, Decimal(12))


def test_what_a_child_could_not_fill_is_due_again_in_the_next_slice() -> None:
    desk = Desk(plan())
    desk.tick()
    desk.fill("c0", "0.4", "0.6")
    desk.fact(m.OrderExpired, "c0")
    desk.tick()

    assert desk.parts == ["1", "1.6"]


def test_a_child_of_unknown_state_holds_its_quantity() -> None:
    desk = Desk(plan())
    desk.tick()
    desk.fact(m.OrderUnknown, "c0", reason="silence", ts_conclusive=0)
    desk.tick()
    desk.fact(m.OrderExpired, "c0")
    desk.tick()

    assert desk.parts == ["1", "1", "2"]


def test_slices_that_were_slept_through_are_one_child() -> None:
    desk = Desk(plan())
    desk.tick()
    desk.fill_last()
    desk.now = 31 * S
    desk.tick()

    assert desk.parts == ["1", "6"]
    assert desk.state.number == 6


def test_vwap_follows_its_profile() -> None:
    desk = Desk(plan(method=Method.VWAP, duration_ns=20 * S, profile=(1.0, 3.0, 0.0, 2.0)))
    for _ in range(4):
        desk.tick()
        if desk.state.working:
            desk.fill_last()

    assert desk.parts == ["2", "6", "4"]
    assert desk.state.status is Status.COMPLETED


def test_vwap_with_a_profile_that_no_decimal_divides_is_done_to_the_last_lot() -> None:
    desk = Desk(plan(method=Method.VWAP, duration_ns=15 * S, profile=(0.1, 0.2, 0.3)))
    for _ in range(3):
        desk.tick()
        desk.fill_last()

    assert (desk.state.status, desk.state.filled) == (Status.COMPLETED, Decimal(12))


def test_pov_keeps_its_share_of_what_the_market_trades() -> None:
    desk = Desk(plan(method=Method.POV, duration_ns=0, participation=Decimal("0.1")))
    desk.tick()
    for size in (20, 0, 50, 500):
        desk.state = replace(desk.state, volume=desk.state.volume + size)
        desk.tick()
        if desk.state.working:
            desk.fill_last()

    assert desk.parts == ["2", "5", "5"]
    assert desk.state.status is Status.COMPLETED


def test_an_iceberg_shows_a_part_and_replaces_it_when_it_is_gone() -> None:
    berg = {"method": Method.ICEBERG, "limit": Decimal(99), "display": Decimal(5)}
    desk = Desk(plan(duration_ns=0, **berg))
    desk.tick()
    desk.fill("c0", "2", "3")
    desk.tick()
    desk.fill("c0", "3")
    desk.work()
    desk.fill("c1", "5")
    desk.work()

    assert desk.parts == ["5", "5", "2"]
    assert {child.price for _, child in desk.placed} == {Decimal(99)}
    assert desk.placed[-1][1].time_in_force is m.TimeInForce.GTC
    assert desk.state.working == Decimal(2)


def test_nothing_is_placed_before_the_market_is_known_nor_beyond_the_limit() -> None:
    desk = Desk(plan(limit=Decimal("100.05")))
    desk.touch = (Decimal(0), Decimal(0))
    desk.tick()
    desk.touch = (Decimal(100), Decimal("100.10"))
    desk.tick()
    assert desk.placed == []

    desk.touch = (Decimal(100), Decimal("100.04"))
    desk.tick()

    assert (desk.parts, str(desk.placed[-1][1].price)) == (["3"], "100.05")


def test_a_sell_reaches_below_the_bid() -> None:
    desk = Desk(plan(side=OrderSide.SELL))
    desk.tick()

    assert str(desk.placed[-1][1].price) == "99.95"


def test_children_that_are_refused_in_a_row_end_it_with_the_reason() -> None:
    desk = Desk(plan())
    for n in range(3):
        desk.tick()
        desk.fact(m.OrderRejected, f"c{n}", code="-2010", reason="too poor")
    desk.tick()

    assert desk.state.status is Status.FAILED
    assert "too poor" in desk.state.reason
    assert len(desk.placed) == 3


@pytest.mark.parametrize(
    ("code", "ends"),
    [
        (RefusalCode.MARKET_DATA_STALE, False),
        (RefusalCode.NOT_SENT, False),
        (RefusalCode.ORDER_RATE, False),
        (RefusalCode.MAX_POSITION, True),
    ],
)
def test_a_refusal_that_passes_by_itself_is_asked_again_for_ever(
    code: RefusalCode, ends: bool
) -> None:
    desk = Desk(plan())
    for n in range(5):
        desk.tick()
        desk.fact(m.RefusedOrder, f"c{n}", code=code, reason="no")

    assert desk.state.status.over is ends
    assert desk.state.working == 0


def test_when_its_time_is_up_it_says_what_is_missing() -> None:
    desk = Desk(plan())
    while not desk.state.status.over:
        desk.tick()
        for name in desk.state.open_children:
            desk.fact(m.OrderExpired, name)

    assert desk.state.status is Status.FAILED
    assert desk.state.reason == "time is up: 0 of 12 filled"
    assert desk.now // S == 65


def test_a_rest_that_the_venue_takes_no_order_for_is_said_and_not_waited_for() -> None:
    desk = Desk(plan(method=Method.ICEBERG, limit=Decimal(99), display=Decimal(12), duration_ns=0))
    desk.tick()
    desk.fill("c0", "11.99", "0.01")
    desk.fact(m.OrderCanceled, "c0")
    rules = BTC.model_copy(update={"min_notional": Decimal(5)})

    ended = stuck(desk.plan, desk.state, rules, desk.touch)

    assert wanted(desk.plan, desk.state, rules, desk.touch) is None
    assert (ended.status, ended.filled) == (Status.FAILED, Decimal("11.99"))
    assert "0.01 of 12" in ended.reason


def test_a_late_fill_of_a_closed_child_counts_and_leaves_less_to_do() -> None:
    desk = Desk(plan())
    desk.tick()
    desk.fact(m.OrderCanceled, "c0")
    desk.fill("c0", "0.5", "0.5")
    desk.tick()

    assert desk.parts == ["1", "1.5"]
    assert desk.state.filled == Decimal("0.5")


def test_a_child_that_lives_after_all_is_at_work_again_and_nothing_takes_its_place() -> None:
    desk = Desk(plan())
    desk.tick()
    desk.fact(m.OrderRejected, "c0", code="NEVER_ARRIVED", reason="no such order")
    desk.fact(m.OrderAccepted, "c0", venue_order_id="7")
    working = desk.state.working
    desk.tick()
    desk.fact(m.OrderCanceled, "c0")

    assert working == 1
    assert desk.parts == ["1", "1"]
    assert desk.state.working == 1


def test_a_refused_child_that_fills_in_part_is_at_work_with_the_rest() -> None:
    desk = Desk(plan())
    desk.tick()
    desk.fact(m.OrderRejected, "c0", code="NEVER_ARRIVED", reason="no such order")
    desk.fill("c0", "0.25", "0.75")
    working = desk.state.working
    desk.fill("c0", "0.75", "0")

    assert working == Decimal("0.75")
    assert (desk.state.working, desk.state.filled) == (0, 1)


def test_closed_children_are_forgotten_but_not_what_they_filled() -> None:
    desk = Desk(plan(quantity=Decimal(200), duration_ns=1000 * S))
    for _ in range(CLOSED_MAX + 30):
        desk.tick()
        desk.fill_last()

    assert len(desk.state.children) <= CLOSED_MAX + 1
    assert desk.state.filled == CLOSED_MAX + 30


@pytest.mark.parametrize("shift", [-1.0, -0.3, 0.0, 0.7, 1.0])
def test_slices_move_by_a_part_of_a_slice_but_neither_the_first_nor_the_end(shift: float) -> None:
    jittered = plan(jitter=0.1)
    times = [slice_ts(jittered, Execution(), n, shift) for n in range(14)]

    assert (times[0], times[12], times[13]) == (0, 60 * S, 65 * S)
    assert all(abs(t - n * 5 * S) <= S // 2 for n, t in enumerate(times))
    assert times[1] == 5 * S + round(shift * 0.5 * S)


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"quantity": Decimal(0)}, "quantity"),
        ({"slice_ns": 0}, "slice_ns"),
        ({"duration_ns": 61 * S}, "duration_ns"),
        ({"duration_ns": 0}, "duration_ns"),
        ({"jitter": 0.5}, "jitter"),
        ({"participation": Decimal(0)}, "participation"),
        ({"method": Method.VWAP}, "profile"),
        ({"method": Method.ICEBERG}, "display"),
        ({"method": Method.ICEBERG, "display": Decimal(1)}, "limit"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_by_the_name_of_its_field(
    more: dict[str, Any], field: str
) -> None:
    with pytest.raises(ValueError, match=field):
        plan(**more)
