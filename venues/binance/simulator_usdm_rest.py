"""The REST endpoints of USD-M orders: placing, changing, asking, and their trades.

docs: USD-M Futures "Trade / REST API" (2026-09).
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from messages.base import NS_PER_MS, ClientOrderId, InstrumentId
from messages.orders import CancelOrder, ModifyOrder, OrderSpec, QueryOrder, SubmitOrder
from messages.venue import (
    CancelAllAfter,
    OrderReport,
    RequestDone,
)
from venues.binance import simulator_errors as errors
from venues.binance import simulator_usdm_encode as wire
from venues.binance.simulator_asking import about, at, page, trades
from venues.binance.simulator_exchange import BinanceExchange
from venues.binance.simulator_params import Params
from venues.binance.simulator_routes import Json, Route, Security, instrument, named
from venues.binance.simulator_usdm_account import good
from venues.binance.simulator_usdm_params import algo_order_of, order_of
from venues.serving.errors import ApiError

_SIGNED: Final = Security.SIGNED
_BATCH_MAX: Final = 5


def _place(exchange: BinanceExchange, spec: OrderSpec) -> OrderReport:
    reply = exchange.act(SubmitOrder(**at(exchange), order=spec)).reply
    return good(reply, OrderReport)


def _fallback(exchange: BinanceExchange) -> str:
    return f"sim{len(exchange.requests)}"


# --- orders --------------------------------------------------------------------------------------


def _new_order(exchange: BinanceExchange, params: Params) -> Json:
    spec = order_of(params, instrument(exchange, params), _fallback(exchange))
    params.finish()
    report = _place(exchange, spec)
    return wire.order(report, exchange.lines[report.client_order_id])


def _new_algo_order(exchange: BinanceExchange, params: Params) -> Json:
    spec = algo_order_of(params, instrument(exchange, params), _fallback(exchange))
    params.finish()
    report = _place(exchange, spec)
    return wire.algo(report, exchange.lines[report.client_order_id])


def _batch(exchange: BinanceExchange, params: Params) -> Json:
    raw = params.need("batchOrders")
    params.finish()
    try:
        rows = msgspec.json.decode(raw, type=list[dict[str, str]])
    except msgspec.DecodeError as e:
        raise errors.illegal("batchOrders", "^.{0,8000}$") from e
    if not 0 < len(rows) <= _BATCH_MAX:
        raise ApiError(-4082, "Invalid number of batch place orders.")
    found = []
    for n, row in enumerate(rows):
        name = row.get("newClientOrderId")
        exchange.requests.append({"ts_ns": exchange.now_ns(), "client_order_id": name})
        one = Params(row)
        try:
            spec = order_of(one, instrument(exchange, one), f"{_fallback(exchange)}n{n}")
            one.finish()
            report = _place(exchange, spec)
            found.append(wire.order(report, exchange.lines[report.client_order_id]))
        except ApiError as e:
            found.append({"code": e.code, "msg": e.text})
    return found


def _named(
    exchange: BinanceExchange, params: Params, missing: ApiError, *, apart: bool
) -> ClientOrderId:
    """The order that the parameters mean, among those of the engine or (`apart`) of the Algo
    Service."""
    by_number, by_name = ("algoId", "clientAlgoId") if apart else ("orderId", "origClientOrderId")
    number, name = params.integer(by_number), params.client_id(by_name)
    if number is None and name is None:
        raise errors.missing(by_name)
    if number is not None:
        key = wire.order_id_of_algo(number) if apart else str(number)
        name = exchange.names.get(key)
    if name is None:
        raise missing
    line = exchange.lines.get(ClientOrderId(name))
    triggered = line is not None and line.order is not None and line.order.triggered
    if line is None or (apart and not line.spec.order_type.triggered):
        raise missing
    if not apart and line.spec.order_type.triggered and not triggered:
        raise missing
    return ClientOrderId(name)


def _about(exchange: BinanceExchange, name: ClientOrderId) -> dict[str, Any]:
    return about(exchange, name, exchange.lines[name].spec.instrument_id)


def _report(exchange: BinanceExchange, name: ClientOrderId) -> OrderReport:
    return good(exchange.act(QueryOrder(**_about(exchange, name))).reply, OrderReport)


def _query_order(exchange: BinanceExchange, params: Params) -> Json:
    instrument(exchange, params)
    name = _named(exchange, params, errors.no_such_order(), apart=False)
    params.finish()
    return wire.order(_report(exchange, name), exchange.lines[name])


def _query_algo(exchange: BinanceExchange, params: Params) -> Json:
    params.take("symbol")
    name = _named(exchange, params, errors.no_such_order(), apart=True)
    params.finish()
    return wire.algo(_report(exchange, name), exchange.lines[name])


def _cancel(exchange: BinanceExchange, name: ClientOrderId) -> OrderReport:
    return good(exchange.act(CancelOrder(**_about(exchange, name))).reply, OrderReport)


def _cancel_order(exchange: BinanceExchange, params: Params) -> Json:
    instrument(exchange, params)
    name = _named(exchange, params, errors.unknown_order(), apart=False)
    params.finish()
    return wire.order(_cancel(exchange, name), exchange.lines[name])


def _cancel_algo(exchange: BinanceExchange, params: Params) -> Json:
    params.take("symbol")
    name = _named(exchange, params, errors.unknown_order(), apart=True)
    params.finish()
    line = exchange.lines[name].order
    if line is not None and line.triggered:
        raise errors.unknown_order()
    report = _cancel(exchange, name)
    number = wire.algo_id(report)
    return {"algoId": number, "clientAlgoId": name, "code": "200", "msg": "success"}


def _working(exchange: BinanceExchange, found: InstrumentId | None, *, apart: bool) -> list[str]:
    """Client ids of open orders of the engine, or of those that wait for a trigger."""
    return [
        name
        for name, line in exchange.lines.items()
        if line.order is not None and line.order.open and line.order.waits is apart
        if found in (None, line.spec.instrument_id)
    ]


def _cancel_every(*, apart: bool) -> Callable[[BinanceExchange, Params], Json]:
    def cancel(exchange: BinanceExchange, params: Params) -> Json:
        found = instrument(exchange, params)
        params.finish()
        for name in _working(exchange, found, apart=apart):
            _cancel(exchange, ClientOrderId(name))
        return {"code": 200, "msg": "The operation of cancel all open order is done."}

    return cancel


def _open(*, apart: bool) -> Callable[[BinanceExchange, Params], Json]:
    def listed(exchange: BinanceExchange, params: Params) -> Json:
        symbol = params.take("symbol")
        for ignored in ("algoType", "algoId") if apart else ():
            params.take(ignored)
        params.finish()
        found = None if symbol is None else named(exchange, symbol)
        row = wire.algo if apart else wire.order
        names = [ClientOrderId(n) for n in _working(exchange, found, apart=apart)]
        return [row(_report(exchange, name), exchange.lines[name]) for name in names]

    return listed


def _all_orders(exchange: BinanceExchange, params: Params) -> Json:
    found, asked = instrument(exchange, params), page(params, "orderId")
    params.finish()
    names = [
        n
        for n, line in exchange.lines.items()
        if line.spec.instrument_id == found and line.order is not None
        if not line.spec.order_type.triggered or line.order.triggered
    ]
    rows = (wire.order(_report(exchange, n), exchange.lines[n]) for n in names)
    later = (r for r in rows if r["orderId"] >= (asked.first or 0))
    return asked.cut(later, oldest=bool(asked.first))


def _modify(exchange: BinanceExchange, params: Params) -> Json:
    instrument(exchange, params)
    missing = ApiError(-2013, "Order does not exist.")
    name = _named(exchange, params, missing, apart=False)
    side, quantity, price = params.need("side"), params.decimal("quantity"), params.decimal("price")
    params.finish()
    if quantity is None or price is None:
        raise errors.missing("quantity" if quantity is None else "price")
    if side != exchange.lines[name].spec.side:
        raise ApiError(-1117, "Invalid side.")
    command = ModifyOrder(**_about(exchange, name), quantity=quantity, price=price)
    reply = exchange.act(command).reply
    return wire.order(good(reply, OrderReport), exchange.lines[name])


def _cancel_after(exchange: BinanceExchange, params: Params) -> Json:
    symbol = params.need("symbol")
    found, after_ms = named(exchange, symbol), params.integer("countdownTime")
    params.finish()
    if after_ms is None:
        raise errors.missing("countdownTime")
    command = CancelAllAfter(**at(exchange), instrument_id=found, after_ns=after_ms * NS_PER_MS)
    good(exchange.act(command).reply, RequestDone)
    return {"symbol": symbol, "countdownTime": str(after_ms)}


def order_routes() -> dict[str, Route]:
    """The endpoints of orders under /fapi."""
    v1 = {
        "POST order": _new_order,
        "GET order": _query_order,
        "DELETE order": _cancel_order,
        "PUT order": _modify,
        "POST batchOrders": _batch,
        "GET openOrders": _open(apart=False),
        "DELETE allOpenOrders": _cancel_every(apart=False),
        "GET allOrders": _all_orders,
        "POST algoOrder": _new_algo_order,
        "GET algoOrder": _query_algo,
        "DELETE algoOrder": _cancel_algo,
        "GET openAlgoOrders": _open(apart=True),
        "DELETE algoOpenOrders": _cancel_every(apart=True),
        "POST countdownCancelAll": _cancel_after,
        "GET userTrades": trades(wire.trade),
    }
    found = {}
    for name, handler in v1.items():
        verb, _, path = name.partition(" ")
        ordering = verb in ("POST", "PUT") and path.lower().endswith(("order", "orders"))
        found[f"{verb} /fapi/v1/{path}"] = Route(handler, _SIGNED, orders=ordering)
    return found
