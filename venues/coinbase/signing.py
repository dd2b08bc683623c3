"""JSON Web Tokens as Coinbase checks them: one for each request, one for each subscription.

docs: "API Key Authentication" (https://docs.cdp.coinbase.com/coinbase-app/
authentication-authorization/api-key-authentication) and "WebSocket overview" (2026-09). A key is
an EC key in PEM (ES256), or base64 of an Ed25519 key (seed and public part, EdDSA). A token names
the request it is for (`uri`, without query and body) and dies two minutes after `nbf` at the
latest; we let it die with our receive window, so that a late request is refused and not done.

Both signatures are deterministic (RFC 6979, RFC 8032): the same inputs give the same token, so
nothing here draws chance. The `nonce`, which must differ between requests, is a digest of them.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import msgspec
import numpy as np
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from trading.errors import Refused
from venues.wire.keys import Keys

HOST: Final = "api.coinbase.com"  # a token names the venue's host, wherever the request goes
LIFETIME_S: Final = 120  # docs: "JWTs expire after 2 minutes"
_NONCE_CHARS: Final = 32
_SEED: Final = 32
_COORDINATE: Final = 32
# The order of NIST P-256 (SEC 2, 2.4.2): of the two values of `s` that verify, the lower is sent.
_P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_HASH: Final = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
_VERIFY: Final = ec.ECDSA(hashes.SHA256())

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token that was checked says."""

    subject: str
    not_before_s: int
    expires_s: int
    uri: str  # "" of a token for a subscription


@lru_cache(maxsize=16)
def private_key(secret: str) -> PrivateKey:
    """The key behind `Keys.secret`; line breaks may come as the two characters "\\n".

    raises  Refused if it is neither kind of key: nothing can be sent with it
    """
    try:
        if secret.startswith("-----BEGIN"):
            raw = secret.replace("\\n", "\n").encode()
            found = serialization.load_pem_private_key(raw, password=None)
        else:
            seed = base64.b64decode(secret, validate=True)[:_SEED]
            found = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
    except (ValueError, UnsupportedAlgorithm) as e:
        raise Refused(f"secret key: unreadable ({type(e).__name__}); {_WANTED}") from None
    if isinstance(found, ec.EllipticCurvePrivateKey) and isinstance(found.curve, ec.SECP256R1):
        return found
    if isinstance(found, ed25519.Ed25519PrivateKey):
        return found
    raise Refused(f"secret key: of another kind; {_WANTED}")


_WANTED: Final = "give the EC key (P-256) in PEM, or the Ed25519 key in base64, as Coinbase made it"


def token(
    keys: Keys, seconds: int, lifetime_s: int = LIFETIME_S, uri: str = "", salt: bytes = b""
) -> str:
    """A token that holds from `seconds` on.

    uri    "GET api.coinbase.com/api/v3/brokerage/accounts"; "" for a subscription
    salt   what else makes the request differ from others of the same second
    """
    key = private_key(keys.secret)
    eddsa = isinstance(key, ed25519.Ed25519PrivateKey)
    nonce = hashlib.sha256(b"\0".join((str(seconds).encode(), uri.encode(), salt))).hexdigest()
    head = {
        "alg": "EdDSA" if eddsa else "ES256",
        "typ": "JWT",
        "kid": keys.api_key,
        "nonce": nonce[:_NONCE_CHARS],
    }
    claims: dict[str, object] = {
        "aud": ["cdp_service" if eddsa else "retail_rest_api_proxy"],
        "iss": "cdp" if eddsa else "coinbase-cloud",
        "nbf": seconds,
        "exp": seconds + min(lifetime_s, LIFETIME_S),
        "sub": keys.api_key,
        "iat": seconds,
    }
    if uri:
        claims |= {"uris": [uri]} if eddsa else {"uri": uri}
    signed = f"{_part(msgspec.json.encode(head))}.{_part(msgspec.json.encode(claims))}"
    return f"{signed}.{_part(_sign(key, signed.encode()))}"


def check(raw: str, keys: Mapping[str, PublicKey], now_s: float) -> Claims:
    """What a token says, if it is signed with a key of `keys` (by name) and holds now.

    raises  ValueError saying what is wrong with it
    """
    parts = raw.split(".")
    if len(parts) != 3:
        raise ValueError("not a token of three parts")
    try:
        head = msgspec.json.decode(_bytes(parts[0]), type=dict[str, str])
        claims = msgspec.json.decode(_bytes(parts[1]), type=_Claims)
        signature = _bytes(parts[2])
    except (msgspec.DecodeError, ValueError) as e:
        raise ValueError(f"unreadable: {e}") from None
    key = keys.get(head.get("kid", ""))
    if key is None or claims.sub != head.get("kid"):
        raise ValueError("unknown key")
    if not _verified(key, head.get("alg", ""), f"{parts[0]}.{parts[1]}".encode(), signature):
        raise ValueError("bad signature")
    if not claims.nbf <= now_s < claims.exp or claims.exp - claims.nbf > LIFETIME_S:
        raise ValueError("not valid at this time")
    return Claims(claims.sub, claims.nbf, claims.exp, claims.uri or "".join(claims.uris[:1]))


class _Claims(msgspec.Struct):
    sub: str
    nbf: int
    exp: int
    uri: str = ""
    uris: list[str] = []


def public_key(secret: str) -> PublicKey:
    """What a venue keeps of a key."""
    return private_key(secret).public_key()


def simulator_keys(rng: np.random.Generator) -> Keys:
    """Keys for one run of the simulator; they open nothing else, so chance may be seeded."""
    key = ec.derive_private_key(int.from_bytes(rng.bytes(_COORDINATE - 1)) + 1, ec.SECP256R1())
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    return Keys(f"organizations/simulator/apiKeys/{rng.bytes(8).hex()}", pem.decode())


def _sign(key: PrivateKey, message: bytes) -> bytes:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(message)
    r, s = decode_dss_signature(key.sign(message, _HASH))
    s = min(s, _P256_ORDER - s)
    return r.to_bytes(_COORDINATE) + s.to_bytes(_COORDINATE)


def _verified(key: PublicKey, algorithm: str, message: bytes, signature: bytes) -> bool:
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, message)
            return algorithm == "EdDSA"
        r, s = signature[:_COORDINATE], signature[_COORDINATE:]
        der = encode_dss_signature(int.from_bytes(r), int.from_bytes(s))
        key.verify(der, message, _VERIFY)
    except (InvalidSignature, ValueError):
        return False
    return algorithm == "ES256" and len(signature) == 2 * _COORDINATE


def _part(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
