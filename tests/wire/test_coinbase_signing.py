"""What we send is what ccxt sends for the same inputs, down to the signature."""

import base64
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import ccxt
import numpy as np
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from messages.base import (
    ClientOrderId,
    Command,
    InstrumentId,
    StrategyId,
    VenueOrderId,
)
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
from messages.venue import QueryAccount, QueryFees, QueryFills, QueryOpenOrders
from trading.errors import Refused
from venues.coinbase.adapter import ADAPTERS, CoinbaseAdapter
from venues.coinbase.signing import check, public_key, simulator_keys, token
from venues.wire.keys import Keys

BTC = InstrumentId("BTC-USD.COINBASE")
VENUE_ID = VenueOrderId("0b1c2d3e-0000-4000-8000-000000000001")
NOW_S = 1_786_309_548
NOW = NOW_S * 1_000_000_000
WINDOW_MS = 120_000  # ccxt's tokens live two minutes
AT: dict[str, Any] = {"ts_event": NOW, "ts_init": NOW}
EC_KEYS = simulator_keys(np.random.default_rng(7))


def ed_keys() -> Keys:
    key = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    raw = key.private_bytes(
        serialization.Encoding.Raw,
        serialization.PrivateFormat.Raw,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.Raw, serialization.PublicFormat.Raw
    )
    return Keys("d2efa49a-369c-43d7-a60e-ae26e28853c2", base64.b64encode(raw + public).decode())


def spec(**fields: Any) -> OrderSpec:
    given: dict[str, Any] = {
        "client_order_id": ClientOrderId("M0123456789ab00000001"),
        "strategy_id": StrategyId("S-1"),
        "instrument_id": BTC,
        "side": OrderSide.BUY,
        "order_type": OrderType.LIMIT,
        "quantity": Decimal("0.01"),
        "price": Decimal("65000.10"),
    }
    return OrderSpec(**(given | fields))


ABOUT: dict[str, Any] = {
    **AT,
    "client_order_id": ClientOrderId("M0123456789ab00000001"),
    "strategy_id": StrategyId("S-1"),
    "instrument_id": BTC,
    "venue_order_id": VENUE_ID,
}
# command -> the endpoint by ccxt's name; "{order_id}" is filled from ccxt's parameters
CALLS: dict[str, tuple[Command, str]] = {
    "place limit": (SubmitOrder(**AT, order=spec()), "brokerage/orders"),
    "place market": (
        SubmitOrder(**AT, order=spec(order_type=OrderType.MARKET, price=None)),
        "brokerage/orders",
    ),
    "place IOC": (
        SubmitOrder(**AT, order=spec(time_in_force=TimeInForce.IOC)),
        "brokerage/orders",
    ),
    "place stop": (
        SubmitOrder(
            **AT, order=spec(order_type=OrderType.STOP_LIMIT, trigger_price=Decimal(66000))
        ),
        "brokerage/orders",
    ),
    "amend": (
        ModifyOrder(**ABOUT, quantity=Decimal("0.005"), price=Decimal(64000)),
        "brokerage/orders/edit",
    ),
    "cancel": (CancelOrder(**ABOUT), "brokerage/orders/batch_cancel"),
    "query": (QueryOrder(**ABOUT), "brokerage/orders/historical/{order_id}"),
    "query by our id": (
        QueryOrder(**(ABOUT | {"venue_order_id": None})),
        "brokerage/orders/historical/batch",
    ),
    "open orders": (
        QueryOpenOrders(**AT, instrument_id=BTC),
        "brokerage/orders/historical/batch",
    ),
    "my trades": (QueryFills(**AT, instrument_id=BTC), "brokerage/orders/historical/fills"),
    "my trades of an order": (
        QueryFills(**AT, instrument_id=BTC, venue_order_id=VENUE_ID),
        "brokerage/orders/historical/fills",
    ),
    "balances": (QueryAccount(**AT), "brokerage/accounts"),
    "fees": (QueryFees(**AT, instrument_id=BTC), "brokerage/transaction_summary"),
}


def ccxt_of(keys: Keys, nonce: str = "") -> ccxt.coinbase:
    """ccxt with its clock stopped, and drawing `nonce`."""
    exchange = ccxt.coinbase({"apiKey": keys.api_key, "secret": keys.secret})
    exchange.milliseconds = lambda: NOW_S * 1000
    exchange.seconds = lambda: NOW_S
    exchange.random_bytes = lambda _: nonce
    return exchange


def parts(headers: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(header, claims) of the token in these headers."""
    head, claims, _ = headers["Authorization"].removeprefix("Bearer ").split(".")
    return tuple(  # type: ignore[return-value]
        json.loads(base64.urlsafe_b64decode(p + "=" * (-len(p) % 4))) for p in (head, claims)
    )


@pytest.mark.parametrize("keys", [EC_KEYS, ed_keys()], ids=["ES256", "EdDSA"])
@pytest.mark.parametrize("call", CALLS)
def test_a_signed_request_is_ccxts_for_the_same_inputs(call: str, keys: Keys) -> None:
    command, path = CALLS[call]
    adapter = CoinbaseAdapter()
    wire = adapter.request_of(command, {})

    ours = adapter.sign(wire, keys, NOW, WINDOW_MS)

    params = dict(wire.params) | ({"order_id": VENUE_ID} if "{" in path else {})
    nonce = parts(ours.headers)[0]["nonce"]
    theirs = ccxt_of(keys, nonce).sign(path, ["v3", "private"], wire.method, params)
    assert f"https://api.coinbase.com{ours.target}" == theirs["url"]
    assert ours.body == (theirs["body"] or "").encode()
    assert ours.method == theirs["method"]
    assert ours.headers["Content-Type"] == theirs["headers"]["Content-Type"]
    assert parts(ours.headers) == parts(theirs["headers"])
    assert ours.headers["Authorization"] == theirs["headers"]["Authorization"]


def test_a_public_request_is_ccxts() -> None:
    adapter = CoinbaseAdapter()

    ours = adapter.unsigned(adapter.ask_book(BTC))

    theirs = ccxt_of(EC_KEYS).sign(
        "brokerage/market/product_book", ["v3", "public"], "GET", {"product_id": "BTC-USD"}
    )
    assert f"https://api.coinbase.com{ours.target}" == theirs["url"]


def test_a_subscription_is_signed_as_ccxt_does() -> None:
    adapter = CoinbaseAdapter()

    user, beats = adapter.user_session(EC_KEYS, {}).opened(NOW)

    frame = json.loads(user)
    nonce = parts({"Authorization": frame["jwt"]})[0]["nonce"]
    assert frame["jwt"] == ccxt_of(EC_KEYS, nonce).create_auth_token(NOW_S)
    assert (frame["type"], frame["channel"]) == ("subscribe", "user")
    assert json.loads(beats) == {"type": "subscribe", "channel": "heartbeats"}


def test_no_two_requests_share_a_nonce() -> None:
    adapter = CoinbaseAdapter()
    wires = [CoinbaseAdapter().request_of(command, {}) for command, _ in CALLS.values()]

    signed = [adapter.sign(w, EC_KEYS, NOW + ms * 10**6, 5000) for w in wires for ms in (0, 1)]

    nonces = {parts(request.headers)[0]["nonce"] for request in signed}
    assert len(nonces) == 2 * len(wires)


def test_a_request_dies_with_its_receive_window() -> None:
    adapter = CoinbaseAdapter()
    wire = adapter.request_of(QueryAccount(**AT), {})

    claims = parts(adapter.sign(wire, EC_KEYS, NOW + 999_000_000, 5000).headers)[1]

    assert (claims["nbf"], claims["exp"]) == (NOW_S, NOW_S + 5)
    assert adapter.expires_ns(wire, NOW + 999_000_000, 5000) == (NOW_S + 5) * 10**9


@pytest.mark.parametrize("keys", [EC_KEYS, ed_keys()], ids=["ES256", "EdDSA"])
def test_a_token_is_read_back_and_every_flaw_is_seen(keys: Keys) -> None:
    raw = token(keys, NOW_S, uri="GET api.coinbase.com/x")
    known = {keys.api_key: public_key(keys.secret)}
    head, claims, signature = raw.split(".")

    found = check(raw, known, NOW_S + 119)

    assert (found.subject, found.uri) == (keys.api_key, "GET api.coinbase.com/x")
    for flawed, at in (
        (raw, NOW_S + 120),
        (raw, NOW_S - 1),
        (f"{head}.{claims}.{signature[:-4]}AAAA", NOW_S),
        (f"{head}.{claims[:-2]}.{signature}", NOW_S),
        (f"{head}.{claims}", NOW_S),
        ("", NOW_S),
    ):
        with pytest.raises(ValueError, match=r"."):
            check(flawed, known, at)
    with pytest.raises(ValueError, match="unknown key"):
        check(raw, {}, NOW_S)


def test_a_key_with_escaped_line_breaks_is_the_same_key() -> None:
    escaped = Keys(EC_KEYS.api_key, EC_KEYS.secret.replace("\n", "\\n"))

    assert token(escaped, NOW_S) == token(EC_KEYS, NOW_S)


@pytest.mark.parametrize("secret", ["not a key", "-----BEGIN EC PRIVATE KEY-----\nAAAA\n", ""])
def test_a_key_of_another_kind_is_refused_in_one_line(secret: str) -> None:
    with pytest.raises(Refused, match="give the EC key") as refused:
        token(Keys("name", secret), NOW_S)

    assert "\n" not in str(refused.value)


def test_the_registrys_adapter_is_spot() -> None:
    assert ADAPTERS[Product.SPOT].venue == "COINBASE"
