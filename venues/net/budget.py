"""Our own request budget: what a venue's limits leave us, by how urgent a request is. No clock: the
venue's time is an argument.

Theory of operation. Venues count requests by address, account or endpoint in windows of time; some
say in every answer how much is used, which includes what our other processes used. The budget adds
what it lets through at once and takes the venue's count wherever that is higher. It never waits: a
request that does not fit is told how long it would have to, and its sender decides. Less urgent
requests stop short of the limit, so that there is always room to cancel. After a 429 nothing
passes before the time that the venue gave: going on is what turns a 429 into a ban.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Protocol

from venues.wire.limits import Cost, LimitRule


class RequestBudget(Protocol):
    """What decides whether a request may leave now."""

    def take(self, cost: Cost, now_ns: int) -> int:
        """0 and the cost is taken, or how long (ns) until it may fit and nothing is taken."""

    def observe(self, headers: Mapping[str, str], now_ns: int) -> None:
        """Take the venue's counts from an answer."""

    def block(self, retry_after_ns: int, now_ns: int) -> None:
        """The venue wants to hear nothing before this time is over."""


class Window:
    """How much of one limit is used in the current interval."""

    __slots__ = ("_index", "_taken", "rule", "used")

    def __init__(self, rule: LimitRule) -> None:
        self.rule = rule
        self.used = 0
        self._index = -1
        self._taken: deque[tuple[int, int]] = deque()  # (when, amount), of rolling rules

    def roll(self, now_ns: int) -> None:
        """Forget what no longer counts."""
        if self.rule.rolling:
            since = now_ns - self.rule.interval_ns
            while self._taken and self._taken[0][0] <= since:
                self.used -= self._taken.popleft()[1]
            return
        index = now_ns // self.rule.interval_ns
        if index > self._index:
            self._index, self.used = index, 0

    def wait_ns(self, amount: int, percent: int, now_ns: int) -> int:
        """0 if `amount` fits into `percent` of the limit, else the time until it may."""
        self.roll(now_ns)
        over = self.used + amount - self.rule.amount * percent // 100
        if amount == 0 or over <= 0:
            return 0
        if not self.rule.rolling:
            return self.rule.interval_ns - now_ns % self.rule.interval_ns
        for taken_ns, taken in self._taken:
            over -= taken
            if over <= 0:
                return taken_ns + self.rule.interval_ns - now_ns
        return self.rule.interval_ns

    def add(self, amount: int, now_ns: int) -> None:
        """Count what was let through."""
        self.used += amount
        if self.rule.rolling and amount:
            self._taken.append((now_ns, amount))

    def remove(self, amount: int, then_ns: int) -> None:
        """Take back what was counted at `then_ns`; nothing if it no longer counts."""
        if not self.rule.rolling:
            if then_ns // self.rule.interval_ns == self._index:
                self.used = max(self.used - amount, 0)
            return
        for i, (taken_ns, taken) in enumerate(self._taken):
            if taken_ns == then_ns and amount:
                part = min(amount, taken)
                self._taken[i] = (taken_ns, taken - part)
                self.used -= part
                amount -= part

    def observe(self, used: int, now_ns: int) -> None:
        """The venue's own count, which lags behind what is under way: the higher one holds."""
        self.roll(now_ns)
        if used > self.used:
            self.add(used - self.used, now_ns)


class Budget:
    """What this process may still ask of the venue, by its `limits`."""

    def __init__(self, rules: Iterable[LimitRule]) -> None:
        self.windows = tuple(Window(rule) for rule in rules)
        self._named: dict[str, tuple[Window, ...]] = {}
        for window in self.windows:
            self._named[window.rule.name] = (*self._named.get(window.rule.name, ()), window)
        self._headers = {w.rule.header.lower(): w for w in self.windows if w.rule.header}
        self._blocked_until = 0

    def take(self, cost: Cost, now_ns: int) -> int:
        percent = int(cost.lane)
        wait_ns = self._blocked_until - now_ns
        for name, amount in cost.amounts:
            for window in self._named[name]:
                wait_ns = max(wait_ns, window.wait_ns(amount, percent, now_ns))
        if wait_ns > 0:
            return wait_ns
        for name, amount in cost.amounts:
            for window in self._named[name]:
                window.add(amount, now_ns)
        return 0

    def observe(self, headers: Mapping[str, str], now_ns: int) -> None:
        for key, value in headers.items():
            window = self._headers.get(key.lower())
            if window is not None and value.strip().isdigit():
                window.observe(int(value), now_ns)

    def block(self, retry_after_ns: int, now_ns: int) -> None:
        self._blocked_until = max(self._blocked_until, now_ns + retry_after_ns)
