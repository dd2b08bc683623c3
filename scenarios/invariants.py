"""What must hold in every simulated world, looked at after every step and once after healing.

The venue's own ledger is the witness: it does not know Manta's books, and every law compares the
two. Each violation is one sentence with the step it was first seen at.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from messages import orders as m
from messages.base import ClientOrderId, InstrumentId, StrategyId
from messages.orders import OrderSide
from scenarios.sim_connection import SimConnection
from trading import positions
from trading.account import Books
from trading.loop import Loop, strategies
from trading.orders import Order
from trading.risk_checks import Exposure, worst_case
from trading.wiring import Role
from venues.sim.ledger import Ledger
from venues.sim.orders import VenueOrder

_ORDERS: Final = str(Role.ORDERS)
_ZERO: Final = Decimal(0)
_VIOLATIONS_MAX: Final = 20


@dataclass(slots=True)
class Checker:
    """Watches one loop. `violations` holds (step, sentence); empty is the claim."""

    connection: SimConnection
    limits: Mapping[InstrumentId, Decimal]  # worst-case position per instrument
    violations: list[tuple[int, str]] = field(default_factory=list)
    _venue_seen: tuple[int, int, int] = (-1, -1, -1)
    _books_seen: Books | None = None
    _rows_seen: int = 0
    _risk_incarnation: int = 0

    def watch(self, loop: Loop) -> None:
        """Every step: cheap where nothing changed."""
        ledger = self.connection.venue.ledger()
        seen = (len(ledger.lines), len(ledger.fills), self.connection.sent)
        if seen != self._venue_seen:
            self._venue_seen = seen
            self._venue(loop, ledger)
        if len(loop.journals[_ORDERS].rows) != self._rows_seen:
            self._journal(loop)
        machine = loop.hosts[_ORDERS].machine
        if machine is not None and machine.state is not self._books_seen:
            self._books_seen = machine.state
            self._books(loop, machine.state, ledger)

    def _say(self, loop: Loop, sentence: str) -> None:
        known = {s for _, s in self.violations}
        if sentence not in known and len(self.violations) < _VIOLATIONS_MAX:
            self.violations.append((loop.steps, sentence))

    # --- every step ---------------------------------------------------------------------------

    def _venue(self, loop: Loop, ledger: Ledger) -> None:
        for key in ledger.duplicates:
            self._say(loop, f"duplicate order at the venue: {key}")
        for sent, times in self.connection.submits.items():
            if times > 1:
                self._say(loop, f"order sent {times} times: {sent}")
        for request in self.connection.fenced_requests:
            self._say(loop, f"an outlived process reached the venue: {request}")
        for instrument_id, limit in self.limits.items():
            working = _at_venue(ledger, instrument_id)
            held = ledger.position(instrument_id)
            for worst in worst_case(instrument_id, held, working):
                if abs(worst) > limit:
                    self._say(loop, f"exposure at the venue {worst} beyond {limit}")

    def _journal(self, loop: Loop) -> None:
        rows = loop.journals[_ORDERS].rows
        self._rows_seen = min(self._rows_seen, len(rows))  # a torn tail may have been dropped
        for row in rows[self._rows_seen :]:
            message = row.message
            if row.direction == "in" and isinstance(message, m.ApprovedOrder):
                if message.risk_incarnation < self._risk_incarnation:
                    self._say(loop, f"approval of an outlived risk checker: {message.key}")
                self._risk_incarnation = max(self._risk_incarnation, message.risk_incarnation)
        self._rows_seen = len(rows)

    def _books(self, loop: Loop, books: Books, ledger: Ledger) -> None:
        for instrument_id, limit in self.limits.items():
            held = positions.net(books.positions, instrument_id).quantity
            working = [
                Exposure(instrument_id, o.spec.side, o.leaves_qty)
                for o in (books.orders[k] for k in books.open)
                if o.spec.instrument_id == instrument_id
            ]
            for worst in worst_case(instrument_id, held, working):
                if abs(worst) > limit:
                    self._say(loop, f"exposure in our books {worst} beyond {limit}")
        known = books.orders.trades() if books.fills else 0
        if known != books.fills:
            self._say(loop, f"{books.fills} fills were booked, but orders hold {known} trades")

    # --- after healing ------------------------------------------------------------------------

    def peace(self, loop: Loop) -> None:
        """Nothing failed for a while, and orders still work: by now every fill is booked."""
        machine = loop.hosts[_ORDERS].machine
        if machine is not None:
            self._fills_agree(loop, machine.state, self.connection.venue.ledger())
            self._rules_agree(loop, machine.state)

    def final(self, loop: Loop) -> None:
        """The network is perfect again and everyone had time: both sides agree on everything."""
        for name, journal in loop.journals.items():
            if not journal.intact():
                self._say(loop, f"the log chain of {name} is broken")
        dead = [n for n, h in loop.hosts.items() if h.machine is None]
        if dead:
            self._say(loop, f"not serving after healing: {', '.join(dead)}")
            return
        books = _state(loop, Role.ORDERS)
        ledger = self.connection.venue.ledger()
        for problem in ledger.problems():
            self._say(loop, f"the venue's own books: {problem}")
        self._orders_agree(loop, books, ledger)
        self._fills_agree(loop, books, ledger)
        self._positions_agree(loop, books, ledger)

    def _orders_agree(self, loop: Loop, books: Books, ledger: Ledger) -> None:
        for key in books.open:
            order = books.orders[key]
            self._say(loop, f"order {key} is still {order.status} after healing")
        for name in sorted(books.catch_up):
            self._say(loop, f"still asking after healing: {name}")
        for line in ledger.lines:
            key = line.spec.client_order_id
            ours = books.orders.get(key)
            if ours is None:
                self._say(loop, f"lost order: the venue has {key}")
            elif line.order is not None and line.order.open:
                self._say(loop, f"order {key} still works at the venue")
            elif line.order is not None and str(line.order.status) != str(ours.status):
                self._say(loop, f"order {key}: we say {ours.status}, venue {line.order.status}")
            elif line.order is not None and ours.quantity != (size := _size(line.order)):
                self._say(loop, f"order {key}: we say quantity {ours.quantity}, venue {size}")

    def _fills_agree(self, loop: Loop, books: Books, ledger: Ledger) -> None:
        theirs = {str(f.trade_id): (f.client_order_id, f.last_qty, f.last_px) for f in ledger.fills}
        ours = {t for o in books.orders.values() for t in o.trades}
        for trade_id in theirs.keys() - ours:
            self._say(loop, f"lost fill: trade {trade_id} of {theirs[trade_id][0]}")
        for invented in ours - theirs.keys():
            self._say(loop, f"invented fill: trade {invented}")
        bought: dict[str, Decimal] = {}
        for client_order_id, qty, px in theirs.values():
            bought[client_order_id] = bought.get(client_order_id, _ZERO) + qty * px
        for key, cost in bought.items():
            order: Order | None = books.orders.get(ClientOrderId(key))
            if order is not None and order.cost != cost:
                self._say(loop, f"order {key}: cost {order.cost}, the venue {cost}")

    def _positions_agree(self, loop: Loop, books: Books, ledger: Ledger) -> None:
        risk = _state(loop, Role.RISK)
        for instrument_id in self.limits:
            theirs = ledger.position(instrument_id)
            ours = positions.net(books.positions, instrument_id).quantity
            if ours != theirs:
                self._say(loop, f"position {instrument_id}: we say {ours}, the venue {theirs}")
            checked = risk.positions.get(instrument_id, _ZERO)
            if checked != theirs:
                self._say(loop, f"position {instrument_id}: risk says {checked}, venue {theirs}")
        self._strategies_agree(loop, books)
        if risk.orders:
            self._say(loop, f"risk still counts closed orders: {sorted(risk.orders)[:3]}")

    def _rules_agree(self, loop: Loop, books: Books) -> None:
        """Who rounds, who denies and whose connection counts know the rules that hold."""
        known = {Role.ORDERS: books.rules, Role.RISK: _state(loop, Role.RISK).instruments}
        held = [(str(role), rules.get(i)) for role, rules in known.items() for i in self.limits]
        for name, machine in strategies(loop).items():
            held += [(name, market.instrument) for market in machine.state.markets]
        now = {i.instrument_id: i for i in self.connection.venue.instruments}
        for name, rules in held:
            if rules is not None and rules != now[rules.instrument_id]:
                self._say(loop, f"{name} has old rules of {rules.instrument_id}")

    def _strategies_agree(self, loop: Loop, books: Books) -> None:
        for name, machine in strategies(loop).items():
            strategy_id = StrategyId(name.removeprefix("strategy-"))
            for market in machine.state.markets:
                held = books.positions.get((strategy_id, market.instrument_id))
                ours = held.quantity if held is not None else _ZERO
                if market.holding.quantity != ours:
                    what = f"{name} holds {market.holding.quantity} {market.instrument_id}"
                    self._say(loop, f"{what}, the order manager says {ours}")


def _state(loop: Loop, role: Role) -> Any:
    machine = loop.hosts[str(role)].machine
    assert machine is not None
    return machine.state


def _size(order: VenueOrder) -> Decimal:
    return order.grid.quantity(order.lots)


def _at_venue(ledger: Ledger, instrument_id: InstrumentId) -> list[Exposure]:
    found: list[Exposure] = []
    for line in ledger.lines:
        order = line.order
        if order is not None and order.open and line.spec.instrument_id == instrument_id:
            left = order.grid.quantity(order.lots - order.filled)
            found.append(Exposure(instrument_id, OrderSide(line.spec.side), left))
    return found
