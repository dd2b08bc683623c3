"""Our own request budget: what a venue's limits leave us, by how urgent a request is. No clock: the
venue's time is an argument.

Theory of operation. Venues count requests by address, account or endpoint in windows of time; some
say in every answer how much is used, which includes what our other processes used. The budget adds
what it lets through at once and takes the venue's count wherever that is higher. It never waits: a
request that does not fit is told how long it would have to, and its sender decides. Less urgent
requests stop short of the limit, so that there is always room to cancel. After a 429 nothing of
what it was about passes before the time that the venue gave: going on is what turns it into a ban.

A venue's count is of the time when the request was counted, and answers travel: one of a window
that is over by now says nothing about the present one. So counts go with the time when their
request was sent, and an answer that crosses the end of a window counts for the earlier one.
"""

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from messages.base import NS_PER_S
from venues.wire.limits import Cost, LimitRule

# The venue's time, as several of us see it, may go back a little; by more, a clock was set.
_BACK_NS: Final = NS_PER_S
_UNKNOWN: Final = 90  # per cent
_LONG_NS: Final = 60 * NS_PER_S


class RequestBudget(Protocol):
    """What decides whether a request may leave now."""

    def take(self, cost: Cost, now_ns: int) -> int:
        """0 and the cost is taken, or how long (ns) until it may fit and nothing is taken."""

    def observe(self, headers: Mapping[str, str], sent_ns: int) -> None:
        """Take the venue's counts from the answer to a request that was sent at `sent_ns`."""

    def block(self, retry_after_ns: int, now_ns: int, names: Iterable[str] = ()) -> None:
        """The venue wants to hear nothing before this time is over: of what takes from the limits
        `names`, or nothing at all."""


class Silence:
    """Until when what may not be asked; "" stands for everything.

    Those who share it do not agree on the time, and any of them may be wrong for a while. So
    nothing is forgotten because it is over by one clock, and by a clock that is earlier than what
    was said a silence lasts as long from now on, without changing what others know of it.
    """

    def __init__(self) -> None:
        self._said: dict[str, tuple[tuple[int, int], ...]] = {}  # name -> (said at, until) ..

    def add(self, name: str, until_ns: int, now_ns: int) -> bool:
        """Whether this is longer than what was known."""
        if until_ns <= now_ns + self.left_ns((name,), now_ns):
            return False
        longer = (said for said in self._said.get(name, ()) if said[1] > until_ns)
        self._said[name] = (*longer, (now_ns, until_ns))
        return True

    def left_ns(self, names: Iterable[str], now_ns: int) -> int:
        """How long the longest that concerns these names still lasts; 0: none."""
        return max(self._left_ns(name, now_ns) for name in ("", *names))

    def all(self, now_ns: int) -> dict[str, int]:
        """Those that still last: name -> until."""
        left = {name: self._left_ns(name, now_ns) for name in self._said}
        return {name: now_ns + left_ns for name, left_ns in left.items() if left_ns}

    def memory(self) -> dict[str, tuple[tuple[int, int], ...]]:
        """What a successor has to know."""
        return dict(self._said)

    def resume(self, memory: Mapping[str, tuple[tuple[int, int], ...]]) -> None:
        """Go on where another one stopped."""
        self._said = dict(memory)

    def _left_ns(self, name: str, now_ns: int) -> int:
        said = self._said.get(name, ())
        known = [until for since, until in said if since <= now_ns + _BACK_NS]
        if said and not known:
            since_ns, until_ns = min(said)
            known = [now_ns + until_ns - since_ns]
            self._said[name] = (*said, (now_ns, known[0]))
        return max((until - now_ns for until in known if until > now_ns), default=0)


@dataclass(slots=True)
class Spent:
    """What is known to be used of one limit, to outlive whoever counted it.

    index  of a fixed window, which one; -1 of a rolling one, where `taken` says when how much
    """

    index: int
    used: int
    taken: tuple[tuple[int, int], ...]


class Window:
    """How much of one limit is used in the current interval."""

    __slots__ = ("_assumed", "_index", "_taken", "rule", "used")

    def __init__(self, rule: LimitRule) -> None:
        self.rule = rule
        self.used = 0
        self._assumed = 0  # of `used`, without knowing
        self._index = -1
        self._taken: deque[tuple[int, int]] = deque()  # (when, amount), of rolling rules

    def roll(self, now_ns: int) -> None:
        """Forget what no longer counts."""
        if self.rule.rolling:
            taken = self._taken
            if taken and now_ns < taken[-1][0] - _BACK_NS:  # our time was wrong then
                self._taken = taken = deque([(now_ns, self.used)])
            since = now_ns - self.rule.interval_ns
            while taken and taken[0][0] <= since:
                self.used -= taken.popleft()[1]
            return
        index = now_ns // self.rule.interval_ns
        if index > self._index:
            self._index, self.used, self._assumed = index, 0, 0
        elif now_ns < self._index * self.rule.interval_ns - _BACK_NS:
            self._index = index  # our time was wrong then; what is used stays used

    def wait_ns(self, amount: int, percent: int, now_ns: int) -> int:
        """0 if `amount` fits into `percent` of the limit, else the time until it may.

        A part is never less than one, and what is larger than its part passes alone: else a lane
        of a small limit could never be used.
        """
        self.roll(now_ns)
        part = max(self.rule.amount * percent // 100, 1)
        over = self.used + amount - max(part, min(amount, self.rule.amount))
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

    def observe(self, used: int, sent_ns: int) -> None:
        """The venue's own count, which lags behind what is under way: the higher one holds."""
        if not self.rule.rolling and sent_ns // self.rule.interval_ns < self._index:
            return
        self.roll(sent_ns)
        self.used, self._assumed = self.used - self._assumed, 0  # now we know
        if used > self.used:
            self.add(used - self.used, sent_ns)

    def spent(self) -> Spent:
        return Spent(self._index, self.used, tuple(self._taken))

    def resume(self, spent: Spent) -> None:
        """Go on where another one stopped."""
        self._index, self.used, self._taken = spent.index, spent.used, deque(spent.taken)

    def fill(self, now_ns: int) -> None:
        """Nobody knows what is used: as if all but the last tenth were, which is for cancels and
        questions, until the venue says how much or an interval is over. Of long windows it will
        say so with the first answer."""
        if self.rule.interval_ns > _LONG_NS:
            return
        self.roll(now_ns)
        amount = max(self.rule.amount * _UNKNOWN // 100 - self.used, 0)
        self.add(amount, now_ns)
        self._assumed = 0 if self.rule.rolling else amount


class Budget:
    """What this process may still ask of the venue, by its `limits`."""

    def __init__(self, rules: Iterable[LimitRule]) -> None:
        self.windows = tuple(Window(rule) for rule in rules)
        self.silence = Silence()
        self._named: dict[str, tuple[Window, ...]] = {}
        for window in self.windows:
            self._named[window.rule.name] = (*self._named.get(window.rule.name, ()), window)
        self._headers = {w.rule.header.lower(): w for w in self.windows if w.rule.header}

    @property
    def names(self) -> Collection[str]:
        """What is limited."""
        return self._named.keys()

    def wait_ns(self, cost: Cost, now_ns: int) -> int:
        """0 if the cost fits, else how long (ns) until it may; nothing is taken."""
        wait_ns = self.silence.left_ns(taken_from(cost), now_ns)
        for name, amount in cost.amounts:
            for window in self._named[name]:
                wait_ns = max(wait_ns, window.wait_ns(amount, int(cost.lane), now_ns))
        return wait_ns

    def take(self, cost: Cost, now_ns: int) -> int:
        wait_ns = self.wait_ns(cost, now_ns)
        if wait_ns <= 0:
            self.charge(cost.amounts, now_ns)
        return max(wait_ns, 0)

    def charge(self, amounts: Iterable[tuple[str, int]], now_ns: int) -> None:
        """Count what was let through, by whomever."""
        for name, amount in amounts:
            for window in self._named[name]:
                window.add(amount, now_ns)

    def observe(self, headers: Mapping[str, str], sent_ns: int) -> None:
        for key, value in headers.items():
            window = self._headers.get(key.lower())
            if window is not None and value.strip().isdigit():
                window.observe(int(value), sent_ns)

    def block(self, retry_after_ns: int, now_ns: int, names: Iterable[str] = ()) -> None:
        for name in tuple(names) or ("",):
            self.silence.add(name, now_ns + retry_after_ns, now_ns)


def taken_from(cost: Cost) -> list[str]:
    """The limits that a request takes something from."""
    return [name for name, amount in cost.amounts if amount]
