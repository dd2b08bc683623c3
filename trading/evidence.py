"""What a piece of evidence from the venue proves about one order.

Reports repeat, overlap, overtake each other and come over three connections. Each function here
takes the order as we hold it and one report, and returns only facts that are new and legal. The
rules, in one place:

- An open report proves existence, never the absence of fills. It cannot reopen an order that
  ended, because it may be older than the end.
- An end (FILLED, CANCELED, EXPIRED) counts once we hold every fill it mentions; until then it is
  `awaited` and the fills are asked for. So no fill is skipped by a fast end.
- "No such order" proves that the order will never exist only as of a venue time at which the venue
  itself refuses the original request as too old (`ts_conclusive`); before that, it proves nothing.
"""

from dataclasses import dataclass
from typing import Any, Final

from messages import orders as m
from messages.orders import OrderEvent
from messages.venue import FillReport, OrderNotFound, OrderReport, Source, VenueStatus
from trading.orders import Order, OrderStatus, legal

_UNPROVEN: Final = frozenset(
    {OrderStatus.SUBMITTED, OrderStatus.UNKNOWN, OrderStatus.REJECTED, OrderStatus.DENIED}
)


@dataclass(frozen=True, slots=True)
class Findings:
    """New facts, in order; `fills_missing` when the venue mentions fills that we do not hold."""

    facts: tuple[OrderEvent, ...] = ()
    fills_missing: bool = False
    awaited: OrderReport | None = None


def header(order: Order, cause: Any, now_ns: int) -> dict[str, Any]:
    """The fields that every fact about `order`, learned from `cause`, begins with."""
    spec = order.spec
    return {
        "ts_event": getattr(cause, "ts_event", now_ns),
        "ts_init": now_ns,
        "correlation_id": spec.client_order_id,
        "causation_id": cause.key,
        "client_order_id": spec.client_order_id,
        "strategy_id": spec.strategy_id,
        "instrument_id": spec.instrument_id,
        "reconciliation": getattr(cause, "source", Source.ACK) in (Source.QUERY, Source.RECONCILER),
    }


def from_report(order: Order, report: OrderReport, now_ns: int) -> Findings:
    """What the venue's view of the order adds to ours."""
    head = header(order, report, now_ns) | {"venue_order_id": report.venue_order_id}
    if report.status is VenueStatus.REJECTED:
        rejected = m.OrderRejected(**head, code="REJECTED", reason=report.reason)
        # Some venues acknowledge before their engine has looked: what we then called accepted has
        # ended by the venue's rules.
        ended = () if order.status in _UNPROVEN else _end(order, report, head)
        return Findings((rejected,) if legal(order, rejected) else ended)
    if report.status.open:
        return _open(order, report, head)
    if report.filled_qty > order.filled_qty:
        return Findings(fills_missing=True, awaited=report)
    return Findings(_end(order, report, head))


def _open(order: Order, report: OrderReport, head: dict[str, Any]) -> Findings:
    facts: list[OrderEvent] = []
    if order.closed and order.status not in _UNPROVEN:
        return Findings(fills_missing=report.filled_qty > order.filled_qty)
    if order.status in _UNPROVEN:
        facts.append(m.OrderAccepted(**head))
    if report.triggered and not order.triggered:
        facts.append(m.OrderTriggered(**head))
    facts += _smaller(order, report, head)
    # The stream carries each fill beside its report; only other channels must ask for fills.
    missing = report.filled_qty > order.filled_qty and report.source is not Source.STREAM
    return Findings(tuple(facts), fills_missing=missing)


def _smaller(order: Order, report: OrderReport, head: dict[str, Any]) -> tuple[m.OrderUpdated, ...]:
    """A change of quantity that took effect, whether or not we were answered. Quantities only ever
    become smaller, so a report of a smaller one is true for ever."""
    filled = max(order.filled_qty, report.filled_qty)
    if not filled <= report.quantity < order.quantity:
        return ()
    left = report.quantity - order.filled_qty
    return (m.OrderUpdated(**head, quantity=report.quantity, leaves_qty=left),)


def _end(order: Order, report: OrderReport, head: dict[str, Any]) -> tuple[OrderEvent, ...]:
    ends: dict[VenueStatus, type[m.OrderCanceled | m.OrderExpired]] = {
        VenueStatus.CANCELED: m.OrderCanceled,
        VenueStatus.EXPIRED: m.OrderExpired,
        VenueStatus.REJECTED: m.OrderExpired,
    }
    # Of an order that was cut short some venues show no more than what traded of it.
    cut = report.status is not VenueStatus.FILLED and report.quantity == report.filled_qty
    smaller = () if order.closed or cut else _smaller(order, report, head)
    smaller = tuple(fact for fact in smaller if legal(order, fact))
    kind = ends.get(report.status)  # FILLED: its fills say so, or its smaller quantity does
    if kind is None or any(fact.leaves_qty == 0 for fact in smaller):
        return smaller
    end = kind(**head)
    return (*smaller, end) if legal(order, end) else smaller


def from_fill(order: Order, fill: FillReport, now_ns: int) -> Findings:
    """The fill, if it is new; then the end that was waiting for it."""
    if fill.trade_id in order.trades:
        return Findings()
    head = header(order, fill, now_ns) | {"venue_order_id": fill.venue_order_id}
    filled = order.filled_qty + fill.last_qty
    fact = m.OrderFilled(
        **head,
        trade_id=fill.trade_id,
        side=fill.side,
        last_qty=fill.last_qty,
        last_px=fill.last_px,
        leaves_qty=max(order.quantity - filled, order.quantity * 0),
        commission=fill.commission,
        currency=fill.currency,
        liquidity_side=fill.liquidity_side,
    )
    return Findings((fact,))


def awaited_end(order: Order, now_ns: int) -> tuple[OrderEvent, ...]:
    """The end that the venue reported earlier, once all the fills it mentions are here."""
    report = order.awaited
    if report is None or report.filled_qty > order.filled_qty:
        return ()
    head = header(order, report, now_ns) | {"venue_order_id": report.venue_order_id}
    return _end(order, report, head)


def from_not_found(order: Order, answer: OrderNotFound, now_ns: int) -> Findings:
    """REJECTED if "no such order" is proof by now, else nothing."""
    if order.status is not OrderStatus.UNKNOWN or answer.ts_event <= order.ts_conclusive:
        return Findings()
    if order.filled_qty:
        return Findings(fills_missing=True)  # it did exist: the venue forgot it or errs
    head = header(order, answer, now_ns)
    reason = "the venue has no such order and would refuse the request as too old by now"
    return Findings((m.OrderRejected(**head, code="NEVER_ARRIVED", reason=reason),))
