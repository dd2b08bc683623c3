"""The risk checker as an actor: nothing but its core."""

from actors.shell import Shell
from trading.machine import Machine
from trading.risk import RiskConfig, RiskCore, RiskState


class RiskChecker(Shell[RiskState]):
    """Judges intents. Soft: a fresh incarnation asks the order manager for the account."""

    async def open(self) -> Machine[RiskState]:
        config = self.config
        core = RiskCore(RiskConfig(config.limits, config.by_id, self.incarnation))
        return Machine(self.name, core, config.directory, self.incarnation)
