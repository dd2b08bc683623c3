"""Answers as evidence: what every venue's answer to a request comes to, whatever its wire.

A venue's codec reads its rows and calls one of these. `ts` is the venue's time where its answer has
one; without it the answer is as of `asked.ts_event`.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from messages.base import ClientOrderId, InstrumentId, VenueOrderId
from messages.orders import OrderSpec
from messages.venue import (
    AccountReport,
    Balance,
    FeesReport,
    FillReport,
    FillsReport,
    OpenOrdersReport,
    OrderNotFound,
    OrderReport,
    PositionReport,
    PositionsReport,
    RequestDone,
    RequestRefused,
    VenueStatus,
)
from venues.wire.asked import Asked


def instrument_of(asked: Asked) -> InstrumentId:
    """The one instrument that the question was about.

    raises  ValueError if it was about none
    """
    if asked.instrument_id is None:
        raise ValueError(f"{asked.request} is asked for one instrument at a time")
    return asked.instrument_id


def done(asked: Asked) -> RequestDone:
    """The venue took the request, and says no more about it."""
    return RequestDone(
        ts_event=asked.ts_event,
        ts_init=asked.ts_init,
        request=asked.request,
        instrument_id=asked.instrument_id,
    )


def refused(
    asked: Asked, code: str, reason: str, name: ClientOrderId | None = None
) -> RequestRefused:
    """The venue read the request and said no; `name` where it was about several orders."""
    return RequestRefused(
        ts_event=asked.ts_event,
        ts_init=asked.ts_init,
        request=asked.request,
        client_order_id=asked.client_order_id if name is None else name,
        code=code,
        reason=reason,
    )


def no_such_order(asked: Asked, name: ClientOrderId | None = None) -> OrderNotFound:
    """As of the venue's clock when it looked: without one it is as of nothing, so no proof."""
    return OrderNotFound(
        ts_event=asked.ts_venue,
        ts_init=asked.ts_init,
        client_order_id=asked.client_order_id if name is None else name,
        instrument_id=instrument_of(asked),
        source=asked.source,
    )


def acknowledged(
    asked: Asked, order: OrderSpec, venue_order_id: str, ts: int = 0, reason: str = ""
) -> OrderReport:
    """The venue has the order; how it fared since, the stream says."""
    return untouched(
        order,
        venue_order_id,
        ts_event=ts or asked.ts_event,
        ts_init=asked.ts_init,
        source=asked.source,
        reason=reason,
    )


def untouched(
    order: OrderSpec, venue_order_id: str, *, status: VenueStatus = VenueStatus.NEW, **more: Any
) -> OrderReport:
    """An order as it was asked for, of which nothing has traded; `more` are the other fields."""
    return OrderReport(
        client_order_id=order.client_order_id,
        venue_order_id=VenueOrderId(venue_order_id),
        instrument_id=order.instrument_id,
        side=order.side,
        order_type=order.order_type,
        quantity=order.quantity,
        filled_qty=Decimal(0),
        price=order.price,
        status=status,
        **more,
    )


def open_orders(
    asked: Asked, orders: Iterable[OrderReport | None], ts: int = 0
) -> OpenOrdersReport:
    """Every working order; None stands for one that is not ours to judge."""
    return OpenOrdersReport(
        ts_event=ts or asked.ts_event,
        ts_init=asked.ts_init,
        instrument_id=instrument_of(asked),
        orders=tuple(order for order in orders if order is not None),
        source=asked.source,
    )


def fills(
    asked: Asked, found: Iterable[FillReport | None], *, complete: bool, ts: int = 0
) -> FillsReport:
    """Our trades, oldest first; None stands for what was no trade."""
    return FillsReport(
        ts_event=ts or asked.ts_event,
        ts_init=asked.ts_init,
        instrument_id=instrument_of(asked),
        since_trade_id=asked.since_trade_id,
        fills=tuple(fill for fill in found if fill is not None),
        complete=complete,
        source=asked.source,
    )


def account(
    asked: Asked, balances: Iterable[Balance], *, partial: bool = False, ts: int = 0
) -> AccountReport:
    """What the account holds; `partial` where there may be more than is told."""
    return AccountReport(
        ts_event=ts or asked.ts_event,
        ts_init=asked.ts_init,
        balances=tuple(balances),
        partial=partial,
        source=asked.source,
    )


def positions(asked: Asked, found: Iterable[PositionReport], ts: int = 0) -> PositionsReport:
    """Every position that is not flat."""
    return PositionsReport(
        ts_event=ts or asked.ts_event,
        ts_init=asked.ts_init,
        positions=tuple(position for position in found if position.quantity),
        source=asked.source,
    )


def fees(asked: Asked, maker: Decimal, taker: Decimal, ts: int = 0) -> FeesReport:
    """What the account pays for trading the instrument."""
    return FeesReport(
        ts_event=ts or asked.ts_event,
        ts_init=asked.ts_init,
        instrument_id=instrument_of(asked),
        maker=maker,
        taker=taker,
        source=asked.source,
    )
