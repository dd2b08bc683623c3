"""OKX's public rows -> rows of one stream. Prices go from text to float64; nothing here is money.

docs: docs-v5 "Market Data" and "Public Data", REST and WebSocket (2026-09). Quantities of swaps are
counted in contracts by OKX and in base units by us.
"""

from math import isfinite
from typing import Annotated, Final

import msgspec

from messages.market import BarBatch, FundingBatch, LiquidationBatch, QuoteBatch, TradeBatch
from venues.okx.codec_book import Row
from venues.okx.codec_names import INTERVAL_NS, instrument_id, lookup, ns
from venues.wire.piece import Piece

_TOO_LARGE: Final = 1e300  # keeps "inf" and "nan", legal texts of a float, out of the arrays
_SIDE: Final = {"buy": 1, "sell": -1}
Text = Annotated[str, msgspec.Meta(max_length=64)]


class TradeRow(msgspec.Struct, rename="camel"):
    """docs: "WS / Trades channel", "Get trades"; `side` is the taker's."""

    inst_id: str
    trade_id: str
    px: str
    sz: str
    side: str
    ts: str


class QuoteRow(msgspec.Struct):
    """docs: "WS / Order book channel", bbo-tbt; an empty side has no level."""

    asks: list[Row]
    bids: list[Row]
    ts: str


class TickerRow(msgspec.Struct, rename="camel"):
    """docs: "WS / Tickers channel"."""

    inst_id: str
    ts: str
    bid_px: str = ""
    bid_sz: str = ""
    ask_px: str = ""
    ask_sz: str = ""


class FundingRow(msgspec.Struct, rename="camel"):
    """docs: "WS / Funding rate channel"; `fundingTime` is the settlement that comes next."""

    inst_id: str
    funding_rate: str
    funding_time: str
    ts: str = ""


class MarkRow(msgspec.Struct, rename="camel"):
    """docs: "WS / Mark price channel", "Get mark price"."""

    inst_id: str
    mark_px: str
    ts: str


class _Detail(msgspec.Struct, rename="camel"):
    side: str
    sz: str
    bk_px: str
    ts: str


class LiquidationRow(msgspec.Struct, rename="camel"):
    """docs: "WS / Liquidation orders channel"."""

    inst_id: str
    details: list[_Detail]


Candle = list[Text]  # ts, o, h, l, c, vol, volCcy, volCcyQuote, confirm
_CLOSED_AT: Final = 8


def positive(text: str) -> float:
    """A price; raises ValueError for what is none."""
    found = float(text)
    if not 0 < found < _TOO_LARGE:
        raise ValueError(f"{text!r} is no price")
    return found


def amount(text: str) -> float:
    """A quantity, 0 where OKX says nothing; raises ValueError."""
    found = float(text) if text else 0.0
    if not 0 <= found < _TOO_LARGE:
        raise ValueError(f"{text!r} is no amount")
    return found


def trade(d: TradeRow, size: float, ts_init: int) -> Piece:
    """One trade."""
    ts = ns(int(d.ts))
    aggressor = lookup(_SIDE, d.side, "side")
    row = (ts, ts_init, positive(d.px), amount(d.sz) * size, aggressor, int(d.trade_id))
    return Piece("trades", TradeBatch, instrument_id(d.inst_id), ts, ts_init, row)


def quote(d: QuoteRow, symbol: str, size: float, ts_init: int) -> Piece:
    """Best bid and ask; a side without an offer is 0 at 0."""
    ts = ns(int(d.ts))
    (bid, bid_size), (ask, ask_size) = _top(d.bids, size), _top(d.asks, size)
    row = (ts, ts_init, bid, bid_size, ask, ask_size)
    return Piece("bbo-tbt", QuoteBatch, instrument_id(symbol), ts, ts_init, row)


def _top(side: list[Row], size: float) -> tuple[float, float]:
    return (amount(side[0][0]), amount(side[0][1]) * size) if side else (0.0, 0.0)


def ticker(d: TickerRow, size: float, ts_init: int) -> Piece:
    """The quote in a ticker."""
    ts = ns(int(d.ts))
    bid, ask = amount(d.bid_px), amount(d.ask_px)
    row = (ts, ts_init, bid, amount(d.bid_sz) * size, ask, amount(d.ask_sz) * size)
    return Piece("tickers", QuoteBatch, instrument_id(d.inst_id), ts, ts_init, row)


def funding(d: FundingRow, mark: float, ts: int, ts_init: int) -> Piece:
    """What is paid next, beside the mark price of `ts`."""
    rate = float(d.funding_rate)
    if not isfinite(rate):
        raise ValueError(f"funding rate {d.funding_rate}: not a number")
    row = (ts, ts_init, rate, mark, ns(int(d.funding_time)))
    return Piece("funding-rate", FundingBatch, instrument_id(d.inst_id), ts, ts_init, row)


def liquidations(d: LiquidationRow, size: float, ts_init: int) -> tuple[Piece, ...]:
    """Positions that were closed by force, at their bankruptcy price."""
    out = []
    for found in d.details:
        ts = ns(int(found.ts))
        side = lookup(_SIDE, found.side, "side")
        row = (ts, ts_init, positive(found.bk_px), amount(found.sz) * size, side, 0)
        name = instrument_id(d.inst_id)
        out.append(Piece("liquidation-orders", LiquidationBatch, name, ts, ts_init, row))
    return tuple(out)


def candle(row: Candle, symbol: str, bar: str, ts_init: int) -> Piece | None:
    """A closed bar; None while it is open.

    OKX tells neither how many trades it holds nor what part was bought: both are 0. The second
    volume is base units for swaps, quote for spot; the third is quote for both.
    """
    if len(row) <= _CLOSED_AT or row[_CLOSED_AT] != "1":
        return None
    interval_ns = lookup(INTERVAL_NS, bar, "candle")
    ts_open = ns(int(row[0]))
    ts = ts_open + interval_ns
    volume = amount(row[6] if symbol.endswith("-SWAP") else row[5])
    prices = tuple(positive(text) for text in row[1:5])
    values = (ts_open, ts, ts_init, *prices, volume, amount(row[7]), 0.0, 0)
    name = instrument_id(symbol)
    return Piece("candle", BarBatch, name, ts, ts_init, values, interval_ns=interval_ns)
