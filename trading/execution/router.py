"""Where an order goes: venues by score, and how much of it to each.

A venue's score is the weighted sum of five parts between 0 and 1 (requirements.md A5):

    price        1 - 100 x (distance of its best price from the best of all, as a fraction)
    fee          1 - 100 x its taker fee
    latency      1 - p50 / 100 ms; 0.5 where unknown
    liquidity    what may be taken of it, as a part of the order
    reliability  its share of requests that were answered well

The order is given out by score: each venue gets at most half of it and at most 80 % of what it
shows within the limit price, in whole lots, and nothing that it would refuse. What fits nowhere is
said, not hidden. A venue that stands alone may have all of the order: nobody is there to share.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from messages.base import InstrumentId
from messages.market import Instrument
from messages.orders import OrderSide
from trading.instruments import size_for

Levels = tuple[tuple[Decimal, Decimal], ...]  # (price, size), best first
_UNKNOWN_LATENCY: Final = 0.5


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each part counts; they add up to 1."""

    price: float = 0.35
    fee: float = 0.20
    latency: float = 0.15
    liquidity: float = 0.20
    reliability: float = 0.10

    def __post_init__(self) -> None:
        total = self.price + self.fee + self.latency + self.liquidity + self.reliability
        if abs(total - 1.0) > 1e-9:
            raise ValueError(f"weights add up to {total}, not to 1")


@dataclass(frozen=True, slots=True)
class RouterConfig:
    """share_most     of the order that one venue gets, where there are several
    shown_most     of what a venue shows that is taken there
    notional_least what a slice must be worth, beyond the venue's own minimum
    """

    weights: Weights = Weights()
    share_most: Decimal = Decimal("0.5")
    shown_most: Decimal = Decimal("0.8")
    notional_least: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A venue, as its market and its record are now.

    levels       what it shows on the side that the order would take
    latency_ms   p50 of its answers; None: unknown
    reliability  0 .. 1
    healthy      whether orders may go there (its breaker is closed, its book in step)
    """

    instrument: Instrument
    levels: Levels
    latency_ms: float | None = None
    reliability: float = 1.0
    healthy: bool = True


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of the order for one venue, limited to the worst price that it needs."""

    instrument_id: InstrumentId
    quantity: Decimal
    limit: Decimal
    score: float


@dataclass(frozen=True, slots=True)
class Route:
    """slices    best venue first
    unplaced  what no venue can take now
    scores    of every venue that could have been chosen
    """

    slices: tuple[Slice, ...]
    unplaced: Decimal
    scores: tuple[tuple[InstrumentId, float], ...]


def route(
    side: OrderSide,
    quantity: Decimal,
    candidates: Sequence[Candidate],
    limit: Decimal | None = None,
    config: RouterConfig | None = None,
) -> Route:
    """How `quantity` is best given to the venues.

    limit   no slice is worse than this; None: whatever the venues show
    cost    O(venues x levels)
    raises  ValueError if quantity is not positive
    """
    if quantity <= 0:
        raise ValueError(f"quantity: {quantity} is nothing to route")
    config = config or RouterConfig()
    usable = [(c, within(side, c.levels, limit)) for c in candidates if c.healthy]
    usable = [(c, levels) for c, levels in usable if levels]
    if not usable:
        return Route((), quantity, ())
    best = _best(side, [levels[0][0] for _, levels in usable])
    scored = [(score(c, levels, best, quantity, config), c, levels) for c, levels in usable]
    # Equal scores go by name, so that the same markets give the same route.
    scored.sort(key=lambda s: (-s[0], s[1].instrument.instrument_id))
    share = config.share_most if len(scored) > 1 else Decimal(1)
    slices: list[Slice] = []
    left = quantity
    for points, candidate, levels in scored:
        shown = sum((size for _, size in levels), Decimal(0))
        most = min(left, quantity * share, shown * config.shown_most)
        found = _slice(candidate.instrument, most, levels, points, config)
        if found is not None:
            slices.append(found)
            left -= found.quantity
    names = tuple((c.instrument.instrument_id, points) for points, c, _ in scored)
    return Route(tuple(slices), left, names)


def score(
    candidate: Candidate, levels: Levels, best: Decimal, quantity: Decimal, config: RouterConfig
) -> float:
    """A venue's points, 0 .. 1."""
    weights = config.weights
    distance = abs(float(levels[0][0] / best) - 1.0)
    shown = float(sum((size for _, size in levels), Decimal(0)) * config.shown_most)
    latency = candidate.latency_ms
    return (
        weights.price * _unit(1.0 - 100.0 * distance)
        + weights.fee * _unit(1.0 - 100.0 * float(candidate.instrument.taker_fee))
        + weights.latency * (_UNKNOWN_LATENCY if latency is None else _unit(1.0 - latency / 100.0))
        + weights.liquidity * _unit(shown / float(quantity))
        + weights.reliability * _unit(candidate.reliability)
    )


def within(side: OrderSide, levels: Levels, limit: Decimal | None) -> Levels:
    """Those levels that are no worse than the limit."""
    if limit is None:
        return levels
    sign = side.sign
    return tuple((price, size) for price, size in levels if sign * price <= sign * limit)


def _best(side: OrderSide, prices: Sequence[Decimal]) -> Decimal:
    return min(prices) if side is OrderSide.BUY else max(prices)


def _unit(value: float) -> float:
    return min(max(value, 0.0), 1.0)


def _slice(
    instrument: Instrument, most: Decimal, levels: Levels, points: float, config: RouterConfig
) -> Slice | None:
    """As much of `most` as the venue takes; None if that is too little for it."""
    quantity = size_for(instrument, most)
    if quantity <= 0 or quantity < instrument.min_quantity:
        return None
    limit, taken = levels[0][0], Decimal(0)
    for price, size in levels:
        limit, taken = price, taken + size
        if taken >= quantity:
            break
    least = max(instrument.min_notional, config.notional_least)
    if quantity * levels[0][0] < least:
        return None
    return Slice(instrument.instrument_id, quantity, limit, points)
