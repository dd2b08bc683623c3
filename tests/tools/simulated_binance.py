"""A simulated Binance and everything that talks to it, in one event loop, for one test."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import aiohttp
import numpy as np

from messages.arrays import DELTA, TRADE
from messages.base import ClientOrderId, InstrumentId, Message, StrategyId
from messages.market import BookDeltaBatch, TradeBatch
from messages.orders import (
    CancelOrder,
    ModifyOrder,
    OrderSide,
    OrderSpec,
    OrderType,
    QueryOrder,
    SubmitOrder,
)
from venues.binance.limits import SPOT
from venues.binance.simulator import Simulator
from venues.binance.simulator_config import SimulatorConfig
from venues.net.access import Access
from venues.net.budget import Budget
from venues.net.clock import VenueClock
from venues.net.gateway import Gateway
from venues.net.http import Http
from venues.net.socket import Backoff, SocketConfig
from venues.registry import adapter
from venues.serving.faults import FaultKind, FaultScript, Rule
from venues.wire.keys import Keys, drawn_keys

BTC = InstrumentId("BTCUSDT.BINANCE")
KEYS = drawn_keys(np.random.default_rng(7))
QUICK = Backoff(first_s=0.01, most_s=0.05)


@dataclass
class World:
    """One simulator and one client of each kind."""

    simulator: Simulator
    access: Access
    gateway: Gateway
    http: aiohttp.ClientSession

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.simulator.port}"

    @property
    def socket(self) -> SocketConfig:
        return SocketConfig(f"ws://127.0.0.1:{self.simulator.port}", QUICK)

    def faults(self, *rules: Rule) -> None:
        self.simulator.faults.play(FaultScript(rules=rules))

    async def get(self, path: str) -> tuple[int, Any, Any]:
        """(status, headers, JSON) of one unsigned request."""
        async with self.http.get(self.url + path) as answer:
            return answer.status, answer.headers, await answer.json()


@asynccontextmanager
async def running(
    config: SimulatorConfig | None = None,
    tape: Iterator[tuple[int, Message]] | None = None,
    timeout_s: float = 2.0,
    budget: Budget | None = None,
) -> AsyncIterator[World]:
    """A simulator with a book of 100 BTC at 60000/60010, unless a tape is given."""
    simulator = Simulator(config or SimulatorConfig(), KEYS, tape, time.time_ns)
    await simulator.start()
    access = access_to(f"http://127.0.0.1:{simulator.port}", KEYS, timeout_s, budget)
    access.instruments |= {i.instrument_id: i for i in simulator.config.instruments}
    await access.http.open()
    if tape is None:
        simulator.exchange.on_tape(book())
    async with aiohttp.ClientSession() as http:
        try:
            yield World(simulator, access, Gateway(access), http)
        finally:
            await access.http.close()
            await simulator.stop()


def access_to(
    url: str,
    keys: Keys | None = None,
    timeout_s: float = 2.0,
    budget: Budget | None = None,
    recv_window_ms: int = 5000,
) -> Access:
    """A way to a Binance; its HTTP is not open yet."""
    return Access(
        adapter("BINANCE"),
        Http(url, timeout_s),
        VenueClock(time.time_ns),
        budget or Budget(SPOT),
        time.time_ns,
        keys,
        recv_window_ms=recv_window_ms,
    )


def budget_of(weight: int = 6000, orders_10s: int = 100) -> Budget:
    """Spot's limits, smaller."""
    most = {SPOT[0]: weight, SPOT[1]: orders_10s}
    return Budget(replace(rule, amount=most.get(rule, rule.amount)) for rule in SPOT)


def book(bid: float = 60000.0, ask: float = 60010.0, size: float = 100.0) -> BookDeltaBatch:
    """A whole book of one level a side."""
    now = time.time_ns()
    rows = np.array([(now, now, 1, bid, size), (now, now, -1, ask, size)], DELTA)
    return BookDeltaBatch(
        ts_event=now,
        ts_init=now,
        instrument_id=BTC,
        snapshot=True,
        first_seq=1,
        last_seq=1,
        rows=rows,
    )


def trade(price: float, size: float, aggressor: int, trade_id: int = 1) -> TradeBatch:
    """One trade of the tape."""
    now = time.time_ns()
    rows = np.array([(now, now, price, size, aggressor, trade_id)], TRADE)
    return TradeBatch(ts_event=now, ts_init=now, instrument_id=BTC, rows=rows)


def submit(
    name: str,
    price: str | None = "50000",
    quantity: str = "0.001",
    side: OrderSide = OrderSide.BUY,
    **more: Any,
) -> SubmitOrder:
    """A limit order, or a market order without a price."""
    now = time.time_ns()
    order = OrderSpec(
        client_order_id=ClientOrderId(name),
        strategy_id=StrategyId("S"),
        instrument_id=BTC,
        side=side,
        quantity=Decimal(quantity),
        price=Decimal(price) if price else None,
        order_type=more.pop("order_type", OrderType.LIMIT if price else OrderType.MARKET),
        **more,
    )
    return SubmitOrder(ts_event=now, ts_init=now, order=order)


def _about(name: str) -> dict[str, Any]:
    now = time.time_ns()
    return {
        "ts_event": now,
        "ts_init": now,
        "client_order_id": ClientOrderId(name),
        "strategy_id": StrategyId("S"),
        "instrument_id": BTC,
    }


def cancel(name: str) -> CancelOrder:
    return CancelOrder(**_about(name))


def query(name: str) -> QueryOrder:
    return QueryOrder(**_about(name))


def modify(name: str, quantity: str) -> ModifyOrder:
    return ModifyOrder(**_about(name), quantity=Decimal(quantity))


def once(kind: FaultKind, **more: Any) -> Rule:
    """A fault that strikes one time."""
    return Rule(kind=kind, times=1, **more)


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


async def until(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    """Wait for something that happens in this event loop."""
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.005)
