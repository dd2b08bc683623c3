"""After an outage: private streams that never come up, clocks that move, and back to trading."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

import pytest
from contract_world import Row
from contract_world import running as contract
from served import QUICK
from simulated_binance import KEYS, cancel, rng, running, submit, until
from websockets.asyncio.server import ServerConnection, serve

from messages.base import NS_PER_S, Event, InstrumentId
from messages.market import Product
from messages.venue import (
    Acted,
    OrderReport,
    RequestFailed,
    RequestRefused,
    StreamDown,
    StreamUp,
)
from trading.breaker import Breakers, BreakerState, Endpoint
from venues.binance.session_user import UsdmUserSession
from venues.binance.simulator_config import SimulatorConfig
from venues.net import user
from venues.net.gateway import Gateway
from venues.net.socket import SocketConfig
from venues.net.user import UserStream
from venues.serving.faults import FaultKind, Rule

K = FaultKind
USDM = Row(
    "Binance USD-M",
    InstrumentId("BTCUSDT-PERP.BINANCE"),
    "venues.binance.simulator_usdm",
    Product.LINEAR,
)
ORDERS = ("BINANCE", Endpoint.ORDERS)


@asynccontextmanager
async def says(answer: str | None) -> AsyncIterator[SocketConfig]:
    """A private address that takes connections, and answers each frame with the same or nothing."""

    async def talk(ws: ServerConnection) -> None:
        async for _ in ws:
            if answer is not None:
                await ws.send(answer)

    async with serve(talk, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield SocketConfig(f"ws://127.0.0.1:{port}", QUICK)


async def test_a_private_stream_that_is_never_confirmed_is_left_said_and_tried_again() -> None:
    problems: list[str] = []
    found: list[Event] = []
    async with running() as w, says(None) as where:
        access = replace(w.access, keys=KEYS)
        stream = UserStream(access, where, rng(), problems.append, confirm_s=0.05)

        async def listen() -> None:
            async with aclosing(stream.batches()) as batches:
                async for events in batches:
                    found.extend(events)

        listening = asyncio.create_task(listen())
        await until(lambda: stream.socket.connects >= 4)
        stream.close()
        await asyncio.wait_for(listening, 5)

    assert found == []
    assert problems[:2] == ["not confirmed within 0.05 s"] * 2
    assert len(problems) <= 4  # said when it is news, and as the attempts double


async def test_a_refused_sign_in_does_not_make_the_next_wait_short_again() -> None:
    refused = '{"id":"subscribe","status":400,"error":{"code":-2015,"msg":"Invalid API-key."}}'
    async with running() as w, says(refused) as where:
        access = replace(w.access, keys=KEYS)
        stream = UserStream(access, where, rng())
        waiting = asyncio.ensure_future(anext(stream.batches()))
        await until(lambda: stream.socket.connects >= 3)
        attempts = stream.socket._attempt
        stream.close()
        await asyncio.gather(waiting, return_exceptions=True)

    assert attempts >= 2


async def test_a_refused_renewal_gets_a_new_key_over_a_new_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(UsdmUserSession, "renew_s", 0.05)
    monkeypatch.setattr(user, "_DUE_EVERY_S", 0.02)
    async with contract(USDM) as w:
        w.simulator.server._sockets.listen_keys.clear()  # the key is gone, and nobody says so
        await w.until(lambda: [type(e) for e in w.told].count(StreamUp) == 2)
        down = next(e for e in w.told if isinstance(e, StreamDown))
        w.told.clear()

    assert "not renewed" in down.reason
    assert "-1125" in down.reason


async def test_evidence_does_not_wait_for_a_clock_that_nobody_tells() -> None:
    stalled = Rule(kind=K.STALL, delay_ms=60_000, requests=("GET /api/v3/time",))
    async with running(SimulatorConfig(clock_skew_ms=30_000)) as w:
        w.faults(stalled)
        begun = time.perf_counter()
        refused = await w.gateway.execute(submit("o1"))
        took_s = time.perf_counter() - begun
        held = await w.gateway.execute(cancel("o1"))
        both_s = time.perf_counter() - begun

    assert isinstance(refused, RequestRefused)
    assert took_s < 0.5
    assert isinstance(held, RequestFailed)
    assert held.acted is Acted.NO
    assert "the venue refused our time" in held.reason
    assert both_s < 2.5


async def test_our_own_clock_opens_no_breaker() -> None:
    async with running(SimulatorConfig(clock_skew_ms=30_000)) as w:
        gateway = Gateway(w.access, breakers=Breakers())
        replies = [await gateway.execute(submit(f"o{n}")) for n in range(5)]

    assert [type(r) for r in replies] == [RequestRefused] + [RequestFailed] * 4
    assert gateway.breakers is not None
    assert gateway.breakers.of(*ORDERS).state is BreakerState.CLOSED


@pytest.mark.parametrize(
    ("rule", "most_s"),
    [
        (Rule(kind=K.CLOCK_SKEW, for_s=0.5, delay_ms=30_000), 0.5),
        (Rule(kind=K.CLOCK_SKEW, for_s=0.5, delay_ms=-30_000), 0.5),
        (Rule(kind=K.MAINTENANCE, for_s=0.5), 1.5),
        (Rule(kind=K.FAIL_5XX, for_s=0.5), 1.5),
    ],
    ids=lambda r: f"{r.kind}{r.delay_ms:+.0f}" if isinstance(r, Rule) else "",
)
async def test_trading_is_back_soon_after_a_fault_has_ended(rule: Rule, most_s: float) -> None:
    async with running() as w:
        gateway = Gateway(w.access, breakers=Breakers())
        await w.access.sync()
        w.faults(rule)
        begun, failed, n = time.perf_counter(), 0, 0
        async with asyncio.timeout(10):
            while True:
                n += 1
                reply = await gateway.execute(submit(f"o{n}"))
                gone_s = time.perf_counter() - begun
                if isinstance(reply, OrderReport) and gone_s > 0.5:
                    break
                failed += not isinstance(reply, OrderReport)
                await asyncio.sleep(0.02)

    assert failed >= 3
    assert gone_s - 0.5 < most_s


async def test_after_a_refusal_for_our_time_the_next_request_is_signed_with_the_right_one() -> None:
    async with running() as w:
        await w.access.sync()
        w.simulator.exchange._skew_ns = -6 * NS_PER_S
        first = await w.gateway.execute(submit("o1"))
        w.simulator.exchange._skew_ns = 0
        second = await w.gateway.execute(submit("o2"))

    assert isinstance(first, RequestRefused)
    assert isinstance(second, OrderReport)
