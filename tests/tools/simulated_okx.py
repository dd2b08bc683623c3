"""A simulated OKX in one event loop, for one test."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from simulated_bybit import book, trade

from messages.base import InstrumentId, Message
from venues.okx.simulator import Simulator
from venues.okx.simulator_config import SimulatorConfig
from venues.wire.keys import Keys

SPOT = InstrumentId("BTC-USDT.OKX")
SWAP = InstrumentId("BTC-USDT-SWAP.OKX")
__all__ = ["KEYS", "SPOT", "SWAP", "book", "running", "trade"]
KEYS = Keys("0kx-key-0123456789", "0KXSECRET0123456789ABCDEF", "a pass phrase")


@asynccontextmanager
async def running(
    config: SimulatorConfig | None = None, tape: Iterator[tuple[int, Message]] | None = None
) -> AsyncIterator[Simulator]:
    """A simulator with books of 100 BTC at 60000/60010, unless a tape is given."""
    simulator = Simulator(config or SimulatorConfig(), KEYS, tape, time.time_ns)
    await simulator.start()
    if tape is None:
        for name in (SPOT, SWAP):
            simulator.exchange.on_tape(book(name))
            simulator.exchange.on_tape(trade(name))
    try:
        yield simulator
    finally:
        await simulator.stop()
