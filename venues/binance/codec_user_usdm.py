"""Binance USD-M futures' user data stream -> evidence; one-way position mode.

docs: USD-M Futures "User Data Streams" (2026-09). TRADE_LITE says of a fill, sooner, what
ORDER_TRADE_UPDATE says with its commission; only the latter is evidence.
"""

from decimal import Decimal
from typing import Final

import msgspec

from messages.base import ClientOrderId, Event, VenueOrderId
from messages.venue import (
    AccountReport,
    Balance,
    OrderReport,
    PositionReport,
    Source,
)
from venues.binance.codec_names import Market, instrument_id, ns
from venues.binance.codec_orders import SIDE, lookup
from venues.binance.codec_usdm import BOTH, MARGIN, TYPE, USDM_STATUS, algo_status
from venues.binance.codec_user import UserReader, ended, fill_of, told
from venues.wire.frames import Decoded, Frame, Unknown

_ZERO: Final = Decimal(0)
# CALCULATED is a liquidation, which the venue prints as a fill.
_EXECUTIONS: Final = frozenset({"NEW", "CANCELED", "CALCULATED", "EXPIRED", "TRADE", "AMENDMENT"})


class _Order(msgspec.Struct):
    """docs: "Event: Order Update"."""

    s: str
    c: str
    S: str
    o: str
    q: Decimal
    p: Decimal
    ap: Decimal
    x: str
    X: str
    i: int
    z: Decimal
    T: int
    ot: str = ""
    l: Decimal = _ZERO  # noqa: E741 - Binance's name
    L: Decimal = _ZERO
    n: Decimal | None = None
    N: str | None = None
    t: int = 0
    m: bool = False
    ps: str = BOTH
    er: str | int = ""


class _OrderEvent(msgspec.Struct):
    o: _Order


class _Algo(msgspec.Struct):
    """docs: "Event: Algo Order Update"; `ai` is the order that it became."""

    caid: str
    aid: int
    s: str
    S: str
    o: str
    q: Decimal
    X: str
    p: Decimal = _ZERO
    ai: str | int = ""
    ap: Decimal = _ZERO
    aq: Decimal = _ZERO
    rm: str = ""


class _AlgoEvent(msgspec.Struct):
    T: int
    o: _Algo


class _Asset(msgspec.Struct):
    a: str
    wb: Decimal
    cw: Decimal


class _Position(msgspec.Struct):
    s: str
    pa: Decimal
    ep: Decimal
    mt: str = ""
    ps: str = BOTH


class _Account(msgspec.Struct):
    B: list[_Asset] = []
    P: list[_Position] = []


class _AccountEvent(msgspec.Struct):
    """docs: "Event: Balance and Position Update"."""

    T: int
    a: _Account


_ORDER_EVENT: Final = msgspec.json.Decoder(_OrderEvent)
_ALGO_EVENT: Final = msgspec.json.Decoder(_AlgoEvent)
_ACCOUNT_EVENT: Final = msgspec.json.Decoder(_AccountEvent)


def _order(raw: bytes | msgspec.Raw, market: Market, ts_init: int) -> Frame:
    d = _ORDER_EVENT.decode(raw).o
    if d.x not in _EXECUTIONS:
        return Unknown(f"ORDER_TRADE_UPDATE:{d.x}")
    kind = lookup(TYPE, d.ot or d.o, "ot")
    report = OrderReport(
        ts_event=ns(d.T),
        ts_init=ts_init,
        client_order_id=ClientOrderId(d.c),
        venue_order_id=VenueOrderId(str(d.i)),
        instrument_id=instrument_id(d.s, market),
        side=lookup(SIDE, d.S, "S"),
        order_type=kind,
        status=lookup(USDM_STATUS, d.X, "X"),
        quantity=d.q,
        filled_qty=d.z,
        price=d.p if d.p > 0 else None,
        avg_px=d.ap if d.ap > 0 else None,
        triggered=kind.triggered,
        source=Source.STREAM,
        reason=str(d.er) if d.X.startswith("EXPIRED") and d.er not in ("", "0", 0) else "",
    )
    name = f"ORDER_TRADE_UPDATE:{d.x}"
    return Decoded(name, (fill_of(d, report), report) if d.l > 0 else (report,))


def _algo(raw: bytes | msgspec.Raw, market: Market, ts_init: int) -> Frame:
    event = _ALGO_EVENT.decode(raw)
    d = event.o
    if d.q <= 0:  # closes a position, whatever that is: never ours
        return told("ALGO_UPDATE:closePosition")(raw, market, ts_init)
    status = algo_status(d.X, d.aq, d.q)
    report = OrderReport(
        ts_event=ns(event.T),
        ts_init=ts_init,
        client_order_id=ClientOrderId(d.caid),
        venue_order_id=VenueOrderId(str(d.ai or d.aid)),
        instrument_id=instrument_id(d.s, market),
        side=lookup(SIDE, d.S, "S"),
        order_type=lookup(TYPE, d.o, "o"),
        status=status,
        quantity=d.q,
        filled_qty=d.aq,
        price=d.p if d.p > 0 else None,
        avg_px=d.ap if d.ap > 0 else None,
        triggered=d.X in ("TRIGGERED", "FINISHED"),
        source=Source.STREAM,
        reason="" if status.open else d.rm,
    )
    return Decoded(f"ALGO_UPDATE:{d.X}", (report,))


def _account(raw: bytes | msgspec.Raw, market: Market, ts_init: int) -> Frame:
    event = _ACCOUNT_EVENT.decode(raw)
    ts = ns(event.T)
    balances = tuple(
        Balance(currency=b.a, total=b.wb, free=min(b.cw, b.wb), locked=max(b.wb - b.cw, _ZERO))
        for b in event.a.B
    )
    out: list[Event] = []
    if balances:
        out.append(
            AccountReport(
                ts_event=ts,
                ts_init=ts_init,
                balances=balances,
                partial=True,
                source=Source.STREAM,
            )
        )
    out += [
        PositionReport(
            ts_event=ts,
            ts_init=ts_init,
            instrument_id=instrument_id(p.s, market),
            quantity=p.pa,
            avg_px=p.ep,
            margin_mode=MARGIN.get(p.mt),
            source=Source.STREAM,
        )
        for p in event.a.P
        if p.ps == BOTH
    ]
    return Decoded("ACCOUNT_UPDATE", tuple(out)) if out else Unknown("ACCOUNT_UPDATE:empty")


USDM_USER_READERS: Final[dict[str, UserReader]] = {
    "ORDER_TRADE_UPDATE": _order,
    "ALGO_UPDATE": _algo,
    "ACCOUNT_UPDATE": _account,
    "listenKeyExpired": ended("listenKeyExpired"),
    "TRADE_LITE": told("TRADE_LITE"),
    "ACCOUNT_CONFIG_UPDATE": told("ACCOUNT_CONFIG_UPDATE"),
    "MARGIN_CALL": told("MARGIN_CALL"),
    "STRATEGY_UPDATE": told("STRATEGY_UPDATE"),
    "GRID_UPDATE": told("GRID_UPDATE"),
}
