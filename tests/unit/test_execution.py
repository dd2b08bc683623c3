"""Executions: what is placed when, that it is never too much, and how they end."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from instruments import usdt

from messages import Message
from messages import orders as m
from messages.arrays import QUOTE, TRADE
from messages.base import NS_PER_S, ClientOrderId, StrategyId, TradeId
from messages.control import SetTimer, TimerFired
from messages.market import QuoteBatch, TradeBatch
from messages.orders import LiquiditySide, OrderSide, OrderSpec
from trading.execution.core import TIMER, Execution, ExecutionCore, Status
from trading.execution.plan import Method, Plan, due

S = NS_PER_S
BTC = usdt(venue="BINANCE")


def plan(**more: Any) -> Plan:
    fields: dict[str, Any] = {
        "instrument": BTC,
        "strategy_id": StrategyId("A"),
        "side": OrderSide.BUY,
        "quantity": Decimal(12),
        "method": Method.TWAP,
        "jitter": 0.0,
    }
    return Plan(**(fields | more))


class Desk:
    """Drives an execution: its timers, a market, and a venue that fills what it has."""

    def __init__(self, plan: Plan, seed: int = 1) -> None:
        rng = np.random.default_rng(seed)
        self.core = ExecutionCore(plan, lambda n: ClientOrderId(f"c{n}"), rng)
        self.state: Execution = self.core.start()
        self.now = 0
        self.due: int | None = None
        self.placed: list[tuple[int, OrderSpec]] = []
        self.cancelled: list[str] = []
        self._trades = 0
        self.take(self.core.resume(self.state, 0))

    def take(self, step: Any) -> None:
        self.state = step.state
        for message in step.out:
            if isinstance(message, SetTimer):
                self.due = message.ts_due
            elif isinstance(message, m.OrderIntent):
                self.placed.append((self.now, message.order))
            elif isinstance(message, m.CancelIntent):
                self.cancelled.append(message.client_order_id)

    def hear(self, message: Message) -> None:
        self.take(self.core.react(self.state, message, self.now))

    def quote(self, bid: float = 100.0, ask: float = 100.1) -> None:
        rows = np.array([(self.now, self.now, bid, 1.0, ask, 1.0)], QUOTE)
        head: Any = {"ts_event": self.now, "ts_init": self.now, "rows": rows}
        self.hear(QuoteBatch(**head, instrument_id=BTC.instrument_id))

    def trade(self, size: float) -> None:
        rows = np.array([(self.now, self.now, 100.0, size, 1, 1)], TRADE)
        head: Any = {"ts_event": self.now, "ts_init": self.now, "rows": rows}
        self.hear(TradeBatch(**head, instrument_id=BTC.instrument_id))

    def tick(self) -> None:
        """To the next timer."""
        assert self.due is not None
        self.now = max(self.due, self.now)
        self.hear(TimerFired(ts_event=self.now, ts_init=self.now, name=TIMER))

    def fact(self, kind: Any, order: str, **more: Any) -> None:
        head: Any = {"ts_event": self.now, "ts_init": self.now, "client_order_id": order}
        self.hear(kind(**head, strategy_id="A", instrument_id=BTC.instrument_id, **more))

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

    @property
    def last(self) -> OrderSpec:
        return self.placed[-1][1]


def parts(desk: Desk) -> list[str]:
    return [f"{order.quantity.normalize():f}" for _, order in desk.placed]


def test_twap_places_equal_parts_in_equal_times_and_completes() -> None:
    desk = Desk(plan())
    desk.quote()

    for _ in range(12):
        desk.tick()
        desk.fill(desk.last.client_order_id, desk.last.quantity)

    assert [t // S for t, _ in desk.placed] == list(range(0, 60, 5))
    assert parts(desk) == ["1"] * 12
    assert desk.last.time_in_force is m.TimeInForce.IOC
    assert str(desk.last.price) == "100.15"  # 5 bps beyond the ask, no worse than that
    assert (desk.state.status, desk.state.filled) == (Status.COMPLETED, Decimal(12))


def test_what_a_child_could_not_fill_is_due_again_in_the_next_slice() -> None:
    desk = Desk(plan())
    desk.quote()
    desk.tick()
    desk.fill("c0", "0.4", "0.6")
    desk.fact(m.OrderExpired, "c0")
    desk.tick()

    assert parts(desk) == ["1", "1.6"]


def test_a_child_of_unknown_state_holds_its_quantity() -> None:
    desk = Desk(plan())
    desk.quote()
    desk.tick()
    desk.fact(m.OrderUnknown, "c0", reason="silence", ts_conclusive=0)
    desk.tick()
    desk.fact(m.OrderExpired, "c0")
    desk.tick()

    assert parts(desk) == ["1", "1", "2"]


def test_vwap_follows_its_profile() -> None:
    desk = Desk(plan(method=Method.VWAP, duration_ns=20 * S, profile=(1.0, 3.0, 0.0, 2.0)))
    desk.quote()
    for _ in range(4):
        desk.tick()
        if desk.state.working:
            desk.fill(desk.last.client_order_id, desk.last.quantity)

    assert parts(desk) == ["2", "6", "4"]
    assert desk.state.status is Status.COMPLETED


def test_pov_keeps_its_share_of_what_the_market_trades() -> None:
    desk = Desk(plan(method=Method.POV, duration_ns=0, participation=Decimal("0.1")))
    desk.quote()
    desk.tick()
    for size in (20.0, 0.0, 50.0, 500.0):
        desk.trade(size)
        desk.tick()
        if desk.state.working:
            desk.fill(desk.last.client_order_id, desk.last.quantity)

    assert parts(desk) == ["2", "5", "5"]
    assert desk.state.status is Status.COMPLETED


def test_an_iceberg_shows_a_part_and_replaces_it_when_it_is_gone() -> None:
    berg = {"method": Method.ICEBERG, "limit": Decimal(99), "display": Decimal(5)}
    desk = Desk(plan(duration_ns=0, **berg))
    desk.tick()
    desk.fill("c0", "2", "3")
    desk.tick()
    desk.fill("c0", "3")
    desk.fill("c1", "5")

    assert parts(desk) == ["5", "5", "2"]
    assert {order.price for _, order in desk.placed} == {Decimal(99)}
    assert desk.last.time_in_force is m.TimeInForce.GTC
    assert desk.state.working == Decimal(2)


def test_nothing_is_placed_before_the_market_is_known_nor_beyond_the_limit() -> None:
    desk = Desk(plan(limit=Decimal("100.05")))
    desk.tick()
    desk.quote(ask=100.10)
    desk.tick()
    assert desk.placed == []

    desk.quote(ask=100.04)
    desk.tick()

    assert (parts(desk), str(desk.last.price)) == (["3"], "100.05")


def test_a_pause_takes_back_what_rests_and_what_fell_due_comes_after_it() -> None:
    berg = {"method": Method.ICEBERG, "limit": Decimal(99), "display": Decimal(5)}
    desk = Desk(plan(duration_ns=0, **berg))
    desk.tick()
    desk.take(desk.core.pause(desk.state, desk.now))
    desk.fact(m.OrderCanceled, "c0")
    desk.tick()
    assert (desk.cancelled, parts(desk)) == (["c0"], ["5"])

    desk.take(desk.core.unpause(desk.state, desk.now))

    assert parts(desk) == ["5", "5"]
    assert desk.state.status is Status.RUNNING


def test_a_cancelled_execution_still_counts_fills_on_their_way() -> None:
    desk = Desk(plan())
    desk.quote()
    desk.tick()
    desk.take(desk.core.cancel(desk.state, desk.now, "operator"))
    desk.fill("c0", "0.5", "0.5")
    desk.fact(m.OrderCanceled, "c0")
    desk.tick()

    assert (desk.cancelled, parts(desk)) == (["c0"], ["1"])
    assert (desk.state.status, desk.state.filled) == (Status.CANCELLED, Decimal("0.5"))
    assert desk.state.reason == "operator"


def test_children_that_are_refused_in_a_row_end_it_with_the_reason() -> None:
    desk = Desk(plan())
    desk.quote()
    for n in range(3):
        desk.tick()
        desk.fact(m.OrderRejected, f"c{n}", code="-2010", reason="too poor")
    before = len(desk.placed)
    desk.tick()

    assert desk.state.status is Status.FAILED
    assert "too poor" in desk.state.reason
    assert len(desk.placed) == before


def test_when_its_time_is_up_it_says_what_is_missing() -> None:
    desk = Desk(plan())
    desk.quote()
    while not desk.state.status.over:
        desk.tick()
        name = desk.last.client_order_id
        if desk.state.children[name].open:
            desk.fact(m.OrderExpired, name)

    assert desk.state.status is Status.FAILED
    assert desk.state.reason == "time is up: 0 of 12 filled"
    assert desk.now // S == 65


def test_a_repeated_fill_is_one_fill() -> None:
    desk = Desk(plan())
    desk.quote()
    desk.tick()
    desk.fill("c0", "0.4", "0.6")
    desk._trades -= 1
    desk.fill("c0", "0.4", "0.6")

    assert desk.state.filled == Decimal("0.4")


def test_slices_come_at_random_times_near_their_own() -> None:
    times = []
    for seed in range(20):
        desk = Desk(plan(jitter=0.1), seed)
        desk.quote()
        for _ in range(3):
            desk.tick()
        times.append([t for t, _ in desk.placed])

    assert all(t[0] == 0 for t in times)
    second = [t[1] for t in times]
    assert len(set(second)) == 20
    assert all(4.5 * S <= t <= 5.5 * S for t in second)


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"quantity": Decimal(0)}, "quantity"),
        ({"quantity": Decimal("1.0000000001")}, "quantity"),
        ({"slice_ns": 0}, "slice_ns"),
        ({"duration_ns": 61 * S}, "duration_ns"),
        ({"duration_ns": 0}, "duration_ns"),
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


def words(count: int) -> Iterator[str]:
    yield from ("tick", "quote", "trade", "fill", "part", "expire", "refuse", "pause", "go")[:count]


@settings(max_examples=80, deadline=None)
@given(
    method=st.sampled_from(Method),
    script=st.lists(st.sampled_from(list(words(9))), max_size=60),
    seed=st.integers(0, 9),
)
def test_filled_and_at_work_never_exceed_what_is_due(
    method: Method, script: list[str], seed: int
) -> None:
    more: dict[str, Any] = {"method": method}
    if method is Method.VWAP:
        more["profile"] = (1.0,) * 12
    if method is Method.ICEBERG:
        more |= {"limit": Decimal(99), "display": Decimal(5)}
    desk = Desk(plan(**more), seed)
    desk.quote()
    for word in script:
        before = len(desk.placed)
        act(desk, word)
        state = desk.state
        assert state.filled + state.working <= desk.core.plan.quantity
        if len(desk.placed) > before:
            allowed = due(desk.core.plan, state.number, state.volume, state.filled)
            assert state.filled + state.working <= allowed
    ids = [order.client_order_id for _, order in desk.placed]
    assert len(ids) == len(set(ids))


def act(desk: Desk, word: str) -> None:
    """One thing that happens to an execution."""
    children = [(n, c) for n, c in desk.state.children.items() if c.open]
    left = children[-1][1].quantity - children[-1][1].filled if children else Decimal(0)
    match word:
        case "tick":
            desk.tick()
        case "quote":
            desk.quote(ask=100.2)
        case "trade":
            desk.trade(40.0)
        case "pause":
            desk.take(desk.core.pause(desk.state, desk.now))
        case "go":
            desk.take(desk.core.unpause(desk.state, desk.now))
        case "fill" if children:
            desk.fill(children[-1][0], left)
        case "part" if children:
            desk.fill(children[-1][0], left / 2, left / 2)
        case "expire" if children:
            desk.fact(m.OrderExpired, children[-1][0])
        case "refuse" if children:
            desk.fact(m.OrderRejected, children[-1][0], code="x", reason="no")
