"""Positions: the reference vectors, the edges, and the book."""

from decimal import Decimal

import pytest
from immutables import Map
from instruments import usdt

from messages.base import ClientOrderId, StrategyId, TradeId
from messages.orders import LiquiditySide, OrderFilled, OrderSide
from trading.fees import Money, commission
from trading.positions import (
    Holding,
    Lot,
    LotHolding,
    PositionBook,
    charge,
    fold_fill,
    fold_lots,
    net,
    trade,
    trade_lots,
    views,
)

D = Decimal
BTC = usdt(size_increment="0.00001", min_quantity="0.00001", maker_fee="0.0002", taker_fee="0.001")
EMPTY: PositionBook = Map()


def held(*trades: tuple[str, str]) -> Holding:
    holding = Holding()
    for quantity, price in trades:
        holding = trade(holding, D(quantity), D(price))
    return holding


def lots(*trades: tuple[str, str]) -> LotHolding:
    holding = LotHolding()
    for n, (quantity, price) in enumerate(trades):
        holding = trade_lots(holding, Lot(D(quantity), D(price), n, ClientOrderId(f"O{n}")))
    return holding


def filled(strategy: str, quantity: str, price: str, **fields: object) -> OrderFilled:
    side = OrderSide.BUY if D(quantity) > 0 else OrderSide.SELL
    defaults: dict[str, object] = {
        "ts_event": 5,
        "ts_init": 6,
        "correlation_id": "O1",
        "client_order_id": ClientOrderId("O1"),
        "strategy_id": StrategyId(strategy),
        "instrument_id": BTC.instrument_id,
        "trade_id": TradeId("1"),
        "side": side,
        "last_qty": abs(D(quantity)),
        "last_px": D(price),
        "leaves_qty": D(0),
        "commission": D("0.1"),
        "currency": "USDT",
        "liquidity_side": LiquiditySide.TAKER,
    }
    return OrderFilled.model_validate(defaults | fields)


# --- weighted average ---------------------------------------------------------------------------


def test_two_buys_average_by_quantity() -> None:
    holding = held(("1", "50000"), ("0.5", "51000"))

    assert holding.quantity == D("1.5")
    assert holding.avg_px.quantize(D("0.01")) == D("50333.33")


def test_selling_part_of_a_long_realises_its_share() -> None:
    holding = held(("1", "50000"), ("-0.3", "51000"))

    assert (holding.realized_pnl, holding.quantity) == (D(300), D("0.7"))
    assert holding.avg_px == D(50000)


def test_selling_past_flat_closes_then_opens_the_rest_at_the_fill_price() -> None:
    holding = held(("1", "50000"), ("-1.5", "51000"))

    assert (holding.realized_pnl, holding.quantity) == (D(1000), D("-0.5"))
    assert holding.avg_px == D(51000)


def test_buying_past_flat_closes_the_short_then_opens_a_long() -> None:
    holding = held(("-2", "100"), ("3", "90"))

    assert (holding.realized_pnl, holding.quantity, holding.cost) == (D(20), D(1), D(90))


def test_a_short_gains_when_the_mark_falls() -> None:
    holding = held(("-2", "100"))

    assert holding.unrealized_pnl(D(95)) == D(10)


def test_closing_to_flat_leaves_no_cost_and_no_average() -> None:
    holding = held(("1", "3"), ("2", "4"), ("-1", "5"), ("-2", "5"))

    assert (holding.quantity, holding.cost, holding.avg_px) == (D(0), D(0), D(0))
    assert holding.realized_pnl == D(4)


def test_what_rounding_takes_from_one_close_the_last_close_gives_back() -> None:
    holding = held(("1", "1"), ("2", "1.5"), ("-1", "2"), ("-1", "2"), ("-1", "2"))

    assert holding.realized_pnl == D(2)


@pytest.mark.parametrize(
    ("currency", "quote", "other"),
    [("USDT", D("0.5"), {}), ("BTC", D(25000), {}), ("BNB", D(0), {"BNB": D("0.5")})],
)
def test_commission_is_counted_in_quote_where_it_has_a_price(
    currency: str, quote: D, other: dict[str, D]
) -> None:
    holding = charge(Holding(), D("0.5"), currency, D(50000), BTC)

    assert holding.commissions == quote
    assert dict(holding.commissions_other) == other
    assert holding.realized_pnl == 0


# --- FIFO ---------------------------------------------------------------------------------------


def test_fifo_closes_the_oldest_lots_first() -> None:
    holding = lots(("1", "50000"), ("1", "51000"), ("1", "52000"), ("-1.5", "53000"))

    assert holding.realized_pnl == D(4000)
    assert [(lot.quantity, lot.price) for lot in holding.lots] == [
        (D("0.5"), D(51000)),
        (D(1), D(52000)),
    ]


def test_fifo_lots_keep_their_order_and_time() -> None:
    fill = filled("A", "2", "100", client_order_id=ClientOrderId("O7"), ts_event=9)

    holding = fold_lots(LotHolding(), fill)

    assert holding.lots == (Lot(D(2), D(100), 9, ClientOrderId("O7")),)


def test_fifo_flip_opens_the_rest_at_the_fill_price() -> None:
    holding = lots(("1", "100"), ("-3", "110"))

    assert (holding.quantity, holding.avg_px, holding.realized_pnl) == (D(-2), D(110), D(10))


# --- the book -----------------------------------------------------------------------------------


def test_strategies_hold_apart_and_net_together() -> None:
    book, _ = fold_fill(EMPTY, filled("A", "2", "100"), BTC)
    book, changed = fold_fill(book, filled("B", "-0.5", "110"), BTC)

    assert (changed.strategy_id, changed.quantity) == ("B", D("-0.5"))
    whole = net(book, BTC.instrument_id)
    assert (whole.quantity, whole.commissions) == (D("1.5"), D("0.2"))
    assert whole.unrealized_pnl(D(120)) == D(40) - D(5)
    assert [p.strategy_id for p in views(book)] == ["A", "B"]


# --- fees ---------------------------------------------------------------------------------------


def test_a_buy_pays_in_base_and_a_sell_in_quote() -> None:
    taker, maker = LiquiditySide.TAKER, LiquiditySide.MAKER

    buy = commission(BTC, OrderSide.BUY, D(2), D(50000), taker)
    sell = commission(BTC, OrderSide.SELL, D(2), D(50000), maker)

    assert buy == Money(amount=D("0.002"), currency="BTC")
    assert sell == Money(amount=D(20), currency="USDT")
