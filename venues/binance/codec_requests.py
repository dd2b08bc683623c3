"""Our commands as REST requests of Binance spot. Pure: the signed time comes when it is signed.

docs: Spot "REST API / Trading endpoints" and "Account endpoints" (2026-09).
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from messages.base import Command, InstrumentId
from messages.orders import CancelOrder, ModifyOrder, QueryOrder, SubmitOrder
from messages.venue import (
    CancelAllAfter,
    CancelAllOrders,
    QueryAccount,
    QueryFees,
    QueryFills,
    QueryOpenOrders,
    QueryPositions,
    Request,
    SetLeverage,
    SetMarginMode,
    SubmitOrderList,
)
from trading.errors import Refused
from venues.binance.codec_names import symbol_of
from venues.binance.codec_orders import text, wire_type
from venues.wire.request import WireRequest

API: Final = "/api/v3/"
ORDER: Final = API + "order"
OPEN: Final = API + "openOrders"
ROWS_MAX: Final = 1000  # of a page of fills
AboutOrder = CancelOrder | ModifyOrder | QueryOrder
Wire = Callable[[Any], WireRequest]


class OfInstrument(Protocol):
    """A command about one instrument."""

    instrument_id: InstrumentId


def _submit(command: SubmitOrder) -> WireRequest:
    order = command.order
    if order.reduce_only:
        raise Refused("reduce_only: Binance spot has no such orders")
    params: dict[str, object] = {
        "symbol": symbol_of(order.instrument_id),
        "side": order.side.value,
        "type": wire_type(order),
        "quantity": text(order.quantity),
        "newClientOrderId": order.client_order_id,
        # ACK is the earliest answer there is; what the order did comes on the user stream.
        "newOrderRespType": "ACK",
    }
    if order.price is not None:
        params["price"] = text(order.price)
    if order.trigger_price is not None:
        params["stopPrice"] = text(order.trigger_price)
    if order.order_type.limited and not order.post_only:
        params["timeInForce"] = order.time_in_force.value
    return WireRequest(Request.SUBMIT, "POST", ORDER, params)


def about(command: AboutOrder) -> dict[str, object]:
    """Which order: by our name of it or, without one, by the venue's."""
    symbol = symbol_of(command.instrument_id)
    if command.client_order_id or command.venue_order_id is None:
        return {"symbol": symbol, "origClientOrderId": command.client_order_id}
    return {"symbol": symbol, "orderId": command.venue_order_id}


def by_order(request: Request, verb: str, path: str) -> Wire:
    """How a command is sent that says no more than which order."""

    def wire(command: AboutOrder) -> WireRequest:
        return WireRequest(request, verb, path, about(command))

    return wire


def by_symbol(request: Request, verb: str, path: str) -> Wire:
    """How a command is sent that says no more than which instrument."""

    def wire(command: OfInstrument) -> WireRequest:
        return WireRequest(request, verb, path, {"symbol": symbol_of(command.instrument_id)})

    return wire


def _modify(command: ModifyOrder) -> WireRequest:
    placed = command.placed
    if command.price is not None and (placed is None or placed.price != command.price):
        raise Refused("price: Binance spot changes quantities only; cancel, and place a new order")
    # Without an id of its own the amended order would get a new client id from the venue.
    more = {"newQty": text(command.quantity), "newClientOrderId": command.client_order_id}
    return WireRequest(
        Request.MODIFY, "PUT", API + "order/amend/keepPriority", about(command) | more
    )


def fills(command: QueryFills, path: str) -> WireRequest:
    """The first page of our fills."""
    params: dict[str, object] = {
        "symbol": symbol_of(command.instrument_id),
        "fromId": command.since_trade_id,
        "limit": ROWS_MAX,
    }
    if command.venue_order_id is not None:
        params["orderId"] = command.venue_order_id
    return WireRequest(Request.QUERY_FILLS, "GET", path, params)


def _fills(command: QueryFills) -> WireRequest:
    return fills(command, API + "myTrades")


def _account(command: QueryAccount) -> WireRequest:
    return WireRequest(Request.QUERY_ACCOUNT, "GET", API + "account")


_WIRES: Final[Mapping[type[Command], Wire]] = {
    SubmitOrder: _submit,
    CancelOrder: by_order(Request.CANCEL, "DELETE", ORDER),
    ModifyOrder: _modify,
    QueryOrder: by_order(Request.QUERY_ORDER, "GET", ORDER),
    QueryOpenOrders: by_symbol(Request.QUERY_OPEN_ORDERS, "GET", OPEN),
    QueryFills: _fills,
    QueryAccount: _account,
    QueryFees: by_symbol(Request.QUERY_FEES, "GET", API + "account/commission"),
    CancelAllOrders: by_symbol(Request.CANCEL_ALL, "DELETE", OPEN),
}
_NONE: Final[Mapping[type[Command], str]] = {
    SubmitOrderList: "several orders in one request: Binance spot has none",
    QueryPositions: "positions: Binance spot has none",
    SetLeverage: "leverage: Binance spot has none",
    SetMarginMode: "margin: Binance spot has none",
    CancelAllAfter: "a dead-man switch: Binance spot has none",
}


def request_of(command: Command) -> WireRequest:
    """The request that carries the command out.

    raises  ValueError if the instrument is not Binance's; Refused for what spot does not have
    """
    if type(command) in _NONE:
        raise Refused(_NONE[type(command)])
    return _WIRES[type(command)](command)
