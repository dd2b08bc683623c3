"""A gateway with breakers: a venue that fails is left alone for a while, but not by cancels."""

import asyncio

from simulated_binance import cancel, query, running, submit

from messages.base import NS_PER_MS
from messages.venue import Acted, OrderNotFound, OrderReport, RequestFailed
from trading.breaker import BreakerConfig, Breakers, BreakerState, Endpoint
from venues.net.gateway import Gateway
from venues.serving.faults import FaultKind, Rule

QUICK = BreakerConfig(pause_ns=50 * NS_PER_MS, pause_most_ns=50 * NS_PER_MS)


async def test_a_failing_venue_is_asked_three_times_probed_and_used_again() -> None:
    async with running() as w:
        gateway = Gateway(w.access, breakers=Breakers(QUICK))
        assert isinstance(await gateway.execute(submit("o0")), OrderReport)
        w.faults(Rule(kind=FaultKind.FAIL_5XX, requests=("POST /api/v3/order",)))
        replies = [await gateway.execute(submit(f"o{n}")) for n in range(1, 6)]
        ended = await gateway.execute(cancel("o0"))
        w.faults()
        await asyncio.sleep(0.06)
        probes = [await gateway.execute(submit(f"o{n}")) for n in range(6, 9)]
        received = len(w.simulator.exchange.requests)

    failed = [r for r in replies if isinstance(r, RequestFailed)]
    assert [r.acted for r in failed] == [Acted.PERHAPS] * 3 + [Acted.NO] * 2
    assert all(r.retry_after_ns > 0 for r in failed[3:])
    assert isinstance(ended, OrderReport)
    assert [type(p) for p in probes] == [OrderReport] * 3
    assert received == 1 + 3 + 3
    assert gateway.breakers is not None
    assert gateway.breakers.of("BINANCE", Endpoint.ORDERS).state is BreakerState.CLOSED


async def test_questions_wait_for_the_probe_and_then_are_all_asked() -> None:
    async with running() as w:
        gateway = Gateway(w.access, breakers=Breakers(QUICK))
        assert isinstance(await gateway.execute(submit("o0")), OrderReport)
        w.faults(Rule(kind=FaultKind.FAIL_5XX))
        failed = [await gateway.execute(query("o0")) for _ in range(3)]
        w.faults()
        replies = await asyncio.gather(*(gateway.execute(query(f"o{n}")) for n in range(5)))

    assert {type(reply) for reply in failed} == {RequestFailed}
    assert [type(reply) for reply in replies] == [OrderReport] + [OrderNotFound] * 4


async def test_a_question_does_not_wait_long_for_a_breaker_and_an_order_not_at_all() -> None:
    long = BreakerConfig(pause_ns=20_000 * NS_PER_MS, pause_most_ns=20_000 * NS_PER_MS)
    async with running() as w:
        gateway = Gateway(w.access, breakers=Breakers(long))
        w.faults(Rule(kind=FaultKind.FAIL_5XX))
        for n in range(3):
            await gateway.execute(query(f"o{n}"))
            await gateway.execute(submit(f"o{n}"))
        received = len(w.simulator.exchange.requests)
        async with asyncio.timeout(5.0):
            asked = await gateway.execute(query("o9"))
            placed = await gateway.execute(submit("o9"))
        unsent = len(w.simulator.exchange.requests) == received

    assert unsent
    for reply in (asked, placed):
        assert isinstance(reply, RequestFailed)
        assert (reply.acted, reply.retry_after_ns > 0) == (Acted.NO, True)


async def test_an_order_is_not_kept_for_a_pause_that_a_question_would_wait_for() -> None:
    async with running() as w:
        gateway = Gateway(w.access, breakers=Breakers(QUICK))
        w.faults(Rule(kind=FaultKind.FAIL_5XX))
        for n in range(3):
            await gateway.execute(submit(f"o{n}"))
        w.faults()
        late = await gateway.execute(submit("o9"))

    assert isinstance(late, RequestFailed)
    assert late.acted is Acted.NO
