"""OKX's limits, and what each request takes from which.

docs: docs-v5 "Rate Limits" and the page of each endpoint (2026-09). Trading endpoints are limited
by user and instrument; we count them over all instruments, which stays on the safe side. Besides,
a sub-account may place and amend at most 1,000 orders in 2 s (50061). Answers do not say how much
is used, and docs do not say where the windows begin, so ours end now.
"""

from typing import Final

from messages.base import NS_PER_S
from messages.venue import Request
from venues.okx import codec_follow as follow
from venues.okx import codec_requests as path
from venues.wire.limits import Cost, Lane, LimitRule
from venues.wire.request import WireRequest

_TWO_S: Final = 2 * NS_PER_S
SUB_ACCOUNT: Final = "orders of the sub-account"
# (method, path) -> requests in two seconds; a name of one limit each.
LIMITS: Final[dict[tuple[str, str], int]] = {
    ("POST", path.ORDER): 60,
    ("POST", "/api/v5/trade/batch-orders"): 300,  # orders, not requests
    ("POST", path.CANCEL): 60,
    ("POST", path.CANCEL_MANY): 300,  # orders, not requests
    ("POST", path.AMEND): 60,
    ("GET", path.ORDER): 60,
    ("GET", path.PENDING): 60,
    ("GET", path.FILLS): 10,
    ("POST", path.ALGO): 20,
    ("POST", path.CANCEL_ALGO): 20,  # orders, not requests
    ("POST", path.AMEND_ALGO): 20,
    ("GET", path.ALGO): 20,
    ("GET", path.PENDING_ALGO): 20,
    ("GET", "/api/v5/account/balance"): 10,
    ("GET", "/api/v5/account/positions"): 10,
    ("GET", "/api/v5/account/trade-fee"): 5,
    ("POST", "/api/v5/account/set-leverage"): 20,
    ("GET", "/api/v5/public/time"): 10,
    ("GET", "/api/v5/public/instruments"): 20,
    ("GET", "/api/v5/market/books"): 40,
    ("GET", follow.TRADES): 20,
    ("GET", follow.BARS): 20,
}
_ALL_AFTER: Final = ("POST", "/api/v5/trade/cancel-all-after")
RULES: Final = (
    *(LimitRule(f"{m} {p}", n, _TWO_S, rolling=True) for (m, p), n in LIMITS.items()),
    LimitRule(" ".join(_ALL_AFTER), 1, NS_PER_S, rolling=True),
    LimitRule(SUB_ACCOUNT, 1000, _TWO_S, rolling=True),
)
_SUB_ACCOUNT_CODE: Final = "50061"
_LANES: Final[dict[Request | None, Lane]] = {
    Request.CANCEL: Lane.CANCEL,
    Request.CANCEL_ALL: Lane.CANCEL,
    Request.CANCEL_ALL_AFTER: Lane.CANCEL,
    Request.MODIFY: Lane.REDUCE,
    Request.QUERY_ORDER: Lane.QUERY,
    Request.QUERY_FILLS: Lane.QUERY,
    Request.SUBMIT: Lane.SUBMIT,
    Request.SUBMIT_LIST: Lane.SUBMIT,
}
_BY_ROW: Final = frozenset({"/api/v5/trade/batch-orders", path.CANCEL_MANY, path.CANCEL_ALGO})
_COUNTED: Final = frozenset({path.ORDER, path.AMEND, "/api/v5/trade/batch-orders"})


def cost_of(wire: WireRequest) -> Cost:
    """What a request takes; one that reduces the position goes before one that may not."""
    lane = _LANES.get(wire.request, Lane.DATA)
    if lane is Lane.SUBMIT and wire.params.get("reduceOnly") is True:
        lane = Lane.REDUCE
    rows = wire.params.get(path.ROWS)
    amount = len(rows) if wire.path in _BY_ROW and isinstance(rows, list) else 1
    amounts = [(f"{wire.method} {wire.path}", amount)]
    if wire.method == "POST" and wire.path in _COUNTED:
        amounts.append((SUB_ACCOUNT, amount))
    return Cost(lane, tuple(amounts))


def throttled(wire: WireRequest, code: str) -> tuple[str, ...]:
    """What a throttled answer is about: all orders of the sub-account, or one endpoint."""
    return (SUB_ACCOUNT if code == _SUB_ACCOUNT_CODE else f"{wire.method} {wire.path}",)
