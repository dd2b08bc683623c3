"""Streams over a real socket: batches, subscriptions, lost connections, books in step."""

import asyncio
import time
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Any

import pytest
from served import QUICK
from simulated_binance import (
    BTC,
    World,
    book,
    budget_of,
    rng,
    running,
    trade,
    until,
)

from messages.base import Event
from messages.market import BookDeltaBatch, QuoteBatch, StreamsAnswered, TradeBatch
from messages.venue import StreamDown, StreamUp
from trading.book_sync import BookSync, SyncState
from trading.errors import Throttled
from venues.binance.simulator_config import SimulatorConfig
from venues.net.market import MarketStream
from venues.net.questions import Questions
from venues.net.socket import SocketConfig
from venues.serving.faults import FaultKind, Rule
from venues.sim.tape import generate
from venues.wire.adapter import Channel, Subscription

K = FaultKind


CHANNELS = (Channel.BOOK, Channel.TRADES, Channel.QUOTES)


async def market_stream(
    w: World, *channels: Channel, config: SocketConfig | None = None
) -> MarketStream:
    access = w.access
    stream = MarketStream(
        access.adapter, config or w.socket, access.instruments, time.time_ns, rng()
    )
    await stream.subscribe(*(Subscription(BTC, channel) for channel in channels or CHANNELS))
    return stream


def told(messages: tuple[Event, ...]) -> tuple[Event, ...]:
    """Without the connection's own events."""
    own = StreamUp | StreamDown | StreamsAnswered
    return tuple(m for m in messages if not isinstance(m, own))


class LocalBook:
    """A client that follows the documented procedure: buffer, snapshot, drop, apply, verify."""

    def __init__(self, w: World, streams: MarketStream) -> None:
        self.sync = BookSync()
        self.levels: dict[int, dict[float, float]] = {1: {}, -1: {}}
        self.crossed = 0
        self.asked = 0
        self._questions = Questions(w.access)
        self.streams = streams

    async def follow(self) -> None:
        async with aclosing(self.streams.batches()) as batches:
            async for messages in batches:
                for message in told(messages):
                    assert isinstance(message, BookDeltaBatch)
                    await self._take(message)

    async def _take(self, batch: BookDeltaBatch) -> None:
        synced = self.sync.offer(batch)
        for ready in synced.ready:
            self._apply(ready)
        if synced.request is not None:
            self.asked += 1
            await self._take(await self._questions.book(BTC))

    def _apply(self, batch: BookDeltaBatch) -> None:
        if batch.snapshot:
            self.levels = {1: {}, -1: {}}
        for _, _, side, price, size in batch.rows.tolist():
            if size > 0:
                self.levels[side][price] = size
            else:
                self.levels[side].pop(price, None)
        self.crossed += max(self.levels[1]) >= min(self.levels[-1])

    def equals_the_venues(self, w: World) -> bool:
        grid = w.simulator.exchange.venue._markets[BTC].grid
        theirs = w.simulator.exchange.venue._markets[BTC].book
        return all(
            {round(p * grid.ticks_per_one): round(q * grid.lots_per_one) for p, q in ours.items()}
            == theirs.side(sign).by_tick
            for sign, ours in self.levels.items()
        )


async def test_book_built_as_documented_never_crosses_and_equals_the_venues() -> None:
    async with running(SimulatorConfig(speed=20.0), generate(5, duration_s=30.0)) as w:
        await asyncio.sleep(0.1)  # the market is under way when we come
        local = LocalBook(w, await market_stream(w, Channel.BOOK))
        following = asyncio.create_task(local.follow())
        await until(lambda: w.simulator.tape_done)
        await until(lambda: local.equals_the_venues(w))
        local.streams.close()
        await following

    assert local.sync.state is SyncState.SYNCHRONIZED
    assert (local.crossed, local.sync.gaps, local.asked) == (0, 0, 1)


@pytest.mark.parametrize("kind", [K.DROP_DEPTH, K.REORDER_DEPTH, K.DUPLICATE_DEPTH, K.CUT_MARKET])
async def test_damaged_depth_stream_is_detected_and_heals(kind: FaultKind) -> None:
    async with running(SimulatorConfig(speed=20.0), generate(6, duration_s=30.0)) as w:
        w.faults(Rule(kind=kind, probability=0.02, times=5))
        local = LocalBook(w, await market_stream(w, Channel.BOOK))
        following = asyncio.create_task(local.follow())
        await until(lambda: w.simulator.tape_done)
        fired = w.simulator.faults.counts.get(kind, 0)
        w.simulator.exchange.on_tape(book(bid=60000.0, ask=60010.0))  # one more word, unharmed
        await until(lambda: local.equals_the_venues(w))
        local.streams.close()
        await following

    assert fired > 0
    assert local.crossed == 0
    assert local.sync.gaps + local.sync.duplicates > 0 or kind is K.CUT_MARKET
    assert local.sync.state is SyncState.SYNCHRONIZED


async def test_frames_queued_while_we_were_busy_come_as_one_batch() -> None:
    async with running() as w:
        streams = await market_stream(w, Channel.TRADES)
        async with aclosing(streams.batches()) as batches:
            for _ in range(2):
                await anext(batches)  # StreamUp, and that the subscription holds
            waiting = asyncio.ensure_future(anext(batches))
            await until(lambda: w.simulator.exchange.hub.wanted("btcusdt@trade"))
            for n in range(50):
                w.simulator.exchange.on_tape(trade(60005.0, 1.0, 1, n))
            found = [await waiting]
            while sum(len(m.rows) for (m,) in found if isinstance(m, TradeBatch)) < 50:
                found.append(await anext(batches))

    # Each time all that is there comes as one message, and there are far fewer times than frames.
    ids = [n for (m,) in found if isinstance(m, TradeBatch) for n in m.rows["trade_id"].tolist()]
    assert ids == list(range(50))
    assert len(found) < 10


async def test_cut_connection_is_made_again_and_goes_on() -> None:
    async with running() as w:
        streams = await market_stream(w, Channel.TRADES)
        seen: list[int] = []

        async def listen() -> None:
            async with aclosing(streams.batches()) as batches:
                async for messages in batches:
                    for message in told(messages):
                        assert isinstance(message, TradeBatch)
                        seen.extend(message.rows["trade_id"].tolist())

        listening = asyncio.create_task(listen())

        def wanted() -> bool:
            return w.simulator.exchange.hub.wanted("btcusdt@trade")

        await until(wanted)
        w.simulator.exchange.on_tape(trade(60005.0, 1.0, 1, 1))
        await until(lambda: seen == [1])
        w.simulator.exchange.hub.cut("market")
        await until(lambda: streams.socket.connects == 2 and wanted())
        w.simulator.exchange.on_tape(trade(60005.0, 1.0, 1, 2))
        await until(lambda: seen == [1, 2])
        streams.reconnect()  # what the feed does about a stream that is open but silent
        await until(lambda: streams.socket.connects == 3 and wanted())
        streams.close()
        await asyncio.wait_for(listening, 10)

    assert not streams.socket.up


async def test_connection_is_rotated_in_time() -> None:
    async with running() as w:
        config = SocketConfig(w.socket.url, QUICK, rotate_s=0.05)
        streams = await market_stream(w, Channel.TRADES, config=config)
        async with aclosing(streams.batches()) as batches:
            ups = 0
            while ups < 2:
                waiting = asyncio.ensure_future(anext(batches))
                while not waiting.done():
                    w.simulator.exchange.on_tape(trade(60005.0, 1.0, 1))
                    await asyncio.sleep(0.02)
                ups += isinstance(waiting.result()[0], StreamUp)

    assert streams.socket.connects == 2
    assert "rotated" in streams.socket.problem


async def test_muted_stream_stays_open_and_says_nothing() -> None:
    async with running() as w:
        w.faults(Rule(kind=K.MUTE_MARKET))
        streams = await market_stream(w, Channel.TRADES)
        async with aclosing(streams.batches()) as batches:
            for _ in range(2):
                await anext(batches)  # StreamUp, and that the subscription holds
            waiting = asyncio.ensure_future(anext(batches))
            await until(lambda: w.simulator.exchange.hub.wanted("btcusdt@trade"))
            w.simulator.exchange.on_tape(trade(60005.0, 1.0, 1))
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(waiting), 0.2)

            assert not waiting.done()
            assert streams.socket.up
            waiting.cancel()
            with suppress(asyncio.CancelledError):
                await waiting


async def test_connection_says_what_the_venue_confirmed_and_what_it_refused() -> None:
    async with running() as w:
        streams = await market_stream(w, Channel.TRADES)
        said: list[Event] = []
        async with aclosing(streams.batches()) as batches, asyncio.timeout(10):
            async for messages in batches:
                said += messages
                if len(said) == 2:
                    break

    up, answered = said
    assert isinstance(up, StreamUp)
    assert isinstance(answered, StreamsAnswered)
    assert [(n.instrument_id, n.stream) for n in answered.streams] == [(BTC, "trades")]
    assert answered.refused == ""


async def test_nothing_is_connected_to_before_something_is_wanted() -> None:
    async with running() as w:
        access = w.access
        stream = MarketStream(access.adapter, w.socket, access.instruments, time.time_ns, rng())
        async with aclosing(stream.batches()) as batches:
            first = asyncio.ensure_future(anext(batches))
            await asyncio.sleep(0.1)
            idle = stream.socket.connects
            await stream.subscribe(Subscription(BTC, Channel.TRADES))
            (up,) = await asyncio.wait_for(first, 10)

    assert idle == 0
    assert isinstance(up, StreamUp)


async def test_reader_that_stops_reading_is_cut_off_and_nobody_else() -> None:
    async with (
        running(SimulatorConfig(queue_max=20)) as w,
        w.http.ws_connect(f"{w.url}/ws/btcusdt@trade") as lazy,
        w.http.ws_connect(f"{w.url}/ws/btcusdt@bookTicker") as diligent,
    ):
        for n in range(30):  # more than the queue, before the writer gets a turn
            w.simulator.exchange.on_tape(trade(60005.0, 1.0, 1, n))
        await until(lambda: not w.simulator.exchange.hub.wanted("btcusdt@trade"))

        assert w.simulator.exchange.hub.wanted("btcusdt@bookTicker")
        assert not diligent.closed
        await lazy.close()


async def test_streams_are_subscribed_listed_and_left_while_connected() -> None:
    async with running() as w, w.http.ws_connect(f"{w.url}/ws") as ws:

        async def ask(method: str, **more: Any) -> Any:
            await ws.send_json({"method": method, "id": 7, **more})
            return await ws.receive_json(timeout=10)

        joined = await ask("SUBSCRIBE", params=["btcusdt@trade", "btcusdt@aggTrade"])
        listed = await ask("LIST_SUBSCRIPTIONS")
        w.simulator.exchange.on_tape(trade(60005.0, 1.0, -1, 9))
        plain = [await ws.receive_json(timeout=10) for _ in range(2)]
        await ask("SET_PROPERTY", params=["combined", True])
        left = await ask("UNSUBSCRIBE", params=["btcusdt@aggTrade"])
        w.simulator.exchange.on_tape(trade(60005.0, 1.0, -1, 10))
        wrapped = await ws.receive_json(timeout=10)
        wrong = await ask("SING")
        await ws.send_str("{")
        garbage = await ws.receive_json(timeout=10)

    assert joined == left == {"result": None, "id": 7}
    assert listed["result"] == ["btcusdt@aggTrade", "btcusdt@trade"]
    assert [(e["e"], e["m"]) for e in plain] == [("trade", True), ("aggTrade", True)]
    assert (wrapped["stream"], wrapped["data"]["t"]) == ("btcusdt@trade", 10)
    assert (wrong["code"], garbage["code"]) == (2, 3)


async def test_candles_are_told_while_open_and_once_when_closed() -> None:
    async with running() as w, w.http.ws_connect(f"{w.url}/ws/btcusdt@kline_1s") as ws:
        w.simulator.exchange.on_tape(trade(60005.0, 2.0, 1))
        told = [(await ws.receive_json(timeout=10))["k"] for _ in range(4)]

    closed = [k["t"] for k in told if k["x"]]
    assert closed
    assert len(closed) == len(set(closed))
    assert told[0]["c"] == "60005.0"


async def test_depth_trades_and_quotes_come_over_one_connection() -> None:
    wanted = {BookDeltaBatch, TradeBatch, QuoteBatch}
    async with running(SimulatorConfig(), generate(8)) as w:
        kinds: set[type[Event]] = set()
        stream = await market_stream(w)
        async with aclosing(stream.batches()) as batches, asyncio.timeout(20):
            async for messages in batches:
                kinds |= {type(m) for m in told(messages)}
                if kinds == wanted:
                    break

    assert kinds == wanted


async def test_snapshot_over_the_budget_is_throttled_before_it_is_sent() -> None:
    async with running() as w:
        with pytest.raises(Throttled):
            await Questions(replace(w.access, budget=budget_of(weight=10))).book(BTC)
        instruments = await Questions(w.access).instruments()

    assert BTC in [i.instrument_id for i in instruments]
