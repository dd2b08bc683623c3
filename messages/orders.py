"""The order conversation.

strategy -> risk            OrderIntent, CancelIntent, ModifyIntent
risk -> order manager       ApprovedOrder, ApprovedModify, CancelIntent   (permission is a type)
risk -> strategy            RefusedOrder
order manager -> venue      SubmitOrder, CancelOrder, ModifyOrder, QueryOrder
order manager -> everyone   Order* events
Evidence from the venue is in `messages.venue`.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from messages.base import (
    ClientOrderId,
    Command,
    Event,
    InstrumentId,
    NonNegative,
    Price,
    Quantity,
    StrategyId,
    TradeId,
    TsNs,
    Value,
    VenueOrderId,
)


class OrderSide(StrEnum):
    """Which side of the book the order joins."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def sign(self) -> int:
        return 1 if self is OrderSide.BUY else -1


class OrderType(StrEnum):
    """How the order trades."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    STOP_MARKET = "STOP_MARKET"
    STOP_LIMIT = "STOP_LIMIT"
    MARKET_IF_TOUCHED = "MARKET_IF_TOUCHED"  # take-profit: triggers where a stop would not
    LIMIT_IF_TOUCHED = "LIMIT_IF_TOUCHED"

    @property
    def limited(self) -> bool:
        """Whether it has a limit price."""
        return self in (OrderType.LIMIT, OrderType.STOP_LIMIT, OrderType.LIMIT_IF_TOUCHED)

    @property
    def triggered(self) -> bool:
        """Whether it waits for a trigger price."""
        return self not in (OrderType.MARKET, OrderType.LIMIT)


class TimeInForce(StrEnum):
    """How long the order works."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"


class LiquiditySide(StrEnum):
    """Whether a fill made or took liquidity."""

    MAKER = "MAKER"
    TAKER = "TAKER"


class RefusalCode(StrEnum):
    """Why we (risk or the order manager) did not let a command reach the venue."""

    TRADING_HALTED = "TRADING_HALTED"
    TRADING_REDUCING = "TRADING_REDUCING"
    MARKET_DATA_STALE = "MARKET_DATA_STALE"
    NO_REFERENCE_PRICE = "NO_REFERENCE_PRICE"
    MAX_ORDER_NOTIONAL = "MAX_ORDER_NOTIONAL"
    MAX_POSITION = "MAX_POSITION"
    PRICE_COLLAR = "PRICE_COLLAR"
    ORDER_RATE = "ORDER_RATE"
    UNKNOWN_INSTRUMENT = "UNKNOWN_INSTRUMENT"
    UNKNOWN_ORDER = "UNKNOWN_ORDER"
    INVALID_PRICE_INCREMENT = "INVALID_PRICE_INCREMENT"
    INVALID_SIZE_INCREMENT = "INVALID_SIZE_INCREMENT"
    MIN_QUANTITY = "MIN_QUANTITY"
    MIN_NOTIONAL = "MIN_NOTIONAL"
    REDUCE_ONLY = "REDUCE_ONLY"
    DUPLICATE_CLIENT_ORDER_ID = "DUPLICATE_CLIENT_ORDER_ID"
    INSUFFICIENT_BALANCE = "INSUFFICIENT_BALANCE"
    NOT_SENT = "NOT_SENT"  # proven never to have reached the venue


class OrderSpec(Value):
    """What is asked for: the part of an order that its intent, approval and submission share."""

    client_order_id: ClientOrderId
    strategy_id: StrategyId
    instrument_id: InstrumentId
    side: OrderSide
    order_type: OrderType
    quantity: Quantity
    price: Price | None = None  # of types that are `limited`
    trigger_price: Price | None = None  # of types that are `triggered`
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    reduce_only: bool = False

    @model_validator(mode="after")
    def _prices_fit_the_type(self) -> Self:
        limited, stopped = self.order_type.limited, self.order_type.triggered
        if limited != (self.price is not None):
            raise ValueError(f"price: {self.order_type} {'needs' if limited else 'takes no'} price")
        if stopped != (self.trigger_price is not None):
            raise ValueError(
                f"trigger_price: {self.order_type} {'needs' if stopped else 'takes no'} trigger"
            )
        if self.post_only and (not limited or self.time_in_force is not TimeInForce.GTC):
            raise ValueError("post_only: only a GTC limit order can be post-only")
        return self


class OrderMessage(Value):
    """Mixin of messages about one order; `key` names it in causation ids."""

    client_order_id: ClientOrderId
    strategy_id: StrategyId

    @property
    def key(self) -> str:
        return f"{getattr(self, 'kind', '?')}:{self.client_order_id}"


# --- strategy -> risk -> order manager ---------------------------------------------------------


class OrderIntent(Command):
    """A strategy wants this order; nothing has been checked."""

    kind: Literal["order_intent"] = "order_intent"
    order: OrderSpec

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.order.client_order_id}"


class CancelIntent(OrderMessage, Command):
    """A strategy (or the operator) wants a working order gone; never refused for risk.

    `instrument_id` only for an order of somebody else's, which is in no books of ours.
    """

    kind: Literal["cancel_intent"] = "cancel_intent"
    instrument_id: InstrumentId | None = None


class ModifyIntent(OrderMessage, Command):
    """A strategy wants a working order to have this total quantity (smaller than now); the only
    change that keeps the order's place in the queue, and one that no limit can refuse."""

    kind: Literal["modify_intent"] = "modify_intent"
    quantity: Quantity


class ApprovedOrder(Command):
    """Risk checked the order and lets it pass. The only kind the order manager submits."""

    kind: Literal["approved_order"] = "approved_order"
    order: OrderSpec
    risk_incarnation: int = 0  # which risk checker said so

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.order.client_order_id}"


class ApprovedModify(OrderMessage, Command):
    """Risk checked the change and lets it pass."""

    kind: Literal["approved_modify"] = "approved_modify"
    quantity: Quantity


class RefusedOrder(OrderMessage, Event):
    """Risk did not let the order pass; it never reached the venue."""

    kind: Literal["refused_order"] = "refused_order"
    code: RefusalCode
    reason: str  # "MAX_POSITION: position=3.2 limit=3"


# --- order manager -> venue -------------------------------------------------------------------


class SubmitOrder(Command):
    """Place the order. At most one per client order id is ever sent."""

    kind: Literal["submit_order"] = "submit_order"
    order: OrderSpec

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.order.client_order_id}"


class CancelOrder(OrderMessage, Command):
    """Take the order off the book; idempotent at the venue, so it may be repeated."""

    kind: Literal["cancel_order"] = "cancel_order"
    instrument_id: InstrumentId
    venue_order_id: VenueOrderId | None = None  # where known: some venues go by it only


class ModifyOrder(OrderMessage, Command):
    """Change a working order to a new total quantity, fills included. A smaller one keeps its place
    in the queue where the venue can; another price, or a larger quantity, never does."""

    kind: Literal["modify_order"] = "modify_order"
    instrument_id: InstrumentId
    venue_order_id: VenueOrderId | None = None
    quantity: Quantity
    price: Price | None = None  # None: as it is
    placed: OrderSpec | None = None  # for venues that want all of it again


class QueryOrder(OrderMessage, Command):
    """Ask what the venue knows of this client order id or, without one, of this venue id."""

    kind: Literal["query_order"] = "query_order"
    instrument_id: InstrumentId
    venue_order_id: VenueOrderId | None = None

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.client_order_id}@{self.ts_event}"  # it is asked many times


# --- facts, from the order manager ------------------------------------------------------------


class OrderFact(OrderMessage, Event):
    """What every order event shares. `reconciliation`: learned by asking, not by being told."""

    instrument_id: InstrumentId
    venue_order_id: VenueOrderId | None = None
    reconciliation: bool = False


class OrderSubmitted(OrderFact):
    """Journaled and handed to the venue connection; no answer yet."""

    kind: Literal["order_submitted"] = "order_submitted"
    order: OrderSpec


class OrderDenied(OrderFact):
    """We did not send it (denied = by us)."""

    kind: Literal["order_denied"] = "order_denied"
    code: RefusalCode
    reason: str


class OrderAccepted(OrderFact):
    """The venue holds the order."""

    kind: Literal["order_accepted"] = "order_accepted"


class OrderRejected(OrderFact):
    """The venue refused the order (rejected = by the venue); it never worked."""

    kind: Literal["order_rejected"] = "order_rejected"
    code: str  # the venue's own code, "-2010"
    reason: str


class OrderTriggered(OrderFact):
    """A stop order's trigger was reached; it now works as a market or limit order."""

    kind: Literal["order_triggered"] = "order_triggered"


class OrderPendingCancel(OrderFact):
    """A cancel is on its way; the order may still fill."""

    kind: Literal["order_pending_cancel"] = "order_pending_cancel"


class OrderCancelRejected(OrderFact):
    """The venue did not cancel; the order is as it was."""

    kind: Literal["order_cancel_rejected"] = "order_cancel_rejected"
    code: str
    reason: str


class OrderPendingUpdate(OrderFact):
    """A change is on its way."""

    kind: Literal["order_pending_update"] = "order_pending_update"
    quantity: Quantity


class OrderModifyRejected(OrderFact):
    """The order was not changed: the venue refused or did not answer, or it was not asked, because
    the order cannot have this quantity now. What took effect after all is told by OrderUpdated."""

    kind: Literal["order_modify_rejected"] = "order_modify_rejected"
    code: str
    reason: str


class OrderUpdated(OrderFact):
    """The order now has this total quantity; with nothing left of it, it is filled."""

    kind: Literal["order_updated"] = "order_updated"
    quantity: Quantity
    leaves_qty: NonNegative


class OrderCanceled(OrderFact):
    """The venue confirms that nothing more will trade."""

    kind: Literal["order_canceled"] = "order_canceled"


class OrderExpired(OrderFact):
    """The venue ended the order by its own rules (IOC, FOK, post-only, self-trade)."""

    kind: Literal["order_expired"] = "order_expired"


class OrderFilled(OrderFact):
    """`last_qty` traded at `last_px`; the sum of fills never exceeds the order."""

    kind: Literal["order_filled"] = "order_filled"
    trade_id: TradeId  # dedup key: the same trade_id twice is one fill
    side: OrderSide
    last_qty: Quantity
    last_px: Price
    leaves_qty: NonNegative
    commission: Decimal  # in `currency`; negative is a rebate
    currency: str
    liquidity_side: LiquiditySide

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.client_order_id}:{self.trade_id}"


class OrderUnknown(OrderFact):
    """We cannot say whether the venue acted; left only on evidence from the venue."""

    kind: Literal["order_unknown"] = "order_unknown"
    reason: str
    # Venue time after which "no such order" proves that it never will exist; 0: not datable yet,
    # the venue's first answer dates it.
    ts_conclusive: TsNs


OrderEvent = (
    OrderSubmitted
    | OrderDenied
    | OrderAccepted
    | OrderRejected
    | OrderTriggered
    | OrderPendingCancel
    | OrderCancelRejected
    | OrderPendingUpdate
    | OrderModifyRejected
    | OrderUpdated
    | OrderCanceled
    | OrderExpired
    | OrderFilled
    | OrderUnknown
)
OrderCommand = (
    OrderIntent
    | CancelIntent
    | ModifyIntent
    | ApprovedOrder
    | ApprovedModify
    | RefusedOrder
    | SubmitOrder
    | CancelOrder
    | ModifyOrder
    | QueryOrder
)
Fraction = Annotated[Decimal, Field(ge=0, le=1)]
