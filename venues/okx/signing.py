"""HMAC-SHA256 signatures as OKX checks them.

docs: docs-v5 "REST Authentication", "WebSocket / Login" (2026-09). Signed is the time stamp, the
method, the path with its query, and the body, with nothing between them.
"""

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, urlencode

import msgspec

from messages.base import NS_PER_S
from venues.okx.codec_names import ms
from venues.okx.codec_requests import AMEND, ORDER, ROWS
from venues.wire.keys import Keys
from venues.wire.request import HttpRequest, WireRequest

VERIFY: Final = "/users/self/verify"
_EXPIRE: Final = frozenset({ORDER, AMEND, "/api/v5/trade/batch-orders"})
_encode: Final = msgspec.json.Encoder().encode


def sign(payload: str, secret: str) -> str:
    """The signature of `payload` in base64."""
    digest = hmac.new(secret.encode(), payload.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def matches(payload: str, secret: str, signature: str) -> bool:
    """Whether `signature` is that of `payload`; takes the same time either way."""
    return hmac.compare_digest(sign(payload, secret).encode(), signature.encode())


def stamp(venue_ns: int) -> str:
    """The time of a REST request: "2026-09-08T07:02:03.004Z"."""
    whole = datetime.fromtimestamp(venue_ns // NS_PER_S, UTC)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{ms(venue_ns) % 1000:03d}Z"


def target(wire: WireRequest) -> str:
    """Path, and query where the request is a question."""
    if wire.method != "GET" or not wire.params:
        return wire.path
    return f"{wire.path}?{urlencode(dict(wire.params), quote_via=quote)}"


def body(wire: WireRequest) -> bytes:
    """What is sent beside the path: an object, or a list where the request is about several."""
    if wire.method == "GET" or not wire.params:
        return b""
    return _encode(wire.params[ROWS] if ROWS in wire.params else dict(wire.params))


def expires(wire: WireRequest) -> bool:
    """Whether the venue takes a last moment for it: docs, `expTime` of "Place order" and others."""
    return wire.method == "POST" and wire.path in _EXPIRE


def signed(wire: WireRequest, keys: Keys, venue_ns: int, recv_window_ms: int) -> HttpRequest:
    """The request with its signature, void `recv_window_ms` after `venue_ns` where that can be."""
    where, what, when = target(wire), body(wire), stamp(venue_ns)
    headers = {
        "OK-ACCESS-KEY": keys.api_key,
        "OK-ACCESS-PASSPHRASE": keys.passphrase,
        "OK-ACCESS-TIMESTAMP": when,
        "OK-ACCESS-SIGN": sign(when + wire.method + where + what.decode(), keys.secret),
    }
    if wire.method != "GET":
        headers["Content-Type"] = "application/json"
    if expires(wire):
        headers["expTime"] = str(ms(venue_ns) + recv_window_ms)
    return HttpRequest(wire.method, where, headers, what)


def login(keys: Keys, venue_ns: int) -> bytes:
    """The frame that signs a private connection in; its time is in seconds."""
    when = str(venue_ns // NS_PER_S)
    arg = {
        "apiKey": keys.api_key,
        "passphrase": keys.passphrase,
        "timestamp": when,
        "sign": sign(f"{when}GET{VERIFY}", keys.secret),
    }
    return _encode({"op": "login", "args": [arg]})
