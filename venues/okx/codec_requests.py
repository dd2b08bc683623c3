"""Our commands as OKX's REST requests, and the questions that a first answer leads to.

docs: docs-v5 "Trade", "Algo Trading", "Trading Account" (2026-09). Stops and take-profits are algo
orders with endpoints of their own, and a command that names an order does not say which kind it
is. So an order is first looked for among the plain ones, and then among the algos (`follow_up`).
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from messages.base import NS_PER_S, Command, InstrumentId
from messages.market import Instrument, Product
from messages.orders import (
    CancelOrder,
    ModifyOrder,
    OrderSpec,
    OrderType,
    QueryOrder,
    SubmitOrder,
    TimeInForce,
)
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
from venues.okx.codec_names import INST_TYPE, contracts, family, ms, symbol_of, text
from venues.okx.codec_rest import FILLS_LIMIT
from venues.wire.adapter import Instruments
from venues.wire.request import WireRequest

ROWS: Final = ""  # the one parameter of a request whose body is a list
BATCH_MAX: Final = 20  # docs: "Place multiple orders", "Cancel multiple orders"
MARGIN: Final = "cross"
_AFTER_S: Final = (10, 120)  # docs: "Cancel All After", `timeOut`
ORDER, ALGO = "/api/v5/trade/order", "/api/v5/trade/order-algo"
PENDING, PENDING_ALGO = "/api/v5/trade/orders-pending", "/api/v5/trade/orders-algo-pending"
CANCEL, CANCEL_ALGO = "/api/v5/trade/cancel-order", "/api/v5/trade/cancel-algos"
CANCEL_MANY = "/api/v5/trade/cancel-batch-orders"
AMEND, AMEND_ALGO = "/api/v5/trade/amend-order", "/api/v5/trade/amend-algos"
FILLS = "/api/v5/trade/fills-history"
_TAKES: Final = frozenset({OrderType.MARKET_IF_TOUCHED, OrderType.LIMIT_IF_TOUCHED})


def order_type(order: OrderSpec) -> str:
    """OKX's `ordType`: how long an order works, and whether it may take, is a type there."""
    if order.post_only:
        return "post_only"
    if order.order_type is OrderType.MARKET:
        return "market"
    return {TimeInForce.GTC: "limit", TimeInForce.IOC: "ioc", TimeInForce.FOK: "fok"}[
        order.time_in_force
    ]


def request_of(command: Command, instruments: Instruments, product: Product) -> WireRequest:
    """The first request of a command.

    raises  Refused for what OKX does not have
    """
    encode = _ENCODERS.get(type(command))
    if encode is None:
        raise Refused(f"OKX has no {type(command).__name__}")
    try:
        return encode(command, instruments, product)
    except ValueError as e:
        raise Refused(str(e)) from e


def _rules(name: InstrumentId, instruments: Instruments, product: Product) -> Instrument:
    symbol_of(name, product)
    if name not in instruments:
        raise Refused(f"{name}: its rules are not known")
    return instruments[name]


def _sized(order: OrderSpec, instruments: Instruments, product: Product) -> dict[str, object]:
    """What plain and algo orders share."""
    rules = _rules(order.instrument_id, instruments, product)
    spot = product is Product.SPOT
    if spot and order.reduce_only:
        raise Refused("reduce_only: OKX spot has no such orders")
    params: dict[str, object] = {
        "instId": rules.symbol,
        "tdMode": "cash" if spot else MARGIN,
        "side": order.side.value.lower(),
        "sz": text(contracts(order.quantity, rules)),
    }
    if spot and order.order_type in (OrderType.MARKET, OrderType.STOP_MARKET, *_TAKES):
        # Without it the size of a market buy is counted in quote currency.
        params["tgtCcy"] = "base_ccy"
    if order.reduce_only:
        params["reduceOnly"] = True
    return params


def plain_order(order: OrderSpec, instruments: Instruments, product: Product) -> dict[str, object]:
    """The body of "Place order"."""
    params = _sized(order, instruments, product) | {
        "ordType": order_type(order),
        "clOrdId": order.client_order_id,
    }
    if order.price is not None:
        params["px"] = text(order.price)
    return params


def _algo_order(order: OrderSpec, instruments: Instruments, product: Product) -> dict[str, object]:
    """The body of "Place algo order": "-1" trades at market once triggered."""
    if order.time_in_force is not TimeInForce.GTC or order.post_only:
        raise Refused("OKX has no stop or take-profit that is post-only, IOC or FOK")
    assert order.trigger_price is not None, "every triggered type has one"
    kind = "tp" if order.order_type in _TAKES else "sl"
    return _sized(order, instruments, product) | {
        "ordType": "conditional",
        "algoClOrdId": order.client_order_id,
        f"{kind}TriggerPx": text(order.trigger_price),
        f"{kind}OrdPx": "-1" if order.price is None else text(order.price),
        f"{kind}TriggerPxType": "last",
    }


def _submit(c: SubmitOrder, instruments: Instruments, product: Product) -> WireRequest:
    if c.order.order_type.triggered:
        params = _algo_order(c.order, instruments, product)
        return WireRequest(Request.SUBMIT, "POST", ALGO, params)
    return WireRequest(Request.SUBMIT, "POST", ORDER, plain_order(c.order, instruments, product))


def _submit_list(c: SubmitOrderList, instruments: Instruments, product: Product) -> WireRequest:
    if not 0 < len(c.orders) <= BATCH_MAX:
        raise Refused(f"{len(c.orders)} orders: OKX takes 1 to {BATCH_MAX} in one request")
    if any(o.order_type.triggered for o in c.orders):
        raise Refused("OKX has no stop or take-profit in a list")
    rows = [plain_order(o, instruments, product) for o in c.orders]
    return WireRequest(Request.SUBMIT_LIST, "POST", "/api/v5/trade/batch-orders", {ROWS: rows})


def _about(
    c: CancelOrder | ModifyOrder | QueryOrder, product: Product, key: str = "clOrdId"
) -> dict[str, object]:
    return {"instId": symbol_of(c.instrument_id, product), key: c.client_order_id}


def _cancel(c: CancelOrder, instruments: Instruments, product: Product) -> WireRequest:
    return WireRequest(Request.CANCEL, "POST", CANCEL, _about(c, product))


def _modify(c: ModifyOrder, instruments: Instruments, product: Product) -> WireRequest:
    params = _about(c, product) | {"newSz": _size(c.instrument_id, c.quantity, instruments)}
    if c.price is not None:
        params["newPx"] = text(c.price)
    return WireRequest(Request.MODIFY, "POST", AMEND, params)


def _size(name: InstrumentId, quantity: Decimal, instruments: Instruments) -> str:
    if name not in instruments:
        raise Refused(f"{name}: its rules are not known")
    return text(contracts(quantity, instruments[name]))


def _query(c: QueryOrder, instruments: Instruments, product: Product) -> WireRequest:
    params = _about(c, product)
    if not c.client_order_id and c.venue_order_id is not None:
        params = {"instId": params["instId"], "ordId": c.venue_order_id}
    return WireRequest(Request.QUERY_ORDER, "GET", ORDER, params)


def _open_orders(c: QueryOpenOrders, instruments: Instruments, product: Product) -> WireRequest:
    params = {"instType": INST_TYPE[product], "instId": symbol_of(c.instrument_id, product)}
    return WireRequest(Request.QUERY_OPEN_ORDERS, "GET", PENDING, params)


def _cancel_all(c: CancelAllOrders, instruments: Instruments, product: Product) -> WireRequest:
    """OKX has no such request: they are listed, and canceled 20 at a time."""
    params = {"instType": INST_TYPE[product], "instId": symbol_of(c.instrument_id, product)}
    return WireRequest(Request.CANCEL_ALL, "GET", PENDING, params | {"limit": str(BATCH_MAX)})


def _fills(c: QueryFills, instruments: Instruments, product: Product) -> WireRequest:
    params = {
        "instType": INST_TYPE[product],
        "instId": symbol_of(c.instrument_id, product),
        "limit": str(FILLS_LIMIT),
    }
    if c.venue_order_id is not None:
        params["ordId"] = c.venue_order_id
    elif c.since_ns:
        params["begin"] = str(ms(c.since_ns))
    return WireRequest(Request.QUERY_FILLS, "GET", FILLS, params)


def _account(c: QueryAccount, instruments: Instruments, product: Product) -> WireRequest:
    return WireRequest(Request.QUERY_ACCOUNT, "GET", "/api/v5/account/balance")


def _positions(c: QueryPositions, instruments: Instruments, product: Product) -> WireRequest:
    if product is Product.SPOT:
        raise Refused("positions: OKX spot has none")
    params = {"instType": INST_TYPE[product]}
    if c.instrument_id is not None:
        params["instId"] = symbol_of(c.instrument_id, product)
    return WireRequest(Request.QUERY_POSITIONS, "GET", "/api/v5/account/positions", params)


def _fees(c: QueryFees, instruments: Instruments, product: Product) -> WireRequest:
    symbol = symbol_of(c.instrument_id, product)
    spot = product is Product.SPOT
    # docs: "Get fee rates": an instrument for spot, a family for contracts.
    about = {"instId": symbol} if spot else {"instFamily": family(symbol)}
    params = {"instType": INST_TYPE[product], **about}
    return WireRequest(Request.QUERY_FEES, "GET", "/api/v5/account/trade-fee", params)


def _leverage(c: SetLeverage, instruments: Instruments, product: Product) -> WireRequest:
    if product is Product.SPOT:
        raise Refused("leverage: OKX spot has none")
    params = {
        "instId": symbol_of(c.instrument_id, product),
        "lever": text(c.leverage),
        "mgnMode": MARGIN,
    }
    return WireRequest(Request.SET_LEVERAGE, "POST", "/api/v5/account/set-leverage", params)


def _margin_mode(c: SetMarginMode, instruments: Instruments, product: Product) -> WireRequest:
    raise Refused("margin mode: OKX has none of an instrument; each order names its own (tdMode)")


def _cancel_all_after(c: CancelAllAfter, instruments: Instruments, product: Product) -> WireRequest:
    seconds = -(-c.after_ns // NS_PER_S)
    least, most = _AFTER_S
    if seconds and not least <= seconds <= most:
        raise Refused(f"{seconds} s: OKX takes 0 or {least} to {most}")
    params = {"timeOut": str(seconds)}
    path = "/api/v5/trade/cancel-all-after"
    return WireRequest(Request.CANCEL_ALL_AFTER, "POST", path, params)


_ENCODERS: Final[Mapping[type[Command], Callable[[Any, Instruments, Product], WireRequest]]] = {
    SubmitOrder: _submit,
    SubmitOrderList: _submit_list,
    CancelOrder: _cancel,
    ModifyOrder: _modify,
    QueryOrder: _query,
    QueryOpenOrders: _open_orders,
    CancelAllOrders: _cancel_all,
    QueryFills: _fills,
    QueryAccount: _account,
    QueryPositions: _positions,
    QueryFees: _fees,
    SetLeverage: _leverage,
    SetMarginMode: _margin_mode,
    CancelAllAfter: _cancel_all_after,
}
