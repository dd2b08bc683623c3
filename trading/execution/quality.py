"""How well an order was executed, measured against the market when it was decided."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from messages.orders import OrderSide

_BPS: Final = Decimal(10_000)


@dataclass(frozen=True, slots=True)
class Arrival:
    """The market when the order was decided."""

    ts_ns: int
    bid: Decimal
    ask: Decimal

    def touch(self, side: OrderSide) -> Decimal:
        """What the order could have taken."""
        return self.ask if side is OrderSide.BUY else self.bid


@dataclass(frozen=True, slots=True)
class Traded:
    """The fills of an order, added up.

    paid    sum of quantity x price
    fees    in quote currency
    better  what traded better than the touch at arrival
    """

    quantity: Decimal = Decimal(0)
    paid: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)
    better: Decimal = Decimal(0)
    ts_last: int = 0

    def plus(
        self, price: Decimal, quantity: Decimal, fee: Decimal, better: bool, ts_ns: int
    ) -> "Traded":
        """With one fill more."""
        return Traded(
            self.quantity + quantity,
            self.paid + quantity * price,
            self.fees + fee,
            self.better + (quantity if better else 0),
            max(self.ts_last, ts_ns),
        )


@dataclass(frozen=True, slots=True)
class Quality:
    """Costs in basis points of the arrival price; above 0 is worse for us.

    slippage_bps     average price against the touch that the order could have taken at arrival
    shortfall_bps    against the mid at arrival, fees included, with what was not filled valued at
                     the mid when it ended (implementation shortfall); None if something was not
                     filled and nobody knew that mid
    improved         share of the filled quantity that traded better than the touch at arrival
    fill_rate        filled / wanted
    duration_ns      from the decision to the last fill; 0 without one
    """

    slippage_bps: Decimal
    shortfall_bps: Decimal | None
    improved: Decimal
    fill_rate: Decimal
    duration_ns: int


def quality(
    side: OrderSide, wanted: Decimal, arrival: Arrival, traded: Traded, mid_end: Decimal | None
) -> Quality:
    """Measures of one order.

    mid_end  None if the market is not known when it ends
    source  A. Perold, "The Implementation Shortfall: Paper versus Reality", 1988
    raises  ValueError if nothing was wanted
    """
    if wanted <= 0:
        raise ValueError(f"wanted: {wanted} is no order")
    sign, filled = side.sign, traded.quantity
    touch, mid = arrival.touch(side), (arrival.bid + arrival.ask) / 2
    slippage = sign * (traded.paid / filled - touch) / touch * _BPS if filled else Decimal(0)
    paid, rest, shortfall = sign * (traded.paid - filled * mid), wanted - filled, None
    if mid_end is not None or not rest:
        missed = sign * rest * ((mid if mid_end is None else mid_end) - mid)
        shortfall = (paid + traded.fees + missed) / (wanted * mid) * _BPS
    return Quality(
        slippage_bps=slippage,
        shortfall_bps=shortfall,
        improved=traded.better / filled if filled else Decimal(0),
        fill_rate=filled / wanted,
        duration_ns=traded.ts_last - arrival.ts_ns if filled else 0,
    )
