"""One order as the venue holds it, in integers."""

from dataclasses import dataclass
from typing import Final

from messages.base import ClientOrderId, VenueOrderId
from messages.orders import OrderSpec, OrderType, TimeInForce
from messages.venue import VenueStatus
from venues.sim.units import Grid

_TOUCHED: Final = (OrderType.MARKET_IF_TOUCHED, OrderType.LIMIT_IF_TOUCHED)
UNSEEN: Final = -1  # the tape has not shown this price level yet, so its queue is unknown


@dataclass(slots=True, eq=False)
class VenueOrder:
    """An accepted order; mutable, owned by the venue that made it."""

    spec: OrderSpec
    grid: Grid
    venue_order_id: VenueOrderId
    sign: int  # +1 buys, -1 sells
    lots: int
    price: int | None  # ticks
    trigger: int | None  # ticks
    ts_ns: int
    status: VenueStatus = VenueStatus.NEW
    filled: int = 0  # lots
    tick_lots: int = 0  # sum of ticks * lots over fills: exact turnover
    triggered: bool = False
    ahead: int = 0  # displayed lots in front of us at our price, or UNSEEN
    locked: int = 0  # units of the currency that it spends
    reason: str = ""
    ts_closed_ns: int = 0

    @property
    def client_order_id(self) -> ClientOrderId:
        return self.spec.client_order_id

    @property
    def leaves(self) -> int:
        return self.lots - self.filled

    @property
    def open(self) -> bool:
        return self.status is VenueStatus.NEW or self.status is VenueStatus.PARTIALLY_FILLED

    @property
    def rests(self) -> bool:
        """Whether what is left after taking joins the book."""
        return self.price is not None and self.spec.time_in_force is TimeInForce.GTC

    @property
    def waits(self) -> bool:
        """Whether its trigger has not been reached."""
        return self.trigger is not None and not self.triggered

    @property
    def reach(self) -> int:
        """In which direction the price reaches its trigger: +1 rising. A stop buys when the price
        rises to it, a take-profit when it falls to it."""
        return -self.sign if self.spec.order_type in _TOUCHED else self.sign
