"""Our own request budget: weights, windows, priority. No clock: the venue's time is an argument.

Theory of operation. Binance counts weight per address in whole minutes and orders per account in
whole ten seconds and days; every answer says how much is used, which includes what our other
processes used. The budget adds what it lets through at once and takes the venue's count wherever
that is higher. It never waits: a request that does not fit is told how long it would have to,
and its sender decides. Less urgent requests stop short of the limit, so that there is always
room to cancel. After 429 or 418 nothing passes before the time that the venue gave: going on is
what turns a 429 into a ban.

docs: Spot "LIMITS" (2026-09): 6000 weight a minute, 100 orders in 10 s, 200000 orders a day.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from messages.base import NS_PER_S
from messages.venue import Request
from venues.binance.codec_errors import order_count, used_weight


class Priority(Enum):
    """How much of a limit a request may use, in per cent; cancels may use all of it."""

    CANCEL = 100
    QUERY = 95  # finding out about an UNKNOWN order comes before placing more
    SUBMIT = 90
    BACKGROUND = 70  # market data, reconciliation


@dataclass(frozen=True, slots=True)
class Cost:
    """What one request takes from the budget."""

    weight: int
    priority: Priority
    orders: int = 0


# docs: the "Weight" of each endpoint (2026-09); open orders are those of one symbol.
COSTS: Final[Mapping[Request, Cost]] = {
    Request.SUBMIT: Cost(1, Priority.SUBMIT, orders=1),
    Request.CANCEL: Cost(1, Priority.CANCEL),
    Request.MODIFY: Cost(4, Priority.CANCEL),  # it only ever reduces an order
    Request.QUERY_ORDER: Cost(4, Priority.QUERY),
    Request.QUERY_OPEN_ORDERS: Cost(6, Priority.QUERY),
    Request.QUERY_FILLS: Cost(20, Priority.QUERY),
    Request.QUERY_ACCOUNT: Cost(20, Priority.QUERY),
}


def depth_weight(limit: int) -> int:
    """Weight of GET /api/v3/depth for so many levels."""
    for levels, weight in ((100, 5), (500, 25), (1000, 50)):
        if limit <= levels:
            return weight
    return 250


class Window:
    """How much of a limit is used in the current interval; intervals start at whole multiples."""

    __slots__ = ("_index", "interval_ns", "limit", "used")

    def __init__(self, interval_ns: int, limit: int) -> None:
        self.interval_ns = interval_ns
        self.limit = limit
        self.used = 0
        self._index = -1

    def roll(self, now_ns: int) -> None:
        """Start from nothing where a new interval began."""
        index = now_ns // self.interval_ns
        if index > self._index:
            self._index, self.used = index, 0

    def wait_ns(self, amount: int, percent: int, now_ns: int) -> int:
        """0 if `amount` fits into `percent` of the limit, else the time to the next interval."""
        self.roll(now_ns)
        if amount == 0 or (self.used + amount) * 100 <= self.limit * percent:
            return 0
        return self.interval_ns - now_ns % self.interval_ns

    def observe(self, used: int, now_ns: int) -> None:
        """The venue's own count, which lags behind what is under way: the higher one holds."""
        self.roll(now_ns)
        self.used = max(self.used, used)


class Budget:
    """What this process may still ask of the venue."""

    def __init__(
        self, weight_max: int = 6000, orders_10s_max: int = 100, orders_day_max: int = 200_000
    ) -> None:
        self.weight = Window(60 * NS_PER_S, weight_max)
        self.orders_10s = Window(10 * NS_PER_S, orders_10s_max)
        self.orders_day = Window(86_400 * NS_PER_S, orders_day_max)
        self._blocked_until = 0

    def take(self, cost: Cost, now_ns: int) -> int:
        """0 and the cost is taken, or how long (ns) until it may fit and nothing is taken.

        now_ns  the venue's clock
        """
        percent = cost.priority.value
        wait_ns = max(
            self._blocked_until - now_ns,
            self.weight.wait_ns(cost.weight, percent, now_ns),
            self.orders_10s.wait_ns(cost.orders, percent, now_ns),
            self.orders_day.wait_ns(cost.orders, percent, now_ns),
        )
        if wait_ns > 0:
            return wait_ns
        self.weight.used += cost.weight
        self.orders_10s.used += cost.orders
        self.orders_day.used += cost.orders
        return 0

    def observe(self, headers: Mapping[str, str], now_ns: int) -> None:
        """Take the venue's counts from an answer."""
        counts = (
            (self.weight, used_weight(headers)),
            (self.orders_10s, order_count(headers, "10S")),
            (self.orders_day, order_count(headers, "1D")),
        )
        for window, used in counts:
            if used is not None:
                window.observe(used, now_ns)

    def block(self, retry_after_ns: int, now_ns: int) -> None:
        """The venue said 429 or 418: nothing more before this time is over."""
        self._blocked_until = max(self._blocked_until, now_ns + retry_after_ns)
