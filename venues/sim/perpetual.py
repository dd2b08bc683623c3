"""What happens to positions by themselves, and what the account may set: perpetuals only.

Funding: each FundingBatch row names the rate and when it is due (`ts_next`); at that time the
position pays (or gets) its worth at the mark price times the rate known then, cut against us.

Liquidation, simple and at once: when what stands behind a position is less than its maintenance
margin (for cross positions: of all of them together), the instrument's open orders are cancelled
and the venue takes the position over at the mark price, for the taker's fee. What the account
cannot pay then, the insurance fund pays, and the ledger says so. Such an order's client id begins
with "autoclose-" (Binance's word for it).
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Final

from messages.arrays import Rows
from messages.base import ClientOrderId, InstrumentId, StrategyId
from messages.orders import LiquiditySide, OrderSide, OrderSpec, OrderType
from messages.venue import (
    MarginMode,
    PositionsReport,
    QueryPositions,
    SetLeverage,
    SetMarginMode,
    Source,
)
from venues.sim.clearing import Clearing
from venues.sim.ledger import Funding, OrderLine
from venues.sim.margin import Holding
from venues.sim.matching import Market
from venues.sim.orders import VenueOrder
from venues.sim.refusals import Refusal

LEVERAGE_MAX: Final = 125
AUTOCLOSE: Final = "autoclose-"


class Perpetuals:
    """Positions of the account.

    cancel  takes every open order of an instrument off the book
    """

    def __init__(
        self,
        clearing: Clearing,
        markets: Mapping[InstrumentId, Market],
        cancel: Callable[[InstrumentId], None],
    ) -> None:
        self._clearing = clearing
        self._margin = clearing.margin
        self._markets = markets
        self._cancel = cancel
        self._due: dict[InstrumentId, tuple[int, Fraction]] = {}  # when, rate
        self._settled: dict[InstrumentId, int] = {}
        self._marked: set[InstrumentId] = set()  # the tape tells their mark price
        self._closed = 0

    # --- time and market -------------------------------------------------------------------------

    def on_funding(self, instrument_id: InstrumentId, rows: Rows) -> None:
        """Mark price and rate, as the tape tells them."""
        holding = self._margin.holdings.get(instrument_id)
        if holding is None:
            return
        for ts_event, _, rate, mark, ts_next in rows.tolist():
            self._settle(instrument_id, ts_event)
            if mark > 0:
                self._marked.add(instrument_id)
                holding.mark = max(1, round(mark * holding.grid.ticks_per_one))
            if ts_next > self._settled.get(instrument_id, 0):
                self._due[instrument_id] = (ts_next, Fraction(Decimal(repr(rate))))

    def on_market(self, instrument_id: InstrumentId) -> None:
        """The book or the last trade moved: positions are worth something else."""
        holding = self._margin.holdings.get(instrument_id)
        if holding is None:
            return
        if instrument_id not in self._marked:
            holding.mark = self._markets[instrument_id].mark() or holding.mark
        if holding.lots:
            self.judge()

    def advance(self, now_ns: int) -> None:
        """Funding that is due is paid."""
        for instrument_id in list(self._due):
            self._settle(instrument_id, now_ns)

    def judge(self) -> None:
        """Close by force what its margin no longer carries."""
        margin, total = self._margin, self._clearing.wallet.total
        for name in {h.grid.quote.name for h in margin.holdings.values() if h.lots}:
            for holding in margin.of(name, MarginMode.ISOLATED):
                if holding.margin + holding.profit() < holding.maintenance():
                    least = total[name] - holding.margin  # its margin is all that it can lose
                    self._close(holding)
                    self._insure(name, max(0, least - total[name]))
            crossed = margin.of(name, MarginMode.CROSS)
            if margin.equity(name) < sum(h.maintenance() for h in crossed):
                for holding in crossed:
                    self._close(holding)
            if not margin.of(name, MarginMode.CROSS):
                self._insure(name, max(0, -margin.equity(name)))

    def _settle(self, instrument_id: InstrumentId, now_ns: int) -> None:
        due_ns, rate = self._due.get(instrument_id, (0, Fraction(0)))
        if not due_ns or now_ns < due_ns:
            return
        del self._due[instrument_id]
        self._settled[instrument_id] = due_ns
        holding = self._margin.holdings[instrument_id]
        if not holding.lots:
            return
        grid, clearing = holding.grid, self._clearing
        units = floor(-rate * holding.lots * holding.mark * grid.tick_lot_units)
        clearing.wallet.total[grid.quote.name] += units
        clearing.wallet.touched.add(grid.quote.name)
        clearing.ledger.funding.append(
            Funding(
                instrument_id=instrument_id,
                ts_ns=due_ns,
                rate=float(rate),
                position=grid.quantity(holding.lots),
                amount=grid.quote.amount(units),
                currency=grid.quote.name,
            )
        )

    def _close(self, holding: Holding) -> None:
        clearing, instrument = self._clearing, holding.grid.instrument
        self._cancel(instrument.instrument_id)
        self._closed += 1
        spec = OrderSpec(
            client_order_id=ClientOrderId(f"{AUTOCLOSE}{self._closed}"),
            strategy_id=StrategyId("?"),
            instrument_id=instrument.instrument_id,
            side=OrderSide.SELL if holding.lots > 0 else OrderSide.BUY,
            order_type=OrderType.MARKET,
            quantity=holding.grid.quantity(abs(holding.lots)),
            reduce_only=True,
        )
        order = VenueOrder(
            spec=spec,
            grid=holding.grid,
            venue_order_id=clearing.next_id(),
            sign=spec.side.sign,
            lots=abs(holding.lots),
            price=None,
            trigger=None,
            ts_ns=clearing.now_ns,
        )
        clearing.ledger.record(OrderLine(spec, clearing.now_ns, order))
        clearing.accept(order)
        clearing.fill(order, holding.mark, order.lots, LiquiditySide.TAKER)

    def _insure(self, name: str, units: int) -> None:
        if units:
            clearing = self._clearing
            clearing.wallet.total[name] += units
            clearing.wallet.touched.add(name)
            clearing.ledger.insured[name] += clearing.wallet.currencies[name].amount(units)

    # --- what the account asks and sets ----------------------------------------------------------

    def positions(self, command: QueryPositions) -> PositionsReport:
        """Open positions; every instrument, flat ones too, is in `holding`."""
        now_ns, wanted = self._clearing.now_ns, command.instrument_id
        return PositionsReport(
            ts_event=now_ns,
            ts_init=now_ns,
            causation_id=command.key,
            positions=tuple(
                self._margin.report(i, now_ns, Source.QUERY)
                for i, holding in self._margin.holdings.items()
                if holding.lots and wanted in (None, i)
            ),
            source=Source.QUERY,
        )

    def set_leverage(self, command: SetLeverage) -> Refusal | None:
        holding = self._margin.holdings.get(command.instrument_id)
        if holding is None:
            return Refusal.NOT_OF_SPOT
        wanted = command.leverage
        if wanted != int(wanted) or not 1 <= wanted <= LEVERAGE_MAX:
            return Refusal.LEVERAGE
        before, holding.leverage = holding.leverage, int(wanted)
        more = holding.initial() - holding.margin
        if more > 0 and more > self._margin.free(holding.grid.quote.name):
            holding.leverage = before
            return Refusal.INSUFFICIENT_MARGIN
        self._margin.remargin(holding)
        self._clearing.relock_all(command.instrument_id)
        return None

    def set_margin_mode(self, command: SetMarginMode) -> Refusal | None:
        holding = self._margin.holdings.get(command.instrument_id)
        if holding is None:
            return Refusal.NOT_OF_SPOT
        if holding.mode is command.mode:
            return Refusal.MARGIN_MODE_SAME
        orders = self._clearing.open.values()
        if holding.lots or any(o.spec.instrument_id == command.instrument_id for o in orders):
            return Refusal.MARGIN_MODE_BUSY
        holding.mode = command.mode
        return None
