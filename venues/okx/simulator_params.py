"""What a request says, read and judged: OKX's JSON bodies and query strings -> our commands.

docs: docs-v5 "Place order", "Place algo order" and the endpoints around them (2026-09).
"""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from pydantic import ValidationError

from messages.base import ClientOrderId, InstrumentId, StrategyId
from messages.market import Instrument, Product
from messages.orders import OrderSide, OrderSpec, OrderType, TimeInForce
from venues.okx.codec_names import instrument_id
from venues.okx.codec_orders import SIDE
from venues.okx.simulator_encode import UNNAMED, parent_of
from venues.okx.simulator_errors import OkxError, RowError, bad
from venues.okx.simulator_exchange import OkxExchange

STRATEGY: Final = StrategyId("?")  # the wire does not say whose order it is
Sent = Mapping[str, Any]
_FORCE: Final = {"ioc": TimeInForce.IOC, "fok": TimeInForce.FOK}
_KINDS: Final = frozenset({"limit", "market", "post_only", "ioc", "fok", "optimal_limit_ioc"})
_AT_MARKET: Final = "-1"
_NAME_MAX: Final = 32


def sent(method: str, query: str, body: bytes) -> Any:
    """The parameters of a request: an object, or a list of them; raises OkxError."""
    if method == "GET":
        return dict(parse_qsl(query, keep_blank_values=True))
    try:
        return msgspec.json.decode(body or b"{}", type=dict[str, Any] | list[dict[str, Any]])
    except msgspec.DecodeError:
        raise OkxError("50002", "JSON syntax error", 400) from None


def need(params: Sent, name: str) -> str:
    """A parameter that must be there; raises OkxError."""
    found = params.get(name)
    if found in (None, ""):
        raise bad(name)
    return str(found)


def instrument(exchange: OkxExchange, params: Sent) -> Instrument:
    """`instId`; raises OkxError if this venue does not trade it."""
    found = instrument_id(need(params, "instId"))
    if found not in exchange.books:
        raise OkxError("51001", "Instrument ID, Instrument ID code, or Spread ID doesn't exist.")
    return exchange.instrument(found)


def decimal(params: Sent, name: str) -> Decimal | None:
    """A number in text, > 0; None if it is absent or "-1". raises RowError"""
    found = params.get(name)
    if found in (None, "", _AT_MARKET):
        return None
    try:
        number = Decimal(str(found))
    except InvalidOperation:
        raise RowError("51000", f"Parameter {name} error") from None
    if not number.is_finite() or number <= 0:
        raise RowError("51000", f"Parameter {name} error")
    return number


def order_name(exchange: OkxExchange, params: Sent, client: str, venue: str) -> ClientOrderId:
    """The client id of the order that a request names, by either id; raises RowError."""
    if params.get(venue):
        wanted = str(params[venue])
        name = exchange.names.get(wanted) or exchange.names.get(parent_of(wanted) or "")
        if name is None:
            raise RowError("51603", "Order does not exist")
        return name
    if not params.get(client):
        raise RowError("51000", f"Either parameter {venue} or {client} is required")
    return ClientOrderId(str(params[client]))


def order_of(exchange: OkxExchange, params: Sent, unnamed: int, *, algo: bool) -> OrderSpec:
    """The order that a request asks for; raises OkxError, RowError."""
    rules = instrument(exchange, params)
    side, quantity = SIDE.get(need(params, "side")), decimal(params, "sz")
    modes = {"cash"} if rules.product is Product.SPOT and not algo else {"cross", "isolated"}
    if rules.product is Product.SPOT and algo:
        modes |= {"cash"}
    if need(params, "tdMode") not in modes:
        raise RowError("51000", "Parameter tdMode error")
    name = str(params.get("algoClOrdId" if algo else "clOrdId") or f"{UNNAMED}{unnamed}")
    if side is None or quantity is None or len(name) > _NAME_MAX:
        wrong = "side" if side is None else "sz" if quantity is None else "clOrdId"
        raise RowError("51000", f"Parameter {wrong} error")
    kind, price, trigger, force = (_algo if algo else _plain)(exchange, params, rules, side)
    quantity = _in_base(exchange, params, rules, side, quantity, market=not kind.limited)
    try:
        return OrderSpec(
            client_order_id=ClientOrderId(name),
            strategy_id=STRATEGY,
            instrument_id=rules.instrument_id,
            side=side,
            order_type=kind,
            quantity=quantity,
            price=price,
            trigger_price=trigger,
            time_in_force=force,
            post_only=params.get("ordType") == "post_only",
            reduce_only=_true(params.get("reduceOnly")) and rules.product is Product.LINEAR,
        )
    except ValidationError as e:
        raise RowError("51000", f"Parameter error: {e.errors()[0]['msg']}") from None


_Read = tuple[OrderType, Decimal | None, Decimal | None, TimeInForce]


def _plain(exchange: OkxExchange, params: Sent, rules: Instrument, side: OrderSide) -> _Read:
    kind = need(params, "ordType")
    if kind not in _KINDS:
        raise RowError("51000", "Parameter ordType error")
    if kind in ("market", "optimal_limit_ioc"):
        return OrderType.MARKET, None, None, TimeInForce.GTC
    price = decimal(params, "px")
    if price is None:
        raise RowError("51000", "Parameter px error")
    return OrderType.LIMIT, price, None, _FORCE.get(kind, TimeInForce.GTC)


def _algo(exchange: OkxExchange, params: Sent, rules: Instrument, side: OrderSide) -> _Read:
    """`conditional` says whether it stops or takes; of `trigger` the market's price says it."""
    kind = need(params, "ordType")
    if kind == "conditional":
        takes = bool(params.get("tpTriggerPx"))
        word = "tp" if takes else "sl"
        trigger, price = decimal(params, f"{word}TriggerPx"), decimal(params, f"{word}OrdPx")
    elif kind == "trigger":
        trigger, price = decimal(params, "triggerPx"), decimal(params, "orderPx")
        now = touch(exchange, rules.instrument_id, side)
        rises = trigger is not None and now is not None and trigger >= now
        takes = rises is not (side is OrderSide.BUY)
    else:
        raise RowError("51000", "Parameter ordType error")
    if trigger is None:
        raise RowError("51000", "Parameter triggerPx error")
    limited = price is not None
    if takes:
        found = OrderType.LIMIT_IF_TOUCHED if limited else OrderType.MARKET_IF_TOUCHED
    else:
        found = OrderType.STOP_LIMIT if limited else OrderType.STOP_MARKET
    return found, price, trigger, TimeInForce.GTC


def touch(exchange: OkxExchange, name: InstrumentId, side: OrderSide) -> Decimal | None:
    """The price that an order of this side would take."""
    levels = exchange.books[name].levels(-side.sign, 1)
    return Decimal(repr(levels[0][0])) if levels else None


def _in_base(
    exchange: OkxExchange,
    params: Sent,
    rules: Instrument,
    side: OrderSide,
    quantity: Decimal,
    *,
    market: bool,
) -> Decimal:
    """docs: `tgtCcy`: a market buy on spot counts in quote currency unless it says otherwise."""
    if rules.product is not Product.SPOT:
        return quantity * rules.contract_size
    default = "quote_ccy" if side is OrderSide.BUY else "base_ccy"
    if not market or (params.get("tgtCcy") or default) != "quote_ccy":
        return quantity
    price = touch(exchange, rules.instrument_id, side)
    if price is None:
        raise RowError("51000", "No price to buy at")
    step = rules.size_increment
    return max(quantity / price // step, Decimal(1)) * step


def _true(value: object) -> bool:
    return value is True or value == "true"
