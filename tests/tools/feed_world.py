"""A feed and those who listen to it, as actors in the loop: virtual time, and a way that may lose,
repeat and delay what they say to each other."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
from feed_driver import T0, S

from messages import Message
from messages.accounts import AccountSnapshot, SyncRequest
from messages.base import InstrumentId, RunId, StrategyId
from messages.market import Instrument
from messages.risk import InstrumentLimits, RiskLimits, TradingState
from strategies import load
from trading.core import Core, Step
from trading.faults import Dice
from trading.feed import FeedCore
from trading.feed_state import FeedConfig
from trading.loop import Connection, Host, Loop, World
from trading.risk import RiskConfig, RiskCore
from trading.strategy import CompiledStrategy
from trading.strategy_core import StrategyCore
from trading.strategy_python import Strategy
from trading.strategy_state import StrategyConfig
from trading.wiring import Directory, strategy_actor

ONE = Decimal(1)


class Deaf:
    """A venue that answers nothing."""

    def request(self, loop: Loop, host: Host, message: Message) -> None: ...

    def launched(self, loop: Loop, host: Host) -> None: ...


class NoOrders:
    """An order manager of an account where nothing is open, which is what it tells who asks."""

    def start(self) -> None:
        return None

    def resume(self, state: None, now_ns: int) -> Step[None]:
        return Step(state)

    def react(self, state: None, message: Message, now_ns: int) -> Step[None]:
        if not isinstance(message, SyncRequest):
            return Step(state)
        nothing = AccountSnapshot(
            ts_event=now_ns,
            ts_init=now_ns,
            asker=message.asker,
            incarnation=message.incarnation,
            trading_state=TradingState.ACTIVE,
            orders=(),
            positions=(),
            balances=(),
        )
        return Step(state, (nothing,))


@dataclass(frozen=True)
class Listeners:
    """A feed of these instruments, a risk checker, and a strategy for each name, which wants one.

    feed  what else its `FeedConfig` says
    code  what the strategies are
    live  they may act; else they never hear of their account
    """

    instruments: tuple[Instrument, ...]
    strategies: Mapping[StrategyId, InstrumentId]
    feed: Mapping[str, Any] = field(default_factory=dict)
    code: CompiledStrategy | type[Strategy] = field(default_factory=lambda: load("market_making"))
    live: bool = False

    def loop(self, connection: Connection, seed: int = 1) -> Loop:
        """Everybody, not started yet."""
        directory = Directory({s: frozenset({i}) for s, i in self.strategies.items()})
        first = ("orders",) if self.live else ()
        actors = (*first, "feed", "risk", *map(strategy_actor, self.strategies))
        world = World(directory, actors, self.core, lambda machine, checkpoint: None, connection)
        return Loop(world, T0, dice=Dice(np.random.default_rng(seed)))

    def core(self, name: str, incarnation: int) -> Core[Any]:
        """What an actor of this name is."""
        if name == "orders":
            return NoOrders()
        if name == "feed":
            return FeedCore(FeedConfig(self.instruments, incarnation, **self.feed))
        known = {i.instrument_id: i for i in self.instruments}
        if name == "risk":
            limits = tuple(
                InstrumentLimits(instrument_id=i, max_order_notional=ONE, max_position=ONE)
                for i in known
            )
            return RiskCore(RiskConfig(RiskLimits(instruments=limits), known))
        strategy_id = next(s for s in self.strategies if strategy_actor(s) == name)
        wants = (self.strategies[strategy_id],)
        config = StrategyConfig(RunId("run"), strategy_id, wants, {}, incarnation=incarnation)
        return StrategyCore(config, self.code)


def until(loop: Loop, at_s: float) -> None:
    """Let it run to this time."""
    for _ in loop.run(T0 + round(at_s * S)):
        pass
