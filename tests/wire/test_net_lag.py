"""A connection whose events come ever later is left; the next one begins with the present."""

import asyncio
import time
from contextlib import aclosing
from itertools import count

import pytest
from served import book
from simulated_binance import BTC, rng, running

from messages.base import NS_PER_MS, NS_PER_S, Event
from messages.market import BookDeltaBatch
from messages.venue import StreamDown, StreamUp
from venues.net.lag import Lag
from venues.net.market import MarketStream
from venues.serving.faults import FaultKind, Rule
from venues.wire.adapter import Channel, Subscription


def change(at_s: float, late_s: float, *, snapshot: bool = False) -> BookDeltaBatch:
    now_ns = int(at_s * NS_PER_S)
    times = {"ts_init": now_ns, "ts_event": now_ns - int(late_s * NS_PER_S), "snapshot": snapshot}
    return book(BTC).model_copy(update=times)


def judged(*heard: tuple[float, float]) -> list[float]:
    """At which seconds a connection is said to be too late; heard: (second, how late)."""
    lag = Lag()
    return [s for s, late in heard if lag.behind_ns((change(1000 + s, late),))]


@pytest.mark.parametrize(
    ("heard", "said"),
    [
        ([(0, 0.1), (1, 0.4), (2, 2.9)], []),
        ([(0, 0.1), (1, 3.2)], [1]),
        ([(0, 7200.0), (1, 7202.0)], []),  # the venue's clock is another
        ([(0, -5.0), (1, -1.5)], [1]),
        ([(0, 0.1), (1, 9.0), (20, 20.0), (40, 40.0)], [1, 40]),  # not again and again
        ([(s, s * 0.004) for s in range(0, 4000, 100)], []),  # clocks drift
    ],
    ids=["jitter", "late", "another clock", "ahead", "rest", "drift"],
)
def test_late_is_what_is_later_than_the_best_of_late(
    heard: list[tuple[float, float]], said: list[float]
) -> None:
    assert judged(*heard) == said


def test_all_that_came_at_once_is_judged_not_its_last_event_alone() -> None:
    lag = Lag()
    lag.behind_ns((change(1000, 0.1),))

    assert lag.behind_ns((change(1001, 9.0), change(1001, 9.0))) > 0


def test_whole_books_and_fresh_connections_prove_nothing() -> None:
    lag = Lag()
    lag.behind_ns((change(1000, 0.1),))

    assert lag.behind_ns((change(1001, 9.0, snapshot=True),)) == 0
    lag.begin()
    assert lag.behind_ns((change(1002, 9.0),)) == 0


async def test_a_dripping_stream_is_left_and_the_next_one_is_in_time() -> None:
    told: list[Event] = []
    async with running() as w:
        lag = Lag(late_ns=100 * NS_PER_MS)
        stream = MarketStream(
            w.access.adapter, w.socket, w.access.instruments, time.time_ns, rng(), lag=lag
        )
        await stream.subscribe(Subscription(BTC, Channel.BOOK))
        w.faults(Rule(kind=FaultKind.SLOW_STREAM, times=1, delay_ms=30))

        async def listen() -> None:
            async with aclosing(stream.batches()) as batches:
                async for events in batches:
                    told.extend(events)

        listening = asyncio.create_task(listen())
        async with asyncio.timeout(10):
            n = 0
            while sum(isinstance(e, StreamUp) for e in told) < 2:
                n += 1
                w.simulator.exchange.on_tape(book(BTC, size=100.0 + n % 7))
                await asyncio.sleep(0.005)
        stream.close()
        await listening

    lost = [e for e in told if isinstance(e, StreamDown)]
    assert "late" in lost[0].reason


async def test_a_flood_is_told_in_parts_between_which_others_have_their_turn() -> None:
    ticks = count(time.time_ns(), NS_PER_MS)
    parts: list[int] = []
    async with running() as w:
        stream = MarketStream(
            w.access.adapter, w.socket, w.access.instruments, lambda: next(ticks), rng()
        )
        await stream.subscribe(Subscription(BTC, Channel.BOOK))
        async with asyncio.timeout(10), aclosing(stream.batches()) as batches:
            async for events in batches:
                if isinstance(events[0], StreamUp):
                    await asyncio.sleep(0.2)  # until the subscription is there
                    for n in range(300):
                        w.simulator.exchange.on_tape(book(BTC, size=100.0 + n % 7))
                    await asyncio.sleep(0.2)
                changes = [e for e in events if isinstance(e, BookDeltaBatch)]
                parts += [sum(e.last_seq - e.first_seq + 1 for e in changes)] if changes else []
                if sum(parts) >= 300:
                    break

    # Two looks of 16 frames; the simulator counts two numbers a frame. This clock goes on by a
    # millisecond whenever it is asked.
    assert max(parts) <= 96
