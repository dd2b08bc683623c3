"""Binance spot's user data stream -> evidence.

docs: Spot "User Data Streams" (2026-09). Listen-key streams send events bare, WebSocket-API
subscriptions wrap them; the frame reader has taken the wrapper off. Everything here is exact:
text goes to Decimal in the decoder and nowhere through a float.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Final, Protocol

import msgspec

from messages.base import ClientOrderId, TradeId, VenueOrderId
from messages.orders import LiquiditySide
from messages.venue import AccountReport, Balance, FillReport, OrderReport, Source, StreamDown
from venues.binance.codec_names import Market, instrument_id, ns
from venues.binance.codec_orders import SIDE, STATUS, STOPS, TYPE, average, lookup
from venues.wire.frames import Control, Decoded, Frame, Unknown

_ZERO: Final = Decimal(0)
UserReader = Callable[[bytes | msgspec.Raw, Market, int], Frame]
# "Execution types": what happened, where `X` says how the order is now.
EXECUTION_TYPES: Final = frozenset(
    {"NEW", "CANCELED", "REPLACED", "REJECTED", "TRADE", "EXPIRED", "TRADE_PREVENTION"}
)
# On these two `c` names the request and `C` the order that it was about.
_ABOUT_ANOTHER: Final = frozenset({"CANCELED", "REPLACED"})
_NO_REASON: Final = frozenset({"", "NONE"})


class _Execution(msgspec.Struct):
    """docs: "Order Update" (executionReport)."""

    s: str
    c: str
    S: str
    o: str
    q: Decimal
    p: Decimal
    x: str
    X: str
    i: int
    z: Decimal
    T: int
    C: str | None = ""
    r: str = "NONE"
    eR: str | int = ""  # noqa: N815 - Binance's name: why it expired, on x=EXPIRED
    l: Decimal = _ZERO  # noqa: E741 - Binance's name
    L: Decimal = _ZERO
    n: Decimal | None = None
    N: str | None = None
    t: int = -1
    m: bool = False
    w: bool = False
    Z: Decimal = _ZERO


class _Asset(msgspec.Struct):
    a: str
    f: Decimal
    l: Decimal  # noqa: E741 - Binance's name


class _Position(msgspec.Struct):
    """docs: "Account Update" (outboundAccountPosition)."""

    E: int
    u: int
    B: list[_Asset]


class _Ended(msgspec.Struct):
    E: int


_EXECUTION: Final = msgspec.json.Decoder(_Execution)
_POSITION: Final = msgspec.json.Decoder(_Position)
_ENDED: Final = msgspec.json.Decoder(_Ended)


def _execution(raw: bytes | msgspec.Raw, market: Market, ts_init: int) -> Frame:
    d = _EXECUTION.decode(raw)
    if d.x not in EXECUTION_TYPES:
        return Unknown(f"executionReport:{d.x}")
    # Older servers say "null" where newer ones say "".
    named = d.C if d.x in _ABOUT_ANOTHER and d.C not in (None, "", "null") else d.c
    kind = lookup(TYPE, d.o, "o")
    report = OrderReport(
        ts_event=ns(d.T),
        ts_init=ts_init,
        client_order_id=ClientOrderId(named or ""),
        venue_order_id=VenueOrderId(str(d.i)),
        instrument_id=instrument_id(d.s, market),
        side=lookup(SIDE, d.S, "S"),
        order_type=kind,
        status=lookup(STATUS, d.X, "X"),
        quantity=d.q,
        filled_qty=d.z,
        price=d.p if d.p > 0 else None,
        avg_px=average(d.Z, d.z),
        triggered=kind in STOPS and (d.w or d.z > 0),
        source=Source.STREAM,
        reason=_reason(d),
    )
    if d.x != "TRADE":
        return Decoded(f"executionReport:{d.x}", (report,))
    return Decoded("executionReport:TRADE", (fill_of(d, report), report))


def _reason(d: _Execution) -> str:
    """Why the order ended, as far as the venue says."""
    if d.r not in _NO_REASON:
        return d.r
    if d.x == "TRADE_PREVENTION" or d.X == "EXPIRED_IN_MATCH":
        return d.X if d.X == "EXPIRED_IN_MATCH" else d.x
    return "" if d.eR in _NO_REASON else str(d.eR)


class Traded(Protocol):
    """One trade beside its order, by the names of the streams of spot and USD-M."""

    t: int
    l: Decimal  # noqa: E741 - Binance's name
    L: Decimal
    n: Decimal | None
    N: str | None
    m: bool


def fill_of(d: Traded, report: OrderReport) -> FillReport:
    """The trade that led to this report of its order."""
    return FillReport(
        ts_event=report.ts_event,
        ts_init=report.ts_init,
        client_order_id=report.client_order_id,
        venue_order_id=report.venue_order_id,
        instrument_id=report.instrument_id,
        trade_id=TradeId(str(d.t)),
        side=report.side,
        last_qty=d.l,
        last_px=d.L,
        commission=_ZERO if d.n is None else d.n,
        currency=d.N or "",
        liquidity_side=LiquiditySide.MAKER if d.m else LiquiditySide.TAKER,
        source=report.source,
    )


def _position(raw: bytes | msgspec.Raw, market: Market, ts_init: int) -> Frame:
    d = _POSITION.decode(raw)
    balances = tuple(Balance(currency=b.a, total=b.f + b.l, free=b.f, locked=b.l) for b in d.B)
    report = AccountReport(
        ts_event=ns(d.u), ts_init=ts_init, balances=balances, partial=True, source=Source.STREAM
    )
    return Decoded("outboundAccountPosition", (report,))


def ended(kind: str) -> UserReader:
    """A reader of events that say that the stream is over."""

    def read(raw: bytes | msgspec.Raw, market: Market, ts_init: int) -> Frame:
        ts = ns(_ENDED.decode(raw).E)
        return Decoded(kind, (StreamDown(ts_event=ts, ts_init=ts_init, reason=kind),))

    return read


def told(kind: str) -> UserReader:
    """A reader of events that we know and that are no evidence."""

    def read(raw: bytes | msgspec.Raw, market: Market, ts_init: int) -> Frame:
        _ENDED.decode(raw)
        return Control(kind)

    return read


USER_READERS: Final[dict[str, UserReader]] = {
    "executionReport": _execution,
    "outboundAccountPosition": _position,
    "listenKeyExpired": ended("listenKeyExpired"),
    "eventStreamTerminated": ended("eventStreamTerminated"),
    "serverShutdown": ended("serverShutdown"),
    # A deposit, withdrawal or transfer: a difference, and an outboundAccountPosition with the
    # resulting balance comes with it, which is the one that can be told as evidence.
    "balanceUpdate": told("balanceUpdate"),
    "externalLockUpdate": told("externalLockUpdate"),
    "listStatus": told("listStatus"),
}
