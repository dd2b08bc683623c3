"""Our own client on the simulator of Coinbase: commands, streams, what goes wrong on the way."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from decimal import Decimal
from typing import Any

import numpy as np
from simulated_coinbase import BTC, KEYS, World, about, book, running, submit, trade
from websockets.asyncio.client import connect

from messages.base import Event
from messages.market import BarBatch, BookDeltaBatch, InstrumentStatus, QuoteBatch, TradeBatch
from messages.orders import CancelOrder, ModifyOrder, OrderSide, OrderType, QueryOrder, TimeInForce
from messages.venue import (
    AccountReport,
    Acted,
    CancelAllOrders,
    FeesReport,
    FillsReport,
    OpenOrdersReport,
    OrderNotFound,
    OrderReport,
    QueryAccount,
    QueryFees,
    QueryFills,
    QueryOpenOrders,
    RequestDone,
    RequestFailed,
    RequestRefused,
    StreamUp,
    VenueStatus,
)
from trading.book import Book
from trading.book_sync import BookSync
from venues.coinbase.adapter import CoinbaseAdapter
from venues.coinbase.simulator_config import LimitConfig, SimulatorConfig
from venues.net.market import MarketStream
from venues.net.user import UserStream
from venues.serving.faults import FaultKind, Rule
from venues.wire.adapter import Channel, Subscription


async def placed(w: World, name: str, *arguments: Any, **more: Any) -> OrderReport:
    report = await w.gateway.execute(submit(name, *arguments, **more))
    assert isinstance(report, OrderReport), report
    return report


async def order(w: World, name: str) -> OrderReport:
    report = await w.gateway.execute(QueryOrder(**about(name)))
    assert isinstance(report, OrderReport), report
    return report


async def test_orders_of_every_kind_are_taken_as_they_were_meant() -> None:
    async with running() as w:
        await placed(w, "limit")
        await placed(w, "post", post_only=True)
        await placed(w, "ioc", "60010", "0.5", time_in_force=TimeInForce.IOC)
        await placed(w, "fok", "59000", time_in_force=TimeInForce.FOK)
        await placed(w, "market", None, side=OrderSide.SELL)
        await placed(
            w, "stop", "61000", order_type=OrderType.STOP_LIMIT, trigger_price=Decimal(60500)
        )
        take = {"order_type": OrderType.LIMIT_IF_TOUCHED, "trigger_price": Decimal(61000)}
        await placed(w, "take", "60900", side=OrderSide.SELL, **take)
        found = {n: await order(w, n) for n in ("limit", "post", "ioc", "fok", "market", "take")}
        listed = await w.gateway.execute(QueryOpenOrders(ts_event=1, ts_init=1, instrument_id=BTC))
        refused = await w.gateway.execute(submit("taking", "60010", post_only=True))

    assert {name: (r.status, r.order_type) for name, r in found.items()} == {
        "limit": (VenueStatus.NEW, OrderType.LIMIT),
        "post": (VenueStatus.NEW, OrderType.LIMIT),
        "ioc": (VenueStatus.FILLED, OrderType.LIMIT),
        "fok": (VenueStatus.CANCELED, OrderType.LIMIT),
        "market": (VenueStatus.FILLED, OrderType.MARKET),
        "take": (VenueStatus.NEW, OrderType.LIMIT_IF_TOUCHED),
    }
    assert isinstance(listed, OpenOrdersReport)
    assert {r.client_order_id for r in listed.orders} == {"limit", "post", "stop", "take"}
    assert isinstance(refused, RequestRefused)
    assert refused.code == "INVALID_LIMIT_PRICE_POST_ONLY"


async def test_an_order_is_changed_canceled_and_looked_for() -> None:
    async with running() as w:
        await placed(w, "a")
        changed = await w.gateway.execute(
            ModifyOrder(**about("a"), quantity=Decimal("0.005"), price=Decimal(51000))
        )
        canceled = await w.gateway.execute(CancelOrder(**about("a")))
        again = await w.gateway.execute(CancelOrder(**about("a")))
        w.access.adapter = CoinbaseAdapter()  # another process, which never heard of it
        searched = await order(w, "a")
        missing = await w.gateway.execute(QueryOrder(**about("nobody")))

    assert isinstance(changed, OrderReport)
    assert (changed.quantity, changed.price) == (Decimal("0.005"), Decimal(51000))
    assert isinstance(canceled, OrderReport)
    assert canceled.status is VenueStatus.CANCELED
    assert isinstance(again, RequestRefused)
    assert again.code == "UNKNOWN_CANCEL_ORDER"
    assert searched.status is VenueStatus.CANCELED
    assert isinstance(missing, OrderNotFound)


async def test_an_id_that_is_used_again_is_the_first_order() -> None:
    async with running() as w:
        first = await placed(w, "a")
        second = await placed(w, "a", "40000")
        ledger = w.simulator.exchange.ledger()

    assert first.venue_order_id == second.venue_order_id
    assert len(ledger["orders"]) == 1
    assert ledger["orders"][0]["venue_order_id"] == first.venue_order_id


async def test_all_orders_are_canceled() -> None:
    async with running() as w:
        for n in range(3):
            await placed(w, f"o{n}")
        done = await w.gateway.execute(CancelAllOrders(ts_event=1, ts_init=1, instrument_id=BTC))
        listed = await w.gateway.execute(QueryOpenOrders(ts_event=1, ts_init=1, instrument_id=BTC))

    assert isinstance(done, RequestDone)
    assert isinstance(listed, OpenOrdersReport)
    assert listed.orders == ()


async def test_fills_balances_and_fees_are_those_of_the_ledger() -> None:
    async with running() as w:
        for n in range(3):
            await placed(w, f"o{n}", None, side=OrderSide.SELL)
        at = {"ts_event": 1, "ts_init": 1}
        fills = await w.gateway.execute(QueryFills(**at, instrument_id=BTC))
        account = await w.gateway.execute(QueryAccount(**at))
        fees = await w.gateway.execute(QueryFees(**at, instrument_id=BTC))
        ledger = w.simulator.exchange.ledger()

    assert isinstance(fills, FillsReport)
    assert [f.trade_id for f in fills.fills] == [f["trade_id"] for f in ledger["fills"]]
    assert {f.commission for f in fills.fills} == {Decimal("7.2")}  # 0.01 x 60000 x 1.2 %
    assert isinstance(account, AccountReport)
    found = {b.currency: b.total for b in account.balances}
    assert found["USD"] == Decimal(ledger["balances"]["USD"]["total"]) == Decimal("1001778.4")
    assert ledger["conserved"]
    assert isinstance(fees, FeesReport)
    assert fees.taker == Decimal("0.012")


async def test_an_answer_that_was_lost_may_have_acted_and_its_order_is_found() -> None:
    async with running() as w:
        w.faults(Rule(kind=FaultKind.ACT_THEN_5XX, times=1))
        lost = await w.gateway.execute(submit("a"))
        w.faults(Rule(kind=FaultKind.THROTTLE, times=1))
        throttled = await w.gateway.execute(submit("b"))
        await asyncio.sleep(1.05)  # the budget obeys
        found = await order(w, "a")

    assert isinstance(lost, RequestFailed)
    assert lost.acted is Acted.PERHAPS
    assert isinstance(throttled, RequestFailed)
    assert (throttled.acted, throttled.retry_after_ns) == (Acted.NO, 10**9)
    assert found.status is VenueStatus.NEW


async def test_more_requests_than_the_limit_are_throttled_not_banned() -> None:
    limits = LimitConfig(private_max=3)
    async with running(SimulatorConfig(limits=limits)) as w:
        answers = [await w.gateway.execute(submit(f"o{n}")) for n in range(6)]

    kinds = [type(a) for a in answers]
    assert kinds[:3] == [OrderReport] * 3
    assert set(kinds[3:]) == {RequestFailed}


# --- streams ------------------------------------------------------------------------------------


@asynccontextmanager
async def collected(stream: Any) -> AsyncIterator[list[Event]]:
    """What a stream says, as it comes."""
    found: list[Event] = []

    async def collect() -> None:
        async with aclosing(stream.batches()) as batches:
            async for events in batches:
                found.extend(events)

    task = asyncio.create_task(collect())
    try:
        yield found
    finally:
        stream.close()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


def market_stream(w: World) -> MarketStream:
    return MarketStream(w.access.adapter, w.socket, {}, w.access.now_ns, np.random.default_rng(1))


async def test_market_data_arrives_as_it_is() -> None:
    async with running() as w:
        stream = market_stream(w)
        channels = (Channel.BOOK, Channel.TRADES, Channel.QUOTES, Channel.STATUS)
        await stream.subscribe(*(Subscription(BTC, channel) for channel in channels))
        async with collected(stream) as found:
            await until(lambda: w.simulator.exchange.hub.wanted("status"))
            w.simulator.exchange.on_tape(trade(60010.0, 0.25, 1, 5))
            w.simulator.exchange.on_tape(book(bid=60001.0))
            await until(lambda: sum(isinstance(e, BookDeltaBatch) for e in found) >= 2)
            await until(lambda: any(isinstance(e, TradeBatch) for e in found))
            await until(lambda: any(isinstance(e, InstrumentStatus) for e in found))

    trades = [e for e in found if isinstance(e, TradeBatch)]
    assert trades[0].rows[["price", "size", "aggressor", "trade_id"]].tolist() == [
        (60010.0, 0.25, 1, 5)
    ]
    first, second = [e for e in found if isinstance(e, BookDeltaBatch)][:2]
    assert first.snapshot
    assert second.prev_seq == first.last_seq
    assert not stream.refusals
    assert not any(isinstance(e, QuoteBatch | BarBatch) for e in found)


async def test_a_book_that_lost_a_frame_heals_with_a_new_subscription() -> None:
    async with running() as w:
        stream, sync, mine = market_stream(w), BookSync(), Book()
        wanted = Subscription(BTC, Channel.BOOK)
        await stream.subscribe(wanted)
        async with collected(stream) as found:
            await until(lambda: any(isinstance(e, BookDeltaBatch) for e in found))
            w.faults(Rule(kind=FaultKind.DROP_DEPTH, times=1))
            w.simulator.exchange.on_tape(book(bid=60002.0))
            w.simulator.exchange.on_tape(book(bid=60003.0))
            await until(lambda: sum(isinstance(e, BookDeltaBatch) for e in found) >= 2)
            asked = [_offered(sync, mine, e) for e in found]
            done = len(found)
            await stream.resubscribe(wanted)
            await until(lambda: any(getattr(e, "snapshot", False) for e in found[done:]))
            w.simulator.exchange.on_tape(book(bid=60004.0))
            await until(lambda: _last_bid(found) == 60004.0)
            for event in found[done:]:
                _offered(sync, mine, event)

    assert "gap" in asked
    assert mine.bids.best == 60004.0
    assert sync.state == "SYNCHRONIZED"


def _offered(sync: BookSync, mine: Book, event: Event) -> str | None:
    if not isinstance(event, BookDeltaBatch):
        return None
    synced = sync.offer(event)
    for batch in synced.ready:
        mine.apply(batch.rows, batch.snapshot)
    return synced.request


def _last_bid(found: list[Event]) -> float:
    rows = [e.rows for e in found if isinstance(e, BookDeltaBatch)]
    added = [r for r in rows[-1].tolist() if r[2] > 0 and r[4] > 0]
    return float(added[-1][3]) if added else 0.0


async def test_the_private_stream_tells_states_and_comes_back_after_a_cut() -> None:
    async with running() as w:
        await placed(w, "before")
        stream = UserStream(w.access, w.socket, np.random.default_rng(1))
        async with collected(stream) as found:
            await until(lambda: any(isinstance(e, StreamUp) for e in found))
            await placed(w, "during", None, side=OrderSide.SELL)
            await until(lambda: _status(found, "during") is VenueStatus.FILLED)
            w.simulator.exchange.hub.cut("user")
            await until(lambda: sum(isinstance(e, StreamUp) for e in found) == 2)
            await w.gateway.execute(CancelOrder(**about("before")))
            await until(lambda: _status(found, "before") is VenueStatus.CANCELED)

    reports = [e for e in found if isinstance(e, OrderReport)]
    assert {r.source for r in reports} == {"STATES"}
    last = reports[-1]
    assert (last.quantity, last.price) == (Decimal("0.01"), Decimal(50000))


def _status(found: list[Event], name: str) -> VenueStatus | None:
    told = [e for e in found if isinstance(e, OrderReport) and e.client_order_id == name]
    return told[-1].status if told else None


async def test_a_private_stream_with_another_key_is_refused() -> None:
    async with running() as w:
        w.access.keys = type(KEYS)("organizations/another", KEYS.secret)
        stream = UserStream(w.access, w.socket, np.random.default_rng(1))
        async with collected(stream) as found:
            await until(lambda: "authentication failure" in stream.socket.problem)

    assert not any(isinstance(e, StreamUp) for e in found)


async def test_a_connection_that_subscribes_to_nothing_is_closed() -> None:
    world = running(SimulatorConfig(subscribe_s=0.05))
    async with world as w, connect(w.url.replace("http", "ws")) as ws:
        await asyncio.wait_for(ws.wait_closed(), 5)

    assert ws.close_code is not None
