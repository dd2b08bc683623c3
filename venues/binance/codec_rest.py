"""Binance's REST answers -> evidence: one entry point, one reader per request; spot's are here.

docs: Spot "REST API / Trading endpoints", "Account endpoints", "Market Data endpoints" (2026-09).
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final, TypeVar

import msgspec
from pydantic import ValidationError

from messages.base import ClientOrderId, Event, VenueOrderId
from messages.market import Product
from messages.venue import Balance, OrderReport, Request
from trading.errors import Garbled
from venues.binance.codec_errors import decode_error, error_of
from venues.binance.codec_names import instrument_id, market_for, ns
from venues.binance.codec_orders import SIDE, STATUS, STOPS, TYPE, average, lookup
from venues.binance.codec_usdm import USDM_READERS, Trade, traded
from venues.binance.codec_user import fill_of
from venues.wire import evidence
from venues.wire.asked import Asked

_ZERO: Final = Decimal(0)
_T = TypeVar("_T")


class _Fill(msgspec.Struct):
    """Part of a FULL answer, under the streams' names: we took, for the order has just arrived."""

    t: int = msgspec.field(name="tradeId")
    l: Decimal = msgspec.field(name="qty")  # noqa: E741 - Binance's name
    L: Decimal = msgspec.field(name="price")
    n: Decimal | None = msgspec.field(name="commission")
    N: str | None = msgspec.field(name="commissionAsset")
    m: bool = False


class _Order(msgspec.Struct, rename="camel"):
    """An order in any answer; which fields come depends on the endpoint."""

    symbol: str
    order_id: int
    client_order_id: str
    orig_client_order_id: str = ""
    status: str = ""
    side: str = ""
    type: str = ""
    price: Decimal = _ZERO
    orig_qty: Decimal = _ZERO
    qty: Decimal = _ZERO  # an amended order's
    executed_qty: Decimal = _ZERO
    cummulative_quote_qty: Decimal = _ZERO  # the venue's spelling
    cumulative_quote_qty: Decimal = _ZERO  # an amended order's spelling
    transact_time: int = 0
    update_time: int = 0
    time: int = 0
    is_working: bool = False
    fills: tuple[_Fill, ...] = ()


class _Amended(msgspec.Struct, rename="camel"):
    transact_time: int
    amended_order: _Order


class _Trade(Trade):
    is_buyer: bool
    is_maker: bool


class _Balance(msgspec.Struct):
    asset: str
    free: Decimal
    locked: Decimal


class _Rates(msgspec.Struct):
    maker: Decimal
    taker: Decimal


class _Commission(msgspec.Struct, rename="camel"):
    standard_commission: _Rates


class _Account(msgspec.Struct, rename="camel"):
    balances: list[_Balance]


class _Time(msgspec.Struct, rename="camel"):
    server_time: int


class _ListenKey(msgspec.Struct, rename="camel"):
    listen_key: str


def decode_answer(
    status: int, headers: Mapping[str, str], body: bytes, asked: Asked
) -> tuple[Event, ...]:
    """The evidence in one HTTP answer: fills before the report that counts them.

    raises  Garbled (with the body) if a success is unreadable
    """
    if status != 200:
        if status < 500 and (asked.request, error_of(body)[0]) in _SO_ALREADY:
            return (evidence.done(asked),)
        return (decode_error(status, headers, body, asked),)
    readers = USDM_READERS if asked.product is Product.LINEAR else _READERS
    try:
        return readers[asked.request](body, asked)
    except (msgspec.DecodeError, ValidationError, ValueError, ArithmeticError) as e:
        raise Garbled(f"{asked.request}: {str(e).splitlines()[0]}", body) from e


def decode_server_time(body: bytes) -> int:
    """GET /api/v3/time: the venue's clock in nanoseconds; raises Garbled."""
    return ns(_one(body, _Time).server_time)


def decode_listen_key(body: bytes) -> str:
    """POST /api/v3/userDataStream: the key that names our user stream; raises Garbled."""
    return _one(body, _ListenKey).listen_key


def _one(body: bytes, shape: type[_T]) -> _T:
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.DecodeError as e:
        raise Garbled(f"{shape.__name__.strip('_')}: {e}", body) from e


def _report(d: _Order, asked: Asked, ts_event: int, name: str) -> OrderReport:
    kind = lookup(TYPE, d.type, "type")
    quote = d.cummulative_quote_qty or d.cumulative_quote_qty
    return OrderReport(
        ts_event=ts_event,
        ts_init=asked.ts_init,
        client_order_id=ClientOrderId(name),
        venue_order_id=VenueOrderId(str(d.order_id)),
        instrument_id=instrument_id(d.symbol, market_for(asked.product)),
        side=lookup(SIDE, d.side, "side"),
        order_type=kind,
        status=lookup(STATUS, d.status, "status"),
        quantity=d.qty or d.orig_qty,
        filled_qty=d.executed_qty,
        price=d.price if d.price > 0 else None,
        avg_px=average(quote, d.executed_qty),
        triggered=kind in STOPS and (d.is_working or d.executed_qty > 0),
        source=asked.source,
    )


def _submitted(body: bytes, asked: Asked) -> tuple[Event, ...]:
    d = msgspec.json.decode(body, type=_Order)
    ts = ns(d.transact_time)
    if not d.status:
        if asked.order is None:
            raise ValueError("an ACK answer needs the order that was asked for")
        # It says that the venue has the order, and not how it fared since.
        return (evidence.acknowledged(asked, asked.order, str(d.order_id), ts),)
    report = _report(d, asked, ts, d.client_order_id)
    return (*(fill_of(fill, report) for fill in d.fills), report)


def _canceled(body: bytes, asked: Asked) -> tuple[Event, ...]:
    d = msgspec.json.decode(body, type=_Order)
    # `clientOrderId` names the cancel here, `origClientOrderId` the order.
    name = d.orig_client_order_id or d.client_order_id
    return (_report(d, asked, ns(d.transact_time), name),)


def _amended(body: bytes, asked: Asked) -> tuple[Event, ...]:
    d = msgspec.json.decode(body, type=_Amended)
    order = d.amended_order
    name = order.orig_client_order_id or order.client_order_id
    return (_report(order, asked, ns(d.transact_time), name),)


def _queried(body: bytes, asked: Asked) -> tuple[Event, ...]:
    d = msgspec.json.decode(body, type=_Order)
    return (_report(d, asked, ns(d.update_time or d.time), d.client_order_id),)


def _open_orders(body: bytes, asked: Asked) -> tuple[Event, ...]:
    rows = msgspec.json.decode(body, type=list[_Order])
    orders = (_report(d, asked, ns(d.update_time or d.time), d.client_order_id) for d in rows)
    return (evidence.open_orders(asked, orders),)


def _fills(body: bytes, asked: Asked) -> tuple[Event, ...]:
    rows = msgspec.json.decode(body, type=list[_Trade])
    found = (traded(d, "BUY" if d.is_buyer else "SELL", d.is_maker, asked) for d in rows)
    return (evidence.fills(asked, found, complete=len(rows) < asked.limit),)


def _account(body: bytes, asked: Asked) -> tuple[Event, ...]:
    d = msgspec.json.decode(body, type=_Account)
    balances = (
        Balance(currency=b.asset, total=b.free + b.locked, free=b.free, locked=b.locked)
        for b in d.balances
    )
    # Its `updateTime` is the last change, which may be years ago; the view is as of now.
    return (evidence.account(asked, balances),)


def _fees(body: bytes, asked: Asked) -> tuple[Event, ...]:
    d = msgspec.json.decode(body, type=_Commission).standard_commission
    return (evidence.fees(asked, d.maker, d.taker),)


def _all_canceled(body: bytes, asked: Asked) -> tuple[Event, ...]:
    msgspec.json.decode(body, type=list[dict[str, object]])
    return (evidence.done(asked),)


_READERS: Final[dict[Request, Callable[[bytes, Asked], tuple[Event, ...]]]] = {
    Request.SUBMIT: _submitted,
    Request.CANCEL: _canceled,
    Request.MODIFY: _amended,
    Request.QUERY_ORDER: _queried,
    Request.QUERY_OPEN_ORDERS: _open_orders,
    Request.QUERY_FILLS: _fills,
    Request.QUERY_ACCOUNT: _account,
    Request.QUERY_FEES: _fees,
    Request.CANCEL_ALL: _all_canceled,
}
# Refusals that say that what was asked for is so already.
_SO_ALREADY: Final = frozenset(
    {
        (Request.CANCEL_ALL, -2011),  # nothing is open
        (Request.SET_MARGIN_MODE, -4046),  # "No need to change margin type."
    }
)
