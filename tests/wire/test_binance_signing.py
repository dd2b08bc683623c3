"""What we sign for Binance is what ccxt signs, call by call, for the same inputs and time stamp."""

from decimal import Decimal
from typing import Any

import ccxt
import msgspec
import pytest
from simulated_binance import BTC, KEYS, cancel, modify, query, submit

from messages.base import NS_PER_MS, Command, InstrumentId, VenueOrderId
from messages.market import Product
from messages.orders import OrderType
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
from venues.binance.signing import plain
from venues.registry import adapter
from venues.wire.request import HttpRequest, WireRequest

NOW_MS = 1_700_000_000_123
PERP = InstrumentId("BTCUSDT-PERP.BINANCE")
T: dict[str, Any] = {"ts_event": 1, "ts_init": 1}
LIMIT = submit("aO1", price="50000.10", quantity="0.0010").order
STOP = {"order_type": OrderType.STOP_MARKET, "trigger_price": Decimal("61000.5")}


def perp(command: Any) -> Any:
    """The same about the perpetual."""
    if hasattr(command, "order"):
        order = command.order.model_copy(update={"instrument_id": PERP})
        return command.model_copy(update={"order": order})
    return command.model_copy(update={"instrument_id": PERP})


ON_SPOT: list[Command] = [
    submit("aO1", price="50000.10", quantity="0.0010"),
    submit("aO2", price=None, **STOP),
    submit("aO3", price="49000", post_only=True),
    cancel("aO1"),
    cancel("").model_copy(update={"venue_order_id": VenueOrderId("77")}),
    modify("aO1", "0.0005"),
    query("aO1"),
    QueryOpenOrders(**T, instrument_id=BTC),
    QueryFills(**T, instrument_id=BTC, since_trade_id=5),
    QueryAccount(**T),
    QueryFees(**T, instrument_id=BTC),
    CancelAllOrders(**T, instrument_id=BTC),
]
ON_USDM: list[Command] = [
    perp(submit("aO1", price="50000.10", quantity="0.0010")),
    perp(submit("aO2", price=None, reduce_only=True)),
    perp(submit("aO3", price=None, **STOP)),
    SubmitOrderList(**T, orders=(LIMIT.model_copy(update={"instrument_id": PERP}),)),
    perp(cancel("aO1")),
    perp(modify("aO1", "0.0005")).model_copy(update={"placed": LIMIT, "price": Decimal("50001")}),
    perp(query("aO1")),
    QueryOpenOrders(**T, instrument_id=PERP),
    QueryFills(**T, instrument_id=PERP),
    QueryAccount(**T),
    QueryPositions(**T, instrument_id=PERP),
    QueryFees(**T, instrument_id=PERP),
    CancelAllOrders(**T, instrument_id=PERP),
    SetLeverage(**T, instrument_id=PERP, leverage=Decimal(5)),
    SetMarginMode(**T, instrument_id=PERP, mode=MarginMode.ISOLATED),
    CancelAllAfter(**T, instrument_id=PERP, after_ns=60_000 * NS_PER_MS),
]
CASES = [(Product.SPOT, c) for c in ON_SPOT] + [(Product.LINEAR, c) for c in ON_USDM]


def oracle(wire: WireRequest) -> HttpRequest:
    """The request as ccxt signs it."""
    exchange = ccxt.binance({"apiKey": KEYS.api_key, "secret": KEYS.secret})
    exchange.nonce = lambda: NOW_MS
    exchange.options |= {"recvWindow": 5000, "broker": {}}
    _, root, version, path = wire.path.split("/", 3)
    sections = {("api", "v3"): "private", ("fapi", "v1"): "fapiPrivate"}
    section = sections.get((root, version), f"{root}Private{version.upper()}")
    params = dict(wire.params)
    if "batchOrders" in params:
        params["batchOrders"] = msgspec.json.decode(str(params["batchOrders"]))
    made = exchange.sign(path, [section], wire.method, params)
    host = "https://" + made["url"].split("/")[2]
    body = (made["body"] or "").encode()
    return HttpRequest(wire.method, made["url"].removeprefix(host), made["headers"], body)


@pytest.mark.parametrize(("product", "command"), CASES, ids=lambda v: getattr(v, "kind", str(v)))
def test_signed_request_equals_ccxts(product: Product, command: Command) -> None:
    binance = adapter("BINANCE", product)
    wire = binance.request_of(command, {})

    ours = binance.sign(wire, KEYS, NOW_MS * NS_PER_MS, 5000)

    assert ours == oracle(wire)


@pytest.mark.parametrize("verb", ["POST", "PUT"])
def test_listen_key_is_asked_for_with_the_api_key_alone(verb: str) -> None:
    wire = WireRequest(None, verb, "/fapi/v1/listenKey")

    ours = adapter("BINANCE", Product.LINEAR).sign(wire, KEYS, NOW_MS * NS_PER_MS, 5000)

    assert ours == oracle(wire)
    assert KEYS.secret not in repr(ours)


def test_public_request_says_what_it_asks_in_its_query() -> None:
    wire = WireRequest(None, "GET", "/api/v3/depth", {"symbol": "BTCUSDT", "limit": 5})

    assert plain(wire) == HttpRequest("GET", "/api/v3/depth?symbol=BTCUSDT&limit=5")
