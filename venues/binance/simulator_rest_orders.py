"""The REST endpoints of the account: orders, trades, balances.

docs: Spot "REST API / Trading and Account endpoints" (2026-09).
"""

from collections.abc import Mapping
from typing import Final

from messages.base import ClientOrderId, InstrumentId, StrategyId
from messages.orders import CancelOrder, ModifyOrder, OrderSpec, QueryOrder, SubmitOrder
from messages.venue import (
    AccountReport,
    FillReport,
    OpenOrdersReport,
    OrderNotFound,
    OrderReport,
    QueryAccount,
    QueryOpenOrders,
    RequestRefused,
)
from venues.binance import codec_encode_orders as wire
from venues.binance import simulator_errors as errors
from venues.binance.simulator_exchange import BinanceExchange
from venues.binance.simulator_params import Params, instrument_of, order_of
from venues.binance.simulator_routes import Json, Route, Security, instrument
from venues.serving.errors import ApiError

_STRATEGY: Final = StrategyId("?")  # the wire does not say whose order it is
_SIGNED: Final = Security.SIGNED


def _refuse(reply: object) -> ApiError:
    if isinstance(reply, RequestRefused):
        return errors.refusal(reply)
    if isinstance(reply, OrderNotFound):
        return errors.no_such_order()
    raise TypeError(f"{type(reply).__name__}: not an answer to this request")


def _read_order(exchange: BinanceExchange, params: Params) -> tuple[OrderSpec, str]:
    order, form = order_of(params, f"sim{len(exchange.requests)}")
    params.finish()
    if order.instrument_id not in exchange.books:
        raise errors.bad_symbol()
    return order, form


def _new_order(exchange: BinanceExchange, params: Params) -> Json:
    return _placed(exchange, *_read_order(exchange, params))


def _placed(exchange: BinanceExchange, order: OrderSpec, form: str) -> Json:
    now_ns = exchange.now_ns()
    outcome = exchange.act(SubmitOrder(ts_event=now_ns, ts_init=now_ns, order=order))
    if not isinstance(outcome.reply, OrderReport):
        raise _refuse(outcome.reply)
    if form == "ACK":
        return wire.order_ack(outcome.reply)
    detail = exchange.detail(outcome.reply)
    if form == "RESULT":
        return wire.order_result(outcome.reply, detail)
    ours = [e for e in outcome.stream if isinstance(e, FillReport)]
    taken = [f for f in ours if f.venue_order_id == outcome.reply.venue_order_id]
    return wire.order_full(outcome.reply, taken, detail)


def _test_order(exchange: BinanceExchange, params: Params) -> Json:
    _read_order(exchange, params)
    return {}


def _named(exchange: BinanceExchange, params: Params, missing: ApiError) -> ClientOrderId:
    """The client id of the order that `orderId` or `origClientOrderId` means."""
    number, name = params.integer("orderId"), params.client_id("origClientOrderId")
    if number is None and name is None:
        raise ApiError(
            -1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!"
        )
    if number is None:
        return ClientOrderId(name or "")
    found = exchange.names.get(str(number))
    if found is None or name not in (None, found):
        raise missing
    return found


def _query_order(exchange: BinanceExchange, params: Params) -> Json:
    found = instrument(exchange, params)
    name = _named(exchange, params, errors.no_such_order())
    params.finish()
    return _view(exchange, name, found)


def _view(exchange: BinanceExchange, name: ClientOrderId, found: InstrumentId) -> Json:
    now_ns = exchange.now_ns()
    command = QueryOrder(
        ts_event=now_ns,
        ts_init=now_ns,
        client_order_id=name,
        strategy_id=_STRATEGY,
        instrument_id=found,
    )
    reply = exchange.act(command).reply
    if not isinstance(reply, OrderReport):
        raise _refuse(reply)
    return wire.order_view(reply, exchange.detail(reply))


def _cancel(
    exchange: BinanceExchange, name: ClientOrderId, found: InstrumentId, own_id: str
) -> Json:
    now_ns = exchange.now_ns()
    command = CancelOrder(
        ts_event=now_ns,
        ts_init=now_ns,
        client_order_id=name,
        strategy_id=_STRATEGY,
        instrument_id=found,
    )
    reply = exchange.act(command, own_id).reply
    if not isinstance(reply, OrderReport):
        raise _refuse(reply)
    return wire.cancel_answer(reply, exchange.detail(reply, own_id))


def _cancel_order(exchange: BinanceExchange, params: Params) -> Json:
    found = instrument(exchange, params)
    name = _named(exchange, params, errors.unknown_order())
    own_id = params.client_id("newClientOrderId") or f"c{exchange.now_ns()}"
    params.finish()
    return _cancel(exchange, name, found, own_id)


def _open(exchange: BinanceExchange, found: InstrumentId) -> tuple[OrderReport, ...]:
    now_ns = exchange.now_ns()
    command = QueryOpenOrders(ts_event=now_ns, ts_init=now_ns, instrument_id=found)
    reply = exchange.act(command).reply
    if not isinstance(reply, OpenOrdersReport):
        raise _refuse(reply)
    return reply.orders


def _cancel_open_orders(exchange: BinanceExchange, params: Params) -> Json:
    found = instrument(exchange, params)
    params.finish()
    working = _open(exchange, found)
    if not working:
        raise errors.unknown_order()
    own_id = f"c{exchange.now_ns()}"
    return [_cancel(exchange, report.client_order_id, found, own_id) for report in working]


def _open_orders(exchange: BinanceExchange, params: Params) -> Json:
    asked = params.take("symbol")
    params.finish()
    chosen = list(exchange.books) if asked is None else [instrument_of(asked)]
    if chosen[0] not in exchange.books:
        raise errors.bad_symbol()
    reports = [report for found in chosen for report in _open(exchange, found)]
    return [wire.order_view(report, exchange.detail(report)) for report in reports]


def _all_orders(exchange: BinanceExchange, params: Params) -> Json:
    found, limit = instrument(exchange, params), params.limit(500, 1000)
    first = params.integer("orderId", 0) or 0
    start_ms, end_ms = params.integer("startTime", 0), params.integer("endTime")
    params.finish()
    names = [
        name
        for number, name in exchange.names.items()
        if int(number) >= first and (spec := exchange.order_spec(name)) is not None
        if spec.instrument_id == found
    ]
    rows = [_view(exchange, name, found) for name in dict.fromkeys(names)]
    rows = [r for r in rows if (start_ms or 0) <= r["time"] <= (end_ms or r["time"])]
    return rows[:limit] if first else rows[-limit:]


def _amend_order(exchange: BinanceExchange, params: Params) -> Json:
    found = instrument(exchange, params)
    name = _named(exchange, params, ApiError(-2038, "Unknown order sent."))
    own_id = params.client_id("newClientOrderId") or ""
    quantity = params.decimal("newQty")
    params.finish()
    if quantity is None:
        raise errors.missing("newQty")
    now_ns = exchange.now_ns()
    command = ModifyOrder(
        ts_event=now_ns,
        ts_init=now_ns,
        client_order_id=name,
        strategy_id=_STRATEGY,
        instrument_id=found,
        quantity=quantity,
    )
    reply = exchange.act(command, own_id).reply
    if not isinstance(reply, OrderReport):
        raise _refuse(reply)
    return wire.amend_answer(reply, exchange.events, exchange.detail(reply, own_id))


def _replace_order(exchange: BinanceExchange, params: Params) -> Json:
    """Cancel one order and place another; docs: "Cancel an Existing Order and Send a New Order".

    The new one is placed if the cancel succeeded, or in the mode ALLOW_FAILURE.
    """
    mode = params.need("cancelReplaceMode")
    if mode not in ("STOP_ON_FAILURE", "ALLOW_FAILURE"):
        raise ApiError(-1130, "Data sent for parameter 'cancelReplaceMode' is not valid.")
    number, name = params.integer("cancelOrderId"), params.client_id("cancelOrigClientOrderId")
    own_id = params.client_id("cancelNewClientOrderId") or f"c{exchange.now_ns()}"
    order, form = _read_order(exchange, params)
    data: dict[str, Json] = {"cancelResult": "SUCCESS", "newOrderResult": "SUCCESS"}
    try:
        meant = exchange.names.get(str(number)) if name is None else ClientOrderId(name)
        if meant is None:
            raise errors.unknown_order()
        data["cancelResponse"] = _cancel(exchange, meant, order.instrument_id, own_id)
    except ApiError as e:
        data |= {"cancelResult": "FAILURE", "cancelResponse": {"code": e.code, "msg": e.text}}
    if data["cancelResult"] == "FAILURE" and mode == "STOP_ON_FAILURE":
        data |= {"newOrderResult": "NOT_ATTEMPTED", "newOrderResponse": None}
    else:
        try:
            data["newOrderResponse"] = _placed(exchange, order, form)
        except ApiError as e:
            refusal = {"code": e.code, "msg": e.text}
            data |= {"newOrderResult": "FAILURE", "newOrderResponse": refusal}
    done = [data["cancelResult"], data["newOrderResult"]].count("SUCCESS")
    if done == 2:
        return data
    raise errors.ReplaceFailed(data, partly=done == 1)


def _my_trades(exchange: BinanceExchange, params: Params) -> Json:
    found, limit = instrument(exchange, params), params.limit(500, 1000)
    first, number = params.integer("fromId"), params.integer("orderId")
    start_ms, end_ms = params.integer("startTime"), params.integer("endTime")
    params.finish()
    if first is not None and (start_ms is not None or end_ms is not None):
        raise ApiError(-1128, "Combination of optional parameters invalid.")
    rows = [
        wire.my_trade(fill)
        for fill in exchange.venue.ledger().fills
        if fill.instrument_id == found and int(fill.trade_id) >= (first or 0)
        if number is None or fill.venue_order_id == str(number)
    ]
    rows = [r for r in rows if (start_ms or 0) <= r["time"] <= (end_ms or r["time"])]
    oldest_first = first is not None or start_ms is not None
    return rows[:limit] if oldest_first else rows[-limit:]


def _account(exchange: BinanceExchange, params: Params) -> Json:
    empty = params.take("omitZeroBalances") == "true"
    params.finish()
    now_ns = exchange.now_ns()
    reply = exchange.act(QueryAccount(ts_event=now_ns, ts_init=now_ns)).reply
    if not isinstance(reply, AccountReport):
        raise _refuse(reply)
    fees = exchange.venue.instruments[0]
    balances = [b for b in reply.balances if b.total or not empty]
    return wire.account(balances, now_ns, fees.maker_fee, fees.taker_fee)


def _commission(exchange: BinanceExchange, params: Params) -> Json:
    found = exchange.instrument(instrument(exchange, params))
    params.finish()
    return wire.commission(found)


ORDER_ROUTES: Final[Mapping[str, Route]] = {
    "POST /api/v3/order": Route(_new_order, _SIGNED, orders=True),
    "POST /api/v3/order/cancelReplace": Route(_replace_order, _SIGNED, orders=True),
    "POST /api/v3/order/test": Route(_test_order, _SIGNED),
    "GET /api/v3/order": Route(_query_order, _SIGNED),
    "DELETE /api/v3/order": Route(_cancel_order, _SIGNED),
    "DELETE /api/v3/openOrders": Route(_cancel_open_orders, _SIGNED),
    "GET /api/v3/openOrders": Route(_open_orders, _SIGNED),
    "GET /api/v3/allOrders": Route(_all_orders, _SIGNED),
    "PUT /api/v3/order/amend/keepPriority": Route(_amend_order, _SIGNED, orders=True),
    "GET /api/v3/myTrades": Route(_my_trades, _SIGNED),
    "GET /api/v3/account/commission": Route(_commission, _SIGNED),
    "GET /api/v3/account": Route(_account, _SIGNED),
}
