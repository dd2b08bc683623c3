"""Keeps a `LeasedBudget` in stock: talks to the governor so that no request has to.

It talks when something is missing or soon will be, when a lease has ended, when the venue told us
to be silent, and otherwise now and then; a second call hangs at the governor until somebody else
was told to be silent.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Final

import msgspec

from actors.governor import Loan, Talk
from actors.lines import Refused
from actors.peer import Peer, Unreachable
from messages.base import NS_PER_S
from messages.market import Product
from venues.net.leases import HOP_NS, LeasedBudget
from venues.wire.limits import Cost, Lane, LimitRule

_QUIET_S: Final = 0.25
_LEAST_S: Final = 0.01
_AWAY_S: Final = 0.5


class Leasing:
    """A budget (`RequestBudget`) for one product of one venue.

    venue_ns  the venue's clock
    reserve   units to be held for the first request of a quiet time, by (lane, name)
    """

    def __init__(
        self,
        rules: Iterable[LimitRule],
        reserve: Mapping[tuple[Lane, str], int],
        product: Product,
        governor: Peer,
        news: Peer,
        venue_ns: Callable[[], int],
    ) -> None:
        self._budget = LeasedBudget(rules, reserve)
        self._product = str(product)
        self._governor, self._news_peer = governor, news
        self._venue_ns = venue_ns
        self._wake = asyncio.Event()
        self._epoch = 0

    def take(self, cost: Cost, now_ns: int) -> int:
        """As `RequestBudget`."""
        wait_ns = self._budget.take(cost, now_ns)
        # Something may be lent now, or the next one should find something; to ask for what there is
        # none of would not bring it back sooner.
        if wait_ns == HOP_NS or (not wait_ns and self._budget.low(cost, now_ns)):
            self._wake.set()
        return wait_ns

    def observe(self, headers: Mapping[str, str], sent_ns: int) -> None:
        """As `RequestBudget`."""
        self._budget.observe(headers, sent_ns)

    def block(self, retry_after_ns: int, now_ns: int, names: Iterable[str] = ()) -> None:
        """As `RequestBudget`."""
        self._budget.block(retry_after_ns, now_ns, names)
        self._wake.set()

    async def keep(self) -> None:
        """Talk for as long as the actor lives."""
        await asyncio.gather(self._stock(), self._listen())

    async def _stock(self) -> None:
        talked = -_LEAST_S
        while True:
            # The first that is missing waits for nothing; what is missing soon after comes along.
            await asyncio.sleep(max(talked + _LEAST_S - time.monotonic(), 0.0))
            self._wake.clear()
            talked = time.monotonic()
            try:
                await self._talk()
            except (Unreachable, Refused):
                await asyncio.sleep(_AWAY_S)
                continue
            with suppress(TimeoutError):  # nothing was missing: talk all the same
                await asyncio.wait_for(self._wake.wait(), self._quiet_s())

    def _quiet_s(self) -> float:
        """Until the next talk that nothing asks for: the end of a silence is one, because what was
        held was given back when it began, and so is the end of a lease, because the first order of
        the venue's next window should find its units here."""
        now_ns = self._venue_ns()
        silent_s, held_s = (
            of(now_ns) / NS_PER_S for of in (self._budget.silent_ns, self._budget.ends_ns)
        )
        ends = (
            silent_s + _LEAST_S if silent_s > 0 else _QUIET_S,
            held_s if held_s > 0 else _QUIET_S,
        )
        return min(_QUIET_S, *ends)

    async def _talk(self, *, leaving: bool = False) -> None:
        """Say what is known and wanted."""
        budget, now_ns = self._budget, self._venue_ns()
        wishes = () if leaving else budget.wishes(now_ns)
        said = Talk(
            product=self._product,
            now_ns=now_ns,
            wishes=wishes,
            unspent=budget.unspent(leaving=leaving),
            seen=tuple(budget.seen.values()),
            silence=dict(budget.told),
            alone=dict(budget.alone),
        )
        budget.seen, budget.told, budget.alone = {}, {}, {}
        try:
            raw = await self._governor.call("talk", msgspec.msgpack.encode(said))
        except (Unreachable, Refused):
            self._unsaid(said)
            raise
        loan = msgspec.msgpack.decode(raw, type=Loan)
        self._epoch = loan.epoch
        budget.lent(loan.leases, loan.silence, self._venue_ns(), loan.full)

    def _unsaid(self, said: Talk) -> None:
        """Nobody says whether this was heard: all but units that come back is said again, because
        saying it twice can only make us more careful."""
        budget = self._budget
        budget.told = {**said.silence, **budget.told}
        for count in said.seen:
            budget.observe({count.header: str(count.used)}, count.sent_ns)
        for name, units in said.alone.items():
            budget.alone[name] = budget.alone.get(name, 0) + units

    async def _listen(self) -> None:
        """Talk at once when somebody else has been told to be silent."""
        while True:
            try:
                epoch = await self._news_peer.call("news", self._product, self._epoch)
            except (Unreachable, Refused):
                await asyncio.sleep(_AWAY_S)
                continue
            if epoch != self._epoch:
                self._wake.set()
                await asyncio.sleep(_LEAST_S)

    async def leave(self) -> None:
        """Give everything back."""
        with suppress(Unreachable, Refused):  # what is not given back runs out
            await self._talk(leaving=True)
