"""Bybit's public streams: one frame -> rows of one stream.

Prices go from text to float64 in the decoder, never by way of Python objects; nothing here is
exact money. What a single frame does not say by itself (the numbering of a book across the
restarts of its service, the fields of a ticker that did not change) is kept in `Memory`, of which
each connection has its own.

docs: v5 "WebSocket Stream / Public": Orderbook, Trade, Ticker, Kline, All Liquidation.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import isfinite
from typing import Annotated, Final

import msgspec

from messages.base import InstrumentId
from messages.market import (
    BarBatch,
    BookDeltaBatch,
    FundingBatch,
    LiquidationBatch,
    Product,
    QuoteBatch,
    TradeBatch,
)
from venues.bybit.codec_names import INTERVAL_NS, instrument_id, lookup, ns
from venues.wire.frames import Control, Read
from venues.wire.piece import Levels, Piece

# The bounds keep "NaN" and "Infinity", which are legal text for a float, out of the arrays.
Positive = Annotated[float, msgspec.Meta(gt=0, lt=1e300)]
Amount = Annotated[float, msgspec.Meta(ge=0, lt=1e300)]
Id = Annotated[int, msgspec.Meta(ge=0, lt=2**62)]
Ms = Annotated[int, msgspec.Meta(ge=0, lt=2**43)]  # as nanoseconds it must fit an int64
_ID_BITS: Final = 2**63 - 1
AGGRESSOR: Final = {"Buy": 1, "Sell": -1}
# "When you receive a Buy update, this means that a long position has been liquidated": by selling.
_FORCED: Final = {"Buy": -1, "Sell": 1}
_TICKER_FIELDS: Final = (
    "bid1_price",
    "bid1_size",
    "ask1_price",
    "ask1_size",
    "mark_price",
    "funding_rate",
    "next_funding_time",
)
_QUOTE_FIELDS: Final = frozenset(_TICKER_FIELDS[:4])
_FUNDING_FIELDS: Final = frozenset(_TICKER_FIELDS[4:])


class _Depth(msgspec.Struct):
    s: str
    b: list[tuple[Positive, Amount]]
    a: list[tuple[Positive, Amount]]
    u: Id
    seq: Id = 0


class _DepthFrame(msgspec.Struct):
    topic: str
    type: str
    ts: Ms
    data: _Depth
    cts: Ms = 0  # when the matching engine made it


class _Trade(msgspec.Struct):
    T: Ms
    s: str
    S: str
    v: Positive
    p: Positive
    i: str


class _TradeFrame(msgspec.Struct):
    data: list[_Trade]


class _Kline(msgspec.Struct):
    start: Ms
    end: Ms
    interval: str
    open: Positive
    close: Positive
    high: Positive
    low: Positive
    volume: Amount
    turnover: Amount
    confirm: bool


class _KlineFrame(msgspec.Struct):
    topic: str
    data: list[_Kline]


class _Ticker(msgspec.Struct, rename="camel"):
    """All of it text: an empty one means that there is no such price now."""

    symbol: str
    bid1_price: str | None = None
    bid1_size: str | None = None
    ask1_price: str | None = None
    ask1_size: str | None = None
    mark_price: str | None = None
    funding_rate: str | None = None
    next_funding_time: str | None = None


class _TickerFrame(msgspec.Struct):
    type: str
    ts: Ms
    data: _Ticker


class _Liquidation(msgspec.Struct):
    T: Ms
    s: str
    S: str
    v: Positive
    p: Positive  # the bankruptcy price


class _LiquidationFrame(msgspec.Struct):
    data: list[_Liquidation]


@dataclass(slots=True)
class _Numbers:
    """The numbering of one book on one connection."""

    last: int = -1  # the `u` of the frame before
    shift: int = 0  # what is added to `u`, so that numbers never go back


@dataclass(slots=True)
class Memory:
    """What one connection must remember between frames.

    books    numbering by topic
    tops     best levels by symbol: [bid price, bid size, ask price, ask size]
    tickers  fields by symbol, as last said
    """

    product: Product
    books: dict[str, _Numbers] = field(default_factory=dict)
    tops: dict[str, list[float]] = field(default_factory=dict)
    tickers: dict[str, dict[str, str]] = field(default_factory=dict)


def trade_number(text: str) -> int:
    """A trade's id as a number: spot counts, contracts have UUIDs, of which 63 bits are kept.

    The same in the stream and over REST, so that a back-fill finds what it has already.
    """
    return (int(text) if text.isdecimal() else int(text.replace("-", ""), 16)) & _ID_BITS


def _depth(raw: bytes, memory: Memory, ts_init: int) -> Read:
    """A book, or (depth 1) the top of one.

    docs: "u=1 ... due to the restart of the service: please overwrite your local orderbook"; so
    its number may fall. Numbers given out here never do: a snapshot that goes back to fewer than
    were given out counts on from there, and what follows it is shifted likewise.
    """
    frame = _DEPTH.decode(raw)
    d = frame.data
    if frame.topic.startswith("orderbook.1."):
        return _top(frame, memory, ts_init)
    ts = ns(frame.cts or frame.ts)
    numbers = memory.books.setdefault(frame.topic, _Numbers())
    snapshot = frame.type == "snapshot" or d.u == 1
    if snapshot and d.u < numbers.last:
        numbers.shift += numbers.last + 1 - d.u
    numbers.last = d.u if snapshot else max(d.u, numbers.last)
    seq = d.u + numbers.shift
    return Piece(
        "orderbook",
        BookDeltaBatch,
        instrument_id(d.s, memory.product),
        ts,
        ts_init,
        (d.b, d.a),
        seq,
        seq,
        snapshot=snapshot,
    )


def _top(frame: _DepthFrame, memory: Memory, ts_init: int) -> Read:
    """docs: depth 1 is pushed whole; a delta, where one comes, names the side that changed."""
    d = frame.data
    top = memory.tops.setdefault(d.s, [0.0, 0.0, 0.0, 0.0])
    if frame.type == "snapshot":
        top[:] = 0.0, 0.0, 0.0, 0.0
    for at, levels in ((0, d.b), (2, d.a)):
        _side(top, at, levels)
    ts = ns(frame.cts or frame.ts)
    row = (ts, ts_init, *top)
    return Piece("orderbook.1", QuoteBatch, instrument_id(d.s, memory.product), ts, ts_init, row)


def _side(top: list[float], at: int, levels: Levels) -> None:
    """The level of one side: the new one replaces the old one, which comes with size 0."""
    for price, size in levels:
        if size > 0.0:
            top[at : at + 2] = price, size
        elif top[at] == price:
            top[at : at + 2] = 0.0, 0.0


def _trade(raw: bytes, memory: Memory, ts_init: int) -> Read:
    rows = _TRADE.decode(raw).data
    if not rows:
        return Control("publicTrade:empty")
    return tuple(_print(d, memory.product, ts_init) for d in rows)


def _print(d: _Trade, product: Product, ts_init: int) -> Piece:
    ts = ns(d.T)
    row = (ts, ts_init, d.p, d.v, lookup(AGGRESSOR, d.S, "S"), trade_number(d.i))
    return Piece("publicTrade", TradeBatch, instrument_id(d.s, product), ts, ts_init, row)


def _kline(raw: bytes, memory: Memory, ts_init: int) -> Read:
    frame = _KLINE.decode(raw)
    # "kline.{interval}.{symbol}": the rows do not say whose they are.
    name = instrument_id(frame.topic.split(".", 2)[2], memory.product)
    pieces = tuple(_bar(k, name, ts_init) for k in frame.data if k.confirm)
    return pieces or Control("kline_open")


def _bar(k: _Kline, name: InstrumentId, ts_init: int) -> Piece:
    length = lookup(INTERVAL_NS, k.interval, "interval")
    ts_open = ns(k.start)
    ts = ts_open + length
    # Bybit does not say how much the buyers took, nor how many trades it were.
    row = (ts_open, ts, ts_init, k.open, k.high, k.low, k.close, k.volume, k.turnover, 0.0, 0)
    return Piece("kline", BarBatch, name, ts, ts_init, row, interval_ns=length)


def _ticker(raw: bytes, memory: Memory, ts_init: int) -> Read:
    """docs: contracts send a snapshot and then only what changed; spot always sends everything,
    which is no quote and no mark price. A quote comes from here only while nobody hears depth 1 of
    the symbol, which is ten times as fast."""
    frame = _TICKER.decode(raw)
    d = frame.data
    said = {name: text for name in _TICKER_FIELDS if (text := getattr(d, name)) is not None}
    known = memory.tickers.setdefault(d.symbol, {})
    if frame.type == "snapshot":
        known.clear()
    known.update(said)
    ts = ns(frame.ts)
    name = instrument_id(d.symbol, memory.product)
    pieces = []
    if (
        said.keys() & _QUOTE_FIELDS
        and known.keys() >= _QUOTE_FIELDS
        and d.symbol not in memory.tops
    ):
        row = (ts, ts_init, *(_real(known[field]) for field in _TICKER_FIELDS[:4]))
        pieces.append(Piece("tickers", QuoteBatch, name, ts, ts_init, row))
    if said.keys() & _FUNDING_FIELDS and known.get("mark_price") and known.get("funding_rate"):
        # A dated future has a mark price and no funding.
        rate, due = _real(known["funding_rate"]), ns(known.get("next_funding_time", ""))
        funding = (ts, ts_init, rate, _real(known["mark_price"]), due)
        pieces.append(Piece("tickers", FundingBatch, name, ts, ts_init, funding))
    return tuple(pieces) or Control("tickers:other")


def _real(text: str) -> float:
    found = float(text or 0)
    if not isfinite(found):
        raise ValueError(f"{text!r}: not a number")
    return found


def _liquidation(raw: bytes, memory: Memory, ts_init: int) -> Read:
    rows = _LIQUIDATION.decode(raw).data
    return tuple(_forced(d, memory.product, ts_init) for d in rows) or Control("liquidation:empty")


def _forced(d: _Liquidation, product: Product, ts_init: int) -> Piece:
    ts = ns(d.T)
    row = (ts, ts_init, d.p, d.v, lookup(_FORCED, d.S, "S"), 0)
    return Piece("allLiquidation", LiquidationBatch, instrument_id(d.s, product), ts, ts_init, row)


# Lax mode reads quoted numbers; every numeric field is typed, so nothing else gets looser.
_DEPTH: Final = msgspec.json.Decoder(_DepthFrame, strict=False)
_TRADE: Final = msgspec.json.Decoder(_TradeFrame, strict=False)
_KLINE: Final = msgspec.json.Decoder(_KlineFrame, strict=False)
_TICKER: Final = msgspec.json.Decoder(_TickerFrame)
_LIQUIDATION: Final = msgspec.json.Decoder(_LiquidationFrame, strict=False)

Reader = Callable[[bytes, Memory, int], Read]
READERS: Final[dict[str, Reader]] = {
    "orderbook": _depth,
    "publicTrade": _trade,
    "kline": _kline,
    "tickers": _ticker,
    "allLiquidation": _liquidation,
}
