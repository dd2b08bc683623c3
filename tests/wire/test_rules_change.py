"""A venue changes its filters under a running strategy: one order is refused, the next is right."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from contract_world import ROWS, Row, World, quote, running
from one_process import Actors, actors

from actors.orders import OrderManager
from actors.reconciler import Reconciler
from messages import orders as m
from messages.base import NS_PER_MS
from messages.market import Instrument, InstrumentChanged, RulesRequested
from messages.orders import OrderSide
from trading.strategy_python import Context, Strategy
from venues.net.rules import changed_rules
from venues.registry import venue_of

PRICE, PAUSE_NS = Decimal("50000.123456"), 400 * NS_PER_MS


class Buyer(Strategy):
    """Buys a little below the market, again and again, at a price between any two ticks."""

    timer_ns = PAUSE_NS

    def on_timer(self, ctx: Context) -> None:
        if ctx.instrument is not None:
            ctx.submit_limit(OrderSide.BUY, Decimal("0.012345"), PRICE)


class Watcher(Strategy):
    """Decides nothing."""

    timer_ns = PAUSE_NS


@asynccontextmanager
async def trading(
    row: Row, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[World, Actors]]:
    """A strategy that has an order in the book of a venue with the rules that it began with."""
    async with running(row) as w:
        assert w.access.keys is not None
        for name, value in w.access.keys.environment(venue_of(row.instrument_id)).items():
            monkeypatch.setenv(name, value)
        await changed_rules(w.access)
        quoting = asyncio.create_task(_quotes(w))
        async with actors(w, folder, Buyer) as run:
            await w.until(lambda: run.heard("strategy-S", m.OrderAccepted))
            yield w, run
        quoting.cancel()


async def _quotes(w: World) -> None:
    while True:
        w.tape(quote(w.name))
        await asyncio.sleep(0.05)


def coarser(w: World) -> None:
    w.coarse()
    w.simulator.exchange.on_second()


def placed(run: Actors, after: m.OrderRejected) -> list[m.OrderSpec]:
    """What was taken by the venue of what was decided after a refusal."""
    taken = {e.client_order_id for e in run.heard("strategy-S", m.OrderAccepted)}
    sent = run.heard("strategy-S", m.OrderSubmitted)
    return [e.order for e in sent if e.ts_event > after.ts_event and e.client_order_id in taken]


@pytest.mark.parametrize("row", [ROWS[0], ROWS[3], ROWS[4], ROWS[6]], ids=lambda r: r.name)
async def test_an_order_is_refused_once_and_the_next_has_the_new_tick_within_a_second(
    row: Row, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with trading(row, tmp_path, monkeypatch) as (w, run):
        before = w.access.instruments[w.name]
        coarser(w)
        await w.until(lambda: run.heard("strategy-S", m.OrderRejected))
        (refused,) = run.heard("strategy-S", m.OrderRejected)
        await w.until(lambda: placed(run, refused))
        rejected = run.heard("strategy-S", m.OrderRejected)
        denied = run.heard("strategy-S", m.RefusedOrder)
        asked = run.heard("feed", RulesRequested)
        connections = [_known(run, name, w) for name in ("orders", "reconciler")]

    order = placed(run, refused)[0]
    wait_s = _when(run, m.OrderAccepted, order.client_order_id) - _when(
        run, m.OrderRejected, refused.client_order_id
    )
    assert rejected == [refused]
    assert denied == []
    assert len(asked) == 1
    assert wait_s < 1.0
    assert order.price is not None
    assert order.price % (10 * before.price_increment) == 0
    assert order.quantity % (10 * before.size_increment) == 0
    assert [i.price_increment for i in connections] == [10 * before.price_increment] * 2


def _when(run: Actors, kind: type[m.OrderFact], order: str) -> float:
    return next(
        s
        for s, who, e in run.told
        if who == "strategy-S" and isinstance(e, kind) and e.client_order_id == order
    )


def _known(run: Actors, name: str, w: World) -> Instrument:
    """The rules that an actor's own connection counts by."""
    shell: Any = run.shells[name]
    assert isinstance(shell, OrderManager | Reconciler)
    found: Instrument = shell._venue.access.instruments[w.name]
    return found


async def test_order_manager_and_reconciler_that_restart_know_the_rules_of_before_their_death(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with trading(ROWS[3], tmp_path, monkeypatch) as (w, run):
        began = w.access.instruments[w.name]
        coarser(w)
        await w.until(lambda: run.heard("strategy-S", m.OrderRejected))
        await w.until(lambda: run.heard("reconciler", InstrumentChanged))
        await w.until(lambda: _known(run, "orders", w) != began)
        books = run.shells["orders"].machine
        assert books is not None
        known = books.state.rules
        for shell in reversed(run.shells.values()):
            await shell.end("over")
        run.shells.clear()
        await changed_rules(w.access)
        now = w.access.instruments[w.name]
        w.access.instruments[w.name] = began  # what the new incarnations are given

        async with actors(w, tmp_path, Watcher, incarnation=2) as again:
            first = _known(again, "orders", w)
            await w.until(lambda: _known(again, "reconciler", w) != began)
            recovered = again.shells["orders"].machine
            assert recovered is not None
            same = recovered.state.rules
            second = _known(again, "reconciler", w)

    assert (first, second) == (now, now)
    assert known == same
    assert known[w.name] == now
