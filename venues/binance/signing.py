"""HMAC-SHA256 signatures as Binance checks them.

docs: Spot "Request security" (2026-09). REST signs the text that is sent (query string, then
body, with nothing between them); the WebSocket API signs its parameters sorted by name.
"""

import hashlib
import hmac
from collections.abc import Mapping


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
