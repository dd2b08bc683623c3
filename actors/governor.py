"""The rate governor as an actor: one budget for everybody of this run who asks one venue.

It only lends (`venues.net.governor`); who holds leases spends them without a call
(`actors.leasing`). Its memory is no truth that must survive: a fresh incarnation learns from the
first answers' headers how much is used, and what was lent before it counts as spent by then.
"""

import asyncio
import os
from contextlib import suppress
from typing import Any, Final

import msgspec

from actors.boot import refusal
from actors.config import config_of
from actors.lines import Exchange, Method, address
from actors.logs import Log, open_log
from actors.supervised import Supervised
from actors.threads import prompt
from messages.market import Product
from venues.net.governor import Governor, Lease, Wish
from venues.registry import adapter

_NEWS_S: Final = 3.0  # less than a call may take


class Talk(msgspec.Struct, array_like=True):
    """What a holder says: whose limits, its venue's time, what it wants, gives back and heard."""

    product: str
    now_ns: int
    wishes: tuple[Wish, ...]
    unspent: tuple[Lease, ...]
    seen: dict[str, str]  # response headers
    silence_ns: int  # how long the venue wants to hear nothing; 0: it said no such thing


class Loan(msgspec.Struct, array_like=True):
    """The governor's answer."""

    leases: tuple[Lease, ...]
    blocked_until: int
    epoch: int


class RateGovernor(Supervised):
    """One governor for each product of the venue: its products count requests apart."""

    def __init__(self, run: str, name: str, incarnation: int) -> None:
        super().__init__(name, incarnation)
        prompt()
        self.config = config_of(run, name)
        self._news = asyncio.Event()
        self._talks = 0
        self._log: Log | None = None
        methods: dict[str, Method] = {"talk": self.talk, "news": self.news}
        self._exchange = Exchange(address(self.config.run_id, name), methods)

    async def _boot(self) -> None:
        config = self.config
        try:
            self._log = open_log(
                config.path(), config.run_id, self.name, self.incarnation, config.log_level
            )
            await self.open()
        except Exception as e:  # noqa: BLE001  a half-open actor must not live
            raise refusal(e) from None
        self._log.event("INFO", "serving", pid=os.getpid())

    async def open(self) -> None:
        """Know the venue's limits, and listen."""
        venue = self.config.account.partition("/")[0]
        products = {i.product for i in self.config.instruments}
        self._governors = {str(p): Governor(adapter(venue, p).limits) for p in products}
        await self._exchange.open()

    async def stop(self, reason: str) -> None:
        """Let go of who waits for news, and end this process."""
        self.close()
        self._ended(reason)
        await self._exit()

    def close(self) -> None:
        """Answer nobody any more."""
        self._news.set()
        self._exchange.close()

    async def metrics(self) -> bytes:
        """Nothing of its own: what a request waited for shows where it waited."""
        return b""

    async def talk(self, raw: bytes) -> bytes:
        """Lend what can be lent, and take note of what the holder heard."""
        said = msgspec.msgpack.decode(raw, type=Talk)
        governor = self._governors[said.product]
        self._talks += 1
        governor.give_back(said.unspent, said.now_ns)
        if said.seen:
            governor.observe(said.seen, said.now_ns)
        if said.silence_ns:
            governor.block(said.silence_ns, said.now_ns)
            self._news.set()
            self._news = asyncio.Event()
        leases = governor.lend(said.wishes, said.now_ns)
        return msgspec.msgpack.encode(Loan(leases, governor.blocked_until, governor.epoch))

    async def news(self, product: str, epoch: int) -> int:
        """The present epoch: at once if it is another than `epoch`, else when it changes, or after
        a while."""
        governor = self._governors[product]
        if governor.epoch == epoch:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), _NEWS_S)
        return governor.epoch

    async def look(self, what: str = "status") -> Any:
        """Talks so far, and how often the venue told us to be silent, by product."""
        epochs = {str(Product(p)): g.epoch for p, g in self._governors.items()}
        return {"handled": self._talks, "silences": epochs}
