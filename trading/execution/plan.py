"""What is to be done, by which method, and how much of it should be done by when.

Every method is one function: how much of the whole order may have been filled or be at work by now.

    TWAP     equal parts in equal times
    VWAP     parts by an expected profile of the market's volume
    POV      a share of the volume that the market has traded since the start
    ICEBERG  what has been filled, and one visible part more

What holds for all (rounding, prices, children, the end) is in `execution.core`.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from messages.base import NS_PER_S, InstrumentId
from messages.orders import OrderSide


class Method(StrEnum):
    """How the order is spread."""

    TWAP = "TWAP"
    VWAP = "VWAP"
    POV = "POV"
    ICEBERG = "ICEBERG"


@dataclass(frozen=True, slots=True)
class Plan:
    """A large order.

    quantity       whole lots
    limit          no child is worse than this; of ICEBERG its price, so it must be there
    duration_ns    when it ends, done or not; 0 never (ICEBERG, POV)
    slice_ns       how often a child is placed
    jitter         by how much of a slice its time is moved at random, either way
    offset_bps     how far beyond the touch a child may reach to trade at once
    participation  of the market's volume: POV's share
    profile        VWAP: expected volume of each slice, in any unit
    display        ICEBERG: what is visible
    raises         ValueError naming the field
    """

    instrument_id: InstrumentId
    side: OrderSide
    quantity: Decimal
    method: Method
    limit: Decimal | None = None
    duration_ns: int = 60 * NS_PER_S
    slice_ns: int = 5 * NS_PER_S
    jitter: float = 0.1
    offset_bps: Decimal = Decimal(5)
    participation: Decimal = Decimal("0.1")
    profile: tuple[float, ...] = ()
    display: Decimal = Decimal(0)
    reduce_only: bool = False

    def __post_init__(self) -> None:
        problems = (
            ("quantity", self.quantity <= 0),
            ("slice_ns", self.slice_ns <= 0),
            ("duration_ns", self.duration_ns != self.slices * self.slice_ns),
            ("duration_ns", self.timed and self.duration_ns == 0),
            ("jitter", not 0 <= self.jitter < 0.5),
            ("offset_bps", not 0 <= self.offset_bps < 10_000),
            ("participation", not 0 < self.participation <= 1),
            ("profile", self.method is Method.VWAP and not self._sound_profile()),
            ("display", self.method is Method.ICEBERG and not 0 < self.display <= self.quantity),
            ("limit", self.method is Method.ICEBERG and self.limit is None),
            ("limit", self.limit is not None and self.limit <= 0),
        )
        for name, wrong in problems:
            if wrong:
                raise ValueError(f"{name}: {getattr(self, name)} does not fit {self.method}")

    @property
    def timed(self) -> bool:
        """Whether the clock says how much is due."""
        return self.method in (Method.TWAP, Method.VWAP)

    @property
    def slices(self) -> int:
        """How many there are; 0 where it goes on until it is done."""
        return max(self.duration_ns, 0) // self.slice_ns if self.slice_ns > 0 else 0

    def _sound_profile(self) -> bool:
        return (
            len(self.profile) == self.slices
            and min(self.profile, default=-1.0) >= 0.0
            and 0.0 < sum(self.profile) < float("inf")
        )


def due(plan: Plan, slice_number: int, volume: Decimal, filled: Decimal) -> Decimal:
    """How much may be filled or at work once slice `slice_number` (from 0) has begun.

    volume  what the market has traded since the start
    filled  what we have
    ->      0 .. plan.quantity, not rounded
    """
    number = slice_number + 1
    if plan.method is Method.TWAP:
        return plan.quantity * min(number, plan.slices) / plan.slices
    if plan.method is Method.VWAP:
        if number >= plan.slices:
            return plan.quantity
        done, whole = (Decimal(repr(sum(p))) for p in (plan.profile[:number], plan.profile))
        return min(plan.quantity * done / whole, plan.quantity)
    if plan.method is Method.POV:
        return min(plan.participation * volume, plan.quantity)
    return min(filled + plan.display, plan.quantity)
