"""Coinbase's market data: one event of a frame, or one REST answer -> rows.

docs: "Advanced Trade WebSocket Channels" (https://docs.cdp.coinbase.com/coinbase-app/
advanced-trade-apis/websocket/websocket-channels, 2026-09) and "Products" of the REST API. Amounts
go from text to float64 in the decoder, never by way of Python objects; nothing here is exact money.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

import msgspec
import numpy as np

from messages.arrays import BAR, TRADE, Rows
from messages.base import NS_PER_S, Event, InstrumentId
from messages.market import BarBatch, BookDeltaBatch, TradeBatch
from trading.errors import Garbled
from venues.coinbase.codec_names import Amount, Id, Positive, Seconds, ns
from venues.wire.piece import Change, delta_rows

_T = TypeVar("_T")
BUYER, SELLER = 1, -1
# `side` is the maker's, so who took is the other one. docs: "Market Trades Channel".
_AGGRESSOR: Final = {"BUY": SELLER, "SELL": BUYER}
_BID: Final = "bid"
_ASK: Final = "offer"


class Level(msgspec.Struct):
    """docs: "Level2 Channel"; `new_quantity` is what the level holds now, 0 when it is gone."""

    side: str
    event_time: str
    price_level: Positive
    new_quantity: Amount


class Trade(msgspec.Struct):
    """docs: "Market Trades Channel"; "Get Public Market Trades" says the same."""

    trade_id: Id
    product_id: str
    price: Positive
    size: Positive
    side: str
    time: str


class Ticker(msgspec.Struct):
    """docs: "Ticker Channel"; "" or absent where a side is empty."""

    product_id: str
    best_bid: str = ""
    best_bid_quantity: str = ""
    best_ask: str = ""
    best_ask_quantity: str = ""


class Candle(msgspec.Struct):
    """docs: "Candles Channel"; REST candles do not name their product."""

    start: Seconds
    low: Positive
    high: Positive
    open: Positive
    close: Positive
    volume: Amount
    product_id: str = ""


class StatusProduct(msgspec.Struct):
    """docs: "Status Channel"."""

    id: str
    status: str = ""
    status_message: str = ""
    product_type: str = "SPOT"


class MarketEvent(msgspec.Struct):
    """One event of a frame; which fields come depends on the channel."""

    type: str = ""
    product_id: str = ""
    updates: list[Level] = []
    trades: list[Trade] = []
    tickers: list[Ticker] = []
    candles: list[Candle] = []
    products: list[StatusProduct] = []
    subscriptions: dict[str, list[str]] = {}


class MarketFrame(msgspec.Struct):
    """The envelope of every frame; an error has no channel."""

    channel: str = ""
    timestamp: str = ""
    sequence_num: Id = 0
    events: list[MarketEvent] = []
    type: str = ""
    message: str = ""


class _BookLevel(msgspec.Struct):
    price: Positive
    size: Amount


class _Book(msgspec.Struct):
    product_id: str
    bids: list[_BookLevel]
    asks: list[_BookLevel]
    time: str


class _BookAnswer(msgspec.Struct):
    """docs: "Get Public Product Book"."""

    pricebook: _Book


class TradesAnswer(msgspec.Struct):
    """docs: "Get Public Market Trades"; newest first."""

    trades: list[Trade]


class CandlesAnswer(msgspec.Struct):
    """docs: "Get Public Product Candles"; newest first."""

    candles: list[Candle]


# Lax mode reads quoted numbers; every numeric field is typed, so nothing else gets looser.
FRAME: Final = msgspec.json.Decoder(MarketFrame, strict=False)
_BOOK: Final = msgspec.json.Decoder(_BookAnswer, strict=False)
TRADES: Final = msgspec.json.Decoder(TradesAnswer, strict=False)
CANDLES: Final = msgspec.json.Decoder(CandlesAnswer, strict=False)


def change_of(levels: list[Level]) -> Change:
    """Bids and asks of a book event, each in its order; raises ValueError."""
    bids = [(x.price_level, x.new_quantity) for x in levels if x.side == _BID]
    asks = [(x.price_level, x.new_quantity) for x in levels if x.side == _ASK]
    if len(bids) + len(asks) != len(levels):
        strange = next(x.side for x in levels if x.side not in (_BID, _ASK))
        raise ValueError(f"side: {strange!r} is no side of a book")
    return bids, asks


def trade_row(trade: Trade, ts_init: int) -> tuple[float, ...]:
    """One row of trades."""
    if trade.side not in _AGGRESSOR:
        raise ValueError(f"side: {trade.side!r} is no side of a trade")
    taker = _AGGRESSOR[trade.side]
    return (ns(trade.time), ts_init, trade.price, trade.size, taker, trade.trade_id)


def bar_row(candle: Candle, interval_ns: int, ts_init: int) -> tuple[float, ...]:
    """One row of bars; the venue says neither quote volume, nor who took, nor how many trades."""
    opened = candle.start * NS_PER_S
    prices = (candle.open, candle.high, candle.low, candle.close)
    return (opened, opened + interval_ns, ts_init, *prices, candle.volume, 0.0, 0.0, 0)


def quote_row(ticker: Ticker, ts_event: int, ts_init: int) -> tuple[float, ...] | None:
    """One row of quotes; None if a side is not said."""
    words = (
        ticker.best_bid,
        ticker.best_bid_quantity,
        ticker.best_ask,
        ticker.best_ask_quantity,
    )
    if "" in words:
        return None
    numbers = [msgspec.convert(word, Amount, strict=False) for word in words]
    return (ts_event, ts_init, *numbers)


def decode_book(body: bytes, name: InstrumentId, ts_init: int) -> BookDeltaBatch:
    """GET /api/v3/brokerage/market/product_book: a whole book, without the stream's sequence.

    raises  Garbled
    """

    def read() -> BookDeltaBatch:
        book = _BOOK.decode(body).pricebook
        ts = ns(book.time)
        bids = [(level.price, level.size) for level in book.bids]
        asks = [(level.price, level.size) for level in book.asks]
        return BookDeltaBatch(
            ts_event=ts,
            ts_init=ts_init,
            instrument_id=name,
            snapshot=True,
            first_seq=0,
            last_seq=0,
            rows=delta_rows(bids, asks, ts, ts_init),
        )

    return readable(body, f"book of {name}", read)


def decode_trades(
    body: bytes, name: InstrumentId, since_ns: int, ts_init: int
) -> tuple[Event, ...]:
    """GET /api/v3/brokerage/market/products/{id}/ticker: trades since a time, oldest first.

    raises  Garbled
    """

    def read() -> tuple[Event, ...]:
        found = (trade_row(t, ts_init) for t in reversed(TRADES.decode(body).trades))
        rows = np.array([row for row in found if row[0] >= since_ns], TRADE)
        return _batches(TradeBatch, rows, name, ts_init)

    return readable(body, f"trades of {name}", read)


def decode_candles(
    body: bytes, name: InstrumentId, interval_ns: int, ts_init: int
) -> tuple[Event, ...]:
    """GET /api/v3/brokerage/market/products/{id}/candles: closed bars, oldest first.

    raises  Garbled
    """

    def read() -> tuple[Event, ...]:
        candles = sorted(CANDLES.decode(body).candles, key=lambda c: c.start)
        rows = [bar_row(c, interval_ns, ts_init) for c in candles]
        closed = np.array([row for row in rows if row[1] <= ts_init], BAR)
        return _batches(BarBatch, closed, name, ts_init, interval_ns=interval_ns)

    return readable(body, f"candles of {name}", read)


def _batches(
    kind: type[TradeBatch | BarBatch], rows: Rows, name: InstrumentId, ts_init: int, **more: int
) -> tuple[Event, ...]:
    if not len(rows):
        return ()
    ts = int(rows["ts_event"][-1])
    head: dict[str, Any] = {"ts_event": ts, "ts_init": ts_init, "instrument_id": name, **more}
    return (kind(**head, rows=rows),)


def readable(body: bytes, what: str, read: Callable[[], _T]) -> _T:
    """What `read` returns.

    raises  Garbled (with the body) if it cannot be read
    """
    try:
        return read()
    except (msgspec.DecodeError, ValueError, ArithmeticError, LookupError) as e:
        raise Garbled(f"{what}: {str(e).splitlines()[0]}", body) from e


def oldest_s(trades: Iterable[Trade]) -> int:
    """The second of the oldest of these trades."""
    return min(ns(trade.time) for trade in trades) // NS_PER_S
