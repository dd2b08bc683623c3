"""Five bugs that have cost others money, planted one at a time: the simulation must notice each."""

from dataclasses import replace
from typing import Any

from messages import Message, venue
from messages import orders as m
from scenarios.simulate import Parts
from trading import positions
from trading.account import Books
from trading.core import Step
from trading.links import Links
from trading.loop import Host, JournalFile, Loop, World
from trading.machine import Effects, Machine, Row
from trading.order_manager import OrderManagerCore
from trading.risk import RiskCore, RiskState


class RetriesAmbiguous(OrderManagerCore):
    """Sends the order again when no answer came."""

    def react(self, state: Books, message: Message, now_ns: int) -> Step[Books]:
        step = super().react(state, message, now_ns)
        lost = isinstance(message, venue.RequestFailed) and message.acted is venue.Acted.PERHAPS
        if lost and message.request is venue.Request.SUBMIT:
            order = state.orders[message.client_order_id].spec
            again = m.SubmitOrder(ts_event=now_ns, ts_init=now_ns, order=order)
            return Step(step.state, (*step.out, again))
        return step


class BooksFillsTwice(OrderManagerCore):
    """Moves the position for every report of a trade, seen before or not."""

    def react(self, state: Books, message: Message, now_ns: int) -> Step[Books]:
        step = super().react(state, message, now_ns)
        known = isinstance(message, venue.FillReport) and state.orders.get(message.client_order_id)
        if not known or message.trade_id not in known.trades:
            return step
        again = m.OrderFilled(
            ts_event=now_ns,
            ts_init=now_ns,
            client_order_id=message.client_order_id,
            strategy_id=known.spec.strategy_id,
            instrument_id=message.instrument_id,
            trade_id=message.trade_id,
            side=message.side,
            last_qty=message.last_qty,
            last_px=message.last_px,
            leaves_qty=known.leaves_qty,
            commission=message.commission,
            currency=message.currency,
            liquidity_side=message.liquidity_side,
        )
        instrument = self.config.instruments[message.instrument_id]
        book, _ = positions.fold_fill(step.state.positions, again, instrument)
        return Step(replace(step.state, positions=book), step.out)


class ForgetsUnknown(RiskCore):
    """Counts an order whose fate is unknown as no exposure."""

    def react(self, state: RiskState, message: Message, now_ns: int) -> Step[RiskState]:
        step = super().react(state, message, now_ns)
        if isinstance(message, m.OrderUnknown) and message.client_order_id in step.state.orders:
            orders = step.state.orders.delete(message.client_order_id)
            return Step(replace(step.state, orders=orders), step.out)
        return step


class SpeaksFirst(Loop):
    """Sends before it journals."""

    def _carry_out(self, host: Host, effects: Effects) -> None:
        machine = host.machine
        if machine is None:
            return
        said = replace(effects, rows=(), checkpoint=None)
        super()._carry_out(host, said)
        if host.machine is machine:
            super()._carry_out(host, Effects(rows=effects.rows, checkpoint=effects.checkpoint))


class _Unfenced(Links):
    def _fenced(self, peer: str, incarnation: int) -> bool:
        return False


class _OpenJournal(JournalFile):
    def append(self, rows: tuple[Row, ...], fence: int) -> None:
        super().append(rows, self.fence)


class ForgetsToFence(Loop):
    """Listens to every incarnation, and lets every one of them write."""

    def __init__(self, world: World, *args: Any, **kwargs: Any) -> None:
        super().__init__(world, *args, **kwargs)
        self.journals = {name: _OpenJournal() for name in self.journals}

    def launch(self, host: Host) -> None:
        super().launch(host)
        machine: Machine[Any] | None = host.machine
        if machine is not None:
            machine.links.__class__ = _Unfenced


PLANTED: dict[str, Parts] = {
    "retry on an ambiguous answer": Parts(orders=RetriesAmbiguous),
    "journal after send": Parts(loop=SpeaksFirst),
    "forget to fence": Parts(loop=ForgetsToFence),
    "count UNKNOWN as nothing": Parts(risk=ForgetsUnknown),
    "apply a fill twice": Parts(orders=BooksFillsTwice),
}
