"""Our commands as REST requests of Binance USD-M futures, one-way position mode.

Since 2025-12-09 orders with a trigger are kept by the Algo Service, under ids of its own, until
they trigger: POST /fapi/v1/order refuses them (-4120). A command about an order does not say
whether it has a trigger, so it goes to the ordinary endpoint, and to the Algo Service if that
knows no such order (`codec_follow`). They cannot be changed before they trigger.

docs: USD-M Futures "Trade / REST API" and "Account / REST API"; change log of 2025-11-06.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from messages.base import NS_PER_MS, Command
from messages.orders import (
    CancelOrder,
    ModifyOrder,
    OrderSpec,
    OrderType,
    QueryOrder,
    SubmitOrder,
)
from messages.venue import (
    CancelAllAfter,
    CancelAllOrders,
    MarginMode,
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
from venues.binance.codec_orders import text
from venues.binance.codec_requests import Wire, about, by_order, by_symbol, fills
from venues.wire.request import WireRequest

API: Final = "/fapi/v1/"
ORDER: Final = API + "order"
ALGO: Final = API + "algoOrder"
OPEN: Final = API + "openOrders"
OPEN_ALGO: Final = API + "openAlgoOrders"
CANCEL_ALL: Final = API + "allOpenOrders"
CANCEL_ALL_ALGO: Final = API + "algoOpenOrders"
LISTEN_KEY: Final = API + "listenKey"
BATCH_MAX: Final = 5  # orders of one request
WIRE_TYPE: Final[dict[OrderType, str]] = {
    OrderType.MARKET: "MARKET",
    OrderType.LIMIT: "LIMIT",
    OrderType.STOP_MARKET: "STOP_MARKET",
    OrderType.STOP_LIMIT: "STOP",
    OrderType.MARKET_IF_TOUCHED: "TAKE_PROFIT_MARKET",
    OrderType.LIMIT_IF_TOUCHED: "TAKE_PROFIT",
}
MARGIN: Final[dict[MarginMode, str]] = {
    MarginMode.CROSS: "CROSSED",
    MarginMode.ISOLATED: "ISOLATED",
}


def _common(order: OrderSpec) -> dict[str, object]:
    params: dict[str, object] = {
        "symbol": symbol_of(order.instrument_id),
        "side": order.side.value,
        "type": WIRE_TYPE[order.order_type],
        "quantity": text(order.quantity),
    }
    if order.price is not None:
        params["price"] = text(order.price)
        params["timeInForce"] = "GTX" if order.post_only else order.time_in_force.value
    if order.reduce_only:
        params["reduceOnly"] = "true"
    return params


def _plain(order: OrderSpec) -> dict[str, object]:
    return _common(order) | {"newClientOrderId": order.client_order_id}


def _submit(command: SubmitOrder) -> WireRequest:
    order = command.order
    if not order.order_type.triggered:
        params = _plain(order) | {"newOrderRespType": "ACK"}
        return WireRequest(Request.SUBMIT, "POST", ORDER, params)
    assert order.trigger_price is not None, "an order that waits for a trigger has one"
    params = {"algoType": "CONDITIONAL", **_common(order)}
    params |= {"triggerPrice": text(order.trigger_price), "clientAlgoId": order.client_order_id}
    return WireRequest(Request.SUBMIT, "POST", ALGO, params)


def _submit_list(command: SubmitOrderList) -> WireRequest:
    if len(command.orders) > BATCH_MAX:
        raise Refused(f"{len(command.orders)} orders: Binance USD-M takes {BATCH_MAX} at a time")
    if any(order.order_type.triggered for order in command.orders):
        raise Refused("orders with a trigger: Binance USD-M takes them one at a time")
    rows = msgspec.json.encode([_plain(order) for order in command.orders]).decode()
    return WireRequest(Request.SUBMIT_LIST, "POST", API + "batchOrders", {"batchOrders": rows})


def _modify(command: ModifyOrder) -> WireRequest:
    placed = command.placed
    if placed is None or placed.price is None or placed.order_type.triggered:
        raise Refused("Binance USD-M changes limit orders without a trigger only, told all of them")
    params = about(command) | {
        "side": placed.side.value,
        "quantity": text(command.quantity),
        "price": text(command.price if command.price is not None else placed.price),
    }
    return WireRequest(Request.MODIFY, "PUT", ORDER, params)


def _fills(command: QueryFills) -> WireRequest:
    return fills(command, API + "userTrades")


def _account(command: QueryAccount) -> WireRequest:
    return WireRequest(Request.QUERY_ACCOUNT, "GET", "/fapi/v3/balance")


def _positions(command: QueryPositions) -> WireRequest:
    one = command.instrument_id
    params = {} if one is None else {"symbol": symbol_of(one)}
    return WireRequest(Request.QUERY_POSITIONS, "GET", "/fapi/v3/positionRisk", params)


def _leverage(command: SetLeverage) -> WireRequest:
    if command.leverage % 1:
        raise Refused(f"leverage {command.leverage}: Binance USD-M takes whole numbers")
    params = {"symbol": symbol_of(command.instrument_id), "leverage": int(command.leverage)}
    return WireRequest(Request.SET_LEVERAGE, "POST", API + "leverage", params)


def _margin(command: SetMarginMode) -> WireRequest:
    params = {"symbol": symbol_of(command.instrument_id), "marginType": MARGIN[command.mode]}
    return WireRequest(Request.SET_MARGIN_MODE, "POST", API + "marginType", params)


def _cancel_all_after(command: CancelAllAfter) -> WireRequest:
    params = {
        "symbol": symbol_of(command.instrument_id),
        "countdownTime": command.after_ns // NS_PER_MS,
    }
    return WireRequest(Request.CANCEL_ALL_AFTER, "POST", API + "countdownCancelAll", params)


_WIRES: Final[Mapping[type[Command], Wire]] = {
    SubmitOrder: _submit,
    SubmitOrderList: _submit_list,
    CancelOrder: by_order(Request.CANCEL, "DELETE", ORDER),
    ModifyOrder: _modify,
    QueryOrder: by_order(Request.QUERY_ORDER, "GET", ORDER),
    QueryOpenOrders: by_symbol(Request.QUERY_OPEN_ORDERS, "GET", OPEN),
    QueryFills: _fills,
    QueryAccount: _account,
    QueryPositions: _positions,
    QueryFees: by_symbol(Request.QUERY_FEES, "GET", API + "commissionRate"),
    CancelAllOrders: by_symbol(Request.CANCEL_ALL, "DELETE", CANCEL_ALL),
    SetLeverage: _leverage,
    SetMarginMode: _margin,
    CancelAllAfter: _cancel_all_after,
}


def request_of(command: Command) -> WireRequest:
    """The request that carries the command out.

    raises  ValueError if the instrument is not Binance's; Refused for what USD-M does not have
    """
    return _WIRES[type(command)](command)
