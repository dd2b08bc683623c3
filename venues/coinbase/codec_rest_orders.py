"""Orders in Coinbase's REST answers: one that was placed, changed, canceled, found or listed.

docs: "Create Order", "Edit Order", "Cancel Orders", "Get Order" and "List Orders" (https://docs.
cdp.coinbase.com/api-reference/advanced-trade-api/rest-api/orders/get-order, 2026-09). An accepted
order, edit or cancel is answered before it is carried out: what became of it comes on the user
channel.
"""

from decimal import Decimal
from typing import Final

import msgspec

from messages.base import ClientOrderId, Event, VenueOrderId
from messages.orders import ModifyOrder
from messages.venue import (
    Acted,
    OrderReport,
    VenueStatus,
)
from venues.coinbase.codec_errors import GONE, Verdict, not_found, reason_of, refusal
from venues.coinbase.codec_names import instrument_id, ns
from venues.coinbase.codec_orders import (
    SIDE,
    SIZE_PLACES,
    Terms,
    amount,
    lookup,
    positive,
    status_of,
    terms_of,
    type_of,
)
from venues.coinbase.known import KnownOrders
from venues.wire import evidence
from venues.wire.asked import Asked

_ZERO: Final = Decimal(0)
_NO_REASONS: Final = frozenset({"", "REJECT_REASON_UNSPECIFIED"})


class _ErrorResponse(msgspec.Struct):
    error: str = ""
    message: str = ""
    error_details: str = ""
    preview_failure_reason: str = ""
    new_order_failure_reason: str = ""


class _Created(msgspec.Struct):
    order_id: str
    client_order_id: str = ""


class _CreateAnswer(msgspec.Struct):
    success: bool
    failure_reason: str = ""
    success_response: _Created | None = None
    error_response: _ErrorResponse | None = None


class _CancelResult(msgspec.Struct):
    success: bool
    order_id: str = ""
    failure_reason: str = ""


class _CancelAnswer(msgspec.Struct):
    results: list[_CancelResult]


class _EditError(msgspec.Struct):
    edit_failure_reason: str = ""
    preview_failure_reason: str = ""


class _EditAnswer(msgspec.Struct):
    success: bool
    errors: list[_EditError] = []


class Order(msgspec.Struct):
    """docs: "Get Order"."""

    order_id: str
    product_id: str
    order_configuration: dict[str, Terms | None]
    side: str
    client_order_id: str
    status: str
    created_time: str
    filled_size: str = ""
    average_filled_price: str = ""
    trigger_status: str = ""
    reject_reason: str = ""
    reject_message: str = ""
    cancel_message: str = ""
    last_fill_time: str | None = None
    last_update_time: str | None = None


class _OrderAnswer(msgspec.Struct):
    order: Order


class _OrdersAnswer(msgspec.Struct):
    orders: list[Order]
    has_next: bool = False
    cursor: str = ""


def report_of(d: Order, asked: Asked, known: KnownOrders) -> OrderReport | None:
    """The venue's view of one order.

    None for an order whose quantity nobody can say yet: one for an amount of quote currency that
    has not traded. None of ours is placed so.
    """
    kind, terms = terms_of(d.order_configuration)
    side, filled = lookup(SIDE, d.side, "side"), amount(d.filled_size)
    status = status_of(d.status, filled)
    price, average = positive(amount(terms.limit_price)), positive(amount(d.average_filled_price))
    quantity = amount(terms.base_size)
    if not quantity:
        quantity = _in_base(terms, status, filled, price)
    if not quantity:
        return None
    order_type, name = type_of(kind, terms, side), ClientOrderId(d.client_order_id)
    if name:
        known.learn(
            name,
            instrument_id(d.product_id),
            venue_order_id=VenueOrderId(d.order_id),
            quantity=quantity,
            price=price,
            order_type=order_type,
        )
    triggered = d.trigger_status == "STOP_TRIGGERED" or filled > 0
    return OrderReport(
        ts_event=ns(d.last_fill_time or d.last_update_time or d.created_time),
        ts_init=asked.ts_init,
        client_order_id=name,
        venue_order_id=VenueOrderId(d.order_id),
        instrument_id=instrument_id(d.product_id),
        side=side,
        order_type=order_type,
        status=status,
        quantity=quantity,
        filled_qty=filled,
        price=price if order_type.limited else None,
        avg_px=average if filled else None,
        triggered=order_type.triggered and triggered,
        source=asked.source,
        reason=d.reject_message or d.cancel_message or _reason(d.reject_reason),
    )


def _in_base(terms: Terms, status: VenueStatus, filled: Decimal, price: Decimal | None) -> Decimal:
    """The quantity of an order that was placed for an amount of quote currency."""
    if not status.open:
        return filled
    if price is None:
        return _ZERO
    return max(filled, (amount(terms.quote_size) / price).quantize(SIZE_PLACES))


def _reason(word: str) -> str:
    return "" if word in _NO_REASONS else word


def read_submitted(body: bytes, asked: Asked, known: KnownOrders) -> tuple[Event, ...]:
    """docs: "Create Order". An id that was used before is answered with its first order."""
    d = msgspec.json.decode(body, type=_CreateAnswer)
    order = asked.order
    if order is None:
        raise ValueError("an answer to a new order needs the order that was asked for")
    if not d.success or d.success_response is None:
        said = d.error_response or _ErrorResponse()
        preview = said.preview_failure_reason
        code, verdict = reason_of(
            said.new_order_failure_reason, said.error, d.failure_reason, preview
        )
        words = said.error_details or said.message or preview or "no reason said"
        code = code or "UNKNOWN_FAILURE_REASON"
        return (refusal(asked, verdict, code, f"{words}" if code != words else code),)
    order_id = VenueOrderId(d.success_response.order_id)
    known.learn(order.client_order_id, order.instrument_id, venue_order_id=order_id)
    return (evidence.acknowledged(asked, order, order_id),)


def read_canceled(body: bytes, asked: Asked, known: KnownOrders) -> tuple[Event, ...]:
    """docs: "Cancel Orders": "initiate cancel requests"; then how the order is by now."""
    if b'"results"' not in body:
        return read_queried(body, asked, known)
    (result,) = msgspec.json.decode(body, type=_CancelAnswer).results
    if result.success:
        return (evidence.done(asked),)
    code, verdict = reason_of(result.failure_reason)
    if verdict is Verdict.DONE:
        return (evidence.done(asked),)
    return (refusal(asked, verdict, code or result.failure_reason, "the cancel was not taken"),)


def read_all_canceled(body: bytes, asked: Asked, known: KnownOrders) -> tuple[Event, ...]:
    """The open orders, which are then canceled; done where there are none, or all were taken."""
    if b'"results"' not in body:
        if not msgspec.json.decode(body, type=_OrdersAnswer).orders:
            return (evidence.done(asked),)
        return (asked.failed(Acted.NO, "open orders are listed, not yet canceled"),)
    results = msgspec.json.decode(body, type=_CancelAnswer).results
    left = [r for r in results if not r.success and r.failure_reason not in GONE]
    if not left:
        return (evidence.done(asked),)
    words = f"{len(left)} of {len(results)} cancels were not taken"
    return (asked.failed(Acted.PERHAPS, f"{left[0].failure_reason}: {words}"),)


class _Taken(msgspec.Struct):
    success: bool = False
    results: list[_CancelResult] = []


def was_taken(body: bytes) -> bool:
    """Whether an edit, or every cancel, was taken."""
    d = msgspec.json.decode(body, type=_Taken)
    return d.success or (bool(d.results) and all(r.success for r in d.results))


def open_ids(body: bytes) -> list[str]:
    """The venue's ids of a list of orders."""
    return [order.order_id for order in msgspec.json.decode(body, type=_OrdersAnswer).orders]


def read_edited(body: bytes, asked: Asked, known: KnownOrders) -> tuple[Event, ...]:
    """docs: "Edit Order": "whether the edit request was placed"; then how the order is by now."""
    if b'"success"' not in body:
        return read_queried(body, asked, known)
    d = msgspec.json.decode(body, type=_EditAnswer)
    if d.success:
        if isinstance(asked.command, ModifyOrder):
            news = asked.command
            known.learn(
                news.client_order_id,
                news.instrument_id,
                quantity=news.quantity,
                price=news.price,
            )
        return (evidence.done(asked),)
    first = d.errors[0] if d.errors else _EditError()
    code, verdict = reason_of(first.edit_failure_reason, first.preview_failure_reason)
    return (refusal(asked, verdict, code or "UNKNOWN", "the edit was not taken"),)


def read_queried(body: bytes, asked: Asked, known: KnownOrders) -> tuple[Event, ...]:
    """One order by the venue's id, or a list of the newest ones in which ours is looked for."""
    if b'"orders"' not in body:
        found = report_of(msgspec.json.decode(body, type=_OrderAnswer).order, asked, known)
        if found is None:
            raise ValueError("an order that we did not place, of unknown quantity")
        return (found,)
    d = msgspec.json.decode(body, type=_OrdersAnswer)
    reports = (report_of(order, asked, known) for order in d.orders)
    ours = [r for r in reports if r and r.client_order_id == asked.client_order_id]
    if ours:
        return (ours[0],)
    if d.has_next:
        return (asked.failed(Acted.NO, f"not among the newest {len(d.orders)} orders"),)
    return (not_found(asked),)


def read_open_orders(body: bytes, asked: Asked, known: KnownOrders) -> tuple[Event, ...]:
    """docs: "List Orders" with the status OPEN, which leaves out what is still queued."""
    rows = msgspec.json.decode(body, type=_OrdersAnswer).orders
    reports = (report_of(order, asked, known) for order in rows)
    return (evidence.open_orders(asked, reports),)
