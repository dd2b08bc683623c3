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
from messages.orders import LiquiditySide, OrderSide, OrderSpec, OrderType


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
    STATES = "STATES"  # a user data stream that tells how orders are, and not their fills
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
    SUBMIT_LIST = "SUBMIT_LIST"
    CANCEL_ALL = "CANCEL_ALL"
    CANCEL_ALL_AFTER = "CANCEL_ALL_AFTER"
    QUERY_POSITIONS = "QUERY_POSITIONS"
    QUERY_FEES = "QUERY_FEES"
    SET_LEVERAGE = "SET_LEVERAGE"
    SET_MARGIN_MODE = "SET_MARGIN_MODE"

    @property
    def acting(self) -> bool:
        """Whether it changes anything at the venue: only then may silence mean that it did."""
        return not self.startswith("QUERY")


class MarginMode(StrEnum):
    """What stands behind a position."""

    CROSS = "CROSS"  # the whole account
    ISOLATED = "ISOLATED"  # the margin given to it


class QueryOpenOrders(Command):
    """Ask for every working order of one instrument."""

    kind: Literal["query_open_orders"] = "query_open_orders"
    instrument_id: InstrumentId


class QueryFills(Command):
    """Ask for our fills of one instrument, from `since_trade_id` on (0: all the venue keeps).

    since_ns  venue time before which every fill is known, for venues whose ids are no numbers
    """

    kind: Literal["query_fills"] = "query_fills"
    instrument_id: InstrumentId
    since_trade_id: int = 0
    since_ns: TsNs = 0
    venue_order_id: VenueOrderId | None = None  # only this order's

    @property
    def key(self) -> str:
        about = f"{self.instrument_id}:{self.venue_order_id or ''}"
        return f"{self.kind}:{about}:{self.since_trade_id}@{self.ts_event}"


class QueryAccount(Command):
    """Ask for balances."""

    kind: Literal["query_account"] = "query_account"


class SubmitOrderList(Command):
    """Place several orders in one request, where the venue has one; each is answered by itself."""

    kind: Literal["submit_order_list"] = "submit_order_list"
    orders: tuple[OrderSpec, ...]


class CancelAllOrders(Command):
    """Take every working order of one instrument off the book, whoever of us placed it."""

    kind: Literal["cancel_all_orders"] = "cancel_all_orders"
    instrument_id: InstrumentId


class QueryPositions(Command):
    """Ask for the venue's positions; None: of every instrument."""

    kind: Literal["query_positions"] = "query_positions"
    instrument_id: InstrumentId | None = None


class QueryFees(Command):
    """Ask what the account pays for trading an instrument."""

    kind: Literal["query_fees"] = "query_fees"
    instrument_id: InstrumentId


class SetLeverage(Command):
    """Set the leverage of an instrument's position."""

    kind: Literal["set_leverage"] = "set_leverage"
    instrument_id: InstrumentId
    leverage: Quantity


class SetMarginMode(Command):
    """Set what stands behind an instrument's position."""

    kind: Literal["set_margin_mode"] = "set_margin_mode"
    instrument_id: InstrumentId
    mode: MarginMode


class CancelAllAfter(Command):
    """Arm the venue's dead-man switch: it cancels our orders unless told again within `after_ns`
    (0 disarms). `instrument_id` where the venue's switch is one of an instrument."""

    kind: Literal["cancel_all_after"] = "cancel_all_after"
    instrument_id: InstrumentId
    after_ns: TsNs


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


class PositionReport(Event):
    """The venue's view of one position."""

    kind: Literal["position_report"] = "position_report"
    instrument_id: InstrumentId
    quantity: Decimal  # base units; > 0 long, < 0 short
    avg_px: NonNegative  # 0 when flat
    leverage: NonNegative = Decimal(0)  # 0 where the venue does not say
    margin_mode: MarginMode | None = None
    liquidation_px: NonNegative = Decimal(0)  # 0: none, or not said
    source: Source

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.instrument_id}@{self.ts_event}"


class PositionsReport(Event):
    """Every open position that was asked for; an instrument that is not here is flat."""

    kind: Literal["positions_report"] = "positions_report"
    positions: tuple[PositionReport, ...]
    source: Source


class FeesReport(Event):
    """What the account pays, as fractions of notional; negative is a rebate."""

    kind: Literal["fees_report"] = "fees_report"
    instrument_id: InstrumentId
    maker: Decimal
    taker: Decimal
    source: Source


class RequestDone(Event):
    """The venue did what it was asked, and there is no more to say about it."""

    kind: Literal["request_done"] = "request_done"
    request: Request
    instrument_id: InstrumentId | None = None


class OrderListReport(Event):
    """What became of each order of a `SubmitOrderList`, in its order."""

    kind: Literal["order_list_report"] = "order_list_report"
    answers: tuple[OrderReport | RequestRefused | RequestFailed, ...]


class StreamUp(Event):
    """A stream is connected; what happened while it was down is not in it.

    The user stream's says that all is subscribed to. Market data: that the connection is made;
    `StreamsAnswered` says which of its subscriptions hold.
    """

    kind: Literal["stream_up"] = "stream_up"
    route: str = ""  # which connection, where market data comes over several


class StreamDown(Event):
    """A stream is lost; events from now on are missed until it is back."""

    kind: Literal["stream_down"] = "stream_down"
    route: str = ""
    reason: str


VenueQuery = QueryOpenOrders | QueryFills | QueryAccount
AccountCommand = (
    SubmitOrderList
    | CancelAllOrders
    | QueryPositions
    | QueryFees
    | SetLeverage
    | SetMarginMode
    | CancelAllAfter
)
VenueEvidence = (
    OrderReport
    | FillReport
    | OrderNotFound
    | RequestRefused
    | RequestFailed
    | OpenOrdersReport
    | FillsReport
    | AccountReport
    | PositionReport
    | PositionsReport
    | FeesReport
    | RequestDone
    | OrderListReport
    | StreamUp
    | StreamDown
)
