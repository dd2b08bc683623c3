"""Payloads that another project collected decode, or are listed here with the reason."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from coinbase_stage import BTC, NOW, asked

from messages.market import BarBatch, BookDeltaBatch, TradeBatch
from messages.venue import AccountReport, FillsReport, OpenOrdersReport, OrderReport, Request
from venues.coinbase.adapter import CoinbaseAdapter
from venues.coinbase.codec_instruments import decode_product
from venues.wire.frames import Control
from venues.wire.keys import Keys
from venues.wire.request import Answer, WireRequest

FOLDER = Path(__file__).parents[3] / "shared/data/payloads/nautilus/coinbase"
pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="no payloads in ../shared/data/payloads"),
]
ADAPTER = CoinbaseAdapter()
LEFT_OUT = {
    "http_cfm_balance_summary.json": "an account for futures: another product",
    "http_cfm_position.json": "a position in futures: another product",
    "http_cfm_positions.json": "positions in futures: another product",
}


def rest(request: Request) -> Callable[[bytes], Any]:
    return lambda body: CoinbaseAdapter().read_answer(Answer(200, {}, body), asked(request))[-1]


def market(body: bytes) -> Any:
    return ADAPTER.market_session({}, "").heard(body, NOW)


def user(body: bytes) -> Any:
    return ADAPTER.user_session(Keys("", ""), {}).heard(body, NOW, NOW).events


def history(path: str, **params: object) -> Callable[[bytes], Any]:
    wire = WireRequest(None, "GET", path, params)
    return lambda body: ADAPTER.read_history(body, wire, decode_product(product()), NOW)


def product() -> bytes:
    return (FOLDER / "http_product.json").read_bytes()


READERS: dict[str, Callable[[bytes], Any]] = {
    "http_accounts.json": rest(Request.QUERY_ACCOUNT),
    "http_candles.json": history("candles", granularity="ONE_HOUR"),
    "http_fills.json": rest(Request.QUERY_FILLS),
    "http_order.json": rest(Request.QUERY_ORDER),
    "http_orders_list.json": rest(Request.QUERY_OPEN_ORDERS),
    "http_product.json": decode_product,
    "http_product_book.json": lambda body: ADAPTER.read_book(body, decode_product(product()), NOW),
    "http_products.json": ADAPTER.read_instruments,
    "http_products_future.json": ADAPTER.read_instruments,
    "http_ticker.json": history("ticker", limit=100),
    "ws_candles.json": market,
    "ws_heartbeats.json": market,
    "ws_l2_data_snapshot.json": market,
    "ws_l2_data_update.json": market,
    "ws_market_trades.json": market,
    "ws_subscriptions.json": market,
    "ws_ticker.json": market,
    "ws_user.json": user,
}


def told(name: str) -> Any:
    return READERS[name]((FOLDER / name).read_bytes())


def test_every_file_has_a_reader_or_a_reason() -> None:
    there = {path.name for path in FOLDER.glob("*.json")}

    assert there - READERS.keys() == LEFT_OUT.keys()
    assert there >= READERS.keys() | LEFT_OUT.keys()


@pytest.mark.parametrize("name", READERS)
def test_every_file_that_has_a_reader_decodes(name: str) -> None:
    assert told(name) is not None


def test_orders_and_fills() -> None:
    order, orders, fills = (
        told("http_order.json"),
        told("http_orders_list.json"),
        told("http_fills.json"),
    )

    assert isinstance(order, OrderReport)
    assert (order.quantity, order.filled_qty) == (Decimal("0.001"), Decimal("0.001"))
    assert isinstance(orders, OpenOrdersReport)
    assert [(o.venue_order_id, o.quantity) for o in orders.orders] == [
        ("0000-000000-000001", Decimal("0.01")),
        ("0000-000000-000002", Decimal("0.0325")),
    ]
    assert isinstance(fills, FillsReport)
    assert [f.liquidity_side for f in fills.fills] == ["TAKER", "MAKER"]
    assert fills.complete


def test_the_account() -> None:
    account = told("http_accounts.json")

    assert isinstance(account, AccountReport)
    assert {b.currency: b.total for b in account.balances} == {
        "BTC": Decimal("1.23956789"),
        "USD": Decimal("10450.50"),
    }


def test_products_are_instruments_and_futures_are_not() -> None:
    spot, futures = told("http_products.json"), told("http_products_future.json")

    assert [i.instrument_id for i in spot] == [BTC, "BTC-USDC.COINBASE"]
    assert futures == ()


def test_market_history() -> None:
    (bars,), (trades,), book = (
        told("http_candles.json"),
        told("http_ticker.json"),
        told("http_product_book.json"),
    )

    assert isinstance(bars, BarBatch)
    assert bars.rows["close"].tolist() == [66314.59, 66181.6]
    assert isinstance(trades, TradeBatch)
    assert trades.rows["trade_id"].tolist() == [995098661, 995098662, 995098663]
    assert trades.rows["aggressor"].tolist() == [-1, 1, 1]
    assert isinstance(book, BookDeltaBatch)
    assert len(book.rows) == 10


def test_frames() -> None:
    quote, trades = told("ws_ticker.json"), told("ws_market_trades.json")

    assert [piece.row[2:] for piece in quote] == [(68900.0, 1.5, 68901.0, 0.5)]
    assert [piece.row[5] for piece in trades] == [995098701, 995098700]
    assert told("ws_candles.json") == Control("candles:open")
    assert told("ws_heartbeats.json") == Control("heartbeats")
    (order,) = told("ws_user.json")
    assert (order.venue_order_id[:8], order.quantity) == ("a1b2c3d4", Decimal("0.001"))
