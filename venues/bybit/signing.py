"""HMAC-SHA256 signatures as Bybit checks them.

docs: v5 "Integration Guidance / Authentication": REST signs time stamp, key, window and then the
query or the body as it is sent; "WebSocket / Connect": a stream signs "GET/realtime" and the time
at which the sign-in expires.
"""

import hashlib
import hmac
from typing import Final

from messages.base import NS_PER_MS
from venues.wire.keys import Keys

API_KEY: Final = "X-BAPI-API-KEY"
TIMESTAMP: Final = "X-BAPI-TIMESTAMP"
WINDOW: Final = "X-BAPI-RECV-WINDOW"
SIGN: Final = "X-BAPI-SIGN"


def signature(payload: str, secret: str) -> str:
    """The signature of `payload` in lower-case hex."""
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


def matches(payload: str, secret: str, signed: str) -> bool:
    """Whether `signed` is the signature of `payload`; takes the same time either way."""
    return hmac.compare_digest(signature(payload, secret).encode(), signed.lower().encode())


def headers(payload: str, keys: Keys, venue_ns: int, recv_window_ms: int) -> dict[str, str]:
    """What a signed REST request says of itself; `payload` is its query or its body."""
    stamp = str(venue_ns // NS_PER_MS)
    text = f"{stamp}{keys.api_key}{recv_window_ms}{payload}"
    return {
        API_KEY: keys.api_key,
        TIMESTAMP: stamp,
        WINDOW: str(recv_window_ms),
        SIGN: signature(text, keys.secret),
    }


def stream_payload(expires_ms: int) -> str:
    """What the sign-in of a private stream signs."""
    return f"GET/realtime{expires_ms}"
