"""A venue's clock is measured as long as an actor lives, not only when it starts."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from simulated_binance import World, running, until
from tiny_actors import config

from actors import feed as feeds
from actors.config import Accounts
from actors.feed import Feed
from actors.timekeeping import Rhythm, clock_view, keep_time
from messages.base import NS_PER_MS, NS_PER_S
from scenarios.view import clocks
from trading.samples import BTCUSDT
from venues.net.access import Access
from venues.net.clock import VenueClock

QUICK = Rhythm(every_s=0.05, again_s=0.2, look_s=0.01)


class Keeping:
    """A clock that is kept, a host's clock that can be set, and what was told of it."""

    def __init__(self, access: Access) -> None:
        self.set_by_ns = 0
        self.access = access
        access.clock = VenueClock(self._host_ns, steady_ns=time.monotonic_ns)
        self.told: list[tuple[str, str]] = []
        self.measured: list[int] = []

    def _host_ns(self) -> int:
        return time.time_ns() + self.set_by_ns

    async def watch(self, seconds: float) -> int:
        """How often the clock was measured in this time."""
        seen, end = set(), time.monotonic() + seconds
        while time.monotonic() < end:
            if self.access.clock.last is not None:
                seen.add(self.access.clock.last.at_ns)
            await asyncio.sleep(0.002)
        return len(seen)


@asynccontextmanager
async def keeping(rhythm: Rhythm) -> AsyncIterator[tuple[World, Keeping]]:
    async with running() as w:
        kept = Keeping(w.access)
        await w.access.sync()
        task = asyncio.create_task(
            keep_time(w.access, rhythm, lambda now, before: kept.told.append((now, before)))
        )
        try:
            yield w, kept
        finally:
            task.cancel()


async def test_a_clock_is_measured_again_and_again() -> None:
    async with keeping(QUICK) as (_, kept):
        times = await kept.watch(0.5)

    assert times >= 3
    assert kept.told == []


async def test_a_step_of_this_host_is_measured_at_once_and_not_without_end() -> None:
    async with keeping(Rhythm(every_s=60.0, again_s=0.4, look_s=0.01)) as (w, kept):
        assert w.access.clock.last is not None
        first = w.access.clock.last.at_ns

        kept.set_by_ns = -2 * NS_PER_S
        await until(lambda: bool(kept.told))
        shown = clock_view(w.access)
        later = await kept.watch(1.0)
        kept.set_by_ns = 0
        await until(lambda: len(kept.told) == 2)

        assert w.access.clock.last.at_ns > first
    assert shown is not None
    assert 1900 < shown["offset_ms"] < 2100
    assert "ms behind the venue's" in shown["problem"]
    assert later <= 3 * 3  # three questions a measurement
    assert [bool(now) for now, _ in kept.told] == [True, False]


async def test_a_slow_answer_is_shown_though_a_better_measurement_stays_in_use() -> None:
    async with running() as w:
        before = clock_view(w.access)
        await w.access.sync()
        clock = w.access.clock
        now_ns, offset_ns = clock.local_ns(), clock.offset_ns

        clock.add(now_ns, now_ns + 40 * NS_PER_MS, now_ns + 80 * NS_PER_MS)
        shown = clock_view(w.access)

    assert shown is not None
    assert shown["round_trip_ms"] == 80.0
    assert shown["offset_ms"] == pytest.approx(offset_ns / NS_PER_MS, abs=1.0)
    assert before is None


async def test_a_feed_goes_on_measuring_and_shows_what_it_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "LISTENING", QUICK)
    async with running() as w:
        whole = Accounts.model_validate_json(config("r", str(tmp_path), (BTCUSDT,)))
        (one,) = whole.accounts
        here = one.model_copy(
            update={
                "account": "BINANCE/main",
                "rest_url": w.url,
                "ws_url": w.url.replace("http", "ws"),
                "strategies": (),
            }
        )
        feed = Feed(Accounts(accounts=(here,)).model_dump_json(), "feed", 1)
        feed.machine = await feed.open()
        before = feed.view("status")["clock"]
        await feed.connect()
        first = feed.measure().clock
        await asyncio.sleep(0.3)
        last, status = feed.measure().clock, feed.view("status")
        await feed.end("over")

    assert before is None
    assert first is not None
    assert last is not None
    assert 0 < last["round_trip_ms"] < 1000
    assert abs(last["offset_ms"]) < 250
    assert status["clock"]["age_s"] < 0.3
    assert status["clock"]["venue"] == "BINANCE"
    assert clocks(("",), (status,)) == [{"account": "", **status["clock"]}]
