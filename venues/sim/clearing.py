"""What follows from an order's life: money moves, the ledger notes it, the stream tells it.

Matching decides who trades at what price; everything that a trade or an end causes is here, so
balances, ledger and stream cannot disagree.

Commission, as on Binance spot, is taken from what the trade brings in: base when buying, quote
when selling (or always quote, by configuration), and cut to 8 decimals. Cutting, not rounding, so
that the commissions of many partial fills never exceed what the order reserved.
"""

from enum import StrEnum

from messages.base import ClientOrderId, Event, TradeId
from messages.orders import LiquiditySide
from messages.venue import AccountReport, FillReport, OrderReport, Source, VenueStatus
from venues.sim.ledger import Ledger
from venues.sim.orders import VenueOrder
from venues.sim.units import DECIMALS_MIN, Currency
from venues.sim.wallet import Wallet


class CommissionIn(StrEnum):
    """Which currency pays the commission."""

    RECEIVED = "RECEIVED"
    QUOTE = "QUOTE"


class Clearing:
    """Books of one account; `now_ns` is set by the venue before each call into matching."""

    __slots__ = (
        "_commission_in",
        "_out",
        "_touched",
        "_trades",
        "ledger",
        "now_ns",
        "open",
        "wallet",
    )

    def __init__(self, wallet: Wallet, ledger: Ledger, commission_in: CommissionIn) -> None:
        self.wallet = wallet
        self.ledger = ledger
        self.now_ns = 0
        self.open: dict[ClientOrderId, VenueOrder] = {}
        self._commission_in = commission_in
        self._out: list[Event] = []
        self._touched: set[str] = set()
        self._trades = 0

    def drain(self) -> tuple[Event, ...]:
        """The stream's words since the last drain; one account report ends them if money moved."""
        if self._touched:
            names = sorted(self._touched)
            self._touched.clear()
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

    def fill(self, order: VenueOrder, tick: int, lots: int, liquidity: LiquiditySide) -> None:
        """`lots` of `order` trade at `tick`."""
        order.filled += lots
        order.tick_lots += tick * lots
        done = order.filled == order.lots
        order.status = VenueStatus.FILLED if done else VenueStatus.PARTIALLY_FILLED
        commission, currency = self._settle(order, tick, lots, liquidity)
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

    def amend(self, order: VenueOrder, lots: int) -> None:
        order.lots = lots
        self.relock(order)
        self._say(order)

    def reducible(self, order: VenueOrder) -> int:
        """Lots that `order` can trade before the position is flat."""
        position = self.wallet.position.get(order.spec.instrument_id, 0)
        return max(0, -order.sign * position)

    def reserve(self, order: VenueOrder) -> int:
        """Units that the order must hold for what it leaves."""
        grid = order.grid
        if order.sign < 0:
            return order.leaves * grid.lot_units
        if order.price is not None:
            return self.cost(order, order.price * order.leaves)
        if order.trigger is not None and not order.triggered:
            return self.cost(order, order.trigger * order.leaves)
        return 0  # a market buy is paid from what is free, at once

    def cost(self, order: VenueOrder, tick_lots: int) -> int:
        """Units of quote that buying for `tick_lots` needs at most."""
        units = tick_lots * order.grid.tick_lot_units
        if self._commission_in is CommissionIn.QUOTE:
            instrument = order.grid.instrument
            fee = max(instrument.maker_fee, instrument.taker_fee).as_integer_ratio()
            units += _commission(units, fee, order.grid.quote)
        return units

    def spends(self, order: VenueOrder) -> Currency:
        return order.grid.quote if order.sign > 0 else order.grid.base

    def relock(self, order: VenueOrder) -> None:
        due = self.reserve(order) if order.open else 0
        if due != order.locked:
            name = self.spends(order).name
            self.wallet.locked[name] += due - order.locked
            self._touched.add(name)
            order.locked = due

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

    def _settle(
        self, order: VenueOrder, tick: int, lots: int, liquidity: LiquiditySide
    ) -> tuple[int, Currency]:
        grid, sign = order.grid, order.sign
        base, quote = lots * grid.lot_units, tick * lots * grid.tick_lot_units
        in_base = sign > 0 and self._commission_in is CommissionIn.RECEIVED
        currency, amount = (grid.base, base) if in_base else (grid.quote, quote)
        fee = grid.maker_fee if liquidity is LiquiditySide.MAKER else grid.taker_fee
        commission = _commission(amount, fee, currency)
        wallet, instrument_id = self.wallet, order.spec.instrument_id
        wallet.total[grid.base.name] += sign * base
        wallet.total[grid.quote.name] -= sign * quote
        wallet.total[currency.name] -= commission
        wallet.position[instrument_id] = wallet.position.get(instrument_id, 0) + sign * lots
        self._touched.update((grid.base.name, grid.quote.name))
        return commission, currency

    def _retire(self, order: VenueOrder) -> None:
        order.ts_closed_ns = self.now_ns
        del self.open[order.client_order_id]

    def _say(self, order: VenueOrder) -> None:
        self._out.append(self.report(order, Source.STREAM))


def _commission(units: int, fee: tuple[int, int], currency: Currency) -> int:
    charged = units * fee[0] // fee[1]
    finer = int(10 ** (currency.places - DECIMALS_MIN))
    return charged - charged % finer
