"""One account of ours at a simulated venue that trades one instrument: gateway and user stream."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
from served import QUICK

from messages.base import ClientOrderId, Event, InstrumentId, StrategyId
from messages.market import Instrument
from messages.orders import OrderSide, OrderSpec, OrderType, SubmitOrder
from messages.venue import OrderReport, StreamUp, VenueStatus
from venues.net.access import Access
from venues.net.budget import Budget
from venues.net.clock import VenueClock
from venues.net.gateway import Gateway
from venues.net.http import Http
from venues.net.socket import SocketConfig
from venues.net.user import UserStream
from venues.serving.simulator import Simulator
from venues.wire.adapter import Adapter
from venues.wire.keys import Keys


@dataclass
class World:
    """One simulator, and one account of ours; `told` is what its private stream has said."""

    simulator: Simulator
    name: InstrumentId
    access: Access
    gateway: Gateway
    told: list[Event] = field(default_factory=list)

    @property
    def socket(self) -> SocketConfig:
        return SocketConfig(f"ws://127.0.0.1:{self.simulator.port}", QUICK)

    async def do(self, kind: Any, **more: Any) -> Any:
        now = time.time_ns()
        return await self.gateway.execute(kind(ts_event=now, ts_init=now, **more))

    async def about(self, kind: Any, order: str, **more: Any) -> Any:
        ids = {"client_order_id": ClientOrderId(order), "strategy_id": StrategyId("S")}
        return await self.do(kind, **ids, instrument_id=self.name, **more)

    async def place(self, order: str, **more: Any) -> Any:
        return await self.do(SubmitOrder, order=self.spec(order, **more))

    def spec(self, order: str, **more: Any) -> OrderSpec:
        """A limit order below the market."""
        fields: dict[str, Any] = {
            "client_order_id": ClientOrderId(order),
            "strategy_id": StrategyId("S"),
            "instrument_id": self.name,
            "side": OrderSide.BUY,
            "order_type": OrderType.LIMIT,
            "quantity": Decimal("0.5"),
            "price": Decimal(59000),
        }
        return OrderSpec(**(fields | more))

    async def hears(self, wanted: Any) -> Any:
        """The first event of the private stream that is as wanted, waiting for it."""
        async with asyncio.timeout(5):
            while True:
                for event in self.told:
                    if wanted(event):
                        return event
                await asyncio.sleep(0.01)


def state(order: str, status: VenueStatus) -> Any:
    """Whether an event says that this order is in this state."""
    return lambda e: (
        isinstance(e, OrderReport) and e.client_order_id == order and e.status is status
    )


@asynccontextmanager
async def account(
    simulator: Simulator,
    name: InstrumentId,
    adapter: Adapter,
    keys: Keys,
    rules: Mapping[InstrumentId, Instrument],
) -> AsyncIterator[World]:
    """An account whose private stream is up."""
    http = Http(f"http://127.0.0.1:{simulator.port}", 2.0)
    await http.open()
    clock, budget = VenueClock(time.time_ns), Budget(adapter.limits)
    access = Access(adapter, http, clock, budget, time.time_ns, keys, dict(rules))
    await access.sync()
    found = World(simulator, name, access, Gateway(access))
    stream = UserStream(access, found.socket, np.random.default_rng(1))

    async def listen() -> None:
        async with aclosing(stream.batches()) as batches:
            async for events in batches:
                found.told.extend(events)

    listening = asyncio.create_task(listen())
    try:
        await found.hears(lambda e: isinstance(e, StreamUp))
        yield found
    finally:
        stream.close()
        await listening
        await http.close()
