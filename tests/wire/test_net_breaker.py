"""A gateway with breakers: a venue that fails is left alone for a while, but not by cancels."""

import asyncio

from simulated_binance import cancel, running, submit

from messages.base import NS_PER_MS
from messages.venue import Acted, OrderReport, RequestFailed
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
