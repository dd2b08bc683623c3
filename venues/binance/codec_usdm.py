"""Binance USD-M futures' REST answers -> evidence.

One-way position mode: rows of hedge mode's LONG and SHORT sides are not ours. An order is one of
the matching engine (`orderId`) or, until it triggers, of the Algo Service (`algoId`), whose answers
name the order that it became (`actualOrderId`).

docs: USD-M Futures "Trade / REST API" and "Account / REST API" (2026-09).
"""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Final

import msgspec

from messages.base import ClientOrderId, Event, TradeId, VenueOrderId
from messages.orders import LiquiditySide, OrderSpec, OrderType
from messages.venue import (
    Balance,
    FillReport,
    MarginMode,
    OrderListReport,
    OrderNotFound,
    OrderReport,
    PositionReport,
    Request,
    RequestFailed,
    RequestRefused,
    VenueStatus,
)
from venues.binance.codec_errors import decode_error
from venues.binance.codec_names import Market, instrument_id, market_for, ns
from venues.binance.codec_orders import SIDE, STATUS, lookup
from venues.wire import evidence
from venues.wire.asked import Asked

_ZERO: Final = Decimal(0)
BOTH: Final = "BOTH"
# docs: "Public Endpoints Info / Order types". STOP and TAKE_PROFIT have a limit price here.
TYPE: Final[dict[str, OrderType]] = {
    "MARKET": OrderType.MARKET,
    "LIMIT": OrderType.LIMIT,
    "STOP": OrderType.STOP_LIMIT,
    "STOP_MARKET": OrderType.STOP_MARKET,
    "TAKE_PROFIT": OrderType.LIMIT_IF_TOUCHED,
    "TAKE_PROFIT_MARKET": OrderType.MARKET_IF_TOUCHED,
    "TRAILING_STOP_MARKET": OrderType.STOP_MARKET,
    "LIQUIDATION": OrderType.MARKET,
}
USDM_STATUS: Final = STATUS | {
    "NEW_INSURANCE": VenueStatus.NEW,  # of a liquidation
    "NEW_ADL": VenueStatus.NEW,
    "EXPIRED_IN_MATCH": VenueStatus.EXPIRED,
}
MARGIN: Final[dict[str, MarginMode]] = {
    "cross": MarginMode.CROSS,
    "isolated": MarginMode.ISOLATED,
}


class _Order(msgspec.Struct, rename="camel"):
    """An order of the matching engine."""

    symbol: str = ""
    order_id: int = 0
    client_order_id: str = ""
    status: str = ""
    side: str = ""
    type: str = ""
    orig_type: str = ""
    price: Decimal = _ZERO
    avg_price: Decimal = _ZERO
    orig_qty: Decimal = _ZERO
    executed_qty: Decimal = _ZERO
    update_time: int = 0
    time: int = 0
    code: int = 0
    msg: str = ""


class Algo(msgspec.Struct, rename="camel"):
    """An order of the Algo Service."""

    algo_id: int = 0
    client_algo_id: str = ""
    symbol: str = ""
    side: str = ""
    type: str = ""
    order_type: str = ""
    algo_status: str = ""
    quantity: Decimal = _ZERO
    price: Decimal | None = None
    actual_order_id: str | int = ""
    update_time: int = 0
    create_time: int = 0


class Trade(msgspec.Struct, rename="camel"):
    """What spot and USD-M both tell of one of our trades."""

    symbol: str
    id: int
    order_id: int
    price: Decimal
    qty: Decimal
    commission: Decimal
    commission_asset: str
    time: int


class _Trade(Trade):
    side: str
    maker: bool


class _Asset(msgspec.Struct, rename="camel"):
    asset: str
    balance: Decimal
    available_balance: Decimal
    update_time: int = 0


class _Position(msgspec.Struct, rename="camel"):
    symbol: str
    position_amt: Decimal
    entry_price: Decimal
    liquidation_price: Decimal = _ZERO
    position_side: str = BOTH
    leverage: Decimal = _ZERO  # v2 only
    margin_type: str = ""  # v2 only
    update_time: int = 0


class _Rates(msgspec.Struct, rename="camel"):
    maker_commission_rate: Decimal
    taker_commission_rate: Decimal


class _Kind(msgspec.Struct, rename="camel"):
    algo_id: int | None = None
    code: int | str | None = None


def algo_status(word: str, filled: Decimal, quantity: Decimal) -> VenueStatus:
    """How an order of the Algo Service is. docs: "Event: Algo Order Update / Algo Status"."""
    if word in ("NEW", "TRIGGERING", "TRIGGERED"):
        return VenueStatus.PARTIALLY_FILLED if filled > 0 else VenueStatus.NEW
    if word == "FINISHED":
        return VenueStatus.FILLED if filled >= quantity else VenueStatus.CANCELED
    return lookup(STATUS, word, "algoStatus")


def _order(d: _Order, asked: Asked) -> OrderReport:
    kind = lookup(TYPE, d.orig_type or d.type, "type")
    return OrderReport(
        ts_event=ns(d.update_time or d.time),
        ts_init=asked.ts_init,
        # Asked by our name, it is ours by that name, whatever the engine calls it.
        client_order_id=asked.client_order_id or ClientOrderId(d.client_order_id),
        venue_order_id=VenueOrderId(str(d.order_id)),
        instrument_id=instrument_id(d.symbol, Market.USDM),
        side=lookup(SIDE, d.side, "side"),
        order_type=kind,
        status=lookup(USDM_STATUS, d.status, "status"),
        quantity=d.orig_qty,
        filled_qty=d.executed_qty,
        price=d.price if d.price > 0 else None,
        avg_px=d.avg_price if d.avg_price > 0 else None,
        triggered=kind.triggered,  # it is in the engine only once it has triggered
        source=asked.source,
    )


def _algo(d: Algo, asked: Asked) -> OrderReport:
    return OrderReport(
        ts_event=ns(d.update_time or d.create_time),
        ts_init=asked.ts_init,
        client_order_id=ClientOrderId(d.client_algo_id),
        venue_order_id=VenueOrderId(str(d.actual_order_id or d.algo_id)),
        instrument_id=instrument_id(d.symbol, Market.USDM),
        side=lookup(SIDE, d.side, "side"),
        order_type=lookup(TYPE, d.order_type or d.type, "orderType"),
        status=algo_status(d.algo_status, _ZERO, d.quantity),
        quantity=d.quantity,
        filled_qty=_ZERO,
        price=d.price if d.price is not None and d.price > 0 else None,
        triggered=d.algo_status in ("TRIGGERED", "FINISHED"),
        source=asked.source,
    )


def is_algo(body: bytes) -> bool:
    """Whether an answer is the Algo Service's; of a list, by its first row."""
    head = body.lstrip()[:1]
    if head == b"[":
        rows = msgspec.json.decode(body, type=list[_Kind])
        return bool(rows) and rows[0].algo_id is not None
    return msgspec.json.decode(body, type=_Kind).algo_id is not None


def _one(body: bytes, asked: Asked) -> tuple[Event, ...]:
    if is_algo(body):
        return (_algo(msgspec.json.decode(body, type=Algo), asked),)
    return (_order(msgspec.json.decode(body, type=_Order), asked),)


def _canceled(body: bytes, asked: Asked) -> tuple[Event, ...]:
    # The Algo Service says no more than "success".
    return _done(body, asked) if is_algo(body) else _one(body, asked)


def _listed(body: bytes, asked: Asked) -> tuple[Event, ...]:
    rows = msgspec.json.decode(body, type=list[_Order])
    orders: tuple[OrderSpec, ...] = getattr(asked.command, "orders", ())
    answers: list[OrderReport | RequestRefused | RequestFailed] = []
    for d, order in zip(rows, orders, strict=True):
        if d.code:
            error = msgspec.json.encode({"code": d.code, "msg": d.msg})
            one = replace(asked, client_order_id=order.client_order_id)
            refusal = decode_error(400, {}, error, one)
            assert not isinstance(refusal, OrderNotFound), "that is an answer to a question"
            answers.append(refusal)
        else:
            answers.append(_order(d, asked))
    return (
        OrderListReport(ts_event=asked.ts_event, ts_init=asked.ts_init, answers=tuple(answers)),
    )


def _open_orders(body: bytes, asked: Asked) -> tuple[Event, ...]:
    if is_algo(body):
        # Those that close a position have no quantity of their own, and are never ours.
        algos = msgspec.json.decode(body, type=list[Algo])
        orders = tuple(_algo(d, asked) for d in algos if d.quantity > 0)
    else:
        orders = tuple(_order(d, asked) for d in msgspec.json.decode(body, type=list[_Order]))
    return (evidence.open_orders(asked, orders),)


def _fills(body: bytes, asked: Asked) -> tuple[Event, ...]:
    rows = msgspec.json.decode(body, type=list[_Trade])
    found = (traded(d, d.side, d.maker, asked) for d in rows)
    return (evidence.fills(asked, found, complete=len(rows) < asked.limit),)


def traded(d: Trade, side: str, maker: bool, asked: Asked) -> FillReport:
    """One of our trades."""
    return FillReport(
        ts_event=ns(d.time),
        ts_init=asked.ts_init,
        # A trade names its order by number only; the name is known if we asked for one order's.
        client_order_id=asked.client_order_id,
        venue_order_id=VenueOrderId(str(d.order_id)),
        instrument_id=instrument_id(d.symbol, market_for(asked.product)),
        trade_id=TradeId(str(d.id)),
        side=lookup(SIDE, side, "side"),
        last_qty=d.qty,
        last_px=d.price,
        commission=d.commission,
        currency=d.commission_asset,
        liquidity_side=LiquiditySide.MAKER if maker else LiquiditySide.TAKER,
        source=asked.source,
    )


def _account(body: bytes, asked: Asked) -> tuple[Event, ...]:
    rows = msgspec.json.decode(body, type=list[_Asset])
    found = []
    for d in rows:
        free = max(min(d.available_balance, d.balance), _ZERO)  # open profit is not in `balance`
        locked = max(d.balance - free, _ZERO)
        found.append(Balance(currency=d.asset, total=d.balance, free=free, locked=locked))
    return (evidence.account(asked, found),)


def _positions(body: bytes, asked: Asked) -> tuple[Event, ...]:
    rows = msgspec.json.decode(body, type=list[_Position])
    ours = (d for d in rows if d.position_side == BOTH and d.position_amt)
    found = tuple(
        PositionReport(
            ts_event=ns(d.update_time) or asked.ts_event,
            ts_init=asked.ts_init,
            instrument_id=instrument_id(d.symbol, Market.USDM),
            quantity=d.position_amt,
            avg_px=d.entry_price,
            leverage=d.leverage,
            margin_mode=MARGIN.get(d.margin_type),
            liquidation_px=d.liquidation_price,
            source=asked.source,
        )
        for d in ours
    )
    return (evidence.positions(asked, found),)


def _fees(body: bytes, asked: Asked) -> tuple[Event, ...]:
    d = msgspec.json.decode(body, type=_Rates)
    return (evidence.fees(asked, d.maker_commission_rate, d.taker_commission_rate),)


def _done(body: bytes, asked: Asked) -> tuple[Event, ...]:
    msgspec.json.decode(body, type=dict)
    return (evidence.done(asked),)


USDM_READERS: Final[dict[Request, Callable[[bytes, Asked], tuple[Event, ...]]]] = {
    Request.SUBMIT: _one,
    Request.SUBMIT_LIST: _listed,
    Request.CANCEL: _canceled,
    Request.MODIFY: _one,
    Request.QUERY_ORDER: _one,
    Request.QUERY_OPEN_ORDERS: _open_orders,
    Request.QUERY_FILLS: _fills,
    Request.QUERY_ACCOUNT: _account,
    Request.QUERY_POSITIONS: _positions,
    Request.QUERY_FEES: _fees,
    Request.CANCEL_ALL: _done,
    Request.CANCEL_ALL_AFTER: _done,
    Request.SET_LEVERAGE: _done,
    Request.SET_MARGIN_MODE: _done,
}
