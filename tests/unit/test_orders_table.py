"""The order lifecycle, cell by cell."""

from decimal import Decimal
from itertools import product

import pytest
from story import BTC, spec

from messages import orders as m
from trading.errors import IllegalTransition
from trading.orders import CLOSED, TRANSITIONS, Order, OrderStatus, Trigger, apply

FACT = {
    "ts_event": 1,
    "ts_init": 1,
    "client_order_id": "o1",
    "strategy_id": "S",
    "instrument_id": BTC.instrument_id,
}


def order(status: OrderStatus, filled: str = "0") -> Order:
    return Order(
        spec("o1", qty="2"), status=status, quantity=Decimal(2), filled_qty=Decimal(filled)
    )


def fill(trade_id: str, qty: str) -> m.OrderFilled:
    return m.OrderFilled(
        **FACT,
        trade_id=trade_id,
        side=m.OrderSide.BUY,
        last_qty=Decimal(qty),
        last_px=Decimal(100),
        leaves_qty=Decimal(0),
        commission=Decimal(0),
        currency="USDT",
        liquidity_side=m.LiquiditySide.TAKER,
    )


@pytest.mark.parametrize(("status", "trigger"), list(product(OrderStatus, Trigger)))
def test_every_cell_lands_in_a_status_or_is_missing(status: OrderStatus, trigger: Trigger) -> None:
    assert TRANSITIONS[status].get(trigger, status) in OrderStatus


@pytest.mark.parametrize("status", sorted(CLOSED))
def test_a_closed_order_only_ever_learns_of_money_or_of_life(status: OrderStatus) -> None:
    allowed = {Trigger.FILL_SOME, Trigger.FILL_ALL}
    disproved = {Trigger.ACCEPT} if status in {OrderStatus.REJECTED, OrderStatus.DENIED} else set()

    assert set(TRANSITIONS[status]) <= allowed | disproved


def test_unknown_is_left_only_through_evidence() -> None:
    ways_out = {t for t, s in TRANSITIONS[OrderStatus.UNKNOWN].items() if s != "UNKNOWN"}

    assert ways_out == {
        Trigger.ACCEPT,
        Trigger.REJECT,
        Trigger.FILL_ALL,
        Trigger.CANCEL_DONE,
        Trigger.EXPIRE,
    }


def test_an_illegal_event_names_the_order_and_changes_nothing() -> None:
    before = order(OrderStatus.FILLED, "2")

    with pytest.raises(IllegalTransition, match="o1: accept while FILLED"):
        apply(before, m.OrderAccepted(**FACT), 5)

    assert before == order(OrderStatus.FILLED, "2")


def test_an_overfill_is_refused_not_absorbed() -> None:
    with pytest.raises(IllegalTransition, match="overfill"):
        apply(order(OrderStatus.ACCEPTED, "1.5"), fill("t1", "0.6"), 5)


def test_a_refused_cancel_of_a_part_filled_order_leaves_it_part_filled() -> None:
    after = apply(
        order(OrderStatus.PENDING_CANCEL, "0.5"),
        m.OrderCancelRejected(**FACT, code="-2011", reason="no"),
        5,
    )

    assert after.status is OrderStatus.PARTIALLY_FILLED


def test_a_repeated_trade_report_is_one_fill() -> None:
    once = apply(order(OrderStatus.ACCEPTED), fill("t1", "0.5"), 5)

    assert apply(once, fill("t1", "0.5"), 6) is once


def test_the_average_price_weighs_by_quantity() -> None:
    after = apply(order(OrderStatus.ACCEPTED), fill("t1", "0.5"), 5)

    assert (after.avg_px, after.leaves_qty) == (Decimal(100), Decimal("1.5"))
