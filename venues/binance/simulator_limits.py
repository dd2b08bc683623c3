"""The server's side of the rate limits: 429 when a window is full, 418 for those who go on.

docs: Spot "LIMITS" (2026-09). Windows start at whole minutes, ten seconds and days of UTC.
"""

import re
from typing import Final

from messages.base import NS_PER_S
from venues.binance.limits import Window, depth_weight
from venues.binance.simulator_errors import ApiError

WEIGHTS: Final[dict[str, int]] = {
    "GET /api/v3/ping": 1,
    "GET /api/v3/time": 1,
    "GET /api/v3/exchangeInfo": 20,
    "GET /api/v3/trades": 25,
    "GET /api/v3/aggTrades": 4,
    "GET /api/v3/klines": 2,
    "GET /api/v3/ticker/bookTicker": 2,
    "POST /api/v3/order": 1,
    "POST /api/v3/order/test": 1,
    "GET /api/v3/order": 4,
    "DELETE /api/v3/order": 1,
    "DELETE /api/v3/openOrders": 1,
    "GET /api/v3/openOrders": 6,
    "GET /api/v3/allOrders": 20,
    "GET /api/v3/myTrades": 20,
    "GET /api/v3/account": 20,
    "PUT /api/v3/order/amend/keepPriority": 4,
    "POST /api/v3/userDataStream": 2,
    "PUT /api/v3/userDataStream": 2,
    "DELETE /api/v3/userDataStream": 2,
    "WS userDataStream.subscribe.signature": 2,
    "WS userDataStream.unsubscribe": 2,
}
_ALL_SYMBOLS: Final = {"GET /api/v3/openOrders": 80, "GET /api/v3/ticker/bookTicker": 4}
_ONE_ORDER: Final = {"GET /api/v3/myTrades": 5}
_DEPTH_DEFAULT: Final = 100
_NUMBER: Final = re.compile(r"[0-9]{1,18}")


def weight_of(request: str, params: dict[str, str]) -> int:
    """Weight of "METHOD /path" with these parameters; 1 where we know nothing better."""
    if request == "GET /api/v3/depth":
        limit = params.get("limit", "")
        return depth_weight(int(limit) if _NUMBER.fullmatch(limit) else _DEPTH_DEFAULT)
    if "symbol" not in params and request in _ALL_SYMBOLS:
        return _ALL_SYMBOLS[request]
    if "orderId" in params and request in _ONE_ORDER:
        return _ONE_ORDER[request]
    return WEIGHTS.get(request, 1)


class Meter:
    """Counts of one address and one account, which on loopback are the same caller.

    ban_after  requests answered 429 within a minute before the ban
    ban_s      length of the first ban; each further ban is twice as long
    """

    def __init__(
        self, weight_max: int, orders_10s_max: int, orders_day_max: int, ban_after: int, ban_s: int
    ) -> None:
        self._weight = Window(60 * NS_PER_S, weight_max)
        self._refused = Window(60 * NS_PER_S, ban_after)
        self._orders = {
            "10S": Window(10 * NS_PER_S, orders_10s_max),
            "1D": Window(86_400 * NS_PER_S, orders_day_max),
        }
        self._banned_until = 0
        self._ban_s = ban_s

    def charge(self, weight: int, now_ns: int) -> None:
        """Count a request.

        raises  ApiError 429 past the limit, 418 for a caller who goes on regardless
        """
        if now_ns < self._banned_until:
            raise self._banned(now_ns)
        wait_ns = self._weight.wait_ns(weight, 100, now_ns)
        self._weight.used += weight
        if wait_ns:
            raise self.throttle(now_ns)

    def throttle(self, now_ns: int) -> ApiError:
        """A 429, or the 418 that follows too many of them."""
        self._refused.roll(now_ns)
        self._refused.used += 1
        if self._refused.used > self._refused.limit:
            return self.ban(now_ns)
        interval_ns, limit = self._weight.interval_ns, self._weight.limit
        wait_s = (interval_ns - now_ns % interval_ns) // NS_PER_S + 1
        text = (
            f"Too much request weight used; current limit is {limit} request weight per 1 MINUTE."
            " Please use WebSocket Streams for live updates to avoid polling the API."
        )
        return ApiError(-1003, text, 429, {"Retry-After": str(wait_s)})

    def ban(self, now_ns: int) -> ApiError:
        """Start a ban; a repeated offence lasts twice as long."""
        self._banned_until = now_ns + self._ban_s * NS_PER_S
        self._ban_s *= 2
        return self._banned(now_ns)

    def order(self, now_ns: int) -> None:
        """Count a new order.

        raises  ApiError 429, without Retry-After, past the account's limit
        """
        for name, window in self._orders.items():
            if window.wait_ns(1, 100, now_ns):
                text = f"Too many new orders; current limit is {window.limit} orders per {name}."
                raise ApiError(-1015, text, 429)
        for window in self._orders.values():
            window.used += 1

    def headers(self, ordering: bool, now_ns: int) -> dict[str, str]:
        """The counts that go with every answer; order counts only with answers about orders."""
        self._weight.roll(now_ns)
        found = {"X-MBX-USED-WEIGHT": str(self._weight.used)}
        found["X-MBX-USED-WEIGHT-1M"] = str(self._weight.used)
        if ordering:
            for name, window in self._orders.items():
                window.roll(now_ns)
                found[f"X-MBX-ORDER-COUNT-{name}"] = str(window.used)
        return found

    def rules(self) -> list[dict[str, object]]:
        """The limits as exchangeInfo lists them."""
        rows = (
            ("REQUEST_WEIGHT", "MINUTE", 1, self._weight.limit),
            ("ORDERS", "SECOND", 10, self._orders["10S"].limit),
            ("ORDERS", "DAY", 1, self._orders["1D"].limit),
        )
        return [
            {"rateLimitType": kind, "interval": unit, "intervalNum": n, "limit": limit}
            for kind, unit, n, limit in rows
        ]

    def _banned(self, now_ns: int) -> ApiError:
        until_ms = self._banned_until // 1_000_000
        text = (
            f"Way too much request weight used; IP banned until {until_ms}."
            " Please use WebSocket Streams for live updates to avoid bans."
        )
        wait_s = (self._banned_until - now_ns) // NS_PER_S + 1
        return ApiError(-1003, text, 418, {"Retry-After": str(wait_s)})
