"""Binance's public history: pages of trades and klines, and where the next one is.

Spot's trade ids are those of its trade stream: the newest thousand come without an id, older ones
by the id that they begin with. USD-M has no such stream among those documented, so there aggregate
trades are used, on the stream and here.

docs: Spot "Market Data endpoints" and USD-M "Market Data / REST API" (2026-09).
"""

from dataclasses import replace
from typing import Any, Final

import msgspec
import numpy as np

from messages.arrays import BAR, TRADE
from messages.base import NS_PER_MS, Event
from messages.market import BarBatch, Instrument, TradeBatch
from trading.errors import Garbled
from venues.binance.codec_names import INTERVAL_NAME, INTERVAL_NS, Market, ms, ns, symbol_of
from venues.wire.request import Answer, WireRequest

ROOT: Final = {Market.SPOT: "/api/v3/", Market.USDM: "/fapi/v1/"}
ROWS_MAX: Final = 1000


class _Trade(msgspec.Struct, rename="camel"):
    id: int
    price: float
    qty: float
    time: int
    is_buyer_maker: bool


class _AggTrade(msgspec.Struct):
    a: int
    p: float
    q: float
    T: int
    m: bool


# [open time, o, h, l, c, volume, close time, quote volume, trades, taker's buy volume, ...]
_Kline = tuple[int, float, float, float, float, float, int, float, int, float, float, float]
_TRADES: Final = msgspec.json.Decoder(list[_Trade], strict=False)
_AGG_TRADES: Final = msgspec.json.Decoder(list[_AggTrade], strict=False)
_KLINES: Final = msgspec.json.Decoder(list[_Kline], strict=False)
_UNREADABLE: Final = (msgspec.DecodeError, ValueError, OverflowError)


def ask_trades(symbol: str, market: Market, since_ns: int) -> WireRequest:
    """The first page of trades: spot's newest, USD-M's oldest."""
    params: dict[str, object] = {"symbol": symbol, "limit": ROWS_MAX}
    if market is Market.SPOT:
        return WireRequest(None, "GET", ROOT[market] + "trades", params, since_ns)
    params["startTime"] = ms(since_ns)
    return WireRequest(None, "GET", ROOT[market] + "aggTrades", params, since_ns)


def ask_bars(symbol: str, market: Market, interval_ns: int, since_ns: int) -> WireRequest:
    """The first page of klines, oldest first.

    raises  ValueError if Binance has no interval of that length
    """
    name = INTERVAL_NAME.get(interval_ns)
    if name is None:
        raise ValueError(f"{interval_ns} ns: not an interval of Binance")
    params: dict[str, object] = {
        "symbol": symbol,
        "interval": name,
        "startTime": -(-since_ns // NS_PER_MS),
        "limit": ROWS_MAX,
    }
    return WireRequest(None, "GET", ROOT[market] + "klines", params, since_ns)


def next_page(wire: WireRequest, answer: Answer) -> WireRequest | None:
    """The request for the rest of a history; raises Garbled."""
    try:
        if wire.path.endswith("/klines"):
            bars = _KLINES.decode(answer.body)
            return _more(wire, {"startTime": bars[-1][6] + 1}) if _full(bars) else None
        if wire.path.endswith("/aggTrades"):
            parts = _AGG_TRADES.decode(answer.body)
            params = {k: v for k, v in wire.params.items() if k != "startTime"}
            onwards = replace(wire, params=params)
            return _more(onwards, {"fromId": parts[-1].a + 1}) if _full(parts) else None
        rows = _TRADES.decode(answer.body)
    except _UNREADABLE as e:
        raise Garbled(f"{wire.path}: {e}", answer.body) from e
    first = wire.params.get("fromId") == 0 or not rows or rows[0].id == 0
    if first or ns(rows[0].time) < wire.since_ns:
        return None
    older = replace(wire, path=wire.path.rpartition("/")[0] + "/historicalTrades")
    return _more(older, {"fromId": max(rows[0].id - ROWS_MAX, 0)})


def _full(rows: list[_Kline] | list[_AggTrade]) -> bool:
    return len(rows) >= ROWS_MAX


def _more(wire: WireRequest, params: dict[str, object]) -> WireRequest:
    return replace(wire, params={**wire.params, **params})


def read(body: bytes, wire: WireRequest, instrument: Instrument, ts_init: int) -> tuple[Event, ...]:
    """One page as one batch, oldest row first; () for an empty one. raises Garbled"""
    if symbol_of(instrument.instrument_id) != wire.params["symbol"]:
        raise ValueError(f"{instrument.instrument_id}: not what {wire.params} asked for")
    try:
        bars = wire.path.endswith("/klines")
        batch = _bars(body, wire, ts_init) if bars else _trades(body, wire, ts_init)
    except _UNREADABLE as e:
        raise Garbled(f"{wire.path}: {e}", body) from e
    if not len(batch):
        return ()
    head: dict[str, Any] = {
        "ts_event": int(batch["ts_event"][-1]),
        "ts_init": ts_init,
        "instrument_id": instrument.instrument_id,
        "rows": batch,
    }
    if bars:
        return (BarBatch(**head, interval_ns=INTERVAL_NS[str(wire.params["interval"])]),)
    return (TradeBatch(**head),)


def _trades(
    body: bytes, wire: WireRequest, ts_init: int
) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    if wire.path.endswith("/aggTrades"):
        rows = [
            (ns(d.T), ts_init, d.p, d.q, -1 if d.m else 1, d.a) for d in _AGG_TRADES.decode(body)
        ]
    else:
        rows = [
            (ns(d.time), ts_init, d.price, d.qty, -1 if d.is_buyer_maker else 1, d.id)
            for d in _TRADES.decode(body)
        ]
    return np.array(rows, TRADE)


def _bars(
    body: bytes, wire: WireRequest, ts_init: int
) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    rows = [
        # Binance closes an interval one millisecond before the next one opens.
        (ns(k[0]), ns(k[6] + 1), ts_init, *k[1:6], k[7], k[9], k[8])
        for k in _KLINES.decode(body)
        if ns(k[6] + 1) <= ts_init
    ]
    return np.array(rows, BAR)
