"""A simulated Binance and everything that talks to it, in one event loop, for one test."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Any

import aiohttp
import numpy as np
import served
from served import Client, serving

from messages.base import InstrumentId, Message
from messages.orders import (
    CancelOrder,
    ModifyOrder,
    QueryOrder,
    SubmitOrder,
)
from venues.binance.limits import SPOT
from venues.binance.simulator import Simulator
from venues.binance.simulator_config import SimulatorConfig
from venues.net.access import Access
from venues.net.budget import Budget
from venues.net.clock import VenueClock
from venues.net.gateway import Gateway
from venues.net.http import Http
from venues.registry import adapter
from venues.serving.faults import FaultKind, Rule
from venues.wire.keys import Keys, drawn_keys

BTC = InstrumentId("BTCUSDT.BINANCE")
KEYS = drawn_keys(np.random.default_rng(7))


book, trade = partial(served.book, BTC), partial(served.trade, BTC)


@dataclass
class World(Client[Simulator]):
    """One simulator and one client of each kind."""

    http: aiohttp.ClientSession

    async def get(self, path: str) -> tuple[int, Any, Any]:
        """(status, headers, JSON) of one unsigned request."""
        async with self.http.get(self.url + path) as answer:
            return answer.status, answer.headers, await answer.json()


@asynccontextmanager
async def running(
    config: SimulatorConfig | None = None,
    tape: Iterator[tuple[int, Message]] | None = None,
    timeout_s: float = 2.0,
    budget: Budget | None = None,
) -> AsyncIterator[World]:
    """A simulator with a book of 100 BTC at 60000/60010, unless a tape is given."""
    simulator = Simulator(config or SimulatorConfig(), KEYS, tape, time.time_ns)
    async with serving(simulator, ()), aiohttp.ClientSession() as http:
        access = access_to(f"http://127.0.0.1:{simulator.port}", KEYS, timeout_s, budget)
        access.instruments |= {i.instrument_id: i for i in simulator.config.instruments}
        await access.http.open()
        if tape is None:
            simulator.exchange.on_tape(book())
        try:
            yield World(simulator, access, Gateway(access), http)
        finally:
            await access.http.close()


def access_to(
    url: str,
    keys: Keys | None = None,
    timeout_s: float = 2.0,
    budget: Budget | None = None,
    recv_window_ms: int = 5000,
) -> Access:
    """A way to a Binance; its HTTP is not open yet."""
    return Access(
        adapter("BINANCE"),
        Http(url, timeout_s),
        VenueClock(time.time_ns),
        budget or Budget(SPOT),
        time.time_ns,
        keys,
        recv_window_ms=recv_window_ms,
    )


def budget_of(weight: int = 6000, orders_10s: int = 100) -> Budget:
    """Spot's limits, smaller."""
    most = {SPOT[0]: weight, SPOT[1]: orders_10s}
    return Budget(replace(rule, amount=most.get(rule, rule.amount)) for rule in SPOT)


def submit(
    name: str, price: str | None = "50000", quantity: str = "0.001", **more: Any
) -> SubmitOrder:
    """A limit order to buy, or a market order without a price."""
    return served.submit(BTC, name, price, quantity, **more)


def cancel(name: str) -> CancelOrder:
    return CancelOrder(**served.about(BTC, name))


def query(name: str) -> QueryOrder:
    return QueryOrder(**served.about(BTC, name))


def modify(name: str, quantity: str) -> ModifyOrder:
    return ModifyOrder(**served.about(BTC, name), quantity=Decimal(quantity))


def once(kind: FaultKind, **more: Any) -> Rule:
    """A fault that strikes one time."""
    return Rule(kind=kind, times=1, **more)


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


async def until(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    """Wait for something that happens in this event loop."""
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.005)
