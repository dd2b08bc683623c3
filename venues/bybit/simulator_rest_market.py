"""The public REST endpoints.

docs: v5 "Market" (2026-11).
"""

from collections.abc import Mapping
from typing import Any, Final

from messages.base import NS_PER_S
from messages.market import Product
from venues.bybit import simulator_encode as wire
from venues.bybit.codec_names import CATEGORY, INTERVAL_NS, ms, ns
from venues.bybit.simulator_encode import Json
from venues.bybit.simulator_errors import bad
from venues.bybit.simulator_exchange import BybitExchange
from venues.bybit.simulator_params import Sent, instrument, need, product
from venues.bybit.simulator_rest_orders import Handler, page

_NONE_OF: Final = frozenset({"inverse", "option"})  # categories that nothing is traded in here
_BARS_MAX: Final = 1000


def _limit(params: Sent, default: int, most: int) -> int:
    try:
        return max(1, min(int(params.get("limit") or default), most))
    except ValueError:
        raise bad("limit") from None


def time(exchange: BybitExchange, params: Sent) -> Json:
    """The venue's clock."""
    now_ns = exchange.now_ns()
    return {"timeSecond": str(now_ns // NS_PER_S), "timeNano": str(now_ns)}


def instruments(exchange: BybitExchange, params: Sent) -> Json:
    """What may be traded."""
    if need(params, "category") in _NONE_OF:
        return {"category": params["category"], "list": [], "nextPageCursor": ""}
    about, symbol = product(params), params.get("symbol")
    rows = [
        wire.instrument_row(i)
        for i in exchange.venue.instruments
        if i.product is about and symbol in (None, "", i.symbol)
    ]
    return page(rows, {"limit": 1000, **params}, about)


def book(exchange: BybitExchange, params: Sent) -> Json:
    """A whole book, up to a depth."""
    name = instrument(exchange, params)
    limit = _limit(params, 1 if exchange.products[name] is Product.SPOT else 25, 1000)
    sides = {side: dict(exchange.books[name].levels(side, limit)) for side in (1, -1)}
    now_ms = ms(exchange.now_ns())
    data = exchange.book_data(name, exchange.books[name].last_id, sides)
    return data | {"ts": now_ms, "cts": now_ms}


def trades(exchange: BybitExchange, params: Sent) -> Json:
    """The newest public trades, newest first."""
    name = instrument(exchange, params)
    about = exchange.products[name]
    limit = _limit(params, 60 if about is Product.SPOT else 500, 1000)
    rows = []
    for batch in list(exchange.trades[name].recent)[-limit:][::-1]:
        for row in wire.trade_rows(batch, about):
            rows.append(
                {
                    "execId": row["i"],
                    "symbol": row["s"],
                    "price": row["p"],
                    "size": row["v"],
                    "side": row["S"],
                    "time": str(row["T"]),
                    "isBlockTrade": False,
                }
            )
    return {"category": CATEGORY[about], "list": rows}


def bars(exchange: BybitExchange, params: Sent) -> Json:
    """Bars of an interval, newest first; the newest one is still open."""
    name = instrument(exchange, params)
    interval_ns = INTERVAL_NS.get(need(params, "interval"))
    if interval_ns is None:
        raise bad("interval")
    now_ns = exchange.now_ns()
    rows = exchange.trades[name].candles(interval_ns, _BARS_MAX, now_ns).rows
    start, end = (int(params.get(side) or 0) for side in ("start", "end"))
    rows = rows[(rows["ts_open"] >= ns(start)) & (rows["ts_open"] <= (ns(end) or now_ns))]
    limit = _limit(params, 200, _BARS_MAX)
    found = wire.bar_lists(rows)
    return {
        "category": CATEGORY[exchange.products[name]],
        "symbol": wire.symbol(name),
        "list": found[-limit:] if start and not end else found[:limit],
    }


def tickers(exchange: BybitExchange, params: Sent) -> Json:
    """The state of one market or of all."""
    about: Product = product(params)
    one = instrument(exchange, params) if params.get("symbol") else None
    rows: list[Any] = [
        exchange.ticker(n)
        for n, theirs in exchange.products.items()
        if theirs is about and one in (None, n)
    ]
    return {"category": CATEGORY[about], "list": rows}


ROUTES: Final[Mapping[str, Handler]] = {
    "GET /v5/market/time": time,
    "GET /v5/market/instruments-info": instruments,
    "GET /v5/market/orderbook": book,
    "GET /v5/market/recent-trade": trades,
    "GET /v5/market/kline": bars,
    "GET /v5/market/tickers": tickers,
}
