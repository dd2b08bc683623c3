"""A simulated Bybit in one event loop, for one test."""

import time
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager

from served import serving

from messages.base import InstrumentId, Message
from venues.bybit.simulator import Simulator
from venues.bybit.simulator_config import SimulatorConfig
from venues.wire.keys import Keys

SPOT = InstrumentId("BTCUSDT-SPOT.BYBIT")
LINEAR = InstrumentId("BTCUSDT-LINEAR.BYBIT")
KEYS = Keys("bYbItKeY0123456789", "sEcReT9876543210sEcReT9876543210")


def running(
    config: SimulatorConfig | None = None, tape: Iterator[tuple[int, Message]] | None = None
) -> AbstractAsyncContextManager[Simulator]:
    """A simulator with books of 100 BTC at 60000/60010, unless a tape is given."""
    simulator = Simulator(config or SimulatorConfig(), KEYS, tape, time.time_ns)
    return serving(simulator, (SPOT, LINEAR) if tape is None else ())
