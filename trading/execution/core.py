"""An execution: one plan worked off by child orders, as pure steps of its state.

Theory of operation. At the beginning of each slice the plan says how much may be filled or at work.
Whatever is missing becomes one child: a limit order that reaches `offset_bps` beyond the touch and
is IOC, so nothing of it is left behind when the market moves (an iceberg's children rest at its
limit). A child counts as at work until its end is told, so the sum of what is filled and at work
never exceeds what is due, nor the plan: an order whose state is unknown holds its quantity until
somebody knows. What a child could not fill is due again in the next slice.

Nothing is sent from here: `wanted` says which child is due, and who drives the execution
(`trading.strategy_executions`) places it like any other order and tells `placed` its id. So a child
that cannot be placed now was never there, and the next slice asks for it again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Final

from messages import orders as m
from messages.base import ClientOrderId
from messages.market import Instrument
from messages.orders import OrderSide, RefusalCode, TimeInForce
from trading.execution.plan import Method, Plan, due
from trading.execution.quality import Arrival, Traded
from trading.instruments import price_for, size_for
from trading.replacing import replace

CLOSED_MAX: Final = 20  # closed children that a late fill still finds
_REFUSALS_MAX: Final = 3  # in a row: the plan does not fit the account or the venue
_BPS: Final = Decimal(10_000)
_ENDS: Final = (m.OrderCanceled, m.OrderExpired, m.OrderRejected, m.OrderDenied, m.RefusedOrder)
_REFUSED: Final = (m.OrderRejected, m.OrderDenied, m.RefusedOrder)
# These pass by themselves, and the venue certainly has no such order: the next slice asks again.
_PASSING: Final = frozenset(
    {
        RefusalCode.MARKET_DATA_STALE,
        RefusalCode.NO_REFERENCE_PRICE,
        RefusalCode.ORDER_RATE,
        RefusalCode.NOT_SENT,
        RefusalCode.TRADING_HALTED,
    }
)
Touch = tuple[Decimal, Decimal]  # bid, ask


class Status(StrEnum):
    """Where an execution is."""

    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"

    @property
    def over(self) -> bool:
        return self in (Status.COMPLETED, Status.CANCELLED, Status.FAILED)


@dataclass(frozen=True, slots=True)
class Child:
    """One of its orders; `open` until its end is told.

    refused  it ended before it was at work, as far as anybody knew: it may live after all
    """

    quantity: Decimal
    filled: Decimal = Decimal(0)
    open: bool = True
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Execution:
    """The state of one plan.

    number    the slice that has begun, -1 before the first
    volume    of the market since the start
    children  the open ones and the last closed ones, oldest first
    traded    its fills, added up
    arrival   the market when it began; None until it is known
    refusals  children in a row that were not taken
    reason    why it is over without being complete
    """

    status: Status = Status.RUNNING
    ts_start: int = 0
    number: int = -1
    volume: Decimal = Decimal(0)
    children: Mapping[ClientOrderId, Child] = field(default_factory=dict)
    traded: Traded = field(default_factory=Traded)
    arrival: Arrival | None = None
    refusals: int = 0
    reason: str = ""

    @property
    def filled(self) -> Decimal:
        return self.traded.quantity

    @property
    def working(self) -> Decimal:
        """What open children may still fill."""
        parts = (c.quantity - c.filled for c in self.children.values() if c.open)
        return sum(parts, Decimal(0))

    @property
    def open_children(self) -> tuple[ClientOrderId, ...]:
        return tuple(name for name, child in self.children.items() if child.open)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A child that is due."""

    quantity: Decimal
    price: Decimal
    time_in_force: TimeInForce


# --- the course -----------------------------------------------------------------------------------


def slice_ts(plan: Plan, state: Execution, number: int, shift: float) -> int:
    """When slice `number` begins.

    shift  -1 .. 1, drawn for this slice: moves it by up to `plan.jitter` of a slice
    """
    # The first slice begins at once, and the one after the last does not come early.
    moved = 0 if number == 0 or number >= plan.slices > 0 else round(shift * plan.jitter * _MILLION)
    return state.ts_start + number * plan.slice_ns + moved * plan.slice_ns // _MILLION


_MILLION: Final = 1_000_000


def sliced(plan: Plan, state: Execution, now_ns: int) -> Execution:
    """The next slice begins, or the one that the clock says if some were slept through; one slice
    after the last, time is up."""
    if state.status.over:
        return state
    passed = (now_ns - state.ts_start) // plan.slice_ns
    state = replace(state, number=max(state.number + 1, passed))
    if not plan.slices or state.number <= plan.slices:
        return state
    text = f"time is up: {state.filled} of {plan.quantity} filled"
    return replace(state, status=Status.FAILED, reason=text)


def wanted(plan: Plan, state: Execution, rules: Instrument, touch: Touch) -> Wanted | None:
    """The child that is due and not at work; None where nothing is, or the market is not there.

    touch  zeros where it is not known
    """
    if state.status is not Status.RUNNING or state.number < 0:
        return None
    if plan.method is Method.ICEBERG and state.working:
        return None  # the visible part is replaced when it is gone, not before
    allowed = due(plan, state.number, state.volume, state.filled)
    quantity = size_for(rules, allowed - state.filled - state.working)
    price = _price(plan, rules, touch)
    if price is None or quantity <= 0 or _too_small(rules, quantity, price):
        return None  # too small for the venue: it waits for more
    rests = plan.method is Method.ICEBERG
    return Wanted(quantity, price, TimeInForce.GTC if rests else TimeInForce.IOC)


def stuck(plan: Plan, state: Execution, rules: Instrument, touch: Touch) -> Execution:
    """Give it up if all is due, nothing is at work and the venue takes no order so small."""
    rest = plan.quantity - state.filled
    price = _price(plan, rules, touch)
    if state.status is not Status.RUNNING or state.working or price is None or rest <= 0:
        return state
    if due(plan, max(state.number, 0), state.volume, state.filled) < plan.quantity:
        return state
    if size_for(rules, rest) > 0 and not _too_small(rules, size_for(rules, rest), price):
        return state
    text = f"the venue takes no order as small as the rest: {rest} of {plan.quantity}"
    return replace(state, status=Status.FAILED, reason=text)


def _too_small(rules: Instrument, quantity: Decimal, price: Decimal) -> bool:
    return quantity < rules.min_quantity or quantity * price < rules.min_notional


def _price(plan: Plan, rules: Instrument, touch: Touch) -> Decimal | None:
    """The child's limit; None while nothing says where the market is, or it is beyond the limit."""
    sign = plan.side.sign
    if plan.method is Method.ICEBERG:
        return price_for(rules, plan.side, plan.limit) if plan.limit is not None else None
    far = touch[1] if plan.side is OrderSide.BUY else touch[0]
    if far <= 0 or (plan.limit is not None and sign * far > sign * plan.limit):
        return None
    reach = far * (1 + sign * plan.offset_bps / _BPS)
    if plan.limit is not None:
        reach = min(reach, plan.limit) if sign > 0 else max(reach, plan.limit)
    price = price_for(rules, plan.side, reach)
    return price if price > 0 else None


# --- children -------------------------------------------------------------------------------------


def placed(state: Execution, name: ClientOrderId, quantity: Decimal) -> Execution:
    """A child is on its way."""
    children = {**state.children, name: Child(quantity)}
    closed = [n for n, c in children.items() if not c.open]
    for old in closed[: max(len(closed) - CLOSED_MAX, 0)]:
        del children[old]
    return replace(state, children=children)


def arrived(state: Execution, touch: Touch, now_ns: int) -> Execution:
    """Remember the market when it began, as soon as it is known."""
    if state.arrival is not None or min(touch) <= 0:
        return state
    return replace(state, arrival=Arrival(now_ns, *touch))


def told(
    plan: Plan, state: Execution, event: m.OrderMessage, fee: Decimal = Decimal(0)
) -> Execution:
    """What an event of a child changes. The caller has dropped repeats of fills.

    fee  of a fill, in quote currency
    """
    child = state.children.get(event.client_order_id)
    if child is None:
        return state
    if isinstance(event, m.OrderFilled):
        known = replace(
            child,
            filled=child.filled + event.last_qty,
            open=(child.open or child.refused) and event.leaves_qty > 0,
            refused=False,
        )
        worst = state.arrival.touch(plan.side) if state.arrival else event.last_px
        better = plan.side.sign * event.last_px < plan.side.sign * worst
        traded = state.traded.plus(event.last_px, event.last_qty, fee, better, event.ts_event)
        state = replace(_with(state, event.client_order_id, known), refusals=0, traded=traded)
        return _checked(plan, state)
    if isinstance(event, m.OrderAccepted) and not child.open and child.filled < child.quantity:
        # It was held to be refused, and lives: nothing else may take its place.
        return _with(state, event.client_order_id, replace(child, open=True, refused=False))
    if not isinstance(event, _ENDS):
        return state
    refused = isinstance(event, _REFUSED)
    state = _with(state, event.client_order_id, replace(child, open=False, refused=refused))
    if not refused:
        return replace(state, refusals=0)
    if getattr(event, "code", "") in _PASSING:
        return state
    state = replace(state, refusals=state.refusals + 1)
    if state.refusals < _REFUSALS_MAX or state.status.over:
        return state
    text = f"{state.refusals} children in a row were refused: {getattr(event, 'reason', '')}"
    return replace(state, status=Status.FAILED, reason=text)


def closed(state: Execution, name: ClientOrderId) -> Execution:
    """The order manager no longer has this child: nothing more of it will fill."""
    return _with(state, name, replace(state.children[name], open=False))


def _checked(plan: Plan, state: Execution) -> Execution:
    if state.filled < plan.quantity or state.status is Status.CANCELLED:
        return state
    return replace(state, status=Status.COMPLETED, reason="")


def _with(state: Execution, name: ClientOrderId, child: Child) -> Execution:
    return replace(state, children={**state.children, name: child})
