"""What exchanges do to those who trade there, as rules for the simulators' plans."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from messages.market import Product

BEGIN_S: Final = 2.0  # of the first fault, after the tape began
FOR_S: Final = 4.0  # how long each is in force

_PLACE: Final = {  # the request that places an order
    "BTCUSDT.BINANCE": "POST /api/v3/order",
    "BTCUSDT-PERP.BINANCE": "POST /fapi/v1/order",
    "OKX": "POST /api/v5/trade/order",
    "BYBIT": "POST /v5/order/create",
    "COINBASE": "POST /api/v3/brokerage/orders",
}

# Until an order that never arrived is settled: the receive window (5 s), and as long as the venue's
# "not found" counts as older than it is: 11 s at Coinbase, 30 s at OKX.
_NEVER_ARRIVED_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Fault:
    """One line of the list.

    rules    (kind, more TOML); all are in force for the same seconds. No two faults share a kind,
             so that counts of what struck tell them apart
    orders   strikes requests that place orders only
    venues   that have what is broken; empty: all
    more_s   of recovery than other faults, before the next one. A strategy that still waits for an
             order of unknown fate sends none, so the next fault on orders would strike nothing
    """

    rules: tuple[tuple[str, str], ...]
    orders: bool = False
    venues: tuple[str, ...] = ()
    more_s: float = 0.0

    def at(self, venue: str) -> bool:
        """Whether that venue has what is broken."""
        return not self.venues or venue in self.venues

    def toml(self, market: str, at_s: float) -> str:
        """Its rules at the venue of a market, from then on."""
        when = f"at_s = {at_s}\nfor_s = {FOR_S}\n"
        place = _PLACE.get(market) or _PLACE[market.rpartition(".")[2]]
        only = f'requests = ["{place}"]\n' if self.orders else ""
        rules = (f'[[fault]]\nkind = "{kind}"\n{when}{more}\n{only}' for kind, more in self.rules)
        return "\n".join(rules)


def _both(kind: str, more: str) -> tuple[tuple[str, str], ...]:
    return ((f"{kind}_MARKET", more), (f"{kind}_USER", more))


FAULTS: Final = {
    "silent stall": Fault(_both("MUTE", "")),
    "half-open socket": Fault((("HALF_OPEN", "times = 3"),)),
    "reset": Fault(_both("CUT", "probability = 0.05\ntimes = 4")),
    "slow drip": Fault(
        (
            ("SLOW_STREAM", "times = 1\ndelay_ms = 20"),
            ("SLOW_DRIP", "probability = 0.3\ndelay_ms = 400"),
        )
    ),
    "gap": Fault((("DROP_DEPTH", "probability = 0.05"),)),
    "duplicate": Fault((("DUPLICATE_DEPTH", "probability = 0.3"),)),
    "reorder": Fault((("REORDER_DEPTH", "probability = 0.05"),)),
    "bad checksum": Fault((("BAD_CHECKSUM", "probability = 0.05"),), venues=("OKX",)),
    # Binance's answer is to wait until the minute is over, and that is obeyed.
    "429 storm": Fault((("THROTTLE", ""),), more_s=60.0),
    "5xx": Fault((("FAIL_5XX", "probability = 0.5"),), more_s=_NEVER_ARRIVED_S),
    "answer lost after acting": Fault((("ACT_THEN_CUT", "probability = 0.7"),), orders=True),
    "5xx after acting": Fault((("ACT_THEN_5XX", "probability = 0.7"),), orders=True),
    "answer late": Fault((("DELAY", "delay_ms = 1500"),), orders=True),
    "partial-fill storm": Fault((("PARTIAL_FILLS", "pieces = 20"),)),
    "filter change": Fault((("FILTER_CHANGE", ""),)),
    "maintenance": Fault((("MAINTENANCE", ""),), more_s=_NEVER_ARRIVED_S),
    "clock skew": Fault((("CLOCK_SKEW", "delay_ms = 2000"),)),
    "expired listen key": Fault((("EXPIRE_KEY", "times = 1"),)),
}

SPOT: Final = {
    "BINANCE": "BTCUSDT.BINANCE",
    "OKX": "BTC-USDT.OKX",
    "BYBIT": "BTCUSDT-SPOT.BYBIT",
    "COINBASE": "BTC-USD.COINBASE",
}
LINEAR: Final = {
    "BINANCE": "BTCUSDT-PERP.BINANCE",
    "OKX": "BTC-USDT-SWAP.OKX",
    "BYBIT": "BTCUSDT-LINEAR.BYBIT",
}
MARKETS: Final = {Product.SPOT: SPOT, Product.LINEAR: LINEAR}


def begins(faults: Sequence[str], every_s: float) -> list[float]:
    """When each of these faults begins, in seconds; and last, when all is over."""
    lengths = [every_s + FAULTS[name].more_s for name in faults]
    return [BEGIN_S, *(BEGIN_S + total for total in accumulate(lengths))]


def plan(faults: Sequence[str], market: str, every_s: float, seed: int = 7) -> str:
    """These faults one after the other at the venue of a market, as TOML.

    seed  of what strikes by chance
    """
    found = [
        FAULTS[name].toml(market, at_s)
        for name, at_s in zip(faults, begins(faults, every_s), strict=False)
        if FAULTS[name].at(market.rpartition(".")[2])
    ]
    return f"seed = {seed}\n" + "\n".join(found)
