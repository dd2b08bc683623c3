"""Our own gateway and streams against the simulated OKX: commands, evidence, what goes wrong."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from decimal import Decimal

import numpy as np
import pytest
from one_account import World, account, state
from served import book, trade
from simulated_okx import KEYS, SPOT, SWAP, running

from messages.base import InstrumentId
from messages.market import BookDeltaBatch, Product
from messages.orders import (
    CancelOrder,
    ModifyOrder,
    OrderSide,
    OrderType,
    QueryOrder,
    TimeInForce,
)
from messages.venue import (
    AccountReport,
    CancelAllAfter,
    CancelAllOrders,
    FillReport,
    FillsReport,
    OrderListReport,
    OrderNotFound,
    OrderReport,
    PositionsReport,
    QueryAccount,
    QueryFees,
    QueryFills,
    QueryOpenOrders,
    QueryPositions,
    RequestDone,
    RequestRefused,
    SetLeverage,
    SubmitOrderList,
    VenueStatus,
)
from trading.book_sync import BookSync, Outcome
from venues.net.market import MarketStream
from venues.okx.adapter import ADAPTERS
from venues.okx.simulator_config import INSTRUMENTS, SimulatorConfig
from venues.serving.faults import FaultKind, FaultScript, Rule
from venues.wire.adapter import Channel, Subscription

NAMES = (SPOT, SWAP)
RULES = {i.instrument_id: i for i in INSTRUMENTS}


@asynccontextmanager
async def world(name: InstrumentId, config: SimulatorConfig | None = None) -> AsyncIterator[World]:
    adapter = ADAPTERS[Product.SPOT if name == SPOT else Product.LINEAR]
    async with (
        running(config) as simulator,
        account(simulator, name, adapter, KEYS, RULES) as found,
    ):
        yield found


@pytest.mark.parametrize("name", NAMES)
async def test_an_order_lives_from_placing_to_canceling(name: InstrumentId) -> None:
    async with world(name) as w:
        taken = await w.place("a1")
        changed = await w.about(ModifyOrder, "a1", quantity=Decimal("0.4"), price=Decimal(58000))
        listed = await w.do(QueryOpenOrders, instrument_id=name)
        canceled = await w.about(CancelOrder, "a1")
        again = await w.about(CancelOrder, "a1")
        missing = await w.about(QueryOrder, "nobody")
        heard = await w.hears(state("a1", VenueStatus.CANCELED))

    assert isinstance(taken, OrderReport)
    assert (changed.quantity, changed.price) == (Decimal("0.4"), Decimal(58000))
    assert [o.client_order_id for o in listed.orders] == ["a1"]
    assert canceled.status is VenueStatus.CANCELED
    assert isinstance(again, RequestRefused)
    assert isinstance(missing, OrderNotFound)
    assert heard.venue_order_id == taken.venue_order_id


@pytest.mark.parametrize("name", NAMES)
async def test_fills_are_the_same_over_the_stream_and_over_rest(name: InstrumentId) -> None:
    async with world(name) as w:
        await w.place("m1", order_type=OrderType.MARKET, price=None)
        await w.place("i1", price=Decimal(60010), time_in_force=TimeInForce.IOC)
        told = await w.hears(lambda e: isinstance(e, FillReport) and e.client_order_id == "i1")
        listed = await w.do(QueryFills, instrument_id=name)
        balances = await w.do(QueryAccount)
        ledger = w.simulator.exchange.venue.ledger()

    assert isinstance(listed, FillsReport)
    assert [f.client_order_id for f in listed.fills] == ["m1", "i1"]
    same = ("trade_id", "last_qty", "last_px", "commission", "currency", "venue_order_id")
    assert [getattr(listed.fills[1], f) for f in same] == [getattr(told, f) for f in same]
    assert isinstance(balances, AccountReport)
    totals = {b.currency: b.total for b in balances.balances}
    assert totals["USDT"] == ledger.balances()["USDT"]


@pytest.mark.parametrize("name", NAMES)
async def test_a_stop_is_one_order_before_and_after_it_triggers(name: InstrumentId) -> None:
    async with world(name) as w:
        kind = {"order_type": OrderType.STOP_MARKET, "price": None}
        taken = await w.place("s1", trigger_price=Decimal(60500), **kind)
        waiting = await w.about(QueryOrder, "s1")
        listed = await w.do(QueryOpenOrders, instrument_id=name)
        w.simulator.exchange.on_tape(book(name, bid=60500.0, ask=60510.0))
        w.simulator.exchange.on_tape(trade(name, price=60505.0, number=5))
        fill = await w.hears(lambda e: isinstance(e, FillReport))
        ended = await w.about(QueryOrder, "s1")
        asked = await w.do(QueryFills, instrument_id=name, venue_order_id=taken.venue_order_id)

    assert [o.order_type for o in listed.orders] == [OrderType.STOP_MARKET]
    assert waiting.venue_order_id == fill.venue_order_id == ended.venue_order_id
    assert (fill.client_order_id, fill.last_qty) == ("s1", Decimal("0.5"))
    assert (ended.status, ended.triggered) == (VenueStatus.FILLED, True)
    assert [(f.trade_id, f.venue_order_id) for f in asked.fills] == [
        (fill.trade_id, taken.venue_order_id)
    ]


@pytest.mark.parametrize("name", NAMES)
async def test_all_orders_of_both_kinds_are_canceled(name: InstrumentId) -> None:
    async with world(name) as w:
        orders = tuple(w.spec(f"a{i}", quantity=Decimal("0.01")) for i in range(20))
        placed = await w.do(SubmitOrderList, orders=orders)
        await w.place("more", quantity=Decimal("0.01"))
        stop = {"order_type": OrderType.STOP_MARKET, "price": None, "quantity": Decimal("0.01")}
        await w.place("stop", trigger_price=Decimal(60500), **stop)
        done = await w.do(CancelAllOrders, instrument_id=name)
        left = await w.do(QueryOpenOrders, instrument_id=name)

    assert isinstance(placed, OrderListReport)
    assert all(isinstance(a, OrderReport) for a in placed.answers)
    assert isinstance(done, RequestDone)
    assert left.orders == ()


async def test_positions_leverage_fees_and_the_switch_of_swaps() -> None:
    async with world(SWAP) as w:
        leverage = await w.do(SetLeverage, instrument_id=SWAP, leverage=Decimal(7))
        await w.place("m1", order_type=OrderType.MARKET, price=None, side=OrderSide.SELL)
        held = await w.do(QueryPositions, instrument_id=SWAP)
        fees = await w.do(QueryFees, instrument_id=SWAP)
        armed = await w.do(CancelAllAfter, instrument_id=SWAP, after_ns=60 * 10**9)
        wrong_way = await w.place("r1", reduce_only=True, side=OrderSide.SELL, price=Decimal(61000))

    assert isinstance(leverage, RequestDone)
    assert isinstance(held, PositionsReport)
    assert [(p.quantity, p.leverage) for p in held.positions] == [(Decimal("-0.5"), Decimal(7))]
    assert (fees.maker, fees.taker) == (Decimal("0.0002"), Decimal("0.0005"))
    assert isinstance(armed, RequestDone)
    assert isinstance(wrong_way, RequestRefused)
    assert wrong_way.code == "51169"


async def test_a_post_only_order_that_would_take_is_told_to_have_expired() -> None:
    async with world(SPOT) as w:
        await w.place("p1", post_only=True, price=Decimal(60020))
        ended = await w.hears(state("p1", VenueStatus.EXPIRED))

    assert ended.reason == "cancelSource 31"


@pytest.mark.parametrize("kind", [FaultKind.DROP_DEPTH, FaultKind.BAD_CHECKSUM])
async def test_a_broken_book_is_known_and_heals_by_asking_again(kind: FaultKind) -> None:
    async with world(SPOT) as w:
        stream = MarketStream(
            w.access.adapter, w.socket, RULES, time.time_ns, np.random.default_rng(1)
        )
        wanted, sync = Subscription(SPOT, Channel.BOOK), BookSync()
        await stream.subscribe(wanted)
        outcomes: list[Outcome] = []
        async with asyncio.timeout(5), aclosing(stream.batches()) as batches:
            async for events in batches:
                for event in events:
                    if isinstance(event, BookDeltaBatch):
                        outcomes.append(sync.offer(event).outcome)
                if not outcomes:
                    continue
                if outcomes[-1] is Outcome.GAP:
                    await stream.resubscribe(wanted)
                elif Outcome.GAP in outcomes and outcomes[-1] is Outcome.APPLIED:
                    break
                if len(outcomes) == 2:
                    rule = Rule(kind=kind, times=1)
                    w.simulator.faults.play(FaultScript(rules=(rule,)))
                bid = 60000.0 + len(outcomes)
                w.simulator.exchange.on_tape(book(SPOT, bid=bid, ask=60050.0))
                w.simulator.exchange.on_tape(book(SPOT, bid=bid + 0.5, ask=60050.0))
        stream.close()

    assert outcomes.count(Outcome.GAP) >= 1
    assert outcomes[-1] is Outcome.APPLIED
