"""Our commands as Binance spot's REST requests. Pure: the signed time is an argument.

docs: Spot "REST API / Trading endpoints" and "Account endpoints" (2026-09).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from messages.base import Command
from messages.orders import CancelOrder, ModifyOrder, QueryOrder, SubmitOrder
from messages.venue import QueryAccount, QueryFills, QueryOpenOrders, Request
from venues.binance.codec_names import symbol_of
from venues.binance.codec_orders import text, wire_type

FILLS_LIMIT: Final = 1000
GatewayCommand = (
    SubmitOrder
    | CancelOrder
    | ModifyOrder
    | QueryOrder
    | QueryOpenOrders
    | QueryFills
    | QueryAccount
)


@dataclass(frozen=True, slots=True)
class Wire:
    """One request before it is signed."""

    request: Request
    method: str
    path: str
    params: Mapping[str, object]


def _submit(command: SubmitOrder) -> Wire:
    order = command.order
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
    return Wire(Request.SUBMIT, "POST", "order", params)


def _about(command: CancelOrder | ModifyOrder | QueryOrder) -> dict[str, object]:
    return {
        "symbol": symbol_of(command.instrument_id),
        "origClientOrderId": command.client_order_id,
    }


def _cancel(command: CancelOrder) -> Wire:
    return Wire(Request.CANCEL, "DELETE", "order", _about(command))


def _modify(command: ModifyOrder) -> Wire:
    params = _about(command) | {"newQty": text(command.quantity)}
    # Without an id of its own the amended order would get a new client id from the venue.
    params["newClientOrderId"] = command.client_order_id
    return Wire(Request.MODIFY, "PUT", "order/amend/keepPriority", params)


def _query(command: QueryOrder) -> Wire:
    return Wire(Request.QUERY_ORDER, "GET", "order", _about(command))


def _open_orders(command: QueryOpenOrders) -> Wire:
    params = {"symbol": symbol_of(command.instrument_id)}
    return Wire(Request.QUERY_OPEN_ORDERS, "GET", "openOrders", params)


def _fills(command: QueryFills) -> Wire:
    params: dict[str, object] = {
        "symbol": symbol_of(command.instrument_id),
        "fromId": command.since_trade_id,
        "limit": FILLS_LIMIT,
    }
    if command.venue_order_id is not None:
        params["orderId"] = command.venue_order_id
    return Wire(Request.QUERY_FILLS, "GET", "myTrades", params)


def _account(command: QueryAccount) -> Wire:
    return Wire(Request.QUERY_ACCOUNT, "GET", "account", {})


_WIRES: Final[Mapping[type[Command], Callable[[Any], Wire]]] = {
    SubmitOrder: _submit,
    CancelOrder: _cancel,
    ModifyOrder: _modify,
    QueryOrder: _query,
    QueryOpenOrders: _open_orders,
    QueryFills: _fills,
    QueryAccount: _account,
}


def wire_of(command: GatewayCommand) -> Wire:
    """The request that carries the command out.

    raises  ValueError if the instrument is not Binance's
    """
    return _WIRES[type(command)](command)
