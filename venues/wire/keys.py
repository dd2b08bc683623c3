"""The keys of one account, and where a process finds them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

_LENGTH: Final = 64  # Binance refuses other keys by their length alone
_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Keys:
    """An API key and its secrets; these never show in a repr, so never in a log.

    secret      an HMAC secret, or a private key in PEM (Coinbase)
    passphrase  of venues that ask for one (OKX), else ""
    """

    api_key: str
    secret: str = field(repr=False)
    passphrase: str = field(default="", repr=False)

    def environment(self, venue: str) -> dict[str, str]:
        """The variables through which another process gets these keys."""
        found = {_name(venue, "API_KEY"): self.api_key, _name(venue, "SECRET"): self.secret}
        return found | ({_name(venue, "PASSPHRASE"): self.passphrase} if self.passphrase else {})


def drawn_keys(rng: np.random.Generator, *, passphrase: bool = False) -> Keys:
    """Keys for one simulator; they open nothing else, so chance may be seeded."""
    drawn = rng.integers(0, len(_ALPHABET), 2 * _LENGTH)
    text = "".join(_ALPHABET[i] for i in drawn)
    return Keys(text[:_LENGTH], text[_LENGTH:], text[::8] if passphrase else "")


def keys_from(venue: str, environment: Mapping[str, str], *, passphrase: bool = False) -> Keys:
    """The keys of this process's account at `venue` ("OKX": MANTA_OKX_API_KEY and so on).

    raises  ValueError naming the variable that is missing
    """
    wanted = ["API_KEY", "SECRET", *(["PASSPHRASE"] if passphrase else [])]
    for part in wanted:
        if not environment.get(_name(venue, part)):
            raise ValueError(
                f"{_name(venue, part)}: not set: export the venue's key before the run"
            )
    return Keys(*(environment[_name(venue, part)] for part in wanted))


def _name(venue: str, part: str) -> str:
    return f"MANTA_{venue}_{part}"
