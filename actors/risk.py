"""The risk checker as an actor: nothing but its core."""

from typing import Any

from actors.shell import Shell
from trading.machine import Machine
from trading.risk import RiskConfig, RiskCore, RiskState


class RiskChecker(Shell[RiskState]):
    """Judges intents. Soft: a fresh incarnation asks the order manager for the account."""

    async def open(self) -> Machine[RiskState]:
        config = self.config
        core = RiskCore(RiskConfig(config.limits, config.by_id, self.incarnation))
        return Machine(self.name, core, config.directory, self.incarnation)

    def view(self, what: str) -> Any:
        """Also "marks": the mid of each instrument's last quote, for unrealized PnL."""
        if what != "marks" or self.machine is None:
            return super().view(what)
        markets = self.machine.state.markets.items()
        return {i: (m.bid + m.ask) / 2 for i, m in markets if m.bid > 0 and m.ask > 0}
