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
    },
    "BYBIT": {
        "-2015": _EXPIRED,
        "33004": _EXPIRED,
        "10002": _TIME,
        "10003": _KEY,
        "10004": _SECRET,
        "10005": _RIGHTS,
        "10007": _KEY,
        "10010": _ADDRESS,
        "10020": _ACCOUNT,
        "10028": _ACCOUNT,
    },
    "COINBASE": {
        "401": f"one of three: {_KEY}; {_SECRET}; {_ADDRESS}",
        "PERMISSION_DENIED": _RIGHTS,
    },
}


def remedy_of(venue: str, code: str) -> str:
    """What to do about a signed question that was refused with this code."""
    text = _TABLES.get(venue, {}).get(code.upper(), _UNKNOWN)
    names = {n: f"MANTA_{venue}_{n.upper()}" for n in ("secret", "passphrase")}
    return text.format(key=f"MANTA_{venue}_API_KEY", **names)
