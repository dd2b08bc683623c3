"""What to do where a venue does not accept keys: its codes, as literal tables, and the remedy.

The codes are those of the venues' codec_errors.py. Binance says -2015 of three causes and Coinbase
401 of all: then each is named.
"""

from typing import Final

_KEY: Final = "wrong key: copy {key} anew, and see that it is of this venue and not of its test net"
_SECRET: Final = "wrong secret: copy {secret} anew, whole and without blanks"
_PASSPHRASE: Final = "wrong passphrase: {passphrase} is the one chosen when the key was made"
_ADDRESS: Final = "IP not allowed: add this host's public address to the key at the venue"
_RIGHTS: Final = "permissions: allow the key to read (and to trade) this product at the venue"
_EXPIRED: Final = "the key has expired or is frozen: make a new one at the venue"
_TIME: Final = "the time was refused: set this host's clock by NTP"
_ACCOUNT: Final = "the account is of another kind: upgrade it at the venue to a unified one"
_BIND: Final = "the key must name addresses: add this host's public one to it at the venue"
_REGION: Final = "the venue does not serve this host's address or country: trade from where it does"
_BLOCKED: Final = "the venue restricts this account: ask its support why"
_IDENTITY: Final = "the venue wants to know who you are: complete the steps on its site"
_BANNED: Final = "this host's address is banned for asking too often: stop all programs, and wait"
_UNKNOWN: Final = "look the code up in the venue's documentation; check key, secret and permissions"

_TABLES: Final[dict[str, dict[str, str]]] = {
    "BINANCE": {
        "-1002": _RIGHTS,
        "-1021": _TIME,
        "-1022": _SECRET,
        "-2014": _KEY,
        "-2015": f"one of three: {_KEY}; {_ADDRESS}; {_RIGHTS}",
    },
    "OKX": {
        "50007": _BLOCKED,
        "50008": _KEY,
        "50009": _BLOCKED,
        "50012": _BLOCKED,
        "50027": _BLOCKED,
        "50028": _BLOCKED,
        "50029": _BLOCKED,
        "50030": _RIGHTS,
        "50035": _BIND,
        "50051": _REGION,
        "50059": _IDENTITY,
        "50060": _IDENTITY,
        "50100": _EXPIRED,
        "50101": _KEY,
        "50102": _TIME,
        "50103": _KEY,
        "50104": _PASSPHRASE,
        "50105": _PASSPHRASE,
        "50106": _SECRET,
        "50107": _TIME,
        "50110": _ADDRESS,
        "50111": _KEY,
        "50112": _TIME,
        "50113": _SECRET,
        "50114": _RIGHTS,
        "50119": _KEY,
        "50120": _RIGHTS,
        "50121": _REGION,
    },
    "BYBIT": {
        "-2015": _EXPIRED,
        "33004": _EXPIRED,
        "10002": _TIME,
        "10003": _KEY,
        "10004": _SECRET,
        "10005": _RIGHTS,
        "10007": _KEY,
        "10008": _BLOCKED,
        "10009": _BANNED,
        "10010": _ADDRESS,
        "10024": _IDENTITY,
        "10027": _BLOCKED,
        "10020": _ACCOUNT,
        "10028": _ACCOUNT,
    },
    "COINBASE": {
        "401": f"one of three: {_KEY}; {_SECRET}; {_ADDRESS}",
        "403": f"one of two: {_RIGHTS}; {_ADDRESS}",
        "PERMISSION_DENIED": _RIGHTS,
    },
}


def codes_of(venue: str) -> frozenset[str]:
    """The codes whose remedy is known."""
    return frozenset(_TABLES.get(venue, {}))


def remedy_of(venue: str, code: str) -> str:
    """What to do about a signed question that was refused with this code."""
    text = _TABLES.get(venue, {}).get(code.upper(), _UNKNOWN)
    names = {n: f"MANTA_{venue}_{n.upper()}" for n in ("secret", "passphrase")}
    return text.format(key=f"MANTA_{venue}_API_KEY", **names)
