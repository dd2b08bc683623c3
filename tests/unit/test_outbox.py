"""The way to another actor: what waits goes together, in messages of moderate size."""

import asyncio
from typing import Any

from actors.lines import Exchange, address, forget
from actors.outbox import Outbox
from actors.packet import Wire

RUN = "test-outbox"
PACKETS = 9
HALF_MIB = 1 << 19


async def _sent() -> list[int]:
    got: list[list[Any]] = []
    tasks: list[asyncio.Task[None]] = []
    exchange = Exchange(address(RUN, "strategy-A"), {"receive": got.append})
    assert await exchange.open()
    outbox = Outbox(RUN, "strategy-A", lambda work: tasks.append(asyncio.create_task(work)))
    packet: Wire = ("frame", "feed", "strategy-A", 1, 0, 0, 0, bytes(HALF_MIB))
    for _ in range(PACKETS):
        outbox.put(packet)
    try:
        async with asyncio.timeout(10):
            while sum(map(len, got)) < PACKETS:
                await asyncio.sleep(0.01)
    finally:
        tasks[0].cancel()
        exchange.close()
        forget(RUN)
    return [len(batch) for batch in got]


def test_large_messages_that_wait_go_a_mebibyte_at_a_time() -> None:
    counts = asyncio.run(_sent())

    assert sum(counts) == PACKETS
    assert max(counts) == 2
