"""Money of linear perpetuals: positions, margin and profit, all in the quote currency.

One-way positions, netted. A fill on the position's own side adds to its entry cost; one against it
realises profit in proportion, and what goes beyond flat opens the other side. Everything is whole
units: over a round trip the realised profits add up exactly to what the fills took and gave.

  position's margin   entry cost / leverage, rounded up, locked while it is open
  order's margin      price / leverage for the lots that would not close the position, the earliest
                      orders closing first; none for reduce-only orders and for waiting stops
  free for orders     balance - locked + unrealised profit of cross positions
  maintenance         0.4 % of the position at the mark price, one bracket for every size
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from typing import Final

from messages.base import ClientOrderId, InstrumentId
from messages.orders import LiquiditySide
from messages.venue import MarginMode, PositionReport, Source
from venues.sim.orders import VenueOrder
from venues.sim.refusals import Refusal
from venues.sim.spot import commission
from venues.sim.units import Currency, Grid
from venues.sim.wallet import Wallet

LEVERAGE: Final = 20
MAINTENANCE: Final = Fraction(4, 1000)


@dataclass(slots=True)
class Holding:
    """One position."""

    grid: Grid
    leverage: int = LEVERAGE
    mode: MarginMode = MarginMode.CROSS
    lots: int = 0  # > 0 long, < 0 short
    entry: int = 0  # ticks times lots paid (or taken) for what is open, >= 0
    margin: int = 0  # units locked
    mark: int = 0  # tick

    @property
    def sign(self) -> int:
        return (self.lots > 0) - (self.lots < 0)

    def trade(self, sign: int, tick: int, lots: int) -> int:
        """Add a fill -> the profit that it realises, in ticks times lots."""
        if self.sign * sign >= 0:
            self.lots += sign * lots
            self.entry += tick * lots
            return 0
        side, held = self.sign, abs(self.lots)
        closed = min(lots, held)
        part = self.entry * closed // held
        self.entry -= part
        self.lots += sign * closed
        if lots > closed:
            self.lots = sign * (lots - closed)
            self.entry = tick * (lots - closed)
        return side * (tick * closed - part)

    def profit(self) -> int:
        """Units of quote that closing at the mark price would bring."""
        return (self.mark * self.lots - self.sign * self.entry) * self.grid.tick_lot_units

    def maintenance(self) -> int:
        """Units of quote that it needs to stay open."""
        return ceil(abs(self.lots) * self.mark * self.grid.tick_lot_units * MAINTENANCE)

    def initial(self) -> int:
        return -(-self.entry * self.grid.tick_lot_units // self.leverage)


class MarginMoney:
    """Reserves and settlement of perpetuals, and the positions themselves."""

    refusal: Final = Refusal.INSUFFICIENT_MARGIN

    def __init__(
        self,
        wallet: Wallet,
        open_orders: Mapping[ClientOrderId, VenueOrder],
        grids: Iterable[Grid],
    ) -> None:
        self.holdings = {grid.instrument.instrument_id: Holding(grid) for grid in grids}
        self.moved: set[InstrumentId] = set()
        self._wallet = wallet
        self._open = open_orders

    # --- as the clearing asks --------------------------------------------------------------------

    def spends(self, order: VenueOrder) -> Currency:
        return order.grid.quote

    def reserves(self, order: VenueOrder) -> list[tuple[VenueOrder, int]]:
        """Of every order of the instrument: they share what the position lets them close."""
        holding = self.holdings[order.spec.instrument_id]
        unit, found = order.grid.tick_lot_units, []
        for other, closing in self._shared(order):
            beyond = other.leaves - closing
            due = 0
            if other.open and other.price is not None and _binding(other):
                due = -(-other.price * beyond * unit // holding.leverage)
            found.append((other, due))
        return found

    def affords(self, order: VenueOrder, tick_lots: int) -> bool:
        if not _binding(order):
            return True
        closing = next(lots for other, lots in self._shared(order) if other is order)
        if closing == order.leaves:
            return True
        holding = self.holdings[order.spec.instrument_id]
        worth = tick_lots * order.grid.tick_lot_units
        beyond = worth * (order.leaves - closing) // order.leaves
        need = -(-beyond // holding.leverage)
        need += commission(worth, order.grid.fee_most(), order.grid.quote)
        return need - order.locked <= self.free(order.grid.quote.name)

    def settle(
        self, order: VenueOrder, tick: int, lots: int, liquidity: LiquiditySide
    ) -> tuple[int, Currency]:
        grid, instrument_id = order.grid, order.spec.instrument_id
        holding = self.holdings[instrument_id]
        worth = tick * lots * grid.tick_lot_units
        charged = commission(worth, grid.fee(liquidity), grid.quote)
        realised = holding.trade(order.sign, tick, lots) * grid.tick_lot_units
        self._wallet.total[grid.quote.name] += realised - charged
        self._wallet.moved(instrument_id, order.sign * lots)
        self._wallet.touched.add(grid.quote.name)
        holding.mark = holding.mark or tick
        self.remargin(holding)
        return charged, grid.quote

    # --- positions -------------------------------------------------------------------------------

    def remargin(self, holding: Holding) -> None:
        """Lock what the position needs now."""
        name, due = holding.grid.quote.name, holding.initial()
        self._wallet.locked[name] += due - holding.margin
        holding.margin = due
        self._wallet.touched.add(name)
        self.moved.add(holding.grid.instrument.instrument_id)

    def free(self, name: str) -> int:
        """Units that new orders may bind."""
        return self._wallet.free(name) + sum(h.profit() for h in self.of(name, MarginMode.CROSS))

    def of(self, name: str, mode: MarginMode) -> list[Holding]:
        """Open positions of one quote currency and mode."""
        held = self.holdings.values()
        return [h for h in held if h.lots and h.mode is mode and h.grid.quote.name == name]

    def equity(self, name: str) -> int:
        """What stands behind the cross positions: the balance without the margin of isolated ones,
        and the unrealised profit."""
        isolated = sum(h.margin for h in self.of(name, MarginMode.ISOLATED))
        profit = sum(h.profit() for h in self.of(name, MarginMode.CROSS))
        return self._wallet.total[name] - isolated + profit

    def report(self, instrument_id: InstrumentId, now_ns: int, source: Source) -> PositionReport:
        holding = self.holdings[instrument_id]
        grid, lots = holding.grid, abs(holding.lots)
        return PositionReport(
            ts_event=now_ns,
            ts_init=now_ns,
            instrument_id=instrument_id,
            quantity=grid.quantity(holding.lots),
            avg_px=grid.average(holding.entry, lots) if lots else Decimal(0),
            leverage=Decimal(holding.leverage),
            margin_mode=holding.mode,
            liquidation_px=grid.price(self._liquidation(holding)),
            source=source,
        )

    def _liquidation(self, holding: Holding) -> int:
        """The mark at which it is closed by force if nothing else changes; 0 for none."""
        if not holding.lots:
            return 0
        behind = holding.margin
        if holding.mode is MarginMode.CROSS:
            name = holding.grid.quote.name
            others = [h for h in self.of(name, MarginMode.CROSS) if h is not holding]
            needed = sum(h.maintenance() for h in others)
            behind = self.equity(name) - holding.profit() - needed
        per_tick = holding.grid.tick_lot_units * (holding.lots - abs(holding.lots) * MAINTENANCE)
        tick = (holding.sign * holding.entry * holding.grid.tick_lot_units - behind) / per_tick
        return max(0, ceil(tick) if holding.lots > 0 else floor(tick))

    def _shared(self, order: VenueOrder) -> list[tuple[VenueOrder, int]]:
        """Orders of the instrument by arrival, and how many lots each would close."""
        instrument_id = order.spec.instrument_id
        holding = self.holdings[instrument_id]
        orders = [o for o in self._open.values() if o.spec.instrument_id == instrument_id]
        if not any(o is order for o in orders):
            orders.append(order)
        left, found = abs(holding.lots), []
        for other in orders:
            closing = 0
            if other.open and other.sign == -holding.sign and _binding(other):
                closing = min(left, other.leaves)
            left -= closing
            found.append((other, closing))
        return found


def _binding(order: VenueOrder) -> bool:
    """Whether it could open something now."""
    return not order.waits and not order.spec.reduce_only
