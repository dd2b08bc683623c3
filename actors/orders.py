"""The order manager as an actor: the account's journal and its venue connection in one process."""

from collections import Counter
from pathlib import Path
from typing import Any, Final, cast

from actors.connection import VenueConnection, owner
from actors.metrics import Views
from actors.recovery import recover
from actors.shell import Shell
from journal import Draft, Journal
from journal.lock import WriterLock
from messages import Message
from messages.market import InstrumentChanged
from messages.orders import SubmitOrder
from trading import positions
from trading.account import Books, OrderManagerConfig
from trading.machine import Machine, Row
from trading.order_manager import OrderManagerCore
from trading.order_turn import view as order_view
from trading.orders import Order
from venues.net.gateway import GatewayCommand
from venues.registry import adapter

SNAPSHOT_EVERY: Final = 2000  # inputs: what a restart has to fold at most


class OrderManager(Shell[Books]):
    """Owns every order of the account. Its journal is the truth; its memory is a fold of it."""

    _journal: Journal
    _account: WriterLock
    _venue: VenueConnection

    async def open(self) -> Machine[Books]:
        config = self.config
        self._account = WriterLock(Path(config.account_lock))
        path = config.journal
        self._journal = await Journal.open(
            path,
            owner=config.run_id,
            lease=config.account,
            incarnation=self.incarnation,
            now_ns=self.clock.now_ns(),
        )
        venue = adapter(config.venue, config.product)
        core = OrderManagerCore(
            OrderManagerConfig(
                config.by_id,
                config.owners,
                recv_window_ns=config.recv_window_ms * 1_000_000,
                clock_margin_ns=venue.ahead_ns + venue.listed_ns,
            )
        )
        machine = Machine(
            self.name, core, config.directory, self.incarnation, snapshot_every=SNAPSHOT_EVERY
        )
        snapshots, inputs = await recover(self._journal, machine)
        report = self._journal.report
        self._log(
            "INFO",
            "recovered",
            inputs=inputs,
            snapshots=snapshots,
            rows=report.rows,
            torn_frames=report.torn_frames,
            recovered_commits=report.recovered_commits,
        )
        self._venue = VenueConnection(
            config, self.clock.now_ns, owner(self), wanted=self._still_wanted
        )
        for instrument in machine.state.rules.values():
            self._venue.learn(instrument)
        return machine

    def heard(self, message: Message, now_ns: int) -> None:
        if isinstance(message, InstrumentChanged):
            self._venue.learn(message.instrument)

    def _still_wanted(self, command: GatewayCommand) -> bool:
        """Whether an order that has not left yet is still to leave: after a cancel, or the kill
        switch, which cancels all, it must not."""
        if not isinstance(command, SubmitOrder) or self.machine is None:
            return True
        order = self.machine.state.orders.get(command.order.client_order_id)
        return order is None or not (order.closed or order.cancel_wanted)

    async def connect(self) -> None:
        await self._venue.open()
        self.spawn(self._venue.keep_time())
        await self._venue.follow()

    async def look(self, what: str = "status") -> Any:
        """Plain data for people: what is shown is durable."""
        async with self._turn:
            return self.view(what)

    def ask_venue(self, message: Message) -> None:
        self._venue.ask(cast(GatewayCommand, message))

    async def persist(self, rows: tuple[Row, ...]) -> None:
        await self._journal.append([self._draft(row) for row in rows])

    def _draft(self, row: Row) -> Draft:
        return Draft(
            row.ts_ns,
            row.direction,  # type: ignore[arg-type]  # a Row says one of the three
            self.name,
            self.incarnation,
            str(getattr(row.message, "kind", "")),
            row.wire,
            row.peer,
            row.session,
            row.seq,
            row.message.correlation_id,
        )

    async def close(self) -> None:
        await self._venue.close()
        await self._journal.close()
        self._account.release()

    def measure(self) -> Views:
        views = super().measure()
        if self.machine is not None:
            books = self.machine.state
            views.orders = _counts(books)
            views.positions = positions.views(books.positions)
        return views

    def view(self, what: str) -> Any:
        machine = self.machine
        if machine is None:
            return super().view(what)
        books = machine.state
        match what:
            case "orders":
                return [_shown(o) for o in books.orders.values()]
            case "open":  # asked often, while the shelf of closed ones grows without end
                return [_shown(books.orders[key]) for key in books.open]
            case _ if what.startswith("closed:"):
                return [_shown(o) for o in books.orders.newest_closed(int(what[7:]))]
            case "positions":
                return [p.model_dump(mode="json") for p in positions.views(books.positions)]
            case "venue":
                return self._venue.view()
            case "fills":
                return _fills(books)
            case _:
                return super().view(what) | {
                    "orders": _counts(books),
                    "fills": books.fills,
                    "trading_state": str(books.trading_state),
                    "stream_up": books.stream_up,
                    "balances": [b.model_dump(mode="json") for b in books.balances.values()],
                }


def _shown(order: Order) -> dict[str, Any]:
    return order_view(order).model_dump(mode="json") | {"closed": order.closed}


def _counts(books: Books) -> dict[str, int]:
    return dict(Counter(books.orders.statuses()))


def _fills(books: Books) -> list[dict[str, str]]:
    return [
        {"client_order_id": str(key), "trade_id": str(trade)}
        for key, order in books.orders.items()
        for trade in sorted(order.trades)
    ]
