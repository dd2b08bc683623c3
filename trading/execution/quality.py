"""How well an order was executed, measured against the market when it was decided."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from messages.orders import OrderSide

_BPS: Final = Decimal(10_000)


@dataclass(frozen=True, slots=True)
class Quality:
    """Costs in basis points of the arrival price; above 0 is worse for us.

    slippage_bps     average price against the touch that the order could have taken at arrival
    shortfall_bps    against the mid at arrival, fees included, with what was not filled valued at
                     the mid when it ended (implementation shortfall)
    improved         share of the filled quantity that traded better than the touch at arrival
    fill_rate        filled / wanted
    duration_ns      from the decision to the last fill; 0 without one
    """

    slippage_bps: Decimal
    shortfall_bps: Decimal
    improved: Decimal
    fill_rate: Decimal
    duration_ns: int


@dataclass(frozen=True, slots=True)
class Fill:
    """One trade of the order; `fee` in quote currency."""

    ts_ns: int
    price: Decimal
    quantity: Decimal
    fee: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Arrival:
    """The market when the order was decided, and the mid when it was over."""

    ts_ns: int
    bid: Decimal
    ask: Decimal
    mid_end: Decimal


def quality(side: OrderSide, wanted: Decimal, arrival: Arrival, fills: Sequence[Fill]) -> Quality:
    """Measures of one order.

    source  A. Perold, "The Implementation Shortfall: Paper versus Reality", 1988
    raises  ValueError if nothing was wanted
    """
    if wanted <= 0:
        raise ValueError(f"wanted: {wanted} is no order")
    sign = side.sign
    touch = arrival.ask if side is OrderSide.BUY else arrival.bid
    mid = (arrival.bid + arrival.ask) / 2
    filled = sum((f.quantity for f in fills), Decimal(0))
    paid = sum((f.quantity * f.price for f in fills), Decimal(0))
    fees = sum((f.fee for f in fills), Decimal(0))
    better = sum((f.quantity for f in fills if sign * f.price < sign * touch), Decimal(0))
    slippage = sign * (paid / filled - touch) / touch * _BPS if filled else Decimal(0)
    missed = sign * (wanted - filled) * (arrival.mid_end - mid)
    shortfall = (sign * (paid - filled * mid) + fees + missed) / (wanted * mid) * _BPS
    return Quality(
        slippage_bps=slippage,
        shortfall_bps=shortfall,
        improved=better / filled if filled else Decimal(0),
        fill_rate=filled / wanted,
        duration_ns=max((f.ts_ns for f in fills), default=arrival.ts_ns) - arrival.ts_ns,
    )
