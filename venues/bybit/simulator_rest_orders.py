"""The REST endpoints about orders and their trades.

An acknowledgement says only that a request was taken. What the engine finds when it looks (a
post-only order that would take) comes on the stream.

docs: v5 "Trade" (2026-11).
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from messages.base import ClientOrderId, InstrumentId
from messages.market import Product
from messages.orders import CancelOrder, ModifyOrder, QueryOrder, SubmitOrder
from messages.venue import (
    CancelAllOrders,
    FillsReport,
    OpenOrdersReport,
    OrderReport,
    QueryFills,
    QueryOpenOrders,
    RequestRefused,
)
from venues.bybit import simulator_encode as wire
from venues.bybit.codec_names import CATEGORY, ms
from venues.bybit.requests import BATCH_MAX
from venues.bybit.simulator_encode import Json
from venues.bybit.simulator_errors import BybitError, bad, refusal
from venues.bybit.simulator_exchange import BybitExchange
from venues.bybit.simulator_params import (
    STRATEGY,
    Sent,
    decimal,
    instrument,
    order_of,
    product,
)
from venues.sim.refusals import Refusal

Handler = Callable[[BybitExchange, Sent], Any]
_PAGE: Final = 50
_SPAN_MS: Final = 7 * 86_400_000
_WINDOW: Final = range(3, 301)
_DCP: Final = {"SPOT": Product.SPOT, "DERIVATIVES": Product.LINEAR}


def place(exchange: BybitExchange, params: Sent) -> Json:
    """One order -> its ids; raises BybitError."""
    spec = order_of(exchange, params, len(exchange.requests))
    if spec.reduce_only and exchange.products[spec.instrument_id] is Product.SPOT:
        spec = spec.model_copy(update={"reduce_only": False})  # "only linear, inverse and option"
    now_ns = exchange.now_ns()
    reply = exchange.act(SubmitOrder(ts_event=now_ns, ts_init=now_ns, order=spec)).reply
    if isinstance(reply, RequestRefused) and reply.code == Refusal.WOULD_TAKE:
        order_id = f"9{now_ns}"
        exchange.tell_never(spec, order_id)
        return {"orderId": order_id, "orderLinkId": wire.link(spec.client_order_id)}
    if not isinstance(reply, OrderReport):
        raise _refused(reply, exchange.products[spec.instrument_id])
    return _ids(reply)


def _refused(reply: object, about: Product) -> BybitError:
    if isinstance(reply, RequestRefused):
        return refusal(reply, about)
    raise TypeError(f"{type(reply).__name__}: not an answer to this request")


def _ids(report: OrderReport) -> Json:
    return {
        "orderId": report.venue_order_id,
        "orderLinkId": wire.link(report.client_order_id),
    }


def batch(exchange: BybitExchange, params: Sent) -> tuple[Json, Json]:
    """Several orders -> the rows, and what became of each."""
    about, orders = product(params), params.get("request")
    if not isinstance(orders, list) or not 0 < len(orders) <= BATCH_MAX[about]:
        raise bad("request", "has too many or no orders")
    rows: list[Json] = []
    said: list[Json] = []
    for one in orders:
        head = {"category": CATEGORY[about], "symbol": str(one.get("symbol", ""))}
        try:
            ids = place(exchange, {**one, **head})
            rows.append(head | ids | {"createAt": str(ms(exchange.now_ns()))})
            said.append({"code": 0, "msg": "OK"})
        except BybitError as e:
            rows.append(head | {"orderId": "", "orderLinkId": "", "createAt": ""})
            said.append({"code": e.code, "msg": e.text})
    return {"list": rows}, {"list": said}


def _named(exchange: BybitExchange, params: Sent, about: Product) -> ClientOrderId:
    """The client id of the order that `orderId` or `orderLinkId` means; raises BybitError."""
    if params.get("orderId"):
        name = exchange.names.get(str(params["orderId"]))
        if name is None:
            raise BybitError(*_unknown(about))
        return name
    if not params.get("orderLinkId"):
        raise bad("orderId or orderLinkId", "is required")
    return ClientOrderId(str(params["orderLinkId"]))


def _unknown(about: Product) -> tuple[int, str]:
    spot = (170213, "Order does not exist.")
    return spot if about is Product.SPOT else (110001, "order not exists or too late to cancel")


def cancel(exchange: BybitExchange, params: Sent) -> Json:
    """Take an order off -> its ids; raises BybitError.

    docs: spot looks among plain orders unless `orderFilter` names conditional ones.
    """
    name = instrument(exchange, params)
    about = exchange.products[name]
    head = _about(exchange, _named(exchange, params, about), name)
    if about is Product.SPOT:
        held = exchange.act(QueryOrder(**head)).reply
        kind = _filter(held) if isinstance(held, OrderReport) else None
        if kind != (params.get("orderFilter") or "Order"):
            raise BybitError(*_unknown(about))
    reply = exchange.act(CancelOrder(**head)).reply
    if not isinstance(reply, OrderReport):
        raise _refused(reply, about)
    return _ids(reply)


def _about(exchange: BybitExchange, order: ClientOrderId, name: InstrumentId) -> dict[str, Any]:
    now_ns = exchange.now_ns()
    return {
        "ts_event": now_ns,
        "ts_init": now_ns,
        "client_order_id": order,
        "strategy_id": STRATEGY,
        "instrument_id": name,
    }


def amend(exchange: BybitExchange, params: Sent) -> Json:
    """Change an order's quantity or price -> its ids; raises BybitError."""
    name = instrument(exchange, params)
    about = exchange.products[name]
    head = _about(exchange, _named(exchange, params, about), name)
    held = exchange.act(QueryOrder(**head)).reply
    if not isinstance(held, OrderReport):
        raise BybitError(*_unknown(about))
    quantity, price = decimal(params, "qty") or held.quantity, decimal(params, "price")
    reply = exchange.act(ModifyOrder(**head, quantity=quantity, price=price)).reply
    if not isinstance(reply, OrderReport):
        raise _refused(reply, about)
    return _ids(reply)


def cancel_all(exchange: BybitExchange, params: Sent) -> Json:
    """Every order of an instrument, or of a product -> which.

    docs: spot takes plain orders unless `orderFilter` names conditional ones; contracts both.
    """
    about = product(params)
    names = [n for n, p in exchange.products.items() if p is about]
    if params.get("symbol"):
        names = [instrument(exchange, params)]
    wanted = params.get("orderFilter") or ("Order" if about is Product.SPOT else None)
    rows: list[Json] = []
    for name in names:
        working = _open(exchange, name)
        rows += [_ids(r) for r in working if wanted in (None, _filter(r))]
        now_ns = exchange.now_ns()
        if wanted is None:
            command = CancelAllOrders(ts_event=now_ns, ts_init=now_ns, instrument_id=name)
            exchange.act(command)
            continue
        for report in working:
            if _filter(report) == wanted:
                exchange.act(CancelOrder(**_about(exchange, report.client_order_id, name)))
    return {"list": rows, "success": "1"}


def _filter(report: OrderReport) -> str:
    """Bybit's word for what an open order is."""
    waits = report.order_type.triggered and not report.triggered
    return "StopOrder" if waits else "Order"


def protect(exchange: BybitExchange, params: Sent) -> Json:
    """Set the window of the dead-man switch."""
    about, window = _DCP.get(str(params.get("product"))), params.get("timeWindow")
    if about is None or not isinstance(window, int) or window not in _WINDOW:
        raise bad("timeWindow" if about is not None else "product")
    exchange.windows[about] = window
    return {}


# --- questions -----------------------------------------------------------------------------------


def _open(exchange: BybitExchange, name: InstrumentId) -> tuple[OrderReport, ...]:
    now_ns = exchange.now_ns()
    command = QueryOpenOrders(ts_event=now_ns, ts_init=now_ns, instrument_id=name)
    reply = exchange.act(command).reply
    if not isinstance(reply, OpenOrdersReport):
        raise _refused(reply, exchange.products[name])
    return reply.orders


def _one(exchange: BybitExchange, name: ClientOrderId, about: InstrumentId) -> list[Json]:
    """An order by its client id, open or not; [] if there is none."""
    reply = exchange.act(QueryOrder(**_about(exchange, name, about))).reply
    if isinstance(reply, OrderReport):
        return [_row(exchange, reply)]
    return [exchange.never[name]] if name in exchange.never else []


def _row(exchange: BybitExchange, report: OrderReport) -> Json:
    line = exchange.lines[report.client_order_id]
    return wire.order_row(report, line, exchange.products[report.instrument_id])


def realtime(exchange: BybitExchange, params: Sent) -> Json:
    """Open orders; or one order, also one that has closed. `openOnly` 1: the closed ones."""
    about = product(params)
    wanted = instrument(exchange, params) if params.get("symbol") else None
    names = [n for n, p in exchange.products.items() if p is about and wanted in (None, n)]
    if params.get("orderId") or params.get("orderLinkId"):
        try:
            name = _named(exchange, params, about)
        except BybitError:
            return page([], params, about)
        return page([row for n in names for row in _one(exchange, name, n)], params, about)
    if str(params.get("openOnly", "0")) == "1":
        return page(_closed(exchange, names), params, about)
    rows = [_row(exchange, report) for n in names for report in _open(exchange, n)]
    if params.get("orderFilter"):
        stop = params["orderFilter"] == "StopOrder"
        rows = [r for r in rows if (r["orderStatus"] == "Untriggered") is stop]
    return page(rows, params, about)


def history(exchange: BybitExchange, params: Sent) -> Json:
    """Orders that have closed, newest first."""
    about = product(params)
    if params.get("orderId") or params.get("orderLinkId"):
        return realtime(exchange, params)
    wanted = instrument(exchange, params) if params.get("symbol") else None
    names = [n for n, p in exchange.products.items() if p is about and wanted in (None, n)]
    status = params.get("orderStatus")
    rows = [r for r in _closed(exchange, names) if status in (None, "", r["orderStatus"])]
    return page(rows, params, about)


def _closed(exchange: BybitExchange, names: list[InstrumentId]) -> list[Json]:
    found = [
        row
        for name, line in exchange.lines.items()
        if line.spec.instrument_id in names and line.order is not None and not line.order.open
        for row in _one(exchange, name, line.spec.instrument_id)
    ]
    never = [
        r for r in exchange.never.values() if any(wire.symbol(n) == r["symbol"] for n in names)
    ]
    return (found + never)[::-1]


def executions(exchange: BybitExchange, params: Sent) -> Json:
    """Our trades, newest first."""
    about = product(params)
    wanted = instrument(exchange, params) if params.get("symbol") else None
    rows: list[Json] = []
    for name in (n for n, p in exchange.products.items() if p is about and wanted in (None, n)):
        rows += _fills(exchange, name)
    if params.get("orderId"):
        rows = [r for r in rows if r["orderId"] == params["orderId"]]
    if params.get("orderLinkId"):
        rows = [r for r in rows if r["orderLinkId"] == params["orderLinkId"]]
    if not params.get("orderId") and not params.get("orderLinkId"):
        first, last = _span(exchange, params)
        rows = [r for r in rows if first <= int(r["execTime"]) <= last]
    return page(sorted(rows, key=lambda r: int(r["seq"]), reverse=True), params, about)


def _span(exchange: BybitExchange, params: Sent) -> tuple[int, int]:
    """Which milliseconds a question about executions covers: seven days.

    docs: the last ones if neither end is named, else those after the start or before the end.
    """
    first, last = (int(params.get(word) or 0) for word in ("startTime", "endTime"))
    last = last or (first + _SPAN_MS if first else ms(exchange.now_ns()))
    first = first or last - _SPAN_MS
    if last - first > _SPAN_MS:
        raise bad("startTime and endTime", "are more than 7 days apart")
    return first, last


def _fills(exchange: BybitExchange, name: InstrumentId) -> list[Json]:
    now_ns, about, since, rows = exchange.now_ns(), exchange.products[name], 0, []
    while True:
        command = QueryFills(
            ts_event=now_ns, ts_init=now_ns, instrument_id=name, since_trade_id=since
        )
        reply = exchange.act(command).reply
        if not isinstance(reply, FillsReport):
            raise _refused(reply, about)
        rows += [
            wire.execution_row(fill, exchange.lines[exchange.names[fill.venue_order_id]], about)
            for fill in reply.fills
        ]
        if reply.complete:
            return rows
        since = int(reply.fills[-1].trade_id) + 1


def page(rows: list[Json], params: Sent, about: Product) -> Json:
    """A page of rows; the cursor is where the next one begins, in Bybit's encoding."""
    try:
        limit = max(1, min(int(params.get("limit") or _PAGE), 1000))
        start = int(str(params.get("cursor") or "0").partition("%3A")[0].partition(":")[0])
    except ValueError:
        raise bad("cursor or limit") from None
    more = start + limit < len(rows)
    return {
        "category": CATEGORY[about],
        "list": rows[start : start + limit],
        "nextPageCursor": f"{start + limit}%3A1" if more else "",
    }


ROUTES: Final[Mapping[str, Handler]] = {
    "POST /v5/order/create": place,
    "POST /v5/order/create-batch": batch,
    "POST /v5/order/cancel": cancel,
    "POST /v5/order/amend": amend,
    "POST /v5/order/cancel-all": cancel_all,
    "POST /v5/order/disconnected-cancel-all": protect,
    "GET /v5/order/realtime": realtime,
    "GET /v5/order/history": history,
    "GET /v5/execution/list": executions,
}
