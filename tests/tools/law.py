"""The runtime law's scenario: the same cores and the same inputs, in the Loop and in Ray shells.

Time is data: every input carries its time, and what follows from it happens at that time. One input
follows another only when all that the first caused has been handled, so each actor's order of
messages is a matter of cause and effect and not of chance. The venue is the script.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, Final

import numpy as np
import story
import tiny_actors as tiny

from actors.clock import Clock, DataClock
from actors.shell import Shell
from messages import Message, control, risk, venue
from messages import orders as m
from messages.arrays import QUOTE
from messages.base import NS_PER_MS, NS_PER_S, TradeId, VenueOrderId
from messages.market import QuoteBatch
from messages.risk import InstrumentLimits, RiskLimits, TradingState
from trading.core import Core
from trading.loop import Host, Loop, World
from trading.machine import Machine
from trading.order_manager import OrderManagerCore
from trading.reconciler import ReconcilerCore
from trading.reconciler_state import ReconcilerConfig
from trading.risk import RiskConfig, RiskCore
from trading.wiring import Directory

START_NS: Final = 1_700_000_000 * NS_PER_S
ACTORS: Final = ("orders", "reconciler", "risk", "strategy-T")
DIRECTORY: Final = Directory({tiny.TALKER: frozenset({tiny.INSTRUMENT})})
LIMITS: Final = (
    InstrumentLimits(
        instrument_id=tiny.INSTRUMENT,
        max_order_notional=Decimal(1000),
        max_position=Decimal(2),
    ),
)
Said = tuple[str, str, Message]  # actor, peer, message


def make(name: str, incarnation: int) -> Core[Any]:
    """The real core of an actor; the strategy is one that is told what to decide."""
    instruments = {story.BTC.instrument_id: story.BTC}
    match name:
        case "orders":
            return OrderManagerCore(story.CONFIG)
        case "risk":
            return RiskCore(RiskConfig(RiskLimits(instruments=LIMITS), instruments, incarnation))
        case "reconciler":
            return ReconcilerCore(ReconcilerConfig(instruments, incarnation=incarnation))
        case _:
            return tiny.TalkerCore()


# --- the script -----------------------------------------------------------------------------------


def script() -> Iterator[Said]:
    """Orders that are filled, refused, rejected, lost and canceled; an operator who halts."""
    t = START_NS
    for make_message in _SCRIPT:
        t += NS_PER_MS
        yield make_message(t)


def _quote(ts_ns: int) -> Said:
    rows = np.array([(ts_ns, ts_ns, 99.0, 5.0, 101.0, 5.0)], dtype=QUOTE)
    quote = QuoteBatch(ts_event=ts_ns, ts_init=ts_ns, instrument_id=tiny.INSTRUMENT, rows=rows)
    return "risk", "operator", quote


def _decide(number: int) -> Callable[[int], Said]:
    return lambda t: (
        "strategy-T",
        "operator",
        control.TimerFired(ts_event=t, ts_init=t, name=f"{number}+1"),
    )


def _report(number: int, status: venue.VenueStatus, filled: int = 0) -> Callable[[int], Said]:
    spec = tiny.order(number)
    return lambda t: (
        "orders",
        "venue",
        venue.OrderReport(
            ts_event=t,
            ts_init=t,
            client_order_id=spec.client_order_id,
            venue_order_id=VenueOrderId(f"v{number}"),
            instrument_id=spec.instrument_id,
            side=spec.side,
            order_type=spec.order_type,
            status=status,
            quantity=spec.quantity,
            filled_qty=Decimal(filled),
            source=venue.Source.STREAM,
        ),
    )


def _fill(number: int, trade: int) -> Callable[[int], Said]:
    spec = tiny.order(number)
    return lambda t: (
        "orders",
        "venue",
        venue.FillReport(
            ts_event=t,
            ts_init=t,
            client_order_id=spec.client_order_id,
            venue_order_id=VenueOrderId(f"v{number}"),
            instrument_id=spec.instrument_id,
            trade_id=TradeId(str(trade)),
            side=spec.side,
            last_qty=Decimal("0.5"),
            last_px=Decimal(100),
            commission=Decimal("0.05"),
            currency="USDT",
            liquidity_side=m.LiquiditySide.TAKER,
            source=venue.Source.STREAM,
        ),
    )


def _refused(number: int) -> Callable[[int], Said]:
    return lambda t: (
        "orders",
        "venue",
        venue.RequestRefused(
            ts_event=t,
            ts_init=t,
            request=venue.Request.SUBMIT,
            client_order_id=tiny.order(number).client_order_id,
            code="-2010",
            reason="insufficient balance",
        ),
    )


def _lost(number: int) -> Callable[[int], Said]:
    return lambda t: (
        "orders",
        "venue",
        venue.RequestFailed(
            ts_event=t,
            ts_init=t,
            request=venue.Request.SUBMIT,
            client_order_id=tiny.order(number).client_order_id,
            instrument_id=tiny.INSTRUMENT,
            acted=venue.Acted.PERHAPS,
            reason="timed out",
            ts_expires=t + NS_PER_S,
        ),
    )


def _halt(t: int) -> Said:
    state = risk.SetTradingState(
        ts_event=t, ts_init=t, state=TradingState.HALTED, reason="law", operator="test"
    )
    return "orders", "operator", state


_NEW: Final = venue.VenueStatus.NEW
_SCRIPT: Final[tuple[Callable[[int], Said], ...]] = (
    _decide(1),  # no price is known yet
    _quote,
    _decide(2),
    _report(2, _NEW),
    _fill(2, 1),
    _fill(2, 1),  # told twice
    _fill(2, 2),
    _decide(3),
    _refused(3),
    _decide(4),
    _lost(4),
    _decide(5),  # the lost one may have filled: too much for the limit
    _report(4, _NEW),
    _report(4, venue.VenueStatus.CANCELED),
    _decide(6),
    _report(6, _NEW),
    _halt,
    _decide(7),
)


# --- in the Loop ----------------------------------------------------------------------------------


class Nowhere:
    """The connection of a world whose venue is a script."""

    def request(self, loop: Loop, host: Host, message: Message) -> None: ...

    def launched(self, loop: Loop, host: Host) -> None: ...


def in_the_loop() -> tuple[dict[str, str], list[dict[str, int]]]:
    """Each actor's digest at the end, and how many messages each had handled after each step."""
    world = World(DIRECTORY, ACTORS, make, lambda _m, _c: None, Nowhere())
    loop = Loop(world, START_NS)
    handled: list[dict[str, int]] = []

    def settled() -> None:
        for _ in loop.run(until_ns=loop.now_ns):
            pass
        machines = {n: loop.hosts[n].machine for n in ACTORS}
        handled.append({n: machine.handled for n, machine in machines.items() if machine})

    for name in ACTORS:
        loop.launch(loop.hosts[name])
        settled()
    for actor, peer, message in script():
        loop.now_ns = message.ts_init
        loop.tell(loop.hosts[actor], message, peer)
        settled()
    machines = {n: loop.hosts[n].machine for n in ACTORS}
    return {n: machine.digest() for n, machine in machines.items() if machine}, handled


# --- in shells ------------------------------------------------------------------------------------


class _Scripted(Shell[Any]):
    def make_clock(self) -> Clock:
        return DataClock(START_NS)

    def ask_venue(self, message: Message) -> None:
        """The script answers."""

    async def inject(self, peer: str, message: Message) -> None:
        """What a socket would bring."""
        self.mailbox.put_local(peer, message)

    async def progress(self) -> int:
        """How many messages it has handled."""
        return self.machine.handled if self.machine else 0


class _Soft(_Scripted):
    async def open(self) -> Machine[Any]:
        return Machine(self.name, make(self.name, self.incarnation), DIRECTORY, self.incarnation)


class LawOrders(_Scripted, tiny.Scribe):
    """The order manager with a real journal."""

    def core(self) -> Core[Any]:
        return make(self.name, self.incarnation)


class LawRisk(_Soft):
    """The risk checker."""


class LawReconciler(_Soft):
    """The reconciler."""


class LawStrategy(_Soft):
    """A strategy that is told what to decide."""


CLASSES: Final = {
    "orders": LawOrders,
    "risk": LawRisk,
    "reconciler": LawReconciler,
    "strategy-T": LawStrategy,
}
