"""The simulated venue: market data and commands in, evidence out.

Deterministic and pure: time arrives as `now_ns`, which is the venue's clock; the same calls give
the same answers. One account. Messages in and out are those of every other venue, so what trades
here needs no other code path.

  reply    exactly one message answers a command: OrderReport (ACK), RequestRefused, OrderNotFound,
           OpenOrdersReport, FillsReport or AccountReport
  stream   what the user data stream says, in order: each change of an order is an OrderReport;
           each fill is a FillReport directly followed by the OrderReport that it leads to; if
           balances moved, one partial AccountReport comes last

A client order id may come back once its order is closed (as on Binance): the venue then makes a
second order, and `ledger().duplicates` names it.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from messages.base import ClientOrderId, Command, Event, InstrumentId, Message
from messages.market import BookDeltaBatch, Instrument, QuoteBatch, TradeBatch
from messages.orders import CancelOrder, ModifyOrder, QueryOrder, SubmitOrder
from messages.venue import (
    FillReport,
    FillsReport,
    OpenOrdersReport,
    OrderNotFound,
    QueryAccount,
    QueryFills,
    QueryOpenOrders,
    Request,
    RequestRefused,
    Source,
    VenueStatus,
)
from venues.sim import checks
from venues.sim.clearing import Clearing, CommissionIn
from venues.sim.ledger import Ledger, OrderLine
from venues.sim.matching import Market
from venues.sim.orders import VenueOrder
from venues.sim.queue_models import QUEUE_MODELS
from venues.sim.units import currencies, grid
from venues.sim.wallet import Wallet

FILLS_PAGE: Final = 1000  # Binance's myTrades limit


@dataclass(frozen=True, slots=True)
class SimVenueConfig:
    """What the venue trades, for whom, and by which assumptions."""

    instruments: tuple[Instrument, ...]
    balances: Mapping[str, Decimal]  # currency -> amount at the start
    queue_model: str = "risk_averse"  # a key of QUEUE_MODELS
    commission_in: CommissionIn = CommissionIn.RECEIVED


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
        known_currencies = currencies(config.instruments, config.balances)
        self._wallet = Wallet(known_currencies, config.balances)
        self._ledger = Ledger(instruments, config.balances, self._wallet)
        self._clearing = Clearing(self._wallet, self._ledger, config.commission_in)
        model = QUEUE_MODELS[config.queue_model]
        self._markets = {
            i: Market(grid(instrument, known_currencies), self._clearing, model)
            for i, instrument in instruments.items()
        }
        # The newest order of each client order id; closed ones too, for QueryOrder.
        self._orders: dict[ClientOrderId, VenueOrder] = {}
        self._verbs: dict[type[Message], Callable[[Any], Event]] = {
            SubmitOrder: self._submit,
            CancelOrder: self._cancel,
            ModifyOrder: self._modify,
            QueryOrder: self._query_order,
            QueryOpenOrders: self._query_open_orders,
            QueryFills: self._query_fills,
            QueryAccount: self._query_account,
        }
        self._received = 0

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        return tuple(market.grid.instrument for market in self._markets.values())

    def ledger(self) -> Ledger:
        """The venue's own record, live: it grows with the venue."""
        return self._ledger

    def on_market(self, message: Message, now_ns: int) -> tuple[Event, ...]:
        """What the tape's next message does to our orders -> the stream's words.

        Other messages, and instruments that this venue does not trade, change nothing.
        """
        if not isinstance(message, BookDeltaBatch | TradeBatch | QuoteBatch):
            return ()
        market = self._markets.get(message.instrument_id)
        if market is None:
            return ()
        self._clearing.now_ns = now_ns
        if isinstance(message, BookDeltaBatch):
            market.on_depth(message.rows, message.snapshot)
        elif isinstance(message, TradeBatch):
            market.on_trades(message.rows)
        else:
            market.on_quotes(message.rows)
        return self._clearing.drain()

    def on_command(self, command: Command, now_ns: int) -> Outcome:
        """The answer to `command`, and what it makes the stream say.

        raises  TypeError if `command` is none that a venue understands
        """
        verb = self._verbs.get(type(command))
        if verb is None:
            raise TypeError(f"{type(command).__name__}: not a command that a venue understands")
        self._clearing.now_ns = now_ns
        reply = verb(command)
        return Outcome(reply, self._clearing.drain())

    # --- orders --------------------------------------------------------------------------------

    def _submit(self, command: SubmitOrder) -> Event:
        spec, clearing = command.order, self._clearing
        market = self._markets.get(spec.instrument_id)
        judged: VenueOrder | checks.Refusal = checks.INVALID_SYMBOL
        if market is not None:
            judged = checks.admit(spec, market, clearing, str(self._received + 1))
        if market is None or isinstance(judged, tuple):
            assert isinstance(judged, tuple), "an order needs a market"
            self._ledger.record(OrderLine(spec, clearing.now_ns, None, *judged))
            return self._refused(Request.SUBMIT, command, spec.client_order_id, judged)
        self._received += 1
        self._orders[spec.client_order_id] = judged
        self._ledger.record(OrderLine(spec, clearing.now_ns, judged))
        clearing.accept(judged)
        market.enter(judged)
        return clearing.report(judged, Source.ACK, command.key)

    def _cancel(self, command: CancelOrder) -> Event:
        self._ledger.cancel_requests += 1
        order = self._find_open(command.client_order_id, command.instrument_id)
        if isinstance(order, tuple):
            return self._refused(Request.CANCEL, command, command.client_order_id, order)
        self._markets[command.instrument_id].remove(order)
        self._clearing.close(order, VenueStatus.CANCELED)
        return self._clearing.report(order, Source.ACK, command.key)

    def _modify(self, command: ModifyOrder) -> Event:
        self._ledger.modify_requests += 1
        order = self._find_open(command.client_order_id, command.instrument_id)
        if order == checks.UNKNOWN_ORDER:
            order = checks.AMEND_UNKNOWN
        if not isinstance(order, tuple):
            lots = order.grid.lots(command.quantity)
            refusal = checks.amendment(order, lots)
            if refusal is None:
                assert lots is not None, "amendment() refuses quantities off the grid"
                self._clearing.amend(order, lots)
                return self._clearing.report(order, Source.ACK, command.key)
            order = refusal
        return self._refused(Request.MODIFY, command, command.client_order_id, order)

    def _find_open(
        self, client_order_id: ClientOrderId, instrument_id: InstrumentId
    ) -> VenueOrder | checks.Refusal:
        if instrument_id not in self._markets:
            return checks.INVALID_SYMBOL
        order = self._clearing.open.get(client_order_id)
        if order is None or order.spec.instrument_id != instrument_id:
            return checks.UNKNOWN_ORDER
        return order

    def _refused(
        self,
        request: Request,
        command: Command,
        client_order_id: ClientOrderId,
        refusal: checks.Refusal,
    ) -> RequestRefused:
        code, reason = refusal
        return RequestRefused(
            ts_event=self._clearing.now_ns,
            ts_init=self._clearing.now_ns,
            correlation_id=client_order_id,
            causation_id=command.key,
            request=request,
            client_order_id=client_order_id,
            code=code,
            reason=reason,
        )

    # --- questions -----------------------------------------------------------------------------

    def _query_order(self, command: QueryOrder) -> Event:
        if command.instrument_id not in self._markets:
            return self._refused(
                Request.QUERY_ORDER, command, command.client_order_id, checks.INVALID_SYMBOL
            )
        order = self._orders.get(command.client_order_id)
        if order is not None and order.spec.instrument_id == command.instrument_id:
            return self._clearing.report(order, Source.QUERY, command.key)
        now_ns = self._clearing.now_ns
        return OrderNotFound(
            ts_event=now_ns,
            ts_init=now_ns,
            correlation_id=command.client_order_id,
            causation_id=command.key,
            client_order_id=command.client_order_id,
            instrument_id=command.instrument_id,
        )

    def _query_open_orders(self, command: QueryOpenOrders) -> Event:
        instrument_id, clearing = command.instrument_id, self._clearing
        if instrument_id not in self._markets:
            return self._refused(
                Request.QUERY_OPEN_ORDERS, command, ClientOrderId(""), checks.INVALID_SYMBOL
            )
        return OpenOrdersReport(
            ts_event=clearing.now_ns,
            ts_init=clearing.now_ns,
            causation_id=command.key,
            instrument_id=instrument_id,
            orders=tuple(
                clearing.report(order, Source.QUERY, command.key)
                for order in clearing.open.values()
                if order.spec.instrument_id == instrument_id
            ),
            source=Source.QUERY,
        )

    def _query_fills(self, command: QueryFills) -> Event:
        instrument_id, now_ns = command.instrument_id, self._clearing.now_ns
        if instrument_id not in self._markets:
            return self._refused(
                Request.QUERY_FILLS, command, ClientOrderId(""), checks.INVALID_SYMBOL
            )
        fills = self._ledger.fills
        first = bisect_left(fills, command.since_trade_id, key=lambda fill: int(fill.trade_id))
        found: list[FillReport] = []
        complete = True
        for fill in fills[first:]:
            if fill.instrument_id != instrument_id:
                continue
            if command.venue_order_id not in (None, fill.venue_order_id):
                continue
            if len(found) == FILLS_PAGE:
                complete = False
                break
            found.append(fill.model_copy(update={"source": Source.QUERY}))
        return FillsReport(
            ts_event=now_ns,
            ts_init=now_ns,
            causation_id=command.key,
            instrument_id=instrument_id,
            since_trade_id=command.since_trade_id,
            fills=tuple(found),
            complete=complete,
            source=Source.QUERY,
        )

    def _query_account(self, command: QueryAccount) -> Event:
        names = sorted(self._wallet.currencies)
        report = self._clearing.account(names, Source.QUERY, partial=False)
        return report.model_copy(update={"causation_id": command.key})
