"""The exchange behind the wire: SimVenue, its books and its streams, on the server's clock.

Everything that changes the account goes through `act`, everything from the tape through
`on_tape`; both publish what follows before they return, so that the user stream of a command is
queued before its answer is sent (Binance promises no order between the two; clients must cope).
"""

from collections.abc import Callable
from typing import Any, Final

from messages.base import ClientOrderId, Command, Event, InstrumentId, Message
from messages.market import Batch, BookDeltaBatch, QuoteBatch, TradeBatch
from messages.orders import ModifyOrder, OrderSpec, SubmitOrder
from messages.venue import AccountReport, FillReport, OrderReport, VenueStatus
from venues.binance import codec_encode as market_wire
from venues.binance import codec_encode_orders as wire
from venues.binance.codec_encode_orders import Detail
from venues.binance.codec_names import INTERVAL_NS, ms
from venues.binance.codec_orders import wire_type
from venues.binance.simulator_book import ServerBook, Trades
from venues.binance.simulator_config import SimulatorConfig
from venues.binance.simulator_faults import Faults
from venues.binance.simulator_hub import Hub
from venues.sim.ledger import OrderLine
from venues.sim.matching import SELF_TRADE
from venues.sim.venue import Outcome, SimVenue, SimVenueConfig

_ZERO: Final = Detail().stop_price
_DEPTH: Final = ("depth", "depth@100ms")
_CANDLES_LATE: Final = 5  # closed candles that may wait to be told, when the server is busy


class Exchange:
    """One venue with one account; `now_ns` is its clock."""

    def __init__(self, config: SimulatorConfig, now_ns: Callable[[], int], faults: Faults) -> None:
        self.now_ns = now_ns
        self.hub = Hub(faults)
        self.venue = SimVenue(
            SimVenueConfig(config.instruments, config.balances, config.queue_model)
        )
        self.books = {i.instrument_id: ServerBook(i) for i in config.instruments}
        self.trades = {i.instrument_id: Trades(i) for i in config.instruments}
        self.names: dict[str, ClientOrderId] = {}  # venue order id -> client order id
        self.requests: list[dict[str, Any]] = []  # every order request, as it came
        self.events = 0
        self.tape_state: Callable[[], dict[str, object]] = dict
        self._told: dict[str, int] = {}  # candle stream -> start of the last closed one told
        self._lines: dict[ClientOrderId, OrderLine] = {}
        self._symbols = {i.instrument_id: i.symbol for i in config.instruments}

    # --- the account ---------------------------------------------------------------------------

    def act(self, command: Command, request_id: str = "") -> Outcome:
        """Carry out a command and publish what it causes."""
        outcome = self.venue.on_command(command, self.now_ns())
        if isinstance(command, SubmitOrder) and isinstance(outcome.reply, OrderReport):
            line = self.venue.ledger().lines[-1]
            self._lines[line.spec.client_order_id] = line
            self.names[outcome.reply.venue_order_id] = line.spec.client_order_id
        amended = isinstance(command, ModifyOrder)
        self._tell(outcome.stream, "REPLACED" if amended else "", request_id)
        return outcome

    def detail(self, report: OrderReport, request_id: str = "", execution: str = "") -> Detail:
        """What the wire says of an order beyond its report."""
        line = self._lines[report.client_order_id]
        spec = line.spec
        prevented = report.status is VenueStatus.EXPIRED and report.reason == SELF_TRADE
        if prevented:
            execution = "TRADE_PREVENTION"
        elif not execution and report.status is VenueStatus.PARTIALLY_FILLED:
            execution = "NEW"  # a part-filled stop order that says again that it works
        return Detail(
            wire_type=wire_type(spec),
            time_in_force=spec.time_in_force.value,
            stop_price=spec.trigger_price or _ZERO,
            request_id=request_id,
            execution=execution,
            status=SELF_TRADE if prevented else "",
            ts_created=line.ts_ns,
        )

    def order_spec(self, name: ClientOrderId) -> OrderSpec | None:
        """What was asked for under this client id, if the venue took it."""
        line = self._lines.get(name)
        return None if line is None else line.spec

    def ledger(self) -> dict[str, Any]:
        """The venue's ledger, and what the server saw of requests."""
        found: dict[str, Any] = self.venue.ledger().to_json()
        found["server"] = {
            "order_requests": self.requests,
            "market_events": self.events,
            "tape": self.tape_state(),
            "connections": len(self.hub.clients),
            "ts_ns": self.now_ns(),
        }
        return found

    def _tell(self, stream: tuple[Event, ...], execution: str = "", request_id: str = "") -> None:
        fill: FillReport | None = None
        for event in stream:
            if isinstance(event, FillReport):
                fill = event  # its order report comes next; the wire tells both at once
            elif isinstance(event, OrderReport):
                detail = self.detail(event, request_id, "TRADE" if fill else execution)
                self.hub.publish_user(wire.execution_report(event, fill, detail))
                fill = None
            elif isinstance(event, AccountReport):
                self.hub.publish_user(wire.account_position(event.balances, event.ts_event))

    # --- the market ----------------------------------------------------------------------------

    def on_tape(self, message: Message) -> None:
        """The tape's next event, already on our clock: to the venue first, then to the streams."""
        self.events += 1
        self._tell(self.venue.on_market(message, self.now_ns()))
        if not isinstance(message, Batch) or message.instrument_id not in self.books:
            return
        name, hub = message.instrument_id, self.hub
        if isinstance(message, BookDeltaBatch):
            update = self.books[name].apply(message)
            heard = self._heard(name, *_DEPTH)
            if update is not None and heard:
                payload = market_wire.depth_update(update)
                for stream in heard:
                    hub.publish(stream, payload)
        elif isinstance(message, TradeBatch):
            self.trades[name].add(message)
            plain, joined = self._heard(name, "trade"), self._heard(name, "aggTrade")
            for payload in market_wire.trades(message) if plain or joined else ():
                for stream in plain:
                    hub.publish(stream, payload)
                for stream in joined:
                    hub.publish(stream, _aggregate(payload))
        elif isinstance(message, QuoteBatch):
            heard = self._heard(name, "bookTicker")
            last_id = self.books[name].last_id
            for payload in market_wire.book_tickers(message, last_id) if heard else ():
                hub.publish(heard[0], payload)

    def publish_candles(self) -> None:
        """For each candle stream that somebody hears: those just closed, once, and the open one."""
        now_ns = self.now_ns()
        for instrument_id, trades in self.trades.items():
            prefix = f"{self._symbols[instrument_id].lower()}@kline_"
            for stream in self.hub.streams():
                interval_ns = INTERVAL_NS.get(stream.removeprefix(prefix))
                if interval_ns is not None and stream.startswith(prefix):
                    batch = trades.candles(interval_ns, _CANDLES_LATE, now_ns)
                    self._publish_candles(stream, market_wire.klines(batch), now_ns)

    def _publish_candles(self, stream: str, candles: list[dict[str, Any]], now_ns: int) -> None:
        closed = [c for c in candles if c["k"]["T"] < ms(now_ns)]
        told = self._told.get(stream)
        for payload in candles:
            start, is_closed = payload["k"]["t"], payload in closed
            if is_closed and (told is None or start <= told):
                continue
            payload["k"]["x"] = is_closed
            self.hub.publish(stream, payload | {"E": ms(now_ns)})
        self._told[stream] = closed[-1]["k"]["t"] if closed else told or 0

    def _heard(self, instrument_id: InstrumentId, *channels: str) -> list[str]:
        """Those of an instrument's streams that somebody hears: the others need no payload."""
        names = (market_wire.stream_name(self._symbols[instrument_id], c) for c in channels)
        return [name for name in names if self.hub.wanted(name)]


def _aggregate(trade: dict[str, Any]) -> dict[str, Any]:
    """Each trade as an aggregate of one."""
    number = trade["t"]
    return {**trade, "e": "aggTrade", "a": number, "f": number, "l": number}
