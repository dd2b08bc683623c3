"""Binance market streams: the payload of one frame -> rows of one stream.

Spot and USD-M share names and differ in details: a spot depth diff has no `pu` and no `T`, a spot
bookTicker has no time at all. Prices go from text to float64 in the decoder, never by way of
Python objects; nothing here is exact money.
"""

from collections.abc import Callable
from math import isfinite
from typing import Annotated, Final

import msgspec

from messages.base import InstrumentId
from messages.market import (
    BarBatch,
    BookDeltaBatch,
    FundingBatch,
    InstrumentStatus,
    LiquidationBatch,
    QuoteBatch,
    TradeBatch,
)
from trading.errors import Garbled
from venues.binance.codec_names import Market, instrument_id, ns
from venues.wire.frames import Control, Decoded
from venues.wire.piece import Piece, delta_rows

# The bounds keep "NaN" and "Infinity", which are legal text for a float, out of the arrays.
_Positive = Annotated[float, msgspec.Meta(gt=0, lt=1e300)]
_Amount = Annotated[float, msgspec.Meta(ge=0, lt=1e300)]
_Id = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
_Ms = Annotated[int, msgspec.Meta(ge=0, lt=2**43)]  # as nanoseconds it must fit an int64
_Levels = list[tuple[_Positive, _Amount]]


class _Trade(msgspec.Struct):
    """docs: Spot "WebSocket Streams / Trade Streams"; USD-M sends the same, plus `X`."""

    s: str
    p: _Amount
    q: _Amount
    T: _Ms
    m: bool  # the buyer is the maker, so the seller took
    t: _Id
    X: str = "MARKET"


class _AggTrade(msgspec.Struct):
    """docs: "Aggregate Trade Streams"."""

    s: str
    p: _Positive
    q: _Positive
    T: _Ms
    m: bool
    a: _Id


class _BookTicker(msgspec.Struct):
    """docs: "Individual Symbol Book Ticker Streams"; an empty side is 0 at 0."""

    s: str
    b: _Amount
    B: _Amount
    a: _Amount
    A: _Amount
    T: _Ms = 0


class _Depth(msgspec.Struct):
    """docs: "Diff. Depth Stream"; `pu` and `T` on USD-M only."""

    s: str
    E: _Ms
    U: _Id
    u: _Id
    b: _Levels
    a: _Levels
    pu: int = -1
    T: _Ms = 0


class _Kline(msgspec.Struct):
    t: _Ms
    T: _Ms
    o: _Positive
    h: _Positive
    l: _Positive  # noqa: E741 - Binance's name
    c: _Positive
    v: _Amount
    q: _Amount
    V: _Amount
    n: _Id
    x: bool


class _KlineEvent(msgspec.Struct):
    """docs: "Kline/Candlestick Streams for UTC"."""

    s: str
    k: _Kline


class _MarkPrice(msgspec.Struct):
    """docs: USD-M "Mark Price Stream"; `r` is "" for delivery contracts."""

    s: str
    E: _Ms
    p: _Positive
    T: _Ms
    r: str


class _Forced(msgspec.Struct):
    s: str
    S: str
    ap: _Positive
    z: _Positive
    T: _Ms


class _ForceOrder(msgspec.Struct):
    """docs: USD-M "Liquidation Order Streams": the largest of each second only."""

    o: _Forced


class _ContractInfo(msgspec.Struct):
    E: int
    s: str
    ct: str  # PERPETUAL, or a dated contract
    cs: str  # as `contractStatus` of the rules: TRADING, PENDING_TRADING, SETTLING ..


class _Snapshot(msgspec.Struct):
    """docs: "Market Data endpoints / Order book"; `E` and `T` on USD-M only."""

    lastUpdateId: _Id  # noqa: N815 - Binance's name
    bids: _Levels
    asks: _Levels
    T: _Ms = 0


def _trade(raw: bytes | msgspec.Raw, market: Market, ts_init: int) -> Piece | Control:
    d = _TRADE.decode(raw)
    if d.X != "MARKET" or d.p == 0.0 or d.q == 0.0:
        # USD-M also prints insurance fund and auto-deleveraging transfers, some of them at 0.
        return Control(f"trade:{d.X}")
    ts = ns(d.T)
    row = (ts, ts_init, d.p, d.q, -1 if d.m else 1, d.t)
    return Piece("trade", TradeBatch, instrument_id(d.s, market), ts, ts_init, row)


def _agg_trade(raw: bytes | msgspec.Raw, market: Market, ts_init: int) -> Piece | Control:
    d = _AGG_TRADE.decode(raw)
    ts = ns(d.T)
    row = (ts, ts_init, d.p, d.q, -1 if d.m else 1, d.a)
    return Piece("aggTrade", TradeBatch, instrument_id(d.s, market), ts, ts_init, row)


def _book_ticker(raw: bytes | msgspec.Raw, market: Market, ts_init: int) -> Piece | Control:
    d = _BOOK_TICKER.decode(raw)
    ts = ns(d.T) or ts_init  # spot does not say when
    row = (ts, ts_init, d.b, d.B, d.a, d.A)
    return Piece("bookTicker", QuoteBatch, instrument_id(d.s, market), ts, ts_init, row)


def _depth(raw: bytes | msgspec.Raw, market: Market, ts_init: int) -> Piece | Control:
    d = _DEPTH.decode(raw)
    ts = ns(d.T or d.E)
    name = instrument_id(d.s, market)
    return Piece("depthUpdate", BookDeltaBatch, name, ts, ts_init, (d.b, d.a), d.U, d.u, d.pu)


def _kline(raw: bytes | msgspec.Raw, market: Market, ts_init: int) -> Piece | Control:
    event = _KLINE.decode(raw)
    k = event.k
    if not k.x:
        return Control("kline_open")
    # Binance closes an interval one millisecond before the next one opens.
    ts_open, ts = ns(k.t), ns(k.T + 1)
    row = (ts_open, ts, ts_init, k.o, k.h, k.l, k.c, k.v, k.q, k.V, k.n)
    name = instrument_id(event.s, market)
    return Piece("kline", BarBatch, name, ts, ts_init, row, interval_ns=ts - ts_open)


def _mark_price(raw: bytes | msgspec.Raw, market: Market, ts_init: int) -> Piece | Control:
    d = _MARK_PRICE.decode(raw)
    if not d.r:
        return Control("markPriceUpdate:delivery")
    rate = float(d.r)
    if not isfinite(rate):
        raise ValueError(f"funding rate {d.r}: not a number")
    ts = ns(d.E)
    row = (ts, ts_init, rate, d.p, ns(d.T))
    return Piece("markPriceUpdate", FundingBatch, instrument_id(d.s, market), ts, ts_init, row)


def _force_order(raw: bytes | msgspec.Raw, market: Market, ts_init: int) -> Piece | Control:
    d = _FORCE_ORDER.decode(raw).o
    ts = ns(d.T)
    row = (ts, ts_init, d.ap, d.z, 1 if d.S == "BUY" else -1, 0)
    return Piece("forceOrder", LiquidationBatch, instrument_id(d.s, market), ts, ts_init, row)


def _contract_info(raw: bytes | msgspec.Raw, market: Market, ts_init: int) -> Decoded | Control:
    """docs: USD-M "Contract Info Stream": pushed when a contract is listed, settled or changed."""
    d = _CONTRACT_INFO.decode(raw)
    if d.ct != _PERPETUAL:
        return Control("contractInfo:delivery")
    news = InstrumentStatus(
        ts_event=ns(d.E),
        ts_init=ts_init,
        instrument_id=instrument_id(d.s, market),
        trading=d.cs == "TRADING",
        reason=d.cs,
    )
    return Decoded("contractInfo", (news,))


# Lax mode reads quoted numbers; every numeric field is typed, so nothing else gets looser.
_TRADE: Final = msgspec.json.Decoder(_Trade, strict=False)
_AGG_TRADE: Final = msgspec.json.Decoder(_AggTrade, strict=False)
_BOOK_TICKER: Final = msgspec.json.Decoder(_BookTicker, strict=False)
_DEPTH: Final = msgspec.json.Decoder(_Depth, strict=False)
_KLINE: Final = msgspec.json.Decoder(_KlineEvent, strict=False)
_MARK_PRICE: Final = msgspec.json.Decoder(_MarkPrice, strict=False)
_FORCE_ORDER: Final = msgspec.json.Decoder(_ForceOrder, strict=False)
_CONTRACT_INFO: Final = msgspec.json.Decoder(_ContractInfo, strict=False)
_SNAPSHOT: Final = msgspec.json.Decoder(_Snapshot, strict=False)
_PERPETUAL: Final = "PERPETUAL"

Reader = Callable[[bytes | msgspec.Raw, Market, int], Piece | Decoded | Control]
READERS: Final[dict[str, Reader]] = {
    "trade": _trade,
    "aggTrade": _agg_trade,
    "bookTicker": _book_ticker,
    "depthUpdate": _depth,
    "kline": _kline,
    "markPriceUpdate": _mark_price,
    "forceOrder": _force_order,
    "contractInfo": _contract_info,
}


def decode_depth_snapshot(raw: bytes, name: InstrumentId, ts_init: int) -> BookDeltaBatch:
    """The REST answer of GET /api/v3/depth or /fapi/v1/depth, which does not name its symbol.

    raises  Garbled
    """
    try:
        d = _SNAPSHOT.decode(raw)
        ts = ns(d.T) or ts_init
        return BookDeltaBatch(
            ts_event=ts,
            ts_init=ts_init,
            instrument_id=name,
            snapshot=True,
            first_seq=d.lastUpdateId,
            last_seq=d.lastUpdateId,
            rows=delta_rows(d.bids, d.asks, ts, ts_init),
        )
    except (msgspec.DecodeError, ValueError, OverflowError) as e:
        raise Garbled(f"depth snapshot of {name}: {e}", raw) from e
