"""Coinbase's orders, written by hand from its documentation, and what they mean."""

import json
from decimal import Decimal
from typing import Any

import pytest
from coinbase_stage import (
    ABOUT,
    AT,
    BTC,
    DOWN,
    LIMIT,
    MINE,
    SIZE,
    STOP,
    THEIRS,
    UP,
    asked,
    order_row,
    placed,
    read,
    spec,
)

from messages.base import ClientOrderId, InstrumentId
from messages.orders import (
    CancelOrder,
    ModifyOrder,
    OrderSide,
    OrderSpec,
    OrderType,
    QueryOrder,
    SubmitOrder,
    TimeInForce,
)
from messages.venue import (
    AccountReport,
    CancelAllAfter,
    FeesReport,
    FillsReport,
    MarginMode,
    OpenOrdersReport,
    OrderReport,
    QueryAccount,
    QueryPositions,
    Request,
    RequestDone,
    SetLeverage,
    SetMarginMode,
    SubmitOrderList,
    VenueStatus,
)
from trading.errors import Refused
from venues.coinbase.adapter import CoinbaseAdapter
from venues.wire.request import Answer, WireRequest


@pytest.mark.parametrize(
    ("order", "kind", "terms"),
    [
        (spec(), "limit_limit_gtc", LIMIT | {"post_only": False}),
        (spec(post_only=True), "limit_limit_gtc", LIMIT | {"post_only": True}),
        (spec(time_in_force=TimeInForce.IOC), "sor_limit_ioc", LIMIT),
        (spec(time_in_force=TimeInForce.FOK), "limit_limit_fok", LIMIT),
        (spec(order_type=OrderType.MARKET, price=None), "market_market_ioc", SIZE),
        (
            spec(order_type=OrderType.STOP_LIMIT, **STOP),
            "stop_limit_stop_limit_gtc",
            LIMIT | {"stop_price": "66000", "stop_direction": UP},
        ),
        (
            spec(order_type=OrderType.STOP_LIMIT, side=OrderSide.SELL, **STOP),
            "stop_limit_stop_limit_gtc",
            LIMIT | {"stop_price": "66000", "stop_direction": DOWN},
        ),
        (
            spec(order_type=OrderType.LIMIT_IF_TOUCHED, side=OrderSide.SELL, **STOP),
            "stop_limit_stop_limit_gtc",
            LIMIT | {"stop_price": "66000", "stop_direction": UP},
        ),
    ],
)
def test_an_order_is_placed_by_its_kind(order: OrderSpec, kind: str, terms: Any) -> None:
    wire = CoinbaseAdapter().request_of(SubmitOrder(**AT, order=order), {})

    assert (wire.method, wire.path) == ("POST", "/api/v3/brokerage/orders")
    assert wire.params == {
        "client_order_id": MINE,
        "product_id": "BTC-USD",
        "side": order.side.value,
        "order_configuration": {kind: terms},
    }


@pytest.mark.parametrize(
    "command",
    [
        SubmitOrder(**AT, order=spec(reduce_only=True)),
        SubmitOrder(**AT, order=spec(order_type=OrderType.STOP_MARKET, price=None, **STOP)),
        SubmitOrder(**AT, order=spec(order_type=OrderType.MARKET_IF_TOUCHED, price=None, **STOP)),
        SubmitOrder(
            **AT,
            order=spec(order_type=OrderType.MARKET, price=None, time_in_force=TimeInForce.FOK),
        ),
        SubmitOrder(**AT, order=spec(order_type=OrderType.STOP_LIMIT, post_only=True, **STOP)),
        SubmitOrderList(**AT, orders=(spec(),)),
        CancelAllAfter(**AT, instrument_id=BTC, after_ns=10**9),
        QueryPositions(**AT),
        SetLeverage(**AT, instrument_id=BTC, leverage=Decimal(2)),
        SetMarginMode(**AT, instrument_id=BTC, mode=MarginMode.CROSS),
    ],
    ids=lambda c: type(c).__name__,
)
def test_what_the_venue_does_not_have_is_refused_before_it_is_sent(command: Any) -> None:
    with pytest.raises(Refused, match="the venue has none"):
        CoinbaseAdapter().request_of(command, {})


def test_an_instrument_of_another_venue_is_no_product() -> None:
    adapter = CoinbaseAdapter()

    assert adapter.symbol(adapter.instrument_id("BTC-USD")) == "BTC-USD"
    for other in ("BTCUSDT.BINANCE", "BTCUSD.COINBASE", "BIP-20DEC30-CDE.COINBASE"):
        with pytest.raises(ValueError, match="not a spot instrument"):
            adapter.symbol(InstrumentId(other))


def test_a_new_order_is_acknowledged_with_the_venues_id() -> None:
    report = placed(CoinbaseAdapter())

    assert (report.venue_order_id, report.status) == (THEIRS, VenueStatus.NEW)
    assert (report.quantity, report.price) == (Decimal("0.01"), Decimal("65000.10"))


def test_a_cancel_goes_by_the_venues_id_which_is_remembered_or_told() -> None:
    adapter = CoinbaseAdapter()
    cancel = CancelOrder(**ABOUT)
    with pytest.raises(Refused, match="not known; query it first"):
        adapter.request_of(cancel, {})
    told = adapter.request_of(cancel.model_copy(update={"venue_order_id": THEIRS}), {})

    placed(adapter)
    remembered = adapter.request_of(cancel, {})

    assert told == remembered
    assert remembered == WireRequest(
        Request.CANCEL,
        "POST",
        "/api/v3/brokerage/orders/batch_cancel",
        {"order_ids": [THEIRS]},
    )
    body = {"results": [{"success": True, "failure_reason": "", "order_id": THEIRS}]}
    assert isinstance(read(adapter, body, asked(Request.CANCEL)), RequestDone)


def test_an_edit_repeats_the_price_and_a_stop_has_none() -> None:
    adapter = CoinbaseAdapter()
    placed(adapter)
    smaller = ModifyOrder(**ABOUT, quantity=Decimal("0.005"))

    wire = adapter.request_of(smaller, {})
    done = read(adapter, {"success": True, "errors": []}, asked(Request.MODIFY, command=smaller))

    assert wire.params == {"order_id": THEIRS, "size": "0.005", "price": "65000.10"}
    assert isinstance(done, RequestDone)
    order = adapter.known.get(MINE)
    assert order is not None
    assert (order.quantity, order.price) == (Decimal("0.005"), Decimal("65000.10"))

    stops = CoinbaseAdapter()
    placed(stops, order_type=OrderType.STOP_LIMIT, **STOP)
    with pytest.raises(Refused, match="the venue has none"):
        stops.request_of(smaller, {})


def test_an_order_is_asked_for_by_the_venues_id_or_looked_for() -> None:
    adapter = CoinbaseAdapter()
    query = QueryOrder(**ABOUT)

    searched = adapter.request_of(query, {})
    found = read(
        adapter,
        {"orders": [order_row(client_order_id="x", order_id="y"), order_row()], "has_next": True},
        asked(Request.QUERY_ORDER),
    )
    direct = adapter.request_of(query, {})

    assert searched.path.endswith("/orders/historical/batch")
    assert searched.params == {
        "product_ids": ["BTC-USD"],
        "start_date": "2026-07-10T21:05:50.000000000Z",
        "limit": 250,
    }
    assert isinstance(found, OrderReport)
    assert (found.status, found.filled_qty) == (VenueStatus.PARTIALLY_FILLED, Decimal("0.004"))
    assert (found.avg_px, found.ts_event) == (Decimal(65000), 1_786_309_545_500_000_000)
    assert direct.path == f"/api/v3/brokerage/orders/historical/{THEIRS}"
    assert read(adapter, {"order": order_row()}, asked(Request.QUERY_ORDER)) == found


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("PENDING", VenueStatus.NEW),
        ("QUEUED", VenueStatus.NEW),
        ("CANCEL_QUEUED", VenueStatus.NEW),
        ("EDIT_QUEUED", VenueStatus.NEW),
        ("CANCELLED", VenueStatus.CANCELED),
        ("EXPIRED", VenueStatus.EXPIRED),
        ("FAILED", VenueStatus.EXPIRED),
    ],
)
def test_words_of_status(word: str, status: VenueStatus) -> None:
    body = {"order": order_row(status=word, filled_size="0")}

    report = read(CoinbaseAdapter(), body, asked(Request.QUERY_ORDER))

    assert report.status is status


@pytest.mark.parametrize(
    ("kind", "terms", "side", "expected"),
    [
        ("market_market_ioc", SIZE, "BUY", OrderType.MARKET),
        ("sor_limit_ioc", LIMIT, "BUY", OrderType.LIMIT),
        ("trigger_bracket_gtc", LIMIT | {"stop_trigger_price": "1"}, "SELL", OrderType.LIMIT),
        ("stop_limit_stop_limit_gtc", LIMIT | {"stop_direction": UP}, "BUY", OrderType.STOP_LIMIT),
        (
            "stop_limit_stop_limit_gtd",
            LIMIT | {"stop_direction": UP},
            "SELL",
            OrderType.LIMIT_IF_TOUCHED,
        ),
    ],
)
def test_kinds_of_orders_that_others_placed(
    kind: str, terms: dict[str, str], side: str, expected: OrderType
) -> None:
    row = order_row(order_configuration={kind: terms}, side=side, filled_size="0")

    report = read(CoinbaseAdapter(), {"order": row}, asked(Request.QUERY_ORDER))

    assert report.order_type is expected


def test_an_order_for_an_amount_of_quote_currency_is_as_large_as_what_it_traded() -> None:
    quote = {"market_market_ioc": {"quote_size": "100"}}
    done = order_row(order_configuration=quote, status="FILLED", filled_size="0.0015")
    waiting = order_row(order_configuration=quote, status="PENDING", filled_size="0")

    report = read(CoinbaseAdapter(), {"orders": [waiting, done]}, asked(Request.QUERY_OPEN_ORDERS))

    assert isinstance(report, OpenOrdersReport)
    assert [o.quantity for o in report.orders] == [Decimal("0.0015")]


def fill_row(**fields: Any) -> dict[str, Any]:
    """docs: "List Fills"."""
    return {
        "entry_id": "e",
        "trade_id": "t-1",
        "order_id": THEIRS,
        "trade_time": "2026-08-09T21:05:45.5Z",
        "trade_type": "FILL",
        "price": "50000",
        "size": "0.004",
        "commission": "1.2",
        "product_id": "BTC-USD",
        "liquidity_indicator": "MAKER",
        "size_in_quote": False,
        "side": "BUY",
    } | fields


def test_fills_are_told_oldest_first_and_adjustments_are_none() -> None:
    body = {
        "fills": [
            fill_row(trade_id="t-3", size="100", size_in_quote=True),
            fill_row(trade_id="t-2", trade_type="REVERSAL"),
            fill_row(),
        ],
        "cursor": "789",
    }

    report = read(CoinbaseAdapter(), body, asked(Request.QUERY_FILLS, client_order_id=""))

    assert isinstance(report, FillsReport)
    assert not report.complete
    assert [(f.trade_id, f.last_qty) for f in report.fills] == [
        ("t-1", Decimal("0.004")),
        ("t-3", Decimal("0.002")),
    ]
    first = report.fills[0]
    assert (first.commission, first.currency) == (Decimal("1.2"), "USD")
    assert first.liquidity_side == "MAKER"


def test_lists_go_on_where_their_cursor_says() -> None:
    adapter = CoinbaseAdapter()
    wire = WireRequest(Request.QUERY_FILLS, "GET", "/x", {"limit": 2})

    def following(body: dict[str, Any]) -> WireRequest | None:
        return adapter.next_page(wire, Answer(200, {}, json.dumps(body).encode()))

    more = following({"fills": [], "cursor": "7"})
    assert more is not None
    assert more.params == {"limit": 2, "cursor": "7"}
    assert following({"fills": [], "cursor": ""}) is None
    assert following({"orders": [], "cursor": "7", "has_next": False}) is None


def test_balances_are_what_is_available_and_what_is_held() -> None:
    def wallet(currency: str, free: str, held: str) -> dict[str, Any]:
        return {
            "uuid": "u",
            "currency": currency,
            "available_balance": {"value": free, "currency": currency},
            "hold": {"value": held, "currency": currency},
        }

    accounts = [wallet("USD", "10.5", "2"), wallet("BTC", "1", "0"), wallet("USD", "1", "0")]
    report = read(
        CoinbaseAdapter(), {"accounts": accounts, "has_next": False}, asked(Request.QUERY_ACCOUNT)
    )

    assert isinstance(report, AccountReport)
    assert not report.partial
    found = {b.currency: (b.total, b.free, b.locked) for b in report.balances}
    assert found == {
        "USD": (Decimal("13.5"), Decimal("11.5"), Decimal(2)),
        "BTC": (Decimal(1), Decimal(1), Decimal(0)),
    }


def test_fees_are_those_of_the_tier() -> None:
    tier = {"pricing_tier": "x", "maker_fee_rate": "0.004", "taker_fee_rate": "0.006"}

    report = read(CoinbaseAdapter(), {"fee_tier": tier}, asked(Request.QUERY_FEES))

    assert isinstance(report, FeesReport)
    assert (report.maker, report.taker) == (Decimal("0.004"), Decimal("0.006"))


def test_the_memory_of_orders_is_bounded() -> None:
    adapter = CoinbaseAdapter()
    for n in range(10_001):
        adapter.known.learn(ClientOrderId(f"M{n}"), BTC, price=Decimal(1))

    assert adapter.known.get(ClientOrderId("M0")) is None
    assert adapter.known.get(ClientOrderId("M10000")) is not None


def test_an_account_is_asked_for_in_one_page() -> None:
    wire = CoinbaseAdapter().request_of(QueryAccount(**AT), {})

    assert (wire.path, wire.params) == ("/api/v3/brokerage/accounts", {"limit": 250})
