"""How Bybit counts requests, and what each of ours costs.

Every address may send 600 requests in any five seconds. Besides, each endpoint has a limit of its
own per account and second; answers say how much of that is left (X-Bapi-Limit-Status), not how
much is used. A batch counts as many times as it has orders.

docs: v5 "Rate Limit Rules" (2026-11), column UTA.
"""

from collections.abc import Mapping
from typing import Final

from messages.base import NS_PER_S
from messages.market import Product
from messages.venue import Request
from venues.wire.limits import Cost, Lane, LimitRule
from venues.wire.request import WireRequest

ADDRESS: Final = "address"
ADDRESS_MAX: Final = 600
ADDRESS_NS: Final = 5 * NS_PER_S
# Path -> what it may be asked in a second: (spot, linear).
PER_SECOND: Final[Mapping[str, tuple[int, int]]] = {
    "/v5/order/create": (20, 10),
    "/v5/order/amend": (10, 10),
    "/v5/order/cancel": (20, 10),
    "/v5/order/cancel-all": (20, 10),
    "/v5/order/create-batch": (20, 10),
    "/v5/order/disconnected-cancel-all": (5, 5),
    "/v5/order/realtime": (50, 50),
    "/v5/order/history": (50, 50),
    "/v5/execution/list": (50, 50),
    "/v5/position/list": (50, 50),
    "/v5/position/set-leverage": (10, 10),
    "/v5/account/wallet-balance": (50, 50),
    "/v5/account/fee-rate": (5, 10),
    "/v5/account/set-margin-mode": (5, 5),
}
_LANES: Final[Mapping[Request, Lane]] = {
    Request.CANCEL: Lane.CANCEL,
    Request.CANCEL_ALL: Lane.CANCEL,
    Request.CANCEL_ALL_AFTER: Lane.CANCEL,
    Request.MODIFY: Lane.REDUCE,
    Request.SUBMIT: Lane.SUBMIT,
    Request.SUBMIT_LIST: Lane.SUBMIT,
    Request.SET_LEVERAGE: Lane.SUBMIT,
    Request.SET_MARGIN_MODE: Lane.SUBMIT,
}


def per_second(path: str, product: Product) -> int:
    """How often a path may be asked in a second by one account; 0 where only the address counts."""
    spot, linear = PER_SECOND.get(path, (0, 0))
    return spot if product is Product.SPOT else linear


def rules(product: Product) -> tuple[LimitRule, ...]:
    """All limits of an account that trades one product."""
    own = (LimitRule(p, per_second(p, product), NS_PER_S, rolling=True) for p in PER_SECOND)
    return (LimitRule(ADDRESS, ADDRESS_MAX, ADDRESS_NS, rolling=True), *own)


def cost_of(wire: WireRequest) -> Cost:
    """What a request takes, and how urgent it is."""
    lane = Lane.DATA if wire.request is None else _LANES.get(wire.request, Lane.QUERY)
    if wire.request is Request.SUBMIT and wire.params.get("reduceOnly"):
        lane = Lane.REDUCE
    batch = wire.params.get("request")
    count = len(batch) if isinstance(batch, list) else 1
    own = ((wire.path, count),) if wire.path in PER_SECOND else ()
    return Cost(lane, ((ADDRESS, 1), *own))
