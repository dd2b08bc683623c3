"""Rules that a venue changes while we trade there: each product's client learns them."""

import asyncio
from decimal import Decimal

import pytest
from contract_world import ROWS, Row, running

from messages.base import NS_PER_MS
from messages.market import InstrumentChanged
from messages.orders import OrderSide
from messages.venue import OrderReport, RequestRefused
from trading.errors import VenueError
from trading.instruments import price_for, size_for
from venues.net.rules import changed_rules, follow_rules
from venues.serving.faults import FaultKind, FaultScript, Rule

COARSER = Rule(kind=FaultKind.FILTER_CHANGE)


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r.name)
async def test_a_filter_that_changes_is_learned_and_orders_are_rounded_by_it(row: Row) -> None:
    async with running(row) as w:
        await changed_rules(w.access)  # as the venue words them
        before = w.access.instruments[w.name]
        unchanged = await changed_rules(w.access)
        w.simulator.faults.play(FaultScript(rules=(COARSER,)))
        w.simulator.exchange.on_second()

        changed = await changed_rules(w.access)

        now = w.access.instruments[w.name]
        price, size = Decimal("50000") + before.price_increment, w.order().order.quantity * 11
        old = await w.gateway.execute(w.order(str(price), quantity=size + before.size_increment))
        rounded = {"price": price_for(now, OrderSide.BUY, price), "quantity": size_for(now, size)}
        new = await w.gateway.execute(w.order(**rounded))

    assert unchanged == ()
    assert now in changed
    assert now.price_increment == 10 * before.price_increment
    assert now.size_increment == 10 * before.size_increment
    assert (now.maker_fee, now.taker_fee) == (before.maker_fee, before.taker_fee)
    assert isinstance(old, RequestRefused)
    assert isinstance(new, OrderReport)


async def test_a_venue_that_gives_no_rules_is_asked_again_and_its_change_is_told() -> None:
    heard: list[InstrumentChanged] = []
    failed: list[VenueError] = []
    async with running(ROWS[0]) as w:
        await changed_rules(w.access)
        w.simulator.faults.play(
            FaultScript(rules=(COARSER, Rule(kind=FaultKind.FAIL_5XX, times=1)))
        )
        w.simulator.exchange.on_second()

        following = asyncio.create_task(
            follow_rules(w.access, 10 * NS_PER_MS, heard.append, failed.append)
        )
        await w.until(lambda: heard)
        following.cancel()

    assert len(failed) == 1
    assert w.name in [change.instrument.instrument_id for change in heard]
