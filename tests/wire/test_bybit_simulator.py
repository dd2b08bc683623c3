"""Our own gateway and streams against the simulated Bybit: commands, evidence, what goes wrong."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from one_account import World, account, state
from served import QUICK, book
from simulated_bybit import KEYS, LINEAR, SPOT, running

from messages.base import NS_PER_S, InstrumentId
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
    FeesReport,
    FillReport,
    FillsReport,
    MarginMode,
    OpenOrdersReport,
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
    RequestFailed,
    RequestRefused,
    SetLeverage,
    SetMarginMode,
    SubmitOrderList,
    VenueStatus,
)
from trading.book_sync import BookSync, Outcome
from venues.bybit.adapter import ADAPTERS
from venues.bybit.simulator_config import INSTRUMENTS, SimulatorConfig
from venues.net.market import MarketStream
from venues.net.socket import SocketConfig
from venues.serving.faults import FaultKind, FaultScript, Rule
from venues.wire.adapter import Channel, Subscription

NAMES = (SPOT, LINEAR)
RULES = {i.instrument_id: i for i in INSTRUMENTS}


def product_of(name: InstrumentId) -> Product:
    return Product.SPOT if name == SPOT else Product.LINEAR


@asynccontextmanager
async def world(name: InstrumentId, config: SimulatorConfig | None = None) -> AsyncIterator[World]:
    async with (
        running(config) as simulator,
        account(simulator, name, ADAPTERS[product_of(name)], KEYS, RULES) as found,
    ):
        yield found


@pytest.mark.parametrize("name", NAMES)
async def test_an_orders_life_is_told_by_answers_and_by_the_stream(name: InstrumentId) -> None:
    async with world(name) as w:
        placed = await w.place("o1")
        changed = await w.about(ModifyOrder, "o1", quantity=Decimal("0.4"), price=Decimal(58000))
        working = await w.do(QueryOpenOrders, instrument_id=name)
        ended = await w.about(CancelOrder, "o1")
        again = await w.about(CancelOrder, "o1")
        asked = await w.about(QueryOrder, "o1")
        absent = await w.about(QueryOrder, "nobody")
        taken = await w.place("o2", order_type=OrderType.MARKET, price=None)
        fill = await w.hears(lambda e: isinstance(e, FillReport))
        await w.hears(state("o1", VenueStatus.CANCELED))
        await w.hears(state("o2", VenueStatus.FILLED))
        fills = await w.do(QueryFills, instrument_id=name)
        account = await w.do(QueryAccount)

    assert isinstance(placed, OrderReport)
    assert (changed.quantity, changed.price) == (Decimal("0.4"), Decimal(58000))
    assert isinstance(working, OpenOrdersReport)
    assert [o.client_order_id for o in working.orders] == ["o1"]
    assert (ended.status, asked.status) == (VenueStatus.CANCELED,) * 2
    assert isinstance(again, RequestRefused)
    assert isinstance(absent, OrderNotFound)
    assert taken.status is VenueStatus.NEW
    assert isinstance(fills, FillsReport)
    assert isinstance(fill, FillReport)
    assert fills.complete
    assert [f.trade_id for f in fills.fills] == [fill.trade_id]
    assert isinstance(account, AccountReport)
    assert any(isinstance(e, AccountReport) and e.partial for e in w.told)


async def test_no_such_order_of_several_questions_is_as_of_the_first() -> None:
    slow = Rule(kind=FaultKind.DELAY, delay_ms=1500, requests=("GET /v5/order/realtime",))
    config = SimulatorConfig(faults=FaultScript(rules=(slow,)))
    async with world(SPOT, config) as w:
        asked_ns = time.time_ns()
        absent = await w.about(QueryOrder, "nobody")

    # What arrived between the two questions is in the answer to neither.
    assert isinstance(absent, OrderNotFound)
    assert absent.ts_event <= asked_ns + 100_000_000


@pytest.mark.parametrize("name", NAMES)
async def test_a_post_only_order_that_would_take_is_acknowledged_and_ends(
    name: InstrumentId,
) -> None:
    async with world(name) as w:
        acknowledged = await w.place("o1", price=Decimal(61000), post_only=True)
        ended: Any = await w.hears(state("o1", VenueStatus.EXPIRED))
        asked = await w.about(QueryOrder, "o1")

    assert acknowledged.status is VenueStatus.NEW
    assert ended.reason == "EC_PostOnlyWillTakeLiquidity"
    assert asked.status is VenueStatus.EXPIRED


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("force", "quantity", "end"),
    [
        (TimeInForce.IOC, "150", VenueStatus.EXPIRED),
        (TimeInForce.FOK, "150", VenueStatus.EXPIRED),
        (TimeInForce.IOC, "1", VenueStatus.FILLED),
    ],
)
async def test_orders_that_do_not_rest(
    name: InstrumentId, force: TimeInForce, quantity: str, end: VenueStatus
) -> None:
    rich = SimulatorConfig(balances={"USDT": Decimal(100_000_000), "BTC": Decimal(10)})
    async with world(name, rich) as w:
        await w.place("o1", price=Decimal(60010), quantity=Decimal(quantity), time_in_force=force)
        ended: Any = await w.hears(lambda e: isinstance(e, OrderReport) and not e.status.open)

    assert ended.status is end


@pytest.mark.parametrize("name", NAMES)
async def test_everything_is_cancelled_conditional_orders_too(name: InstrumentId) -> None:
    async with world(name) as w:
        await w.place("plain")
        waits = {"order_type": OrderType.STOP_LIMIT, "trigger_price": Decimal(62000)}
        await w.place("stop", price=Decimal(62000), **waits)
        taking = {"order_type": OrderType.LIMIT_IF_TOUCHED, "trigger_price": Decimal(58000)}
        await w.place("take", price=Decimal(58000), **taking)
        before = await w.do(QueryOpenOrders, instrument_id=name)
        done = await w.do(CancelAllOrders, instrument_id=name)
        after = await w.do(QueryOpenOrders, instrument_id=name)

    kinds = {o.client_order_id: o.order_type for o in before.orders}
    assert kinds == {
        "plain": OrderType.LIMIT,
        "stop": OrderType.STOP_LIMIT,
        "take": OrderType.LIMIT_IF_TOUCHED,
    }
    assert isinstance(done, RequestDone)
    assert after.orders == ()


@pytest.mark.parametrize("name", NAMES)
async def test_each_order_of_a_batch_is_answered(name: InstrumentId) -> None:
    async with world(name) as w:
        orders = (w.spec("a"), w.spec("b", quantity=Decimal(1400), price=Decimal(59999)))
        report = await w.do(SubmitOrderList, orders=orders)
        fees = await w.do(QueryFees, instrument_id=name)

    assert isinstance(report, OrderListReport)
    assert [type(a) for a in report.answers] == [OrderReport, RequestRefused]
    assert isinstance(fees, FeesReport)
    assert fees.taker == (Decimal("0.001") if name == SPOT else Decimal("0.00055"))


async def test_positions_leverage_and_margin_mode() -> None:
    async with world(LINEAR) as w:
        leverage = await w.do(SetLeverage, instrument_id=LINEAR, leverage=Decimal(5))
        modes = [
            await w.do(SetMarginMode, instrument_id=LINEAR, mode=MarginMode.ISOLATED)
            for _ in range(2)
        ]
        await w.place("o1", order_type=OrderType.MARKET, price=None, side=OrderSide.SELL)
        held = await w.do(QueryPositions)
        reduced = await w.place("o2", order_type=OrderType.MARKET, price=None, reduce_only=True)
        refused = await w.place("o3", order_type=OrderType.MARKET, price=None, reduce_only=True)
        flat = await w.do(QueryPositions, instrument_id=LINEAR)

    assert [type(r) for r in (leverage, *modes)] == [RequestDone] * 3
    assert isinstance(held, PositionsReport)
    assert [(p.instrument_id, p.quantity, p.leverage) for p in held.positions] == [
        (LINEAR, Decimal("-0.5"), Decimal(5))
    ]
    assert isinstance(reduced, OrderReport)
    assert (type(refused), refused.code) == (RequestRefused, "110017")
    assert flat.positions == ()


@pytest.mark.parametrize("name", NAMES)
async def test_the_switch_cancels_when_the_stream_is_lost_and_only_then(name: InstrumentId) -> None:
    async with world(name) as w:
        set_ = await w.do(CancelAllAfter, instrument_id=name, after_ns=3_000_000_000)
        off = await w.do(CancelAllAfter, instrument_id=name, after_ns=0)
        await w.place("o1")
        exchange: Any = w.simulator.exchange
        exchange.on_second()
        exchange.hub.clients.clear()
        for client in list(exchange.hub.listeners("user:dcp.spot")) + list(
            exchange.hub.listeners("user:dcp.future")
        ):
            exchange.hub.leave(client)
        exchange.on_second()
        kept = exchange.venue.ledger().lines[0].order.open
        exchange._skew_ns += 4_000_000_000  # the venue's clock moves on
        exchange.on_second()
        gone = exchange.venue.ledger().lines[0].order.open

    assert isinstance(set_, RequestDone)
    assert isinstance(off, RequestRefused)
    assert (kept, gone) == (True, False)


@pytest.mark.parametrize("kind", [FaultKind.ACT_THEN_CUT, FaultKind.ACT_THEN_5XX])
async def test_an_answer_that_is_lost_leaves_the_order_to_be_asked_for(kind: FaultKind) -> None:
    async with world(LINEAR) as w:
        rule = Rule(kind=kind, times=1, requests=("POST /v5/order/create",))
        w.simulator.faults.play(FaultScript(rules=(rule,)))
        lost = await w.place("o1")
        asked = await w.about(QueryOrder, "o1")

    assert isinstance(lost, RequestFailed)
    assert lost.acted.value == "PERHAPS"
    assert isinstance(asked, OrderReport)


async def test_past_a_limit_nothing_was_done_and_the_wait_is_told() -> None:
    async with world(SPOT, SimulatorConfig(order_max=1)) as w:
        replies = [await w.place(f"o{n}") for n in range(2)]
        ledger = w.simulator.exchange.venue.ledger()

    assert [type(r) for r in replies] == [OrderReport, RequestFailed]
    assert (replies[1].acted.value, replies[1].retry_after_ns > 0) == ("NO", True)
    assert len(ledger.lines) == 1


@pytest.mark.parametrize("name", NAMES)
async def test_a_book_that_lost_a_frame_is_whole_again_once_it_is_asked_for(
    name: InstrumentId,
) -> None:
    async with running() as simulator:
        address = SocketConfig(f"ws://127.0.0.1:{simulator.port}", QUICK)
        adapter, rng = ADAPTERS[product_of(name)], np.random.default_rng(1)
        stream = MarketStream(adapter, address, {}, time.time_ns, rng)
        wanted = Subscription(name, Channel.BOOK)
        await stream.subscribe(wanted)
        sync, outcomes = BookSync(), []
        async with asyncio.timeout(5), aclosing(stream.batches()) as batches:
            async for events in batches:
                for batch in (e for e in events if isinstance(e, BookDeltaBatch)):
                    outcomes.append(sync.offer(batch).outcome)
                if outcomes == [Outcome.APPLIED]:
                    lose = Rule(kind=FaultKind.DROP_DEPTH, times=1)
                    simulator.faults.play(FaultScript(rules=(lose,)))
                    for bid in (60001.0, 60002.0):  # the first of them is lost
                        simulator.exchange.on_tape(book(name, bid))
                elif outcomes[-1:] == [Outcome.GAP]:
                    await stream.resubscribe(wanted)
                elif len(outcomes) > 2:
                    break
            stream.close()

    assert outcomes == [Outcome.APPLIED, Outcome.GAP, Outcome.APPLIED]


@pytest.mark.parametrize(
    ("kind", "least_s", "most_s"),
    [(FaultKind.THROTTLE, 0, 1), (FaultKind.BAN, 590, 600)],
    ids=["limit", "ban"],
)
async def test_a_used_up_limit_is_waited_for_and_a_ban_for_ten_minutes(
    kind: FaultKind, least_s: int, most_s: int
) -> None:
    async with world(SPOT) as w:
        w.simulator.faults.play(FaultScript(rules=(Rule(kind=kind, times=1),)))

        reply = await w.gateway.execute(QueryAccount(ts_event=1, ts_init=1))

    assert isinstance(reply, RequestFailed)
    assert least_s < reply.retry_after_ns / NS_PER_S <= most_s
