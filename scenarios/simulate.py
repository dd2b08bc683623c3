"""Deterministic simulation: the whole trading path under virtual time, one seed a life.

A seed decides the market, the strategies' whims, and every fault: which packet is lost, which
answer never comes, which process dies between which two lines. After the faults the world heals,
strategies are told to stop, and both sides' books must agree to the last fill. A seed that fails
once fails always: `manta simulate --seed N --trace` shows it step by step.
"""

import gc
import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

import numpy as np

from messages.base import NS_PER_S, InstrumentId, Message, StrategyId
from messages.control import Shutdown, StrategyCheckpoint
from messages.market import Instrument
from messages.risk import InstrumentLimits, RiskLimits
from scenarios.fuzzer import RUN_ID, fuzzer_core
from scenarios.invariants import Checker
from scenarios.sim_connection import RECV_WINDOW_NS, SimConnection
from trading.account import OrderManagerConfig
from trading.core import Core
from trading.faults import ALL, CHANCES, NONE, Dice, Faults
from trading.feed import FeedCore
from trading.feed_state import FeedConfig
from trading.ids import owners
from trading.loop import Loop, World
from trading.machine import Machine
from trading.order_manager import OrderManagerCore
from trading.reconciler import ReconcilerCore
from trading.reconciler_state import ReconcilerConfig
from trading.risk import RiskConfig, RiskCore
from trading.wiring import Directory, Role, strategy_actor
from venues.sim import tape
from venues.sim.refusals import Refusal
from venues.sim.synthetic import TapeSpec
from venues.sim.venue import SimVenue, SimVenueConfig

_START_NS: Final = 1_700_000_000 * NS_PER_S
_BALANCES: Final = {"BTC": Decimal(1), "ETH": Decimal(10), "USDT": Decimal(100_000)}
# Objects between two looks of the collector: values are many and die by themselves, cycles few.
_YOUNG: Final = 50_000
_HEAL_ROUNDS: Final = 60  # of a second each; a world that needs more has hung


@dataclass(frozen=True, slots=True)
class SimulateSpec:
    """The world of a seed: how long it suffers, how busy it is, what it may hold."""

    suffer_s: float = 2.0
    events_per_s: float = 4.0
    peace_s: float = 0.0  # before strategies are told to stop; by its end we know every fill
    max_position: Decimal = Decimal("0.02")
    max_order_notional: Decimal = Decimal(100_000)
    snapshot_every: int = 40  # inputs of the order manager
    rules_change_s: float = 0.0  # after which the venue's ticks and lots are coarser; 0: never
    strategies: tuple[StrategyId, ...] = (StrategyId("A"), StrategyId("B"))

    @property
    def tapes(self) -> tuple[TapeSpec, ...]:
        return tuple(
            replace(t, events_per_s=self.events_per_s, levels=4) for t in tape.DEFAULT_SPECS
        )

    @property
    def owners(self) -> dict[str, StrategyId]:
        return owners(RUN_ID, self.strategies)

    @property
    def instruments(self) -> dict[InstrumentId, Instrument]:
        return {t.instrument.instrument_id: t.instrument for t in tape.DEFAULT_SPECS}


@dataclass(frozen=True, slots=True)
class Parts:
    """What a world is built from. Tests replace parts by broken ones, to see that it is noticed."""

    orders: Callable[[OrderManagerConfig], Core[Any]] = OrderManagerCore
    risk: Callable[[RiskConfig], Core[Any]] = RiskCore
    reconciler: Callable[[ReconcilerConfig], Core[Any]] = ReconcilerCore
    loop: type[Loop] = Loop
    strategy: Callable[[int, StrategyId, tuple[Instrument, ...], int], Core[Any]] = fuzzer_core


@dataclass(frozen=True, slots=True)
class Life:
    """What became of one seed."""

    seed: int
    steps: int
    crashes: int
    orders: int
    fills: int
    violations: tuple[tuple[int, str], ...]
    digest: str


@dataclass(slots=True)
class Report:
    """What became of many."""

    faults: str
    lives: list[Life] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def violations(self) -> list[dict[str, Any]]:
        return [
            {"seed": life.seed, "step": step, "what": what}
            for life in self.lives
            for step, what in life.violations
        ]

    def to_json(self) -> dict[str, Any]:
        """Plain values. `digest` covers every seed's log: equal for equal code and seeds."""
        whole = hashlib.sha256()
        for life in sorted(self.lives, key=lambda life: life.seed):
            whole.update(f"{life.seed} {life.digest}\n".encode())
        return {
            "seeds": len(self.lives),
            "faults": self.faults,
            "steps": sum(life.steps for life in self.lives),
            "crashes": sum(life.crashes for life in self.lives),
            "orders": sum(life.orders for life in self.lives),
            "fills": sum(life.fills for life in self.lives),
            "violations": self.violations,
            "seeds_per_second": round(len(self.lives) / self.seconds, 2) if self.seconds else 0.0,
            "duration_s": round(self.seconds, 3),
            "digest": whole.hexdigest(),
        }


def parse_faults(text: str) -> Faults:
    """ "all", "none", or names of faults separated by commas.

    raises  ValueError naming the unknown fault and the known ones
    """
    if text == "all":
        return ALL
    if text == "none":
        return NONE
    names = [n.strip() for n in text.split(",") if n.strip()]
    for name in names:
        if name not in CHANCES:
            known = ", ".join(CHANCES)
            raise ValueError(f"faults: {name!r} is no fault; use all, none, or some of {known}")
    return ALL.only(*names)


def parse_seeds(text: str) -> range:
    """ "0:500" -> range(0, 500); "7" -> range(7, 8). Raises ValueError with what to write."""
    first, colon, last = text.partition(":")
    try:
        start = int(first)
        stop = int(last) if colon else start + 1
    except ValueError:
        raise ValueError(f"seeds: {text!r} is no range; write 0:500, or one number") from None
    if not 0 <= start < stop:
        raise ValueError(f"seeds: {text!r} is empty; write FIRST:LAST with 0 <= FIRST < LAST")
    return range(start, stop)


def run_seeds(
    seeds: Iterable[int],
    faults: str = "all",
    on_progress: Callable[[Report], None] | None = None,
    spec: SimulateSpec | None = None,
    parts: Parts | None = None,
) -> Report:
    """Live every seed, one after the other, in this process. About 50 ms a seed."""
    report, kinds = Report(faults), parse_faults(faults)
    gc.collect()
    gc.freeze()  # what is here stays: the collector need not look at it again for every seed
    usual = gc.get_threshold()
    gc.set_threshold(_YOUNG, *usual[1:])
    begun = time.perf_counter()
    try:
        for seed in seeds:
            report.lives.append(simulate(seed, kinds, spec, parts))
            report.seconds = time.perf_counter() - begun
            if on_progress is not None:
                on_progress(report)
    finally:
        gc.set_threshold(*usual)
    return report


def simulate(
    seed: int,
    faults: Faults = ALL,
    spec: SimulateSpec | None = None,
    parts: Parts | None = None,
    trace: Callable[[str], None] | None = None,
) -> Life:
    """One life: suffer, heal, compare."""
    loop, checker = live(seed, faults, spec, parts, trace)
    ledger = checker.connection.venue.ledger()
    whole = hashlib.sha256(f"{loop.digest()} {ledger.to_json()}".encode())
    return Life(
        seed,
        loop.steps,
        loop.crashes,
        len(ledger.lines),
        len(ledger.fills),
        tuple(checker.violations),
        whole.hexdigest(),
    )


def live(
    seed: int,
    faults: Faults = ALL,
    spec: SimulateSpec | None = None,
    parts: Parts | None = None,
    trace: Callable[[str], None] | None = None,
) -> tuple[Loop, Checker]:
    """The world of one seed as it stands at the end, and what was wrong on the way."""
    spec, parts = spec or SimulateSpec(), parts or Parts()
    instruments = spec.instruments
    sim = SimVenue(SimVenueConfig(tuple(instruments.values()), _BALANCES))
    events = tape.generate(seed=seed, specs=spec.tapes, duration_s=spec.suffer_s + 1.0)
    connection = SimConnection(sim, events)
    checker = Checker(connection, dict.fromkeys(instruments, spec.max_position))
    dice = Dice(np.random.default_rng(seed))
    world = _world(seed, spec, parts, connection)
    loop = parts.loop(world, _START_NS, faults, dice, checker.watch)
    loop.trace = trace
    try:
        loop.start()
        connection.play(loop)
        if spec.rules_change_s:
            loop.after(round(spec.rules_change_s * NS_PER_S), connection.change_rules)
        _drain(loop.run(_START_NS + round(spec.suffer_s * NS_PER_S)))
        _end_faults(loop)
        if spec.peace_s:
            _drain(loop.run(loop.now_ns + round(spec.peace_s * NS_PER_S)))
            checker.peace(loop)
        rested = _healed(loop, connection)
        checker.final(loop)
        if not rested:
            checker.violations.append((loop.steps, "the world did not come to rest after healing"))
    except Exception as bug:  # noqa: BLE001  whatever a core raises is the finding
        checker.violations.append((loop.steps, f"{type(bug).__name__}: {bug}"))
    return loop, checker


# --- the world ---------------------------------------------------------------------------------


def _world(seed: int, spec: SimulateSpec, parts: Parts, connection: SimConnection) -> World:
    instruments = spec.instruments
    wants = frozenset(instruments)
    strategies = {strategy_actor(s): s for s in spec.strategies}

    def make(name: str, incarnation: int) -> Core[Any]:
        if name in strategies:
            known = tuple(instruments.values())
            return parts.strategy(seed, strategies[name], known, incarnation)
        return _core(name, incarnation, spec, parts)

    def restore(machine: Machine[Any], checkpoint: StrategyCheckpoint) -> None:
        core = make(machine.name, machine.incarnation)
        machine.restore(checkpoint, core.restore(checkpoint))  # type: ignore[attr-defined]

    actors = (str(Role.ORDERS), str(Role.RECONCILER), str(Role.RISK), str(Role.FEED), *strategies)
    directory = Directory(dict.fromkeys(spec.strategies, wants))
    return World(directory, actors, make, restore, connection, spec.snapshot_every)


def _core(name: str, incarnation: int, spec: SimulateSpec, parts: Parts) -> Core[Any]:
    instruments = spec.instruments
    match Role(name):
        case Role.FEED:
            return FeedCore(
                FeedConfig(
                    instruments=tuple(instruments.values()),
                    incarnation=incarnation,
                    bar_intervals_ns=(NS_PER_S,),
                    snapshot_retry_ns=NS_PER_S,
                    # Messages are lost here, connections are not: pauses of the tape are no stalls.
                    stale_floor_ns=5 * NS_PER_S,
                    check_ns=NS_PER_S // 2,
                )
            )
        case Role.RISK:
            limits = tuple(
                InstrumentLimits(
                    instrument_id=i,
                    max_order_notional=spec.max_order_notional,
                    max_position=spec.max_position,
                )
                for i in instruments
            )
            bounds = RiskLimits(instruments=limits)
            return parts.risk(
                RiskConfig(bounds, instruments, incarnation, about_rules=_about_rules)
            )
        case Role.ORDERS:
            return parts.orders(_account(spec))
        case Role.RECONCILER:
            return parts.reconciler(
                ReconcilerConfig(
                    instruments,
                    incarnation=incarnation,
                    owners=spec.owners,
                    interval_ns=2 * NS_PER_S,
                    grace_ns=NS_PER_S,
                )
            )
        case _:
            raise ValueError(f"no such actor: {name}")


def _about_rules(code: str, reason: str) -> bool:
    return code in (Refusal.PRICE_INCREMENT, Refusal.LOT_SIZE, Refusal.MIN_NOTIONAL)


def _account(spec: SimulateSpec) -> OrderManagerConfig:
    window_ns, shelf_ns = RECV_WINDOW_NS, 0  # at once: what comes late finds them on the shelf
    return OrderManagerConfig(spec.instruments, spec.owners, window_ns, shelve_after_ns=shelf_ns)


def _drain(steps: Iterator[int]) -> None:
    for _ in steps:
        pass


def _end_faults(loop: Loop) -> None:
    loop.faults = NONE
    for host in loop.hosts.values():
        host.deaf_until = 0


def _healed(loop: Loop, connection: SimConnection) -> bool:
    """Stop the strategies, and wait until nothing is open: did it come to rest?"""
    for n in range(_HEAL_ROUNDS):
        if n % 5 == 1:  # told again: a strategy that was just restarting did not hear it
            for name, host in loop.hosts.items():
                if name.startswith("strategy-"):
                    loop.tell(host, _shutdown(loop.now_ns), "operator")
        _drain(loop.run(loop.now_ns + NS_PER_S))
        if n > 1 and _at_rest(loop, connection):
            return True
    return False


def _shutdown(now_ns: int) -> Message:
    return Shutdown(ts_event=now_ns, ts_init=now_ns, reason="the simulation ends")


def _at_rest(loop: Loop, connection: SimConnection) -> bool:
    """Nobody is down, nothing is open on either side, and every word has been heard."""
    if any(h.machine is None for h in loop.hosts.values()) or loop.zombies:
        return False
    orders = loop.hosts[str(Role.ORDERS)].machine
    assert orders is not None
    if orders.state.open or orders.state.catch_up:
        return False
    if any(line.order is not None and line.order.open for line in connection.venue.ledger().lines):
        return False
    return not any(
        h.machine is not None and any(h.machine.links.unacked(to) for to in loop.hosts)
        for h in loop.hosts.values()
    )
