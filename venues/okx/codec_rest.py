"""OKX's REST answers -> evidence: one entry point, one reader per request.

docs: docs-v5 "Trade", "Algo Trading", "Trading Account" (2026-09). Every answer is
{"code", "msg", "data": [rows]}. What places, amends or cancels is answered with ids only: that the
venue took it, not what became of it.
"""

from collections.abc import Callable
from typing import Final, TypeVar

import msgspec
from pydantic import ValidationError

from messages.base import ClientOrderId, Event
from messages.orders import OrderSpec
from messages.venue import (
    Acted,
    OrderListReport,
    OrderNotFound,
    OrderReport,
    QueryFills,
    Request,
    RequestFailed,
    RequestRefused,
    SubmitOrderList,
)
from trading.errors import Garbled
from venues.okx import codec_account as account
from venues.okx import codec_orders as orders
from venues.okx.codec_errors import Refusal, refusal
from venues.okx.codec_names import ns
from venues.wire import evidence
from venues.wire.asked import Asked
from venues.wire.request import Answer

_OK: Final = "0"
ENDED: Final = frozenset({"51400", "51401", "51402", "51410"})  # gone, or about to be
UNREADABLE: Final = (msgspec.DecodeError, ValidationError, ValueError, ArithmeticError)
_T = TypeVar("_T")


class Outer(msgspec.Struct):
    """Of every answer."""

    code: str
    msg: str = ""
    data: msgspec.Raw = msgspec.Raw(b"[]")


class Ack(msgspec.Struct, rename="camel"):
    """A row that says whether one order was taken; docs: "Place order", "Place algo order"."""

    s_code: str | None = None
    s_msg: str = ""
    ord_id: str = ""
    cl_ord_id: str = ""
    algo_id: str = ""
    algo_cl_ord_id: str = ""
    inst_id: str = ""
    ts: str = ""
    # What tells other rows apart from an acknowledgement:
    acc_fill_sz: str | None = None
    actual_sz: str | None = None


def outer(answer: Answer) -> Outer:
    """The envelope of an answer, whatever its status; raises msgspec.DecodeError."""
    return msgspec.json.decode(answer.body, type=Outer)


def read_answer(answer: Answer, asked: Asked) -> tuple[Event, ...]:
    """The evidence in one answer; the last event is the answer itself.

    raises  Garbled (with the body) if a success is unreadable
    """
    try:
        head = outer(answer)
    except (msgspec.DecodeError, UnicodeDecodeError):
        if answer.status != 200:
            words = f"unreadable answer of {len(answer.body)} bytes"
            return (refusal(asked, answer.status, "", words),)
        raise Garbled(f"{asked.request}: no answer of OKX", answer.body) from None
    try:
        found = _failed(head, answer.status, asked)
        return (found,) if found is not None else _READERS[asked.request](head, asked)
    except UNREADABLE as e:
        raise Garbled(f"{asked.request}: {str(e).splitlines()[0]}", answer.body) from e


def acks(head: Outer) -> list[Ack]:
    """Rows as acknowledgements; empty where there are none to read."""
    try:
        return msgspec.json.decode(head.data, type=list[Ack])
    except msgspec.DecodeError:
        return []


def _failed(head: Outer, status: int, asked: Asked) -> Refusal | None:
    """The refusal that an answer is, if it is one; a list is judged row by row."""
    rows = acks(head)
    if asked.request is Request.SUBMIT_LIST and any(row.s_code for row in rows):
        return None
    if asked.request is Request.CANCEL_ALL:
        # What has ended meanwhile needs no canceling; what was not canceled is the answer.
        kept = [r for r in rows if r.s_code not in (None, _OK, *ENDED)]
        if not kept and (rows or head.code == _OK) and status == 200:
            return None
        rows = kept
    if rows and rows[0].s_code not in (None, _OK):
        return refusal(asked, status, rows[0].s_code or "", rows[0].s_msg)
    if head.code != _OK or status != 200:
        return refusal(asked, status, head.code if head.code != _OK else "", head.msg)
    return None


def _rows(head: Outer, shape: type[_T]) -> list[_T]:
    return msgspec.json.decode(head.data, type=list[shape])  # type: ignore[valid-type]


def _one(head: Outer, shape: type[_T]) -> _T:
    rows = _rows(head, shape)
    if not rows:
        raise ValueError("no row")
    return rows[0]


def _submitted(head: Outer, asked: Asked) -> tuple[Event, ...]:
    if asked.order is None:
        raise ValueError("an acknowledgement needs the order that was asked for")
    return (_acknowledged(_one(head, Ack), asked.order, asked),)


def _acknowledged(row: Ack, order: OrderSpec, asked: Asked) -> OrderReport:
    ts = ns(int(row.ts)) if row.ts else 0
    return evidence.acknowledged(asked, order, row.algo_id or row.ord_id, ts)


def _listed(head: Outer, asked: Asked) -> tuple[Event, ...]:
    if not isinstance(asked.command, SubmitOrderList):
        raise ValueError("a list is answered in its own order")
    wanted = {o.client_order_id: o for o in asked.command.orders}
    rows = {ClientOrderId(row.cl_ord_id): row for row in _rows(head, Ack)}
    answers: list[OrderReport | RequestRefused | RequestFailed] = []
    for name, order in wanted.items():
        row = rows.get(name)
        if row is None:
            lost = asked.failed(Acted.PERHAPS, "the answer does not mention it")
            answers.append(lost.model_copy(update={"client_order_id": name}))
        elif row.s_code == _OK:
            answers.append(_acknowledged(row, order, asked))
        else:
            found = refusal(asked, 200, row.s_code or "", row.s_msg, name)
            assert not isinstance(found, OrderNotFound), "only a query finds no order"
            answers.append(found)
    report = OrderListReport(ts_event=asked.ts_event, ts_init=asked.ts_init, answers=tuple(answers))
    return (report,)


def _told(head: Outer, asked: Asked) -> tuple[Event, ...]:
    """A cancel or an amend was taken; or, once asked, how the order is."""
    rows = acks(head)
    if rows and (rows[0].acc_fill_sz is not None or rows[0].actual_sz is not None):
        return _queried(head, asked)
    return _done(head, asked)


def _done(head: Outer, asked: Asked) -> tuple[Event, ...]:
    return (evidence.done(asked),)


def _queried(head: Outer, asked: Asked) -> tuple[Event, ...]:
    rows = reports(head, asked)
    if not rows:
        return (refusal(asked, 200, "51603", "no such order"),)
    if rows[0] is None:
        raise ValueError("an order in units of the quote currency: its quantity is not known")
    return (rows[0],)


def reports(head: Outer, asked: Asked) -> list[OrderReport | None]:
    """Rows of orders, of either kind."""
    kinds = acks(head)
    if kinds and kinds[0].acc_fill_sz is None:
        algos = _rows(head, orders.Algo)
        return [
            orders.algo_report(d, asked.instruments, asked.ts_init, asked.source) for d in algos
        ]
    rows = _rows(head, orders.Order)
    return [orders.order_report(d, asked.instruments, asked.ts_init, asked.source) for d in rows]


def _open_orders(head: Outer, asked: Asked) -> tuple[Event, ...]:
    return (evidence.open_orders(asked, reports(head, asked)),)


def _fills(head: Outer, asked: Asked) -> tuple[Event, ...]:
    """Our trades, oldest first; those of one order under the ids by which it was asked for.

    docs: "Transaction details": liquidations and auto-deleveraging have negative trade ids, so ids
    do not only rise, and `since_trade_id` cannot be compared with.
    """
    of_one = asked.command.venue_order_id if isinstance(asked.command, QueryFills) else None
    kinds = acks(head)
    algo = bool(kinds) and kinds[0].actual_sz is not None
    rows = [] if algo else _rows(head, orders.Fill)
    found = [orders.fill_report(d, asked.instruments, asked.ts_init, asked.source) for d in rows]
    if of_one is not None:
        found = [fill.model_copy(update={"venue_order_id": of_one}) for fill in found]
    # OKX begins with the newest.
    return (evidence.fills(asked, found[::-1], complete=len(rows) < FILLS_LIMIT),)


def _account(head: Outer, asked: Asked) -> tuple[Event, ...]:
    rows = _rows(head, account.AccountRow)
    return (account.account_report(rows, asked, partial=False),)


def _positions(head: Outer, asked: Asked) -> tuple[Event, ...]:
    rows = _rows(head, account.PositionRow)
    positions = [
        account.position_report(d, asked.instruments, asked.ts_init, asked.source)
        for d in rows
        if account.instrument_known(d, asked.instruments)
    ]
    return (evidence.positions(asked, positions),)


def _fees(head: Outer, asked: Asked) -> tuple[Event, ...]:
    instrument = asked.instruments.get(asked.instrument_id) if asked.instrument_id else None
    if instrument is None:
        raise ValueError("fees are asked for one known instrument")
    return (account.fees_report(_one(head, account.FeeRow), instrument, asked),)


FILLS_LIMIT: Final = 100
_READERS: Final[dict[Request, Callable[[Outer, Asked], tuple[Event, ...]]]] = {
    Request.SUBMIT: _submitted,
    Request.SUBMIT_LIST: _listed,
    Request.CANCEL: _told,
    Request.MODIFY: _told,
    Request.QUERY_ORDER: _queried,
    Request.QUERY_OPEN_ORDERS: _open_orders,
    Request.QUERY_FILLS: _fills,
    Request.QUERY_ACCOUNT: _account,
    Request.QUERY_POSITIONS: _positions,
    Request.QUERY_FEES: _fees,
    Request.SET_LEVERAGE: _done,
    Request.CANCEL_ALL: _done,
    Request.CANCEL_ALL_AFTER: _done,
}
