"""What the venue itself wrote down: the witness against which everyone else's books are checked.

The ledger records as things happen and shares no arithmetic with the matching: `problems` adds up
its own lines in Decimals and compares them with the integer balances that the venue runs on.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from messages.base import ClientOrderId, InstrumentId
from messages.market import Instrument, Product
from messages.orders import LiquiditySide, OrderSide, OrderSpec
from messages.venue import FillReport, VenueStatus
from venues.sim.margin import Holding
from venues.sim.orders import VenueOrder
from venues.sim.wallet import Wallet

_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One order that reached the venue: accepted (`order`) or refused (`code`, `reason`)."""

    spec: OrderSpec
    ts_ns: int
    order: VenueOrder | None
    code: str = ""
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """The line as plain JSON values; decimals as strings."""
        spec, order = self.spec, self.order
        line: dict[str, Any] = {
            "client_order_id": spec.client_order_id,
            "instrument_id": spec.instrument_id,
            "side": spec.side.value,
            "order_type": spec.order_type.value,
            "time_in_force": spec.time_in_force.value,
            "quantity": str(spec.quantity),
            "price": _text(spec.price),
            "trigger_price": _text(spec.trigger_price),
            "post_only": spec.post_only,
            "reduce_only": spec.reduce_only,
            "ts_received": self.ts_ns,
            "accepted": order is not None,
            "venue_order_id": None,
            "status": VenueStatus.REJECTED.value,
            "filled_qty": "0",
            "code": self.code,
            "reason": self.reason,
        }
        if order is not None:
            line |= {
                "venue_order_id": order.venue_order_id,
                "status": order.status.value,
                "quantity": str(order.grid.quantity(order.lots)),
                "price": _text(order.spec.price),
                "filled_qty": str(order.grid.quantity(order.filled)),
                "triggered": order.triggered,
                "ts_closed": order.ts_closed_ns or None,
                "reason": order.reason,
            }
        return line


@dataclass(frozen=True, slots=True)
class Funding:
    """One payment of funding; `amount` > 0 came in."""

    instrument_id: InstrumentId
    ts_ns: int
    rate: float
    position: Decimal
    amount: Decimal
    currency: str

    def to_json(self) -> dict[str, Any]:
        return {
            "instrument_id": self.instrument_id,
            "ts_event": self.ts_ns,
            "rate": self.rate,
            "position": str(self.position),
            "amount": str(self.amount),
            "currency": self.currency,
        }


class Ledger:
    """Every order received, every fill, every cancel request; `lines` and `fills` only grow.

    funding   payments of perpetuals; `insured`: what the insurance fund paid, by currency
    holdings  positions of perpetuals, live
    """

    def __init__(
        self,
        instruments: Mapping[InstrumentId, Instrument],
        balances: Mapping[str, Decimal],
        wallet: Wallet,
        holdings: Mapping[InstrumentId, Holding],
    ) -> None:
        self.initial = dict(balances)
        self.funding: list[Funding] = []
        self.insured: dict[str, Decimal] = defaultdict(lambda: _ZERO)
        self.holdings = holdings
        self.lines: list[OrderLine] = []
        self.fills: list[FillReport] = []
        self.cancel_requests = 0
        self.modify_requests = 0
        # Client order ids that arrived more than once, accepted or not, in order of arrival.
        self.duplicates: list[ClientOrderId] = []
        self._instruments = dict(instruments)
        self._wallet = wallet
        self._received: set[ClientOrderId] = set()

    def record(self, line: OrderLine) -> None:
        """An order arrived and was judged."""
        if line.spec.client_order_id in self._received:
            self.duplicates.append(line.spec.client_order_id)
        self._received.add(line.spec.client_order_id)
        self.lines.append(line)

    def received(self, client_order_id: ClientOrderId) -> bool:
        return client_order_id in self._received

    def position(self, instrument_id: InstrumentId) -> Decimal:
        """Base bought minus base sold since the start, before commissions. O(1)."""
        lots = self._wallet.position.get(instrument_id, 0)
        return lots * self._instruments[instrument_id].size_increment

    def balances(self) -> dict[str, Decimal]:
        """Total of every currency."""
        known = self._wallet.currencies
        return {name: c.amount(self._wallet.total[name]) for name, c in known.items()}

    def problems(self) -> tuple[str, ...]:
        """Conservation laws that do not hold, one sentence each; () when the books are sound.

        cost  O(orders + fills): for the end of a run and for tests, not for every step
        """
        return (*self._wrong_totals(), *self._wrong_locks(), *self._wrong_orders())

    def to_json(self) -> dict[str, Any]:
        """The whole ledger as plain JSON values; decimals as strings."""
        problems = self.problems()
        names = sorted(self._wallet.currencies)
        margined = {
            "funding": [payment.to_json() for payment in self.funding],
            "insured": {name: str(amount) for name, amount in sorted(self.insured.items())},
        }
        return (margined if self.holdings else {}) | {
            "orders": [line.to_json() for line in self.lines],
            "fills": [_fill(fill) for fill in self.fills],
            "balances": {
                b.currency: {"total": str(b.total), "free": str(b.free), "locked": str(b.locked)}
                for b in self._wallet.balances(names)
            },
            "initial_balances": {name: str(self.initial.get(name, _ZERO)) for name in names},
            "positions": {i: str(self.position(i)) for i in sorted(self._instruments)},
            "cancel_requests": self.cancel_requests,
            "modify_requests": self.modify_requests,
            "duplicate_client_order_ids": list(self.duplicates),
            "conserved": not problems,
            "problems": list(problems),
        }

    def _wrong_totals(self) -> list[str]:
        want = defaultdict(lambda: _ZERO, self.initial)
        position: dict[InstrumentId, Decimal] = defaultdict(lambda: _ZERO)
        for fill in self.fills:
            instrument = self._instruments[fill.instrument_id]
            sign = 1 if fill.side is OrderSide.BUY else -1
            if instrument.product is Product.SPOT:
                want[instrument.base] += sign * fill.last_qty
            want[instrument.quote] -= sign * fill.last_qty * fill.last_px
            want[fill.currency] -= fill.commission
            position[fill.instrument_id] += sign * fill.last_qty
        for holding in self.holdings.values():  # what an open position cost is not spent
            grid, worth = holding.grid, holding.entry * holding.grid.tick_lot_units
            want[grid.quote.name] += holding.sign * grid.quote.amount(worth)
        for payment in self.funding:
            want[payment.currency] += payment.amount
        for name, amount in self.insured.items():
            want[name] += amount
        held = self.balances()
        wrong = [
            f"{name}: balance {held[name]}, but start, fills and commissions make {want[name]}"
            for name in sorted(held)
            if held[name] != want[name]
        ]
        owed = {h.grid.quote.name for h in self.holdings.values() if h.lots}
        wrong += [
            f"{name}: balance {held[name]} < 0"
            for name in sorted(held)
            if held[name] < 0 and name not in owed  # an open position's profit may stand for it
        ]
        for i in sorted(self._instruments):
            if self.position(i) != position[i]:
                wrong.append(f"{i}: position {self.position(i)}, but fills make {position[i]}")
        for i, holding in self.holdings.items():
            if holding.grid.quantity(holding.lots) != position[i]:
                wrong.append(f"{i}: holding of {holding.lots} lots, but fills make {position[i]}")
        return wrong

    def _wrong_locks(self) -> list[str]:
        want = dict.fromkeys(self._wallet.currencies, 0)
        for line in self.lines:
            if line.order is not None and line.order.open:
                instrument = self._instruments[line.spec.instrument_id]
                in_quote = line.spec.side is OrderSide.BUY or instrument.product is not Product.SPOT
                want[instrument.quote if in_quote else instrument.base] += line.order.locked
        for holding in self.holdings.values():
            want[holding.grid.quote.name] += holding.margin
        return [
            f"{name}: locked {self._wallet.locked[name]} units, but {units} are in use"
            for name, units in sorted(want.items())
            if self._wallet.locked[name] != units
        ]

    def _wrong_orders(self) -> list[str]:
        filled: dict[str, Decimal] = defaultdict(lambda: _ZERO)
        for fill in self.fills:
            filled[fill.venue_order_id] += fill.last_qty
        wrong = []
        for line in self.lines:
            order = line.order
            if order is None:
                continue
            total = filled[order.venue_order_id]
            if total != order.grid.quantity(order.filled) or order.filled > order.lots:
                wrong.append(f"order {order.venue_order_id}: {total} filled of {order.lots} lots")
            if not order.open and order.locked:
                wrong.append(f"order {order.venue_order_id}: closed, but holds {order.locked}")
        return wrong


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def _fill(fill: FillReport) -> dict[str, Any]:
    return {
        "trade_id": fill.trade_id,
        "client_order_id": fill.client_order_id,
        "venue_order_id": fill.venue_order_id,
        "instrument_id": fill.instrument_id,
        "side": fill.side.value,
        "last_qty": str(fill.last_qty),
        "last_px": str(fill.last_px),
        "commission": str(fill.commission),
        "currency": fill.currency,
        "liquidity_side": fill.liquidity_side.value,
        "maker": fill.liquidity_side is LiquiditySide.MAKER,
        "ts_event": fill.ts_event,
    }
