"""The budget of one holder of leases: spends what the governor lent, and says what it wants next.

It never waits and never asks by itself: `wishes` tells what to ask for and `unspent` what to give
back, whoever owns it carries that to the governor and the answer to `lent`. What was not asked for
in time is told to wait one hop; what the governor has nothing left of, until it may have.

If the governor is silent, a small part of the limit is ours without asking (`share`), for cancels
and queries alone: what is at the venue can always be taken off it.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from messages.base import NS_PER_MS, NS_PER_S, ClientOrderId, StrategyId
from messages.orders import CancelOrder, OrderSide, OrderSpec, OrderType, QueryOrder, SubmitOrder
from trading.errors import Refused
from venues.net.budget import Budget, Silence, taken_from
from venues.net.governor import Count, Full, Lease, Wish
from venues.wire.adapter import Adapter, Instruments
from venues.wire.limits import Cost, Lane, LimitRule

HOP_NS: Final = 20 * NS_PER_MS  # until a wish may be granted
SILENT_NS: Final = 2 * NS_PER_S  # a governor that has said nothing for this long is away
_AT_ONCE: Final = 4  # requests of a kind that find what they need in stock
_SHARE: Final = 20  # of the limit, in per cent, that is ours while it is away
_ALONE: Final = (Lane.CANCEL, Lane.QUERY)


@dataclass(slots=True)
class _Stock:
    """What is held of one lane of one limit."""

    lease: Lease
    left: int


def time_reserve(adapter: Adapter) -> dict[tuple[Lane, str], int]:
    """What every connection keeps in stock: for asking the venue's time."""
    amounts = adapter.cost(adapter.ask_time()).amounts
    return {(Lane.QUERY, name): _AT_ONCE * amount for name, amount in amounts if amount}


def reserve_of(adapter: Adapter, instruments: Instruments) -> dict[tuple[Lane, str], int]:
    """What a trading connection keeps in stock: for a few orders, cancels and questions at once."""
    ids: dict[str, Any] = {"client_order_id": ClientOrderId("X"), "strategy_id": StrategyId("X")}
    times: dict[str, Any] = {"ts_event": 0, "ts_init": 0}
    reserve = time_reserve(adapter)
    for i in instruments.values():
        about: dict[str, Any] = {**times, **ids, "instrument_id": i.instrument_id}
        order = OrderSpec(
            **ids,
            instrument_id=i.instrument_id,
            side=OrderSide.BUY,
            order_type=OrderType.MARKET,
            quantity=i.size_increment,
        )
        commands = (SubmitOrder(**times, order=order), CancelOrder(**about), QueryOrder(**about))
        for command in commands:
            with suppress(Refused):  # the venue has no such request, so nothing is kept for it
                cost = adapter.cost(adapter.request_of(command, instruments))
                for name, amount in cost.amounts:
                    key = (cost.lane, name)
                    reserve[key] = max(reserve.get(key, 0), _AT_ONCE * amount)
    return reserve


class LeasedBudget:
    """A `RequestBudget` that is fed by a governor.

    reserve  units by (lane, name) that are always wished for, so that the first cancel or order
             of a quiet time finds them here
    seen     counts that answers carried, the highest of each window, not told to the governor yet
    told     what the venue wants silence about, until when, not told to the governor yet
    alone    what was spent while the governor was away, and that it does not know of
    """

    def __init__(self, rules: Iterable[LimitRule], reserve: Mapping[tuple[Lane, str], int]) -> None:
        rules = tuple(rules)
        self.seen: dict[tuple[str, int], Count] = {}  # by header and window
        self.told: dict[str, int] = {}
        self.alone: dict[str, int] = {}
        self._headers = {
            r.header.lower(): 0 if r.rolling else r.interval_ns for r in rules if r.header
        }
        self._names = {r.name for r in rules}
        self._reserve = dict(reserve)
        self._stock: list[_Stock] = []
        self._over: list[_Stock] = []  # ran out with something left
        self._short: dict[tuple[Lane, str], int] = {}  # wanted and not had since the last wishes
        self._full: dict[tuple[Lane, str], tuple[int, int]] = {}  # -> (told at, until)
        self._silence = Silence()
        self._heard_ns = -1  # before the first request
        self._known = Budget(rules)  # what was used, as far as it is seen from here
        self._alone = Budget(replace(r, amount=max(r.amount * _SHARE // 100, 1)) for r in rules)

    # --- spending ------------------------------------------------------------------------------

    def take(self, cost: Cost, now_ns: int) -> int:
        """0 and the cost is taken, or how long (ns) until it may fit and nothing is taken."""
        if self._heard_ns < 0:  # it may have to tell us of a ban: it is given the time to
            self._heard_ns = now_ns
        if (silent_ns := self._silence.left_ns(taken_from(cost), now_ns)) > 0:
            return silent_ns
        self._expire(now_ns)
        wanted = [(name, amount) for name, amount in cost.amounts if name in self._names and amount]
        short = [(n, a) for n, a in wanted if self._held(cost.lane, n) < a]
        if not short:
            for name, amount in wanted:
                self._spend(cost.lane, name, amount)
            self._known.charge(wanted, now_ns)
            return 0
        if cost.lane in _ALONE and abs(now_ns - self._heard_ns) > SILENT_NS:
            return self._take_alone(Cost(cost.lane, tuple(wanted)), now_ns)
        if (full_ns := max(self._full_ns(cost.lane, n, now_ns) for n, _ in short)) > HOP_NS:
            return full_ns
        for name, amount in short:
            key = (cost.lane, name)
            self._short[key] = self._short.get(key, 0) + amount
        return HOP_NS

    def _take_alone(self, cost: Cost, now_ns: int) -> int:
        """Our share, while the venue's own count, as far as we have seen it, leaves room."""
        wait_ns = max(self._alone.wait_ns(cost, now_ns), self._known.wait_ns(cost, now_ns))
        if wait_ns <= 0:
            for budget in (self._alone, self._known):
                budget.charge(cost.amounts, now_ns)
            for name, amount in cost.amounts:
                self.alone[name] = self.alone.get(name, 0) + amount
        return max(wait_ns, 0)

    def _full_ns(self, lane: Lane, name: str, now_ns: int) -> int:
        """How long the governor has nothing for this lane, as it told; less urgent lanes end where
        more urgent ones do, or sooner."""
        return max(
            (
                until_ns - now_ns
                for (full, of), (told_ns, until_ns) in self._full.items()
                # One told later than now was told when our time was wrong.
                if of == name and full >= lane and told_ns - NS_PER_S <= now_ns
            ),
            default=0,
        )

    def _usable(self, lane: Lane, name: str) -> list[_Stock]:
        """What a request of this lane may spend, what fewest others may spend first."""
        found = [s for s in self._stock if s.lease.name == name and s.lease.lane <= lane]
        return sorted(found, key=lambda s: (-s.lease.lane, s.lease.ts_end))

    def _held(self, lane: Lane, name: str) -> int:
        return sum(s.left for s in self._usable(lane, name))

    def _spend(self, lane: Lane, name: str, amount: int) -> None:
        for stock in self._usable(lane, name):
            part = min(amount, stock.left)
            stock.left -= part
            amount -= part

    # --- what the venue says -------------------------------------------------------------------

    def observe(self, headers: Mapping[str, str], sent_ns: int) -> None:
        """Remember the venue's counts, for the governor and for when it is away."""
        self._known.observe(headers, sent_ns)
        for key, value in headers.items():
            header = key.lower()
            length_ns = self._headers.get(header)
            if length_ns is None or not value.strip().isdigit():
                continue
            window = (header, sent_ns // length_ns if length_ns else 0)
            known = self.seen.get(window)
            if known is None or int(value) > known.used:
                self.seen[window] = Count(header, int(value), sent_ns)

    def block(self, retry_after_ns: int, now_ns: int, names: Iterable[str] = ()) -> None:
        """The venue wants silence: ours begins at once, the others' when the governor knows."""
        for name in tuple(names) or ("",):
            until_ns = now_ns + retry_after_ns
            self.told[name] = max(self.told.get(name, 0), until_ns)
            self._hush(name, until_ns, now_ns)

    # --- talking to the governor ---------------------------------------------------------------

    def wishes(self, now_ns: int) -> tuple[Wish, ...]:
        """What to ask for now: what was missing, and the reserve where it is not held."""
        self._expire(now_ns)
        wanted = dict(self._short)
        self._short = {}
        for (lane, name), units in self._reserve.items():
            if self._low(lane, name):
                held = self._held_as(lane, name)
                wanted[lane, name] = wanted.get((lane, name), 0) + units - held
        return tuple(Wish(lane, name, units) for (lane, name), units in wanted.items())

    def low(self, cost: Cost, now_ns: int) -> bool:
        """Whether the stock of what this cost was taken from is to be filled up, and may be."""
        return any(
            self._low(cost.lane, name) and self._full_ns(cost.lane, name, now_ns) <= 0
            for name, amount in cost.amounts
            if amount
        )

    def _low(self, lane: Lane, name: str) -> bool:
        return self._held_as(lane, name) * 2 < self._reserve.get((lane, name), 0)

    def _held_as(self, lane: Lane, name: str) -> int:
        return sum(s.left for s in self._stock if s.lease.name == name and s.lease.lane == lane)

    def lent(
        self,
        leases: Iterable[Lease],
        silence: Mapping[str, int],
        now_ns: int,
        full: Iterable[Full] = (),
    ) -> None:
        """The governor's answer."""
        self._heard_ns = now_ns
        for lease in leases:
            self._stock.append(_Stock(lease, lease.units))
            for lane, name in tuple(self._full):  # whoever may spend this finds something
                if name == lease.name and lane >= lease.lane:
                    del self._full[lane, name]
        for one in full:
            self._full[one.lane, one.name] = now_ns, one.until_ns
        for name, until_ns in silence.items():
            self._hush(name, until_ns, now_ns)

    def silent_ns(self, now_ns: int) -> int:
        """How long until the first of those that last is over; 0: there is none."""
        return min((until - now_ns for until in self._silence.all(now_ns).values()), default=0)

    def ends_ns(self, now_ns: int) -> int:
        """How long until the first lease that is held ends; 0: nothing is held."""
        self._expire(now_ns)
        return min((s.lease.ts_end - now_ns for s in self._stock), default=0)

    def unspent(self, *, leaving: bool = False) -> tuple[Lease, ...]:
        """What has run out since the last call, to give back; when `leaving`, all that is held."""
        if leaving:
            self._over += self._stock
            self._stock = []
        over, self._over = self._over, []
        return tuple(replace(s.lease, units=s.left) for s in over if s.left)

    def _expire(self, now_ns: int) -> None:
        def lasts(s: _Stock) -> bool:
            # One that begins later than now was lent when our time was wrong.
            return s.lease.ts_begin - NS_PER_S <= now_ns < s.lease.ts_end

        self._over += [s for s in self._stock if s.left and not lasts(s)]
        self._stock = [s for s in self._stock if s.left and lasts(s)]

    def _hush(self, name: str, until_ns: int, now_ns: int) -> None:
        if until_ns <= now_ns:
            return
        self._silence.add(name, until_ns, now_ns)
        self._over += [s for s in self._stock if name in ("", s.lease.name)]
        self._stock = [s for s in self._stock if name not in ("", s.lease.name)]
