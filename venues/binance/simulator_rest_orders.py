"""The REST endpoints of the account: orders, trades, balances.

docs: Spot "REST API / Trading and Account endpoints" (2026-09).
"""

from collections.abc import Mapping
from typing import Final, TypeVar

from messages.base import ClientOrderId, Event, InstrumentId
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
from venues.binance.simulator_asking import about, at, page, trades
from venues.binance.simulator_exchange import BinanceExchange
from venues.binance.simulator_params import Params, instrument_of, order_of
from venues.binance.simulator_routes import Json, Route, Security, instrument
from venues.serving.errors import ApiError

_SIGNED: Final = Security.SIGNED
E = TypeVar("E", bound=Event)


def _good(reply: object, kind: type[E]) -> E:
    """The answer, if it is of this kind; raises ApiError."""
    if isinstance(reply, kind):
        return reply
    if isinstance(reply, RequestRefused):
        raise errors.refusal(reply)
    if isinstance(reply, OrderNotFound):
        raise errors.no_such_order()
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
    outcome = exchange.act(SubmitOrder(**at(exchange), order=order))
    report = _good(outcome.reply, OrderReport)
    if form == "ACK":
        return wire.order_ack(report)
    detail = exchange.detail(report)
    if form == "RESULT":
        return wire.order_result(report, detail)
    ours = [e for e in outcome.stream if isinstance(e, FillReport)]
    taken = [f for f in ours if f.venue_order_id == report.venue_order_id]
    return wire.order_full(report, taken, detail)


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
    command = QueryOrder(**about(exchange, name, found))
    report = _good(exchange.act(command).reply, OrderReport)
    return wire.order_view(report, exchange.detail(report))


def _cancel(
    exchange: BinanceExchange, name: ClientOrderId, found: InstrumentId, own_id: str
) -> Json:
    command = CancelOrder(**about(exchange, name, found))
    report = _good(exchange.act(command, own_id).reply, OrderReport)
    return wire.cancel_answer(report, exchange.detail(report, own_id))


def _cancel_order(exchange: BinanceExchange, params: Params) -> Json:
    found = instrument(exchange, params)
    name = _named(exchange, params, errors.unknown_order())
    own_id = params.client_id("newClientOrderId") or f"c{exchange.now_ns()}"
    params.finish()
    return _cancel(exchange, name, found, own_id)


def _open(exchange: BinanceExchange, found: InstrumentId) -> tuple[OrderReport, ...]:
    command = QueryOpenOrders(**at(exchange), instrument_id=found)
    return _good(exchange.act(command).reply, OpenOrdersReport).orders


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
    found, asked = instrument(exchange, params), page(params, "orderId")
    params.finish()
    names = [
        name
        for number, name in exchange.names.items()
        if int(number) >= (asked.first or 0) and (spec := exchange.order_spec(name)) is not None
        if spec.instrument_id == found
    ]
    rows = (_view(exchange, name, found) for name in dict.fromkeys(names))
    return asked.cut(rows, oldest=bool(asked.first))


def _amend_order(exchange: BinanceExchange, params: Params) -> Json:
    found = instrument(exchange, params)
    name = _named(exchange, params, ApiError(-2038, "Unknown order sent."))
    own_id = params.client_id("newClientOrderId") or ""
    quantity = params.decimal("newQty")
    params.finish()
    if quantity is None:
        raise errors.missing("newQty")
    command = ModifyOrder(**about(exchange, name, found), quantity=quantity)
    report = _good(exchange.act(command, own_id).reply, OrderReport)
    return wire.amend_answer(report, exchange.events, exchange.detail(report, own_id))


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


def _account(exchange: BinanceExchange, params: Params) -> Json:
    empty = params.take("omitZeroBalances") == "true"
    params.finish()
    now = at(exchange)
    report = _good(exchange.act(QueryAccount(**now)).reply, AccountReport)
    fees = exchange.venue.instruments[0]
    balances = [b for b in report.balances if b.total or not empty]
    return wire.account(balances, now["ts_event"], fees.maker_fee, fees.taker_fee)


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
    "GET /api/v3/myTrades": Route(trades(wire.my_trade), _SIGNED),
    "GET /api/v3/account/commission": Route(_commission, _SIGNED),
    "GET /api/v3/account": Route(_account, _SIGNED),
}
