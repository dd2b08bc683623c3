"""Fifty strategies at one venue, with one request budget between them and with one each.

    python benchmarks/rate_budget.py [--seconds 20] [--strategies 50] [--json]

All of them ask the simulated Binance, over HTTP, for more than its limits allow: whole books,
orders, and the cancel of each order. Lent by the governor (the actor, over its lines), nothing is
denied and no cancel waits behind data; with limiters of their own, each of which keeps the limits,
they are banned.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from actors.config import Accounts, RunConfig
from actors.governor import RateGovernor
from actors.leasing import Leasing
from actors.peer import Peer
from messages.arrays import DELTA
from messages.base import ClientOrderId, StrategyId
from messages.market import BookDeltaBatch, Instrument
from messages.orders import CancelOrder, OrderSide, OrderSpec, OrderType, SubmitOrder
from messages.risk import RiskLimits
from messages.venue import OrderReport
from trading.errors import VenueError
from venues.binance.simulator import Simulator
from venues.binance.simulator_config import SimulatorConfig
from venues.net.access import Access
from venues.net.budget import Budget, RequestBudget
from venues.net.clock import VenueClock
from venues.net.gateway import Gateway
from venues.net.http import Http
from venues.net.leases import reserve_of
from venues.net.questions import Questions
from venues.registry import adapter
from venues.wire.keys import Keys, drawn_keys
from venues.wire.request import Answer, HttpRequest

_BEGUN: ContextVar[float] = ContextVar("begun", default=0.0)
_EVERY_S = 0.5


@dataclass
class Seen:
    """What came of it, as the answers say."""

    statuses: Counter[int] = field(default_factory=Counter)
    sent: Counter[str] = field(default_factory=Counter)
    held: Counter[str] = field(default_factory=Counter)
    cancel_waits_s: list[float] = field(default_factory=list)

    def shown(self) -> dict[str, Any]:
        """For people and programs."""
        waits = np.array(self.cancel_waits_s or [np.nan]) * 1000
        return {
            "sent": dict(self.sent),
            "held_back": dict(self.held),
            "denied_429": self.statuses[429],
            "banned_418": self.statuses[418],
            "cancel_waits_ms": {
                "p50": round(float(np.percentile(waits, 50)), 2),
                "max": round(float(waits.max()), 2),
            },
        }


class CountedHttp(Http):
    """Counts answers, and what a cancel waited before it left."""

    def __init__(self, url: str, seen: Seen) -> None:
        super().__init__(url)
        self._seen = seen

    async def send(self, request: HttpRequest) -> Answer:
        if request.method == "DELETE":
            self._seen.cancel_waits_s.append(time.perf_counter() - _BEGUN.get())
        answer = await super().send(request)
        self._seen.statuses[answer.status] += 1
        return answer


@dataclass
class Strategy:
    """Who asks for a book, places an order and cancels it, twice a second."""

    number: int
    access: Access
    instrument: Instrument
    seen: Seen

    async def run(self, until: float) -> None:
        """Go on until that time."""
        await asyncio.sleep(_EVERY_S * self.number / 50)
        turn = 0
        while time.perf_counter() < until:
            turn += 1
            await asyncio.gather(self._book(), self._order(f"s{self.number}n{turn}"))
            await asyncio.sleep(_EVERY_S)

    async def _book(self) -> None:
        try:
            await Questions(self.access).book(self.instrument.instrument_id)
        except VenueError:
            self.seen.held["books"] += 1
        else:
            self.seen.sent["books"] += 1

    async def _order(self, name: str) -> None:
        gateway, now_ns = Gateway(self.access), time.time_ns()
        ids: dict[str, Any] = {
            "client_order_id": ClientOrderId(name),
            "strategy_id": StrategyId("S"),
            "instrument_id": self.instrument.instrument_id,
        }
        order = OrderSpec(
            **ids,
            side=OrderSide.BUY,
            order_type=OrderType.LIMIT,
            quantity=Decimal("0.001"),
            price=Decimal(50_000),
        )
        reply = await gateway.execute(SubmitOrder(ts_event=now_ns, ts_init=now_ns, order=order))
        if not isinstance(reply, OrderReport):
            self.seen.held["orders"] += 1
            return
        self.seen.sent["orders"] += 1
        _BEGUN.set(time.perf_counter())
        reply = await gateway.execute(CancelOrder(ts_event=now_ns, ts_init=now_ns, **ids))
        (self.seen.sent if isinstance(reply, OrderReport) else self.seen.held)["cancels"] += 1


async def measured(folder: Path, count: int, seconds: float, *, shared: bool) -> dict[str, Any]:
    """What came of `count` strategies with one budget between them, or with one each."""
    keys = drawn_keys(np.random.default_rng(7))
    simulator = Simulator(SimulatorConfig(), keys, None, time.time_ns)
    await simulator.start()
    instrument = simulator.config.instruments[0]
    simulator.exchange.on_tape(_book(instrument))
    seen = Seen()
    try:
        async with budgets(folder, instrument, shared=shared) as budget:
            access = [
                _access(f"http://127.0.0.1:{simulator.port}", seen, keys, instrument, budget)
                for _ in range(count)
            ]
            keeping = [
                asyncio.create_task(a.budget.keep())
                for a in access
                if isinstance(a.budget, Leasing)
            ]
            for a in access:
                await a.http.open()
            await asyncio.sleep(1.0)
            until = time.perf_counter() + seconds
            all_ = (Strategy(n, a, instrument, seen).run(until) for n, a in enumerate(access))
            await asyncio.gather(*all_)
            for task in keeping:
                task.cancel()
            for a in access:
                await a.http.close()
    finally:
        await simulator.stop()
    return seen.shown()


@asynccontextmanager
async def budgets(
    folder: Path, instrument: Instrument, *, shared: bool
) -> AsyncIterator[Callable[[VenueClock], RequestBudget]]:
    """How a strategy comes by its budget."""
    venue = adapter("BINANCE")
    if not shared:
        yield lambda clock: Budget(venue.limits)
        return
    run = f"rates-{folder.name}"
    governor = RateGovernor(_config(run, folder, instrument), "governor", 1)
    await governor.open()
    known = {instrument.instrument_id: instrument}
    try:
        yield lambda clock: Leasing(
            venue.limits,
            reserve_of(venue, known),
            instrument.product,
            Peer(run, "governor"),
            Peer(run, "governor"),
            clock.now_ns,
        )
    finally:
        governor.close()


def _access(
    url: str,
    seen: Seen,
    keys: Keys,
    instrument: Instrument,
    budget: Callable[[VenueClock], RequestBudget],
) -> Access:
    clock = VenueClock(time.time_ns, steady_ns=time.monotonic_ns)
    known = {instrument.instrument_id: instrument}
    http = CountedHttp(url, seen)
    return Access(adapter("BINANCE"), http, clock, budget(clock), time.time_ns, keys, known)


def _config(run: str, folder: Path, instrument: Instrument) -> str:
    one = RunConfig(
        run_id=run,
        folder=str(folder),
        account="BINANCE/main",
        account_lock=str(folder / "lock"),
        rest_url="http://127.0.0.1:1",
        ws_url="ws://127.0.0.1:1",
        instruments=(instrument,),
        limits=RiskLimits(instruments=()),
        strategies=(),
        bar_intervals_ns=(),
        stale_book_ns=1,
        reconcile_ns=1,
        grace_ns=1,
    )
    return Accounts(accounts=(one,)).model_dump_json()


def _book(instrument: Instrument) -> BookDeltaBatch:
    now = time.time_ns()
    rows = [(now, now, 1, 60_000.0, 100.0), (now, now, -1, 60_010.0, 100.0)]
    return BookDeltaBatch(
        ts_event=now,
        ts_init=now,
        instrument_id=instrument.instrument_id,
        snapshot=True,
        first_seq=1,
        last_seq=1,
        rows=np.array(rows, DELTA),
    )


def main(arguments: Sequence[str]) -> int:
    """Print both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--strategies", type=int, default=50)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    report = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, shared in (("one_budget", True), ("one_each", False)):
            found = measured(Path(folder), options.strategies, options.seconds, shared=shared)
            report[name] = asyncio.run(found)
    if options.json:
        print(json.dumps(report, indent=2))
    else:
        print("\n".join(f"{name}: {figures}" for name, figures in report.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
