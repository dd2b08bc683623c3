"""Parameters of USD-M orders, read as strictly as Binance reads them.

docs: USD-M Futures "Trade / New Order", "New Algo Order" and "Error Codes" (2026-09).
"""

from decimal import Decimal
from typing import Final

from messages.base import ClientOrderId, InstrumentId, StrategyId
from messages.orders import OrderSide, OrderSpec, OrderType, TimeInForce
from messages.venue import Request, RequestRefused
from venues.binance import simulator_errors as errors
from venues.binance.simulator_params import Params
from venues.serving.errors import ApiError
from venues.sim.refusals import Refusal

_PLAIN: Final = {"LIMIT": OrderType.LIMIT, "MARKET": OrderType.MARKET}
_ALGO: Final = {
    "STOP": OrderType.STOP_LIMIT,
    "STOP_MARKET": OrderType.STOP_MARKET,
    "TAKE_PROFIT": OrderType.LIMIT_IF_TOUCHED,
    "TAKE_PROFIT_MARKET": OrderType.MARKET_IF_TOUCHED,
}
_IGNORED: Final = ("workingType", "priceProtect", "selfTradePreventionMode")
# docs: "Error Codes" of USD-M.
_REFUSALS: Final[dict[str, tuple[int, str]]] = {
    Refusal.UNKNOWN_INSTRUMENT: (-1121, "Invalid symbol."),
    Refusal.UNKNOWN_ORDER: (-2011, "Unknown order sent."),
    Refusal.PRICE_INCREMENT: (-4014, "Price not increased by tick size."),
    Refusal.LOT_SIZE: (-1111, "Precision is over the maximum defined for this asset."),
    Refusal.MIN_NOTIONAL: (-4164, "Order's notional must be no smaller than the minimum."),
    Refusal.DUPLICATE: (-4116, "ClientOrderId is duplicated."),
    Refusal.WOULD_TRIGGER: (-2021, "Order would immediately trigger."),
    Refusal.WOULD_TAKE: (
        -5022,
        "Due to the order could not be executed as maker, the Post Only order will be rejected.",
    ),
    Refusal.INSUFFICIENT_BALANCE: (-2018, "Balance is insufficient."),
    Refusal.INSUFFICIENT_MARGIN: (-2019, "Margin is insufficient."),
    Refusal.NOT_REDUCING: (-2022, "ReduceOnly Order is rejected."),
    Refusal.AMEND_NOTHING: (-5027, "No need to modify the order."),
    Refusal.AMEND_FILLED: (-5027, "No need to modify the order."),
    Refusal.LEVERAGE: (-4028, "Leverage is not valid."),
    Refusal.MARGIN_MODE_SAME: (-4046, "No need to change margin type."),
    Refusal.MARGIN_MODE_BUSY: (
        -4048,
        "Margin type cannot be changed if there exists position.",
    ),
}


def refusal(reply: RequestRefused) -> ApiError:
    """USD-M's code and words for what the venue refused."""
    code, text = _REFUSALS[reply.code]
    if reply.code == Refusal.UNKNOWN_ORDER and reply.request is Request.MODIFY:
        code, text = -2013, "Order does not exist."
    return ApiError(code, text)


def order_of(params: Params, found: InstrumentId, fallback_id: str) -> OrderSpec:
    """The order that POST /fapi/v1/order asks for.

    raises  ApiError
    """
    wire_type = params.need("type")
    if wire_type in _ALGO:
        raise ApiError(
            -4120,
            "Order type not supported for this endpoint."
            " Please use the Algo Order API endpoints instead.",
        )
    if wire_type not in _PLAIN:
        raise ApiError(-1116, "Invalid orderType.")
    name = params.client_id("newClientOrderId") or fallback_id
    return _spec(params, found, _PLAIN[wire_type], name, None)


def algo_order_of(params: Params, found: InstrumentId, fallback_id: str) -> OrderSpec:
    """The order that POST /fapi/v1/algoOrder asks for.

    raises  ApiError
    """
    if params.need("algoType") != "CONDITIONAL":
        raise ApiError(-1130, "Data sent for parameter 'algoType' is not valid.")
    wire_type = params.need("type")
    if wire_type not in _ALGO:
        raise ApiError(-1116, "Invalid orderType.")
    trigger = params.decimal("triggerPrice")
    if trigger is None:
        raise errors.missing("triggerPrice")
    name = params.client_id("clientAlgoId") or fallback_id
    return _spec(params, found, _ALGO[wire_type], name, trigger)


def _spec(
    params: Params, found: InstrumentId, kind: OrderType, name: str, trigger: Decimal | None
) -> OrderSpec:
    side = params.enum("side", OrderSide, ApiError(-1117, "Invalid side."))
    if params.take("positionSide") not in (None, "BOTH"):
        raise ApiError(-4061, "Order's position side does not match user's setting.")
    form = params.take("newOrderRespType")
    if form not in (None, "ACK", "RESULT"):
        raise ApiError(-1130, "Data sent for parameter 'newOrderRespType' is not valid.")
    wanted, quantity, price = params.take("timeInForce"), params.decimal("quantity"), None
    if quantity is None:
        raise errors.missing("quantity")
    if kind.limited:
        price = params.decimal("price")
        if price is None:
            raise errors.missing("price")
        if wanted is None and not kind.triggered:
            raise errors.missing("timeInForce")
    elif wanted is not None and not kind.triggered:
        raise errors.not_required("timeInForce")
    reduces = params.take("reduceOnly")
    if reduces not in (None, "true", "false"):
        raise errors.illegal("reduceOnly", "^(true|false)$")
    for ignored in _IGNORED:
        params.take(ignored)
    if wanted not in (None, "GTC", "IOC", "FOK", "GTX"):
        raise ApiError(-1115, "Invalid timeInForce.")
    post_only = wanted == "GTX" and kind.limited
    return OrderSpec(
        client_order_id=ClientOrderId(name),
        strategy_id=StrategyId("?"),  # the wire does not say whose order it is
        instrument_id=found,
        side=side,
        order_type=kind,
        quantity=quantity,
        price=price,
        trigger_price=trigger,
        time_in_force=TimeInForce.GTC if wanted in (None, "GTX") else TimeInForce(wanted),
        post_only=post_only,
        reduce_only=reduces == "true",
    )
