"""The exchange behind a simulator's wire: SimVenue, books, trades and streams, on one clock.

A venue plugs in by a subclass that puts what happened on its wire: the `tell_*` hooks. Everything
that changes the account goes through `act`, everything from the tape through `on_tape`, time
through `on_second`; all call the hooks before they return, so that the user stream of a command
is queued before its answer is sent (venues promise no order between the two; clients must cope).

    class OkxExchange(Exchange):
        def tell_trades(self, batch: TradeBatch) -> None:
            channel = f"trades:{symbol(batch.instrument_id)}"
            if self.hub.wanted(channel):
                self.hub.publish(channel, wire.trades(batch))
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import numpy as np

from messages.arrays import FUNDING
from messages.base import NS_PER_MS, NS_PER_S, ClientOrderId, Command, Event, InstrumentId, Message
from messages.market import (
    BarBatch,
    Batch,
    BookDeltaBatch,
    FundingBatch,
    Instrument,
    LiquidationBatch,
    QuoteBatch,
    TradeBatch,
)
from messages.orders import OrderSpec
from messages.venue import AccountReport, FillReport, OrderReport, PositionReport
from venues.serving.book import ServerBook, Trades
from venues.serving.config import SimulatorConfig
from venues.serving.faults import FaultKind, Faults
from venues.serving.hub import Hub
from venues.sim.ledger import OrderLine
from venues.sim.spot import CommissionIn
from venues.sim.units import coarser
from venues.sim.venue import Outcome, SimVenue, SimVenueConfig

# Of generated tapes: the usual eight hours, and the rate that the venues' formulas rest at.
_FUNDING_NS: Final = 8 * 3600 * NS_PER_S
_FUNDING_RATE: Final = 0.0001
_CANDLES_LATE: Final = 5  # closed candles that may wait to be told, when the server is busy


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one order, as the private stream tells it.

    report      the order after it
    line        what was asked for, and when
    fill        the trade, where it is one
    cause       the command that led to it; None: the market or the clock
    request_id  the client's own id of that request, where it sent one
    """

    report: OrderReport
    line: OrderLine
    fill: FillReport | None = None
    cause: Command | None = None
    request_id: str = ""


class Exchange(ABC):
    """One venue with one account.

    amends   whether the venue changes prices and raises quantities of open orders
    commission_in  which currency pays the commission of a spot trade
    lines    by client order id: the newest order under it
    names    venue order id -> client order id
    requests every order request that arrived, as the server noted it
    """

    amends: ClassVar[bool] = True
    commission_in: ClassVar[CommissionIn] = CommissionIn.RECEIVED

    def __init__(
        self, config: SimulatorConfig, clock_ns: Callable[[], int], faults: Faults
    ) -> None:
        self.faults = faults
        self.hub = Hub(faults)
        self.venue = SimVenue(
            SimVenueConfig(
                config.instruments,
                config.balances,
                config.queue_model,
                self.commission_in,
                self.amends,
            )
        )
        self.books = {i.instrument_id: ServerBook(i) for i in config.instruments}
        self.trades = {i.instrument_id: Trades(i) for i in config.instruments}
        self.lines: dict[ClientOrderId, OrderLine] = {}
        self.names: dict[str, ClientOrderId] = {}
        self.requests: list[dict[str, Any]] = []
        self.events = 0
        self.tape_state: Callable[[], dict[str, object]] = dict
        self._funded: set[InstrumentId] = set()  # whose funding the tape tells
        self._instruments = config.instruments
        self._clock_ns = clock_ns
        self._skew_ns = config.clock_skew_ms * NS_PER_MS
        self._lines_read = 0
        self._told: dict[str, int] = {}  # candle channel -> start of the last closed one told

    # --- what a venue puts on its wire ----------------------------------------------------------

    @abstractmethod
    def tell_order(self, change: Change) -> None:
        """An order changed."""

    @abstractmethod
    def tell_account(self, report: AccountReport) -> None:
        """Balances changed; the report names those."""

    @abstractmethod
    def tell_book(self, update: BookDeltaBatch) -> None:
        """A book changed; `prev_seq`, `first_seq` and `last_seq` are the server's own, unbroken.

        A venue with checksums asks `self.faults.fires((FaultKind.BAD_CHECKSUM,))` here.
        """

    @abstractmethod
    def tell_trades(self, batch: TradeBatch) -> None:
        """Public trades."""

    @abstractmethod
    def tell_quotes(self, batch: QuoteBatch) -> None:
        """The touch changed."""

    def tell_position(self, report: PositionReport) -> None:  # noqa: B027 - not of spot
        """A position changed (derivatives)."""

    def tell_funding(self, batch: FundingBatch) -> None:  # noqa: B027 - not of spot
        """Mark price and funding rate (derivatives)."""

    def tell_liquidations(self, batch: LiquidationBatch) -> None:  # noqa: B027 - not of spot
        """Positions of others that were closed by force (derivatives)."""

    def tell_instrument(self, instrument: Instrument) -> None:  # noqa: B027 - some tell it by REST
        """An instrument's rules changed."""

    @abstractmethod
    def tell_candles(self) -> None:
        """Once a second: put `fresh_candles` of every candle channel that is heard on the wire."""

    def expire_keys(self) -> None:
        """The fault EXPIRE_KEY: every private sign-in ends, in the venue's words."""
        self.hub.cut("user")

    # --- the clock -------------------------------------------------------------------------------

    def skew_ns(self) -> int:
        """How far the venue's clock is ahead of this machine's."""
        fault = self.faults.active(FaultKind.CLOCK_SKEW)
        return self._skew_ns + (0 if fault is None else round(fault.delay_ms * NS_PER_MS))

    def now_ns(self) -> int:
        """The venue's clock."""
        return self._clock_ns() + self.skew_ns()

    # --- the account -----------------------------------------------------------------------------

    def act(self, command: Command, request_id: str = "") -> Outcome:
        """Carry out a command and tell what it causes."""
        self._obey()
        outcome = self.venue.on_command(command, self.now_ns())
        self._tell(outcome.stream, command, request_id)
        return outcome

    def order_spec(self, name: ClientOrderId) -> OrderSpec | None:
        """What was asked for under this client id, if the venue took it."""
        line = self.lines.get(name)
        return None if line is None else line.spec

    def instrument(self, instrument_id: InstrumentId) -> Instrument:
        """The instrument with the rules that hold now; raises KeyError."""
        return next(i for i in self.venue.instruments if i.instrument_id == instrument_id)

    def ledger(self) -> dict[str, Any]:
        """The venue's ledger, and what the server saw of requests."""
        found: dict[str, Any] = self.venue.ledger().to_json()
        found["server"] = {
            "order_requests": self.requests,
            "market_events": self.events,
            "tape": self.tape_state(),
            "connections": len(self.hub.clients),
            "faults": self.faults.counts,
            "plan_from_ns": self.faults.start_ns,
            "ts_ns": self.now_ns(),
        }
        return found

    def _tell(
        self, stream: tuple[Event, ...], cause: Command | None = None, request_id: str = ""
    ) -> None:
        for line in self.venue.ledger().lines[self._lines_read :]:
            self._lines_read += 1
            if line.order is not None:
                self.lines[line.spec.client_order_id] = line
                self.names[line.order.venue_order_id] = line.spec.client_order_id
        fill: FillReport | None = None
        for event in stream:
            if isinstance(event, FillReport):
                fill = event  # its order report comes next; the wire tells both at once
            elif isinstance(event, OrderReport):
                line = self.lines[event.client_order_id]
                self.tell_order(Change(event, line, fill, cause, request_id))
                fill = None
            elif isinstance(event, AccountReport):
                self.tell_account(event)
            elif isinstance(event, PositionReport):
                self.tell_position(event)

    # --- the market ------------------------------------------------------------------------------

    def on_tape(self, message: Message) -> None:
        """The tape's next event, already on our clock: to the venue first, then to the streams."""
        self.events += 1
        self._obey()
        self._tell(self.venue.on_market(message, self.now_ns()))
        if not isinstance(message, Batch) or message.instrument_id not in self.books:
            return
        if isinstance(message, BookDeltaBatch):
            update = self.books[message.instrument_id].apply(message)
            if update is not None:
                self.tell_book(update)
        elif isinstance(message, TradeBatch):
            self.trades[message.instrument_id].add(message)
            self.tell_trades(message)
        elif isinstance(message, QuoteBatch):
            self.tell_quotes(message)
        elif isinstance(message, FundingBatch):
            self._funded.add(message.instrument_id)
            self.tell_funding(message)
        elif isinstance(message, LiquidationBatch):
            self.tell_liquidations(message)

    def on_second(self) -> None:
        """What happens by itself: candles close, faults of the venue as a whole begin."""
        if self.faults.fires((FaultKind.EXPIRE_KEY,)) is not None:
            self.expire_keys()
        if self.faults.active(FaultKind.MAINTENANCE) is not None:
            self.hub.cut("all")
        self._tell(self.venue.on_time(self.now_ns()))
        self._change_rules()
        self._mark()
        self.tell_candles()

    def _mark(self) -> None:
        """Mark price and funding rate of perpetuals, where the tape itself tells none."""
        now_ns = self.now_ns()
        for i in self.venue.margin.holdings:
            mark = None if i in self._funded else self.venue.mark(i)
            if mark is None:
                continue
            due_ns = (now_ns // _FUNDING_NS + 1) * _FUNDING_NS
            rows = np.array([(now_ns, now_ns, _FUNDING_RATE, float(mark), due_ns)], FUNDING)
            batch = FundingBatch(ts_event=now_ns, ts_init=now_ns, instrument_id=i, rows=rows)
            self._tell(self.venue.on_market(batch, now_ns))
            self.tell_funding(batch)

    def _obey(self) -> None:
        """The faults that are in the venue's own matching."""
        storm = self.faults.active(FaultKind.PARTIAL_FILLS)
        self.venue.split_fills(1 if storm is None else storm.pieces)

    def _change_rules(self) -> None:
        """The fault FILTER_CHANGE: steps ten times as coarse while it lasts."""
        coarse = self.faults.active(FaultKind.FILTER_CHANGE) is not None
        for first, now in zip(self._instruments, self.venue.instruments, strict=True):
            wanted = coarser(first) if coarse else first
            if wanted != now:
                self.venue.change_rules(wanted)
                self.tell_instrument(wanted)

    def fresh_candles(
        self, channel: str, instrument_id: InstrumentId, interval_ns: int
    ) -> list[tuple[BarBatch, bool]]:
        """For one candle channel: those just closed, each once, then the open one; a row each."""
        now_ns = self.now_ns()
        batch = self.trades[instrument_id].candles(interval_ns, _CANDLES_LATE, now_ns)
        told = self._told.get(channel)
        found, last = [], told or 0
        for i, start in enumerate(batch.rows["ts_open"].tolist()):
            closed = start + interval_ns <= now_ns
            if closed and (told is None or start <= told):
                last = max(last, start)
                continue
            last = max(last, start) if closed else last
            found.append((batch.model_copy(update={"rows": batch.rows[i : i + 1]}), closed))
        self._told[channel] = last
        return found
