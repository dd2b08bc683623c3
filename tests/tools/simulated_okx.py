"""A simulated OKX in one event loop, for one test."""

import time
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager

from served import serving

from messages.base import InstrumentId, Message
from venues.okx.simulator import Simulator
from venues.okx.simulator_config import SimulatorConfig
from venues.wire.keys import Keys

SPOT = InstrumentId("BTC-USDT.OKX")
SWAP = InstrumentId("BTC-USDT-SWAP.OKX")
KEYS = Keys("0kx-key-0123456789", "0KXSECRET0123456789ABCDEF", "a pass phrase")


def running(
    config: SimulatorConfig | None = None, tape: Iterator[tuple[int, Message]] | None = None
) -> AbstractAsyncContextManager[Simulator]:
    """A simulator with books of 100 BTC at 60000/60010, unless a tape is given."""
    simulator = Simulator(config or SimulatorConfig(), KEYS, tape, time.time_ns)
    return serving(simulator, (SPOT, SWAP) if tape is None else ())
