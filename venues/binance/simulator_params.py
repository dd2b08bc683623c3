"""Request parameters, read as strictly as Binance reads them; what is left unread is an error.

docs: Spot "Error Codes / 11xx" and "Trading endpoints / New order" (2026-09).
"""

import re
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Final, TypeVar

from messages.base import ClientOrderId, InstrumentId, StrategyId
from messages.orders import OrderSide, OrderSpec, OrderType, TimeInForce
from venues.binance import simulator_errors as errors
from venues.binance.codec_names import Market, instrument_id
from venues.serving.errors import ApiError

E = TypeVar("E", bound=StrEnum)
_ID: Final = re.compile(r"[a-zA-Z0-9\-_]{1,36}")
_ID_RANGE: Final = "^[a-zA-Z0-9-_]{1,36}$"
_NUMBER: Final = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
_NUMBER_RANGE: Final = "^([0-9]{1,20})(\\.[0-9]{1,20})?$"
_INTEGER: Final = re.compile(r"[0-9]{1,18}")

# Wire type -> (our type, parameters that it needs); the others of these it must not have.
_TYPES: Final[dict[str, tuple[OrderType, tuple[str, ...]]]] = {
    "LIMIT": (OrderType.LIMIT, ("timeInForce", "quantity", "price")),
    "LIMIT_MAKER": (OrderType.LIMIT, ("quantity", "price")),
    "MARKET": (OrderType.MARKET, ("quantity",)),
    "STOP_LOSS": (OrderType.STOP_MARKET, ("quantity", "stopPrice")),
    "STOP_LOSS_LIMIT": (OrderType.STOP_LIMIT, ("timeInForce", "quantity", "price", "stopPrice")),
    "TAKE_PROFIT": (OrderType.MARKET_IF_TOUCHED, ("quantity", "stopPrice")),
    "TAKE_PROFIT_LIMIT": (
        OrderType.LIMIT_IF_TOUCHED,
        ("timeInForce", "quantity", "price", "stopPrice"),
    ),
}
_TYPE_DEPENDENT: Final = ("timeInForce", "price", "stopPrice")


class Params:
    """The parameters of one request; each may be taken once."""

    def __init__(self, values: dict[str, str]) -> None:
        self._values = dict(values)
        self._sent = len(values)

    def take(self, name: str) -> str | None:
        """The parameter's text, or None if it was not sent; empty text is an error."""
        value = self._values.pop(name, None)
        if value == "":
            raise ApiError(-1105, f"Parameter '{name}' was empty.")
        return value

    def need(self, name: str) -> str:
        value = self._values.pop(name, None)
        if not value:
            raise errors.missing(name)
        return value

    def integer(self, name: str, default: int | None = None) -> int | None:
        value = self.take(name)
        if value is None:
            return default
        if not _INTEGER.fullmatch(value):
            raise errors.illegal(name, "^[0-9]{1,20}$")
        return int(value)

    def limit(self, default: int, most: int) -> int:
        """Rows wanted, at most `most`."""
        found = self.integer("limit", default)
        return min(found or default, most)

    def decimal(self, name: str) -> Decimal | None:
        value = self.take(name)
        if value is None:
            return None
        if not _NUMBER.fullmatch(value):
            raise errors.illegal(name, _NUMBER_RANGE)
        try:
            number = Decimal(value)
        except InvalidOperation as e:
            raise errors.illegal(name, _NUMBER_RANGE) from e
        if number <= 0:
            raise ApiError(-1013, f"Invalid {name}.")
        return number

    def client_id(self, name: str) -> str | None:
        value = self.take(name)
        if value is not None and not _ID.fullmatch(value):
            raise errors.illegal(name, _ID_RANGE)
        return value

    def enum(self, name: str, kind: type[E], error: ApiError) -> E:
        value = self.need(name)
        try:
            return kind(value)
        except ValueError as e:
            raise error from e

    def finish(self) -> None:
        """Call when everything wanted was taken.

        raises  ApiError -1104 if something was sent that nobody read
        """
        if self._values:
            read = self._sent - len(self._values)
            raise ApiError(
                -1104,
                f"Not all sent parameters were read; read '{read}' parameter(s)"
                f" but was sent '{self._sent}'.",
            )


def order_of(params: Params, fallback_id: str) -> tuple[OrderSpec, str]:
    """The order that POST /api/v3/order asks for, and the answer's form (ACK, RESULT, FULL).

    raises  ApiError with the code that Binance has for it
    """
    symbol = params.need("symbol")
    side = params.enum("side", OrderSide, ApiError(-1117, "Invalid side."))
    wire_type = params.need("type")
    if wire_type not in _TYPES:
        raise ApiError(-1116, "Invalid orderType.")
    kind, needed = _TYPES[wire_type]
    if params.take("quoteOrderQty") is not None:
        raise ApiError(-1013, "Quote order qty market orders are not support for this symbol.")
    time_in_force = TimeInForce.GTC
    for name in _TYPE_DEPENDENT:
        if name not in needed and params.take(name) is not None:
            raise errors.not_required(name)
    if "timeInForce" in needed:
        invalid = ApiError(-1115, "Invalid timeInForce.")
        time_in_force = params.enum("timeInForce", TimeInForce, invalid)
    amounts = {name: params.decimal(name) for name in ("quantity", "price", "stopPrice")}
    for name in needed:
        if name != "timeInForce" and amounts[name] is None:
            raise errors.missing(name)
    quantity = amounts["quantity"]
    assert quantity is not None, "every order type needs a quantity"
    name = params.client_id("newClientOrderId") or fallback_id
    form = params.take("newOrderRespType") or (
        "FULL" if kind in (OrderType.MARKET, OrderType.LIMIT) else "ACK"
    )
    if form not in ("ACK", "RESULT", "FULL"):
        raise ApiError(-1130, "Data sent for parameter 'newOrderRespType' is not valid.")
    params.take("selfTradePreventionMode")
    return (
        OrderSpec(
            client_order_id=ClientOrderId(name),
            strategy_id=StrategyId("?"),  # the wire does not say whose order it is
            instrument_id=instrument_of(symbol),
            side=side,
            order_type=kind,
            quantity=quantity,
            price=amounts["price"],
            trigger_price=amounts["stopPrice"],
            time_in_force=time_in_force,
            post_only=wire_type == "LIMIT_MAKER",
        ),
        form,
    )


def instrument_of(symbol: str) -> InstrumentId:
    """The id that the symbol would have; the venue knows whether there is such an instrument."""
    return instrument_id(symbol, Market.SPOT)
