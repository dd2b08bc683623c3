"""What a request says, read and judged: Bybit's JSON bodies and query strings -> our commands.

docs: v5 "Trade / Place Order" and the endpoints around it (2026-11).
"""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from pydantic import ValidationError

from messages.base import ClientOrderId, InstrumentId, StrategyId
from messages.market import Product
from messages.orders import OrderSide, OrderSpec, OrderType, TimeInForce
from venues.bybit.codec_names import PRODUCT, instrument_id
from venues.bybit.codec_orders import FALLS, RISES, SIDE
from venues.bybit.simulator_encode import UNNAMED
from venues.bybit.simulator_errors import BybitError, bad
from venues.bybit.simulator_exchange import BybitExchange

STRATEGY: Final = StrategyId("?")  # the wire does not say whose order it is
_LINK_MAX: Final = 36
_LIMITED: Final = {
    OrderType.MARKET: OrderType.LIMIT,
    OrderType.STOP_MARKET: OrderType.STOP_LIMIT,
    OrderType.MARKET_IF_TOUCHED: OrderType.LIMIT_IF_TOUCHED,
}
_FORCE: Final = {
    "GTC": TimeInForce.GTC,
    "IOC": TimeInForce.IOC,
    "FOK": TimeInForce.FOK,
    "PostOnly": TimeInForce.GTC,
}
Sent = Mapping[str, Any]


def sent(method: str, query: str, body: bytes) -> dict[str, Any]:
    """The parameters of a request.

    raises  BybitError if the body is no JSON object
    """
    if method == "GET":
        return dict(parse_qsl(query, keep_blank_values=True))
    try:
        return msgspec.json.decode(body or b"{}", type=dict[str, Any])
    except msgspec.DecodeError:
        raise bad("request body", "is no JSON object") from None


def need(params: Sent, name: str) -> str:
    """A parameter that must be there; raises BybitError."""
    found = params.get(name)
    if found in (None, ""):
        raise bad(name, "is required")
    return str(found)


def product(params: Sent) -> Product:
    """`category`; raises BybitError for one that this venue does not trade."""
    found = PRODUCT.get(need(params, "category"))
    if found is None:
        raise bad("category", "only support linear or spot")
    return found


def instrument(exchange: BybitExchange, params: Sent) -> InstrumentId:
    """`category` and `symbol`; raises BybitError if this venue does not trade it."""
    found = instrument_id(need(params, "symbol"), product(params))
    if found not in exchange.books:
        if product(params) is Product.SPOT:
            raise BybitError(170121, "Invalid symbol.")
        raise bad("symbol", f"invalid {params['symbol']}")
    return found


def decimal(params: Sent, name: str) -> Decimal | None:
    """A number in text, > 0; None if it is absent. raises BybitError"""
    found = params.get(name)
    if found in (None, "", "0"):
        return None
    try:
        number = Decimal(str(found))
    except InvalidOperation:
        raise bad(name) from None
    if not number.is_finite() or number <= 0:
        raise bad(name)
    return number


def order_of(exchange: BybitExchange, params: Sent, unnamed: int) -> OrderSpec:
    """The order that a request asks for.

    raises  BybitError
    """
    name = instrument(exchange, params)
    kind = need(params, "orderType")
    side = SIDE.get(need(params, "side"))
    if side is None:
        raise bad("side")
    link = str(params.get("orderLinkId") or f"{UNNAMED}{unnamed}")
    if len(link) > _LINK_MAX:
        raise bad("orderLinkId", "is longer than 36 characters")
    price = decimal(params, "price") if kind == "Limit" else None
    force = str(params.get("timeInForce") or "GTC")
    if kind not in ("Limit", "Market") or force not in _FORCE:
        raise bad("orderType" if force in _FORCE else "timeInForce")
    trigger = decimal(params, "triggerPrice")
    base = _triggered(exchange, params, name, side) if trigger is not None else OrderType.MARKET
    quantity = decimal(params, "qty")
    if quantity is None or (kind == "Limit" and price is None):
        raise bad("qty" if quantity is None else "price", "is required")
    if kind == "Market":
        quantity = _in_base(exchange, params, name, side, quantity)
    try:
        return OrderSpec(
            client_order_id=ClientOrderId(link),
            strategy_id=STRATEGY,
            instrument_id=name,
            side=side,
            order_type=_LIMITED[base] if kind == "Limit" else base,
            quantity=quantity,
            price=price,
            trigger_price=trigger,
            time_in_force=_FORCE[force] if kind == "Limit" else TimeInForce.GTC,
            post_only=kind == "Limit" and force == "PostOnly",
            reduce_only=params.get("reduceOnly") is True,
        )
    except ValidationError as e:
        raise bad("order", str(e.errors()[0]["msg"])) from None


def _triggered(
    exchange: BybitExchange, params: Sent, name: InstrumentId, side: OrderSide
) -> OrderType:
    """Stop or take-profit: contracts say which way the trigger waits, spot looks at the market."""
    direction = params.get("triggerDirection")
    if direction is None and exchange.products[name] is Product.LINEAR:
        raise bad("triggerDirection", "is required")
    if direction is None:
        price, reference = decimal(params, "triggerPrice"), _touch(exchange, name, side)
        direction = RISES if reference is None or (price or 0) >= reference else FALLS
    if str(direction) not in (str(RISES), str(FALLS)):
        raise bad("triggerDirection")
    stop = (str(direction) == str(RISES)) is (side is OrderSide.BUY)
    return OrderType.STOP_MARKET if stop else OrderType.MARKET_IF_TOUCHED


def _touch(exchange: BybitExchange, name: InstrumentId, side: OrderSide) -> Decimal | None:
    """The price that an order of this side would take."""
    levels = exchange.books[name].levels(-side.sign, 1)
    return Decimal(repr(levels[0][0])) if levels else None


def _in_base(
    exchange: BybitExchange, params: Sent, name: InstrumentId, side: OrderSide, quantity: Decimal
) -> Decimal:
    """docs: a market order on spot that buys counts in quote currency unless `marketUnit` says
    otherwise."""
    default = "quoteCoin" if side is OrderSide.BUY else "baseCoin"
    spot = exchange.products[name] is Product.SPOT
    if not spot or (params.get("marketUnit") or default) != "quoteCoin":
        return quantity
    price = _touch(exchange, name, side)
    if price is None:
        raise BybitError(170210, "New order rejected.")
    step = exchange.instrument(name).size_increment
    return max(quantity / price // step, Decimal(1)) * step
