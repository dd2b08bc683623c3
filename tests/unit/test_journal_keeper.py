"""The journal keeper's fence around a strategy's checkpoints, across its own restart."""

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
    await keeper._open()
    try:
        yield keeper
    finally:
        assert keeper._journal is not None
        assert keeper._pump is not None
        keeper._pump.cancel()
        keeper._exchange.close()
        await keeper._journal.close()


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
