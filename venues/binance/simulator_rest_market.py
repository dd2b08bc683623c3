"""The REST endpoints that everyone may ask: market data.

docs: Spot "REST API / General and Market Data endpoints" (2026-09).
"""

from collections.abc import Mapping
from typing import Final

from venues.binance import codec_encode as market_wire
from venues.binance import codec_encode_orders as wire
from venues.binance import simulator_errors as errors
from venues.binance.codec_names import INTERVAL_NS
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
    return _printed([market_wire.trades(b)[0] for b in exchange.trades[found].recent][-limit:])


def _old_trades(exchange: BinanceExchange, params: Params) -> Json:
    found, limit = instrument(exchange, params), params.limit(500, 1000)
    first = params.integer("fromId")
    params.finish()
    rows = [market_wire.trades(b)[0] for b in exchange.trades[found].recent]
    if first is None:
        return _printed(rows[-limit:])
    return _printed([row for row in rows if row["t"] >= first][:limit])


def _printed(rows: list[Json]) -> Json:
    return [
        {
            "id": row["t"],
            "price": row["p"],
            "qty": row["q"],
            "quoteQty": market_wire.number(float(row["p"]) * float(row["q"])),
            "time": row["T"],
            "isBuyerMaker": row["m"],
            "isBestMatch": True,
        }
        for row in rows
    ]


def _agg_trades(exchange: BinanceExchange, params: Params) -> Json:
    """Each trade as an aggregate of one; only the newest ones, from `fromId` on where given."""
    found, limit = instrument(exchange, params), params.limit(500, 1000)
    first = params.integer("fromId", 0) or 0
    start_ms, end_ms = params.integer("startTime", 0), params.integer("endTime")
    params.finish()
    rows = [market_wire.trades(b)[0] for b in exchange.trades[found].recent]
    rows = [r for r in rows if (start_ms or 0) <= r["T"] <= (end_ms or r["T"]) and r["t"] >= first]
    chosen = rows[:limit] if first or start_ms else rows[-limit:]
    return [
        {"a": r["t"], "f": r["t"], "l": r["t"], "M": True} | {k: r[k] for k in ("p", "q", "T", "m")}
        for r in chosen
    ]


def _klines(exchange: BinanceExchange, params: Params) -> Json:
    found, interval = instrument(exchange, params), params.need("interval")
    limit = params.limit(500, 1000)
    start_ms, end_ms = params.integer("startTime", 0), params.integer("endTime")
    params.finish()
    if interval not in INTERVAL_NS:
        raise ApiError(-1120, "Invalid interval.")
    batch = exchange.trades[found].candles(INTERVAL_NS[interval], limit, exchange.now_ns())
    rows = [payload["k"] for payload in market_wire.klines(batch)]
    columns = ("t", "o", "h", "l", "c", "v", "T", "q", "n", "V", "Q", "B")
    return [
        [row[c] for c in columns]
        for row in rows
        if row["t"] >= (start_ms or 0) and (end_ms is None or row["t"] <= end_ms)
    ]


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
        "historicalTrades": _old_trades,
        "aggTrades": _agg_trades,
        "klines": _klines,
        "ticker/bookTicker": _book_ticker,
    }
    return {f"GET {root}/{name}": Route(handler) for name, handler in handlers.items()}


MARKET_ROUTES: Final = market_routes("/api/v3")
