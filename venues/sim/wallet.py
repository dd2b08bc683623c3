"""Balances of the one account, in whole units of each currency."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from messages.base import InstrumentId
from messages.venue import Balance
from venues.sim.units import Currency


class Wallet:
    """What the account owns, and how much of it working orders hold."""

    __slots__ = ("currencies", "locked", "position", "total", "touched")

    def __init__(self, known: Mapping[str, Currency], balances: Mapping[str, Decimal]) -> None:
        self.currencies = dict(known)
        self.total = {name: 0 for name in known}
        self.locked = {name: 0 for name in known}
        for name, amount in balances.items():
            self.total[name] = known[name].units(amount)
        # Lots bought minus lots sold since the start, whatever commissions took.
        self.position: dict[InstrumentId, int] = {}
        self.touched: set[str] = set()  # currencies whose balance changed since somebody told

    def moved(self, instrument_id: InstrumentId, lots: int) -> None:
        """A fill bought (> 0) or sold so many lots."""
        self.position[instrument_id] = self.position.get(instrument_id, 0) + lots

    def free(self, name: str) -> int:
        return self.total[name] - self.locked[name]

    def balances(self, names: Iterable[str]) -> tuple[Balance, ...]:
        return tuple(
            Balance(
                currency=name,
                total=self.currencies[name].amount(self.total[name]),
                free=self.currencies[name].amount(self.free(name)),
                locked=self.currencies[name].amount(self.locked[name]),
            )
            for name in names
        )
