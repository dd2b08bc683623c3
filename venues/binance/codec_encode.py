"""The other direction, market data: what a Binance server would send for our messages.

For the simulator and the round-trip tests. Binance's clock ticks in milliseconds, so times are
rounded down to them. A batch of n trades, quotes or bars becomes n frames, a book batch one.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

import msgspec

from messages.arrays import Rows
from messages.market import (
    BarBatch,
    BookDeltaBatch,
    FundingBatch,
    Instrument,
    QuoteBatch,
    TradeBatch,
)
from venues.binance.codec_names import INTERVAL_NAME, Market, market_of, ms, symbol_of
from venues.binance.codec_orders import text

_encode: Final = msgspec.json.Encoder().encode
Json = dict[str, Any]
DELIVERY_MS: Final = 4133404800000  # docs: what a perpetual shows


def number(value: float) -> str:
    """The shortest decimal text that reads back as `value`, never in scientific notation."""
    short = repr(float(value))
    return format(Decimal(short), "f") if "e" in short else short


def wrap(stream: str, payload: Json) -> bytes:
    """A payload as a combined stream sends it."""
    return _encode({"stream": stream, "data": payload})


def bare(payload: Json | list[Json]) -> bytes:
    """A payload as a raw stream, or a REST answer, sends it."""
    return _encode(payload)


def ack(request_id: int | str | None) -> bytes:
    """The answer to SUBSCRIBE and UNSUBSCRIBE."""
    return _encode({"result": None, "id": request_id})


def stream_name(symbol: str, channel: str) -> str:
    """The name that a subscription uses: "btcusdt@depth@100ms"."""
    return f"{symbol.lower()}@{channel}"


def trades(batch: TradeBatch) -> list[Json]:
    """One `trade` payload per row."""
    symbol, market = symbol_of(batch.instrument_id), market_of(batch.instrument_id)
    out = []
    for row in batch.rows:
        ts = ms(int(row["ts_event"]))
        payload: Json = {
            "e": "trade",
            "E": ts,
            "s": symbol,
            "t": int(row["trade_id"]),
            "p": number(row["price"]),
            "q": number(row["size"]),
            "T": ts,
            "m": bool(row["aggressor"] < 0),
        }
        out.append(payload | ({"M": True} if market is Market.SPOT else {"X": "MARKET"}))
    return out


def book_tickers(batch: QuoteBatch, update_id: int = 0) -> list[Json]:
    """One `bookTicker` payload per row; spot's says neither its kind nor its time."""
    symbol, market = symbol_of(batch.instrument_id), market_of(batch.instrument_id)
    out = []
    for n, row in enumerate(batch.rows):
        payload: Json = {
            "u": update_id + n,
            "s": symbol,
            "b": number(row["bid_price"]),
            "B": number(row["bid_size"]),
            "a": number(row["ask_price"]),
            "A": number(row["ask_size"]),
        }
        if market is Market.USDM:
            ts = ms(int(row["ts_event"]))
            payload = {"e": "bookTicker", **payload, "T": ts, "E": ts}
        out.append(payload)
    return out


def depth_update(batch: BookDeltaBatch) -> Json:
    """One `depthUpdate` payload."""
    symbol, market = symbol_of(batch.instrument_id), market_of(batch.instrument_id)
    ts = ms(batch.ts_event)
    payload: Json = {
        "e": "depthUpdate",
        "E": ts,
        "s": symbol,
        "U": batch.first_seq,
        "u": batch.last_seq,
    }
    if market is Market.USDM:
        payload |= {"T": ts, "pu": batch.prev_seq}
    return payload | {"b": _levels(batch.rows, 1), "a": _levels(batch.rows, -1)}


def depth_snapshot(batch: BookDeltaBatch, limit: int = 5000) -> Json:
    """The answer to GET /api/v3/depth (or /fapi/v1/depth): the best `limit` levels of each side."""
    bids, asks = _levels(batch.rows, 1), _levels(batch.rows, -1)
    bids.sort(key=lambda level: -float(level[0]))
    asks.sort(key=lambda level: float(level[0]))
    payload: Json = {"lastUpdateId": batch.last_seq}
    if market_of(batch.instrument_id) is Market.USDM:
        ts = ms(batch.ts_event)
        payload |= {"E": ts, "T": ts}
    return payload | {"bids": bids[:limit], "asks": asks[:limit]}


def _levels(rows: Rows, side: int) -> list[list[str]]:
    picked = rows[rows["side"] == side]
    return [
        [number(price), number(size)]
        for price, size in zip(picked["price"].tolist(), picked["size"].tolist(), strict=True)
    ]


def klines(batch: BarBatch) -> list[Json]:
    """One closed `kline` payload per row.

    raises  ValueError if Binance has no interval of that length
    """
    name = INTERVAL_NAME.get(batch.interval_ns)
    if name is None:
        raise ValueError(f"{batch.interval_ns} ns: not an interval of Binance")
    symbol = symbol_of(batch.instrument_id)
    return [_kline(row, symbol, name) for row in batch.rows]


def _kline(row: Any, symbol: str, interval: str) -> Json:
    # Binance closes an interval one millisecond before the next one opens.
    ts_close = ms(int(row["ts_event"]))
    k: Json = {
        "t": ms(int(row["ts_open"])),
        "T": ts_close - 1,
        "s": symbol,
        "i": interval,
        "f": -1,
        "L": -1,
        "o": number(row["open"]),
        "c": number(row["close"]),
        "h": number(row["high"]),
        "l": number(row["low"]),
        "v": number(row["volume"]),
        "n": int(row["trades"]),
        "x": True,
        "q": number(row["quote_volume"]),
        "V": number(row["buy_volume"]),
        "Q": "0",
        "B": "0",
    }
    return {"e": "kline", "E": ts_close, "s": symbol, "k": k}


def mark_prices(batch: FundingBatch) -> list[Json]:
    """One `markPriceUpdate` payload per row (USD-M)."""
    symbol = symbol_of(batch.instrument_id)
    return [
        {
            "e": "markPriceUpdate",
            "E": ms(int(row["ts_event"])),
            "s": symbol,
            "p": number(row["mark_price"]),
            "i": number(row["mark_price"]),
            "P": number(row["mark_price"]),
            "r": number(row["rate"]),
            "T": ms(int(row["ts_next"])),
        }
        for row in batch.rows
    ]


def exchange_info(instruments: Iterable[Instrument], ts_ns: int) -> Json:
    """The answer to GET /api/v3/exchangeInfo (or /fapi/v1/exchangeInfo)."""
    return {
        "timezone": "UTC",
        "serverTime": ms(ts_ns),
        "rateLimits": [],
        "exchangeFilters": [],
        "symbols": [_symbol(i) for i in instruments],
    }


def _symbol(i: Instrument) -> Json:
    spot = market_of(i.instrument_id) is Market.SPOT
    tick, lot = text(i.price_increment), text(i.size_increment)
    quantities = {"minQty": text(i.min_quantity), "maxQty": text(i.max_quantity), "stepSize": lot}
    least = text(i.min_notional)
    notional = (
        {"filterType": "NOTIONAL", "minNotional": least, "applyMinToMarket": True}
        if spot
        else {"filterType": "MIN_NOTIONAL", "notional": least}
    )
    limits = {"minPrice": tick, "maxPrice": "1000000000", "tickSize": tick}
    common: Json = {
        "symbol": i.symbol,
        "status": "TRADING",
        "baseAsset": i.base,
        "quoteAsset": i.quote,
        "orderTypes": [
            *("LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT"),
            *("TAKE_PROFIT", "TAKE_PROFIT_LIMIT"),
        ],
        "amendAllowed": True,
        "isSpotTradingAllowed": spot,
        "filters": [
            {"filterType": "PRICE_FILTER", **limits},
            {"filterType": "LOT_SIZE", **quantities},
            notional,
        ],
    }
    return common if spot else common | _perpetual(i)


def _perpetual(i: Instrument) -> Json:
    """What USD-M says of a contract besides."""
    return {
        "contractType": "PERPETUAL",
        "pair": i.symbol,
        "marginAsset": i.quote,
        "deliveryDate": DELIVERY_MS,
        "onboardDate": 1569398400000,
        "underlyingType": "COIN",
        "orderTypes": [
            "LIMIT",
            "MARKET",
            "STOP",
            "STOP_MARKET",
            "TAKE_PROFIT",
            "TAKE_PROFIT_MARKET",
        ],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
    }
