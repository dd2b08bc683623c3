"""Our commands as Bybit's v5 REST requests. Pure: nothing here is signed.

docs: v5 "Trade", "Position", "Account" (2026-11).
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from messages.base import NS_PER_S, Command, InstrumentId
from messages.market import Product
from messages.orders import CancelOrder, ModifyOrder, OrderSpec, QueryOrder, SubmitOrder
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
from venues.bybit.codec_names import CATEGORY, ms, symbol_of
from venues.bybit.codec_orders import FALLS, RISES, SIDE_WORD, rises, text
from venues.wire.request import WireRequest

FILLS_PAGE: Final = 100
ORDERS_PAGE: Final = 50
POSITIONS_PAGE: Final = 200
BATCH_MAX: Final = {Product.SPOT: 10, Product.LINEAR: 20}
SETTLE_COINS: Final = ("USDT", "USDC")
CONDITIONAL: Final = "StopOrder"  # docs: "Cancel Order / orderFilter", of spot
CANCEL: Final = "/v5/order/cancel"
AMEND: Final = "/v5/order/amend"
REALTIME: Final = "/v5/order/realtime"
HISTORY: Final = "/v5/order/history"
EXECUTIONS: Final = "/v5/execution/list"
POSITIONS: Final = "/v5/position/list"
_MARGIN: Final = {MarginMode.CROSS: "REGULAR_MARGIN", MarginMode.ISOLATED: "ISOLATED_MARGIN"}
_WINDOW_S: Final = range(3, 301)  # docs: "Set Disconnect Cancel All / timeWindow"
_DCP: Final = {Product.SPOT: "SPOT", Product.LINEAR: "DERIVATIVES"}
# docs: "Get Trade History": two years; startTime and endTime at most seven days apart.
_WINDOW_MS: Final = 7 * 86_400_000
_KEPT_NS: Final = 729 * 86_400 * NS_PER_S
Params = dict[str, object]


def window(start_ms: int) -> Params:
    """What one request for executions may cover."""
    return {"startTime": start_ms, "endTime": start_ms + _WINDOW_MS}


def _head(product: Product, name: InstrumentId) -> Params:
    return {"category": CATEGORY[product], "symbol": symbol_of(name, product)}


def order_params(order: OrderSpec, product: Product) -> Params:
    """What an order says, beyond its category.

    raises  Refused for what the product does not have
    """
    if order.reduce_only and product is Product.SPOT:
        raise Refused("reduce_only: Bybit spot has no reduce-only orders")
    kind = "Limit" if order.order_type.limited else "Market"
    params: Params = {
        "symbol": symbol_of(order.instrument_id, product),
        "side": SIDE_WORD[order.side],
        "orderType": kind,
        "qty": text(order.quantity),
    }
    if order.price is not None:
        params["price"] = text(order.price)
        params["timeInForce"] = "PostOnly" if order.post_only else order.time_in_force.value
    elif product is Product.SPOT:
        params["marketUnit"] = "baseCoin"  # else a market buy counts in quote currency
    if order.trigger_price is not None:
        params |= _trigger(order, order.trigger_price, product)
    if product is Product.LINEAR:
        params["positionIdx"] = 0  # one-way mode
        if order.reduce_only:
            params["reduceOnly"] = True
    params["orderLinkId"] = order.client_order_id
    return params


def _trigger(order: OrderSpec, price: Decimal, product: Product) -> Params:
    """Spot does not take a direction: it waits for the price to come to the trigger from wherever
    it is now, so a stop whose trigger has been passed already waits for the way back."""
    if product is Product.SPOT:
        return {"orderFilter": CONDITIONAL, "triggerPrice": text(price)}
    direction = RISES if rises(order) else FALLS
    return {"triggerDirection": direction, "triggerPrice": text(price), "triggerBy": "LastPrice"}


def _submit(command: SubmitOrder, product: Product) -> WireRequest:
    params = {"category": CATEGORY[product]} | order_params(command.order, product)
    return WireRequest(Request.SUBMIT, "POST", "/v5/order/create", params)


def _submit_list(command: SubmitOrderList, product: Product) -> WireRequest:
    most = BATCH_MAX[product]
    if not 0 < len(command.orders) <= most:
        raise Refused(f"orders: {len(command.orders)} in one request; Bybit takes 1 to {most}")
    rows = [order_params(order, product) for order in command.orders]
    params = {"category": CATEGORY[product], "request": rows}
    return WireRequest(Request.SUBMIT_LIST, "POST", "/v5/order/create-batch", params)


def _about(command: CancelOrder | ModifyOrder | QueryOrder, product: Product) -> Params:
    """By our own id where there is one: the venue's own names an order of somebody else."""
    head = _head(product, command.instrument_id)
    if not command.client_order_id and command.venue_order_id is not None:
        return head | {"orderId": command.venue_order_id}
    return head | {"orderLinkId": command.client_order_id}


def _cancel(command: CancelOrder, product: Product) -> WireRequest:
    return WireRequest(Request.CANCEL, "POST", CANCEL, _about(command, product))


def _modify(command: ModifyOrder, product: Product) -> WireRequest:
    params = _about(command, product) | {"qty": text(command.quantity)}
    if command.price is not None:
        params["price"] = text(command.price)
    return WireRequest(Request.MODIFY, "POST", AMEND, params)


def _cancel_all(command: CancelAllOrders, product: Product) -> WireRequest:
    params = _head(product, command.instrument_id)
    if product is Product.SPOT:
        # "If not passed, Order by default": conditional orders need a request of their own, which
        # the adapter's `follow_up` makes of this one.
        params["orderFilter"] = "Order"
    return WireRequest(Request.CANCEL_ALL, "POST", "/v5/order/cancel-all", params)


def _cancel_all_after(command: CancelAllAfter, product: Product) -> WireRequest:
    symbol_of(command.instrument_id, product)
    seconds = command.after_ns // NS_PER_S
    if seconds not in _WINDOW_S or command.after_ns % NS_PER_S:
        raise Refused(
            f"after_ns: {command.after_ns}: Bybit cancels 3 to 300 whole seconds after the private"
            " stream was lost; only its support turns that off"
        )
    params: Params = {"product": _DCP[product], "timeWindow": seconds}
    path = "/v5/order/disconnected-cancel-all"
    return WireRequest(Request.CANCEL_ALL_AFTER, "POST", path, params)


def _query(command: QueryOrder, product: Product) -> WireRequest:
    return WireRequest(Request.QUERY_ORDER, "GET", REALTIME, _about(command, product))


def _open_orders(command: QueryOpenOrders, product: Product) -> WireRequest:
    params = _head(product, command.instrument_id) | {"openOnly": 0, "limit": ORDERS_PAGE}
    return WireRequest(Request.QUERY_OPEN_ORDERS, "GET", REALTIME, params)


def _fills(command: QueryFills, product: Product) -> WireRequest:
    """Ids of executions are no numbers, so only a time can be asked for. A request covers seven
    days: those since then, window by window, or the last ones if no time is given."""
    params = _head(product, command.instrument_id)
    if command.venue_order_id is not None:
        params["orderId"] = command.venue_order_id
    elif command.since_ns:
        kept_ns = max(command.since_ns, command.ts_event - _KEPT_NS)
        params |= window(ms(kept_ns))
    params["limit"] = FILLS_PAGE
    return WireRequest(Request.QUERY_FILLS, "GET", EXECUTIONS, params)


def _account(command: QueryAccount, product: Product) -> WireRequest:
    params: Params = {"accountType": "UNIFIED"}
    return WireRequest(Request.QUERY_ACCOUNT, "GET", "/v5/account/wallet-balance", params)


def _positions(command: QueryPositions, product: Product) -> WireRequest:
    _linear_only(product, "positions")
    params: Params = {"category": CATEGORY[product]}
    if command.instrument_id is not None:
        params["symbol"] = symbol_of(command.instrument_id, product)
    else:
        params["settleCoin"] = SETTLE_COINS[0]
        params["limit"] = POSITIONS_PAGE
    return WireRequest(Request.QUERY_POSITIONS, "GET", POSITIONS, params)


def _fees(command: QueryFees, product: Product) -> WireRequest:
    params = _head(product, command.instrument_id)
    return WireRequest(Request.QUERY_FEES, "GET", "/v5/account/fee-rate", params)


def _leverage(command: SetLeverage, product: Product) -> WireRequest:
    _linear_only(product, "leverage of an instrument")
    both = text(command.leverage)
    params = _head(product, command.instrument_id) | {"buyLeverage": both, "sellLeverage": both}
    return WireRequest(Request.SET_LEVERAGE, "POST", "/v5/position/set-leverage", params)


def _margin_mode(command: SetMarginMode, product: Product) -> WireRequest:
    """A unified account has one mode, for every instrument."""
    _linear_only(product, "margin mode")
    symbol_of(command.instrument_id, product)
    params: Params = {"setMarginMode": _MARGIN[command.mode]}
    return WireRequest(Request.SET_MARGIN_MODE, "POST", "/v5/account/set-margin-mode", params)


def _linear_only(product: Product, what: str) -> None:
    if product is not Product.LINEAR:
        raise Refused(f"{what}: Bybit spot has none")


_WIRES: Final[Mapping[type[Command], Callable[[Any, Product], WireRequest]]] = {
    SubmitOrder: _submit,
    SubmitOrderList: _submit_list,
    CancelOrder: _cancel,
    CancelAllOrders: _cancel_all,
    CancelAllAfter: _cancel_all_after,
    ModifyOrder: _modify,
    QueryOrder: _query,
    QueryOpenOrders: _open_orders,
    QueryFills: _fills,
    QueryAccount: _account,
    QueryPositions: _positions,
    QueryFees: _fees,
    SetLeverage: _leverage,
    SetMarginMode: _margin_mode,
}


def wire_of(command: Command, product: Product) -> WireRequest:
    """The request that carries a command out.

    raises  Refused for what the product does not have, ValueError if the instrument is not of it
    """
    wire = _WIRES.get(type(command))
    if wire is None:
        raise Refused(f"{type(command).__name__}: Bybit has no such request")
    return wire(command, product)
