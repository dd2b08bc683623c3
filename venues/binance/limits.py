"""Binance's limits, and what each request takes from them.

Weight is counted by address in whole minutes, orders by account in whole intervals; answers say how
much is used.
docs: Spot "LIMITS" and the weight of each endpoint (2026-09); USD-M "Limits" (the same; the weight
of its historicalTrades is that of the change log of 2026-07-29).
"""

from typing import Final

from messages.base import NS_PER_S
from messages.venue import Request
from venues.binance.codec_names import Market
from venues.wire.limits import Cost, Lane, LimitRule
from venues.wire.request import WireRequest

_MINUTE: Final = 60 * NS_PER_S
_WEIGHT: Final = "X-MBX-USED-WEIGHT-1M"
_ORDERS: Final = "X-MBX-ORDER-COUNT-"
SPOT: Final = (
    LimitRule("weight", 6000, _MINUTE, header=_WEIGHT),
    LimitRule("orders", 100, 10 * NS_PER_S, header=_ORDERS + "10S"),
    LimitRule("orders", 200_000, 86_400 * NS_PER_S, header=_ORDERS + "1D"),
)
USDM: Final = (
    LimitRule("weight", 2400, _MINUTE, header=_WEIGHT),
    LimitRule("orders", 300, 10 * NS_PER_S, header=_ORDERS + "10S"),
    LimitRule("orders", 1200, _MINUTE, header=_ORDERS + "1M"),
)
LANES: Final[dict[Request | None, Lane]] = {
    Request.SUBMIT: Lane.SUBMIT,
    Request.SUBMIT_LIST: Lane.SUBMIT,
    Request.CANCEL: Lane.CANCEL,
    Request.CANCEL_ALL: Lane.CANCEL,
    Request.CANCEL_ALL_AFTER: Lane.CANCEL,
    Request.MODIFY: Lane.REDUCE,
    None: Lane.DATA,
}
# "METHOD path" -> (weight, orders); one of weight and no order where it is not named.
_SPOT_COST: Final[dict[str, tuple[int, int]]] = {
    "POST /api/v3/order": (1, 1),
    "PUT /api/v3/order/amend/keepPriority": (4, 0),
    "GET /api/v3/order": (4, 0),
    "GET /api/v3/openOrders": (6, 0),
    "GET /api/v3/myTrades": (20, 0),
    "GET /api/v3/account": (20, 0),
    "GET /api/v3/account/commission": (20, 0),
    "GET /api/v3/exchangeInfo": (20, 0),
    "GET /api/v3/trades": (25, 0),
    "GET /api/v3/historicalTrades": (25, 0),
    "GET /api/v3/klines": (2, 0),
}
_USDM_COST: Final[dict[str, tuple[int, int]]] = {
    "POST /fapi/v1/order": (0, 1),
    "POST /fapi/v1/algoOrder": (0, 1),
    "POST /fapi/v1/batchOrders": (5, 5),
    "PUT /fapi/v1/order": (0, 1),
    "GET /fapi/v1/userTrades": (5, 0),
    "GET /fapi/v3/balance": (5, 0),
    "GET /fapi/v3/positionRisk": (5, 0),
    "GET /fapi/v1/commissionRate": (20, 0),
    "POST /fapi/v1/countdownCancelAll": (10, 0),
    "GET /fapi/v1/aggTrades": (20, 0),
    "GET /fapi/v1/klines": (5, 0),
}
_COSTS: Final = {Market.SPOT: _SPOT_COST, Market.USDM: _USDM_COST}
_DEPTH: Final[dict[Market, tuple[tuple[int, int], ...]]] = {
    Market.SPOT: ((100, 5), (500, 25), (1000, 50), (5000, 250)),
    Market.USDM: ((50, 2), (100, 5), (500, 10), (1000, 20)),
}


def depth_weight(limit: int, market: Market = Market.SPOT) -> int:
    """Weight of a whole book of so many levels."""
    return next((w for most, w in _DEPTH[market] if limit <= most), _DEPTH[market][-1][1])


def cost_of(wire: WireRequest, market: Market) -> Cost:
    """What a request takes."""
    weight, orders = _COSTS[market].get(f"{wire.method} {wire.path}", (1, 0))
    if wire.path.endswith("/depth"):
        weight = depth_weight(int(str(wire.params["limit"])), market)
    lane = LANES.get(wire.request, Lane.QUERY)
    if lane is Lane.SUBMIT and wire.params.get("reduceOnly") == "true":
        lane = Lane.REDUCE
    return Cost(lane, (("weight", weight), ("orders", orders)))
