"""A run's actors in one process, without Ray: their shells, each with its way to the others.

What they say for the record goes nowhere, and the strategy's checkpoints are not kept.
"""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from contract_world import World

from actors.config import Accounts, RunConfig
from actors.config import StrategyConfig as Instance
from actors.feed import Feed
from actors.notes import Notes
from actors.orders import OrderManager
from actors.reconciler import Reconciler
from actors.risk import RiskChecker
from actors.shell import Shell
from messages import Message
from messages.base import NS_PER_S, RunId, StrategyId
from messages.control import StrategyCheckpoint
from messages.risk import InstrumentLimits, RiskLimits
from trading.machine import Machine
from trading.strategy_core import StrategyCore
from trading.strategy_python import Strategy
from trading.strategy_state import StrategyConfig, StrategyState
from venues.registry import venue_of

RUN: Final = "one-process"
_LONG_NS: Final = 600 * NS_PER_S
_MUCH: Final = Decimal(10**9)


class Trader(Shell[StrategyState]):
    """The shell of a strategy instance, with a class of the test's in it."""

    kind: type[Strategy]

    async def open(self) -> Machine[StrategyState]:
        mine = self.config.strategy("S")
        core = StrategyCore(
            StrategyConfig(
                run_id=RunId(RUN),
                strategy_id=mine.strategy_id,
                instrument_ids=mine.instruments,
                params={},
                incarnation=self.incarnation,
            ),
            self.kind,
        )
        return Machine(self.name, core, self.config.directory, self.incarnation)

    async def checkpoint(self, checkpoint: StrategyCheckpoint) -> None:
        """Nobody restarts it."""


class _Nowhere(Notes):
    def put(self, raw: bytes) -> None:
        pass


@dataclass
class Actors:
    """Those of the run, by name, and what each was told: (seconds, actor, message)."""

    shells: dict[str, Shell[Any]]
    told: list[tuple[float, str, Message]]

    def heard(self, actor: str, kind: type[Message]) -> list[Any]:
        return [message for _, who, message in self.told if who == actor and type(message) is kind]


def config(world: World, folder: Path) -> RunConfig:
    """One account at the world's venue, and one strategy on its instrument."""
    rules = world.access.instruments[world.name]
    limits = InstrumentLimits(
        instrument_id=world.name, max_order_notional=_MUCH, max_position=_MUCH
    )
    return RunConfig(
        run_id=RUN,
        folder=str(folder),
        account=f"{venue_of(world.name)}/main",
        account_lock=str(folder / "lock"),
        rest_url=f"http://127.0.0.1:{world.simulator.port}",
        ws_url=f"ws://127.0.0.1:{world.simulator.port}",
        instruments=(rules,),
        limits=RiskLimits(instruments=(limits,), stale_after_ns=_LONG_NS),
        strategies=(Instance(strategy_id=StrategyId("S"), source="", instruments=(world.name,)),),
        bar_intervals_ns=(NS_PER_S,),
        stale_book_ns=_LONG_NS,
        reconcile_ns=_LONG_NS,
        grace_ns=_LONG_NS,
        record=False,
    )


@asynccontextmanager
async def actors(
    world: World, folder: Path, strategy: type[Strategy], incarnation: int = 1
) -> AsyncIterator[Actors]:
    """All of them, at work. The keys have to be in the environment."""
    (folder / "journal").mkdir(exist_ok=True)
    raw = Accounts(accounts=(config(world, folder),)).model_dump_json()
    kinds: dict[str, type[Shell[Any]]] = {
        "orders": OrderManager,
        "risk": RiskChecker,
        "reconciler": Reconciler,
        "feed": Feed,
        "strategy-S": type("_Trader", (Trader,), {"kind": strategy}),
    }
    run = Actors({name: kind(raw, name, incarnation) for name, kind in kinds.items()}, [])
    boxes = {name: shell.mailbox for name, shell in run.shells.items()}
    for name, shell in run.shells.items():
        shell.neighbours = {other: box for other, box in boxes.items() if other != name}
        await _serve(shell, run)
    try:
        yield run
    finally:
        for shell in reversed(run.shells.values()):
            await shell.end("over")


async def _serve(shell: Shell[Any], run: Actors) -> None:
    """As `Shell._boot`, but for logs, metrics and lines."""

    def died(error: BaseException) -> None:
        raise error

    def heard(message: Message, now_ns: int) -> None:
        type(shell).heard(shell, message, now_ns)
        run.told.append((time.monotonic(), shell.name, message))

    patched: Any = shell
    patched._notes, patched._die, patched.heard = _Nowhere(RUN), died, heard
    machine = shell.machine = await shell.open()
    await shell._carry_out(machine, [machine.resume(shell.clock.now_ns())])
    for work in (shell._pump(), shell._resend(), shell.connect()):
        shell.spawn(work)
