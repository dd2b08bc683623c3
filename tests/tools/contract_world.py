"""One product of one venue for the contract suite: its simulator, and our client of it."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from importlib import import_module
from typing import Any, Final, TypeVar

import numpy as np
from served import QUICK

from messages.arrays import DELTA, FUNDING, QUOTE, TRADE
from messages.base import NS_PER_S, ClientOrderId, Command, Event, InstrumentId, StrategyId
from messages.market import (
    BookDeltaBatch,
    FundingBatch,
    LiquidationBatch,
    Product,
    QuoteBatch,
    TradeBatch,
)
from messages.orders import OrderSide, OrderSpec, OrderType, QueryOrder, SubmitOrder
from messages.venue import OrderReport, PositionReport, RequestRefused, StreamDown, StreamUp
from venues.net.access import Access
from venues.net.budget import Budget
from venues.net.clock import VenueClock
from venues.net.gateway import Gateway
from venues.net.http import Http
from venues.net.market import MarketStream
from venues.net.questions import Questions
from venues.net.socket import SocketConfig
from venues.net.user import UserStream
from venues.registry import adapter, venue_of
from venues.serving.faults import FaultKind, FaultScript, Rule
from venues.wire.adapter import Channel, Subscription
from venues.wire.asked import NOT_OFFERED

BID, ASK = Decimal(60000), Decimal(60010)
LOT = Decimal("0.01")
RATE, MARK = 0.0002, 60004.0  # of perpetuals
_E = TypeVar("_E", bound=Event)


class NotOffered(Exception):
    """The venue has no such thing, and the adapter says so before anything is sent."""


@dataclass(frozen=True, slots=True)
class Row:
    """One product; `module` has its Simulator, and its configuration's defaults its instruments."""

    name: str
    instrument_id: InstrumentId
    module: str
    product: Product = Product.SPOT


ROWS: Final = (
    Row("Binance spot", InstrumentId("BTCUSDT.BINANCE"), "venues.binance.simulator"),
    Row(
        "Binance USD-M",
        InstrumentId("BTCUSDT-PERP.BINANCE"),
        "venues.binance.simulator_usdm",
        Product.LINEAR,
    ),
    Row("OKX spot", InstrumentId("BTC-USDT.OKX"), "venues.okx.simulator"),
    Row("OKX swap", InstrumentId("BTC-USDT-SWAP.OKX"), "venues.okx.simulator", Product.LINEAR),
    Row("Bybit spot", InstrumentId("BTCUSDT-SPOT.BYBIT"), "venues.bybit.simulator"),
    Row(
        "Bybit linear",
        InstrumentId("BTCUSDT-LINEAR.BYBIT"),
        "venues.bybit.simulator",
        Product.LINEAR,
    ),
    Row("Coinbase", InstrumentId("BTC-USD.COINBASE"), "venues.coinbase.simulator"),
)


@dataclass
class World:
    """What a case of the contract works with; `told` is what the user stream has said."""

    row: Row
    simulator: Any
    access: Access
    gateway: Gateway
    questions: Questions
    socket: SocketConfig
    told: list[Event] = field(default_factory=list)
    downs_expected: bool = False
    _names: int = 0

    @property
    def name(self) -> InstrumentId:
        return self.row.instrument_id

    async def do(self, command: Any) -> Event:
        """Carry a command out; raises NotOffered if the venue has no such thing."""
        reply = await self.gateway.execute(command)
        if isinstance(reply, RequestRefused) and reply.code == NOT_OFFERED:
            raise NotOffered(reply.reason)
        return reply

    async def get(self, command: Any, kind: type[_E]) -> _E:
        """As `do`, for an answer that must be of this kind."""
        reply = await self.do(command)
        assert isinstance(reply, kind), reply
        return reply

    async def how(self, order: SubmitOrder) -> OrderReport:
        """How an order is by the venue's word."""
        return await self.get(self.about(order, QueryOrder), OrderReport)

    def turns(self) -> list[StreamUp | StreamDown]:
        """When the user stream came and went, in order."""
        return [e for e in self.told if isinstance(e, StreamUp | StreamDown)]

    def order(self, price: str | None = "50000", **more: Any) -> SubmitOrder:
        """A limit order that stays, or a market order without a price; each under a fresh name."""
        self._names += 1
        spec: dict[str, Any] = {
            "client_order_id": ClientOrderId(f"contract{self._names:04d}"),
            "strategy_id": StrategyId("S"),
            "instrument_id": self.name,
            "side": OrderSide.BUY,
            "quantity": LOT,
            "price": Decimal(price) if price else None,
            "order_type": OrderType.LIMIT if price else OrderType.MARKET,
        } | more
        return SubmitOrder(**self.times(), order=OrderSpec(**spec))

    def about(self, order: SubmitOrder, kind: type[Command], **more: Any) -> Command:
        """A command about an order, by our name of it."""
        spec = order.order
        fields: dict[str, Any] = {
            "client_order_id": spec.client_order_id,
            "strategy_id": spec.strategy_id,
            "instrument_id": spec.instrument_id,
        } | more
        return kind(**self.times(), **fields)

    def times(self) -> dict[str, Any]:
        now = time.time_ns()
        return {"ts_event": now, "ts_init": now}

    async def until(self, condition: Callable[[], object], timeout_s: float = 5.0) -> None:
        """Wait for something that happens in this event loop."""
        async with asyncio.timeout(timeout_s):
            while not condition():
                await asyncio.sleep(0.005)

    async def heard(self, kind: type[_E], condition: Callable[[_E], object] = bool) -> _E:
        """The first event of the user stream of this kind that is so.

        raises  NotOffered if the venue's stream does not tell any
        """
        if kind is not PositionReport and kind not in self.access.adapter.told:
            raise NotOffered(f"{kind.__name__}: not told by the stream")

        def found() -> list[_E]:
            return [e for e in self.told if isinstance(e, kind) and condition(e)]

        await self.until(found)
        return found()[0]

    def coarse(self) -> None:
        """From the venue's next second on its ticks and lots are ten times as coarse."""
        rule = Rule(kind=FaultKind.FILTER_CHANGE)
        self.simulator.faults.play(FaultScript(rules=(rule,)))

    def tape(self, message: Any) -> None:
        """Something happens on the market."""
        self.simulator.exchange.on_tape(message)

    async def stream(
        self, channel: Channel, kind: type[_E], condition: Callable[[_E], object] = lambda _: True
    ) -> _E:
        """The first event of a subscription to a market that is busy that is so.

        raises  NotOffered if the venue has no such stream
        """
        async with self._subscribed(channel) as (_, batches):
            async for events in batches:
                for event in events:
                    if isinstance(event, kind) and condition(event):
                        return event
        raise AssertionError("left without a batch")

    async def kinds(self, channel: Channel, interval_ns: int) -> set[str]:
        """The venue's kinds of frames of a subscription, once there is one besides the answer."""
        async with self._subscribed(channel, interval_ns) as (stream, batches):
            reading = asyncio.ensure_future(_drained(batches))
            await self.until(lambda: len(stream.batcher.counts) > 1)
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            return set(stream.batcher.counts)

    @asynccontextmanager
    async def _subscribed(
        self, channel: Channel, interval_ns: int = 0
    ) -> AsyncIterator[tuple[MarketStream, AsyncGenerator[tuple[Event, ...], None]]]:
        if channel not in self.access.adapter.channels:
            raise NotOffered(f"{channel}: no such stream")
        wanted = Subscription(self.name, channel, interval_ns)
        access = self.access
        route = access.adapter.route_of(wanted)
        stream = MarketStream(
            access.adapter, self.socket, access.instruments, time.time_ns, rng(), route
        )
        await stream.subscribe(wanted)
        busy = asyncio.create_task(self._busy())
        try:
            async with asyncio.timeout(10), aclosing(stream.batches()) as batches:
                yield stream, batches
        finally:
            busy.cancel()
        assert not stream.refusals, stream.refusals

    async def _busy(self) -> None:
        for n in range(2, 10_000):
            await asyncio.sleep(0.05)
            self.tape(trade(self.name, n))
            self.tape(quote(self.name))
            self.tape(book(self.name, n, size=100.0 + n % 7))
            exchange = self.simulator.exchange
            exchange.tell_instrument(exchange.instrument(self.name))
            if self.row.product is Product.LINEAR:
                self.tape(funding(self.name))
                self.tape(liquidation(self.name, n))


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def book(name: InstrumentId, number: int = 1, size: float = 100.0) -> BookDeltaBatch:
    """A whole book of one level a side."""
    now = time.time_ns()
    rows = [(now, now, 1, float(BID), size), (now, now, -1, float(ASK), size)]
    return BookDeltaBatch(
        ts_event=now,
        ts_init=now,
        instrument_id=name,
        snapshot=True,
        first_seq=number,
        last_seq=number,
        rows=np.array(rows, DELTA),
    )


def trade(name: InstrumentId, number: int = 1, aggressor: int = 1) -> TradeBatch:
    """One trade of the tape."""
    now = time.time_ns()
    rows = np.array([(now, now, 60005.0, 0.5, aggressor, number)], TRADE)
    return TradeBatch(ts_event=now, ts_init=now, instrument_id=name, rows=rows)


def quote(name: InstrumentId) -> QuoteBatch:
    """The best of the book."""
    now = time.time_ns()
    rows = np.array([(now, now, float(BID), 100.0, float(ASK), 100.0)], QUOTE)
    return QuoteBatch(ts_event=now, ts_init=now, instrument_id=name, rows=rows)


def funding(name: InstrumentId) -> FundingBatch:
    """The mark price, and the rate that is due in an hour."""
    now = time.time_ns()
    rows = np.array([(now, now, RATE, MARK, now + 3600 * NS_PER_S)], FUNDING)
    return FundingBatch(ts_event=now, ts_init=now, instrument_id=name, rows=rows)


def liquidation(name: InstrumentId, number: int) -> LiquidationBatch:
    """A long position of somebody else that is sold by force."""
    now = time.time_ns()
    rows = np.array([(now, now, 59900.0, 0.5, -1, number)], TRADE)
    return LiquidationBatch(ts_event=now, ts_init=now, instrument_id=name, rows=rows)


async def _drained(batches: AsyncGenerator[tuple[Event, ...], None]) -> None:
    async for _ in batches:
        pass


@asynccontextmanager
async def running(row: Row) -> AsyncIterator[World]:
    """A simulator with a book of 100 at 60000/60010, and a user stream that is up."""
    simulator_type = import_module(row.module).Simulator
    keys = simulator_type.make_keys(np.random.default_rng(7))
    config = simulator_type.config_type()
    simulator = simulator_type(config, keys, None, time.time_ns)
    await simulator.start()
    found = adapter(venue_of(row.instrument_id), row.product)
    http = Http(f"http://127.0.0.1:{simulator.port}")
    await http.open()
    known = {i.instrument_id: i for i in config.instruments}
    access = Access(
        found,
        http,
        VenueClock(time.time_ns),
        Budget(found.limits),
        time.time_ns,
        keys,
        known,
    )
    socket = SocketConfig(f"ws://127.0.0.1:{simulator.port}", QUICK)
    world = World(row, simulator, access, Gateway(access), Questions(access), socket)
    for number in (1, 2):
        world.tape(book(row.instrument_id, number))
        world.tape(trade(row.instrument_id, number))
    stream = UserStream(access, socket, rng())
    listening = asyncio.create_task(_listen(stream, world.told))
    try:
        await access.sync()
        await world.until(lambda: any(isinstance(e, StreamUp) for e in world.told))
        yield world
        downs = [e for e in world.told if isinstance(e, StreamDown)]
        assert world.downs_expected or not downs, downs
    finally:
        stream.close()
        await listening
        await http.close()
        await simulator.stop()


async def _listen(stream: UserStream, told: list[Event]) -> None:
    async with aclosing(stream.batches()) as batches:
        async for events in batches:
            told.extend(events)
