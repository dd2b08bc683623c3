"""Orders, answers and private frames by hand from Bybit's documentation, and what each says."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from messages.base import ClientOrderId, Event, StrategyId
from messages.market import BarBatch, Product
from messages.orders import CancelOrder, OrderSide, OrderSpec, OrderType, QueryOrder, TimeInForce
from messages.venue import (
    CancelAllAfter,
    CancelAllOrders,
    FillReport,
    MarginMode,
    OrderListReport,
    OrderNotFound,
    OrderReport,
    QueryAccount,
    QueryFees,
    QueryOpenOrders,
    QueryPositions,
    Request,
    RequestDone,
    RequestRefused,
    SetMarginMode,
    Source,
    SubmitOrderList,
    VenueStatus,
)
from trading.errors import Garbled, Refused
from venues.bybit.adapter import ADAPTERS
from venues.bybit.codec_rest import ACKNOWLEDGED
from venues.bybit.codec_user import read_user_frame
from venues.bybit.requests import order_params
from venues.wire.asked import Asked
from venues.wire.frames import Control, Decoded
from venues.wire.request import Answer, WireRequest

LINEAR, SPOT = ADAPTERS[Product.LINEAR], ADAPTERS[Product.SPOT]
BTC = LINEAR.instrument_id("BTCUSDT")
BTC_SPOT = SPOT.instrument_id("BTCUSDT")
NOW = 1_800_000_000_000_000_000
TIMES: Mapping[str, int] = {"ts_event": NOW, "ts_init": NOW}
S = 1_000_000_000


def order(**more: Any) -> OrderSpec:
    fields: dict[str, Any] = {
        "client_order_id": ClientOrderId("M1"),
        "strategy_id": StrategyId("A-1"),
        "instrument_id": BTC,
        "side": OrderSide.BUY,
        "order_type": OrderType.LIMIT,
        "quantity": Decimal("0.010"),
        "price": Decimal(60000),
    }
    return OrderSpec(**(fields | more))


def asked(request: Request, **more: Any) -> Asked:
    return Asked(request, NOW, BTC, ClientOrderId("M1"), ts_venue=NOW - 5, **more)


def answered(result: object, request: Request, ext: object = None, **more: Any) -> Event:
    body = {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": ext or {}, "time": 1}
    answer = Answer(200, {}, json.dumps(body).encode())
    return LINEAR.read_answer(answer, asked(request, **more))[-1]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, {"orderType": "Limit", "price": "60000", "timeInForce": "GTC"}),
        ({"post_only": True}, {"timeInForce": "PostOnly"}),
        ({"time_in_force": TimeInForce.FOK}, {"timeInForce": "FOK"}),
        ({"order_type": OrderType.MARKET, "price": None}, {"orderType": "Market"}),
        ({"reduce_only": True}, {"reduceOnly": True}),
        (
            {"order_type": OrderType.STOP_LIMIT, "trigger_price": Decimal(61000)},
            {"triggerDirection": 1, "triggerPrice": "61000", "triggerBy": "LastPrice"},
        ),
        (
            {
                "order_type": OrderType.MARKET_IF_TOUCHED,
                "price": None,
                "trigger_price": Decimal(59000),
            },
            {"triggerDirection": 2, "orderType": "Market"},
        ),
    ],
)
def test_an_order_in_the_venues_words(more: dict[str, Any], said: dict[str, object]) -> None:
    params = order_params(order(**more), Product.LINEAR)

    assert params.items() >= said.items()
    assert (params["qty"], params["orderLinkId"], params["positionIdx"]) == ("0.010", "M1", 0)


def test_spot_counts_in_base_and_has_no_reduce_only() -> None:
    market = order(instrument_id=BTC_SPOT, order_type=OrderType.MARKET, price=None)
    stop = order(instrument_id=BTC_SPOT, order_type=OrderType.STOP_LIMIT, trigger_price=Decimal(1))

    assert order_params(market, Product.SPOT)["marketUnit"] == "baseCoin"
    assert order_params(stop, Product.SPOT)["orderFilter"] == "StopOrder"
    with pytest.raises(Refused, match="spot has no reduce-only"):
        order_params(order(instrument_id=BTC_SPOT, reduce_only=True), Product.SPOT)


@pytest.mark.parametrize(
    ("adapter", "command", "why"),
    [
        (SPOT, QueryPositions(**TIMES), "spot has none"),
        (
            SPOT,
            SetMarginMode(**TIMES, instrument_id=BTC_SPOT, mode=MarginMode.CROSS),
            "spot has none",
        ),
        (LINEAR, CancelAllAfter(**TIMES, instrument_id=BTC, after_ns=0), "3 to 300"),
        (LINEAR, CancelAllAfter(**TIMES, instrument_id=BTC, after_ns=301 * S), "3 to 300"),
        (LINEAR, SubmitOrderList(**TIMES, orders=(order(),) * 21), "takes 1 to 20"),
    ],
)
def test_what_the_venue_does_not_have_is_refused_before_it_is_sent(
    adapter: Any, command: Any, why: str
) -> None:
    with pytest.raises(Refused, match=why):
        adapter.request_of(command, {})


def test_an_instrument_of_another_product_is_no_request() -> None:
    with pytest.raises(ValueError, match="LINEAR"):
        LINEAR.request_of(QueryFees(**TIMES, instrument_id=BTC_SPOT), {})


def test_an_acknowledged_order_is_new_and_says_that_this_is_all_that_is_known() -> None:
    ids = {"orderId": "7f3b", "orderLinkId": "M1"}

    report = answered(ids, Request.SUBMIT, order=order(), source=Source.ACK)

    assert isinstance(report, OrderReport)
    assert (report.status, report.venue_order_id, report.reason) == (
        VenueStatus.NEW,
        "7f3b",
        ACKNOWLEDGED,
    )


def row(**more: Any) -> dict[str, Any]:
    base = {
        "symbol": "BTCUSDT",
        "orderId": "7f3b",
        "orderLinkId": "M1",
        "side": "Buy",
        "orderType": "Limit",
        "orderStatus": "New",
        "qty": "0.010",
        "price": "60000",
        "avgPrice": "",
        "cumExecQty": "0",
        "updatedTime": "1700000000000",
        "rejectReason": "EC_NoError",
        "cancelType": "UNKNOWN",
    }
    return base | more


def test_an_amend_that_failed_after_it_was_taken_is_refused_and_the_order_works_on() -> None:
    raw = json.dumps({"topic": "order", "data": [row(rejectReason="EC_InvalidQty")]}).encode()

    frame = read_user_frame(raw, Product.LINEAR, NOW)

    assert isinstance(frame, Decoded)
    refused, report = frame.messages
    assert isinstance(refused, RequestRefused)
    assert (refused.request, refused.client_order_id) == (Request.MODIFY, "M1")
    assert refused.code == "EC_InvalidQty"
    assert isinstance(report, OrderReport)
    assert report.status is VenueStatus.NEW


@pytest.mark.parametrize(
    ("more", "status", "reason"),
    [
        ({}, VenueStatus.NEW, ""),
        ({"orderStatus": "Untriggered", "triggerPrice": "1"}, VenueStatus.NEW, ""),
        (
            {"orderStatus": "Rejected", "rejectReason": "EC_InsufficientBalance"},
            VenueStatus.REJECTED,
            "EC_InsufficientBalance",
        ),
        (
            {
                "orderStatus": "Cancelled",
                "cancelType": "CancelByUser",
                "rejectReason": "EC_PerCancelRequest",
            },
            VenueStatus.CANCELED,
            "",
        ),
        (
            {"orderStatus": "Cancelled", "rejectReason": "EC_PostOnlyWillTakeLiquidity"},
            VenueStatus.EXPIRED,
            "EC_PostOnlyWillTakeLiquidity",
        ),
        (
            {"orderStatus": "Cancelled", "cancelType": "CancelByReduceOnly"},
            VenueStatus.EXPIRED,
            "CancelByReduceOnly",
        ),
        (
            {"orderStatus": "PartiallyFilledCanceled", "cumExecQty": "0.004"},
            VenueStatus.CANCELED,
            "",
        ),
        ({"orderStatus": "Deactivated"}, VenueStatus.CANCELED, ""),
    ],
)
def test_a_state_in_the_venues_words(
    more: dict[str, Any], status: VenueStatus, reason: str
) -> None:
    raw = json.dumps({"topic": "order.linear", "data": [row(**more)]}).encode()

    frame = read_user_frame(raw, Product.LINEAR, NOW)

    assert isinstance(frame, Decoded)
    (report,) = frame.messages
    assert isinstance(report, OrderReport)
    assert (report.status, report.reason) == (status, reason)


def test_a_market_order_in_quote_currency_is_told_once_its_size_is_known() -> None:
    untold = row(orderType="Market", qty="500", marketUnit="quoteCoin", price="")
    frames = [
        json.dumps({"topic": "order", "data": [untold | more]}).encode()
        for more in ({}, {"orderStatus": "Filled", "cumExecQty": "0.008", "avgPrice": "62500"})
    ]

    before, after = (read_user_frame(raw, Product.SPOT, NOW) for raw in frames)

    assert before == Control("order")
    assert isinstance(after, Decoded)
    (report,) = after.messages
    assert isinstance(report, OrderReport)
    assert (report.quantity, report.filled_qty) == (Decimal("0.008"),) * 2


@pytest.mark.parametrize("kind", ["Funding", "Settle"])
def test_a_charge_is_no_fill(kind: str) -> None:
    execution = {
        "symbol": "BTCUSDT",
        "orderId": "",
        "side": "Buy",
        "execId": "x",
        "execPrice": "1",
        "execQty": "1",
        "execTime": "1",
        "execType": kind,
    }
    raw = json.dumps({"topic": "execution.linear", "data": [execution]}).encode()

    assert read_user_frame(raw, Product.LINEAR, NOW) == Control("execution")
    moved = raw.replace(kind.encode(), b"BustTrade")
    frame = read_user_frame(moved, Product.LINEAR, NOW)
    assert isinstance(frame, Decoded)
    assert isinstance(frame.messages[0], FillReport)
    with pytest.raises(Garbled, match="no word we know"):
        read_user_frame(raw.replace(kind.encode(), b"Surprise"), Product.LINEAR, NOW)


def test_an_unknown_order_is_looked_for_in_the_history_before_it_is_not_found() -> None:
    command = QueryOrder(
        **TIMES, client_order_id=ClientOrderId("M1"), strategy_id=StrategyId("A"), instrument_id=BTC
    )
    wire = LINEAR.request_of(command, {})
    empty = Answer(200, {}, b'{"retCode":0,"retMsg":"OK","result":{"list":[]},"time":9}')

    second = LINEAR.follow_up(wire, empty)
    last = LINEAR.read_answer(empty, asked(Request.QUERY_ORDER))[-1]

    assert second is not None
    assert (second.path, second.params) == ("/v5/order/history", wire.params)
    assert LINEAR.follow_up(second, empty) is None
    assert isinstance(last, OrderNotFound)
    assert last.ts_event == NOW - 5  # as of when it was asked, not of the answer


def test_a_cancel_is_acknowledged_and_then_the_order_is_asked_for() -> None:
    command = CancelOrder(
        **TIMES, client_order_id=ClientOrderId("M1"), strategy_id=StrategyId("A"), instrument_id=BTC
    )
    wire = LINEAR.request_of(command, {})
    ids = {"orderId": "7f3b", "orderLinkId": "M1"}
    ack = Answer(200, {}, json.dumps({"retCode": 0, "result": ids}).encode())
    gone = {"list": [row(orderStatus="Cancelled", cancelType="CancelByUser")]}

    second = LINEAR.follow_up(wire, ack)

    assert isinstance(answered(ids, Request.CANCEL), RequestDone)
    assert second is not None
    assert (second.method, second.path) == ("GET", "/v5/order/realtime")
    report = answered(gone, Request.CANCEL)
    assert isinstance(report, OrderReport)
    assert report.status is VenueStatus.CANCELED
    assert (
        LINEAR.follow_up(
            second, Answer(200, {}, json.dumps({"retCode": 0, "result": gone}).encode())
        )
        is None
    )


def test_cancelling_everything_on_spot_takes_the_conditional_orders_too() -> None:
    ok = Answer(200, {}, b'{"retCode":0,"result":{"list":[]}}')
    wire = SPOT.request_of(CancelAllOrders(**TIMES, instrument_id=BTC_SPOT), {})

    second = SPOT.follow_up(wire, ok)

    assert wire.params["orderFilter"] == "Order"
    assert second is not None
    assert second.params["orderFilter"] == "StopOrder"
    assert SPOT.follow_up(second, ok) is None
    linear = LINEAR.request_of(CancelAllOrders(**TIMES, instrument_id=BTC), {})
    assert LINEAR.follow_up(linear, ok) is None


def test_each_order_of_a_batch_has_its_own_answer() -> None:
    command = SubmitOrderList(**TIMES, orders=(order(), order(client_order_id=ClientOrderId("M2"))))
    rows = {"list": [{"orderId": "1", "orderLinkId": "M1"}, {"orderId": "", "orderLinkId": ""}]}
    ext = {"list": [{"code": 0, "msg": "OK"}, {"code": 110007, "msg": "ab not enough"}]}

    report = answered(rows, Request.SUBMIT_LIST, ext, command=command, source=Source.ACK)

    assert isinstance(report, OrderListReport)
    placed, refused = report.answers
    assert isinstance(placed, OrderReport)
    assert isinstance(refused, RequestRefused)
    assert (refused.client_order_id, refused.code) == ("M2", "110007")


def test_positions_of_every_settlement_currency_are_asked_for() -> None:
    wire = LINEAR.request_of(QueryPositions(**TIMES), {})
    page = b'{"retCode":0,"result":{"list":[{}],"nextPageCursor":"n"}}'
    last = b'{"retCode":0,"result":{"list":[],"nextPageCursor":""}}'

    second = LINEAR.next_page(wire, Answer(200, {}, page))
    assert second is not None
    third = LINEAR.next_page(second, Answer(200, {}, last))

    assert (second.params["settleCoin"], second.params["cursor"]) == ("USDT", "n")
    assert third is not None
    assert (third.params["settleCoin"], third.params.get("cursor")) == ("USDC", None)
    assert LINEAR.next_page(third, Answer(200, {}, last)) is None


def test_bars_are_asked_for_window_by_window_and_open_ones_are_left_out() -> None:
    wire = LINEAR.ask_bars(BTC, 60 * S, 1_700_000_040 * S)
    rows = [
        [str(1_700_000_040_000 + 60_000 * i), "1", "2", "0.5", "1", "3", "4"] for i in range(1000)
    ]

    def page(count: int) -> Answer:
        result = {"list": rows[:count][::-1]}
        return Answer(
            200, {}, json.dumps({"retCode": 0, "result": result, "time": int(rows[2][0])}).encode()
        )

    second = LINEAR.next_page(wire, page(1000))
    instrument: Any = type("I", (), {"instrument_id": BTC})()
    (closed,) = LINEAR.read_history(page(3).body, wire, instrument, NOW)

    assert second is not None
    assert second.params["start"] == int(str(wire.params["end"])) + 1
    assert LINEAR.next_page(wire, page(999)) is None
    assert isinstance(closed, BarBatch)
    assert len(closed.rows) == 2


def test_questions_have_their_parameters() -> None:
    account = LINEAR.request_of(QueryAccount(**TIMES), {})
    working = LINEAR.request_of(QueryOpenOrders(**TIMES, instrument_id=BTC), {})

    assert account == WireRequest(
        Request.QUERY_ACCOUNT, "GET", "/v5/account/wallet-balance", {"accountType": "UNIFIED"}
    )
    assert LINEAR.unsigned(working).target == (
        "/v5/order/realtime?category=linear&symbol=BTCUSDT&openOnly=0&limit=50"
    )
