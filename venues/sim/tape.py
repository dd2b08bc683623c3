"""Generated market data: several instruments, merged by time, the same for the same seed.

    for ts_ns, message in generate(seed=7, duration_s=60.0): ...

Each instrument has its own stream of chance (seed and instrument id), so adding an instrument
leaves the others' data as they were. Per instrument the tape begins with a whole book; each event
then yields, at one time: trades if any (TradeBatch), what they and the makers did to the book
(BookDeltaBatch), and the new touch if it changed (QuoteBatch). `sequence` counts each stream's
batches from 0; update ids count book changes, without gaps.
"""

import heapq
import zlib
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Final

import numpy as np

from messages.base import NS_PER_S, Message
from trading.samples import BTCUSDT, ETHUSDT
from venues.sim.synthetic import SyntheticMarket, TapeSpec

START_NS: Final = 1_700_000_000 * NS_PER_S
DEFAULT_SPECS: Final = (
    TapeSpec(instrument=BTCUSDT, price=60_000.0),
    TapeSpec(instrument=ETHUSDT, price=2_500.0),
)

TapeItem = tuple[int, Message]


def generate(
    seed: int,
    specs: Sequence[TapeSpec] = DEFAULT_SPECS,
    duration_s: float | None = None,
    start_ns: int = START_NS,
) -> Iterator[TapeItem]:
    """(ts_ns, market message) in time order; without end if `duration_s` is None.

    cost  memory O(levels) an instrument, however long the tape
    """
    end_ns = None if duration_s is None else start_ns + round(duration_s * NS_PER_S)
    return heapq.merge(*(_one(seed, spec, start_ns, end_ns) for spec in specs), key=itemgetter(0))


def _one(seed: int, spec: TapeSpec, start_ns: int, end_ns: int | None) -> Iterator[TapeItem]:
    name = zlib.crc32(spec.instrument.instrument_id.encode())
    market = SyntheticMarket(spec, np.random.default_rng([seed, name]), start_ns)
    for message in market.opening():
        yield start_ns, message
    while True:
        messages = market.step()
        if end_ns is not None and market.ts_ns >= end_ns:
            return
        for message in messages:
            yield market.ts_ns, message
