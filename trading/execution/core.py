"""An execution: one plan worked off by child orders, as a fold.

Theory of operation. At the beginning of each slice the plan says how much may be filled or at work.
Whatever is missing becomes one child: a limit order that reaches `offset_bps` beyond the touch and
is IOC, so nothing of it is left behind when the market moves (an iceberg's children rest at its
limit). A child counts as at work until its end is told, so the sum of what is filled and at work
never exceeds what is due, nor the plan: an order whose state is unknown holds its quantity until
somebody knows. What a child could not fill is due again in the next slice.

Children are `OrderIntent`s: they pass risk like every other order. The core hears quotes and trades
of its instrument, its timer and its children's events; it keeps no clock and draws its chance once,
when it is made.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import Final

import numpy as np

from messages import Message
from messages import orders as m
from messages.base import ClientOrderId
from messages.control import SetTimer, TimerFired
from messages.market import QuoteBatch, TradeBatch
from messages.orders import OrderSide, OrderSpec, OrderType, TimeInForce
from trading.core import Step
from trading.execution.plan import Method, Plan, due
from trading.instruments import price_for, refusal, size_for

TIMER: Final = "execution"
_REFUSALS_MAX: Final = 3  # in a row: the plan does not fit the account or the venue
_BPS: Final = Decimal(10_000)
_ENDS: Final = (m.OrderCanceled, m.OrderExpired, m.OrderRejected, m.OrderDenied, m.RefusedOrder)
_REFUSED: Final = (m.OrderRejected, m.OrderDenied, m.RefusedOrder)


class Status(StrEnum):
    """Where an execution is."""

    PENDING = "PENDING"
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
    """One of our orders; `open` until its end is told."""

    quantity: Decimal
    filled: Decimal = Decimal(0)
    open: bool = True
    trades: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Execution:
    """The state of one plan.

    number    the slice that has begun, -1 before the first
    volume    of the market since the start
    touch     (bid, ask), None before the first quote
    refusals  children in a row that were not taken
    reason    why it is over, or where it stands out
    """

    status: Status = Status.PENDING
    ts_start: int = 0
    number: int = -1
    volume: Decimal = Decimal(0)
    touch: tuple[Decimal, Decimal] | None = None
    children: Mapping[ClientOrderId, Child] = field(default_factory=dict)
    refusals: int = 0
    reason: str = ""

    @property
    def filled(self) -> Decimal:
        return sum((c.filled for c in self.children.values()), Decimal(0))

    @property
    def working(self) -> Decimal:
        """What open children may still fill."""
        parts = (c.quantity - c.filled for c in self.children.values() if c.open)
        return sum(parts, Decimal(0))


class ExecutionCore:
    """Works off one plan.

    name  the client order id of the n-th child: a function of run, strategy and number
    rng   drawn from once, for the times of the slices
    """

    def __init__(
        self, plan: Plan, name: Callable[[int], ClientOrderId], rng: np.random.Generator
    ) -> None:
        self.plan = plan
        self._name = name
        # Of a plan without an end, the times repeat.
        count = max(plan.slices, 1)
        drawn = rng.uniform(-plan.jitter, plan.jitter, count) * plan.slice_ns
        self._moved = [0, *(int(ns) for ns in drawn[1:])]  # the first slice begins at once

    def start(self) -> Execution:
        return Execution()

    def resume(self, state: Execution, now_ns: int) -> Step[Execution]:
        """Begin, or go on after a restart."""
        if state.status is Status.PENDING:
            state = replace(state, status=Status.RUNNING, ts_start=now_ns)
        return Step(state, () if state.status.over else (self._timer(state, now_ns),))

    def react(self, state: Execution, message: Message, now_ns: int) -> Step[Execution]:
        if isinstance(message, QuoteBatch) and len(message.rows):
            return self._quoted(state, message, now_ns)
        if isinstance(message, TradeBatch):
            mine = message.instrument_id == self.plan.instrument.instrument_id
            size = float(message.rows["size"].sum()) if mine else 0.0
            return Step(replace(state, volume=state.volume + Decimal(repr(size))))
        if isinstance(message, TimerFired):
            return self._slice(state, now_ns) if message.name == TIMER else Step(state)
        if isinstance(message, m.OrderMessage):
            return self._ordered(state, message, now_ns)
        return Step(state)

    # --- the operator -----------------------------------------------------------------------------

    def pause(self, state: Execution, now_ns: int) -> Step[Execution]:
        """Place nothing more and take back what rests, until `unpause`."""
        if state.status is not Status.RUNNING:
            return Step(state)
        return Step(replace(state, status=Status.PAUSED), self._cancels(state, now_ns))

    def unpause(self, state: Execution, now_ns: int) -> Step[Execution]:
        """Go on; what fell due meanwhile is due now."""
        if state.status is not Status.PAUSED:
            return Step(state)
        return self._work(replace(state, status=Status.RUNNING), now_ns)

    def cancel(self, state: Execution, now_ns: int, reason: str = "") -> Step[Execution]:
        """Give up what is not done; fills on their way still count."""
        if state.status.over:
            return Step(state)
        ended = replace(state, status=Status.CANCELLED, reason=reason)
        return Step(ended, self._cancels(state, now_ns))

    # --- the course -------------------------------------------------------------------------------

    def _timer(self, state: Execution, now_ns: int) -> SetTimer:
        number = state.number + 1
        at = number * self.plan.slice_ns + self._moved[number % len(self._moved)]
        due_ns = max(state.ts_start + at, now_ns)
        return SetTimer(ts_event=now_ns, ts_init=now_ns, name=TIMER, ts_due=due_ns)

    def _slice(self, state: Execution, now_ns: int) -> Step[Execution]:
        if state.status.over:
            return Step(state)
        state = replace(state, number=state.number + 1)
        if self.plan.slices and state.number > self.plan.slices:
            return self._time_is_up(state, now_ns)
        step = self._work(state, now_ns)
        return Step(step.state, (*step.out, self._timer(step.state, now_ns)))

    def _time_is_up(self, state: Execution, now_ns: int) -> Step[Execution]:
        text = f"time is up: {state.filled} of {self.plan.quantity} filled"
        ended = replace(state, status=Status.FAILED, reason=text)
        return Step(ended, self._cancels(state, now_ns))

    def _work(self, state: Execution, now_ns: int) -> Step[Execution]:
        """Place what is due and not at work."""
        if state.status is not Status.RUNNING or state.number < 0:
            return Step(state)
        plan = self.plan
        if plan.method is Method.ICEBERG and state.working:
            return Step(state)  # the visible part is replaced when it is gone, not before
        allowed = due(plan, state.number, state.volume, state.filled)
        quantity = size_for(plan.instrument, allowed - state.filled - state.working)
        price = self._price(state)
        if quantity <= 0 or price is None:
            return Step(state)
        name = self._name(len(state.children))
        order = self._order(name, quantity, price)
        if refusal(plan.instrument, order) is not None:
            return Step(state)  # too small for the venue: it waits for more
        children = {**state.children, name: Child(quantity)}
        intent = m.OrderIntent(ts_event=now_ns, ts_init=now_ns, order=order)
        return Step(replace(state, children=children), (intent,))

    def _order(self, name: ClientOrderId, quantity: Decimal, price: Decimal) -> OrderSpec:
        rests = self.plan.method is Method.ICEBERG
        return OrderSpec(
            client_order_id=name,
            strategy_id=self.plan.strategy_id,
            instrument_id=self.plan.instrument.instrument_id,
            side=self.plan.side,
            order_type=OrderType.LIMIT,
            quantity=quantity,
            price=price,
            time_in_force=TimeInForce.GTC if rests else TimeInForce.IOC,
            reduce_only=self.plan.reduce_only,
        )

    def _price(self, state: Execution) -> Decimal | None:
        """The child's limit; None while no quote says where the market is, or none is within."""
        plan = self.plan
        if plan.method is Method.ICEBERG:
            return plan.limit
        if state.touch is None:
            return None
        bid, ask = state.touch
        sign = plan.side.sign
        far = ask if plan.side is OrderSide.BUY else bid
        if far <= 0 or (plan.limit is not None and sign * far > sign * plan.limit):
            return None
        reach = far * (1 + sign * plan.offset_bps / _BPS)
        if plan.limit is not None:
            reach = min(reach, plan.limit) if sign > 0 else max(reach, plan.limit)
        price = price_for(plan.instrument, plan.side, reach)
        return price if price > 0 else None

    # --- what is heard ----------------------------------------------------------------------------

    def _quoted(self, state: Execution, batch: QuoteBatch, now_ns: int) -> Step[Execution]:
        if batch.instrument_id != self.plan.instrument.instrument_id:
            return Step(state)
        last = batch.rows[-1]
        first = state.touch is None
        bid, ask = (Decimal(repr(float(last[side]))) for side in ("bid_price", "ask_price"))
        state = replace(state, touch=(bid, ask))
        return self._work(state, now_ns) if first else Step(state)

    def _ordered(self, state: Execution, event: m.OrderMessage, now_ns: int) -> Step[Execution]:
        child = state.children.get(event.client_order_id)
        if child is None:
            return Step(state)
        if isinstance(event, m.OrderFilled):
            return self._filled(state, child, event, now_ns)
        if not isinstance(event, _ENDS):
            return Step(state)
        state = self._with(state, event.client_order_id, replace(child, open=False))
        refusals = state.refusals + 1 if isinstance(event, _REFUSED) else 0
        state = replace(state, refusals=refusals)
        if refusals >= _REFUSALS_MAX and not state.status.over:
            text = f"{refusals} children in a row were refused: {getattr(event, 'reason', '')}"
            failed = replace(state, status=Status.FAILED, reason=text)
            return Step(failed, self._cancels(state, now_ns))
        # What rests is replaced at once; what takes waits for its next slice.
        return self._work(state, now_ns) if self.plan.method is Method.ICEBERG else Step(state)

    def _filled(
        self, state: Execution, child: Child, event: m.OrderFilled, now_ns: int
    ) -> Step[Execution]:
        if event.trade_id in child.trades:
            return Step(state)  # a repeated report is one fill
        filled = child.filled + event.last_qty
        known = replace(
            child,
            filled=filled,
            trades=child.trades | {event.trade_id},
            open=child.open and event.leaves_qty > 0 and filled < child.quantity,
        )
        state = replace(self._with(state, event.client_order_id, known), refusals=0)
        if state.filled >= self.plan.quantity and state.status is not Status.CANCELLED:
            return Step(replace(state, status=Status.COMPLETED, reason=""))
        return self._work(state, now_ns) if not known.open else Step(state)

    def _with(self, state: Execution, name: ClientOrderId, child: Child) -> Execution:
        return replace(state, children={**state.children, name: child})

    def _cancels(self, state: Execution, now_ns: int) -> tuple[m.CancelIntent, ...]:
        return tuple(
            m.CancelIntent(
                ts_event=now_ns,
                ts_init=now_ns,
                client_order_id=name,
                strategy_id=self.plan.strategy_id,
                instrument_id=self.plan.instrument.instrument_id,
            )
            for name, child in state.children.items()
            if child.open
        )
