"""What follows from an order's life: money moves, the ledger notes it, the stream tells it.

Matching decides who trades at what price; everything that a trade or an end causes is here, so
balances, ledger and stream cannot disagree.
"""

from typing import Protocol

from messages.base import ClientOrderId, Event, InstrumentId, TradeId, VenueOrderId
from messages.market import Product
from messages.orders import LiquiditySide
from messages.venue import AccountReport, FillReport, OrderReport, Source, VenueStatus
from venues.sim.ledger import Ledger
from venues.sim.margin import MarginMoney
from venues.sim.orders import VenueOrder
from venues.sim.refusals import Refusal
from venues.sim.units import Currency
from venues.sim.wallet import Wallet


class Money(Protocol):
    """How orders of one product are paid for."""

    @property
    def refusal(self) -> Refusal:
        """What an order is told that cannot be paid for."""
        ...

    def spends(self, order: VenueOrder) -> Currency:
        """The currency in which the order holds its reserve."""
        ...

    def reserves(self, order: VenueOrder) -> list[tuple[VenueOrder, int]]:
        """Units that each order, whose reserve `order` bears on, must hold for what it leaves."""
        ...

    def affords(self, order: VenueOrder, tick_lots: int) -> bool:
        """Whether what is free pays for the order, if it trades for `tick_lots`."""
        ...

    def settle(
        self, order: VenueOrder, tick: int, lots: int, liquidity: LiquiditySide
    ) -> tuple[int, Currency]:
        """Move the money of a trade -> the commission."""
        ...


class Clearing:
    """Books of one account; `now_ns` is set by the venue before each call into matching."""

    def __init__(
        self,
        wallet: Wallet,
        ledger: Ledger,
        spot: Money,
        margin: MarginMoney,
        open_orders: dict[ClientOrderId, VenueOrder],
    ) -> None:
        self.wallet = wallet
        self.ledger = ledger
        self.margin = margin
        self.now_ns = 0
        self.open = open_orders
        self.pieces = 1  # a fill comes in so many, where its lots allow
        self._money: dict[Product, Money] = {Product.SPOT: spot, Product.LINEAR: margin}
        self._out: list[Event] = []
        self._trades = 0
        self._ids = 0

    def drain(self) -> tuple[Event, ...]:
        """The stream's words since the last drain; the positions that moved and one account report
        end them."""
        moved, touched = self.margin.moved, self.wallet.touched
        if moved:
            reports = [self.margin.report(i, self.now_ns, Source.STREAM) for i in sorted(moved)]
            moved.clear()
            self._out.extend(reports)
        if touched:
            names = sorted(touched)
            touched.clear()
            self._out.append(self.account(names, Source.STREAM, partial=True))
        if not self._out:
            return ()
        out = tuple(self._out)
        self._out.clear()
        return out

    def accept(self, order: VenueOrder) -> None:
        self.open[order.client_order_id] = order
        self.relock(order)
        self._say(order)

    def next_id(self) -> VenueOrderId:
        self._ids += 1
        return VenueOrderId(str(self._ids))

    def fill(self, order: VenueOrder, tick: int, lots: int, liquidity: LiquiditySide) -> None:
        """`lots` of `order` trade at `tick`."""
        pieces = min(self.pieces, lots)
        for n in range(pieces):
            self._fill(order, tick, lots * (n + 1) // pieces - lots * n // pieces, liquidity)

    def _fill(self, order: VenueOrder, tick: int, lots: int, liquidity: LiquiditySide) -> None:
        order.filled += lots
        order.tick_lots += tick * lots
        done = order.filled == order.lots
        order.status = VenueStatus.FILLED if done else VenueStatus.PARTIALLY_FILLED
        money = self._money[order.grid.instrument.product]
        commission, currency = money.settle(order, tick, lots, liquidity)
        self.relock(order)
        grid, spec = order.grid, order.spec
        self._trades += 1
        report = FillReport(
            ts_event=self.now_ns,
            ts_init=self.now_ns,
            correlation_id=spec.client_order_id,
            client_order_id=spec.client_order_id,
            venue_order_id=order.venue_order_id,
            instrument_id=spec.instrument_id,
            trade_id=TradeId(str(self._trades)),
            side=spec.side,
            last_qty=grid.quantity(lots),
            last_px=grid.price(tick),
            commission=currency.amount(commission),
            currency=currency.name,
            liquidity_side=liquidity,
            source=Source.STREAM,
        )
        self.ledger.fills.append(report)
        self._out.append(report)
        if done:
            self._retire(order)
        self._say(order)

    def close(self, order: VenueOrder, status: VenueStatus, reason: str = "") -> None:
        """The order ends without trading what it leaves."""
        order.status = status
        order.reason = reason
        self.relock(order)
        self._retire(order)
        self._say(order)

    def trigger(self, order: VenueOrder) -> None:
        """The stop becomes a market or limit order; a market buy gives back its reserve."""
        order.triggered = True
        self.relock(order)
        self._say(order)

    def amend(self, order: VenueOrder) -> None:
        """The order's price or quantity has changed."""
        self.relock(order)
        self._say(order)

    def reducible(self, order: VenueOrder) -> int:
        """Lots that `order` can trade before the position is flat."""
        position = self.wallet.position.get(order.spec.instrument_id, 0)
        return max(0, -order.sign * position)

    def affords(self, order: VenueOrder, tick_lots: int) -> bool:
        return self._money[order.grid.instrument.product].affords(order, tick_lots)

    def refusal(self, order: VenueOrder) -> Refusal:
        """What an order is told that cannot be paid for."""
        return self._money[order.grid.instrument.product].refusal

    def relock(self, order: VenueOrder) -> None:
        """Hold what this order, and those that it bears on, need now."""
        money = self._money[order.grid.instrument.product]
        for other, units in money.reserves(order):
            due = units if other.open else 0
            if due != other.locked:
                name = money.spends(other).name
                self.wallet.locked[name] += due - other.locked
                self.wallet.touched.add(name)
                other.locked = due

    def relock_all(self, instrument_id: InstrumentId) -> None:
        """What every open order of an instrument needs has changed."""
        for order in [o for o in self.open.values() if o.spec.instrument_id == instrument_id]:
            self.relock(order)

    def report(self, order: VenueOrder, source: Source, causation: str = "") -> OrderReport:
        """The order as it stands."""
        grid, spec, filled = order.grid, order.spec, order.filled
        return OrderReport(
            ts_event=self.now_ns,
            ts_init=self.now_ns,
            correlation_id=spec.client_order_id,
            causation_id=causation,
            client_order_id=spec.client_order_id,
            venue_order_id=order.venue_order_id,
            instrument_id=spec.instrument_id,
            side=spec.side,
            order_type=spec.order_type,
            status=order.status,
            quantity=grid.quantity(order.lots),
            filled_qty=grid.quantity(filled),
            price=spec.price,
            avg_px=grid.average(order.tick_lots, filled) if filled else None,
            triggered=order.triggered,
            source=source,
            reason=order.reason,
        )

    def account(self, names: list[str], source: Source, partial: bool) -> AccountReport:
        return AccountReport(
            ts_event=self.now_ns,
            ts_init=self.now_ns,
            balances=self.wallet.balances(names),
            partial=partial,
            source=source,
        )

    def _retire(self, order: VenueOrder) -> None:
        order.ts_closed_ns = self.now_ns
        del self.open[order.client_order_id]

    def _say(self, order: VenueOrder) -> None:
        self._out.append(self.report(order, Source.STREAM))
