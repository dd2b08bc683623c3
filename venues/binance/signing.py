"""HMAC-SHA256 signatures as Binance checks them, and the keys that make them.

docs: Spot "Request security" (2026-09). REST signs the text that is sent (query string, then
body, with nothing between them); the WebSocket API signs its parameters sorted by name.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

API_KEY_VARIABLE: Final = "MANTA_BINANCE_API_KEY"
SECRET_VARIABLE: Final = "MANTA_BINANCE_SECRET"
_KEY_LENGTH: Final = 64
_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Keys:
    """An API key and its secret; the secret never shows in a repr, so never in a log."""

    api_key: str
    secret: str = field(repr=False)

    def environment(self) -> dict[str, str]:
        """The variables through which another process gets these keys."""
        return {API_KEY_VARIABLE: self.api_key, SECRET_VARIABLE: self.secret}


def keys_from(environment: Mapping[str, str]) -> Keys:
    """The keys of this process's account.

    raises  ValueError naming the variable that is missing
    """
    for name in (API_KEY_VARIABLE, SECRET_VARIABLE):
        if not environment.get(name):
            raise ValueError(f"{name}: not set: export the venue's key before the run")
    return Keys(environment[API_KEY_VARIABLE], environment[SECRET_VARIABLE])


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
