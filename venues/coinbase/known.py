"""What we know of orders beyond their names.

Coinbase acts on its own order ids only: a cancel, an edit and a question by our id do not exist
there (a look-up by our id is answered "not found"). And an edit must repeat price and size. So an
adapter remembers, of every order that it sends or hears of, what the next request will need. It is
a cache: what is not in it is found by listing orders, or the request is refused before it is sent.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from messages.base import ClientOrderId, InstrumentId, VenueOrderId
from messages.orders import OrderType

_MAX: Final = 10_000  # orders; the oldest are forgotten first


@dataclass(frozen=True, slots=True)
class Known:
    """One order; None where nobody said it yet."""

    instrument_id: InstrumentId
    venue_order_id: VenueOrderId | None = None
    quantity: Decimal | None = None
    price: Decimal | None = None
    order_type: OrderType | None = None
    ts_sent: int | None = None  # our time of the request that placed it


class KnownOrders:
    """The orders of one account by our id."""

    def __init__(self) -> None:
        self._orders: dict[ClientOrderId, Known] = {}

    def get(self, client_order_id: ClientOrderId) -> Known | None:
        """None if the order is unknown or forgotten."""
        return self._orders.get(client_order_id)

    def learn(
        self, client_order_id: ClientOrderId, instrument_id: InstrumentId, **news: Any
    ) -> Known:
        """Add what is new of an order: fields of `Known`; None changes nothing."""
        known = self._orders.pop(client_order_id, None) or Known(instrument_id)
        known = replace(known, **{k: v for k, v in news.items() if v is not None})
        self._orders[client_order_id] = known
        if len(self._orders) > _MAX:
            del self._orders[next(iter(self._orders))]
        return known
