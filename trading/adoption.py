"""Orders at the venue that are not in our books.

An order whose client id is derived from our run and one of its strategies is ours, whatever our
books say: a journal that was restored from a copy, or written by another version, may lack it. It
is adopted: entered as the venue reports it, submitted by nobody now, and from then on an order like
any other; its fills are asked for. The evidence is in the journal, so a fold adopts it again.

Everybody else's order is left alone. The reconciler reports it, and may be told to have it
cancelled; it never enters the books.
"""

from typing import Any, Final

from messages import orders as m
from messages import venue
from messages.base import StrategyId
from messages.orders import OrderSpec, OrderType
from trading import catch_up, evidence
from trading.ids import EXTERNAL, owner_of
from trading.order_turn import Turn
from trading.orders import Order

# A report does not tell a stop's trigger: it is entered as what it becomes. Side, quantity and id,
# which exposure and cancels need, are the same.
_BECOMES: Final = {
    t: OrderType.LIMIT if t.limited else OrderType.MARKET for t in OrderType if t.triggered
}


def report(turn: Turn, message: venue.OrderReport) -> None:
    """A report about any order: learn from it, after adopting the order if it is a stray."""
    if turn.find(message) is None:
        _adopt(turn, message)
    turn.report(message)


def fill(turn: Turn, message: venue.FillReport) -> None:
    """A fill of any order: book it; of an order that should be in the books, ask for the order.

    An adopted order may have been a stop, and the fill may come before the report that tells by
    which id it trades: so ask too about an open order of ours that has another id.
    """
    order = turn.order(message.client_order_id)
    if turn.find(message) is not None:
        turn.fill(message)
    elif order is not None and not order.closed:
        if catch_up.name_of(order) not in turn.books.catch_up:
            catch_up.doubt(turn, order)
            turn.ask(order)
    elif _ours(turn, message.client_order_id) and message.instrument_id in turn.config.instruments:
        catch_up.stray(turn, message.instrument_id, message.client_order_id)


def not_found(turn: Turn, message: venue.OrderNotFound) -> None:
    """The venue knows no such order: if it was a stray, there is nothing to adopt."""
    name = catch_up.stray_name(message.instrument_id, message.client_order_id)
    if catch_up.answers(turn, name, message):
        catch_up.done(turn, name)
    turn.not_found(message)


def cancel_foreign(turn: Turn, message: m.CancelIntent) -> None:
    """Have an order of somebody else's cancelled; who wants it says so again until it is gone."""
    if message.instrument_id is None or message.strategy_id != EXTERNAL:
        return
    turn.say(
        m.CancelOrder(
            ts_event=turn.now_ns,
            ts_init=turn.now_ns,
            correlation_id=message.client_order_id,
            causation_id=message.key,
            client_order_id=message.client_order_id,
            strategy_id=EXTERNAL,
            instrument_id=message.instrument_id,
        )
    )


def _adopt(turn: Turn, message: venue.OrderReport) -> None:
    owner = _ours(turn, message.client_order_id)
    spec = _spec(message, owner) if owner is not None else None
    if spec is None or message.instrument_id not in turn.config.instruments:
        return
    order = turn.put(Order(spec, cancel_wanted=turn.halted))
    catch_up.done(turn, catch_up.stray_name(message.instrument_id, message.client_order_id))
    head = evidence.header(order, message, turn.now_ns) | {"reconciliation": True}
    turn.fact(m.OrderSubmitted(**head, venue_order_id=message.venue_order_id, order=spec))


def _ours(turn: Turn, client_order_id: str) -> StrategyId | None:
    """The strategy whose order it must be; None where it is nobody's, or in our books already:
    a venue lets a closed order's client id be used again, and that is not our doing."""
    if turn.order(client_order_id) is not None:
        return None
    return owner_of(turn.config.owners, client_order_id)


def _spec(message: venue.OrderReport, owner: StrategyId) -> OrderSpec | None:
    kind = _BECOMES.get(message.order_type, message.order_type)
    limited = kind is OrderType.LIMIT
    if message.status is venue.VenueStatus.REJECTED or (limited and message.price is None):
        return None  # it never worked, or the report does not tell enough
    known: dict[str, Any] = {"price": message.price} if limited else {}
    return OrderSpec(
        client_order_id=message.client_order_id,
        strategy_id=owner,
        instrument_id=message.instrument_id,
        side=message.side,
        order_type=kind,
        quantity=message.quantity,
        **known,
    )
