"""What the venue answers to who asks: nothing changes by it."""

from bisect import bisect_left
from collections.abc import Mapping
from typing import Final

from messages.base import ClientOrderId, Event, InstrumentId
from messages.orders import QueryOrder
from messages.venue import (
    AccountReport,
    FeesReport,
    FillReport,
    FillsReport,
    OpenOrdersReport,
    OrderNotFound,
    QueryAccount,
    QueryFees,
    QueryFills,
    QueryOpenOrders,
    Request,
    Source,
)
from venues.sim.clearing import Clearing
from venues.sim.matching import Market
from venues.sim.orders import VenueOrder
from venues.sim.refusals import Refusal, refused

FILLS_PAGE: Final = 1000  # Binance's myTrades limit


class Questions:
    """`orders`: the newest order of each client order id, closed ones too."""

    def __init__(
        self,
        clearing: Clearing,
        markets: Mapping[InstrumentId, Market],
        orders: Mapping[ClientOrderId, VenueOrder],
    ) -> None:
        self._clearing = clearing
        self._markets = markets
        self._orders = orders

    def order(self, command: QueryOrder) -> Event:
        now_ns, name = self._clearing.now_ns, command.client_order_id
        if command.instrument_id not in self._markets:
            refusal = Refusal.UNKNOWN_INSTRUMENT
            return refused(Request.QUERY_ORDER, command, refusal, now_ns, name)
        order = self._orders.get(name)
        if order is not None and order.spec.instrument_id == command.instrument_id:
            return self._clearing.report(order, Source.QUERY, command.key)
        return OrderNotFound(
            ts_event=now_ns,
            ts_init=now_ns,
            correlation_id=name,
            causation_id=command.key,
            client_order_id=name,
            instrument_id=command.instrument_id,
        )

    def open_orders(self, command: QueryOpenOrders) -> Event:
        instrument_id, clearing = command.instrument_id, self._clearing
        if instrument_id not in self._markets:
            refusal = Refusal.UNKNOWN_INSTRUMENT
            return refused(Request.QUERY_OPEN_ORDERS, command, refusal, clearing.now_ns)
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

    def fills(self, command: QueryFills) -> Event:
        instrument_id, now_ns = command.instrument_id, self._clearing.now_ns
        if instrument_id not in self._markets:
            return refused(Request.QUERY_FILLS, command, Refusal.UNKNOWN_INSTRUMENT, now_ns)
        fills = self._clearing.ledger.fills
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

    def account(self, command: QueryAccount) -> AccountReport:
        names = sorted(self._clearing.wallet.currencies)
        report = self._clearing.account(names, Source.QUERY, partial=False)
        return report.model_copy(update={"causation_id": command.key})

    def fees(self, command: QueryFees) -> Event:
        now_ns, market = self._clearing.now_ns, self._markets.get(command.instrument_id)
        if market is None:
            return refused(Request.QUERY_FEES, command, Refusal.UNKNOWN_INSTRUMENT, now_ns)
        return FeesReport(
            ts_event=now_ns,
            ts_init=now_ns,
            causation_id=command.key,
            instrument_id=command.instrument_id,
            maker=market.grid.instrument.maker_fee,
            taker=market.grid.instrument.taker_fee,
            source=Source.QUERY,
        )
