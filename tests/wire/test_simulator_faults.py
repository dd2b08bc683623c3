"""Faults of a simulator as its clients meet them."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import aiohttp
import pytest
from simulated_binance import KEYS, World, book, once, running, submit, trade

from messages.base import NS_PER_MS
from messages.venue import OrderReport, RequestRefused
from venues.binance.simulator_config import SimulatorConfig
from venues.serving.faults import FaultKind as K
from venues.serving.faults import Rule

TRADES = "btcusdt@trade"


@asynccontextmanager
async def listening(w: World) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async with w.http.ws_connect(f"{w.url}/ws/{TRADES}", autoping=False) as ws:
        while not w.simulator.exchange.hub.wanted(TRADES):
            await asyncio.sleep(0.005)
        yield ws


async def heard(ws: aiohttp.ClientWebSocketResponse, timeout_s: float) -> object:
    """The next frame's trade id, its type where it is none of ours, or "silence"."""
    try:
        async with asyncio.timeout(timeout_s):
            message = await ws.receive()
    except TimeoutError:
        return "silence"
    return message.json()["t"] if message.type is aiohttp.WSMsgType.TEXT else message.type


async def test_half_open_connection_says_and_hears_nothing_and_stays() -> None:
    async with running() as w, listening(w) as ws:
        w.faults(once(K.HALF_OPEN))
        for n in (1, 2):
            w.simulator.exchange.on_tape(trade(60005.0, 1.0, 1, n))
        await ws.ping()
        found = await heard(ws, 0.2)
        closed = ws.closed
        other = await w.get("/api/v3/ping")

    assert (found, closed, other[0]) == ("silence", False, 200)


async def test_ping_is_answered_while_all_is_well() -> None:
    async with running() as w, listening(w) as ws:
        await ws.ping()
        found = await heard(ws, 5)

    assert found is aiohttp.WSMsgType.PONG


async def test_slow_stream_comes_late_but_whole() -> None:
    async with running() as w, listening(w) as ws:
        w.faults(once(K.SLOW_STREAM, delay_ms=100))
        start = time.monotonic()
        for n in (1, 2):
            w.simulator.exchange.on_tape(trade(60005.0, 1.0, 1, n))
        found = [await heard(ws, 5) for _ in range(2)]
        took_s = time.monotonic() - start

    assert found == [1, 2]
    assert took_s >= 0.2


async def test_dripping_answer_is_whole_in_the_end() -> None:
    async with running() as w:
        w.faults(once(K.SLOW_DRIP, delay_ms=200))
        start = time.monotonic()
        status, _, body = await w.get("/api/v3/exchangeInfo")
        took_s = time.monotonic() - start

    assert (status, len(body["symbols"])) == (200, 2)
    assert took_s >= 0.15


async def test_maintenance_ends_streams_and_refuses_requests_until_it_is_over() -> None:
    async with running() as w, listening(w) as ws:
        w.faults(Rule(kind=K.MAINTENANCE, for_s=0.4))
        w.simulator.exchange.on_second()
        ended = await heard(ws, 5)
        refused = await w.get("/api/v3/time")
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await w.http.ws_connect(f"{w.url}/ws/{TRADES}")
        await asyncio.sleep(0.4)
        again = await w.get("/api/v3/time")

    assert ended in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
    assert (refused[0], again[0]) == (503, 200)


async def test_skewed_clock_is_skewed_in_every_word() -> None:
    async with running() as w:
        w.faults(Rule(kind=K.CLOCK_SKEW, delay_ms=-5000))
        _, _, body = await w.get("/api/v3/time")

    behind_ms = time.time_ns() // NS_PER_MS - body["serverTime"]
    assert 4900 <= behind_ms <= 9000


async def test_storm_of_partial_fills_reaches_the_answer_and_the_ledger() -> None:
    async with running() as w:
        w.faults(Rule(kind=K.PARTIAL_FILLS, pieces=3))
        reply = await w.gateway.execute(submit("o1", price="60010", quantity="0.003"))
        fills = w.simulator.exchange.venue.ledger().fills

    assert isinstance(reply, OrderReport)
    assert [f.last_qty for f in fills] == [Decimal("0.001")] * 3


async def test_changed_filters_are_told_by_the_rules_and_held_against_orders() -> None:
    async with running() as w:
        w.faults(Rule(kind=K.FILTER_CHANGE, for_s=0.3))
        w.simulator.exchange.on_second()
        _, _, info = await w.get("/api/v3/exchangeInfo?symbol=BTCUSDT")
        refused = await w.gateway.execute(submit("o1", price="50000.01"))
        await asyncio.sleep(0.3)
        w.simulator.exchange.on_second()
        taken = await w.gateway.execute(submit("o2", price="50000.01"))

    ticks = [f["tickSize"] for f in info["symbols"][0]["filters"] if "tickSize" in f]
    assert [Decimal(t) for t in ticks] == [Decimal("0.1")]
    assert isinstance(refused, RequestRefused)
    assert isinstance(taken, OrderReport)


async def test_expired_listen_key_is_said_and_the_stream_is_silent_from_then_on() -> None:
    async with running(SimulatorConfig(listen_keys=True)) as w:
        headers = {"X-MBX-APIKEY": KEYS.api_key}
        async with w.http.post(f"{w.url}/api/v3/userDataStream", headers=headers) as answer:
            key = (await answer.json())["listenKey"]
        async with w.http.ws_connect(f"{w.url}/ws/{key}") as ws:
            while not w.simulator.exchange.hub.channels("user@"):
                await asyncio.sleep(0.005)
            w.faults(once(K.EXPIRE_KEY))
            w.simulator.exchange.on_second()
            said = await ws.receive_json(timeout=5)
            await w.gateway.execute(submit("o1"))
            found = await heard(ws, 0.1)

    assert (said["e"], said["listenKey"], found) == ("listenKeyExpired", key, "silence")


async def test_reset_ends_the_connection_at_an_event() -> None:
    async with running() as w, listening(w) as ws:
        w.faults(once(K.CUT_MARKET))
        w.simulator.exchange.on_tape(book())
        w.simulator.exchange.on_tape(trade(60005.0, 1.0, 1, 1))
        found = await heard(ws, 5)

    assert found in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR, aiohttp.WSMsgType.CLOSE)
