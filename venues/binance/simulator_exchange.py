"""What happens at the exchange, on Binance spot's streams."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from messages.base import InstrumentId
from messages.market import BarBatch, BookDeltaBatch, QuoteBatch, TradeBatch
from messages.orders import ModifyOrder
from messages.venue import AccountReport, OrderReport, VenueStatus
from venues.binance import codec_encode as market_wire
from venues.binance import codec_encode_orders as wire
from venues.binance.codec_encode import Json, bare, wrap
from venues.binance.codec_encode_orders import Detail
from venues.binance.codec_names import INTERVAL_NS, ms
from venues.binance.codec_orders import wire_type
from venues.serving.exchange import Change, Exchange
from venues.serving.hub import About, Client
from venues.sim.ledger import OrderLine
from venues.sim.matching import SELF_TRADE

_ZERO: Final = Detail().stop_price
_PREVENTED: Final = "EXPIRED_IN_MATCH"
_DEPTH: Final = ("depth", "depth@100ms")
# Channels of the private streams: one of a listen key carries bare events, one of a subscription
# on the WebSocket API names its number, which each connection counts for itself.
LISTEN_KEY: Final = "user@"
SUBSCRIPTION: Final = "user#"


class BinanceClient(Client):
    """A connection, and whether it wants to know each event's stream."""

    combined = False


class BinanceExchange(Exchange):
    """Binance spot."""

    amends = False

    # --- the account ---------------------------------------------------------------------------

    def tell_order(self, change: Change) -> None:
        execution = "TRADE" if change.fill else ""
        if not execution and isinstance(change.cause, ModifyOrder):
            execution = "REPLACED"
        detail = detail_of(change.line, change.report, change.request_id, execution)
        self._publish_user(wire.execution_report(change.report, change.fill, detail))

    def tell_account(self, report: AccountReport) -> None:
        self._publish_user(wire.account_position(report.balances, report.ts_event))

    def detail(self, report: OrderReport, request_id: str = "") -> Detail:
        """What an answer says of an order beyond its report."""
        return detail_of(self.lines[report.client_order_id], report, request_id)

    def expire_keys(self) -> None:
        for channel in self.hub.channels(LISTEN_KEY):
            self.expire(channel.removeprefix(LISTEN_KEY))
        ended = bare(wire.stream_ended("eventStreamTerminated", self.now_ns()))
        for channel in self.hub.channels(SUBSCRIPTION):
            self._end(channel, msgspec.json.encode(_numbered(channel, ended)))

    def expire(self, listen_key: str) -> None:
        """Tell and forget every connection of a listen key."""
        payload = wire.stream_ended("listenKeyExpired", self.now_ns(), listen_key)
        self._end(LISTEN_KEY + listen_key, bare(payload))

    def _end(self, channel: str, last_word: bytes) -> None:
        for client in self.hub.listeners(channel):
            client.send(last_word)
            self.hub.unsubscribe(client, channel)

    def _publish_user(self, payload: Json) -> None:
        event = bare(payload)
        for channel in self.hub.channels(LISTEN_KEY):
            self.hub.publish(channel, event, About.USER)
        for channel in self.hub.channels(SUBSCRIPTION):
            frame = msgspec.json.encode(_numbered(channel, event))
            self.hub.publish(channel, frame, About.USER)

    # --- the market ----------------------------------------------------------------------------

    def tell_book(self, update: BookDeltaBatch) -> None:
        heard = self._heard(update.instrument_id, *_DEPTH)
        if heard:
            payload = market_wire.depth_update(update)
            for stream in heard:
                self._publish(stream, payload, About.BOOK)

    def tell_trades(self, batch: TradeBatch) -> None:
        plain = self._heard(batch.instrument_id, "trade")
        joined = self._heard(batch.instrument_id, "aggTrade")
        for payload in market_wire.trades(batch) if plain or joined else ():
            for stream in plain:
                self._publish(stream, payload)
            for stream in joined:
                self._publish(stream, _aggregate(payload))

    def tell_quotes(self, batch: QuoteBatch) -> None:
        last_id = self.books[batch.instrument_id].last_id
        for stream in self._heard(batch.instrument_id, "bookTicker"):
            for payload in market_wire.book_tickers(batch, last_id):
                self._publish(stream, payload)

    def tell_candles(self) -> None:
        for name, book in self.books.items():
            prefix = f"{book.instrument.symbol.lower()}@kline_"
            for stream in self.hub.channels(prefix):
                interval_ns = INTERVAL_NS.get(stream.removeprefix(prefix))
                if interval_ns is not None:
                    self._publish_candles(stream, self.fresh_candles(stream, name, interval_ns))

    def _publish_candles(self, stream: str, candles: Iterable[tuple[BarBatch, bool]]) -> None:
        for batch, closed in candles:
            (payload,) = market_wire.klines(batch)
            payload["k"]["x"] = closed
            self._publish(stream, payload | {"E": ms(self.now_ns())})

    def _publish(self, stream: str, payload: Json, about: About = About.MARKET) -> None:
        forms: dict[bool, bytes] = {}

        def frame(client: Client) -> bytes:
            combined = isinstance(client, BinanceClient) and client.combined
            found = forms.get(combined)
            if found is None:
                found = forms[combined] = wrap(stream, payload) if combined else bare(payload)
            return found

        self.hub.publish(stream, frame, about)

    def _heard(self, instrument_id: InstrumentId, *channels: str) -> list[str]:
        """Those of an instrument's streams that somebody hears: the others need no payload."""
        symbol = self.books[instrument_id].instrument.symbol
        names = (market_wire.stream_name(symbol, c) for c in channels)
        return [name for name in names if self.hub.wanted(name)]


def detail_of(
    line: OrderLine, report: OrderReport, request_id: str = "", execution: str = ""
) -> Detail:
    """What the wire says of an order beyond its report."""
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
        status=_PREVENTED if prevented else "",
        ts_created=line.ts_ns,
    )


def _numbered(channel: str, event: bytes) -> dict[str, Any]:
    number = int(channel.removeprefix(SUBSCRIPTION))
    return {"subscriptionId": number, "event": msgspec.Raw(event)}


def _aggregate(trade: dict[str, Any]) -> dict[str, Any]:
    """Each trade as an aggregate of one."""
    number = trade["t"]
    return {**trade, "e": "aggTrade", "a": number, "f": number, "l": number}
