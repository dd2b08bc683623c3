"""The order lifecycle.

Everything that changes an order's status lives in this file, and as much of it as possible lives
in TRANSITIONS. A missing cell is illegal on purpose. The table holds facts only; which fact a piece
of venue evidence proves is decided in `trading.evidence`.

UNKNOWN is a status like any other and durable like any other: we asked the venue for the order and
cannot say whether it acted. It is counted at worst-case exposure, and left only through facts that
venue evidence proves: found (ACCEPT, fills), ended (CANCEL, EXPIRE) or provably never placed
(REJECT). No cell leads out of it by time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum, auto
from typing import Final, get_args

from messages import orders as m
from messages.base import TsNs, VenueOrderId
from messages.orders import OrderEvent, OrderSpec
from messages.venue import OrderReport
from trading.errors import IllegalTransition
from trading.replacing import replace


class OrderStatus(StrEnum):
    """Where an order is, as far as we can prove. Names as in NautilusTrader, plus UNKNOWN."""

    INITIALIZED = "INITIALIZED"
    DENIED = "DENIED"  # by us
    SUBMITTED = "SUBMITTED"
    ACCEPTED = "ACCEPTED"
    TRIGGERED = "TRIGGERED"
    PENDING_UPDATE = "PENDING_UPDATE"
    PENDING_CANCEL = "PENDING_CANCEL"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    UNKNOWN = "UNKNOWN"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"  # by the venue


class Trigger(StrEnum):
    """An order event, reduced to what the table needs."""

    SUBMIT = auto()
    DENY = auto()
    ACCEPT = auto()
    REJECT = auto()
    TRIGGER = auto()
    FILL_SOME = auto()
    FILL_ALL = auto()
    CANCEL_SENT = auto()
    CANCEL_DONE = auto()
    CANCEL_REFUSED = auto()
    UPDATE_SENT = auto()
    UPDATE_DONE = auto()
    UPDATE_REFUSED = auto()
    EXPIRE = auto()
    LOSE = auto()


S, T = OrderStatus, Trigger
_ENDS: Final = {T.FILL_ALL: S.FILLED, T.CANCEL_DONE: S.CANCELED, T.EXPIRE: S.EXPIRED}
# What can happen to an order that the venue holds, whatever else is under way.
_WORKING: Final = _ENDS | {
    T.TRIGGER: S.TRIGGERED,
    T.FILL_SOME: S.PARTIALLY_FILLED,
    T.CANCEL_SENT: S.PENDING_CANCEL,
    T.UPDATE_SENT: S.PENDING_UPDATE,
    T.UPDATE_DONE: S.ACCEPTED,  # an answer we had given up on took effect after all
}
TRANSITIONS: Final[Mapping[OrderStatus, Mapping[Trigger, OrderStatus]]] = {
    S.INITIALIZED: {T.SUBMIT: S.SUBMITTED, T.DENY: S.DENIED},
    # A fill or an end may overtake the acknowledgement; DENY is "provably not sent".
    S.SUBMITTED: _ENDS
    | {
        T.ACCEPT: S.ACCEPTED,
        T.REJECT: S.REJECTED,
        T.DENY: S.DENIED,
        T.FILL_SOME: S.PARTIALLY_FILLED,
        T.LOSE: S.UNKNOWN,
    },
    S.ACCEPTED: _WORKING,
    S.TRIGGERED: _WORKING,
    S.PARTIALLY_FILLED: _WORKING,
    # A cancel in flight does not stop fills; a refused one leaves the order as it was.
    S.PENDING_CANCEL: _ENDS
    | {
        T.TRIGGER: S.PENDING_CANCEL,
        T.FILL_SOME: S.PENDING_CANCEL,
        T.CANCEL_REFUSED: S.ACCEPTED,
        T.UPDATE_DONE: S.PENDING_CANCEL,
        T.UPDATE_REFUSED: S.PENDING_CANCEL,
    },
    S.PENDING_UPDATE: _ENDS
    | {
        T.TRIGGER: S.PENDING_UPDATE,
        T.FILL_SOME: S.PENDING_UPDATE,
        T.CANCEL_SENT: S.PENDING_CANCEL,
        T.UPDATE_DONE: S.ACCEPTED,
        T.UPDATE_REFUSED: S.ACCEPTED,
    },
    # A part fill proves that the venue held the order, not what it holds now.
    S.UNKNOWN: _ENDS | {T.ACCEPT: S.ACCEPTED, T.REJECT: S.REJECTED, T.FILL_SOME: S.UNKNOWN},
    # Venues do report fills after a cancel or expiry; money moved, so they count.
    S.CANCELED: {T.FILL_SOME: S.CANCELED, T.FILL_ALL: S.FILLED},
    S.EXPIRED: {T.FILL_SOME: S.EXPIRED, T.FILL_ALL: S.FILLED},
    # Signs of life of an order that "cannot exist": our proof was wrong, so count it again.
    S.REJECTED: {T.ACCEPT: S.ACCEPTED, T.FILL_SOME: S.UNKNOWN, T.FILL_ALL: S.FILLED},
    S.DENIED: {T.ACCEPT: S.ACCEPTED, T.FILL_SOME: S.UNKNOWN, T.FILL_ALL: S.FILLED},
    S.FILLED: {},
}
TRIGGERS: Final[Mapping[type, Trigger]] = {
    m.OrderSubmitted: T.SUBMIT,
    m.OrderDenied: T.DENY,
    m.OrderAccepted: T.ACCEPT,
    m.OrderRejected: T.REJECT,
    m.OrderTriggered: T.TRIGGER,
    m.OrderPendingCancel: T.CANCEL_SENT,
    m.OrderCancelRejected: T.CANCEL_REFUSED,
    m.OrderPendingUpdate: T.UPDATE_SENT,
    m.OrderModifyRejected: T.UPDATE_REFUSED,
    m.OrderUpdated: T.UPDATE_DONE,  # or FILL_ALL: nothing is left of the smaller quantity
    m.OrderCanceled: T.CANCEL_DONE,
    m.OrderExpired: T.EXPIRE,
    m.OrderFilled: T.FILL_SOME,  # or FILL_ALL, once the quantities say so
    m.OrderUnknown: T.LOSE,
}
assert TRANSITIONS.keys() == set(OrderStatus), "every status needs a row"
assert TRIGGERS.keys() == set(get_args(OrderEvent)), "every order event needs a trigger"

CLOSED: Final = frozenset({S.DENIED, S.FILLED, S.CANCELED, S.EXPIRED, S.REJECTED})
# The venue is known to hold the order: it can be cancelled or changed.
AT_VENUE: Final = frozenset(
    {S.ACCEPTED, S.TRIGGERED, S.PARTIALLY_FILLED, S.PENDING_CANCEL, S.PENDING_UPDATE}
)


@dataclass(frozen=True, slots=True)
class Order:
    """One order, what has traded so far, and what we still have to find out about it."""

    spec: OrderSpec
    status: OrderStatus = OrderStatus.INITIALIZED
    quantity: Decimal = Decimal(0)  # as amended; 0 until submitted
    filled_qty: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)  # sum of price x quantity of the fills
    trades: frozenset[str] = frozenset()
    venue_order_id: VenueOrderId | None = None
    triggered: bool = False
    cancel_wanted: bool = False  # asked for before the venue was known to hold it
    refusals: int = 0  # of cancels that the kill switch insists on
    ts_conclusive: TsNs = 0  # UNKNOWN: "not found" as of a later venue time is proof
    ts_asked: TsNs = 0  # when we last asked the venue about it
    ts_last: TsNs = 0  # our time of the last change
    ts_update: TsNs = 0  # when the venue was last asked to change it
    awaited: OrderReport | None = None  # the venue says it ended, with fills we do not have yet

    @property
    def leaves_qty(self) -> Decimal:
        return self.quantity - self.filled_qty

    @property
    def avg_px(self) -> Decimal:
        return self.cost / self.filled_qty if self.filled_qty else Decimal(0)

    @property
    def closed(self) -> bool:
        return self.status in CLOSED


def apply(order: Order, event: OrderEvent, now_ns: int) -> Order:
    """The order after `event`; raises IllegalTransition and changes nothing otherwise."""
    if isinstance(event, m.OrderFilled) and event.trade_id in order.trades:
        return order  # a repeated trade report is one fill
    filled, cost, trades = order.filled_qty, order.cost, order.trades
    if isinstance(event, m.OrderFilled):
        filled += event.last_qty
        cost += event.last_qty * event.last_px
        trades = trades | {event.trade_id}
    quantity = order.spec.quantity if isinstance(event, m.OrderSubmitted) else order.quantity
    if isinstance(event, m.OrderUpdated):
        quantity = event.quantity
    if filled > quantity and not isinstance(event, m.OrderDenied):
        raise IllegalTransition(order.spec.client_order_id, order.status, "overfill")
    trigger = TRIGGERS[type(event)]
    if trigger in (Trigger.FILL_SOME, Trigger.UPDATE_DONE) and filled == quantity:
        trigger = Trigger.FILL_ALL
    status = TRANSITIONS[order.status].get(trigger)
    if status is None:
        raise IllegalTransition(order.spec.client_order_id, order.status, trigger)
    triggered = order.triggered or trigger is Trigger.TRIGGER
    if status is S.ACCEPTED:  # one place decides how a working order is called
        status = S.PARTIALLY_FILLED if filled else S.TRIGGERED if triggered else S.ACCEPTED
    conclusive = event.ts_conclusive if isinstance(event, m.OrderUnknown) else order.ts_conclusive
    updating = isinstance(event, m.OrderPendingUpdate)
    return replace(
        order,
        status=status,
        quantity=quantity,
        filled_qty=filled,
        cost=cost,
        trades=trades,
        venue_order_id=event.venue_order_id or order.venue_order_id,
        triggered=triggered,
        ts_conclusive=conclusive,
        ts_last=now_ns,
        ts_update=now_ns if updating else order.ts_update,
    )


def legal(order: Order, event: OrderEvent) -> bool:
    """Whether `event` would change the order without being forbidden."""
    return TRIGGERS[type(event)] in TRANSITIONS[order.status]
