"""The reconciler as an actor: its own connection, so that it sees what the order manager cannot."""

from typing import cast

from actors.connection import VenueConnection, owner
from actors.shell import Shell
from messages import Message
from messages.market import InstrumentChanged
from messages.venue import Source
from trading.machine import Machine
from trading.reconciler import ReconcilerCore
from trading.reconciler_state import ReconcilerConfig, ReconcilerState
from venues.net.gateway import GatewayCommand


class Reconciler(Shell[ReconcilerState]):
    """Asks the venue, for ever, whether our books are right."""

    _venue: VenueConnection

    async def open(self) -> Machine[ReconcilerState]:
        config = self.config
        core = ReconcilerCore(
            ReconcilerConfig(
                config.by_id,
                incarnation=self.incarnation,
                interval_ns=config.reconcile_ns,
                grace_ns=config.grace_ns,
                cancel_orphans=config.cancel_orphans,
                owners=config.owners,
                asker=self.name,
            )
        )
        self._venue = VenueConnection(
            config, self.clock.now_ns, owner(self), source=Source.RECONCILER
        )
        return Machine(self.name, core, config.directory, self.incarnation)

    async def connect(self) -> None:
        await self._venue.open()
        await self._venue.keep_time()

    def heard(self, message: Message, now_ns: int) -> None:
        if isinstance(message, InstrumentChanged):
            self._venue.learn(message.instrument)

    def ask_venue(self, message: Message) -> None:
        self._venue.ask(cast(GatewayCommand, message))

    async def close(self) -> None:
        await self._venue.close()
