"""Payloads of OKX that another project collected: each is read, or named with the reason."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec
import pytest

from messages.base import ClientOrderId, Event, InstrumentId
from messages.market import Product
from messages.orders import OrderSide, OrderSpec, OrderType
from messages.venue import FillReport, OrderReport, PositionsReport, Request
from tests.tools.okx_rules import instrument
from tests.tools.recorded import PAYLOADS, needs_payloads
from venues.okx.adapter import ADAPTERS
from venues.okx.codec_follow import BARS, TRADES
from venues.okx.session_market import OkxMarketSession
from venues.okx.session_user import read_user
from venues.wire.adapter import Channel, Subscription
from venues.wire.asked import Asked
from venues.wire.batch import Batcher
from venues.wire.frames import Decoded
from venues.wire.request import Answer, WireRequest

pytestmark = [pytest.mark.data, needs_payloads]
FILES: Final = sorted(p.stem for p in (PAYLOADS / "okx").glob("*.json"))
NOW: Final = 1_800_000_000_000_000_000
SWAP, ETH = InstrumentId("BTC-USDT-SWAP.OKX"), InstrumentId("ETH-USDT-SWAP.OKX")
SPOT = InstrumentId("BTC-USDT.OKX")
RULES: Final = {
    SWAP: instrument(Product.LINEAR),
    ETH: instrument(Product.LINEAR).model_copy(
        update={"instrument_id": ETH, "symbol": "ETH-USDT-SWAP", "contract_size": Decimal("0.1")}
    ),
    SPOT: instrument(Product.SPOT),
}
NOT_OURS: Final[Mapping[str, str]] = {
    "common_optional_string_to_u64": "no message of OKX: a table of numbers of a parser's test",
    "http_balance_detail_new_fields": "one currency out of an answer; see http_get_account_balance",
    "http_balance_detail_old_fields": "the same, of an older release",
    "http_get_account_positions-history": "closed positions: nothing here asks for them",
    "http_get_funding_rate_history": "settled rates: funding comes from the stream",
    "http_get_index_price": "an index, not a market",
    "http_get_mark_price": "asked for by nothing here: mark prices come from the stream",
    "http_get_option_summary": "options",
    "http_get_position_tiers": "margin tiers: nothing here asks for them",
    "http_get_spread_orders": "spreads",
    "http_get_spread_trades": "spreads",
    "http_get_spreads": "spreads",
    "http_set_position_mode_response": "the position mode is the operator's to set",
    "ws_opt_summary": "options",
    "ws_orders_option": "options",
    "ws_sprd_orders": "spreads",
}
# What an answer is to, and how many events or rows it holds.
ANSWERS: Final[Mapping[str, tuple[Request, InstrumentId | None, int]]] = {
    "http_cancel_algo_order_response": (Request.CANCEL, SWAP, 1),
    "http_get_account_balance": (Request.QUERY_ACCOUNT, None, 1),
    "http_get_orders_algo_history": (Request.QUERY_OPEN_ORDERS, ETH, 1),
    "http_get_orders_algo_pending": (Request.QUERY_OPEN_ORDERS, SWAP, 1),
    "http_get_orders_algo_pending_attached_oco": (Request.QUERY_OPEN_ORDERS, ETH, 1),
    # It closes a position whole and has no size, so it is no order of ours: 0 rows.
    "http_get_orders_algo_pending_close_fraction": (Request.QUERY_OPEN_ORDERS, SWAP, 0),
    "http_get_orders_history": (Request.QUERY_OPEN_ORDERS, SWAP, 1),
    "http_get_orders_pending": (Request.QUERY_OPEN_ORDERS, SWAP, 1),
    "http_get_orders_pending_with_attached_tp_sl": (Request.QUERY_OPEN_ORDERS, ETH, 1),
    "http_get_positions": (Request.QUERY_POSITIONS, SWAP, 1),
    "http_get_trade_fee_response": (Request.QUERY_FEES, SPOT, 1),
    "http_place_algo_order_rejected": (Request.SUBMIT, SWAP, 1),
    "http_place_algo_order_response": (Request.SUBMIT, SWAP, 1),
}
ROWS: Final = {"http_place_order_response": Request.SUBMIT}  # a row without its envelope
ROWS |= dict.fromkeys(
    ("http_transaction_detail", "http_transaction_detail_empty_fee"), Request.QUERY_FILLS
)
INSTRUMENTS: Final = {
    "http_get_instruments_futures": (0, 0),
    "http_get_instruments_margin": (0, 0),
    "http_get_instruments_option": (0, 0),
    "http_get_instruments_spot": (5, 0),
    "http_get_instruments_swap": (0, 2),  # the third is inverse
}
HISTORY: Final = {
    "http_get_candlesticks": (BARS, 0),  # an example whose bars are all open
    "http_get_candlesticks_full": (BARS, 2),
    "http_get_trades": (TRADES, 2),
}
MARKET: Final = {
    "ws_bbo_tbt",
    "ws_books_snapshot",
    "ws_candle",
    "ws_funding_rate",
    "ws_instruments",
    "ws_tickers",
    "ws_trades",
}
MARK: Final = (
    b'{"arg":{"channel":"mark-price","instId":"BTC-USDT-SWAP"},'
    b'"data":[{"instId":"BTC-USDT-SWAP","markPx":"84660.1","ts":"1744590349506"}]}'
)
# Frames of orders: how many events each tells.
USER: Final = {
    "ws_account": 1,
    "ws_account_empty": 1,
    "ws_orders": 2,
    "ws_orders_adl": 2,
    "ws_orders_algo": 5,
    "ws_orders_fok": 2,
    "ws_orders_ioc": 2,
    "ws_orders_liquidation": 2,
    "ws_orders_optimal_limit_ioc": 2,
    "ws_orders_trigger": 2,
}


def body(name: str) -> bytes:
    return (PAYLOADS / "okx" / f"{name}.json").read_bytes()


def enveloped(name: str) -> bytes:
    return msgspec.json.encode({"code": "0", "msg": "", "data": [json.loads(body(name))]})


def asked(request: Request, name: InstrumentId | None) -> Asked:
    order = OrderSpec(
        client_order_id=ClientOrderId("a1"),
        strategy_id="S",
        instrument_id=name or SWAP,
        side=OrderSide.BUY,
        order_type=OrderType.LIMIT,
        quantity=Decimal("0.01"),
        price=Decimal(100),
    )
    return Asked(request, NOW, name, ts_venue=NOW, order=order, instruments=RULES)


def read(raw: bytes, request: Request, name: InstrumentId | None) -> tuple[Event, ...]:
    return ADAPTERS[Product.LINEAR].read_answer(Answer(200, {}, raw), asked(request, name))


def test_every_file_is_either_read_or_named_with_its_reason() -> None:
    read_here = ANSWERS.keys() | ROWS.keys() | INSTRUMENTS.keys() | HISTORY.keys() | MARKET
    read_here |= USER.keys() | {"http_get_order_book", "ws_books_update"}

    assert sorted(read_here | NOT_OURS.keys()) == FILES
    assert not read_here & NOT_OURS.keys()


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_evidence(name: str) -> None:
    request, instrument_id, count = ANSWERS[name]

    answer = read(body(name), request, instrument_id)[-1]

    rows: Any = getattr(answer, "orders", getattr(answer, "positions", (answer,)))
    assert len(rows) == count


@pytest.mark.parametrize("name", ROWS)
def test_a_row_is_evidence_once_it_is_in_its_envelope(name: str) -> None:
    (answer,) = read(enveloped(name), ROWS[name], SPOT)

    if ROWS[name] is Request.SUBMIT:
        assert isinstance(answer, OrderReport)
        assert answer.venue_order_id == "12345678901234567890"
    else:
        (fill,) = answer.fills  # type: ignore[attr-defined]
        assert (fill.trade_id, fill.last_qty) == ("123456789", Decimal("0.001"))
        assert fill.commission == (0 if name.endswith("empty_fee") else Decimal("-0.042"))


@pytest.mark.parametrize("name", INSTRUMENTS)
def test_instruments_of_our_products_are_read_and_others_left_out(name: str) -> None:
    found = tuple(len(ADAPTERS[p].read_instruments(body(name))) for p in Product)

    assert found == INSTRUMENTS[name]


@pytest.mark.parametrize("name", HISTORY)
def test_history_is_read_oldest_first(name: str) -> None:
    path, count = HISTORY[name]
    wire = WireRequest(None, "GET", path, {"bar": "1m"})

    found = ADAPTERS[Product.SPOT].read_history(body(name), wire, RULES[SPOT], NOW)

    rows: Any = [row for batch in found for row in batch.rows]  # type: ignore[attr-defined]
    assert len(rows) == count
    assert [row["ts_event"] for row in rows] == sorted(row["ts_event"] for row in rows)


def test_a_book_over_rest_is_whole() -> None:
    book = ADAPTERS[Product.SPOT].read_book(body("http_get_order_book"), RULES[SPOT], NOW)

    assert book.snapshot
    assert book.rows["side"].tolist() == [1, 1, 1, -1, -1, -1]
    assert book.rows["price"][0] == 41006.7


@pytest.mark.parametrize("name", sorted(MARKET))
def test_a_market_frame_is_data(name: str) -> None:
    product = Product.SPOT if name != "ws_instruments" else Product.LINEAR
    session = OkxMarketSession(product, RULES)
    session.subscribe((Subscription(SWAP if product is Product.LINEAR else SPOT, Channel.STATUS),))
    batcher = Batcher(session.heard)
    if name == "ws_funding_rate":  # its rate is told with a mark price
        batcher.add(MARK, NOW)

    batcher.add(body(name), NOW)

    assert (batcher.garbled, dict(batcher.unknown)) == (0, {})
    assert len(batcher.flush()) == (2 if name == "ws_instruments" else 1)


def test_an_update_of_the_documentation_does_not_continue_what_it_claims_to() -> None:
    """Its checksum and its sequence are made up, and so it is a break, not data to trust."""
    session = OkxMarketSession(Product.SPOT, RULES)
    whole = session.heard(body("ws_books_snapshot"), NOW)
    assert isinstance(whole, tuple)

    update = session.heard(body("ws_books_update"), NOW + 1)

    assert isinstance(update, tuple)
    assert update[0].prev_seq > whole[0].last_seq


@pytest.mark.parametrize("name", USER)
def test_a_frame_of_the_account_is_evidence(name: str) -> None:
    found = read_user(body(name), RULES, NOW)

    assert isinstance(found, Decoded)
    assert len(found.messages) == USER[name]


def test_a_trade_of_a_swap_is_told_in_base_units() -> None:
    found = read_user(body("ws_orders"), RULES, NOW)

    assert isinstance(found, Decoded)
    fill, report = found.messages
    assert isinstance(fill, FillReport)
    assert isinstance(report, OrderReport)
    assert fill.last_qty == report.filled_qty == Decimal("0.0003")  # 0.03 contracts of 0.01 BTC
    assert fill.commission == Decimal("0.021776769")


def test_a_position_is_told_in_base_units() -> None:
    (answer,) = read(body("http_get_positions"), Request.QUERY_POSITIONS, SWAP)

    assert isinstance(answer, PositionsReport)
    (position,) = answer.positions
    assert (position.quantity, position.avg_px) == (Decimal("0.005"), Decimal(10000))
    assert position.leverage == 10
