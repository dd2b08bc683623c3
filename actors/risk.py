"""The risk checker as an actor: nothing but its core, and a stop watch around it."""

import time
from collections.abc import Callable
from typing import Any

from actors.shell import Shell
from messages import Message
from messages.orders import ModifyIntent, OrderIntent
from trading.core import Step
from trading.machine import Machine
from trading.risk import RiskConfig, RiskCore, RiskState
from venues.registry import adapter


class TimedRisk(RiskCore):
    """The risk core; `judged` is told how many seconds each verdict on an intent took."""

    def __init__(self, config: RiskConfig, judged: Callable[[float], None]) -> None:
        super().__init__(config)
        self._judged = judged

    def react(self, state: RiskState, message: Message, now_ns: int) -> Step[RiskState]:
        if not isinstance(message, OrderIntent | ModifyIntent):
            return super().react(state, message, now_ns)
        begun = time.perf_counter()
        step = super().react(state, message, now_ns)
        self._judged(time.perf_counter() - begun)
        return step


class RiskChecker(Shell[RiskState]):
    """Judges intents. Soft: a fresh incarnation asks the order manager for the account."""

    async def open(self) -> Machine[RiskState]:
        config = self.config
        venue = adapter(config.venue, config.product)
        core = TimedRisk(
            RiskConfig(
                config.limits,
                config.by_id,
                self.incarnation,
                self.name,
                about_rules=venue.about_rules,
            ),
            self._judged,
        )
        return Machine(self.name, core, config.directory, self.incarnation)

    def _judged(self, seconds: float) -> None:
        if self.metrics_registry is not None:
            self.metrics_registry.risk_judged(seconds)

    def view(self, what: str) -> Any:
        """Also "marks": the mid of each instrument's last quote, for unrealized PnL."""
        if what != "marks" or self.machine is None:
            return super().view(what)
        markets = self.machine.state.markets.items()
        return {i: (m.bid + m.ask) / 2 for i, m in markets if m.bid > 0 and m.ask > 0}
