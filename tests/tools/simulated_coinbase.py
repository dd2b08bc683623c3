"""A simulated Coinbase and who talks to it, in one event loop, for one test."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from messages.arrays import DELTA, TRADE
from messages.base import ClientOrderId, InstrumentId, StrategyId
from messages.market import BookDeltaBatch, TradeBatch
from messages.orders import OrderSide, OrderSpec, OrderType, SubmitOrder
from venues.coinbase.adapter import CoinbaseAdapter
from venues.coinbase.signing import simulator_keys
from venues.coinbase.simulator import Simulator
from venues.coinbase.simulator_config import SimulatorConfig
from venues.net.access import Access
from venues.net.budget import Budget
from venues.net.clock import VenueClock
from venues.net.gateway import Gateway
from venues.net.http import Http
from venues.net.socket import Backoff, SocketConfig
from venues.serving.faults import FaultScript, Rule

BTC = InstrumentId("BTC-USD.COINBASE")
KEYS = simulator_keys(np.random.default_rng(7))
QUICK = Backoff(first_s=0.01, most_s=0.05)


@dataclass
class World:
    """One simulator, and our client of it."""

    simulator: Simulator
    access: Access
    gateway: Gateway

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.simulator.port}"

    @property
    def socket(self) -> SocketConfig:
        return SocketConfig(f"ws://127.0.0.1:{self.simulator.port}", QUICK)

    def faults(self, *rules: Rule) -> None:
        self.simulator.faults.play(FaultScript(rules=rules))


@asynccontextmanager
async def running(config: SimulatorConfig | None = None) -> AsyncIterator[World]:
    """A simulator with a book of 100 BTC at 60000/60010."""
    simulator = Simulator(config or SimulatorConfig(), KEYS, None, time.time_ns)
    await simulator.start()
    simulator.exchange.on_tape(book())
    http = Http(f"http://127.0.0.1:{simulator.port}")
    await http.open()
    adapter = CoinbaseAdapter()
    access = Access(
        adapter,
        http,
        VenueClock(time.time_ns),
        Budget(adapter.limits),
        time.time_ns,
        KEYS,
    )
    try:
        await access.sync()
        yield World(simulator, access, Gateway(access))
    finally:
        await http.close()
        await simulator.stop()


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
    name: str, price: str | None = "50000", quantity: str = "0.01", **more: Any
) -> SubmitOrder:
    """A limit order to buy, or a market order without a price."""
    now = time.time_ns()
    order = OrderSpec(
        client_order_id=ClientOrderId(name),
        strategy_id=StrategyId("S"),
        instrument_id=BTC,
        side=more.pop("side", OrderSide.BUY),
        quantity=Decimal(quantity),
        price=Decimal(price) if price else None,
        order_type=more.pop("order_type", OrderType.LIMIT if price else OrderType.MARKET),
        **more,
    )
    return SubmitOrder(ts_event=now, ts_init=now, order=order)


def about(name: str, **more: Any) -> dict[str, Any]:
    """What a request about one order begins with."""
    now = time.time_ns()
    return {
        "ts_event": now,
        "ts_init": now,
        "client_order_id": ClientOrderId(name),
        "strategy_id": StrategyId("S"),
        "instrument_id": BTC,
        **more,
    }
