"""The account's own stream over a real socket: an order's life, lost and refused subscriptions."""

import asyncio
from contextlib import aclosing
from dataclasses import replace
from decimal import Decimal
from typing import Any

from simulated_binance import KEYS, World, cancel, modify, once, rng, running, submit, trade, until

from messages.base import Event
from messages.venue import (
    AccountReport,
    FillReport,
    OrderReport,
    Source,
    StreamDown,
    StreamUp,
    VenueStatus,
)
from venues.binance.simulator_config import SimulatorConfig
from venues.net.user import UserStream
from venues.serving.faults import FaultKind as K


def user_stream(w: World, keys: Any = KEYS) -> UserStream:
    return UserStream(replace(w.access, keys=keys), w.socket, rng())


async def test_user_stream_tells_an_orders_life_in_order() -> None:
    async with running() as w:
        stream = user_stream(w)
        found: list[Event] = []

        async def listen() -> None:
            async with aclosing(stream.batches()) as batches:
                async for events in batches:
                    found.extend(events)

        listening = asyncio.create_task(listen())
        await until(lambda: any(isinstance(e, StreamUp) for e in found))
        await w.gateway.execute(submit("o1", price="60005", quantity="2"))
        await w.gateway.execute(modify("o1", "1.5"))
        w.simulator.exchange.on_tape(trade(60005.0, 1.0, aggressor=-1))
        await w.gateway.execute(cancel("o1"))
        await until(lambda: isinstance(found[-1], AccountReport) and _ended(found))
        stream.close()
        await asyncio.wait_for(listening, 10)
        ledger = w.simulator.exchange.venue.ledger()

    orders = [e for e in found if isinstance(e, OrderReport)]
    assert [(o.status.value, o.quantity, o.filled_qty) for o in orders] == [
        ("NEW", Decimal(2), Decimal(0)),
        ("NEW", Decimal("1.5"), Decimal(0)),
        ("PARTIALLY_FILLED", Decimal("1.5"), Decimal(1)),
        ("CANCELED", Decimal("1.5"), Decimal(1)),
    ]
    assert {o.client_order_id for o in orders} == {"o1"}
    assert {o.source for o in orders} == {Source.STREAM}
    (fill,) = [e for e in found if isinstance(e, FillReport)]
    assert (fill.trade_id, fill.commission) == (
        ledger.fills[0].trade_id,
        ledger.fills[0].commission,
    )
    assert isinstance(found[-1], StreamDown)


def _ended(found: list[Event]) -> bool:
    return any(isinstance(e, OrderReport) and e.status is VenueStatus.CANCELED for e in found)


async def test_lost_user_stream_says_so_and_comes_back() -> None:
    async with running() as w:
        stream = user_stream(w)
        found: list[Event] = []

        async def listen() -> None:
            async with aclosing(stream.batches()) as batches:
                async for events in batches:
                    found.extend(events)

        listening = asyncio.create_task(listen())
        await until(lambda: len(found) == 1)
        w.faults(once(K.CUT_USER))
        await w.gateway.execute(submit("o1"))  # its event is lost with the connection
        await until(lambda: len(found) >= 3)
        stream.close()
        await asyncio.wait_for(listening, 10)

    kinds = [type(e) for e in found if not isinstance(e, OrderReport | AccountReport)]
    assert kinds == [StreamUp, StreamDown, StreamUp, StreamDown]


async def test_refused_subscription_never_says_that_it_is_up() -> None:
    wrong = type(KEYS)("x" * 64, KEYS.secret)
    async with running() as w:
        stream = user_stream(w, wrong)
        found: list[Event] = []

        async def listen() -> None:
            async with aclosing(stream.batches()) as batches:
                async for events in batches:
                    found.extend(events)

        listening = asyncio.create_task(listen())
        await until(lambda: "-2015" in stream.socket.problem)
        stream.close()
        await asyncio.wait_for(listening, 10)

    assert found == []


async def test_wrong_clock_is_measured_when_the_subscription_is_refused_for_it() -> None:
    config = SimulatorConfig(clock_skew_ms=-20_000)
    async with running(config) as w:
        stream = user_stream(w)
        waiting = asyncio.ensure_future(anext(stream.batches()))
        await until(lambda: "ahead of the venue's" in stream.socket.problem)
        w.simulator.exchange._skew_ns = 0  # the clock has been set
        events = await asyncio.wait_for(waiting, 20)
        stream.close()

    assert [type(e) for e in events] == [StreamUp]
