"""What happens at the exchange, on Coinbase's channels.

Each connection counts its frames over all channels, so a frame is finished per connection: events
are encoded once, the number is put in for each who hears them.
"""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from messages.base import NS_PER_S, ClientOrderId, InstrumentId
from messages.market import BookDeltaBatch, QuoteBatch, TradeBatch
from messages.venue import AccountReport, FillReport, OpenOrdersReport, QueryOpenOrders
from venues.coinbase import simulator_wire as wire
from venues.coinbase.codec_names import STREAM_INTERVAL_NS, product_of
from venues.coinbase.simulator_wire import Json
from venues.serving.exchange import Change, Exchange
from venues.serving.hub import About, Client
from venues.sim.spot import CommissionIn

HEARTBEATS: Final = "heartbeats"
USER: Final = "user"
STATUS: Final = "status"
# What a client subscribes to -> the channel that frames name.
CHANNELS: Final = {
    "level2": "l2_data",
    "market_trades": "market_trades",
    "ticker": "ticker",
    "ticker_batch": "ticker_batch",
    "candles": "candles",
}
_EVERYTHING: Final = 100_000
_RECENT: Final = 100
_OPEN_PAGE: Final = 50  # docs: "User Channel": open orders come in batches of 50
_BATCH_EVERY_S: Final = 5


class CoinbaseClient(Client):
    """A connection, the number of its next frame, and what it is subscribed to."""

    number = 0

    def say(self, channel: str, events: Any, now_ns: int) -> None:
        """Send one frame to this connection alone."""
        self.send(self.framed(channel, msgspec.json.encode(events), now_ns))

    def framed(self, channel: str, events: bytes, now_ns: int) -> bytes:
        """The frame as it goes out on this connection; counts."""
        found = wire.frame(channel, events, self.number, now_ns)
        self.number += 1
        return found


class CoinbaseExchange(Exchange):
    """Coinbase Advanced Trade, spot.

    asked  order configurations as they came, by client order id
    fills  by the venue's number of the order
    """

    commission_in = CommissionIn.QUOTE

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.asked: dict[ClientOrderId, Json] = {}
        self.fills: dict[str, list[FillReport]] = {}
        self._beats = 0
        self._quotes: dict[InstrumentId, QuoteBatch] = {}

    # --- the account -----------------------------------------------------------------------------

    def tell_order(self, change: Change) -> None:
        report = change.report
        found = self.fills.setdefault(report.venue_order_id, [])
        if change.fill is not None:
            found.append(change.fill)
        row = wire.user_row(report, change.line, found)
        self._publish(USER, USER, {"type": "update", "orders": [row]}, About.USER)

    def tell_account(self, report: AccountReport) -> None:
        """Balances of spot accounts are on no channel."""

    def open_orders(self, instrument_id: InstrumentId) -> OpenOrdersReport:
        """The working orders of one instrument."""
        now_ns = self.now_ns()
        command = QueryOpenOrders(ts_event=now_ns, ts_init=now_ns, instrument_id=instrument_id)
        reply = self.act(command).reply
        assert isinstance(reply, OpenOrdersReport), "the instrument is one of ours"
        return reply

    def ledger(self) -> dict[str, Any]:
        """With the ids that the wire knows."""
        found = super().ledger()
        for line in (*found["orders"], *found["fills"]):
            if line.get("venue_order_id") is not None:
                line["venue_order_id"] = wire.order_id(line["venue_order_id"])
            if "trade_id" in line:
                line["trade_id"] = wire.trade_id(line["trade_id"])
        return found

    # --- the market ------------------------------------------------------------------------------

    def tell_book(self, update: BookDeltaBatch) -> None:
        channel = f"level2:{product_of(update.instrument_id)}"
        if self.hub.wanted(channel):
            event = wire.book_event(update, product_of(update.instrument_id))
            self._publish(channel, "l2_data", event, About.BOOK)

    def tell_trades(self, batch: TradeBatch) -> None:
        product = product_of(batch.instrument_id)
        if self.hub.wanted(f"market_trades:{product}"):
            event = wire.trades_event((batch,), product, "update")
            self._publish(f"market_trades:{product}", "market_trades", event)

    def tell_quotes(self, batch: QuoteBatch) -> None:
        self._quotes[batch.instrument_id] = batch
        product = product_of(batch.instrument_id)
        if self.hub.wanted(f"ticker:{product}"):
            event = wire.ticker_event(
                batch, product, self.last_price(batch.instrument_id), "update"
            )
            self._publish(f"ticker:{product}", "ticker", event)

    def tell_candles(self) -> None:
        """Once a second: candles and heartbeats; every few seconds statuses and batched tickers."""
        for name in self.books:
            channel = f"candles:{product_of(name)}"
            if not self.hub.wanted(channel):
                continue
            for batch, _ in self.fresh_candles(channel, name, STREAM_INTERVAL_NS):
                self._publish(channel, "candles", self._candles(wire.candle_rows(batch), name))
        self._beats += 1
        if self.hub.wanted(HEARTBEATS):
            beat = {"current_time": str(self.now_ns()), "heartbeat_counter": self._beats}
            self._publish(HEARTBEATS, HEARTBEATS, beat)
        if self._beats % _BATCH_EVERY_S == 0:
            if self.hub.wanted(STATUS):
                self._publish(STATUS, STATUS, self.statuses())
            for name, quote in self._quotes.items():
                product = product_of(name)
                event = wire.ticker_event(quote, product, self.last_price(name), "update")
                self._publish(f"ticker_batch:{product}", "ticker_batch", event)

    def last_price(self, instrument_id: InstrumentId) -> float:
        """Of the last trade; the best bid before there was one."""
        recent = self.trades[instrument_id].recent
        if recent:
            return float(recent[-1].rows["price"][-1])
        return next((price for price, _ in self.books[instrument_id].levels(1, 1)), 0.0)

    # --- what a subscription begins with ---------------------------------------------------------

    def first(self, channel: str, product: str) -> Iterable[tuple[str, Json]]:
        """(channel of the frame, event) that a new subscription is told at once."""
        name, now_ns = next(i for i in self.books if product_of(i) == product), self.now_ns()
        match channel:
            case "level2":
                batch = self.books[name].snapshot(_EVERYTHING, now_ns)
                yield "l2_data", wire.book_event(batch, product)
            case "market_trades" if self.trades[name].recent:
                recent = tuple(self.trades[name].recent)[-_RECENT:]
                yield "market_trades", wire.trades_event(recent, product, "snapshot")
            case "candles":
                candles = self.trades[name].candles(STREAM_INTERVAL_NS, _RECENT, now_ns)
                event = self._candles(wire.candle_rows(candles), name)
                yield "candles", event | {"type": "snapshot"}
            case "ticker" | "ticker_batch" if name in self._quotes:
                quote, last = self._quotes[name], self.last_price(name)
                yield channel, wire.ticker_event(quote, product, last, "snapshot")

    def first_orders(self) -> list[list[Json]]:
        """The open orders, in batches; one empty batch where there are none."""
        rows = [
            wire.user_row(
                report,
                self.lines[report.client_order_id],
                self.fills.get(report.venue_order_id, []),
            )
            for name in self.books
            for report in self.open_orders(name).orders
        ]
        batches = range(0, max(len(rows), 1), _OPEN_PAGE)
        return [rows[at : at + _OPEN_PAGE] for at in batches]

    def statuses(self) -> Json:
        """The status of every product."""
        rows = [wire.status_row(i) for i in self.venue.instruments]
        return {"type": "snapshot", "products": rows}

    def _candles(self, rows: list[Json], name: InstrumentId) -> Json:
        named = [row | {"product_id": product_of(name)} for row in rows]
        return {"type": "update", "candles": named}

    def _publish(
        self, channel: str, wire_channel: str, event: Json, about: About = About.MARKET
    ) -> None:
        events, now_ns = msgspec.json.encode([event]), self.now_ns()

        def frame(client: Client) -> bytes:
            assert isinstance(client, CoinbaseClient), "sockets makes no others"
            return client.framed(wire_channel, events, now_ns)

        self.hub.publish(channel, frame, about)


def seconds(now_ns: int) -> float:
    """The venue's clock as tokens count it."""
    return now_ns / NS_PER_S
