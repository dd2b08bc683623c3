"""The server's side of rate limits: what each caller used of each window, and who is banned.

docs: windows begin at whole multiples of their length (Binance) or end now (OKX, Bybit, Coinbase);
`LimitRule.rolling` says which.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from messages.base import NS_PER_S
from venues.wire.limits import LimitRule

_MINUTE: Final = 60 * NS_PER_S


class Window:
    """How much of one limit is used now."""

    def __init__(self, rule: LimitRule) -> None:
        self.rule = rule
        self.used = 0
        self._index = -1
        self._taken: deque[tuple[int, int]] = deque()  # rolling: (when, how much)

    def roll(self, now_ns: int) -> None:
        """Forget what is over."""
        length = self.rule.interval_ns
        if not self.rule.rolling:
            if now_ns // length > self._index:
                self._index, self.used = now_ns // length, 0
            return
        while self._taken and self._taken[0][0] <= now_ns - length:
            self.used -= self._taken.popleft()[1]

    def take(self, amount: int, now_ns: int) -> None:
        self.used += amount
        if self.rule.rolling and amount:
            self._taken.append((now_ns, amount))

    def full(self, amount: int, now_ns: int) -> bool:
        """Whether `amount` more does not fit."""
        self.roll(now_ns)
        return amount > 0 and self.used + amount > self.rule.amount

    def wait_ns(self, now_ns: int) -> int:
        """Until something is forgotten."""
        length = self.rule.interval_ns
        if self.rule.rolling:
            return self._taken[0][0] + length - now_ns if self._taken else 0
        return length - now_ns % length


@dataclass(frozen=True, slots=True)
class Denied:
    """A caller who asked too much: which limit, for how long, and whether this is a ban."""

    rule: LimitRule
    wait_ns: int
    banned: bool = False


class Meter:
    """Windows by key: an address, an account, an endpoint, as the venue counts.

    rules      the venue's limits; a charge of a name counts in every rule of that name
    ban_after  denials within a minute before a ban; None never bans
    ban_s      length of the first ban; each further ban is twice as long
    count_denied  whether a request that does not fit is counted all the same (Binance)
    """

    def __init__(
        self,
        rules: Iterable[LimitRule],
        ban_after: int | None = None,
        ban_s: int = 120,
        *,
        count_denied: bool = False,
    ) -> None:
        self.rules = tuple(rules)
        self._windows: dict[tuple[str, LimitRule], Window] = {}
        self._ban_after = ban_after
        self._ban_s = ban_s
        self._count_denied = count_denied
        self._denials = Window(LimitRule("denials", ban_after or 0, _MINUTE))
        self.banned_until = 0

    def window(self, rule: LimitRule, key: str = "") -> Window:
        """The count of one rule for one key."""
        found = self._windows.get((key, rule))
        if found is None:
            found = self._windows[key, rule] = Window(rule)
        return found

    def charge(
        self, amounts: Iterable[tuple[str, int]], now_ns: int, key: str = ""
    ) -> Denied | None:
        """Count a request; None if it may pass."""
        if now_ns < self.banned_until:
            return Denied(self.rules[0], self.banned_until - now_ns, banned=True)
        wanted = [
            (self.window(r, key), amount) for name, amount in amounts for r in self.rules_of(name)
        ]
        full = next((w for w, amount in wanted if w.full(amount, now_ns)), None)
        if full is None or self._count_denied:
            for window, amount in wanted:
                window.take(amount, now_ns)
        return None if full is None else self.deny(full.rule, full.wait_ns(now_ns), now_ns)

    def rules_of(self, name: str) -> tuple[LimitRule, ...]:
        return tuple(rule for rule in self.rules if rule.name == name)

    def deny(self, rule: LimitRule, wait_ns: int, now_ns: int) -> Denied:
        """A caller is denied; too many of it are a ban."""
        self._denials.roll(now_ns)
        self._denials.take(1, now_ns)
        if self._ban_after is not None and self._denials.used > self._ban_after:
            return self.ban(now_ns)
        return Denied(rule, wait_ns)

    def ban(self, now_ns: int) -> Denied:
        """Start a ban; a repeated offence lasts twice as long."""
        self.banned_until = now_ns + self._ban_s * NS_PER_S
        self._ban_s *= 2
        return Denied(self.rules[0], self.banned_until - now_ns, banned=True)
