"""The rate governor as an actor: one budget for everybody of this run who asks one venue.

It only lends (`venues.net.governor`); who holds leases spends them without a call
(`actors.leasing`). What it has lent is in a file beside the account's lock before anybody hears of
it, so that its successor, and the next run of the account, go on from there. The file survives the
process, which is enough: no limit that matters outlasts the start of a machine.
"""

import asyncio
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec

from actors.boot import refusal
from actors.config import config_of
from actors.lines import Exchange, Method, address
from actors.logs import Log, open_log
from actors.supervised import Supervised
from actors.threads import prompt
from messages.market import Product
from venues.net.governor import Count, Full, Governor, Lease, Memory, Wish
from venues.registry import adapter

_NEWS_S: Final = 3.0  # less than a call may take


class Talk(msgspec.Struct, array_like=True):
    """What a holder says: whose limits, its venue's time, what it wants, gives back and heard."""

    product: str
    now_ns: int
    wishes: tuple[Wish, ...]
    unspent: tuple[Lease, ...]
    seen: tuple[Count, ...]  # what answers said is used
    silence: dict[str, int]  # limits that the venue wants to hear nothing about, and until when
    alone: dict[str, int]  # what was spent without a lease, while nobody lent


class Loan(msgspec.Struct, array_like=True):
    """The governor's answer."""

    leases: tuple[Lease, ...]
    silence: dict[str, int]
    epoch: int
    full: tuple[Full, ...] = ()  # of what was wished for


class RateGovernor(Supervised):
    """One governor for each product of the venue: its products count requests apart."""

    def __init__(self, run: str, name: str, incarnation: int) -> None:
        super().__init__(name, incarnation)
        prompt()
        self.config = config_of(run, name)
        self._news = asyncio.Event()
        self._talks = 0
        self._memory = Path(self.config.account_lock + ".rates")
        self._forgetful = False
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
        """Know the venue's limits and what is spent of them, and listen."""
        self.prepare()
        await self._exchange.open()

    def prepare(self) -> None:
        """Know the venue's limits and what is spent of them."""
        venue = self.config.account.partition("/")[0]
        products = {i.product for i in self.config.instruments}
        self._governors = {str(p): Governor(adapter(venue, p).limits) for p in products}
        self._recall()

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
        governor.charge(said.alone.items(), said.now_ns)
        governor.observe(said.seen)
        epoch = governor.epoch
        governor.block(said.silence, said.now_ns)
        if governor.epoch != epoch:
            self._news.set()
            self._news = asyncio.Event()
        leases = governor.lend(said.wishes, said.now_ns)
        if leases or said.silence or said.alone:
            self._remember()
        silence = governor.silence.all(said.now_ns)
        full = governor.full(said.wishes, said.now_ns)
        return msgspec.msgpack.encode(Loan(leases, silence, governor.epoch, full))

    def _remember(self) -> None:
        """Write down what is lent; a disk that is full stops no trading."""
        found = {product: g.memory() for product, g in self._governors.items()}
        whole = self._memory.with_suffix(".new")
        try:
            whole.write_bytes(msgspec.msgpack.encode(found))
            whole.replace(self._memory)
        except OSError as e:
            if not self._forgetful and self._log is not None:
                self._log.event("WARNING", "rates_not_written", path=str(whole), error=str(e))
            self._forgetful = True

    def _recall(self) -> None:
        """Go on from what was lent before us, or assume the worst where there was somebody and
        nobody knows what."""
        self._memory.parent.mkdir(parents=True, exist_ok=True)
        now_ns = time.time_ns()
        try:
            found = msgspec.msgpack.decode(self._memory.read_bytes(), type=dict[str, Memory])
        except FileNotFoundError:
            found, lost = {}, self.incarnation > 1
        except (OSError, msgspec.DecodeError):
            found, lost = {}, True
        else:
            lost = False
        for product, governor in self._governors.items():
            if product in found:
                governor.resume(found[product])
            elif lost:
                governor.assume(now_ns)
        self._remember()

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
