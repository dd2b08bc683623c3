"""Steps of price and size: exact, and rounded in the safe direction."""

from decimal import Decimal

import pytest
from instruments import usdt

from messages.base import ClientOrderId, StrategyId
from messages.orders import OrderSide, OrderSpec, OrderType, RefusalCode
from trading import instruments

BTC = usdt(price_increment="0.05", min_quantity="0.002", max_quantity="9", taker_fee="0.001")


def limit(quantity: str, price: str) -> OrderSpec:
    return OrderSpec(
        client_order_id=ClientOrderId("M1"),
        strategy_id=StrategyId("T-1"),
        instrument_id=BTC.instrument_id,
        side=OrderSide.BUY,
        order_type=OrderType.LIMIT,
        quantity=Decimal(quantity),
        price=Decimal(price),
    )


def test_a_buy_rounds_down_and_a_sell_up() -> None:
    assert instruments.price_for(BTC, OrderSide.BUY, Decimal("100.07")) == Decimal("100.05")
    assert instruments.price_for(BTC, OrderSide.SELL, Decimal("100.07")) == Decimal("100.10")
    assert instruments.price_for(BTC, OrderSide.SELL, Decimal("100.05")) == Decimal("100.05")


def test_a_size_rounds_down_and_stays_within_the_maximum() -> None:
    assert instruments.size_for(BTC, Decimal("0.0079")) == Decimal("0.007")
    assert instruments.size_for(BTC, Decimal("0.0009")) == 0
    assert instruments.size_for(BTC, Decimal("100")) == 9


def test_ticks_and_lots_are_exact_both_ways() -> None:
    assert instruments.ticks(BTC, Decimal("100.05")) == 2001
    assert instruments.price_of(BTC, 2001) == Decimal("100.05")
    assert instruments.lots(BTC, Decimal("0.123")) == 123
    assert instruments.size_of(BTC, 123) == Decimal("0.123")


def test_what_lies_between_two_steps_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"price 100\.01 of BTCUSDT"):
        instruments.ticks(BTC, Decimal("100.01"))
    with pytest.raises(ValueError, match=r"size 0\.0005"):
        instruments.lots(BTC, Decimal("0.0005"))


@pytest.mark.parametrize(
    ("quantity", "price", "expected"),
    [
        ("0.100", "100.05", None),
        ("0.100", "100.01", RefusalCode.INVALID_PRICE_INCREMENT),
        ("0.1005", "100.05", RefusalCode.INVALID_SIZE_INCREMENT),
        ("9.001", "100.05", RefusalCode.INVALID_SIZE_INCREMENT),
        ("0.001", "10000", RefusalCode.MIN_QUANTITY),
        ("0.002", "100", RefusalCode.MIN_NOTIONAL),
    ],
)
def test_a_filter_that_fails_has_a_code(
    quantity: str, price: str, expected: RefusalCode | None
) -> None:
    assert instruments.refusal(BTC, limit(quantity, price)) is expected


def test_a_market_order_is_weighed_at_the_reference_price() -> None:
    market = limit("0.01", "100").model_copy(update={"order_type": OrderType.MARKET, "price": None})

    assert instruments.refusal(BTC, market) is None
    assert instruments.refusal(BTC, market, Decimal("100")) is RefusalCode.MIN_NOTIONAL
