"""The keys of one account, and where a process finds them."""

from collections.abc import Mapping
from dataclasses import dataclass, field


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
