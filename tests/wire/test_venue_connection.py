"""An actor's connection: requests wait for the venue's time, and evidence waits for room."""

import asyncio
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from simulated_binance import BTC, KEYS, book, cancel, modify, query, running, submit, until

from actors.config import RunConfig
from actors.connection import Owner, VenueConnection
from actors.mailbox import Local, Mailbox
from messages import Message
from messages.base import NS_PER_MS
from messages.risk import InstrumentLimits, RiskLimits
from messages.venue import Acted, OrderReport, RequestFailed, StreamUp, VenueStatus
from trading.breaker import RetryPolicy
from venues.binance.simulator import Simulator
from venues.binance.simulator_config import SimulatorConfig
from venues.net.gateway import GatewayCommand


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MANTA_BINANCE_API_KEY", KEYS.api_key)
    monkeypatch.setenv("MANTA_BINANCE_SECRET", KEYS.secret)


class Desk:
    """The owner of a connection: a mailbox, and what it was told."""

    def __init__(self, size_max: int = 1000) -> None:
        self.mailbox = Mailbox(size_max)
        self.logged: list[tuple[str, str]] = []
        self.timed: list[str] = []
        self.owner = Owner(self._answer, self._died, self._log, self._timed)

    async def _answer(self, message: Message) -> None:
        await self.mailbox.offer("venue", message)

    def _died(self, error: BaseException) -> None:
        raise error

    def _log(self, level: str, event: str, **_: Any) -> None:
        self.logged.append((level, event))

    def _timed(self, request: str, seconds: float) -> None:
        assert seconds > 0
        self.timed.append(request)


def connection(
    port: int,
    desk: Desk,
    retries: RetryPolicy | None = None,
    recv_window_ms: int = 5000,
    wanted: Callable[[GatewayCommand], bool] = lambda _: True,
) -> VenueConnection:
    limits = InstrumentLimits(
        instrument_id=BTC, max_order_notional=Decimal(1), max_position=Decimal(1)
    )
    config = RunConfig(
        run_id="r",
        folder="/nowhere",
        account="BINANCE/main",
        account_lock="/nowhere/lock",
        rest_url=f"http://127.0.0.1:{port}",
        ws_url=f"ws://127.0.0.1:{port}",
        recv_window_ms=recv_window_ms,
        instruments=(),
        limits=RiskLimits(instruments=(limits,)),
        strategies=(),
        bar_intervals_ns=(),
        stale_book_ns=1,
        reconcile_ns=1,
        grace_ns=1,
    )
    return VenueConnection(config, time.time_ns, desk.owner, retries=retries, wanted=wanted)


async def test_requests_wait_until_the_venue_has_told_its_time() -> None:
    async with running() as w:  # its port is free once it has stopped
        port = w.simulator.port
    desk = Desk()
    venue = connection(port, desk)
    opening = asyncio.create_task(venue.open())
    venue.ask(submit("o1"))
    await until(lambda: len(desk.logged) >= 2)
    unsynced = venue.access.clock.uncertainty_ns

    simulator = Simulator(SimulatorConfig(port=port), KEYS, None, time.time_ns)
    await simulator.start()
    simulator.exchange.on_tape(book())
    await until(lambda: len(desk.mailbox) > 0)
    answers = await desk.mailbox.drain(10)
    await opening
    await venue.close()
    await simulator.stop()

    assert unsynced == -1
    assert set(desk.logged) == {("WARNING", "no_venue_time")}
    assert venue.access.clock.uncertainty_ns >= 0
    assert [type(i.message) for i in answers if isinstance(i, Local)] == [OrderReport]
    assert desk.timed == ["SUBMIT"]


async def test_an_order_that_certainly_never_left_is_sent_again_and_stands_once() -> None:
    async with running() as w:
        port, desk = w.simulator.port, Desk()
        venue = connection(port, desk, RetryPolicy(first_ns=600 * NS_PER_MS))
        await venue.open()
    await asyncio.sleep(0.05)  # the cut connections are seen to be cut
    venue.ask(submit("o1"))
    await asyncio.sleep(0.1)
    before = len(desk.mailbox)

    simulator = Simulator(SimulatorConfig(port=port), KEYS, None, time.time_ns)
    await simulator.start()
    simulator.exchange.on_tape(book())
    await until(lambda: len(desk.mailbox) > 0)
    (item,) = await desk.mailbox.drain(10)
    held = [line.order for line in simulator.exchange.venue.ledger().lines]
    await venue.close()
    await simulator.stop()

    assert before == 0
    assert isinstance(item, Local)
    assert isinstance(item.message, OrderReport)
    assert len(held) == 1


@pytest.mark.parametrize("why", ["cancelled", "late"])
async def test_an_order_that_is_cancelled_or_late_while_it_waits_to_be_sent_again_never_leaves(
    why: str,
) -> None:
    wanted = {"o1"}
    async with running() as w:
        port, desk = w.simulator.port, Desk()
        policy = RetryPolicy(first_ns=400 * NS_PER_MS)
        window_ms = 200 if why == "late" else 5000
        venue = connection(port, desk, policy, window_ms, lambda _: bool(wanted))
        await venue.open()
    await asyncio.sleep(0.05)
    venue.ask(submit("o1"))
    await asyncio.sleep(0.1)
    if why == "cancelled":
        wanted.clear()

    simulator = Simulator(SimulatorConfig(port=port), KEYS, None, time.time_ns)
    await simulator.start()
    simulator.exchange.on_tape(book())
    await until(lambda: len(desk.mailbox) > 0)
    (item,) = await desk.mailbox.drain(10)
    held = simulator.exchange.venue.ledger().lines
    await venue.close()
    await simulator.stop()

    assert isinstance(item, Local)
    assert isinstance(item.message, RequestFailed)
    assert item.message.acted is Acted.NO
    assert not held


async def test_an_order_that_is_cancelled_before_the_first_connection_never_leaves() -> None:
    desk = Desk()
    async with running() as w:
        venue = connection(w.simulator.port, desk, wanted=lambda _: False)
        venue.ask(submit("o1"))
        await venue.open()
        await until(lambda: len(desk.mailbox) > 0)
        (item,) = await desk.mailbox.drain(10)
        held = w.simulator.exchange.venue.ledger().lines
        await venue.close()

    assert isinstance(item, Local)
    assert isinstance(item.message, RequestFailed)
    assert item.message.acted is Acted.NO
    assert not held


async def test_what_waited_too_long_for_the_first_connection_is_told_as_not_sent() -> None:
    desk = Desk()
    venue = connection(1, desk, recv_window_ms=100)
    opening = asyncio.create_task(venue.open())
    begun, after = time.perf_counter(), {}

    for command in (submit("o1"), modify("o2", "1"), cancel("o3"), query("o4")):
        venue.ask(command)
    told: list[Message] = []
    while len(told) < 4:
        told += [i.message for i in await desk.mailbox.drain(1) if isinstance(i, Local)]
        after[told[-1].correlation_id] = time.perf_counter() - begun
    opening.cancel()
    await venue.close()

    assert [type(m) for m in told] == [RequestFailed] * 4
    assert {m.acted for m in told if isinstance(m, RequestFailed)} == {Acted.NO}
    assert all("no connection to the venue yet" in m.reason for m in told)  # type: ignore[attr-defined]
    assert list(after)[-1] == "o3"
    assert 0.1 <= after["o1"] < 0.4 < after["o3"] < 2  # a cancel is worth more patience


async def test_a_full_mailbox_holds_the_stream_up_and_loses_none_of_its_evidence() -> None:
    async with running() as w:
        desk = Desk(size_max=3)
        venue = connection(w.simulator.port, desk)
        await venue.open()
        following = asyncio.create_task(venue.follow())
        await until(lambda: len(desk.mailbox) == 1)  # StreamUp
        for n in range(10):
            await w.gateway.execute(submit(f"o{n}"))
            await w.gateway.execute(cancel(f"o{n}"))
        venue.ask(query("o1"))
        await asyncio.sleep(0.2)
        waiting = len(desk.mailbox)
        heard: list[Message] = []
        async with asyncio.timeout(10):
            while len([m for m in heard if isinstance(m, OrderReport)]) < 21:
                items = await desk.mailbox.drain(1)
                heard += [i.message for i in items if isinstance(i, Local)]
                await asyncio.sleep(0)
        await venue.close()
        await asyncio.wait_for(following, 5)
        ended = [m.client_order_id for m in heard if _told(m, VenueStatus.CANCELED)]

    assert waiting == 3
    assert isinstance(heard[0], StreamUp)
    assert ended == [f"o{n}" for n in range(10)]


def _told(message: Message, status: VenueStatus) -> bool:
    streamed = isinstance(message, OrderReport) and message.source == "STREAM"
    return streamed and message.status is status
