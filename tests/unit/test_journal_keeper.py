"""The journal keeper's fence around a strategy's checkpoints, across its own restart."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tiny_actors import config

from actors.journal import JournalKeeper, Outlived
from messages import encode
from messages.control import StrategyCheckpoint


def checkpoint(intents: int) -> bytes:
    return encode(
        StrategyCheckpoint(
            ts_event=1,
            ts_init=1,
            strategy_id="S",
            intents=intents,
            state=b"x",
            cursor=0,
            digest="d",
        )
    )


@asynccontextmanager
async def opened(folder: Path, incarnation: int) -> AsyncIterator[JournalKeeper]:
    (folder / "journal").mkdir(exist_ok=True)
    keeper = JournalKeeper(config("fence", str(folder)), "journal", incarnation)
    await keeper._boot()
    try:
        yield keeper
    finally:
        await ended(keeper)


async def ended(keeper: JournalKeeper) -> None:
    assert keeper._journal is not None
    assert keeper._pump is not None
    keeper._pump.cancel()
    keeper._exchange.close()
    await keeper._journal.close()


async def test_fence_of_a_successor_that_has_only_read_survives_too(tmp_path: Path) -> None:
    async with opened(tmp_path, 1) as first:
        await first.checkpoint(1, checkpoint(1))
        assert await first.restore("S", 2) == checkpoint(1)

    async with opened(tmp_path, 2) as second:
        with pytest.raises(Outlived):
            await second.checkpoint(1, checkpoint(2))
        with pytest.raises(Outlived):
            await second.restore("S", 1)
        assert await second.restore("S", 2) == checkpoint(1)


async def test_keeper_that_is_still_reading_answers_when_it_has_read(tmp_path: Path) -> None:
    async with opened(tmp_path, 1) as first:
        for n in range(1, 200):
            await first.checkpoint(1, checkpoint(n))

    (tmp_path / "journal").mkdir(exist_ok=True)
    early = JournalKeeper(config("fence", str(tmp_path)), "journal", 2)
    asked = asyncio.create_task(early.restore("S", 2))
    written = asyncio.create_task(early.checkpoint(1, checkpoint(900)))
    await asyncio.sleep(0)
    await early._boot()

    assert await asked == checkpoint(199)
    with pytest.raises(Outlived):
        await written
    await ended(early)


async def test_outlived_strategy_cannot_write_after_the_keepers_restart(tmp_path: Path) -> None:
    async with opened(tmp_path, 1) as first:
        await first.checkpoint(1, checkpoint(1))
        await first.checkpoint(2, checkpoint(2))

    async with opened(tmp_path, 2) as second:
        with pytest.raises(Outlived):
            await second.checkpoint(1, checkpoint(9))
        assert await second.restore("S", 3) == checkpoint(2)
        with pytest.raises(Outlived):
            await second.checkpoint(2, checkpoint(3))
