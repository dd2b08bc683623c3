"""Coinbase's words for orders and ours, shared by the requests, the answers and the user channel.

docs: "Create Order" and "Get Order" (https://docs.cdp.coinbase.com/api-reference/
advanced-trade-api/rest-api/orders/create-order, 2026-09). What other venues tell by type, time in
force and flags is here one name, the kind of `order_configuration`.
"""

from decimal import Decimal
from typing import Final, TypeVar

import msgspec

from messages.orders import OrderSide, OrderSpec, OrderType, TimeInForce
from messages.venue import VenueStatus
from trading.errors import Refused
from venues.coinbase.codec_names import text

_T = TypeVar("_T")
_ZERO: Final = Decimal(0)
SIZE_PLACES: Final = Decimal("0.000000000001")  # finer than every lot
SIDE: Final[dict[str, OrderSide]] = {"BUY": OrderSide.BUY, "SELL": OrderSide.SELL}
# docs: "Get Order", `status`. What is queued is at the venue, and may still trade.
STATUS: Final[dict[str, VenueStatus]] = {
    "PENDING": VenueStatus.NEW,
    "OPEN": VenueStatus.NEW,
    "QUEUED": VenueStatus.NEW,
    "CANCEL_QUEUED": VenueStatus.NEW,
    "EDIT_QUEUED": VenueStatus.NEW,
    "FILLED": VenueStatus.FILLED,
    "CANCELLED": VenueStatus.CANCELED,
    "EXPIRED": VenueStatus.EXPIRED,
    # The order was taken before it failed, and what was taken cannot be rejected: it ends.
    "FAILED": VenueStatus.EXPIRED,
}
UP: Final = "STOP_DIRECTION_STOP_UP"  # triggers when trades rise to the stop price
DOWN: Final = "STOP_DIRECTION_STOP_DOWN"
_STOP: Final = {OrderSide.BUY: UP, OrderSide.SELL: DOWN}
_TAKE_PROFIT: Final = {OrderSide.BUY: DOWN, OrderSide.SELL: UP}
KINDS: Final[dict[str, OrderType]] = {
    "market_market_ioc": OrderType.MARKET,
    "market_market_fok": OrderType.MARKET,
    "sor_limit_ioc": OrderType.LIMIT,
    "limit_limit_gtc": OrderType.LIMIT,
    "limit_limit_gtd": OrderType.LIMIT,
    "limit_limit_fok": OrderType.LIMIT,
    "twap_limit_gtd": OrderType.LIMIT,
    "scaled_limit_gtc": OrderType.LIMIT,
    "stop_limit_stop_limit_gtc": OrderType.STOP_LIMIT,
    "stop_limit_stop_limit_gtd": OrderType.STOP_LIMIT,
    # Rests as a limit order; its other leg, a stop, is not an order of its own.
    "trigger_bracket_gtc": OrderType.LIMIT,
    "trigger_bracket_gtd": OrderType.LIMIT,
}
# docs: "User Channel", `order_type` (there in words: "Stop Limit")
TYPE: Final[dict[str, OrderType]] = {
    "MARKET": OrderType.MARKET,
    "LIMIT": OrderType.LIMIT,
    "STOP_LIMIT": OrderType.STOP_LIMIT,
    "STOP": OrderType.STOP_LIMIT,
    "BRACKET": OrderType.LIMIT,
    "TWAP": OrderType.LIMIT,
    "SCALED": OrderType.LIMIT,
}


class Terms(msgspec.Struct):
    """What one kind of configuration says; fields that a kind does not have stay empty."""

    base_size: str | None = None
    quote_size: str | None = None
    limit_price: str | None = None
    stop_price: str | None = None
    stop_direction: str | None = None


def terms_of(configuration: dict[str, Terms | None]) -> tuple[str, Terms]:
    """The kind of a configuration and its terms.

    raises  ValueError for a kind that we do not know
    """
    for kind, terms in configuration.items():
        if terms is not None:
            lookup(KINDS, kind, "order_configuration")
            return kind, terms
    raise ValueError("order_configuration: empty")


def type_of(kind: str, terms: Terms, side: OrderSide) -> OrderType:
    """Our type of a configuration: a stop that waits on the profitable side is no stop."""
    if KINDS[kind] is OrderType.STOP_LIMIT and terms.stop_direction == _TAKE_PROFIT[side]:
        return OrderType.LIMIT_IF_TOUCHED
    return KINDS[kind]


def configuration_of(order: OrderSpec) -> dict[str, dict[str, object]]:
    """The configuration that places an order.

    raises  Refused for what the venue has none of
    """
    if order.reduce_only:
        raise Refused("reduce_only: the venue has none on spot")
    size: dict[str, object] = {"base_size": text(order.quantity)}
    if order.order_type is OrderType.MARKET:
        if order.time_in_force is TimeInForce.FOK:
            raise Refused("MARKET FOK: the venue has none on spot")
        return {"market_market_ioc": size}
    if order.price is None:
        raise Refused(f"{order.order_type}: the venue has none; give it a limit price")
    terms = size | {"limit_price": text(order.price)}
    if order.order_type is OrderType.LIMIT:
        return _limit(order, terms)
    assert order.trigger_price is not None, "every other type has a trigger"
    if order.post_only or order.time_in_force is not TimeInForce.GTC:
        raise Refused(f"{order.order_type} that is not plain GTC: the venue has none")
    directions = _STOP if order.order_type is OrderType.STOP_LIMIT else _TAKE_PROFIT
    terms |= {
        "stop_price": text(order.trigger_price),
        "stop_direction": directions[order.side],
    }
    return {"stop_limit_stop_limit_gtc": terms}


def _limit(order: OrderSpec, terms: dict[str, object]) -> dict[str, dict[str, object]]:
    match order.time_in_force:
        case TimeInForce.IOC:
            return {"sor_limit_ioc": terms}
        case TimeInForce.FOK:
            return {"limit_limit_fok": terms}
        case TimeInForce.GTC:
            return {"limit_limit_gtc": terms | {"post_only": order.post_only}}


def status_of(word: str, filled: Decimal) -> VenueStatus:
    """Where the venue says an order is, as far as `filled` says more than the word."""
    status = lookup(STATUS, word, "status")
    return VenueStatus.PARTIALLY_FILLED if status.open and filled > 0 else status


def amount(word: str | None) -> Decimal:
    """An amount as Coinbase writes it; nothing is 0."""
    return Decimal(word) if word else _ZERO


def positive(value: Decimal) -> Decimal | None:
    """None for the 0 that stands for no price."""
    return value if value > 0 else None


def lookup(table: dict[str, _T], word: str, field: str) -> _T:
    """The meaning of a word.

    raises  ValueError naming the field; the frame is then Garbled
    """
    try:
        return table[word]
    except KeyError:
        raise ValueError(f"{field}: {word!r} is no word we know") from None
