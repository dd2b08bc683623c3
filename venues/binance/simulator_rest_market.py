"""The REST endpoints that everyone may ask: market data.

docs: Spot "REST API / General and Market Data endpoints" (2026-09).
"""

from collections.abc import Mapping
from typing import Final

from messages.market import TradeBatch
from venues.binance import codec_encode as market_wire
from venues.binance import codec_encode_orders as wire
from venues.binance import simulator_errors as errors
from venues.binance.codec_names import INTERVAL_NS, ms, ns
from venues.binance.simulator_exchange import BinanceExchange
from venues.binance.simulator_params import Params
from venues.binance.simulator_routes import Handler, Json, Route, instrument
from venues.serving.errors import ApiError


def _ping(exchange: BinanceExchange, params: Params) -> Json:
    params.finish()
    return {}


def _server_time(exchange: BinanceExchange, params: Params) -> Json:
    params.finish()
    return wire.server_time(exchange.now_ns())


def _depth(exchange: BinanceExchange, params: Params) -> Json:
    found, limit = instrument(exchange, params), params.limit(100, 5000)
    params.finish()
    snapshot = exchange.books[found].snapshot(limit, exchange.now_ns())
    return market_wire.depth_snapshot(snapshot, limit)


def _trades(exchange: BinanceExchange, params: Params) -> Json:
    found, limit = instrument(exchange, params), params.limit(500, 1000)
    params.finish()
    return [_trade(batch) for batch in list(exchange.trades[found].recent)[-limit:]]


def _historical_trades(exchange: BinanceExchange, params: Params) -> Json:
    """From `fromId` on, oldest first, as far as they are kept."""
    found, limit = instrument(exchange, params), params.limit(500, 1000)
    first = params.integer("fromId")
    params.finish()
    kept = exchange.trades[found].recent
    chosen = [batch for batch in kept if first is None or batch.rows["trade_id"][0] >= first]
    return [_trade(batch) for batch in (chosen[-limit:] if first is None else chosen[:limit])]


def _trade(batch: TradeBatch) -> Json:
    (row,) = market_wire.trades(batch)
    return {
        "id": row["t"],
        "price": row["p"],
        "qty": row["q"],
        "quoteQty": market_wire.number(float(row["p"]) * float(row["q"])),
        "time": row["T"],
        "isBuyerMaker": row["m"],
        "isBestMatch": True,
    }


def _agg_trades(exchange: BinanceExchange, params: Params) -> Json:
    """Each trade as an aggregate of one; only the newest ones, from `fromId` on where given."""
    found, limit = instrument(exchange, params), params.limit(500, 1000)
    first = params.integer("fromId", 0) or 0
    start_ms, end_ms = params.integer("startTime", 0), params.integer("endTime")
    params.finish()
    chosen = [
        batch
        for batch in exchange.trades[found].recent
        if (start_ms or 0) <= _ms(batch) and batch.rows["trade_id"][0] >= first
        if end_ms is None or _ms(batch) <= end_ms
    ]
    rows = (
        market_wire.trades(batch)[0]
        for batch in (chosen[:limit] if first or start_ms else chosen[-limit:])
    )
    return [
        {"a": r["t"], "f": r["t"], "l": r["t"], "M": True} | {k: r[k] for k in ("p", "q", "T", "m")}
        for r in rows
    ]


def _ms(trade: TradeBatch) -> int:
    return ms(int(trade.rows["ts_event"][0]))


def _klines(exchange: BinanceExchange, params: Params) -> Json:
    found, interval = instrument(exchange, params), params.need("interval")
    limit = params.limit(500, 1000)
    start_ms, end_ms = params.integer("startTime", 0), params.integer("endTime")
    params.finish()
    if interval not in INTERVAL_NS:
        raise ApiError(-1120, "Invalid interval.")
    now_ns, wanted = exchange.now_ns(), limit
    if start_ms:  # as many as reach back to it; the first of them are what fits
        wanted = max(1, (now_ns - ns(start_ms)) // INTERVAL_NS[interval] + 2)
    batch = exchange.trades[found].candles(INTERVAL_NS[interval], wanted, now_ns)
    rows = [payload["k"] for payload in market_wire.klines(batch)]
    columns = ("t", "o", "h", "l", "c", "v", "T", "q", "n", "V", "Q", "B")
    chosen = [
        [row[c] for c in columns]
        for row in rows
        if row["t"] >= (start_ms or 0) and (end_ms is None or row["t"] <= end_ms)
    ]
    return chosen[:limit] if start_ms else chosen[-limit:]


def _book_ticker(exchange: BinanceExchange, params: Params) -> Json:
    symbol = params.take("symbol")
    params.finish()
    chosen = [b for b in exchange.books.values() if symbol in (None, b.instrument.symbol)]
    if not chosen:
        raise errors.bad_symbol()
    rows = []
    for book in chosen:
        (bid, bid_size), (ask, ask_size) = ((*book.levels(s, 1), (0.0, 0.0))[0] for s in (1, -1))
        texts = [market_wire.number(x) for x in (bid, bid_size, ask, ask_size)]
        names = ("bidPrice", "bidQty", "askPrice", "askQty")
        rows.append({"symbol": book.instrument.symbol, **dict(zip(names, texts, strict=True))})
    return rows[0] if symbol else rows


def market_routes(root: str) -> Mapping[str, Route]:
    """The endpoints that spot and USD-M have alike, under "/api/v3" or "/fapi/v1"."""
    handlers: Mapping[str, Handler] = {
        "ping": _ping,
        "time": _server_time,
        "depth": _depth,
        "trades": _trades,
        "historicalTrades": _historical_trades,
        "aggTrades": _agg_trades,
        "klines": _klines,
        "ticker/bookTicker": _book_ticker,
    }
    return {f"GET {root}/{name}": Route(handler) for name, handler in handlers.items()}


MARKET_ROUTES: Final = market_routes("/api/v3")
