"""The simulated venue: market data and commands in, evidence out.

Deterministic and pure: time arrives as `now_ns`, which is the venue's clock; the same calls give
the same answers. One account. Messages in and out are those of every other venue, so what trades
here needs no other code path.

  reply    exactly one message answers a command: OrderReport (ACK), RequestRefused (its code is a
           `Refusal`), OrderNotFound, RequestDone, or the report that was asked for
  stream   what the user data stream says, in order: each change of an order is an OrderReport;
           each fill is a FillReport directly followed by the OrderReport that it leads to; then
           the positions that moved; if balances moved, one partial AccountReport comes last

A client order id may come back once its order is closed (as on Binance): the venue then makes a
second order, and `ledger().duplicates` names it. Spot and linear perpetuals stand side by side,
each by its instrument's product.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from messages.base import ClientOrderId, Command, Event, InstrumentId, Message
from messages.market import (
    BookDeltaBatch,
    FundingBatch,
    Instrument,
    Product,
    QuoteBatch,
    TradeBatch,
)
from messages.orders import CancelOrder, ModifyOrder, OrderSpec, QueryOrder, SubmitOrder
from messages.venue import (
    CancelAllAfter,
    CancelAllOrders,
    OrderListReport,
    OrderReport,
    QueryAccount,
    QueryFees,
    QueryFills,
    QueryOpenOrders,
    QueryPositions,
    Request,
    RequestDone,
    RequestRefused,
    SetLeverage,
    SetMarginMode,
    Source,
    SubmitOrderList,
    VenueStatus,
)
from venues.sim import checks
from venues.sim.clearing import Clearing
from venues.sim.ledger import Ledger, OrderLine
from venues.sim.margin import MarginMoney
from venues.sim.matching import Market
from venues.sim.orders import VenueOrder
from venues.sim.perpetual import Perpetuals
from venues.sim.questions import Questions
from venues.sim.queue_models import QUEUE_MODELS
from venues.sim.refusals import Refusal, refused
from venues.sim.spot import CommissionIn, SpotMoney
from venues.sim.units import currencies, grid, steps_in
from venues.sim.wallet import Wallet


@dataclass(frozen=True, slots=True)
class SimVenueConfig:
    """What the venue trades, for whom, and by which assumptions.

    amends  whether an open order's price may change and its quantity grow, at the cost of its
            place in the queue; without it a quantity may only become smaller (Binance spot)
    """

    instruments: tuple[Instrument, ...]
    balances: Mapping[str, Decimal]  # currency -> amount at the start
    queue_model: str = "risk_averse"  # a key of QUEUE_MODELS
    commission_in: CommissionIn = CommissionIn.RECEIVED
    amends: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command caused: its one answer, and what the user stream says."""

    reply: Event
    stream: tuple[Event, ...] = ()


class SimVenue:
    """One account at one venue.

    raises  ValueError if the queue model is unknown
    """

    def __init__(self, config: SimVenueConfig) -> None:
        if config.queue_model not in QUEUE_MODELS:
            known = ", ".join(QUEUE_MODELS)
            raise ValueError(f"queue_model {config.queue_model!r}: unknown; choose one of {known}")
        instruments = {i.instrument_id: i for i in config.instruments}
        money = currencies(config.instruments, config.balances)
        grids = {i: grid(instrument, money) for i, instrument in instruments.items()}
        linear = [g for g in grids.values() if g.instrument.product is Product.LINEAR]
        wallet, working = Wallet(money, config.balances), dict[ClientOrderId, VenueOrder]()
        margin = MarginMoney(wallet, working, linear)
        self._ledger = Ledger(instruments, config.balances, wallet, margin.holdings)
        spot = SpotMoney(wallet, config.commission_in)
        self._clearing = Clearing(wallet, self._ledger, spot, margin, working)
        model = QUEUE_MODELS[config.queue_model]
        self._markets = {i: Market(g, self._clearing, model) for i, g in grids.items()}
        self._perpetuals = Perpetuals(self._clearing, self._markets, self._cancel_all)
        self._amends = config.amends
        # The newest order of each client order id; closed ones too, for QueryOrder.
        self._orders: dict[ClientOrderId, VenueOrder] = {}
        self._deadlines: dict[InstrumentId, int] = {}  # dead-man switches
        questions = Questions(self._clearing, self._markets, self._orders)
        self._verbs: dict[type[Message], Callable[[Any], Event]] = {
            SubmitOrder: self._submit,
            SubmitOrderList: self._submit_list,
            CancelOrder: self._cancel,
            CancelAllOrders: self._cancel_every,
            CancelAllAfter: self._cancel_after,
            ModifyOrder: self._modify,
            SetLeverage: self._set,
            SetMarginMode: self._set,
            QueryOrder: questions.order,
            QueryOpenOrders: questions.open_orders,
            QueryFills: questions.fills,
            QueryAccount: questions.account,
            QueryFees: questions.fees,
            QueryPositions: self._perpetuals.positions,
        }

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """With the rules that hold now."""
        return tuple(market.rules for market in self._markets.values())

    @property
    def margin(self) -> MarginMoney:
        """Positions of perpetuals and what stands behind them, live."""
        return self._clearing.margin

    def mark(self, instrument_id: InstrumentId) -> Decimal | None:
        """What the market itself says that an instrument is worth now: the last trade, or the
        middle of the touch."""
        market = self._markets[instrument_id]
        tick = market.mark()
        return None if tick is None else market.grid.price(tick)

    def change_rules(self, instrument: Instrument) -> None:
        """New steps and bounds for what is placed from now on; what rests stays.

        raises  ValueError if its steps are not multiples of those that it began with
        """
        market = self._markets[instrument.instrument_id]
        first = market.grid.instrument
        for name in ("price_increment", "size_increment"):
            if steps_in(getattr(instrument, name), getattr(first, name)) is None:
                raise ValueError(f"{instrument.instrument_id}: {name} must be a multiple")
        market.rules = instrument

    def split_fills(self, pieces: int) -> None:
        """From now on each fill comes in so many, where its lots allow."""
        self._clearing.pieces = pieces

    def ledger(self) -> Ledger:
        """The venue's own record, live: it grows with the venue."""
        return self._ledger

    def on_market(self, message: Message, now_ns: int) -> tuple[Event, ...]:
        """What the tape's next message does to our orders -> the stream's words.

        Other messages, and instruments that this venue does not trade, change nothing.
        """
        if not isinstance(message, BookDeltaBatch | TradeBatch | QuoteBatch | FundingBatch):
            return ()
        market = self._markets.get(message.instrument_id)
        if market is None:
            return ()
        self._advance(now_ns)
        if isinstance(message, BookDeltaBatch):
            market.on_depth(message.rows, message.snapshot)
        elif isinstance(message, TradeBatch):
            market.on_trades(message.rows)
        elif isinstance(message, QuoteBatch):
            market.on_quotes(message.rows)
        else:
            self._perpetuals.on_funding(message.instrument_id, message.rows)
        self._perpetuals.on_market(message.instrument_id)
        return self._clearing.drain()

    def on_time(self, now_ns: int) -> tuple[Event, ...]:
        """What time alone does: dead-man switches, funding -> the stream's words."""
        self._advance(now_ns)
        return self._clearing.drain()

    def on_command(self, command: Command, now_ns: int) -> Outcome:
        """The answer to `command`, and what it makes the stream say.

        raises  TypeError if `command` is none that a venue understands
        """
        verb = self._verbs.get(type(command))
        if verb is None:
            raise TypeError(f"{type(command).__name__}: not a command that a venue understands")
        self._advance(now_ns)
        reply = verb(command)
        if self._clearing.margin.moved:
            self._perpetuals.judge()
        return Outcome(reply, self._clearing.drain())

    def _advance(self, now_ns: int) -> None:
        self._clearing.now_ns = now_ns
        for instrument_id, at_ns in list(self._deadlines.items()):
            if now_ns >= at_ns:
                del self._deadlines[instrument_id]
                self._cancel_all(instrument_id)
        self._perpetuals.advance(now_ns)

    # --- orders --------------------------------------------------------------------------------

    def _submit(self, command: SubmitOrder) -> Event:
        return self._place(command.order, command)

    def _submit_list(self, command: SubmitOrderList) -> Event:
        now_ns = self._clearing.now_ns
        answers = tuple(self._place(spec, command) for spec in command.orders)
        return OrderListReport(
            ts_event=now_ns, ts_init=now_ns, causation_id=command.key, answers=answers
        )

    def _place(self, spec: OrderSpec, command: Command) -> OrderReport | RequestRefused:
        clearing, name = self._clearing, spec.client_order_id
        market = self._markets.get(spec.instrument_id)
        judged: VenueOrder | Refusal = Refusal.UNKNOWN_INSTRUMENT
        if market is not None:
            judged = checks.admit(spec, market, clearing)
        if market is None or isinstance(judged, Refusal):
            assert isinstance(judged, Refusal), "an order needs a market"
            refusal = refused(Request.SUBMIT, command, judged, clearing.now_ns, name)
            self._ledger.record(
                OrderLine(spec, clearing.now_ns, None, refusal.code, refusal.reason)
            )
            return refusal
        judged.venue_order_id = clearing.next_id()
        self._orders[name] = judged
        self._ledger.record(OrderLine(spec, clearing.now_ns, judged))
        clearing.accept(judged)
        market.enter(judged)
        return clearing.report(judged, Source.ACK, command.key)

    def _cancel(self, command: CancelOrder) -> Event:
        self._ledger.cancel_requests += 1
        order = self._find_open(command.client_order_id, command.instrument_id)
        if isinstance(order, Refusal):
            now_ns, name = self._clearing.now_ns, command.client_order_id
            return refused(Request.CANCEL, command, order, now_ns, name)
        self._end(order)
        return self._clearing.report(order, Source.ACK, command.key)

    def _cancel_every(self, command: CancelAllOrders) -> Event:
        self._ledger.cancel_requests += 1
        if command.instrument_id not in self._markets:
            refusal = Refusal.UNKNOWN_INSTRUMENT
            return refused(Request.CANCEL_ALL, command, refusal, self._clearing.now_ns)
        self._cancel_all(command.instrument_id)
        return self._done(command, Request.CANCEL_ALL, command.instrument_id)

    def _cancel_after(self, command: CancelAllAfter) -> Event:
        now_ns, name = self._clearing.now_ns, command.instrument_id
        if name not in self._markets:
            return refused(Request.CANCEL_ALL_AFTER, command, Refusal.UNKNOWN_INSTRUMENT, now_ns)
        self._deadlines.pop(name, None)
        if command.after_ns:
            self._deadlines[name] = now_ns + command.after_ns
        return self._done(command, Request.CANCEL_ALL_AFTER, name)

    def _cancel_all(self, instrument_id: InstrumentId) -> None:
        orders = self._clearing.open.values()
        for order in [o for o in orders if o.spec.instrument_id == instrument_id]:
            self._end(order)

    def _end(self, order: VenueOrder) -> None:
        self._markets[order.spec.instrument_id].remove(order)
        self._clearing.close(order, VenueStatus.CANCELED)

    def _modify(self, command: ModifyOrder) -> Event:
        self._ledger.modify_requests += 1
        order = self._find_open(command.client_order_id, command.instrument_id)
        if not isinstance(order, Refusal):
            found = self._amend(order, command)
            if found is None:
                return self._clearing.report(order, Source.ACK, command.key)
            order = found
        now_ns, name = self._clearing.now_ns, command.client_order_id
        return refused(Request.MODIFY, command, order, now_ns, name)

    def _amend(self, order: VenueOrder, command: ModifyOrder) -> Refusal | None:
        market = self._markets[command.instrument_id]
        wanted = command.price if order.price is not None else None
        if (refusal := checks.on_steps(market, wanted, command.quantity)) is not None:
            return refusal
        lots = order.grid.lots(command.quantity)
        price = order.price if wanted is None else order.grid.ticks(wanted)
        moves = price != order.price or (lots is not None and lots > order.lots)
        if moves and not self._amends:
            return Refusal.AMEND_UNSUPPORTED
        refusal = checks.amendment(order, lots, price, market, self._clearing)
        if refusal is not None or lots is None:
            return refusal
        if moves:
            market.remove(order)
        if wanted is not None:
            order.spec = order.spec.model_copy(update={"price": wanted})
        order.lots, order.price = lots, price
        self._clearing.amend(order)
        if moves:
            market.enter(order)
        return None

    def _find_open(
        self, client_order_id: ClientOrderId, instrument_id: InstrumentId
    ) -> VenueOrder | Refusal:
        if instrument_id not in self._markets:
            return Refusal.UNKNOWN_INSTRUMENT
        order = self._clearing.open.get(client_order_id)
        if order is None or order.spec.instrument_id != instrument_id:
            return Refusal.UNKNOWN_ORDER
        return order

    # --- the account ---------------------------------------------------------------------------

    def _set(self, command: SetLeverage | SetMarginMode) -> Event:
        request, found = Request.SET_LEVERAGE, None
        if command.instrument_id not in self._markets:
            found = Refusal.UNKNOWN_INSTRUMENT
        elif isinstance(command, SetLeverage):
            found = self._perpetuals.set_leverage(command)
        else:
            found = self._perpetuals.set_margin_mode(command)
        if isinstance(command, SetMarginMode):
            request = Request.SET_MARGIN_MODE
        if found is not None:
            return refused(request, command, found, self._clearing.now_ns)
        return self._done(command, request, command.instrument_id)

    def _done(self, command: Command, request: Request, about: InstrumentId) -> RequestDone:
        now_ns = self._clearing.now_ns
        return RequestDone(
            ts_event=now_ns,
            ts_init=now_ns,
            causation_id=command.key,
            request=request,
            instrument_id=about,
        )
