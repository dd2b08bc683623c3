"""Our requests to OKX and ccxt's, for the same inputs and the same time: call by call the same."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, Final

import ccxt
import ccxt.pro
import msgspec
import pytest

from messages.base import NS_PER_S, ClientOrderId, Command, InstrumentId, VenueOrderId
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
    QueryAccount,
    QueryFees,
    QueryFills,
    QueryOpenOrders,
    QueryPositions,
    SetLeverage,
    SubmitOrderList,
)
from tests.tools.okx_rules import ROW, instruments
from venues.okx.adapter import ADAPTERS
from venues.okx.codec_names import symbol_of
from venues.wire.keys import Keys

KEYS: Final = Keys("key-1", "SECRET1", "a pass phrase")
MS: Final = 1_790_000_000_123
NAMES: Final = {
    Product.SPOT: (InstrumentId("BTC-USDT.OKX"), "BTC/USDT"),
    Product.LINEAR: (InstrumentId("BTC-USDT-SWAP.OKX"), "BTC/USDT:USDT"),
}
T: Final = {"ts_event": 0, "ts_init": 0}
NAME: Final = ClientOrderId("a1")
ABOUT: Final = {**T, "client_order_id": NAME, "strategy_id": "S"}


class Frozen(ccxt.okx):  # type: ignore[misc]
    """ccxt at one moment, that keeps what it would have sent."""

    def __init__(self, product: Product) -> None:
        super().__init__({"apiKey": KEYS.api_key, "secret": KEYS.secret})
        self.password = KEYS.passphrase
        self.options["createOrder"] = "privatePostTradeOrder"  # it sends lists of one otherwise
        self.sent: list[dict[str, Any]] = []
        spot = {**ROW[Product.SPOT], "lever": "", "expTime": "", "listTime": ""}
        swap = {**ROW[Product.LINEAR], "lever": "100", "expTime": "", "listTime": "", "alias": ""}
        swap |= {"uly": "BTC-USDT", "instFamily": "BTC-USDT"}
        self.set_markets(self.parse_markets([spot if product is Product.SPOT else swap]))

    def milliseconds(self) -> int:
        return MS

    def fetch(self, url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        self.sent.append({"url": url, "method": method, "headers": headers, "body": body})
        return {"code": "0", "data": [{"ordId": "1", "clOrdId": "a1", "sCode": "0", "ts": "1"}]}


def spec(product: Product, kind: OrderType = OrderType.LIMIT, **more: Any) -> OrderSpec:
    given: dict[str, Any] = {
        "client_order_id": NAME,
        "strategy_id": "S",
        "instrument_id": NAMES[product][0],
        "side": OrderSide.BUY,
        "order_type": kind,
        "quantity": Decimal("0.5"),
    }
    given |= {"price": Decimal("100.5")} if kind.limited else {}
    given |= {"trigger_price": Decimal("90.1")} if kind.triggered else {}
    return OrderSpec(**given | more)


def ours(command: Command, product: Product) -> dict[str, Any]:
    """The signed request, with headers that ccxt sends too."""
    adapter = ADAPTERS[product]
    wire = adapter.request_of(command, instruments(product))
    http = adapter.sign(wire, KEYS, MS * 1_000_000, 5000)
    headers = {k: v for k, v in http.headers.items() if k != "expTime"}
    url = adapter.endpoints.rest + http.target
    return {
        "url": url,
        "method": http.method,
        "headers": headers,
        "body": http.body.decode() or None,
    }


def theirs_of_the_same_parameters(command: Command, product: Product) -> dict[str, Any]:
    """What ccxt's `sign` makes of our parameters."""
    wire = ADAPTERS[product].request_of(command, instruments(product))
    params: Any = dict(wire.params)
    if "" in params:
        params = params[""]
    path = wire.path.removeprefix("/api/v5/")
    found: dict[str, Any] = Frozen(product).sign(path, ["private"], wire.method, params)
    return found


def commands(product: Product) -> dict[str, Command]:
    name = NAMES[product][0]
    found: dict[str, Command] = {
        "place": SubmitOrder(**T, order=spec(product)),
        "place at market": SubmitOrder(**T, order=spec(product, OrderType.MARKET)),
        "place a stop": SubmitOrder(**T, order=spec(product, OrderType.STOP_MARKET)),
        "place a take-profit": SubmitOrder(**T, order=spec(product, OrderType.LIMIT_IF_TOUCHED)),
        "place a list": SubmitOrderList(**T, orders=(spec(product), spec(product))),
        "amend": ModifyOrder(**ABOUT, instrument_id=name, quantity=Decimal("0.2")),
        "cancel": CancelOrder(**ABOUT, instrument_id=name),
        "query": QueryOrder(**ABOUT, instrument_id=name),
        "open orders": QueryOpenOrders(**T, instrument_id=name),
        "fills": QueryFills(**T, instrument_id=name),
        "fills of an order": QueryFills(**T, instrument_id=name, venue_order_id=VenueOrderId("77")),
        "account": QueryAccount(**T),
        "fees": QueryFees(**T, instrument_id=name),
        "dead-man switch": CancelAllAfter(**T, instrument_id=name, after_ns=60 * 10**9),
    }
    if product is Product.LINEAR:
        found["positions"] = QueryPositions(**T, instrument_id=name)
        found["leverage"] = SetLeverage(**T, instrument_id=name, leverage=Decimal(5))
    return found


CALLS: Final = [(p, c) for p in Product for c in commands(p)]


@pytest.mark.parametrize(("product", "call"), CALLS)
def test_a_request_is_signed_as_ccxt_signs_it(product: Product, call: str) -> None:
    command = commands(product)[call]

    assert ours(command, product) == theirs_of_the_same_parameters(command, product)


def sent(product: Product, call: Callable[[Any, str], Any]) -> dict[str, Any]:
    """What one call of ccxt's unified interface sends."""
    exchange = Frozen(product)
    call(exchange, NAMES[product][1])
    (found,) = exchange.sent
    return found


Call = Callable[[Any, str], Any]
CLIENT: Final = {"clientOrderId": "a1"}
UNIFIED: Final[dict[str, tuple[Call, Callable[[Product], Command]]]] = {
    "limit": (
        lambda x, s: x.create_order(s, "limit", "buy", _units(x, s), 100.5, dict(CLIENT)),
        lambda p: SubmitOrder(**T, order=spec(p)),
    ),
    "market": (
        lambda x, s: x.create_order(s, "market", "buy", _units(x, s), None, dict(CLIENT)),
        lambda p: SubmitOrder(**T, order=spec(p, OrderType.MARKET)),
    ),
    "post-only": (
        lambda x, s: x.create_order(
            s, "limit", "buy", _units(x, s), 100.5, {**CLIENT, "postOnly": True}
        ),
        lambda p: SubmitOrder(**T, order=spec(p, post_only=True)),
    ),
    "ioc": (
        lambda x, s: x.create_order(
            s, "limit", "buy", _units(x, s), 100.5, {**CLIENT, "timeInForce": "IOC"}
        ),
        lambda p: SubmitOrder(**T, order=spec(p, time_in_force=TimeInForce.IOC)),
    ),
    "fok": (
        lambda x, s: x.create_order(
            s, "limit", "buy", _units(x, s), 100.5, {**CLIENT, "timeInForce": "FOK"}
        ),
        lambda p: SubmitOrder(**T, order=spec(p, time_in_force=TimeInForce.FOK)),
    ),
    "cancel": (
        lambda x, s: x.cancel_order("", s, dict(CLIENT)),
        lambda p: CancelOrder(**ABOUT, instrument_id=NAMES[p][0]),
    ),
    "fetch order": (
        lambda x, s: x.fetch_order("", s, dict(CLIENT)),
        lambda p: QueryOrder(**ABOUT, instrument_id=NAMES[p][0]),
    ),
    "balance": (lambda x, s: x.fetch_balance(), lambda p: QueryAccount(**T)),
    "leverage": (
        lambda x, s: x.set_leverage(5, s, {"mgnMode": "cross"}),
        lambda p: SetLeverage(**T, instrument_id=NAMES[p][0], leverage=Decimal(5)),
    ),
    "dead-man switch": (
        lambda x, s: x.cancel_all_orders_after(60_000),
        lambda p: CancelAllAfter(**T, instrument_id=NAMES[p][0], after_ns=60 * 10**9),
    ),
}


def _units(exchange: Any, symbol: str) -> float:
    """Half a coin, as the venue counts."""
    size: float = exchange.market(symbol)["contractSize"] or 1.0
    return 0.5 / size


def meaning(request: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
    """Method, address and parameters, without the order in which they stand. ccxt says of a plain
    spot order in which currency it counts, which matters to market orders only."""
    path, _, query = request["url"].partition("?")
    params = dict(part.split("=") for part in query.split("&")) if query else {}
    params |= msgspec.json.decode(request["body"]) if request["body"] else {}
    if params.get("ordType") != "market":
        params.pop("tgtCcy", None)
    return request["method"], path, {k: str(v) for k, v in params.items()}


SPOT_HAS: Final = [(Product.SPOT, call) for call in UNIFIED if call != "leverage"]


@pytest.mark.parametrize(
    ("product", "call"), SPOT_HAS + [(Product.LINEAR, call) for call in UNIFIED]
)
def test_a_call_means_what_ccxt_means(product: Product, call: str) -> None:
    theirs, command = UNIFIED[call]

    assert meaning(ours(command(product), product)) == meaning(sent(product, theirs))


def test_a_sign_in_is_the_one_that_ccxt_sends() -> None:
    class Told(ccxt.pro.okx):  # type: ignore[misc]
        def seconds(self) -> int:
            return MS // 1000

        def client(self, url: str) -> Any:
            return SimpleNamespace(subscriptions={}, reusableFuture=lambda key: asyncio.sleep(0))

        def watch(self, url: str, key: str, message: Any, *rest: Any) -> None:
            self.told = message

    async def login() -> Any:
        exchange = Told({"apiKey": KEYS.api_key, "secret": KEYS.secret})
        exchange.password = KEYS.passphrase
        await exchange.authenticate()
        await exchange.close()
        return exchange.told

    (frame,) = ADAPTERS[Product.SPOT].user_session(KEYS, {}).opened(MS * 1_000_000)

    assert msgspec.json.decode(frame) == asyncio.run(login())


def test_the_product_of_a_symbol_is_checked() -> None:
    with pytest.raises(ValueError, match="not an instrument of OKX LINEAR"):
        symbol_of(InstrumentId("BTC-USDT.OKX"), Product.LINEAR)


def test_a_request_that_places_says_until_when_it_may() -> None:
    adapter = ADAPTERS[Product.SPOT]
    wire = adapter.request_of(SubmitOrder(**T, order=spec(Product.SPOT)), instruments(Product.SPOT))

    http = adapter.sign(wire, KEYS, MS * 1_000_000, 5000)

    assert http.headers["expTime"] == str(MS + 5000)
    assert adapter.expires_ns(wire, MS * 1_000_000, 5000) == (MS + 5000) * 1_000_000


@pytest.mark.parametrize("product", Product)
def test_no_such_order_is_as_of_the_oldest_time_that_the_venue_accepts(product: Product) -> None:
    """A question signed 30 s ahead of the venue's clock is answered: its clock is that far behind
    the signed time at most, and an order signed meanwhile may still come."""
    assert ADAPTERS[product].ahead_ns == 30 * NS_PER_S
