"""Binance's words for orders and ours, shared by the user stream, the answers and the encoder."""

from decimal import Decimal
from typing import Final, TypeVar

from messages.orders import OrderSide, OrderSpec, OrderType
from messages.venue import VenueStatus

# source: Binance Spot API docs, "ENUM Definitions / Order status" and "Order types"
STATUS: Final[dict[str, VenueStatus]] = {
    "NEW": VenueStatus.NEW,
    # Pending parts of an order list; the venue holds them though they do not work yet.
    "PENDING_NEW": VenueStatus.NEW,
    "PARTIALLY_FILLED": VenueStatus.PARTIALLY_FILLED,
    "FILLED": VenueStatus.FILLED,
    "CANCELED": VenueStatus.CANCELED,
    "REJECTED": VenueStatus.REJECTED,
    "EXPIRED": VenueStatus.EXPIRED,
    "EXPIRED_IN_MATCH": VenueStatus.EXPIRED,  # self-trade prevention ended it
}
TYPE: Final[dict[str, OrderType]] = {
    "MARKET": OrderType.MARKET,
    "LIMIT": OrderType.LIMIT,
    "LIMIT_MAKER": OrderType.LIMIT,
    "STOP_LOSS": OrderType.STOP_MARKET,
    "TAKE_PROFIT": OrderType.MARKET_IF_TOUCHED,
    "STOP_LOSS_LIMIT": OrderType.STOP_LIMIT,
    "TAKE_PROFIT_LIMIT": OrderType.LIMIT_IF_TOUCHED,
}
_T = TypeVar("_T")
SIDE: Final[dict[str, OrderSide]] = {"BUY": OrderSide.BUY, "SELL": OrderSide.SELL}
STOPS: Final = frozenset(t for t in OrderType if t.triggered)
_WIRE_TYPE: Final[dict[OrderType, str]] = {
    OrderType.MARKET: "MARKET",
    OrderType.LIMIT: "LIMIT",
    OrderType.STOP_MARKET: "STOP_LOSS",
    OrderType.STOP_LIMIT: "STOP_LOSS_LIMIT",
    OrderType.MARKET_IF_TOUCHED: "TAKE_PROFIT",
    OrderType.LIMIT_IF_TOUCHED: "TAKE_PROFIT_LIMIT",
}


def wire_type(order: OrderSpec) -> str:
    """Binance's order type: a post-only order is a type of its own there."""
    return "LIMIT_MAKER" if order.post_only else _WIRE_TYPE[order.order_type]


def text(amount: Decimal) -> str:
    """A decimal as Binance writes it: exact, never in scientific notation."""
    return format(amount, "f")


def average(quote: Decimal, filled: Decimal) -> Decimal | None:
    """The price that `filled` traded at on average.

    None before a fill, and where the venue no longer knows what was paid (it then says -1).
    """
    return quote / filled if filled > 0 and quote > 0 else None


def lookup(table: dict[str, _T], word: str, field: str) -> _T:
    """The meaning of a word.

    raises  ValueError naming the field; the frame is then Garbled
    """
    try:
        return table[word]
    except KeyError:
        raise ValueError(f"{field}: {word!r} is no word we know") from None
