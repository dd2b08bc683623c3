"""Our commands as Coinbase's REST requests, and the requests as they are sent.

docs: "Advanced Trade REST API" (https://docs.cdp.coinbase.com/api-reference/advanced-trade-api/
rest-api/orders/create-order and its neighbours, 2026-09).
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, cast
from urllib.parse import urlencode

import msgspec

from messages.base import NS_PER_S, Command, VenueOrderId
from messages.orders import CancelOrder, ModifyOrder, QueryOrder, SubmitOrder
from messages.venue import (
    CancelAllOrders,
    QueryAccount,
    QueryFees,
    QueryFills,
    QueryOpenOrders,
    Request,
)
from trading.errors import Refused
from venues.coinbase.codec_names import product_of, rfc3339, text
from venues.coinbase.codec_orders import configuration_of
from venues.coinbase.known import Known, KnownOrders
from venues.wire.request import WireRequest

ROOT: Final = "/api/v3/brokerage"
PUBLIC: Final = f"{ROOT}/market"
ORDERS: Final = f"{ROOT}/orders"
LIST: Final = f"{ORDERS}/historical/batch"
FILLS: Final = f"{ORDERS}/historical/fills"
CANCEL: Final = f"{ORDERS}/batch_cancel"
PAGE: Final = 250  # rows: docs, "List Accounts": "maximum of 250 and default of 49"
CANCELS_MAX: Final = 100  # docs: "Cancel Orders": order ids in one request
_CLOCKS_NS: Final = 60 * NS_PER_S  # how much the two clocks may differ, and more
_LOOK_BACK_NS: Final = 30 * 86_400 * NS_PER_S  # how old an order may be that is looked for by name
# docs: what the venue documents nothing of for spot products
_NONE: Final = {
    "SubmitOrderList": "placing several orders at once: the venue has none",
    "QueryPositions": "positions: the venue has none on spot",
    "SetLeverage": "leverage: the venue has none on spot",
    "SetMarginMode": "margin mode: the venue has none on spot",
    "CancelAllAfter": "a dead-man switch: the venue has none",
}


def wire_of(command: Command, known: KnownOrders) -> WireRequest:
    """The request that carries the command out; `known` learns what it says of its order.

    raises  Refused for what the venue has none of, and for what cannot be said without knowing
            more of the order; ValueError if the instrument is not Coinbase's
    """
    name = type(command).__name__
    if name in _NONE:
        raise Refused(_NONE[name])
    return _WIRES[type(command)](command, known)


def _submit(command: SubmitOrder, known: KnownOrders) -> WireRequest:
    order = command.order
    params = {
        "client_order_id": order.client_order_id,
        "product_id": product_of(order.instrument_id),
        "side": order.side.value,
        "order_configuration": configuration_of(order),
    }
    known.learn(
        order.client_order_id,
        order.instrument_id,
        quantity=order.quantity,
        price=order.price,
        order_type=order.order_type,
        ts_sent=command.ts_event,
    )
    return WireRequest(Request.SUBMIT, "POST", ORDERS, params)


def _cancel(command: CancelOrder, known: KnownOrders) -> WireRequest:
    order_id, _ = _about(command, known, "cancel")
    return WireRequest(Request.CANCEL, "POST", CANCEL, {"order_ids": [order_id]})


def _cancel_all(command: CancelAllOrders, _: KnownOrders) -> WireRequest:
    """The venue cancels by its ids only, so the open orders are listed first."""
    params = {
        "product_ids": [product_of(command.instrument_id)],
        "order_status": ["OPEN"],
        "limit": CANCELS_MAX,
    }
    return WireRequest(Request.CANCEL_ALL, "GET", LIST, params)


def _modify(command: ModifyOrder, known: KnownOrders) -> WireRequest:
    order_id, order = _about(command, known, "edit")
    kinds = {spec.order_type for spec in (order, command.placed) if spec and spec.order_type}
    if any(kind.triggered for kind in kinds):
        raise Refused("edit of a stop: the venue has none; cancel it and place another")
    prices = (command.price, order and order.price, command.placed and command.placed.price)
    price = next((price for price in prices if price), None)
    if price is None:
        # docs: "Edit Order": what is left out is taken for 0.
        raise Refused(f"edit of {command.client_order_id}: its price is not known; query it first")
    params = {"order_id": order_id, "size": text(command.quantity), "price": text(price)}
    return WireRequest(Request.MODIFY, "POST", f"{ORDERS}/edit", params)


def _query(command: QueryOrder, known: KnownOrders) -> WireRequest:
    """By the venue's id where it is known; else by looking through the newest orders."""
    order_id, order = _find(command, known)
    if order_id is not None:
        return order_at(order_id, Request.QUERY_ORDER)
    sent = order.ts_sent if order is not None else None
    # Not older than our request, if this process sent it; else looked for a month back.
    since_ns = sent - _CLOCKS_NS if sent else command.ts_event - _LOOK_BACK_NS
    params = {
        "product_ids": [product_of(command.instrument_id)],
        "start_date": rfc3339(max(0, since_ns)),
        "limit": PAGE,
    }
    return WireRequest(Request.QUERY_ORDER, "GET", LIST, params)


def _open_orders(command: QueryOpenOrders, _: KnownOrders) -> WireRequest:
    params = {
        "product_ids": [product_of(command.instrument_id)],
        "order_status": ["OPEN"],
        "limit": PAGE,
    }
    return WireRequest(Request.QUERY_OPEN_ORDERS, "GET", LIST, params)


def _fills(command: QueryFills, _: KnownOrders) -> WireRequest:
    if command.venue_order_id is not None:
        params: dict[str, object] = {"order_ids": [command.venue_order_id], "limit": PAGE}
    else:
        # Trade ids are no numbers here, so "since an id" cannot be asked, but a time can.
        params = {"product_ids": [product_of(command.instrument_id)], "limit": PAGE}
        if command.since_ns:
            params["start_sequence_timestamp"] = rfc3339(command.since_ns)
    return WireRequest(Request.QUERY_FILLS, "GET", FILLS, params)


def _account(_: QueryAccount, __: KnownOrders) -> WireRequest:
    return WireRequest(Request.QUERY_ACCOUNT, "GET", f"{ROOT}/accounts", {"limit": PAGE})


def _fees(command: QueryFees, _: KnownOrders) -> WireRequest:
    product_of(command.instrument_id)  # every spot product has the same
    params = {"product_type": "SPOT"}
    return WireRequest(Request.QUERY_FEES, "GET", f"{ROOT}/transaction_summary", params)


_WIRES: Final[Mapping[type[Command], Callable[[Any, KnownOrders], WireRequest]]] = {
    SubmitOrder: _submit,
    CancelOrder: _cancel,
    CancelAllOrders: _cancel_all,
    ModifyOrder: _modify,
    QueryOrder: _query,
    QueryOpenOrders: _open_orders,
    QueryFills: _fills,
    QueryAccount: _account,
    QueryFees: _fees,
}


_AboutOrder = CancelOrder | ModifyOrder | QueryOrder


def _find(command: _AboutOrder, known: KnownOrders) -> tuple[VenueOrderId | None, Known | None]:
    order = known.get(command.client_order_id)
    order_id = command.venue_order_id or (order.venue_order_id if order is not None else None)
    return order_id, order


def _about(
    command: _AboutOrder, known: KnownOrders, verb: str
) -> tuple[VenueOrderId, Known | None]:
    order_id, order = _find(command, known)
    if order_id is None:
        name = command.client_order_id
        raise Refused(f"{verb} of {name}: its order id at the venue is not known; query it first")
    return order_id, order


def order_at(order_id: str, request: Request) -> WireRequest:
    """How one order is, asked for the sake of `request`."""
    return WireRequest(request, "GET", f"{ORDERS}/historical/{order_id}")


def target_of(wire: WireRequest) -> str:
    """The path with its query."""
    if wire.method != "GET" or not wire.params:
        return wire.path
    return f"{wire.path}?{urlencode(wire.params, doseq=True)}"


def ids_of(wire: WireRequest) -> list[str]:
    """The orders that a cancel is about."""
    return list(cast("list[str]", wire.params["order_ids"]))


def body_of(wire: WireRequest) -> bytes:
    """What a request carries; a cancel of all keeps more in mind than it sends."""
    if wire.method == "GET":
        return b""
    return msgspec.json.encode(
        {"order_ids": wire.params["order_ids"]} if wire.path == CANCEL else wire.params
    )
