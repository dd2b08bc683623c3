"""One command, one piece of evidence: over a real socket, with a venue that may misbehave."""

import asyncio
import time
from decimal import Decimal

import pytest
from simulated_binance import (
    BTC,
    KEYS,
    access_to,
    budget_of,
    cancel,
    modify,
    once,
    query,
    running,
    submit,
    trade,
)

from messages.base import NS_PER_MS, NS_PER_S
from messages.orders import CancelOrder, ModifyOrder, OrderSide, OrderType, TimeInForce
from messages.venue import (
    AccountReport,
    Acted,
    FillsReport,
    OpenOrdersReport,
    OrderNotFound,
    OrderReport,
    QueryAccount,
    QueryFills,
    QueryOpenOrders,
    Request,
    RequestFailed,
    RequestRefused,
    Source,
    VenueStatus,
)
from venues.binance.simulator_config import LimitConfig, SimulatorConfig
from venues.net.access import RECV_WINDOW_MS
from venues.net.budget import Budget
from venues.net.gateway import Gateway
from venues.serving.faults import FaultKind, Rule
from venues.wire.asked import NOT_OFFERED
from venues.wire.limits import LimitRule

K = FaultKind
FILLS = QueryFills(ts_event=1, ts_init=1, instrument_id=BTC)
OPEN = QueryOpenOrders(ts_event=1, ts_init=1, instrument_id=BTC)
ACCOUNT = QueryAccount(ts_event=1, ts_init=1)


async def test_order_lives_and_ends_as_told() -> None:
    async with running() as w:
        placed = await w.gateway.execute(submit("o1", quantity="0.002"))
        reduced = await w.gateway.execute(modify("o1", "0.001"))
        working = await w.gateway.execute(OPEN)
        ended = await w.gateway.execute(cancel("o1"))
        known = await w.gateway.execute(query("o1"))

    assert isinstance(placed, OrderReport)
    assert (placed.source, placed.status) == (Source.ACK, VenueStatus.NEW)
    assert (placed.causation_id, placed.correlation_id) == ("submit_order:o1", "o1")
    assert isinstance(reduced, OrderReport)
    assert (reduced.quantity, reduced.client_order_id) == (Decimal("0.001"), "o1")
    assert isinstance(working, OpenOrdersReport)
    assert [o.client_order_id for o in working.orders] == ["o1"]
    assert isinstance(ended, OrderReport)
    assert (ended.status, ended.client_order_id) == (VenueStatus.CANCELED, "o1")
    assert isinstance(known, OrderReport)
    assert (known.status, known.source) == (VenueStatus.CANCELED, Source.QUERY)


@pytest.mark.parametrize(
    "command",
    [
        submit("m", price=None),
        submit("p", price="59000", post_only=True),
        submit("i", price="60020", time_in_force=TimeInForce.IOC),
        submit("f", price="60020", time_in_force=TimeInForce.FOK),
        submit("s", price=None, order_type=OrderType.STOP_MARKET, trigger_price=Decimal(61000)),
        submit("l", price="61010", order_type=OrderType.STOP_LIMIT, trigger_price=Decimal(61000)),
    ],
    ids=lambda c: f"{c.order.order_type}-{c.order.time_in_force}-{c.order.post_only}",
)
async def test_every_order_type_reaches_the_venue_unchanged(command: object) -> None:
    async with running() as w:
        reply = await w.gateway.execute(command)  # type: ignore[arg-type]
        line = w.simulator.exchange.venue.ledger().lines[-1]

    assert isinstance(reply, OrderReport)
    assert line.spec.model_copy(update={"strategy_id": "S"}) == command.order  # type: ignore[attr-defined]


async def test_fills_and_balances_are_exact() -> None:
    async with running() as w:
        await w.gateway.execute(submit("a", price=None, quantity="0.123"))
        fills = await w.gateway.execute(FILLS)
        account = await w.gateway.execute(ACCOUNT)
        ledger = w.simulator.exchange.venue.ledger()

    assert isinstance(fills, FillsReport)
    assert [f.trade_id for f in fills.fills] == [f.trade_id for f in ledger.fills]
    assert fills.fills[0].last_px * fills.fills[0].last_qty == Decimal("60010") * Decimal("0.123")
    assert fills.fills[0].commission == ledger.fills[0].commission
    assert isinstance(account, AccountReport)
    assert {b.currency: b.total for b in account.balances} == ledger.balances()


async def test_fills_come_from_every_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("venues.binance.codec_requests.ROWS_MAX", 2)
    async with running() as w:
        for n in range(5):
            await w.gateway.execute(submit(f"o{n}", price=None))
        everything = await w.gateway.execute(FILLS)
        rest = await w.gateway.execute(FILLS.model_copy(update={"since_trade_id": 4}))

    assert isinstance(everything, FillsReport)
    assert isinstance(rest, FillsReport)
    assert [f.trade_id for f in everything.fills] == ["1", "2", "3", "4", "5"]
    assert everything.complete
    assert [f.trade_id for f in rest.fills] == ["4", "5"]


async def test_a_long_list_is_read_to_its_end_however_small_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("venues.binance.codec_requests.ROWS_MAX", 2)
    two_pages = LimitRule("weight", 45, 300 * NS_PER_MS, rolling=True)
    async with running() as w:
        for n in range(5):
            await w.gateway.execute(submit(f"o{n}", price=None))
        w.access.budget = Budget([two_pages, LimitRule("orders", 100, NS_PER_S)])
        everything = await w.gateway.execute(FILLS)

    assert isinstance(everything, FillsReport)
    assert [f.trade_id for f in everything.fills] == ["1", "2", "3", "4", "5"]


async def test_failing_page_makes_no_partial_report() -> None:
    async with running() as w:
        w.faults(once(K.FAIL_5XX, requests=("GET /api/v3/myTrades",)))
        reply = await w.gateway.execute(FILLS)

    assert isinstance(reply, RequestFailed)
    assert (reply.request, reply.acted) == (Request.QUERY_FILLS, Acted.NO)


async def test_refusals_carry_the_venues_code() -> None:
    async with running() as w:
        await w.gateway.execute(submit("o1"))
        poor = await w.gateway.execute(submit("o2", quantity="1000"))
        small = await w.gateway.execute(submit("o3", quantity="0.00001"))
        gone = await w.gateway.execute(cancel("nobody"))
        taker = await w.gateway.execute(submit("o4", price="60010", post_only=True))

    codes = [r.code for r in (poor, small, gone, taker) if isinstance(r, RequestRefused)]
    assert codes == ["-2010", "-1013", "-2011", "-2010"]


async def test_unknown_order_is_told_as_of_a_time_that_the_venue_had_surely_reached() -> None:
    before_ns = time.time_ns()
    async with running() as w:
        reply = await w.gateway.execute(query("nobody"))
        after_ns = time.time_ns()

    assert isinstance(reply, OrderNotFound)
    assert before_ns - 2_000 * NS_PER_MS < reply.ts_event < after_ns - 900 * NS_PER_MS


AMBIGUOUS = [
    (K.ACT_THEN_CUT, True),
    (K.ACT_THEN_5XX, True),
    (K.CUT, False),
    (K.FAIL_5XX, False),
]


@pytest.mark.parametrize(("kind", "acts"), AMBIGUOUS, ids=[k.value for k, _ in AMBIGUOUS])
async def test_ambiguous_answer_is_perhaps_and_is_not_sent_again(
    kind: FaultKind, acts: bool
) -> None:
    async with running() as w:
        await w.gateway.execute(ACCOUNT)  # a kept connection, as in a running system
        w.faults(once(kind, requests=("POST /api/v3/order",)))
        sent_ms = time.time_ns() // NS_PER_MS
        reply = await w.gateway.execute(submit("o1"))
        ledger = w.simulator.exchange.venue.ledger()
        requests = w.simulator.exchange.requests
        answer = await w.gateway.execute(query("o1"))

    assert isinstance(reply, RequestFailed)
    assert (reply.acted, reply.request) == (Acted.PERHAPS, Request.SUBMIT)
    assert reply.ts_expires // NS_PER_MS - sent_ms - RECV_WINDOW_MS in range(2000)
    assert [r["client_order_id"] for r in requests] == ["o1"]
    assert ledger.received(reply.client_order_id) == acts
    assert isinstance(answer, OrderReport if acts else OrderNotFound)


@pytest.mark.parametrize(
    ("command", "endpoint"),
    [
        (cancel("o1"), "DELETE /api/v3/order"),
        (modify("o1", "0.0005"), "PUT /api/v3/order/amend/keepPriority"),
    ],
    ids=["cancel", "modify"],
)
async def test_cancel_or_change_cut_off_on_a_kept_connection_is_perhaps_and_sent_once(
    command: CancelOrder | ModifyOrder, endpoint: str
) -> None:
    async with running() as w:
        await w.gateway.execute(submit("o1"))
        w.faults(once(K.ACT_THEN_CUT, requests=(endpoint,)))
        reply = await w.gateway.execute(command)
        ledger = w.simulator.exchange.venue.ledger()

    assert isinstance(reply, RequestFailed)
    assert reply.acted is Acted.PERHAPS
    assert ledger.cancel_requests + ledger.modify_requests == 1


async def test_answer_after_the_time_out_is_perhaps() -> None:
    async with running(timeout_s=0.5) as w:
        await w.gateway.execute(ACCOUNT)
        w.faults(once(K.DELAY, delay_ms=1500, requests=("POST /api/v3/order",)))
        reply = await w.gateway.execute(submit("o1"))

    assert isinstance(reply, RequestFailed)
    assert reply.acted is Acted.PERHAPS


async def test_server_killed_with_a_request_inside_is_perhaps_and_then_not_sent() -> None:
    async with running() as w:
        w.faults(once(K.STALL, delay_ms=60_000))
        pending = asyncio.create_task(w.gateway.execute(submit("o1")))
        async with asyncio.timeout(10):
            while not w.simulator.exchange.requests:
                await asyncio.sleep(0.005)
        await w.simulator.stop()
        first = await pending
        second = await w.gateway.execute(submit("o2"))

    assert isinstance(first, RequestFailed)
    assert first.acted is Acted.PERHAPS
    assert isinstance(second, RequestFailed)
    assert second.acted is Acted.NO


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://no-such-host.invalid"])
async def test_connection_that_cannot_be_made_is_not_sent(url: str) -> None:
    access = access_to(url, KEYS)
    await access.http.open()

    reply = await Gateway(access).execute(submit("o1"))
    await access.http.close()

    assert isinstance(reply, RequestFailed)
    assert reply.acted is Acted.NO


async def test_gateway_without_keys_sends_nothing() -> None:
    async with running() as w:
        access = access_to(w.url)
        await access.http.open()
        reply = await Gateway(access).execute(submit("o1"))
        await access.http.close()
        requests = w.simulator.exchange.requests

    assert isinstance(reply, RequestFailed)
    assert (reply.acted, requests) == (Acted.NO, [])


async def test_order_that_arrives_after_its_window_never_comes_to_be() -> None:
    async with running() as w:
        w.access.recv_window_ms = 100
        w.faults(once(K.STALL, delay_ms=250, requests=("POST /api/v3/order",)))
        reply = await w.gateway.execute(submit("o1"))
        lines = w.simulator.exchange.venue.ledger().lines

    assert isinstance(reply, RequestRefused)
    assert (reply.code, lines) == ("-1021", [])


async def test_unanswered_question_proves_that_nothing_was_done() -> None:
    async with running() as w:
        w.faults(once(K.FAIL_5XX))
        reply = await w.gateway.execute(query("o1"))

    assert isinstance(reply, RequestFailed)
    assert reply.acted is Acted.NO


@pytest.mark.parametrize("kind", [K.THROTTLE, K.BAN])
async def test_throttled_is_not_acted_and_keeps_us_quiet_afterwards(kind: FaultKind) -> None:
    async with running() as w:
        w.faults(once(kind))
        first = await w.gateway.execute(submit("o1"))
        second = await w.gateway.execute(cancel("o1"))
        ledger = w.simulator.exchange.venue.ledger()

    assert isinstance(first, RequestFailed)
    assert (first.acted, first.retry_after_ns > 0) == (Acted.NO, True)
    assert isinstance(second, RequestFailed)
    assert second.reason.startswith("held back")
    assert ledger.cancel_requests == 0


async def test_spent_budget_holds_submits_back_but_not_cancels() -> None:
    async with running(budget=budget_of(orders_10s=2)) as w:
        replies = [await w.gateway.execute(submit(f"o{n}")) for n in range(2)]
        ended = await w.gateway.execute(cancel("o0"))

    assert isinstance(replies[1], RequestFailed)
    assert replies[1].acted is Acted.NO
    assert isinstance(ended, OrderReport)


async def test_order_limit_of_the_venue_is_throttling() -> None:
    limits = LimitConfig(orders_10s_max=1)
    async with running(SimulatorConfig(limits=limits)) as w:
        replies = [await w.gateway.execute(submit(f"o{n}")) for n in range(2)]

    assert isinstance(replies[1], RequestFailed)
    assert (replies[1].acted, replies[1].retry_after_ns > 0) == (Acted.NO, True)


async def test_clock_that_is_wrong_is_found_out_and_nothing_more_is_signed_with_it() -> None:
    async with running(SimulatorConfig(clock_skew_ms=30_000)) as w:
        first = await w.gateway.execute(submit("o1"))
        second = await w.gateway.execute(submit("o2"))
        requests = w.simulator.exchange.requests

    assert isinstance(first, RequestRefused)
    assert first.code == "-1021"
    assert isinstance(second, RequestFailed)
    assert second.acted is Acted.NO
    assert "ms behind the venue" in second.reason
    assert [r["client_order_id"] for r in requests if r["client_order_id"] != "o1"] == []
    assert abs(w.access.clock.offset_ns - 30_000 * NS_PER_MS) < 1000 * NS_PER_MS


async def test_clock_that_is_a_little_wrong_is_corrected() -> None:
    async with running(SimulatorConfig(clock_skew_ms=200)) as w:
        await w.access.sync()
        reply = await w.gateway.execute(submit("o1"))

    assert isinstance(reply, OrderReport)
    assert abs(w.access.clock.offset_ns - 200 * NS_PER_MS) < 100 * NS_PER_MS


async def test_reduce_only_is_refused_because_spot_has_none() -> None:
    async with running() as w:
        reply = await w.gateway.execute(submit("o1", reduce_only=True))
        requests = w.simulator.exchange.requests

    assert isinstance(reply, RequestRefused)
    assert (reply.code, requests) == (NOT_OFFERED, [])


async def test_maker_fill_is_asked_for_by_order() -> None:
    async with running() as w:
        await w.gateway.execute(submit("o1", price="60005", quantity="1", side=OrderSide.BUY))
        w.simulator.exchange.on_tape(trade(60004.0, 1.0, aggressor=-1))
        fills = await w.gateway.execute(FILLS.model_copy(update={"venue_order_id": "1"}))

    assert isinstance(fills, FillsReport)
    assert [(f.last_px, f.liquidity_side) for f in fills.fills] == [(Decimal("60005"), "MAKER")]


async def test_every_answer_may_fail_and_the_gateway_never_raises() -> None:
    kinds = (K.CUT, K.FAIL_5XX, K.ACT_THEN_CUT, K.ACT_THEN_5XX, K.THROTTLE)
    async with running() as w:
        w.faults(*(Rule(kind=kind, probability=0.3) for kind in kinds))
        for n in range(20):
            for command in (submit(f"o{n}"), modify(f"o{n}", "0.0005"), cancel(f"o{n}"), FILLS):
                assert await w.gateway.execute(command) is not None
        requests = [r["client_order_id"] for r in w.simulator.exchange.requests]

    assert len(requests) == len(set(requests))
