"""Bybit's REST answers about our account -> evidence: one entry point, one reader per request.

What an acknowledgement is worth. Create, amend and cancel are asynchronous: their answers name
the order and say that the request was taken, before the engine has looked at it. So a created
order is reported NEW with the reason ACKNOWLEDGED, and may still be rejected on the stream; an
amend or a cancel is `RequestDone` and proves nothing about the order, which the stream tells.

docs: v5 "Trade", "Position", "Account" (2026-11): "please use websocket to confirm the order
status".
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Final, TypeVar

import msgspec

from messages.base import Event
from messages.market import Product
from messages.orders import OrderSpec
from messages.venue import (
    Balance,
    MarginMode,
    OrderListReport,
    OrderReport,
    PositionReport,
    Request,
    RequestFailed,
    RequestRefused,
    Source,
    SubmitOrderList,
)
from trading.errors import Garbled
from venues.bybit.codec_errors import judge, refusal, verdict_of
from venues.bybit.codec_frames import UNREADABLE
from venues.bybit.codec_names import (
    ENVELOPE,
    VENUE,
    Envelope,
    amount,
    instrument_id,
    lookup,
    ns,
)
from venues.bybit.codec_orders import ExecutionRow, OrderRow, fill_report, order_report
from venues.wire import evidence
from venues.wire.asked import Asked
from venues.wire.request import Answer

ACKNOWLEDGED: Final = "acknowledged: the engine has not looked at it yet"
_ZERO: Final = Decimal(0)
_SIGN: Final = {"Buy": 1, "Sell": -1, "": 0, "None": 0}
_ISOLATED: Final = 1
_T = TypeVar("_T")


class Ids(msgspec.Struct, rename="camel"):
    """What an acknowledgement says."""

    order_id: str = ""
    order_link_id: str = ""


class Listed(msgspec.Struct, rename="camel"):
    """Any page: how many rows, and where the next one begins."""

    list: list[msgspec.Raw]
    next_page_cursor: str | None = ""


class _Batch(msgspec.Struct):
    list: list[Ids]


class _Result(msgspec.Struct):
    code: int = 0
    msg: str = ""


class _Results(msgspec.Struct):
    list: tuple[_Result, ...] = ()


class _Orders(msgspec.Struct):
    list: list[OrderRow]


class _Executions(msgspec.Struct, rename="camel"):
    list: list[ExecutionRow]
    next_page_cursor: str | None = ""


class Coin(msgspec.Struct, rename="camel"):
    """One currency of a unified account, over REST or streamed."""

    coin: str
    wallet_balance: str | None = ""
    spot_borrow: str | None = ""
    locked: str | None = ""  # by spot orders
    total_order_im: str | None = msgspec.field(default="", name="totalOrderIM")
    total_position_im: str | None = msgspec.field(default="", name="totalPositionIM")


class Wallet(msgspec.Struct):
    """One account."""

    coin: list[Coin]


class _Wallets(msgspec.Struct):
    list: list[Wallet]


class PositionRow(msgspec.Struct, rename="camel"):
    """A position: REST calls its price `avgPrice`, the stream `entryPrice`."""

    symbol: str
    side: str
    size: str
    updated_time: str
    avg_price: str | None = ""
    entry_price: str | None = ""
    leverage: str | None = ""
    liq_price: str | None = ""
    trade_mode: int = 0
    category: str = ""


class _Positions(msgspec.Struct):
    list: list[PositionRow]


class _Rate(msgspec.Struct, rename="camel"):
    symbol: str
    taker_fee_rate: str
    maker_fee_rate: str


class _Rates(msgspec.Struct):
    list: list[_Rate]


def decode_answer(answer: Answer, asked: Asked) -> tuple[Event, ...]:
    """The evidence in one HTTP answer of any status; the last event is the answer itself.

    raises  Garbled (with the body) if a success is unreadable
    """
    if answer.status != 200:
        return (refusal(answer, asked),)
    try:
        found = ENVELOPE.decode(answer.body)
        if found.ret_code != 0:
            return (refusal(answer, asked),)
        return _READERS[asked.request](found, asked)
    except UNREADABLE as e:
        raise Garbled(f"{asked.request}: {str(e).splitlines()[0]}", answer.body) from e


def result(envelope: Envelope, shape: type[_T]) -> _T:
    """The part of a success that is the endpoint's own."""
    return msgspec.json.decode(envelope.result, type=shape)


def balance(d: Coin) -> Balance:
    """A currency: what is ours of the wallet (borrowed money is not), and what orders and
    positions hold of it. `free` is below zero where unrealised profit stands in for margin."""
    total = amount(d.wallet_balance) - amount(d.spot_borrow)
    locked = amount(d.locked) + amount(d.total_order_im) + amount(d.total_position_im)
    return Balance(currency=d.coin, total=total, free=total - locked, locked=locked)


def position(d: PositionRow, product: Product, source: Source, ts_init: int) -> PositionReport:
    """The venue's view of one position. `tradeMode` 0 says nothing: a unified account's mode is
    the account's."""
    quantity = amount(d.size) * lookup(_SIGN, d.side, "side")
    price = amount(d.avg_price or d.entry_price)
    return PositionReport(
        ts_event=ns(d.updated_time),
        ts_init=ts_init,
        instrument_id=instrument_id(d.symbol, product),
        quantity=quantity,
        avg_px=price if quantity else _ZERO,
        leverage=amount(d.leverage),
        margin_mode=MarginMode.ISOLATED if d.trade_mode == _ISOLATED else None,
        liquidation_px=amount(d.liq_price),
        source=source,
    )


def _time(envelope: Envelope, asked: Asked) -> int:
    """When the venue answered, by its own clock where it says."""
    return ns(envelope.time) or asked.ts_event


def _acknowledged(ids: Ids, order: OrderSpec, ts: int, asked: Asked) -> OrderReport:
    return evidence.acknowledged(asked, order, ids.order_id, ts, ACKNOWLEDGED)


def _submitted(envelope: Envelope, asked: Asked) -> tuple[Event, ...]:
    if asked.order is None:
        raise ValueError("an acknowledgement needs the order that was asked for")
    ids = result(envelope, Ids)
    return (_acknowledged(ids, asked.order, _time(envelope, asked), asked),)


def _listed(envelope: Envelope, asked: Asked) -> tuple[Event, ...]:
    """docs: "Batch Place Order": `result.list` names the orders, `retExtInfo.list` says of each
    what became of it."""
    if not isinstance(asked.command, SubmitOrderList):
        raise ValueError("a batch's answer needs the orders that were asked for")
    orders = asked.command.orders
    rows = result(envelope, _Batch).list
    found = msgspec.json.decode(envelope.ret_ext_info, type=_Results).list
    if not len(rows) == len(found) == len(orders):
        raise ValueError(f"{len(rows)} rows and {len(found)} codes for {len(orders)} orders")
    ts = _time(envelope, asked)
    answers = tuple(
        _acknowledged(ids, order, ts, asked) if not said.code else _one_refused(said, order, asked)
        for ids, said, order in zip(rows, found, orders, strict=True)
    )
    return (OrderListReport(ts_event=ts, ts_init=asked.ts_init, answers=answers),)


def _one_refused(said: _Result, order: OrderSpec, asked: Asked) -> RequestRefused | RequestFailed:
    one = Asked(
        Request.SUBMIT,
        asked.ts_init,
        order.instrument_id,
        order.client_order_id,
        asked.ts_venue,
        asked.ts_expires,
        asked.source,
        order,
    )
    verdict = judge(200, said.code)
    answer = verdict_of(verdict, Answer(200, {}, b""), one, (said.code, said.msg))
    if not isinstance(answer, RequestRefused | RequestFailed):
        raise TypeError(f"{said.code}: no answer to a new order")
    return answer


def _queried(envelope: Envelope, asked: Asked) -> tuple[Event, ...]:
    """No rows: the venue has no such order, as of when it looked: not as of its answer's `time`,
    for the order may have come in between."""
    found = _reports(envelope, asked)
    if found:
        return (found[0],)
    return (evidence.no_such_order(asked),)


def _reports(envelope: Envelope, asked: Asked) -> tuple[OrderReport, ...]:
    rows = result(envelope, _Orders).list
    found = (order_report(d, asked.product, asked.source, asked.ts_init) for d in rows)
    return tuple(report for report in found if report is not None)


def _open_orders(envelope: Envelope, asked: Asked) -> tuple[Event, ...]:
    return (evidence.open_orders(asked, _reports(envelope, asked), _time(envelope, asked)),)


def _fills(envelope: Envelope, asked: Asked) -> tuple[Event, ...]:
    page = result(envelope, _Executions)
    # The venue begins with the newest.
    rows = page.list[::-1]
    found = (fill_report(d, asked.product, asked.source, asked.ts_init) for d in rows)
    complete = not (page.list and page.next_page_cursor)
    return (evidence.fills(asked, found, complete=complete, ts=_time(envelope, asked)),)


def _account(envelope: Envelope, asked: Asked) -> tuple[Event, ...]:
    wallets = result(envelope, _Wallets).list
    balances = (balance(coin) for wallet in wallets for coin in wallet.coin)
    return (evidence.account(asked, balances, ts=_time(envelope, asked)),)


def _positions(envelope: Envelope, asked: Asked) -> tuple[Event, ...]:
    rows = [d for d in result(envelope, _Positions).list if amount(d.size)]
    found = (position(d, asked.product, asked.source, asked.ts_init) for d in rows)
    return (evidence.positions(asked, found, _time(envelope, asked)),)


def _fees(envelope: Envelope, asked: Asked) -> tuple[Event, ...]:
    rows = result(envelope, _Rates).list
    found = {instrument_id(d.symbol, asked.product): d for d in rows}
    name = asked.instrument_id
    if name is None or name not in found:
        raise ValueError(f"{name}: not among the fees that {VENUE} named")
    maker, taker = (amount(x) for x in (found[name].maker_fee_rate, found[name].taker_fee_rate))
    return (evidence.fees(asked, maker, taker, _time(envelope, asked)),)


def _done(envelope: Envelope, asked: Asked) -> tuple[Event, ...]:
    return (evidence.done(asked),)


def _changed(envelope: Envelope, asked: Asked) -> tuple[Event, ...]:
    """The acknowledgement of a cancel or an amend, or the question after it: how the order is."""
    if b'"list"' not in bytes(envelope.result):
        return (evidence.done(asked),)
    found = _reports(envelope, asked)
    return (found[0],) if found else (evidence.done(asked),)


_READERS: Final[dict[Request, Callable[[Envelope, Asked], tuple[Event, ...]]]] = {
    Request.SUBMIT: _submitted,
    Request.SUBMIT_LIST: _listed,
    Request.CANCEL: _changed,
    Request.MODIFY: _changed,
    Request.CANCEL_ALL: _done,
    Request.CANCEL_ALL_AFTER: _done,
    Request.SET_LEVERAGE: _done,
    Request.SET_MARGIN_MODE: _done,
    Request.QUERY_ORDER: _queried,
    Request.QUERY_OPEN_ORDERS: _open_orders,
    Request.QUERY_FILLS: _fills,
    Request.QUERY_ACCOUNT: _account,
    Request.QUERY_POSITIONS: _positions,
    Request.QUERY_FEES: _fees,
}
assert _READERS.keys() == set(Request), "every request needs a reader"
