"""What was asked: the part of a request that its answer does not repeat."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from messages.base import ClientOrderId, Command, InstrumentId
from messages.market import Instrument, Product
from messages.orders import OrderSpec
from messages.venue import Acted, Request, RequestFailed, Source

NOT_OFFERED: Final = "NOT_OFFERED"  # the code of what a venue does not have; nothing is sent
_NO_ORDER: Final = ClientOrderId("")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, as its transport knows it when the answer is here.

    ts_init     when the answer arrived
    ts_venue    the venue's clock when it answered; 0 where unknown
    ts_expires  venue time from which the venue refuses the request as too old; 0 unless signed
    order       what SUBMIT asked for: an ACK answer names no more than ids
    limit       rows that a page of QUERY_FILLS may hold: a full page is not complete
    command     what led to the request; None of questions that no command asked
    instruments those known, for quantities that the venue counts in contracts
    """

    request: Request
    ts_init: int
    instrument_id: InstrumentId | None = None
    client_order_id: ClientOrderId = _NO_ORDER
    ts_venue: int = 0
    ts_expires: int = 0
    source: Source = Source.QUERY
    order: OrderSpec | None = None
    since_trade_id: int = 0
    limit: int = 1000
    product: Product = Product.SPOT
    command: Command | None = None
    instruments: Mapping[InstrumentId, Instrument] = field(default_factory=dict)

    @property
    def ts_event(self) -> int:
        """When the venue answered, as well as we know."""
        return self.ts_venue or self.ts_init

    def failed(self, acted: Acted, reason: str, retry_after_ns: int = 0) -> RequestFailed:
        """No usable answer: also what a transport says of its own failures."""
        return RequestFailed(
            ts_event=self.ts_event,
            ts_init=self.ts_init,
            request=self.request,
            client_order_id=self.client_order_id,
            instrument_id=self.instrument_id,
            acted=acted,
            reason=reason,
            retry_after_ns=retry_after_ns,
            ts_expires=self.ts_expires,
        )
