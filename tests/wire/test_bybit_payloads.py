"""Payloads of Bybit that another project collected: each decodes, or is named here with why not."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from instruments import usdt

from messages.base import ClientOrderId, Event
from messages.market import BookDeltaBatch, Product, TradeBatch
from messages.orders import OrderSide, OrderType
from messages.venue import (
    AccountReport,
    FeesReport,
    FillReport,
    FillsReport,
    OpenOrdersReport,
    OrderReport,
    PositionReport,
    PositionsReport,
    QueryFills,
    Request,
    VenueStatus,
)
from tests.tools.recorded import PAYLOADS, needs_payloads
from venues.bybit.adapter import ADAPTERS
from venues.bybit.codec_user import read_user_frame
from venues.wire.asked import Asked
from venues.wire.batch import Batcher
from venues.wire.frames import Control, Decoded, Unknown
from venues.wire.request import Answer, WireRequest

FOLDER = PAYLOADS / "bybit"
pytestmark = [pytest.mark.data, needs_payloads]
NOW = 1_800_000_000_000_000_000
LINEAR, SPOT = ADAPTERS[Product.LINEAR], ADAPTERS[Product.SPOT]
BTC = LINEAR.instrument_id("BTCUSDT")
INSTRUMENT = usdt(price_increment="0.1", max_quantity="100").model_copy(
    update={"instrument_id": BTC, "product": Product.LINEAR}
)
NOT_USED = {
    "http_get_account_info.json": "the account's settings: nothing here asks for them",
    "http_get_funding_history.json": "past funding: the stream tells the rate that is due",
    "http_get_user_escrow_sub_members.json": "sub-accounts are not managed here",
    "http_get_user_query_api.json": "API keys are not managed here",
    "http_get_user_sub_apikeys.json": "API keys are not managed here",
    "http_get_user_sub_members.json": "sub-accounts are not managed here",
    "http_get_user_sub_members_paged.json": "sub-accounts are not managed here",
    "http_post_user_update_master_api.json": "API keys are not managed here",
    "http_post_user_update_sub_api.json": "API keys are not managed here",
    "ws_account_position_with_open_time.json": "one row of a position frame without its frame",
    "ws_order_response.json": "orders go over REST: nothing here uses the trade socket",
    "ws_public_trade.json": 'its topic "trade.linear.BTCUSDT" is none of v5\'s ("publicTrade.")',
    "ws_ticker_option.json": "options are not traded here",
}


def body(name: str) -> bytes:
    return (FOLDER / name).read_bytes()


def answer(name: str, request: Request) -> tuple[Event, ...]:
    asked = Asked(request, NOW, BTC, ClientOrderId("x"), product=Product.LINEAR)
    return LINEAR.read_answer(Answer(200, {}, body(name)), asked)


def instruments(name: str) -> list[str]:
    adapter = SPOT if "_spot" in name else LINEAR
    return [i.instrument_id for i in adapter.read_instruments(body(name))]


def user(name: str) -> Any:
    return read_user_frame(body(name), Product.LINEAR, NOW)


def market(name: str) -> tuple[dict[str, int], tuple[Event, ...]]:
    batcher = Batcher(LINEAR.market_session({BTC: INSTRUMENT}, "").heard)
    batcher.add(body(name), NOW)
    return dict(batcher.counts), batcher.flush()


def history(name: str, path: str) -> tuple[Event, ...]:
    wire = WireRequest(None, "GET", path, {"interval": "1"})
    return LINEAR.read_history(body(name), wire, INSTRUMENT, NOW)


def one(events: tuple[Event, ...], kind: type) -> Any:
    (found,) = events
    assert isinstance(found, kind)
    return found


READ: dict[str, Callable[[str], object]] = {
    "http_get_executions.json": lambda n: one(answer(n, Request.QUERY_FILLS), FillsReport),
    "http_get_fee_rate.json": lambda n: one(answer(n, Request.QUERY_FEES), FeesReport),
    **dict.fromkeys(
        (
            "http_get_instruments_inverse.json",
            "http_get_instruments_inverse_symbol_type.json",
            "http_get_instruments_linear.json",
            "http_get_instruments_linear_symbol_type.json",
            "http_get_instruments_option.json",
            "http_get_instruments_option_symbol_id.json",
            "http_get_instruments_spot.json",
            "http_get_instruments_spot_xstocks.json",
        ),
        instruments,
    ),
    "http_get_klines_linear.json": lambda n: history(n, "/v5/market/kline"),
    "http_get_trades_recent.json": lambda n: history(n, "/v5/market/recent-trade"),
    "http_get_orderbook.json": lambda n: LINEAR.read_book(body(n), INSTRUMENT, NOW),
    **dict.fromkeys(
        (
            "http_get_order_partially_filled_rejected.json",
            "http_get_orders_history.json",
            "http_get_orders_history_with_duplicate.json",
            "http_get_orders_realtime.json",
            "http_get_orders_realtime_tp_sl.json",
        ),
        lambda n: one(answer(n, Request.QUERY_OPEN_ORDERS), OpenOrdersReport).orders,
    ),
    "http_get_positions.json": lambda n: one(answer(n, Request.QUERY_POSITIONS), PositionsReport),
    "http_get_positions_with_open_time.json": lambda n: one(
        answer(n, Request.QUERY_POSITIONS), PositionsReport
    ),
    **dict.fromkeys(
        (
            "http_get_wallet_balance.json",
            "http_get_wallet_balance_spot_short.json",
            "http_get_wallet_balance_with_spot_borrow.json",
        ),
        lambda n: one(answer(n, Request.QUERY_ACCOUNT), AccountReport),
    ),
}
USER_COUNTS = {
    "Decoded execution": 2,
    "Control execution.fast": 2,
    "Decoded order": 10,
    "Control order": 1,  # of spot
    "Decoded position": 2,
    "Decoded wallet": 3,
    "Control error": 2,
    "Control auth": 1,
    "Control subscribe": 1,
}


def test_every_file_is_read_or_listed_with_a_reason() -> None:
    streams = {p.name for p in FOLDER.glob("ws_*.json")} - NOT_USED.keys()

    unnamed = {p.name for p in FOLDER.glob("*.json")} - READ.keys() - NOT_USED.keys() - streams

    assert unnamed == set()
    assert not READ.keys() & NOT_USED.keys()


@pytest.mark.parametrize("name", READ)
def test_an_answer_is_read(name: str) -> None:
    found = READ[name](name)

    assert found is not None


def test_frames_of_the_account_are_read() -> None:
    found: dict[str, int] = {}
    for path in sorted(FOLDER.glob("ws_a*.json")) + sorted(FOLDER.glob("ws_s*.json")):
        if path.name not in NOT_USED:
            frame = user(path.name)
            kind = f"{type(frame).__name__} {frame.kind}"
            found[kind] = found.get(kind, 0) + 1

    assert found == USER_COUNTS


@pytest.mark.parametrize(
    ("name", "counts", "kinds"),
    [
        ("ws_kline.json", {"kline_open": 1}, []),
        ("ws_orderbook_delta.json", {"orderbook.1": 1}, ["quote_batch"]),
        ("ws_orderbook_snapshot.json", {"orderbook.1": 1}, ["quote_batch"]),
        ("ws_ticker_linear.json", {"tickers": 1}, ["quote_batch", "funding_batch"]),
    ],
)
def test_market_frames_are_read(name: str, counts: dict[str, int], kinds: list[str]) -> None:
    counted, events = market(name)

    assert counted == counts
    assert [getattr(e, "kind", "") for e in events] == kinds


def test_what_is_not_used_is_unknown_or_unread_as_its_reason_says() -> None:
    session = LINEAR.market_session({}, "")

    assert isinstance(session.heard(body("ws_public_trade.json"), NOW), Unknown)
    assert isinstance(user("ws_order_response.json"), Control)
    assert user("ws_account_position_with_open_time.json").kind == "unnamed"


@pytest.mark.parametrize(
    ("name", "kind", "side", "status"),
    [
        ("order", OrderType.LIMIT, OrderSide.BUY, VenueStatus.CANCELED),
        ("order_buy_stop_market", OrderType.STOP_MARKET, OrderSide.BUY, VenueStatus.NEW),
        ("order_filled", OrderType.LIMIT_IF_TOUCHED, OrderSide.BUY, VenueStatus.FILLED),
        ("order_limit_if_touched", OrderType.LIMIT_IF_TOUCHED, OrderSide.BUY, VenueStatus.NEW),
        ("order_market_if_touched", OrderType.MARKET_IF_TOUCHED, OrderSide.BUY, VenueStatus.NEW),
        ("order_sell_market_if_touched", OrderType.MARKET_IF_TOUCHED, OrderSide.SELL, None),
        ("order_stop_limit", OrderType.STOP_LIMIT, OrderSide.SELL, VenueStatus.NEW),
        ("order_stop_loss", OrderType.STOP_MARKET, OrderSide.SELL, VenueStatus.NEW),
        ("order_stop_market", OrderType.STOP_MARKET, OrderSide.SELL, VenueStatus.NEW),
        ("order_take_profit", OrderType.MARKET_IF_TOUCHED, OrderSide.SELL, VenueStatus.NEW),
    ],
)
def test_order_frames_say_type_and_state(
    name: str, kind: OrderType, side: OrderSide, status: VenueStatus | None
) -> None:
    frame = user(f"ws_account_{name}.json")

    report = one(frame.messages, OrderReport)

    assert (report.order_type, report.side) == (kind, side)
    assert report.status is (status or VenueStatus.NEW)
    assert report.triggered is (status is VenueStatus.FILLED)


def test_an_order_that_traded_before_it_was_rejected_only_lost_its_rest() -> None:
    raw = body("ws_account_order_partially_filled_rejected.json")

    report = one(read_user_frame(raw, Product.SPOT, NOW).messages, OrderReport)  # type: ignore[union-attr]

    assert (report.status, report.filled_qty) == (VenueStatus.EXPIRED, Decimal(50))
    assert user("ws_account_order_partially_filled_rejected.json") == Control("order")


def test_a_fill_has_its_fee_and_a_fast_one_is_not_told() -> None:
    fill = one(user("ws_account_execution.json").messages, FillReport)

    assert (fill.trade_id, fill.commission, fill.currency) == (
        "0ab1bdf7-4219-438b-b30a-32ec863018f7",
        Decimal("26.3725275"),
        "USDT",
    )
    assert fill.client_order_id == "test-order-link-001"
    assert user("ws_account_execution_fast.json") == Control("execution.fast")
    assert isinstance(user("ws_account_execution_adl.json"), Decoded)


def test_balances_are_ours_without_what_is_borrowed() -> None:
    borrowed = answer("http_get_wallet_balance_with_spot_borrow.json", Request.QUERY_ACCOUNT)
    spent = user("ws_account_wallet_locked_exceeds_total.json").messages

    (usdt,) = one(borrowed, AccountReport).balances
    (tight,) = one(spent, AccountReport).balances

    assert (usdt.total, usdt.free) == (Decimal("1000.00"), Decimal("1000.00"))
    assert (tight.total, tight.locked, tight.free) == (Decimal(100), Decimal(120), Decimal(-20))


def test_positions_have_a_sign() -> None:
    held = one(answer("http_get_positions.json", Request.QUERY_POSITIONS), PositionsReport)
    short = one(user("ws_account_position_short.json").messages, PositionReport)

    assert [(p.instrument_id, p.quantity) for p in held.positions] == [
        ("BTCUSDT-LINEAR.BYBIT", Decimal("0.5")),
        ("ETHUSDT-LINEAR.BYBIT", Decimal("-5.0")),
    ]
    assert (short.quantity, short.avg_px) == (Decimal("-0.01"), Decimal("3641.075"))


def test_pages_of_fills_go_on_by_cursor() -> None:
    command = QueryFills(ts_event=NOW, ts_init=NOW, instrument_id=BTC)
    wire = LINEAR.request_of(command, {})

    following = LINEAR.next_page(wire, Answer(200, {}, body("http_get_executions.json")))

    assert following is not None
    assert following.params["cursor"] == "132766%3A2%2C132766%3A2"
    fills = one(answer("http_get_executions.json", Request.QUERY_FILLS), FillsReport)
    assert not fills.complete


def test_public_answers_hold_rows() -> None:
    book = LINEAR.read_book(body("http_get_orderbook.json"), INSTRUMENT, NOW)
    (trades,) = history("http_get_trades_recent.json", "/v5/market/recent-trade")

    assert isinstance(book, BookDeltaBatch)
    assert (len(book.rows), book.snapshot) == (6, True)
    assert isinstance(trades, TradeBatch)
    assert trades.rows["price"].tolist() == [27450.5]
    # Its one bar ends a minute after the answer's own time: it is still open.
    assert history("http_get_klines_linear.json", "/v5/market/kline") == ()
