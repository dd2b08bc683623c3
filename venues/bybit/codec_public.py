"""Bybit's public REST answers -> books, trades, bars, time. A refusal inside HTTP 200 is Refused.

docs: v5 "Market": Get Bybit Server Time, Get Orderbook, Get Recent Public Trades, Get Kline.
"""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from messages.base import Event, InstrumentId
from messages.market import BarBatch, BookDeltaBatch, Instrument, TradeBatch
from trading.errors import Garbled, Refused
from venues.bybit.codec_frames import UNREADABLE
from venues.bybit.codec_instruments import Page
from venues.bybit.codec_market import AGGRESSOR, Amount, Id, Ms, Positive, trade_number
from venues.bybit.codec_names import ENVELOPE, INTERVAL_NS, Envelope, lookup, ns
from venues.wire.piece import Piece, delta_rows, join

_T = TypeVar("_T")


class _Time(msgspec.Struct, rename="camel"):
    time_nano: int


class _Book(msgspec.Struct):
    b: list[tuple[Positive, Amount]]
    a: list[tuple[Positive, Amount]]
    u: Id
    ts: Ms
    cts: Ms = 0


class _Trade(msgspec.Struct, rename="camel"):
    exec_id: str
    price: Positive
    size: Positive
    side: str
    time: Ms


class _Trades(msgspec.Struct):
    list: list[_Trade]


class _Bars(msgspec.Struct):
    """Rows of [start, open, high, low, close, volume, turnover], newest first."""

    list: list[tuple[Ms, Positive, Positive, Positive, Positive, Amount, Amount]]


def opened(body: bytes, what: str, shape: type[_T]) -> tuple[Envelope, _T]:
    """The wrapper and the result of an answer.

    raises  Garbled, Refused (with the venue's words)
    """
    try:
        envelope = ENVELOPE.decode(body)
        if envelope.ret_code != 0:
            raise Refused(f"{what}: {envelope.ret_code}: {envelope.ret_msg}")
        return envelope, msgspec.json.decode(envelope.result, type=shape, strict=False)
    except UNREADABLE as e:
        raise Garbled(f"{what}: {str(e).splitlines()[0]}", body) from e


def _guarded(what: str, body: bytes, read: Callable[[], _T]) -> _T:
    try:
        return read()
    except UNREADABLE as e:
        raise Garbled(f"{what}: {str(e).splitlines()[0]}", body) from e


def read_time(body: bytes) -> int:
    """Nanoseconds."""
    return opened(body, "time", _Time)[1].time_nano


def read_page(body: bytes) -> Page:
    """One page of instruments."""
    return opened(body, "instruments", Page)[1]


def read_book(body: bytes, name: InstrumentId, ts_init: int) -> BookDeltaBatch:
    """A whole book. Its number is that of the deepest stream, so it cannot be joined with another
    one's changes; it is for checking a book, not for repairing one."""
    _, d = opened(body, f"book of {name}", _Book)
    ts = ns(d.cts or d.ts)
    return BookDeltaBatch(
        ts_event=ts,
        ts_init=ts_init,
        instrument_id=name,
        snapshot=True,
        first_seq=d.u,
        last_seq=d.u,
        rows=delta_rows(d.b, d.a, ts, ts_init),
    )


def read_trades(
    body: bytes, instrument: Instrument, since_ns: int, ts_init: int
) -> tuple[Event, ...]:
    """The newest trades since a time, oldest first."""
    _, found = opened(body, "trades", _Trades)
    name = instrument.instrument_id

    def rows() -> list[Piece]:
        return [_print(d, name, ts_init) for d in reversed(found.list) if ns(d.time) >= since_ns]

    pieces = _guarded("trades", body, rows)
    return (join(pieces),) if pieces else ()


def _print(d: _Trade, name: InstrumentId, ts_init: int) -> Piece:
    ts = ns(d.time)
    side = lookup(AGGRESSOR, d.side, "side")
    row = (ts, ts_init, d.price, d.size, side, trade_number(d.exec_id))
    return Piece("recent-trade", TradeBatch, name, ts, ts_init, row)


def read_bars(
    body: bytes, instrument: Instrument, interval: str, ts_init: int
) -> tuple[Event, ...]:
    """Closed bars, oldest first: those that had ended when the venue answered."""
    envelope, found = opened(body, "bars", _Bars)
    length = INTERVAL_NS[interval]
    pieces = [
        Piece(
            "kline",
            BarBatch,
            instrument.instrument_id,
            ns(start) + length,
            ts_init,
            # Bybit does not say how much the buyers took, nor how many trades it were.
            (ns(start), ns(start) + length, ts_init, *prices, 0.0, 0),
            interval_ns=length,
        )
        for start, *prices in reversed(found.list)
        if ns(start) + length <= ns(envelope.time)
    ]
    return (join(pieces),) if pieces else ()
