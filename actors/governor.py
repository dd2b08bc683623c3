"""The rate governor as an actor: one budget for everybody of this run who asks one venue.

It only lends (`venues.net.governor`); who holds leases spends them without a call
(`actors.leasing`). What it has lent is in a file beside the account's lock before anybody hears of
it, so that its successor, and the next run of the account, go on from there. The file survives the
process, which is enough: no limit that matters outlasts the start of a machine.

A silence that the venue has told is measured twice: in the venue's time, as each holder knows it,
and from when it was told by the machine's own clock, which nobody sets. It is over when both say
so. A holder that starts anew does not know the venue's time and takes the host's for it; where that
is far ahead, its first question would come in the middle of a ban.
"""

import asyncio
import os
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import msgspec

from actors.boot import refusal
from actors.clock import boot_id, since_boot_ns
from actors.config import config_of
from actors.lines import Exchange, Method, address
from actors.logs import Log, open_log
from actors.supervised import Supervised
from actors.threads import prompt
from messages.base import NS_PER_S
from messages.market import Product
from venues.net.governor import Count, Full, Governor, Lease, Memory, Wish
from venues.registry import adapter

_NEWS_S: Final = 3.0  # less than a call may take
_CLOCKS_NS: Final = NS_PER_S  # by so much two clocks may differ about what is left of a silence


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
        self._boot_id = boot_id()
        # By product and limit: until when nothing may be asked, by a clock that nobody sets.
        self._steady: dict[str, dict[str, int]] = {}
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
            self._measure(said)
        self._insist(said.product, said.now_ns)
        if governor.epoch != epoch:
            self._news.set()
            self._news = asyncio.Event()
        leases = governor.lend(said.wishes, said.now_ns)
        if leases or said.silence or said.alone or governor.epoch != epoch:
            self._remember()
        silence = governor.silence.all(said.now_ns)
        full = governor.full(said.wishes, said.now_ns)
        return msgspec.msgpack.encode(Loan(leases, silence, governor.epoch, full))

    def _measure(self, said: Talk) -> None:
        """Note how long what was just told lasts, by the machine's own clock."""
        steady, now_ns = self._steady.setdefault(said.product, {}), since_boot_ns()
        for name, until_ns in said.silence.items():
            steady[name] = max(steady.get(name, 0), now_ns + until_ns - said.now_ns)

    def _insist(self, product: str, now_ns: int) -> None:
        """What is not over by the machine's own clock lasts, whatever a holder takes for the
        venue's time."""
        governor, steady = self._governors[product], self._steady.get(product, {})
        for name, until_ns in tuple(steady.items()):
            left_ns = until_ns - since_boot_ns()
            if left_ns <= 0:
                del steady[name]
            elif governor.silence.left_ns((name,), now_ns) < left_ns - _CLOCKS_NS:
                governor.block({name: now_ns + left_ns}, now_ns)

    def _remember(self) -> None:
        """Write down what is lent; a disk that is full stops no trading."""
        found = {
            product: replace(g.memory(), steady=self._steady.get(product, {}), boot=self._boot_id)
            for product, g in self._governors.items()
        }
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
                if self._boot_id and found[product].boot == self._boot_id:
                    self._steady[product] = dict(found[product].steady)
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
