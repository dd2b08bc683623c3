"""HMAC-SHA256 signatures as Binance checks them.

docs: Spot "Request security" (2026-09). REST signs the text that is sent (query string, then
body, with nothing between them); the WebSocket API signs its parameters sorted by name.
"""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, unquote, urlencode

from messages.base import NS_PER_MS
from venues.wire.keys import Keys
from venues.wire.request import HttpRequest, WireRequest

_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}


def sign(payload: str, secret: str) -> str:
    """The signature of `payload` in lower-case hex."""
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


def matches(payload: str, secret: str, signature: str) -> bool:
    """Whether `signature` (of either case) is that of `payload`; takes the same time either way."""
    return hmac.compare_digest(sign(payload, secret), signature.lower())


def sorted_payload(params: Mapping[str, object]) -> str:
    """What the WebSocket API signs: every parameter but the signature, sorted by name."""
    return "&".join(f"{k}={params[k]}" for k in sorted(params) if k != "signature")


def unsigned(text: str) -> str:
    """A query string or form body without its `signature`: the part that was signed."""
    return "&".join(part for part in text.split("&") if not part.startswith("signature="))


def plain(wire: WireRequest) -> HttpRequest:
    """A public request as it is sent."""
    query = urlencode(wire.params, quote_via=quote)
    return HttpRequest(wire.method, f"{wire.path}?{query}" if query else wire.path)


def signed(wire: WireRequest, keys: Keys, venue_ns: int, recv_window_ms: int) -> HttpRequest:
    """A private request as it is sent; what is not read goes into the body.

    A listen key is asked for with the API key alone.
    """
    headers = {"X-MBX-APIKEY": keys.api_key}
    if wire.path.endswith("/listenKey"):
        return HttpRequest(wire.method, wire.path, headers | _FORM)
    params = {"timestamp": venue_ns // NS_PER_MS, **wire.params, "recvWindow": recv_window_ms}
    text = urlencode(params, quote_via=quote)
    if wire.path.endswith("/batchOrders"):
        text = unquote(text)  # its JSON is sent, and signed, as it is
    text += f"&signature={sign(text, keys.secret)}"
    if wire.method in ("GET", "DELETE"):
        return HttpRequest(wire.method, f"{wire.path}?{text}", headers)
    return HttpRequest(wire.method, wire.path, headers | _FORM, text.encode())
