"""One rate budget for everybody who asks a venue from one address with one key.

Theory of operation. A venue counts all of us together, so two budgets that each keep within the
limit break it. The governor alone holds the limit. It lends out parts of it, as leases: so many
units, for a time, to one lane. Who holds a lease spends it without asking (`leases.py`), so no
order waits for the governor; what its holder did not spend comes back. Lanes are lent in the
proportions of `Lane`: what data may lease stops short of what orders may, and that short of what
cancels may. A 429 that one of us hears stops everybody: no lease of what it was about is granted
and those held are void until the venue's time is over (`block`; `epoch` counts them so that holders
notice).

A lease counts as spent from the moment it is granted: if its holder dies, it was spent. In a
fixed window a lease lasts as long as the window. In a rolling window it is short, and a unit may
be spent as late as its lease ends, so windows here last that much longer than the venue's.

A governor that dies must not make its successor lend the same again. What it lends is written down
before anybody hears of it (`memory`, by the actor) and read by the next one (`resume`); one that
cannot read it assumes the worst for an interval (`assume`).

Pure: no clock, no sockets; the venue's time is an argument.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from messages.base import NS_PER_S
from venues.net.budget import Budget, Spent
from venues.wire.limits import Cost, Lane, LimitRule

LEASE_NS: Final = NS_PER_S


@dataclass(frozen=True, slots=True)
class Wish:
    """What one holder would like to have of one limit."""

    lane: Lane
    name: str
    units: int


@dataclass(frozen=True, slots=True)
class Lease:
    """`units` of the limit `name`, for requests of `lane` or a more urgent one.

    From `ts_begin` until `ts_end`, the venue's time.
    """

    lane: Lane
    name: str
    units: int
    ts_begin: int
    ts_end: int


@dataclass(frozen=True, slots=True)
class Full:
    """Nothing is left of the limit `name` to requests of `lane` before `until_ns`, the venue's
    time; what others give back may come sooner."""

    lane: Lane
    name: str
    until_ns: int


@dataclass(frozen=True, slots=True)
class Count:
    """How much the venue says is used, in the answer to a request that was sent at `sent_ns`."""

    header: str
    used: int
    sent_ns: int


@dataclass(frozen=True, slots=True)
class Memory:
    """What outlives a governor: what is spent of each rule, and who must be silent until when.

    steady  until when, by the clock that nobody sets of the machine's start `boot`
    """

    spent: dict[str, Spent]
    silence: dict[str, tuple[tuple[int, int], ...]]  # (said at, until) ..
    steady: dict[str, int] = field(default_factory=dict)
    boot: str = ""


class Governor:
    """Lends the limits of one venue, for one address and key.

    epoch    counts the times that the venue told us to be silent
    silence  until when what may not be asked
    """

    def __init__(self, rules: Iterable[LimitRule], lease_ns: int = LEASE_NS) -> None:
        rules = tuple(rules)
        self.epoch = 0
        self._lease_ns = lease_ns
        self._fixed = {r.name: r.interval_ns for r in rules if not r.rolling}
        for rule in rules:  # of several rules of one name the shortest ends a lease
            if not rule.rolling:
                self._fixed[rule.name] = min(self._fixed[rule.name], rule.interval_ns)
        self._budget = Budget(
            replace(r, interval_ns=r.interval_ns + lease_ns) if r.rolling else r for r in rules
        )
        self.silence = self._budget.silence

    def lend(self, wishes: Sequence[Wish], now_ns: int) -> tuple[Lease, ...]:
        """What can be had of these wishes now, the most urgent lane first; parts where not all."""
        found: list[Lease] = []
        for wish in sorted(wishes, key=lambda w: -w.lane):
            units = self._grant(wish, now_ns)
            if units:
                end = self._end(wish.name, now_ns)
                found.append(Lease(wish.lane, wish.name, units, now_ns, end))
        return tuple(found)

    def full(self, wishes: Iterable[Wish], now_ns: int) -> tuple[Full, ...]:
        """Those of these wishes to which not even one unit is left; ask after `lend`."""
        found: list[Full] = []
        for wish in wishes:
            wait_ns = self._budget.wait_ns(Cost(wish.lane, ((wish.name, 1),)), now_ns)
            if wait_ns > 0:
                found.append(Full(wish.lane, wish.name, now_ns + wait_ns))
        return tuple(found)

    def give_back(self, leases: Iterable[Lease], now_ns: int) -> None:
        """Units that were lent and will never be spent: they are free again at once."""
        for lease in leases:
            for window in self._budget.windows:
                if window.rule.name == lease.name:
                    window.roll(now_ns)
                    window.remove(lease.units, lease.ts_begin)

    def observe(self, counts: Iterable[Count]) -> None:
        """The venue's own counts, from answers that any of us had."""
        for count in counts:
            self._budget.observe({count.header: str(count.used)}, count.sent_ns)

    def charge(self, spent: Iterable[tuple[str, int]], now_ns: int) -> None:
        """What one of us spent without a lease, while there was nobody to lend."""
        known = self._budget.names
        self._budget.charge((s for s in spent if s[0] in known), now_ns)

    def block(self, until: Mapping[str, int], now_ns: int) -> None:
        """The venue wants to hear nothing about these limits before their time; "" is all."""
        news = [self.silence.add(name, until_ns, now_ns) for name, until_ns in until.items()]
        self.epoch += any(news)

    def memory(self) -> Memory:
        """What a successor has to know."""
        spent = {_key(w.rule): w.spent() for w in self._budget.windows if w.used}
        return Memory(spent, self.silence.memory())

    def resume(self, memory: Memory) -> None:
        """Go on where the predecessor stopped."""
        for window in self._budget.windows:
            found = memory.spent.get(_key(window.rule))
            if found is not None:
                window.resume(found)
        self.silence.resume(memory.silence)

    def assume(self, now_ns: int) -> None:
        """There was a predecessor, and nobody knows what it lent."""
        for window in self._budget.windows:
            window.fill(now_ns)

    def _grant(self, wish: Wish, now_ns: int) -> int:
        """The largest part of a wish that fits, by halves: a wish is small, so this is short."""
        units = wish.units
        while units > 0:
            if not self._budget.take(Cost(wish.lane, ((wish.name, units),)), now_ns):
                return units
            units //= 2
        return 0

    def _end(self, name: str, now_ns: int) -> int:
        length = self._fixed.get(name)
        return now_ns + self._lease_ns if length is None else (now_ns // length + 1) * length


def _key(rule: LimitRule) -> str:
    return f"{rule.name}/{rule.interval_ns}"
