"""The REST endpoints about orders, algo orders and trades.

An acknowledgement says only that a request was taken. What the engine finds when it looks (a
post-only order that would take) comes on the stream. docs: docs-v5 "Trade", "Algo Trading"
(2026-09).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from messages.base import NS_PER_S, ClientOrderId
from messages.market import Instrument
from messages.orders import CancelOrder, ModifyOrder, OrderSpec, QueryOrder, SubmitOrder
from messages.venue import (
    CancelAllAfter,
    FillsReport,
    OpenOrdersReport,
    OrderReport,
    QueryFills,
    QueryOpenOrders,
    RequestRefused,
    Source,
)
from venues.okx import simulator_encode as wire
from venues.okx.codec_names import INST_TYPE, ms
from venues.okx.codec_requests import BATCH_MAX
from venues.okx.simulator_encode import Json
from venues.okx.simulator_errors import OkxError, RowError, envelope, no_such_order, refused
from venues.okx.simulator_exchange import OkxExchange
from venues.okx.simulator_params import (
    STRATEGY,
    Sent,
    decimal,
    instrument,
    need,
    order_name,
    order_of,
)
from venues.sim.refusals import Refusal
from venues.wire.evidence import untouched

Handler = Callable[[OkxExchange, Any], bytes]
_PAGE: Final = 100
_SWITCH: Final = range(10, 121)


def times(exchange: OkxExchange) -> dict[str, Any]:
    """What every command says of its time."""
    now_ns = exchange.now_ns()
    return {"ts_event": now_ns, "ts_init": now_ns}


def _about(exchange: OkxExchange, name: ClientOrderId, rules: Instrument) -> dict[str, Any]:
    ids = {"client_order_id": name, "strategy_id": STRATEGY}
    return times(exchange) | ids | {"instrument_id": rules.instrument_id}


# --- placing, canceling, amending ----------------------------------------------------------------


def _rows(
    exchange: OkxExchange, params: Any, act: Callable[[OkxExchange, Sent], Json], client: str
) -> bytes:
    """One answer of several acts: each is told in its row, the envelope counts."""
    several = params if isinstance(params, list) else [params]
    if not 0 < len(several) <= BATCH_MAX:
        raise OkxError("51111", f"Maximum {BATCH_MAX} orders can be placed in bulk.", 400)
    found, failed = [], 0
    for one in several:
        row = {"sCode": "0", "sMsg": "", "tag": "", "ts": str(ms(exchange.now_ns()))}
        try:
            found.append(row | act(exchange, one))
        except RowError as e:
            failed += 1
            named = {client: one.get(client, ""), "ordId": one.get("ordId", "")}
            found.append(row | named | {"sCode": e.code, "sMsg": e.text})
    if failed == len(several):
        return envelope(found, "1", "All operations failed")
    if failed:
        return envelope(found, "2", "Bulk operation partially succeeded.")
    return envelope(found)


def place(exchange: OkxExchange, params: Any) -> bytes:
    """One order, or a list of them."""
    return _rows(exchange, params, _place, "clOrdId")


def _place(exchange: OkxExchange, one: Sent) -> Json:
    spec = order_of(exchange, one, len(exchange.requests) + exchange.events, algo=False)
    reply = exchange.act(SubmitOrder(**times(exchange), order=spec)).reply
    if isinstance(reply, RequestRefused) and reply.code == Refusal.WOULD_TAKE:
        reply = _taken_and_ended(exchange, spec)
    if not isinstance(reply, OrderReport):
        raise refused(reply)
    return {"ordId": reply.venue_order_id, "clOrdId": wire.named(reply.client_order_id)}


def _taken_and_ended(exchange: OkxExchange, spec: OrderSpec) -> OrderReport:
    name = f"7{exchange.now_ns()}"
    report = untouched(spec, name, **times(exchange), source=Source.ACK)
    exchange.tell_never(spec, report)
    return report


def place_algo(exchange: OkxExchange, params: Any) -> bytes:
    """A stop or a take-profit."""
    return _rows(exchange, params, _place_algo, "algoClOrdId")


def _place_algo(exchange: OkxExchange, one: Sent) -> Json:
    spec = order_of(exchange, one, len(exchange.requests) + exchange.events, algo=True)
    reply = exchange.act(SubmitOrder(**times(exchange), order=spec)).reply
    if not isinstance(reply, OrderReport):
        raise refused(reply)
    return {"algoId": reply.venue_order_id, "algoClOrdId": wire.named(reply.client_order_id)}


def _held(
    exchange: OkxExchange, one: Sent, *, algo: bool, code: str
) -> tuple[ClientOrderId, Instrument]:
    """The order that a request is about, if it is one of this kind; raises RowError."""
    rules = instrument(exchange, one)
    ids = ("algoClOrdId", "algoId") if algo else ("clOrdId", "ordId")
    try:
        name = order_name(exchange, one, *ids)
    except RowError as e:
        raise RowError(code if e.code == "51603" else e.code, e.text) from None
    line, report = exchange.lines.get(name), _report(exchange, name, rules)
    triggered = line is not None and line.spec.order_type.triggered
    if report is None or (triggered and not report.triggered) is not algo:
        raise RowError(code, "The order has been filled, canceled or does not exist.")
    return name, rules


def _report(exchange: OkxExchange, name: ClientOrderId, rules: Instrument) -> Any:
    reply = exchange.act(QueryOrder(**_about(exchange, name, rules))).reply
    return reply if isinstance(reply, OrderReport) else None


def cancel(exchange: OkxExchange, params: Any) -> bytes:
    """Take orders off the book."""
    return _rows(exchange, params, lambda x, one: _cancel(x, one, algo=False), "clOrdId")


def cancel_algos(exchange: OkxExchange, params: Any) -> bytes:
    """Take algo orders back."""
    return _rows(exchange, params, lambda x, one: _cancel(x, one, algo=True), "algoClOrdId")


def _cancel(exchange: OkxExchange, one: Sent, *, algo: bool) -> Json:
    name, rules = _held(exchange, one, algo=algo, code="51400")
    reply = exchange.act(CancelOrder(**_about(exchange, name, rules))).reply
    if not isinstance(reply, OrderReport):
        raise refused(reply)
    return _ids(reply, algo=algo)


def _ids(report: OrderReport, *, algo: bool) -> Json:
    name = wire.named(report.client_order_id)
    if algo:
        return {"algoId": report.venue_order_id, "algoClOrdId": name}
    return {"ordId": report.venue_order_id, "clOrdId": name}


def amend(exchange: OkxExchange, params: Any) -> bytes:
    """Change an order's size or price; `newSz` counts what has traded."""
    return _rows(exchange, params, lambda x, one: _amend(x, one, algo=False), "clOrdId")


def amend_algo(exchange: OkxExchange, params: Any) -> bytes:
    """Change an algo's size."""
    return _rows(exchange, params, lambda x, one: _amend(x, one, algo=True), "algoClOrdId")


def _amend(exchange: OkxExchange, one: Sent, *, algo: bool) -> Json:
    name, rules = _held(exchange, one, algo=algo, code="51503")
    size, price = decimal(one, "newSz"), decimal(one, "newPx")
    if size is None and price is None:
        raise RowError("51500", "Either order price or amount is required.")
    held = _report(exchange, name, rules)
    quantity = held.quantity if size is None else size * rules.contract_size
    command = ModifyOrder(**_about(exchange, name, rules), quantity=quantity, price=price)
    reply = exchange.act(command).reply
    if not isinstance(reply, OrderReport):
        raise refused(reply, amending=True)
    return _ids(reply, algo=algo) | {"reqId": ""}


def switch(exchange: OkxExchange, params: Any) -> bytes:
    """The dead-man switch of the whole account."""
    seconds = need(params, "timeOut")
    if not seconds.isdigit() or (int(seconds) and int(seconds) not in _SWITCH):
        raise OkxError("51000", "Parameter timeOut error", 400)
    now_ns, after_ns = exchange.now_ns(), int(seconds) * NS_PER_S
    for name in exchange.products:
        head = {**times(exchange), "instrument_id": name}
        exchange.act(CancelAllAfter(**head, after_ns=after_ns))
    at = str(ms(now_ns + after_ns)) if after_ns else "0"
    return envelope([{"triggerTime": at, "tag": "", "ts": str(ms(now_ns))}])


# --- questions -----------------------------------------------------------------------------------


def order(exchange: OkxExchange, params: Any) -> bytes:
    """One order, open or not."""
    rules = instrument(exchange, params)
    try:
        name = order_name(exchange, params, "clOrdId", "ordId")
    except RowError:
        raise no_such_order() from None
    if name in exchange.never:
        return envelope([exchange.never[name]])
    report = _report(exchange, name, rules)
    line = exchange.lines.get(name)
    # An algo is no order before it triggers, and has no client id as an order.
    algo = line is not None and line.spec.order_type.triggered
    if report is None or (algo and (not report.triggered or not params.get("ordId"))):
        raise no_such_order()
    return envelope([exchange.order_row(report)])


def algo_order(exchange: OkxExchange, params: Any) -> bytes:
    """One algo order, open or not."""
    try:
        name = order_name(exchange, params, "algoClOrdId", "algoId")
    except RowError:
        raise no_such_order() from None
    line = exchange.lines.get(name)
    if line is None or not line.spec.order_type.triggered:
        raise no_such_order()
    rules = exchange.instrument(line.spec.instrument_id)
    return envelope([exchange.algo_row(_report(exchange, name, rules))])


def _instruments(exchange: OkxExchange, params: Sent) -> list[Instrument]:
    if params.get("instId"):
        return [instrument(exchange, params)]
    kind = params.get("instType")
    return [i for i in exchange.venue.instruments if kind in (None, "", INST_TYPE[i.product])]


def _open(exchange: OkxExchange, params: Sent, *, algo: bool) -> Iterable[OrderReport]:
    for rules in _instruments(exchange, params):
        command = QueryOpenOrders(**times(exchange), instrument_id=rules.instrument_id)
        reply = exchange.act(command).reply
        assert isinstance(reply, OpenOrdersReport), "the instrument is known"
        for report in reply.orders:
            triggered = exchange.lines[report.client_order_id].spec.order_type.triggered
            if (triggered and not report.triggered) is algo:
                yield report


def pending(exchange: OkxExchange, params: Any) -> bytes:
    """Open orders, newest first."""
    rows = [exchange.order_row(r) for r in _open(exchange, params, algo=False)]
    return _page(rows[::-1], params, "ordId")


def pending_algos(exchange: OkxExchange, params: Any) -> bytes:
    """Algo orders that wait, newest first."""
    wanted = need(params, "ordType").split(",")
    rows = [exchange.algo_row(r) for r in _open(exchange, params, algo=True)]
    # Whatever it was placed as, a waiting order is a conditional one here.
    rows = rows if {"conditional", "trigger"} & set(wanted) else []
    return _page(rows[::-1], params, "algoId")


def history(exchange: OkxExchange, params: Any) -> bytes:
    """Orders that have ended, newest first."""
    known = {i.instrument_id: i for i in _instruments(exchange, params)}
    rows = []
    for name, line in exchange.lines.items():
        rules = known.get(line.spec.instrument_id)
        if rules is None or line.order is None or line.order.open:
            continue
        rows.append(exchange.order_row(_report(exchange, name, rules)))
    symbols = {i.symbol for i in known.values()}
    rows += [r for r in exchange.never.values() if r["instId"] in symbols]
    state = params.get("state")
    return _page([r for r in rows if state in (None, "", r["state"])][::-1], params, "ordId")


def fills(exchange: OkxExchange, params: Any) -> bytes:
    """Our trades, newest first."""
    rows: list[Json] = []
    for rules in _instruments(exchange, params):
        since, complete = 0, False
        while not complete:
            head = {**times(exchange), "instrument_id": rules.instrument_id}
            reply = exchange.act(QueryFills(**head, since_trade_id=since)).reply
            assert isinstance(reply, FillsReport), "the instrument is known"
            for fill in reply.fills:
                spec = exchange.lines[exchange.names[fill.venue_order_id]].spec
                rows.append(wire.fill_row(fill, spec, rules))
            complete = reply.complete or not reply.fills
            since = int(reply.fills[-1].trade_id) + 1 if reply.fills else since
    if params.get("ordId"):
        rows = [r for r in rows if r["ordId"] == params["ordId"]]
    begin = int(params.get("begin") or 0)
    rows = [r for r in rows if int(r["ts"]) >= begin]
    return _page(sorted(rows, key=lambda r: int(r["billId"]), reverse=True), params, "billId")


def _page(rows: list[Json], params: Sent, key: str) -> bytes:
    """Rows after the one that `after` names; `limit` of them."""
    after = params.get("after")
    if after:
        at = next((i for i, r in enumerate(rows) if r[key] == after), None)
        older = [r for r in rows if int(r[key]) < int(after)]
        rows = older if at is None else rows[at + 1 :]
    limit = str(params.get("limit") or _PAGE)
    if not limit.isdigit():
        raise OkxError("51000", "Parameter limit error", 400)
    return envelope(rows[: min(int(limit), _PAGE)])


ROUTES: Final[Mapping[str, Handler]] = {
    "POST /api/v5/trade/order": place,
    "POST /api/v5/trade/batch-orders": place,
    "POST /api/v5/trade/cancel-order": cancel,
    "POST /api/v5/trade/cancel-batch-orders": cancel,
    "POST /api/v5/trade/amend-order": amend,
    "POST /api/v5/trade/amend-algos": amend_algo,
    "POST /api/v5/trade/order-algo": place_algo,
    "POST /api/v5/trade/cancel-algos": cancel_algos,
    "POST /api/v5/trade/cancel-all-after": switch,
    "GET /api/v5/trade/order": order,
    "GET /api/v5/trade/order-algo": algo_order,
    "GET /api/v5/trade/orders-pending": pending,
    "GET /api/v5/trade/orders-algo-pending": pending_algos,
    "GET /api/v5/trade/orders-history": history,
    "GET /api/v5/trade/fills": fills,
    "GET /api/v5/trade/fills-history": fills,
}
