"""Who asks, and is it fresh: API key, signature, timestamp.

docs: Spot "Request security / Timing security" (2026-09): a request is processed if its timestamp
is less than a second ahead of the server and not older than recvWindow, which is at most 60000.
"""

from typing import Final

from messages.base import NS_PER_MS
from venues.binance import simulator_errors as errors
from venues.binance.signing import matches, unsigned
from venues.binance.simulator_params import Params
from venues.serving.errors import ApiError
from venues.wire.keys import Keys

_AHEAD_MS: Final = 1000
_RECV_WINDOW_MS: Final = 5000
_RECV_WINDOW_MS_MAX: Final = 60_000
_KEY_LENGTH: Final = 64


def check_key(sent: str | None, keys: Keys) -> None:
    """raises ApiError -2014 for what cannot be a key, -2015 for a wrong one."""
    if sent is None or len(sent) != _KEY_LENGTH:
        raise errors.bad_key_format()
    if sent != keys.api_key:
        raise errors.bad_key()


def check_signature(signed_text: str, signature: str, keys: Keys) -> None:
    """raises ApiError -1022."""
    if not matches(signed_text, keys.secret, signature):
        raise errors.bad_signature()


def check_time(params: Params, now_ns: int) -> None:
    """Take `timestamp` and `recvWindow`; raises ApiError -1021 if the request is stale or early."""
    timestamp = params.integer("timestamp")
    if timestamp is None:
        raise errors.missing("timestamp")
    window = params.decimal("recvWindow")
    window_ms = _RECV_WINDOW_MS if window is None else window
    if window_ms > _RECV_WINDOW_MS_MAX:
        raise ApiError(-1131, "recvWindow must be less than 60000")
    now_ms = now_ns // NS_PER_MS
    if timestamp >= now_ms + _AHEAD_MS:
        raise errors.too_new()
    if now_ms - timestamp > window_ms:
        raise errors.too_old()


def signed_text(query: str, body: str) -> str:
    """What a REST request signed: query string and body, joined by nothing, as docs say."""
    return unsigned(query) + unsigned(body)
