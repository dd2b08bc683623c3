"""The server's side of the rate limits: 429 when a window is full, 418 for those who go on.

docs: Spot "LIMITS" (2026-09). Windows start at whole minutes, ten seconds and days of UTC.
"""

import re
from typing import Final

from messages.base import NS_PER_S
from venues.binance.codec_names import ms
from venues.binance.limits import depth_weight
from venues.binance.simulator_config import LimitConfig
from venues.serving.errors import ApiError
from venues.serving.meter import Denied, Meter

WEIGHTS: Final[dict[str, int]] = {
    "GET /api/v3/ping": 1,
    "GET /api/v3/time": 1,
    "GET /api/v3/exchangeInfo": 20,
    "GET /api/v3/trades": 25,
    "GET /api/v3/historicalTrades": 25,
    "GET /api/v3/aggTrades": 4,
    "GET /api/v3/klines": 2,
    "GET /api/v3/ticker/bookTicker": 2,
    "POST /api/v3/order": 1,
    "POST /api/v3/order/cancelReplace": 1,
    "POST /api/v3/order/test": 1,
    "GET /api/v3/order": 4,
    "DELETE /api/v3/order": 1,
    "DELETE /api/v3/openOrders": 1,
    "GET /api/v3/openOrders": 6,
    "GET /api/v3/allOrders": 20,
    "GET /api/v3/myTrades": 20,
    "GET /api/v3/account": 20,
    "GET /api/v3/account/commission": 20,
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
_LENGTHS: Final = {  # header's suffix, unit, how many of it
    60 * NS_PER_S: ("1M", "MINUTE", 1),
    10 * NS_PER_S: ("10S", "SECOND", 10),
    86_400 * NS_PER_S: ("1D", "DAY", 1),
}
_NUMBER: Final = re.compile(r"[0-9]{1,18}")


USDM_WEIGHTS: Final[dict[str, int]] = {
    "POST /fapi/v1/order": 0,
    "POST /fapi/v1/algoOrder": 0,
    "PUT /fapi/v1/order": 0,
    "POST /fapi/v1/batchOrders": 5,
    "GET /fapi/v1/allOrders": 5,
    "GET /fapi/v1/userTrades": 5,
    "GET /fapi/v2/balance": 5,
    "GET /fapi/v3/balance": 5,
    "GET /fapi/v2/account": 5,
    "GET /fapi/v3/account": 5,
    "GET /fapi/v2/positionRisk": 5,
    "GET /fapi/v3/positionRisk": 5,
    "GET /fapi/v1/commissionRate": 20,
    "POST /fapi/v1/countdownCancelAll": 10,
    "GET /fapi/v1/aggTrades": 20,
    "GET /fapi/v1/klines": 5,
    "GET /fapi/v1/trades": 5,
    "GET /fapi/v1/ticker/bookTicker": 2,
}
_USDM_ALL_SYMBOLS: Final = {"GET /fapi/v1/openOrders": 40, "GET /fapi/v1/openAlgoOrders": 40}
_USDM_DEPTH: Final = ((50, 2), (100, 5), (500, 10))


def usdm_weight_of(request: str, params: dict[str, str]) -> int:
    """The same of USD-M. docs: the weight of each endpoint (2026-09)."""
    if request == "GET /fapi/v1/depth":
        limit = params.get("limit", "")
        levels = int(limit) if _NUMBER.fullmatch(limit) else 500
        return next((weight for most, weight in _USDM_DEPTH if levels <= most), 20)
    if "symbol" not in params and request in _USDM_ALL_SYMBOLS:
        return _USDM_ALL_SYMBOLS[request]
    return USDM_WEIGHTS.get(request, 1)


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


class BinanceMeter:
    """Counts of one address and one account, which on loopback are the same caller."""

    def __init__(self, limits: LimitConfig) -> None:
        self._rules = limits.rules()
        self._meter = Meter(self._rules, limits.ban_after, limits.ban_s, count_denied=True)

    def charge(self, weight: int, now_ns: int) -> None:
        """Count a request.

        raises  ApiError 429 past the limit, 418 for a caller who goes on regardless
        """
        if (denied := self._meter.charge((("weight", weight),), now_ns)) is not None:
            raise self._refusal(denied, now_ns)

    def throttle(self, now_ns: int) -> ApiError:
        """A 429, or the 418 that follows too many of them."""
        weight = self._rules[0]
        wait_ns = self._meter.window(weight).wait_ns(now_ns)
        return self._refusal(self._meter.deny(weight, wait_ns, now_ns), now_ns)

    def ban(self, now_ns: int) -> ApiError:
        """Start a ban; a repeated offence lasts twice as long."""
        return self._refusal(self._meter.ban(now_ns), now_ns)

    def order(self, now_ns: int) -> None:
        """Count a new order.

        raises  ApiError 429, without Retry-After, past the account's limit
        """
        windows = [self._meter.window(rule) for rule in self._rules[1:]]
        for window in windows:
            if window.full(1, now_ns):
                name, limit = _LENGTHS[window.rule.interval_ns][0], window.rule.amount
                text = f"Too many new orders; current limit is {limit} orders per {name}."
                raise ApiError(-1015, text, 429)
        for window in windows:
            window.take(1, now_ns)

    def headers(self, ordering: bool, now_ns: int) -> dict[str, str]:
        """The counts that go with every answer; order counts only with answers about orders."""
        windows = [self._meter.window(rule) for rule in self._rules]
        for window in windows:
            window.roll(now_ns)
        found = {"X-MBX-USED-WEIGHT": str(windows[0].used)}
        found["X-MBX-USED-WEIGHT-1M"] = str(windows[0].used)
        for window in windows[1:] if ordering else ():
            name = _LENGTHS[window.rule.interval_ns][0]
            found[f"X-MBX-ORDER-COUNT-{name}"] = str(window.used)
        return found

    def limits(self) -> list[dict[str, object]]:
        """The limits as exchangeInfo lists them."""
        found: list[dict[str, object]] = []
        for rule in self._rules:
            kind = "REQUEST_WEIGHT" if rule.name == "weight" else "ORDERS"
            _, unit, n = _LENGTHS[rule.interval_ns]
            row = {"rateLimitType": kind, "interval": unit, "intervalNum": n, "limit": rule.amount}
            found.append(row)
        return found

    def _refusal(self, denied: Denied, now_ns: int) -> ApiError:
        wait = {"Retry-After": str(denied.wait_ns // NS_PER_S + 1)}
        if not denied.banned:
            text = (
                f"Too much request weight used; current limit is {denied.rule.amount} request"
                " weight per 1 MINUTE. Please use WebSocket Streams for live updates to avoid"
                " polling the API."
            )
            return ApiError(-1003, text, 429, wait)
        text = (
            f"Way too much request weight used; IP banned until {ms(self._meter.banned_until)}."
            " Please use WebSocket Streams for live updates to avoid bans."
        )
        return ApiError(-1003, text, 418, wait)
