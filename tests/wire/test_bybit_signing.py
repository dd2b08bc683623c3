"""Our signed requests are those of ccxt: the same text, the same headers, call by call."""

import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import ccxt
import pytest

from messages.base import ClientOrderId, Command, StrategyId
from messages.market import Product
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
    CancelAllAfter,
    CancelAllOrders,
    MarginMode,
    QueryAccount,
    QueryFees,
    QueryFills,
    QueryOpenOrders,
    QueryPositions,
    SetLeverage,
    SetMarginMode,
    SubmitOrderList,
)
from venues.bybit.adapter import ADAPTERS
from venues.bybit.signing import matches, signature, stream_payload
from venues.wire.keys import Keys
from venues.wire.request import HttpRequest

KEYS = Keys("kEy123", "sEcret456")
NOW_MS = 1_700_000_000_123
T: Mapping[str, int] = {"ts_event": 1, "ts_init": 1}
LINEAR, SPOT = ADAPTERS[Product.LINEAR], ADAPTERS[Product.SPOT]
PERP, COIN = LINEAR.instrument_id("BTCUSDT"), SPOT.instrument_id("BTCUSDT")
SYMBOL = {Product.LINEAR: "BTC/USDT:USDT", Product.SPOT: "BTC/USDT"}


def markets(product: Product) -> dict[str, Any]:
    """The one market that ccxt needs to know, as it would read it."""
    linear = product is Product.LINEAR
    symbol = SYMBOL[product]
    return {
        symbol: {
            "id": "BTCUSDT",
            "symbol": symbol,
            "base": "BTC",
            "quote": "USDT",
            "baseId": "BTC",
            "quoteId": "USDT",
            "settle": "USDT" if linear else None,
            "type": "swap" if linear else "spot",
            "spot": not linear,
            "swap": linear,
            "future": False,
            "option": False,
            "contract": linear,
            "linear": linear or None,
            "inverse": False if linear else None,
            "active": True,
            "precision": {"amount": 0.001, "price": 0.1, "cost": 0.01},
            "limits": {"leverage": {"min": 1, "max": 100}},
        }
    }


class Captured(ccxt.bybit):
    """ccxt whose clock stands still and whose requests go nowhere."""

    def __init__(self, product: Product) -> None:
        super().__init__({"apiKey": KEYS.api_key, "secret": KEYS.secret})
        self.sent: list[dict[str, Any]] = []
        self.set_markets(markets(product))
        self.options["enableUnifiedAccount"] = True
        self.options["enableUnifiedMargin"] = False
        self.options["unifiedMarginStatus"] = 6

    def nonce(self) -> int:
        return NOW_MS

    def milliseconds(self) -> int:
        return NOW_MS

    def fetch(self, url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        self.sent.append({"url": url, "method": method, "headers": headers, "body": body})
        return {"retCode": 0, "retMsg": "OK", "result": {"list": []}, "retExtInfo": {}, "time": 1}


def signed(product: Product, command: Command) -> HttpRequest:
    adapter = ADAPTERS[product]
    return adapter.sign(adapter.request_of(command, {}), KEYS, NOW_MS * 1_000_000, 5000)


def order(product: Product, **more: Any) -> OrderSpec:
    fields: dict[str, Any] = {
        "client_order_id": ClientOrderId("M1"),
        "strategy_id": StrategyId("A-1"),
        "instrument_id": ADAPTERS[product].instrument_id("BTCUSDT"),
        "side": OrderSide.BUY,
        "order_type": OrderType.LIMIT,
        "quantity": Decimal("0.5"),
        "price": Decimal(60000),
    }
    return OrderSpec(**(fields | more))


def about(kind: Any, **more: Any) -> Any:
    name = {"client_order_id": ClientOrderId("M1"), "strategy_id": StrategyId("A-1")}
    return kind(**T, **name, instrument_id=PERP, **more)


EVERY: list[tuple[Product, Command]] = [
    (Product.LINEAR, SubmitOrder(**T, order=order(Product.LINEAR))),
    (Product.SPOT, SubmitOrder(**T, order=order(Product.SPOT))),
    (Product.LINEAR, SubmitOrderList(**T, orders=(order(Product.LINEAR),))),
    (Product.LINEAR, about(ModifyOrder, quantity=Decimal("0.4"), price=Decimal(59000))),
    (Product.LINEAR, about(CancelOrder)),
    (Product.LINEAR, CancelAllOrders(**T, instrument_id=PERP)),
    (Product.SPOT, CancelAllOrders(**T, instrument_id=COIN)),
    (Product.LINEAR, CancelAllAfter(**T, instrument_id=PERP, after_ns=10_000_000_000)),
    (Product.LINEAR, about(QueryOrder)),
    (Product.LINEAR, QueryOpenOrders(**T, instrument_id=PERP)),
    (Product.LINEAR, QueryFills(**T, instrument_id=PERP)),
    (Product.LINEAR, QueryAccount(**T)),
    (Product.LINEAR, QueryPositions(**T)),
    (Product.LINEAR, QueryPositions(**T, instrument_id=PERP)),
    (Product.LINEAR, QueryFees(**T, instrument_id=PERP)),
    (Product.LINEAR, SetLeverage(**T, instrument_id=PERP, leverage=Decimal(5))),
    (Product.LINEAR, SetMarginMode(**T, instrument_id=PERP, mode=MarginMode.ISOLATED)),
]


@pytest.mark.parametrize(("product", "command"), EVERY, ids=lambda v: getattr(v, "kind", str(v)))
def test_ccxt_signs_our_parameters_as_we_do(product: Product, command: Command) -> None:
    exchange = Captured(product)
    wire = ADAPTERS[product].request_of(command, {})

    ours = signed(product, command)
    theirs = exchange.sign(wire.path[1:], ["private"], wire.method, dict(wire.params))

    url = urlsplit(theirs["url"])
    assert ours.target == url.path + (f"?{url.query}" if url.query else "")
    assert ours.body.decode() == (theirs["body"] or "")
    # ccxt names itself as a broker.
    assert dict(ours.headers) == {k: v for k, v in theirs["headers"].items() if k != "Referer"}


CALLS: list[tuple[Product, str, Command, Any]] = [
    (
        Product.LINEAR,
        "place limit",
        SubmitOrder(**T, order=order(Product.LINEAR)),
        lambda x, s: x.create_order(
            s,
            "limit",
            "buy",
            0.5,
            60000,
            {"clientOrderId": "M1", "timeInForce": "GTC", "positionIdx": 0},
        ),
    ),
    (
        Product.LINEAR,
        "place stop",
        SubmitOrder(
            **T,
            order=order(
                Product.LINEAR,
                order_type=OrderType.STOP_MARKET,
                price=None,
                trigger_price=Decimal(61000),
                reduce_only=True,
            ),
        ),
        lambda x, s: x.create_order(
            s,
            "market",
            "buy",
            0.5,
            None,
            {
                "clientOrderId": "M1",
                "triggerPrice": 61000,
                "triggerDirection": "ascending",
                "triggerBy": "LastPrice",
                "reduceOnly": True,
                "positionIdx": 0,
            },
        ),
    ),
    (
        Product.LINEAR,
        "place post-only",
        SubmitOrder(**T, order=order(Product.LINEAR, post_only=True)),
        lambda x, s: x.create_order(
            s,
            "limit",
            "buy",
            0.5,
            60000,
            {"clientOrderId": "M1", "postOnly": True, "positionIdx": 0},
        ),
    ),
    (
        Product.SPOT,
        "place fok",
        SubmitOrder(**T, order=order(Product.SPOT, time_in_force=TimeInForce.FOK)),
        lambda x, s: x.create_order(
            s, "limit", "buy", 0.5, 60000, {"clientOrderId": "M1", "timeInForce": "FOK"}
        ),
    ),
    (
        Product.SPOT,
        "place market",
        SubmitOrder(**T, order=order(Product.SPOT, order_type=OrderType.MARKET, price=None)),
        lambda x, s: x.create_order(s, "market", "buy", 0.5, None, {"clientOrderId": "M1"}),
    ),
    (
        Product.LINEAR,
        "amend",
        about(ModifyOrder, quantity=Decimal("0.4"), price=Decimal(59000)),
        lambda x, s: x.edit_order(None, s, "limit", "buy", 0.4, 59000, {"orderLinkId": "M1"}),
    ),
    (
        Product.LINEAR,
        "cancel",
        about(CancelOrder),
        lambda x, s: x.cancel_order(None, s, {"orderLinkId": "M1"}),
    ),
    (
        Product.LINEAR,
        "cancel all",
        CancelAllOrders(**T, instrument_id=PERP),
        lambda x, s: x.cancel_all_orders(s),
    ),
    (
        Product.LINEAR,
        "open orders",
        QueryOpenOrders(**T, instrument_id=PERP),
        lambda x, s: x.fetch_open_orders(s, None, 50, {"openOnly": 0}),
    ),
    (
        Product.LINEAR,
        "my trades",
        QueryFills(**T, instrument_id=PERP),
        lambda x, s: x.fetch_my_trades(s, None, 100),
    ),
    (Product.LINEAR, "balances", QueryAccount(**T), lambda x, s: x.fetch_balance()),
    (
        Product.LINEAR,
        "positions",
        QueryPositions(**T, instrument_id=PERP),
        lambda x, s: x.fetch_positions([s]),
    ),
    (
        Product.LINEAR,
        "fee",
        QueryFees(**T, instrument_id=PERP),
        lambda x, s: x.fetch_trading_fee(s),
    ),
    (
        Product.LINEAR,
        "leverage",
        SetLeverage(**T, instrument_id=PERP, leverage=Decimal(5)),
        lambda x, s: x.set_leverage(5, s),
    ),
    (
        Product.LINEAR,
        "margin mode",
        SetMarginMode(**T, instrument_id=PERP, mode=MarginMode.ISOLATED),
        lambda x, s: x.set_margin_mode("isolated", s),
    ),
]


# What ccxt asks besides: only trades, where we want every execution that moves a position; and the
# length of a page, where one symbol has one row.
BESIDES = {"my trades": {"execType"}, "positions": {"limit"}}


def said(method: str, url: str, body: str | None) -> tuple[str, str, Any]:
    """Verb, path and parameters, whatever their order."""
    parts = urlsplit(url)
    if method == "POST":
        return method, parts.path, json.loads(body or "{}")
    return method, parts.path, dict(pair.split("=", 1) for pair in parts.query.split("&"))


@pytest.mark.parametrize(("product", "name", "command", "call"), CALLS, ids=[c[1] for c in CALLS])
def test_ccxt_asks_for_the_same_thing_in_the_same_words(
    product: Product, name: str, command: Command, call: Any
) -> None:
    exchange = Captured(product)

    try:
        call(exchange, SYMBOL[product])
    except (ccxt.BaseError, AttributeError, TypeError, KeyError, IndexError):
        assert exchange.sent, name  # our empty answer is not what it waits for: it has asked
    theirs = exchange.sent[-1]
    ours = signed(product, command)

    verb, path, params = said(theirs["method"], theirs["url"], theirs["body"])
    wanted = {k: v for k, v in params.items() if k not in BESIDES.get(name, ())}
    assert said(ours.method, ours.target, ours.body.decode()) == (verb, path, wanted)


def test_a_stream_signs_in_with_the_time_at_which_it_expires() -> None:
    exchange = Captured(Product.LINEAR)
    text = stream_payload(1_700_000_010_000)

    theirs = exchange.hmac(
        exchange.encode(text), exchange.encode(KEYS.secret), hashlib.sha256, "hex"
    )

    assert text == "GET/realtime1700000010000"
    assert signature(text, KEYS.secret) == theirs
    assert matches(text, KEYS.secret, theirs.upper())
    assert not matches(text, KEYS.secret + "x", theirs)
