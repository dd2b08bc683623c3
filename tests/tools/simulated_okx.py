"""A simulated OKX in one event loop, for one test."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import numpy as np

from messages.arrays import DELTA, TRADE
from messages.base import InstrumentId, Message
from messages.market import BookDeltaBatch, TradeBatch
from venues.okx.simulator import Simulator
from venues.okx.simulator_config import SimulatorConfig
from venues.wire.keys import Keys

SPOT = InstrumentId("BTC-USDT.OKX")
SWAP = InstrumentId("BTC-USDT-SWAP.OKX")
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


def book(
    name: InstrumentId, bid: float = 60000.0, ask: float = 60010.0, size: float = 100.0
) -> BookDeltaBatch:
    """A whole book of one level a side."""
    now = time.time_ns()
    rows = np.array([(now, now, 1, bid, size), (now, now, -1, ask, size)], DELTA)
    return BookDeltaBatch(
        ts_event=now,
        ts_init=now,
        instrument_id=name,
        snapshot=True,
        first_seq=1,
        last_seq=1,
        rows=rows,
    )


def trade(
    name: InstrumentId, price: float = 60005.0, size: float = 0.5, number: int = 1
) -> TradeBatch:
    """One trade of the tape, taken by a buyer."""
    now = time.time_ns()
    rows = np.array([(now, now, price, size, 1, number)], TRADE)
    return TradeBatch(ts_event=now, ts_init=now, instrument_id=name, rows=rows)
