"""Coinbase's frames and answers, as its documentation writes them, and an adapter to read them."""

import json
from decimal import Decimal
from typing import Any

from messages.base import ClientOrderId, InstrumentId, StrategyId, VenueOrderId
from messages.orders import OrderSide, OrderSpec, OrderType, SubmitOrder
from messages.venue import OrderReport, Request, Source
from venues.coinbase.adapter import CoinbaseAdapter
from venues.wire.asked import Asked
from venues.wire.request import Answer

BTC, ETH = InstrumentId("BTC-USD.COINBASE"), InstrumentId("ETH-USD.COINBASE")
NOW = 1_786_309_550_000_000_000
AT: dict[str, Any] = {"ts_event": NOW, "ts_init": NOW}
MINE = ClientOrderId("M0123456789ab00000001")
THEIRS = VenueOrderId("a1b2c3d4-0000-4000-8000-000000000001")
ABOUT: dict[str, Any] = {
    **AT,
    "client_order_id": MINE,
    "strategy_id": StrategyId("S-1"),
    "instrument_id": BTC,
}


def frame(channel: str, number: int, *events: dict[str, Any]) -> bytes:
    """One frame of a channel."""
    return json.dumps(
        {
            "channel": channel,
            "client_id": "",
            "timestamp": "2026-08-09T21:05:48.228568804Z",
            "sequence_num": number,
            "events": events,
        }
    ).encode()


def level(side: str, price: str, size: str) -> dict[str, str]:
    """docs: "Level2 Channel"."""
    return {
        "side": side,
        "event_time": "2026-08-09T21:05:48.170326Z",
        "price_level": price,
        "new_quantity": size,
    }


def trade(number: str, side: str) -> dict[str, str]:
    """docs: "Market Trades Channel"."""
    return {
        "trade_id": number,
        "product_id": "BTC-USD",
        "price": "65083.67",
        "size": "0.5",
        "time": "2026-08-09T21:05:42.514318Z",
        "side": side,
    }


def candle(start: int, close: str) -> dict[str, str]:
    """docs: "Candles Channel"."""
    prices = {"open": "10", "high": "12", "low": "9", "close": close}
    return prices | {"start": str(start), "volume": "3.5", "product_id": "BTC-USD"}


def spec(**fields: Any) -> OrderSpec:
    """A limit order to buy, but for these fields."""
    given: dict[str, Any] = {
        "client_order_id": MINE,
        "strategy_id": StrategyId("S-1"),
        "instrument_id": BTC,
        "side": OrderSide.BUY,
        "order_type": OrderType.LIMIT,
        "quantity": Decimal("0.01"),
        "price": Decimal("65000.10"),
    }
    return OrderSpec(**(given | fields))


STOP: dict[str, Any] = {"trigger_price": Decimal(66000)}
SIZE = {"base_size": "0.01"}
LIMIT = SIZE | {"limit_price": "65000.10"}
UP, DOWN = "STOP_DIRECTION_STOP_UP", "STOP_DIRECTION_STOP_DOWN"


def asked(request: Request, **more: Any) -> Asked:
    """What was asked, of our order."""
    given: dict[str, Any] = {
        "instrument_id": BTC,
        "client_order_id": MINE,
        "ts_venue": NOW,
        "ts_expires": NOW + 5 * 10**9,
    }
    return Asked(request, NOW, **(given | more))


def read(adapter: CoinbaseAdapter, body: Any, question: Asked) -> Any:
    """The evidence in a success."""
    return adapter.read_answer(Answer(200, {}, json.dumps(body).encode()), question)[-1]


def placed(adapter: CoinbaseAdapter, **fields: Any) -> OrderReport:
    """An order of ours that the venue has taken."""
    order = spec(**fields)
    adapter.request_of(SubmitOrder(**AT, order=order), {})
    body = {
        "success": True,
        "failure_reason": "UNKNOWN_FAILURE_REASON",
        "order_id": THEIRS,
        "success_response": {
            "order_id": THEIRS,
            "product_id": "BTC-USD",
            "side": order.side.value,
            "client_order_id": MINE,
        },
        "order_configuration": None,
    }
    report = read(adapter, body, asked(Request.SUBMIT, order=order, source=Source.ACK))
    assert isinstance(report, OrderReport)
    return report


def order_row(**fields: Any) -> dict[str, Any]:
    """docs: "Get Order"."""
    return {
        "order_id": THEIRS,
        "product_id": "BTC-USD",
        "user_id": "1",
        "order_configuration": {"limit_limit_gtc": LIMIT | {"post_only": False}},
        "side": "BUY",
        "client_order_id": MINE,
        "status": "OPEN",
        "created_time": "2026-08-09T21:05:40Z",
        "filled_size": "0.004",
        "average_filled_price": "65000",
        "trigger_status": "INVALID_ORDER_TYPE",
        "reject_reason": "REJECT_REASON_UNSPECIFIED",
        "last_fill_time": "2026-08-09T21:05:45.5Z",
    } | fields


PRODUCTS = json.dumps(
    {
        "products": [
            {
                "product_id": name,
                "base_increment": "0.00000001",
                "quote_increment": "0.01",
                "price_increment": "0.01",
                "quote_min_size": "1",
                "base_min_size": "0.00000001",
                "base_max_size": "3400",
                "base_currency_id": "BTC",
                "quote_currency_id": "USD",
                "status": status,
                "product_type": kind,
                "trading_disabled": False,
            }
            for name, status, kind in (
                ("BTC-USD", "online", "SPOT"),
                ("OLD-USD", "delisted", "SPOT"),
                ("BIP-20DEC30-CDE", "", "FUTURE"),
            )
        ]
    }
).encode()
