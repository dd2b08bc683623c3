"""Evidence: what a venue answered, or why there is no answer. Only adapters create these.

A venue connection turns every request into exactly one of these, so a core never awaits.
`ts_event` is the venue's clock where the venue gave one. Reports may repeat, overlap and arrive
in any order; the order manager decides what is new.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Literal

from messages.base import (
    ClientOrderId,
    Command,
    Event,
    InstrumentId,
    NonNegative,
    Price,
    Quantity,
    TradeId,
    TsNs,
    Value,
    VenueOrderId,
)
from messages.orders import LiquiditySide, OrderSide, OrderType


class VenueStatus(StrEnum):
    """Where the venue says an order is."""

    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"

    @property
    def open(self) -> bool:
        return self in (VenueStatus.NEW, VenueStatus.PARTIALLY_FILLED)


class Source(StrEnum):
    """How we learned it."""

    ACK = "ACK"  # the answer to our own request
    STREAM = "STREAM"  # the user data stream
    QUERY = "QUERY"  # we asked
    RECONCILER = "RECONCILER"  # the reconciler asked, over its own connection


class Acted(StrEnum):
    """What we know about the venue's side of a failed request."""

    NO = "NO"
    PERHAPS = "PERHAPS"


class Request(StrEnum):
    """Which request a failure belongs to."""

    SUBMIT = "SUBMIT"
    CANCEL = "CANCEL"
    MODIFY = "MODIFY"
    QUERY_ORDER = "QUERY_ORDER"
    QUERY_OPEN_ORDERS = "QUERY_OPEN_ORDERS"
    QUERY_FILLS = "QUERY_FILLS"
    QUERY_ACCOUNT = "QUERY_ACCOUNT"


class QueryOpenOrders(Command):
    """Ask for every working order of one instrument."""

    kind: Literal["query_open_orders"] = "query_open_orders"
    instrument_id: InstrumentId


class QueryFills(Command):
    """Ask for our fills of one instrument, from `since_trade_id` on (0: all the venue keeps)."""

    kind: Literal["query_fills"] = "query_fills"
    instrument_id: InstrumentId
    since_trade_id: int = 0
    venue_order_id: VenueOrderId | None = None  # only this order's

    @property
    def key(self) -> str:
        about = f"{self.instrument_id}:{self.venue_order_id or ''}"
        return f"{self.kind}:{about}:{self.since_trade_id}@{self.ts_event}"


class QueryAccount(Command):
    """Ask for balances."""

    kind: Literal["query_account"] = "query_account"


class OrderReport(Event):
    """The venue's view of one order."""

    kind: Literal["order_report"] = "order_report"
    client_order_id: ClientOrderId
    venue_order_id: VenueOrderId
    instrument_id: InstrumentId
    side: OrderSide
    order_type: OrderType
    status: VenueStatus
    quantity: Quantity
    filled_qty: NonNegative
    price: Price | None = None
    avg_px: Price | None = None
    triggered: bool = False
    source: Source
    reason: str = ""

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.client_order_id}:{self.status}:{self.filled_qty}"


class FillReport(Event):
    """One trade of one of our orders."""

    kind: Literal["fill_report"] = "fill_report"
    client_order_id: ClientOrderId  # "" where the venue does not say (then venue_order_id does)
    venue_order_id: VenueOrderId
    instrument_id: InstrumentId
    trade_id: TradeId
    side: OrderSide
    last_qty: Quantity
    last_px: Price
    commission: Decimal
    currency: str
    liquidity_side: LiquiditySide
    source: Source

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.venue_order_id}:{self.trade_id}"


class OrderNotFound(Event):
    """The venue says that it has no order of this client id, as of `ts_event` (its clock)."""

    kind: Literal["order_not_found"] = "order_not_found"
    client_order_id: ClientOrderId
    instrument_id: InstrumentId
    source: Source = Source.QUERY


class RequestRefused(Event):
    """The venue read the request and said no: it did not act."""

    kind: Literal["request_refused"] = "request_refused"
    request: Request
    client_order_id: ClientOrderId
    code: str
    reason: str


class RequestFailed(Event):
    """No usable answer.

    `acted` NO: the request provably had no effect (not sent, throttled). PERHAPS: anything may
    have happened. `ts_expires` is the venue time after which the venue itself refuses the request
    as too old (its signed timestamp + recvWindow): from then on "not found" is proof.
    """

    kind: Literal["request_failed"] = "request_failed"
    request: Request
    client_order_id: ClientOrderId = ClientOrderId("")
    instrument_id: InstrumentId | None = None
    acted: Acted
    reason: str
    retry_after_ns: TsNs = 0
    ts_expires: TsNs = 0


class OpenOrdersReport(Event):
    """Every working order of one instrument, as of `ts_event`."""

    kind: Literal["open_orders_report"] = "open_orders_report"
    instrument_id: InstrumentId
    orders: tuple[OrderReport, ...]
    source: Source


class FillsReport(Event):
    """Our fills of one instrument since a trade id; `complete` when no page is missing."""

    kind: Literal["fills_report"] = "fills_report"
    instrument_id: InstrumentId
    since_trade_id: int = 0
    fills: tuple[FillReport, ...]
    complete: bool = True
    source: Source


class Balance(Value):
    """One currency of an account; total = free + locked."""

    currency: str
    total: Decimal
    free: Decimal
    locked: NonNegative


class AccountReport(Event):
    """Balances as the venue reports them; `partial` when it names only what changed."""

    kind: Literal["account_report"] = "account_report"
    balances: tuple[Balance, ...]
    partial: bool = False
    source: Source


class StreamUp(Event):
    """The user stream is connected; what happened while it was down is not in it."""

    kind: Literal["stream_up"] = "stream_up"


class StreamDown(Event):
    """The user stream is lost; events from now on are missed until it is back."""

    kind: Literal["stream_down"] = "stream_down"
    reason: str


VenueQuery = QueryOpenOrders | QueryFills | QueryAccount
VenueEvidence = (
    OrderReport
    | FillReport
    | OrderNotFound
    | RequestRefused
    | RequestFailed
    | OpenOrdersReport
    | FillsReport
    | AccountReport
    | StreamUp
    | StreamDown
)
