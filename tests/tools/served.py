"""A simulated venue of any kind, its market and a client of it, in one event loop, for a test."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Generic, TypeVar

import numpy as np

from messages.arrays import DELTA, TRADE
from messages.base import ClientOrderId, InstrumentId, StrategyId
from messages.market import BookDeltaBatch, TradeBatch
from messages.orders import OrderSide, OrderSpec, OrderType, SubmitOrder
from venues.net.access import Access
from venues.net.gateway import Gateway
from venues.net.socket import Backoff, SocketConfig
from venues.serving.faults import FaultScript, Rule
from venues.serving.simulator import Simulator

S = TypeVar("S", bound=Simulator)
QUICK: Final = Backoff(first_s=0.01, most_s=0.05)


@dataclass
class Client(Generic[S]):
    """One simulator, and our way to it."""

    simulator: S
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
async def serving(simulator: S, names: Sequence[InstrumentId]) -> AsyncIterator[S]:
    """Started, with a book of 100 at 60000/60010 and a trade of each name; stopped at the end."""
    await simulator.start()
    try:
        for name in names:
            simulator.exchange.on_tape(book(name))
            simulator.exchange.on_tape(trade(name))
        yield simulator
    finally:
        await simulator.stop()


def book(
    name: InstrumentId, bid: float = 60000.0, ask: float = 60010.0, size: float = 100.0
) -> BookDeltaBatch:
    """A whole book of one level a side."""
    now = time.time_ns()
    rows = np.array([(now, now, 1, bid, size), (now, now, -1, ask, size)], DELTA)
    return BookDeltaBatch(
        ts_event=now,
        ts_init=now,
        instrument_id=name,
        snapshot=True,
        first_seq=1,
        last_seq=1,
        rows=rows,
    )


def trade(
    name: InstrumentId,
    price: float = 60005.0,
    size: float = 0.5,
    aggressor: int = 1,
    number: int = 1,
) -> TradeBatch:
    """One trade of the tape."""
    now = time.time_ns()
    rows = np.array([(now, now, price, size, aggressor, number)], TRADE)
    return TradeBatch(ts_event=now, ts_init=now, instrument_id=name, rows=rows)


def submit(
    instrument: InstrumentId, name: str, price: str | None, quantity: str, **more: Any
) -> SubmitOrder:
    """A limit order to buy, or a market order without a price."""
    now = time.time_ns()
    order = OrderSpec(
        client_order_id=ClientOrderId(name),
        strategy_id=StrategyId("S"),
        instrument_id=instrument,
        side=more.pop("side", OrderSide.BUY),
        quantity=Decimal(quantity),
        price=Decimal(price) if price else None,
        order_type=more.pop("order_type", OrderType.LIMIT if price else OrderType.MARKET),
        **more,
    )
    return SubmitOrder(ts_event=now, ts_init=now, order=order)


def about(instrument: InstrumentId, name: str) -> dict[str, Any]:
    """What a request about one order begins with."""
    now = time.time_ns()
    return {
        "ts_event": now,
        "ts_init": now,
        "client_order_id": ClientOrderId(name),
        "strategy_id": StrategyId("S"),
        "instrument_id": instrument,
    }
