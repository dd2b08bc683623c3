"""Real shells around cores of a few lines: what the shell promises, without what the trade does.

talker ("strategy-T") decides orders, judge ("risk") approves them, clerk ("orders") journals each
approval once. `Scribe`, the clerk's shell, keeps the same journal as the order manager.
"""

import asyncio
import os
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from actors.clock import Clock, DataClock
from actors.config import Accounts, RunConfig, StrategyConfig
from actors.orders import OrderManager
from actors.shell import Shell
from journal import Journal
from journal.replay import replay
from messages import Message, control
from messages import orders as m
from messages.base import ClientOrderId, InstrumentId, StrategyId
from messages.market import Instrument
from messages.risk import InstrumentLimits, KillSwitch, RiskLimits
from trading.core import Core, Step
from trading.machine import Machine, Row

INSTRUMENT = InstrumentId("BTCUSDT.BINANCE")
TALKER = StrategyId("T")


def config(
    run_id: str,
    folder: str,
    instruments: tuple[Instrument, ...] = (),
    limits: tuple[InstrumentLimits, ...] = (),
    account: str = "TEST/main",
) -> str:
    """The first constructor argument of every actor here."""
    one = RunConfig(
        run_id=run_id,
        folder=folder,
        account=account,
        account_lock=f"{folder}/lock",
        rest_url="http://127.0.0.1:1",
        ws_url="ws://127.0.0.1:1",
        instruments=instruments,
        limits=RiskLimits(instruments=limits),
        strategies=(StrategyConfig(strategy_id=TALKER, source="", instruments=(INSTRUMENT,)),),
        bar_intervals_ns=(),
        stale_book_ns=1,
        reconcile_ns=1,
        grace_ns=1,
    )
    return Accounts(accounts=(one,)).model_dump_json()


def decide(number: int, times: int = 1) -> control.TimerFired:
    """An operator's word to the talker: decide orders `number`, `number` + 1, ..."""
    return control.TimerFired(ts_event=number, ts_init=number, name=f"{number}+{times}")


def order(number: int) -> m.OrderSpec:
    return m.OrderSpec(
        client_order_id=ClientOrderId(f"o{number}"),
        strategy_id=TALKER,
        instrument_id=INSTRUMENT,
        side=m.OrderSide.BUY,
        order_type=m.OrderType.MARKET,
        quantity=Decimal(1),
    )


@dataclass(frozen=True)
class Heard:
    """What the talker was told, in order."""

    submitted: tuple[str, ...] = ()


class TalkerCore:
    """Decides as many orders as it is told to, and remembers which were submitted."""

    def start(self) -> Heard:
        return Heard()

    def resume(self, state: Heard, now_ns: int) -> Step[Heard]:
        return Step(state)

    def react(self, state: Heard, message: Message, now_ns: int) -> Step[Heard]:
        match message:
            case control.TimerFired():
                first, times = map(int, message.name.split("+"))
                return Step(state, tuple(intent(first + i, now_ns) for i in range(times)))
            case m.OrderSubmitted():
                return Step(Heard((*state.submitted, message.client_order_id)))
            case KillSwitch():
                raise ZeroDivisionError("a bug in the core")
        return Step(state)


def intent(number: int, now_ns: int) -> m.OrderIntent:
    return m.OrderIntent(ts_event=now_ns, ts_init=now_ns, order=order(number))


class JudgeCore:
    """Approves everything."""

    def start(self) -> None:
        return None

    def resume(self, state: None, now_ns: int) -> Step[None]:
        return Step(None)

    def react(self, state: None, message: Message, now_ns: int) -> Step[None]:
        if isinstance(message, m.OrderIntent):
            return Step(
                None, (m.ApprovedOrder(ts_event=now_ns, ts_init=now_ns, order=message.order),)
            )
        return Step(None)


class ClerkCore:
    """Submits each approved order once, whatever comes again."""

    def start(self) -> frozenset[str]:
        return frozenset()

    def resume(self, state: frozenset[str], now_ns: int) -> Step[frozenset[str]]:
        return Step(state)

    def react(self, state: frozenset[str], message: Message, now_ns: int) -> Step[frozenset[str]]:
        if isinstance(message, KillSwitch):
            raise ZeroDivisionError("a bug in the core")
        if not isinstance(message, m.ApprovedOrder):
            return Step(state)
        spec = message.order
        if spec.client_order_id in state:
            return Step(state)
        fact = m.OrderSubmitted(
            ts_event=now_ns,
            ts_init=now_ns,
            client_order_id=spec.client_order_id,
            strategy_id=spec.strategy_id,
            instrument_id=spec.instrument_id,
            order=spec,
        )
        return Step(state | {spec.client_order_id}, (fact,))


class Talker(Shell[Heard]):
    """Time comes from what it is told, so that its log is the same in every run."""

    def make_clock(self) -> Clock:
        return DataClock()

    async def open(self) -> Machine[Heard]:
        return Machine(self.name, TalkerCore(), self.config.directory, self.incarnation)

    def view(self, what: str) -> Any:
        machine = self.machine
        outbox = self._outboxes.get("risk")
        return {
            "pid": os.getpid(),
            "submitted": list(machine.state.submitted) if machine else [],
            "unacked": machine.links.unacked("risk") if machine else 0,
            "sent": outbox.sent if outbox is not None else 0,
            "batches": outbox.batches if outbox is not None else 0,
        }


class Judge(Shell[None]):
    """Soft: knows nothing after a restart."""

    async def open(self) -> Machine[None]:
        return Machine(self.name, JudgeCore(), self.config.directory, self.incarnation)

    def view(self, what: str) -> Any:
        return {"pid": os.getpid(), "handled": self.machine.handled if self.machine else 0}


class Scribe(Shell[Any]):
    """Durable: folds its journal at each start. `stall_s` is how much longer each sync takes."""

    _draft = OrderManager._draft
    stall_s = 0.0

    def core(self) -> Core[Any]:
        return ClerkCore()

    async def open(self) -> Machine[Any]:
        self._journal = await Journal.open(
            self.config.path("journal.sqlite"),
            owner=self.config.run_id,
            lease=self.config.account,
            incarnation=self.incarnation,
            now_ns=self.clock.now_ns(),
        )
        machine = Machine(self.name, self.core(), self.config.directory, self.incarnation)
        machine.recover(
            [
                Row(r.direction, r.peer, r.session, r.peer_seq, r.ts_ns, message, r.payload)
                async for r, message in replay(self._journal, direction=None)
            ]
        )
        return machine

    async def persist(self, rows: tuple[Row, ...]) -> None:
        await asyncio.sleep(self.stall_s)
        await self._journal.append([self._draft(row) for row in rows])  # type: ignore[misc]

    async def close(self) -> None:
        await self._journal.close()

    def view(self, what: str) -> Any:
        return {"pid": os.getpid(), "handled": self.machine.handled if self.machine else 0}


class SlowScribe(Scribe):
    """Its disk needs longer than a peer waits before it sends again."""

    stall_s = 0.5
