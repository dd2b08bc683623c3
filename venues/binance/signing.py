"""HMAC-SHA256 signatures as Binance checks them.

docs: Spot "Request security" (2026-09). REST signs the text that is sent (query string, then
body, with nothing between them); the WebSocket API signs its parameters sorted by name.
"""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Final

import numpy as np

from venues.wire.keys import Keys

_KEY_LENGTH: Final = 64
_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def simulator_keys(rng: np.random.Generator) -> Keys:
    """Keys for one run of the simulator; they open nothing else, so chance may be seeded."""
    drawn = rng.integers(0, len(_ALPHABET), 2 * _KEY_LENGTH)
    text = "".join(_ALPHABET[i] for i in drawn)
    return Keys(text[:_KEY_LENGTH], text[_KEY_LENGTH:])


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
