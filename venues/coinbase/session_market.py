"""One market-data connection of Coinbase without its socket.

Theory of operation. Coinbase counts the frames of a connection, over all its channels
(`sequence_num`), and books have no number of their own. So a frame that is missing may have held a
change of any book: after a gap, no book of the connection continues. A book's piece therefore says
`last_seq`, its frame's number, and `prev_seq`, the number of the book's frame before; a gap sets
`prev_seq` of every book to the last number that was lost, which none of them has seen. Whoever
keeps the book sees that and asks for a whole one, which a new subscription sends.

A frame that comes late (its number was missing) still tells its trades and quotes, but no longer
its books. One that comes twice tells nothing.

docs: "Sequence Numbers" in "WebSocket overview" and "Channels" (https://docs.cdp.coinbase.com/
coinbase-app/advanced-trade-apis/websocket/websocket-overview, 2026-09).
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import msgspec

from messages.base import InstrumentId
from messages.market import BarBatch, BookDeltaBatch, InstrumentStatus, QuoteBatch, TradeBatch
from trading.errors import Garbled
from venues.coinbase.codec_market import (
    FRAME,
    Candle,
    Level,
    MarketEvent,
    MarketFrame,
    bar_row,
    change_of,
    quote_row,
    trade_row,
)
from venues.coinbase.codec_names import STREAM_INTERVAL_NS, instrument_id, ns, product_of
from venues.wire.adapter import Channel, MarketSession, Ping, Subscription
from venues.wire.frames import Control, Decoded, Read, Unknown
from venues.wire.pending import Pending
from venues.wire.piece import Piece

CHANNELS: Final[dict[Channel, str]] = {
    Channel.BOOK: "level2",
    Channel.TRADES: "market_trades",
    Channel.QUOTES: "ticker",
    Channel.BARS: "candles",
    Channel.STATUS: "status",
}
_HEARTBEATS: Final = "heartbeats"
_MISSING_MAX: Final = 10_000
_PER_FRAME: Final = 100  # products; no limit is documented, so frames stay of a moderate size
_UNREADABLE: Final = (msgspec.DecodeError, ValueError, OverflowError)
_WORD: Final = re.compile(r"[A-Z0-9]+-[A-Z0-9]+")
_ALIAS: Final = ("-USD", "C")  # docs: BTC-USDC is sent as BTC-USD, whose book it shares


class CoinbaseMarketSession(MarketSession):
    """See the theory of operation."""

    ping = Ping(every_s=20.0)
    send_gap_s = 0.125  # docs: 8 unauthenticated messages a second

    def __init__(self) -> None:
        self._beating = False
        self.pending: Pending[Subscription] = Pending()
        self._expected = -1  # the number of the next frame; -1 before the first
        self._missing: set[int] = set()
        self._books: dict[str, int] = {}  # product -> the last number that it may continue
        self._candles: dict[str, Candle] = {}  # product -> the one that is still open
        self._status: dict[str, str] = {}
        self._wanted: dict[str, set[str]] = defaultdict(set)  # channel -> products

    def path(self) -> str:
        return ""

    def subscribe(self, wanted: Sequence[Subscription]) -> tuple[bytes, ...]:
        """raises  ValueError for bars that are not of five minutes: the venue streams no others"""
        frames = []
        if not self._beating:
            # docs: a quiet channel is closed after 60 to 90 s unless heartbeats are subscribed to.
            self._beating = True
            frames.append(_frame("subscribe", _HEARTBEATS, []))
        for channel, products in _by_channel(wanted).items():
            self._wanted[channel] |= set(products)
            for wants in wanted:
                if CHANNELS[wants.channel] == channel:
                    self.pending.ask(wants, [f"{channel}:{product_of(wants.instrument_id)}"])
            frames += _frames("subscribe", channel, products)
        return tuple(frames)

    def unsubscribe(self, unwanted: Sequence[Subscription]) -> tuple[bytes, ...]:
        frames = []
        for gone in unwanted:
            self.pending.drop(gone)
        for channel, products in _by_channel(unwanted).items():
            self._wanted[channel] -= set(products)
            frames += _frames("unsubscribe", channel, products)
        return tuple(frames)

    def heard(self, raw: bytes, ts_init: int) -> Read:
        try:
            frame = FRAME.decode(raw)
            return self._read(frame, ts_init)
        except _UNREADABLE as e:
            raise Garbled(f"{type(e).__name__}: {str(e).splitlines()[0]}", raw) from e

    def _read(self, frame: MarketFrame, ts_init: int) -> Read:
        if frame.type == "error":
            # No number says what was refused, but its words may name the product.
            words = set(_WORD.findall(frame.message.upper()))
            named = [k for k in self.pending.keys if k.partition(":")[2] in words]
            self.pending.refuse(named, frame.message)
            return Control("error", detail=frame.message)
        if not frame.channel:
            return Unknown(frame.type or "unnamed")
        late = self._late(frame.sequence_num)
        if late is None:
            return Control(f"{frame.channel}:repeated")
        ts = ns(frame.timestamp)
        match frame.channel:
            case "l2_data":
                return Control("l2_data:late") if late else self._book(frame, ts, ts_init)
            case "market_trades":
                return self._trades(frame.events, ts_init)
            case "ticker" | "ticker_batch":
                return self._quotes(frame, ts, ts_init)
            case "candles":
                return self._bars(frame.events, ts_init)
            case "status":
                return self._statuses(frame.events, ts, ts_init)
            case "subscriptions":
                held = _held(frame.events)
                self.pending.confirm({f"{c}:{p}" for c, products in held.items() for p in products})
                return Control(
                    "ack", detail=" ".join(f"{c}:{','.join(p)}" for c, p in sorted(held.items()))
                )
            case "heartbeats":
                return Control("heartbeats")
        return Unknown(frame.channel)

    def _late(self, number: int) -> bool | None:
        """Whether the frame was counted as missing; None if it was here before."""
        if number in self._missing:
            self._missing.discard(number)
            return True
        if 0 <= number < self._expected:
            return None
        if 0 <= self._expected < number:
            lost = range(max(self._expected, number - _MISSING_MAX), number)
            self._missing = set(lost)
            self._books = dict.fromkeys(self._books, number - 1)
        self._expected = number + 1
        return False

    def _book(self, frame: MarketFrame, ts_sent: int, ts_init: int) -> Read:
        pieces: list[Piece] = []
        for event in _by_product(frame.events):
            product, whole = event.product_id, event.type == "snapshot"
            ts = _changed(event.updates) or ts_sent
            change = change_of(event.updates)
            prev = -1 if whole else self._books.get(product, frame.sequence_num - 1)
            self._books[product] = frame.sequence_num
            pieces += (
                Piece(
                    f"l2_data:{event.type}",
                    BookDeltaBatch,
                    name,
                    ts,
                    ts_init,
                    change,
                    first_seq=frame.sequence_num,
                    last_seq=frame.sequence_num,
                    prev_seq=prev,
                    snapshot=whole,
                )
                for name in self._names("level2", product)
            )
        return tuple(pieces) or Control("l2_data:empty")

    def _trades(self, events: list[MarketEvent], ts_init: int) -> Read:
        """Trades, oldest first. A snapshot repeats what was traded before the subscription: history
        is asked for over REST, where it is told since when."""
        pieces: list[Piece] = []
        for event in events:
            rows = [(t.product_id, trade_row(t, ts_init)) for t in reversed(event.trades)]
            if event.type != "update":
                continue
            pieces += (
                Piece("market_trades", TradeBatch, name, int(row[0]), ts_init, row)
                for product, row in rows
                for name in self._names("market_trades", product)
            )
        return tuple(pieces) or Control("market_trades:snapshot")

    def _quotes(self, frame: MarketFrame, ts: int, ts_init: int) -> Read:
        pieces: list[Piece] = []
        for event in frame.events:
            for ticker in event.tickers:
                row = quote_row(ticker, ts, ts_init)
                if row is None:
                    continue
                pieces += (
                    Piece(frame.channel, QuoteBatch, name, ts, ts_init, row)
                    for name in self._names("ticker", ticker.product_id)
                )
        return tuple(pieces) or Control(f"{frame.channel}:one-sided")

    def _bars(self, events: list[MarketEvent], ts_init: int) -> Read:
        """Bars that have closed: a candle is final once the next one has begun."""
        pieces: list[Piece] = []
        for event in events:
            for candle in sorted(event.candles, key=lambda c: c.start):
                before = self._candles.get(candle.product_id)
                if before is not None and candle.start < before.start:
                    continue  # closed long ago
                self._candles[candle.product_id] = candle
                if before is None or event.type == "snapshot" or candle.start == before.start:
                    continue
                row = bar_row(before, STREAM_INTERVAL_NS, ts_init)
                pieces += (
                    Piece(
                        "candles",
                        BarBatch,
                        name,
                        int(row[1]),
                        ts_init,
                        row,
                        interval_ns=STREAM_INTERVAL_NS,
                    )
                    for name in self._names("candles", candle.product_id)
                )
        return tuple(pieces) or Control("candles:open")

    def _statuses(self, events: list[MarketEvent], ts: int, ts_init: int) -> Read:
        """What changed: the venue repeats the status of every product at an interval."""
        news: list[InstrumentStatus] = []
        for product in (p for event in events for p in event.products):
            if product.product_type != "SPOT" or self._status.get(product.id) == product.status:
                continue
            self._status[product.id] = product.status
            news += (
                InstrumentStatus(
                    ts_event=ts,
                    ts_init=ts_init,
                    instrument_id=name,
                    trading=product.status == "online",
                    reason=product.status_message or product.status,
                )
                for name in self._names("status", product.id)
            )
        return Decoded("status", tuple(news)) if news else Control("status:same")

    def _names(self, channel: str, product: str) -> tuple[InstrumentId, ...]:
        """The instruments that a frame of this product is for."""
        wanted = self._wanted[channel]
        suffix, added = _ALIAS
        alias = product + added
        if product.endswith(suffix) and alias in wanted:
            both = (product, alias) if product in wanted else (alias,)
            return tuple(instrument_id(p) for p in both)
        return (instrument_id(product),)


def _by_channel(subscriptions: Sequence[Subscription]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for s in subscriptions:
        if s.channel is Channel.BARS and s.interval_ns != STREAM_INTERVAL_NS:
            raise ValueError(
                f"{s.instrument_id}: bars of {s.interval_ns} ns: Coinbase streams bars of five"
                " minutes only; build others from trades"
            )
        if s.channel not in CHANNELS:
            raise ValueError(f"{s.instrument_id}: {s.channel}: the venue has none on spot")
        found.setdefault(CHANNELS[s.channel], []).append(product_of(s.instrument_id))
    return found


def _frames(kind: str, channel: str, products: list[str]) -> list[bytes]:
    parts = range(0, len(products), _PER_FRAME)
    return [_frame(kind, channel, products[i : i + _PER_FRAME]) for i in parts]


def _frame(kind: str, channel: str, products: list[str]) -> bytes:
    frame: dict[str, object] = {"type": kind, "channel": channel}
    if products:
        frame["product_ids"] = products
    return msgspec.json.encode(frame)


def _by_product(events: list[MarketEvent]) -> list[MarketEvent]:
    """Events of one frame, those of one product as one: they share the frame's number."""
    merged: dict[str, MarketEvent] = {}
    for event in events:
        before = merged.get(event.product_id)
        if before is None or event.type == "snapshot":
            merged[event.product_id] = event
        else:
            before.updates = before.updates + event.updates
    return list(merged.values())


def _changed(levels: list[Level]) -> int:
    """When the last of these levels changed; 0 where the venue does not say (then it says 1970)."""
    return ns(levels[-1].event_time) if levels else 0


def _held(events: list[MarketEvent]) -> dict[str, list[str]]:
    """docs: "Subscriptions": all that this connection is subscribed to, after every change."""
    return {c: p for event in events for c, p in event.subscriptions.items()}
