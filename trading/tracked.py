"""One order seen from both sides: what the order manager told us, and what the venue answered.

Our side is a fold of order events, coarser than the order table on purpose: the reconciler asks
only whether the venue should hold the order, so pending cancels and updates change nothing here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Final, get_args

from immutables import Map

from messages import orders as m
from messages.accounts import OrderView
from messages.base import ClientOrderId, InstrumentId, StrategyId, TradeId, VenueOrderId
from messages.orders import OrderEvent
from messages.venue import FillReport, OrderNotFound, OrderReport
from trading.positions import notional, total
from trading.replacing import replace

_ZERO: Final = Decimal(0)
ENDED_SOMEHOW: Final = "CLOSED"  # we know that it ended, not how


class Phase(StrEnum):
    """What our side claims about the venue."""

    SENT = "SENT"  # no answer yet: no claim
    OPEN = "OPEN"
    UNKNOWN = "UNKNOWN"  # declared: no claim
    CLOSED = "CLOSED"


class Where(StrEnum):
    """What the venue answered."""

    UNSEEN = "UNSEEN"  # nothing yet
    OPEN = "OPEN"
    ABSENT = "ABSENT"  # not among its open orders; it may have ended or never arrived
    NOT_FOUND = "NOT_FOUND"  # asked by id: no such order
    ENDED = "ENDED"


@dataclass(frozen=True, slots=True)
class Trade:
    """One fill as both sides must agree on it."""

    quantity: Decimal
    price: Decimal


@dataclass(frozen=True, slots=True)
class Ours:
    """The order as the order manager's events tell it."""

    client_order_id: ClientOrderId
    strategy_id: StrategyId
    instrument_id: InstrumentId
    phase: Phase
    status: str  # VenueStatus words once CLOSED, where there is one; DENIED is ours alone
    ts_changed: int  # our time of the last event about it
    venue_order_id: VenueOrderId | None = None
    trades: Map[TradeId, Trade] = field(default_factory=Map)
    ts_filled: int = 0  # our time of the last fill
    earlier_qty: Decimal = _ZERO  # filled before our picture began; trade ids unknown
    earlier_cost: Decimal = _ZERO
    triggered: bool = False  # it waits for a price, or did: the venue may rename it then
    whole: bool = True  # False: fills from before we tracked it may exist, so they are not compared

    @property
    def filled_qty(self) -> Decimal:
        return total(self.earlier_qty, *(t.quantity for t in self.trades.values()))

    @property
    def cost(self) -> Decimal:
        """Sum of quantity x price of its fills."""
        parts = (notional(t.quantity, t.price) for t in self.trades.values())
        return total(self.earlier_cost, *parts)


@dataclass(frozen=True, slots=True)
class Theirs:
    """The order as the venue's answers tell it; `report` only while it is what `where` says."""

    where: Where = Where.UNSEEN
    ts_asked: int = 0  # when we asked the question that `where` answers
    report: OrderReport | None = None
    not_found: OrderNotFound | None = None
    trades: Map[TradeId, FillReport] = field(default_factory=Map)


@dataclass(frozen=True, slots=True)
class Tracked:
    """Both sides of one order."""

    ours: Ours
    theirs: Theirs = field(default_factory=Theirs)


# --- our side -----------------------------------------------------------------------------------

_KEEP: Final = None
# The phase and status that an event leads to; _KEEP where it says nothing about the venue's side.
PHASES: Final[Mapping[type, tuple[Phase, str] | None]] = {
    m.OrderSubmitted: (Phase.SENT, "SUBMITTED"),
    m.OrderDenied: (Phase.CLOSED, "DENIED"),
    m.OrderAccepted: (Phase.OPEN, "ACCEPTED"),
    m.OrderRejected: (Phase.CLOSED, "REJECTED"),
    m.OrderTriggered: (Phase.OPEN, "TRIGGERED"),
    m.OrderPendingCancel: _KEEP,
    m.OrderCancelRejected: _KEEP,
    m.OrderPendingUpdate: _KEEP,
    m.OrderModifyRejected: _KEEP,
    m.OrderUpdated: _KEEP,  # unless nothing is left: see after
    m.OrderCanceled: (Phase.CLOSED, "CANCELED"),
    m.OrderExpired: (Phase.CLOSED, "EXPIRED"),
    m.OrderFilled: _KEEP,  # see _filled: it depends on what is left
    m.OrderUnknown: (Phase.UNKNOWN, "UNKNOWN"),
}
assert PHASES.keys() == set(get_args(OrderEvent)), "every order event needs a row"
_CLOSED_WORDS: Final = frozenset({"DENIED", "FILLED", "CANCELED", "EXPIRED", "REJECTED"})
_PHASE_WORDS: Final = {
    "INITIALIZED": Phase.SENT,
    "SUBMITTED": Phase.SENT,
    "UNKNOWN": Phase.UNKNOWN,
    **dict.fromkeys(_CLOSED_WORDS, Phase.CLOSED),
}


def after(ours: Ours | None, event: OrderEvent, now_ns: int) -> Ours:
    """Our side after `event`; an order that we did not track begins with it.

    A fill of an untracked order is a late one of an order that ended long ago: it cannot be a
    working order, because those are in the snapshot or began with an event.
    """
    if ours is None:
        late = isinstance(event, m.OrderFilled)
        ours = Ours(
            client_order_id=event.client_order_id,
            strategy_id=event.strategy_id,
            instrument_id=event.instrument_id,
            phase=Phase.CLOSED if late else Phase.OPEN,
            status=ENDED_SOMEHOW if late else "ACCEPTED",
            ts_changed=now_ns,
            whole=not late,
        )
    if isinstance(event, m.OrderFilled):
        ours = _filled(ours, event, now_ns)
    if isinstance(event, m.OrderSubmitted):
        ours = replace(ours, triggered=event.order.order_type.triggered)
    phase, status = PHASES[type(event)] or (ours.phase, ours.status)
    if isinstance(event, m.OrderUpdated) and not event.leaves_qty:
        phase, status = Phase.CLOSED, "FILLED"
    return replace(
        ours,
        phase=phase,
        status=status,
        ts_changed=now_ns,
        venue_order_id=event.venue_order_id or ours.venue_order_id,
    )


def _filled(ours: Ours, event: m.OrderFilled, now_ns: int) -> Ours:
    trades = ours.trades.set(event.trade_id, Trade(event.last_qty, event.last_px))
    phase, status = ours.phase, ours.status
    if not event.leaves_qty:
        phase, status = Phase.CLOSED, "FILLED"
    elif phase is Phase.SENT:
        phase, status = Phase.OPEN, "ACCEPTED"
    return replace(ours, trades=trades, ts_filled=now_ns, phase=phase, status=status)


def from_view(view: OrderView, now_ns: int) -> Ours:
    """Our side of an order in a snapshot: its fills are a sum without trade ids."""
    return Ours(
        client_order_id=view.order.client_order_id,
        strategy_id=view.order.strategy_id,
        instrument_id=view.order.instrument_id,
        phase=_PHASE_WORDS.get(view.status, Phase.OPEN),
        status=view.status,
        ts_changed=now_ns,
        venue_order_id=view.venue_order_id,
        triggered=view.order.order_type.triggered,
        earlier_qty=view.filled_qty,
        earlier_cost=notional(view.filled_qty, view.avg_px),
    )


# --- their side ---------------------------------------------------------------------------------


def reported(theirs: Theirs, report: OrderReport, ts_asked: int) -> Theirs:
    """Their side after a report: an end is final, and older answers change nothing."""
    if ts_asked < theirs.ts_asked or (theirs.where is Where.ENDED and report.status.open):
        return theirs
    where = Where.OPEN if report.status.open else Where.ENDED
    return replace(theirs, where=where, ts_asked=ts_asked, report=report, not_found=None)


def absent(theirs: Theirs, ts_asked: int) -> Theirs:
    """Their side after a list of open orders without it; says less than an answer by id."""
    stronger = theirs.where in (Where.ENDED, Where.NOT_FOUND)
    if stronger or ts_asked < theirs.ts_asked:
        return theirs
    return replace(theirs, where=Where.ABSENT, ts_asked=ts_asked, report=None)


def missing(theirs: Theirs, answer: OrderNotFound, ts_asked: int) -> Theirs:
    """Their side after "no such order"."""
    if theirs.where is Where.ENDED or ts_asked < theirs.ts_asked:
        return theirs
    return replace(theirs, where=Where.NOT_FOUND, ts_asked=ts_asked, report=None, not_found=answer)


def adopt_trades(tracked: Tracked) -> Tracked:
    """The same, with trade ids for the fills that we knew only as a sum, once the sums agree."""
    ours, theirs = tracked.ours, tracked.theirs
    if not ours.earlier_qty or any(t not in theirs.trades for t in ours.trades):
        return tracked
    if total(*(f.last_qty for f in theirs.trades.values())) != ours.filled_qty:
        return tracked
    known = Map({k: Trade(f.last_qty, f.last_px) for k, f in theirs.trades.items()})
    return replace(tracked, ours=replace(ours, trades=known, earlier_qty=_ZERO, earlier_cost=_ZERO))
