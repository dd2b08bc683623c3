"""What a request says, judged as Coinbase judges it.

docs: "Create Order" (2026-09). Kinds of orders that this simulator does not trade (until a date,
TWAP, brackets) are refused in the venue's words for a product that does not have them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from urllib.parse import parse_qs

import msgspec
from pydantic import ValidationError

from messages.base import ClientOrderId, StrategyId
from messages.market import Instrument
from messages.orders import OrderSide, OrderSpec, TimeInForce
from venues.coinbase import simulator_errors as errors
from venues.coinbase.codec_orders import KINDS, Terms, type_of
from venues.serving.server import Call

_STRATEGY: Final = StrategyId("?")  # the wire does not say whose order it is
_LIMIT_MAX: Final = 1000
_TIME_IN_FORCE: Final = {
    "market_market_ioc": TimeInForce.GTC,
    "sor_limit_ioc": TimeInForce.IOC,
    "limit_limit_gtc": TimeInForce.GTC,
    "limit_limit_fok": TimeInForce.FOK,
    "stop_limit_stop_limit_gtc": TimeInForce.GTC,
}


class Unsupported(Exception):
    """A kind of order that is not traded here."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A request's query or body."""

    query: Mapping[str, list[str]]
    body: Mapping[str, Any]
    where: Mapping[str, str]

    def several(self, *names: str) -> list[str]:
        """Every value of a parameter that may come several times, or under an older name."""
        return [value for name in names for value in self.query.get(name, [])]

    def one(self, name: str) -> str | None:
        """raises ApiError if it comes twice"""
        found = self.query.get(name, [])
        if len(found) > 1:
            raise errors.illegal(f"{name} was given twice")
        return found[0] if found else None

    def whole(self, name: str, default: int) -> int:
        """raises ApiError if it is no number"""
        text = self.one(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit()):
            raise errors.illegal(f"{name}: {text} is no number")
        return int(text)

    def page(self, default: int) -> tuple[int, int]:
        """(first row, rows) of a list; the cursor is where the page before ended."""
        return self.whole("cursor", 0), min(self.whole("limit", default), _LIMIT_MAX)


def ask_of(call: Call) -> Ask:
    """What a call says.

    raises  ApiError if the body is no JSON object
    """
    body: dict[str, Any] = {}
    if call.body:
        try:
            body = msgspec.json.decode(call.body, type=dict[str, Any])
        except msgspec.DecodeError as e:
            raise errors.illegal("proto: syntax error: unexpected token") from e
    return Ask(parse_qs(call.query, keep_blank_values=True), body, call.where)


def decimal(word: object, name: str) -> Decimal:
    """An amount > 0; raises ApiError."""
    try:
        found = Decimal(str(word))
    except InvalidOperation as e:
        raise errors.illegal(f"{name} is no number") from e
    if not found.is_finite() or found <= 0:
        raise errors.illegal(f"{name} must be positive")
    return found


def order_of(ask: Ask, instrument: Instrument, best: Mapping[OrderSide, float]) -> OrderSpec:
    """The order that "Create Order" asks for.

    best    the price at which a market order of each side would begin: an amount of quote
            currency buys as much as it pays for there
    raises  ApiError if it cannot be read, Unsupported if it is not traded here
    """
    try:
        kind, raw = next(iter(ask.body["order_configuration"].items()))
        terms = msgspec.convert(raw, Terms)
        side, name = OrderSide(ask.body["side"]), str(ask.body["client_order_id"])
    except (KeyError, StopIteration, AttributeError, ValueError, msgspec.ValidationError) as e:
        raise errors.illegal("order_configuration, side or client_order_id is missing") from e
    if kind not in _TIME_IN_FORCE:
        raise Unsupported(kind if kind in KINDS else "unknown")
    if terms.base_size:
        quantity = decimal(terms.base_size, "base_size")
    else:
        price = Decimal(repr(best[side]))
        if not price:
            raise Unsupported("no liquidity")
        lots = decimal(terms.quote_size, "quote_size") / price // instrument.size_increment
        quantity = max(lots, Decimal(1)) * instrument.size_increment
    order_type = type_of(kind, terms, side)
    limit = decimal(terms.limit_price, "limit_price") if order_type.limited else None
    stop = decimal(terms.stop_price, "stop_price") if order_type.triggered else None
    post_only = kind == "limit_limit_gtc" and bool(raw.get("post_only"))
    try:
        return OrderSpec(
            client_order_id=ClientOrderId(name),
            strategy_id=_STRATEGY,
            instrument_id=instrument.instrument_id,
            side=side,
            order_type=order_type,
            quantity=quantity,
            price=limit,
            trigger_price=stop,
            time_in_force=_TIME_IN_FORCE[kind],
            post_only=post_only,
        )
    except ValidationError as e:
        raise errors.illegal(str(e).splitlines()[0]) from e
