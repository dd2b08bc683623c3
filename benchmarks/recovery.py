"""How long an order manager takes to come back: `python benchmarks/recovery.py [inputs [every]]`.

Writes the journal of a busy life (each order: approval, acknowledgement, fill, end, and a timer; by
default 100,000 inputs), with a snapshot after `every` inputs (the actor's 2000; 0: none), and
recovers from it as the actor does. Prints the seconds of each part and the memory of the process.
"""

import asyncio
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from actors.recovery import recover
from journal import Draft, Journal
from messages import Message, venue
from messages import orders as m
from messages.base import NS_PER_MS, NS_PER_S, RunId, StrategyId, TradeId, VenueOrderId
from messages.control import TimerFired
from scenarios.simulate import SimulateSpec
from trading.account import Books, OrderManagerConfig
from trading.ids import client_order_id, owners
from trading.links import Ack, Frame
from trading.machine import Effects, Machine, Row
from trading.order_manager import TIMER, OrderManagerCore
from trading.wiring import Directory

START_NS = 1_700_000_000 * NS_PER_S
RUN, STRATEGY = RunId("bench"), StrategyId("A")
INSTRUMENTS = SimulateSpec().instruments
BTC = next(iter(INSTRUMENTS.values()))
PER_ORDER = 5  # inputs
LEASE: dict[str, Any] = {"owner": "bench", "lease": "BENCH/main", "now_ns": START_NS}


def machine(incarnation: int, every: int) -> Machine[Books]:
    """A fresh order manager."""
    config = OrderManagerConfig(INSTRUMENTS, owners(RUN, [STRATEGY]))
    directory = Directory({STRATEGY: frozenset(INSTRUMENTS)})
    return Machine("orders", OrderManagerCore(config), directory, incarnation, every)


def life(orders: int) -> Iterator[tuple[int, str, Message]]:
    """(time, peer, message) of one order after the other: bought, sold, bought ..."""
    for n in range(orders):
        now_ns = START_NS + n * 10 * NS_PER_MS
        at: dict[str, Any] = {"ts_event": now_ns, "ts_init": now_ns}
        spec = m.OrderSpec(
            client_order_id=client_order_id(RUN, STRATEGY, n),
            strategy_id=STRATEGY,
            instrument_id=BTC.instrument_id,
            side=m.OrderSide.BUY if n % 2 == 0 else m.OrderSide.SELL,
            order_type=m.OrderType.LIMIT,
            quantity=Decimal("0.01"),
            price=Decimal(60_000),
        )
        ids: dict[str, Any] = at | {
            "client_order_id": spec.client_order_id,
            "venue_order_id": VenueOrderId(str(n)),
            "instrument_id": BTC.instrument_id,
            "side": spec.side,
            "source": venue.Source.STREAM,
        }
        seen: dict[str, Any] = ids | {"order_type": spec.order_type, "quantity": spec.quantity}
        yield now_ns, "risk", m.ApprovedOrder(**at, order=spec)
        yield now_ns, "venue", _report(seen, venue.VenueStatus.NEW, Decimal(0))
        yield (
            now_ns,
            "venue",
            venue.FillReport(
                **ids,
                trade_id=TradeId(str(n + 1)),
                last_qty=spec.quantity,
                last_px=Decimal(60_000),
                commission=Decimal("0.06"),
                currency="USDT",
                liquidity_side=m.LiquiditySide.MAKER,
            ),
        )
        yield now_ns, "venue", _report(seen, venue.VenueStatus.FILLED, spec.quantity)
        yield now_ns, "self", TimerFired(**at, name=TIMER)


def _report(seen: dict[str, Any], status: venue.VenueStatus, filled: Decimal) -> venue.OrderReport:
    return venue.OrderReport(**seen, status=status, filled_qty=filled, price=Decimal(60_000))


def lived(inputs: int, every: int) -> Iterator[Effects]:
    """What a first process of the order manager journals; its peers acknowledge what they hear."""
    orders, seq = machine(1, every), 0
    yield _heard(orders, orders.resume(START_NS))
    for now_ns, peer, message in life(inputs // PER_ORDER):
        if peer == "risk":
            seq += 1
            frame = Frame("risk", "orders", 1, 1, seq, 1, message)
            yield _heard(orders, orders.packet(frame, now_ns))
        else:
            yield _heard(orders, orders.local(message, now_ns, peer))


def _heard(orders: Machine[Books], effects: Effects) -> Effects:
    for packet in effects.packets:
        if isinstance(packet, Frame):
            ack = Ack(packet.to, "orders", 1, packet.session, packet.seq)
            orders.packet(ack, packet.message.ts_init)
    return effects


def draft(row: Row) -> Draft:
    """As the actor writes it."""
    kind = str(getattr(row.message, "kind", ""))
    place = (row.peer, row.session, row.seq, row.message.correlation_id)
    return Draft(row.ts_ns, row.direction, "orders", 1, kind, row.wire, *place)  # type: ignore[arg-type]


async def write(path: Path, inputs: int, every: int) -> None:
    """A first life."""
    async with await Journal.open(path, incarnation=1, **LEASE) as journal:
        batch: list[Draft] = []
        for effects in lived(inputs, every):
            batch += map(draft, effects.rows)
            if len(batch) > 10_000:
                await journal.append(batch)
                batch = []
        await journal.append(batch)


async def come_back(path: Path, every: int) -> None:
    """The way back, timed."""
    begun = time.perf_counter()
    async with await Journal.open(path, incarnation=2, **LEASE) as journal:
        fresh = machine(2, every)
        snapshots, folded = await recover(journal, fresh)
    whole_s = time.perf_counter() - begun
    mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"snapshots {snapshots}  inputs folded {folded:,}")
    print(f"orders {len(fresh.state.orders):,}, {len(fresh.state.orders.recent):,} not shelved")
    print(f"journal {path.stat().st_size / 1e6:,.0f} MB  process {mib:,.0f} MiB")
    print(f"recovered in {whole_s:.2f} s")


def main() -> None:
    """Write in a process of its own, so that the memory printed is that of the recovery."""
    inputs = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    every = int(sys.argv[2]) if len(sys.argv) > 2 else 2000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "account.sqlite")
        writer = multiprocessing.Process(target=_write, args=(path, inputs, every))
        writer.start()
        writer.join()
        asyncio.run(come_back(path, every))


def _write(path: Path, inputs: int, every: int) -> None:
    asyncio.run(write(path, inputs, every))


if __name__ == "__main__":
    main()
