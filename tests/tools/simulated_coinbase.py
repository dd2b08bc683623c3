"""A simulated Coinbase and who talks to it, in one event loop, for one test."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import numpy as np
import served
from served import Client, serving

from messages.base import InstrumentId
from messages.orders import SubmitOrder
from venues.coinbase.adapter import CoinbaseAdapter
from venues.coinbase.signing import simulator_keys
from venues.coinbase.simulator import Simulator
from venues.coinbase.simulator_config import SimulatorConfig
from venues.net.access import Access
from venues.net.budget import Budget
from venues.net.clock import VenueClock
from venues.net.gateway import Gateway
from venues.net.http import Http

BTC = InstrumentId("BTC-USD.COINBASE")
KEYS = simulator_keys(np.random.default_rng(7))


World = Client[Simulator]
book, trade = partial(served.book, BTC), partial(served.trade, BTC)


@asynccontextmanager
async def running(config: SimulatorConfig | None = None) -> AsyncIterator[World]:
    """A simulator with a book of 100 BTC at 60000/60010."""
    adapter = CoinbaseAdapter()
    simulator = Simulator(config or SimulatorConfig(), KEYS, None, time.time_ns)
    async with serving(simulator, ()):
        simulator.exchange.on_tape(book())
        http = Http(f"http://127.0.0.1:{simulator.port}")
        await http.open()
        clock, budget = VenueClock(time.time_ns), Budget(adapter.limits)
        access = Access(adapter, http, clock, budget, time.time_ns, KEYS)
        try:
            await access.sync()
            yield World(simulator, access, Gateway(access))
        finally:
            await http.close()


def submit(
    name: str, price: str | None = "50000", quantity: str = "0.01", **more: Any
) -> SubmitOrder:
    """A limit order to buy, or a market order without a price."""
    return served.submit(BTC, name, price, quantity, **more)


def about(name: str, **more: Any) -> dict[str, Any]:
    """What a request about one order begins with."""
    return served.about(BTC, name) | more
