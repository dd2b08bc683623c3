"""The governor as an actor, over real lines: who asks it never has to wait for it twice."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from tiny_actors import config

from actors.governor import Loan, RateGovernor, Talk
from actors.leasing import Leasing
from actors.peer import Peer
from messages.base import NS_PER_S
from messages.market import Product
from trading.samples import BTCUSDT
from venues.net.governor import Wish
from venues.net.leases import HOP_NS
from venues.registry import adapter
from venues.wire.limits import Cost, Lane

RULES = adapter("BYBIT", Product.SPOT).limits
RESERVE = {(Lane.CANCEL, "address"): 2, (Lane.SUBMIT, "address"): 2}
CANCEL = Cost(Lane.CANCEL, (("address", 1),))


@asynccontextmanager
async def governed(folder: Path, holders: int) -> AsyncIterator[tuple[RateGovernor, list[Leasing]]]:
    """A governor that listens, and some who hold leases of it."""
    run = f"governor-{folder.name}"
    governor = RateGovernor(
        config(run, str(folder), (BTCUSDT,), account="BYBIT/main"), "governor", 1
    )
    await governor.open()
    held = [
        Leasing(
            RULES,
            RESERVE,
            Product.SPOT,
            Peer(run, "governor"),
            Peer(run, "governor"),
            time.time_ns,
        )
        for _ in range(holders)
    ]
    tasks = [asyncio.create_task(one.keep()) for one in held]
    try:
        yield governor, held
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        governor.close()


async def taken(budget: Leasing, cost: Cost) -> float:
    """Seconds until the budget lets `cost` pass."""
    begun = time.perf_counter()
    async with asyncio.timeout(5):
        while budget.take(cost, time.time_ns()):
            await asyncio.sleep(0.002)
    return time.perf_counter() - begun


async def test_a_cancel_of_a_quiet_time_asks_nobody(tmp_path: Path) -> None:
    async with governed(tmp_path, 2) as (governor, (one, other)):
        await taken(one, CANCEL)
        await taken(other, CANCEL)
        talks = (await governor.look())["handled"]

        waits = [one.take(CANCEL, time.time_ns()), other.take(CANCEL, time.time_ns())]

        assert waits == [0, 0]
        assert (await governor.look())["handled"] == talks


async def test_a_request_that_finds_nothing_in_stock_waits_one_short_hop(tmp_path: Path) -> None:
    async with governed(tmp_path, 1) as (_, (one,)):
        await taken(one, CANCEL)
        waits = []
        for _ in range(5):
            await asyncio.sleep(0.03)  # the last talk is a while ago
            waits.append(await taken(one, Cost(Lane.QUERY, (("address", 1),))))

    assert min(waits) < 0.009


async def test_a_spent_limit_is_told_at_once_with_the_time_until_it_is_free(tmp_path: Path) -> None:
    async with governed(tmp_path, 2) as (governor, (one, other)):
        for budget in (one, other):
            await taken(budget, CANCEL)
        await taken(one, Cost(Lane.SUBMIT, (("address", 530),)))

        begun, cost = time.perf_counter(), Cost(Lane.SUBMIT, (("address", 60),))
        async with asyncio.timeout(5):
            while (wait_ns := other.take(cost, time.time_ns())) <= HOP_NS:
                await asyncio.sleep(0.002)
        took_s = time.perf_counter() - begun
        talks = (await governor.look())["handled"]
        for _ in range(50):
            other.take(cost, time.time_ns())
            await asyncio.sleep(0.005)
        more = (await governor.look())["handled"] - talks

    assert more <= 12  # nobody asks again and again for what there is none of
    assert 2 * NS_PER_S < wait_ns < 7 * NS_PER_S  # five seconds, and what a lease may last
    assert took_s < 0.2


async def test_orders_in_a_row_find_their_units_in_stock_across_the_ends_of_leases(
    tmp_path: Path,
) -> None:
    async with governed(tmp_path, 1) as (_, (one,)):
        await taken(one, CANCEL)
        waits = []
        for _ in range(60):  # three seconds; a lease of a rolling limit lasts one
            await asyncio.sleep(0.05)
            waits.append(await taken(one, CANCEL))

    assert sum(wait > 0.001 for wait in waits) <= 3  # they were 20 when nobody asked ahead


async def test_what_the_venue_told_one_holder_stops_the_others_at_once(tmp_path: Path) -> None:
    async with governed(tmp_path, 3) as (_, (one, *others)):
        for budget in (one, *others):
            await taken(budget, CANCEL)

        one.block(30 * NS_PER_S, time.time_ns())
        begun = time.perf_counter()
        async with asyncio.timeout(5):
            while any(b.take(CANCEL, time.time_ns()) < NS_PER_S for b in others):
                await asyncio.sleep(0.002)
        took_s = time.perf_counter() - begun

        assert took_s < 0.2  # not the quarter of a second after which they would have asked


async def test_a_governor_that_starts_anew_is_found_again(tmp_path: Path) -> None:
    async with governed(tmp_path, 1) as (governor, (one,)):
        await taken(one, CANCEL)
        governor.close()
        again = RateGovernor(
            config(f"governor-{tmp_path.name}", str(tmp_path), (BTCUSDT,), account="BYBIT/main"),
            "governor",
            2,
        )
        await again.open()
        try:
            for _ in range(5):  # more than was in stock
                await taken(one, Cost(Lane.SUBMIT, (("address", 2),)))
            talked = (await again.look())["handled"]
        finally:
            again.close()

        assert talked > 0


@pytest.mark.parametrize("memory", ["kept", "lost", "garbled"])
async def test_a_governor_lends_nothing_that_its_predecessor_has_lent(
    tmp_path: Path, memory: str
) -> None:
    run = config("r", str(tmp_path), (BTCUSDT,), account="BYBIT/main")
    first, second = (made(run, n) for n in (1, 2))
    await asked(first, Wish(Lane.SUBMIT, "address", 540))
    written = tmp_path / "lock.rates"
    if memory == "lost":
        written.unlink()
    elif memory == "garbled":
        written.write_bytes(b"\xc1")
    second.prepare()

    assert await asked(second, Wish(Lane.SUBMIT, "address", 1)) == 0
    assert await asked(second, Wish(Lane.CANCEL, "address", 1)) == 1


async def test_the_first_governor_of_an_account_lends_at_once(tmp_path: Path) -> None:
    run = config("r", str(tmp_path), (BTCUSDT,), account="BYBIT/main")

    assert await asked(made(run, 1), Wish(Lane.SUBMIT, "address", 540)) == 540


@pytest.mark.parametrize("ahead_s", [0, 86_400])
async def test_a_ban_outlasts_a_restart_with_a_clock_that_is_far_ahead(
    tmp_path: Path, ahead_s: int
) -> None:
    run = config("r", str(tmp_path), (BTCUSDT,), account="BYBIT/main")
    first, second = (made(run, n) for n in (1, 2))
    now_ns = time.time_ns()
    await told(first, now_ns, {"": now_ns + 600 * NS_PER_S})
    second.prepare()
    later_ns = now_ns + ahead_s * NS_PER_S

    for governor in (second, first):  # the same for a holder that starts anew
        loan = await told(governor, later_ns)
        again = await told(governor, later_ns + NS_PER_S)

        assert loan.leases == ()
        assert 595 * NS_PER_S < loan.silence[""] - later_ns <= 601 * NS_PER_S
        assert again.epoch == loan.epoch


async def test_a_ban_of_another_start_of_the_machine_is_over_by_its_time(tmp_path: Path) -> None:
    run = config("r", str(tmp_path), (BTCUSDT,), account="BYBIT/main")
    first, second = (made(run, n) for n in (1, 2))
    now_ns = time.time_ns()
    await told(first, now_ns, {"": now_ns + 600 * NS_PER_S})
    written = tmp_path / "lock.rates"
    found = msgspec.msgpack.decode(written.read_bytes())
    for memory in found.values():
        memory["boot"] = "another"
    written.write_bytes(msgspec.msgpack.encode(found))
    second.prepare()

    assert (await told(second, now_ns + 300 * NS_PER_S)).leases == ()
    assert (await told(second, now_ns + 601 * NS_PER_S)).leases != ()


async def told(governor: RateGovernor, now_ns: int, silence: dict[str, int] | None = None) -> Loan:
    wish = Wish(Lane.QUERY, "address", 1)
    said = Talk(str(Product.SPOT), now_ns, (wish,), (), (), silence or {}, {})
    return msgspec.msgpack.decode(await governor.talk(msgspec.msgpack.encode(said)), type=Loan)


def made(run: str, incarnation: int) -> RateGovernor:
    """One that knows the limits and does not listen."""
    governor = RateGovernor(run, "governor", incarnation)
    governor.prepare()
    return governor


async def asked(governor: RateGovernor, wish: Wish) -> int:
    said = Talk(str(Product.SPOT), time.time_ns(), (wish,), (), (), {}, {})
    raw = await governor.talk(msgspec.msgpack.encode(said))
    return sum(lease.units for lease in msgspec.msgpack.decode(raw, type=Loan).leases)
