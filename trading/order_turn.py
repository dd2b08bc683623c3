"""One turn of the order manager: a small workbench that gathers new facts and what to say.

`fact` is the only way to change an order: it folds the event through the table, moves the position
if it is a fill, and says the event to everyone who listens. So state and words cannot disagree.
"""

from collections.abc import Iterator
from typing import Any, ClassVar, TypeVar

from messages import Message, accounts, control, health, market, risk, venue
from messages import orders as m
from messages.base import ClientOrderId, VenueOrderId
from messages.market import Instrument
from messages.orders import OrderEvent
from messages.risk import TradingState
from trading import catch_up, evidence, positions
from trading.account import Books, OrderManagerConfig
from trading.core import Step
from trading.orders import AT_VENUE, Order, OrderStatus, apply
from trading.replacing import replace

M = TypeVar("M", m.CancelOrder, m.ModifyOrder, m.QueryOrder)
R = TypeVar("R", venue.OrderReport, venue.FillReport)


class Turn:
    """The books while one message is handled. Not a value: made, used and dropped in `react`."""

    PENDING: ClassVar = frozenset({OrderStatus.PENDING_CANCEL, OrderStatus.PENDING_UPDATE})
    UNSETTLED: ClassVar = PENDING | {OrderStatus.UNKNOWN}

    def __init__(
        self, config: OrderManagerConfig, books: Books, cause: Message | None, now_ns: int
    ) -> None:
        self.config = config
        self.books = books
        self.cause = cause
        self.now_ns = now_ns
        self.out: list[Message] = []

    def step(self) -> Step[Books]:
        return Step(self.books, tuple(self.out))

    # --- reading ------------------------------------------------------------------------------

    def order(self, client_order_id: str) -> Order | None:
        return self.books.orders.get(ClientOrderId(client_order_id))

    def again(self, order: Order) -> Order:
        """The order as this turn has left it so far."""
        return self.books.orders[order.spec.client_order_id]

    def open_orders(self) -> Iterator[Order]:
        for client_order_id in self.books.open:
            yield self.books.orders[client_order_id]

    @property
    def halted(self) -> bool:
        """Whether nothing new may work. Strategies do not act then: we must repeat cancels."""
        return self.books.trading_state is TradingState.HALTED

    # --- wording ------------------------------------------------------------------------------

    def times(self, order: Order) -> dict[str, Any]:
        return {
            "ts_event": self.now_ns,
            "ts_init": self.now_ns,
            "correlation_id": order.spec.client_order_id,
            "causation_id": self.cause.key if self.cause is not None else "resumed",
        }

    def head(self, order: Order) -> dict[str, Any]:
        """What every fact about `order` begins with."""
        head = evidence.header(
            order,
            self.cause
            or control.Resumed(
                ts_event=self.now_ns, ts_init=self.now_ns, actor="orders", incarnation=0
            ),
            self.now_ns,
        )
        return head | {"venue_order_id": order.venue_order_id}

    def about(self, kind: type[M], order: Order, **more: Any) -> M:
        """A request to the venue about `order`."""
        return kind(
            **self.times(order),
            client_order_id=order.spec.client_order_id,
            strategy_id=order.spec.strategy_id,
            instrument_id=order.spec.instrument_id,
            venue_order_id=order.venue_order_id,
            **more,
        )

    def say(self, message: Message) -> None:
        self.out.append(message)

    def timer(self, name: str, after_ns: int) -> None:
        due = self.now_ns + after_ns
        self.say(control.SetTimer(ts_event=self.now_ns, ts_init=self.now_ns, name=name, ts_due=due))

    # --- changing -----------------------------------------------------------------------------

    def put(self, order: Order) -> Order:
        """Replace an order; keeps the list of open ones in step."""
        key, books = order.spec.client_order_id, self.books
        before = books.orders.get(key)
        opened = books.open
        if not order.closed and (before is None or before.closed):
            opened = (*opened, key)
        elif order.closed and before is not None and not before.closed:
            opened = tuple(k for k in opened if k != key)
        by_venue_id, renamed = books.by_venue_id, books.renamed
        if before is not None and before.venue_order_id not in (None, order.venue_order_id):
            renamed = renamed.set((before.spec.instrument_id, before.venue_order_id), key)
        if order.venue_order_id is not None:
            at_venue = order.spec.instrument_id, order.venue_order_id
            by_venue_id = by_venue_id.set(at_venue, key)
        self.books = replace(
            books,
            orders=books.orders.set(key, order),
            open=opened,
            by_venue_id=by_venue_id,
            renamed=renamed,
        )
        if order.closed and before is not None and not before.closed:
            catch_up.done(self, catch_up.name_of(order))  # its end is all there was to learn
        return order

    def fact(self, event: OrderEvent) -> Order:
        """Fold `event` into its order and the position, and say it."""
        before = self.books.orders[event.client_order_id]
        order = apply(before, event, self.now_ns)
        if before.closed and not order.closed and self.halted:
            order = replace(order, cancel_wanted=True)  # it lives after all: as good as a new one
        self.put(order)
        self.say(event)
        if isinstance(event, m.OrderFilled):
            self._filled(event)
        if order.cancel_wanted and order.status in AT_VENUE - self.PENDING:
            order = self.cancel(order)
        return order

    def _filled(self, event: m.OrderFilled) -> None:
        books, instrument = self.books, self.config.instruments[event.instrument_id]
        book, position = positions.fold_fill(books.positions, event, instrument)
        self.books = replace(books, positions=book, fills=books.fills + 1)
        self.say(
            accounts.PositionChanged(
                ts_event=event.ts_event,
                ts_init=self.now_ns,
                correlation_id=event.correlation_id,
                causation_id=event.key,
                position=position,
            )
        )

    def deny(self, order: Order, code: m.RefusalCode, reason: str) -> None:
        self.fact(m.OrderDenied(**self.head(order), code=code, reason=reason))

    def lost(self, order: Order, reason: str, ts_conclusive: int) -> None:
        self.fact(m.OrderUnknown(**self.head(order), reason=reason, ts_conclusive=ts_conclusive))

    def unanswered_update(self, order: Order, reason: str) -> None:
        self.fact(m.OrderModifyRejected(**self.head(order), code="NO_ANSWER", reason=reason))

    def cancel(self, order: Order) -> Order:
        """Ask the venue to cancel, or remember to once it is known to hold the order."""
        if order.status is OrderStatus.PENDING_CANCEL:
            return order
        if order.status not in AT_VENUE:
            return self.put(replace(order, cancel_wanted=True))
        self.put(replace(order, cancel_wanted=False))
        order = self.fact(m.OrderPendingCancel(**self.head(order)))
        self.say(self.about(m.CancelOrder, order))
        return order

    # --- asking -------------------------------------------------------------------------------

    def ask(self, order: Order) -> None:
        """Ask the venue what it knows of one order, and of its fills if some are missing."""
        order = self.put(replace(self.again(order), ts_asked=self.now_ns))
        question = self.about(m.QueryOrder, order)
        self.say(question)
        catch_up.asked(self, catch_up.name_of(order), question.key)
        if order.awaited is not None:
            self.ask_fills(order)

    def ask_fills(self, order: Order) -> None:
        self.say(
            venue.QueryFills(
                **self.times(order),
                instrument_id=order.spec.instrument_id,
                venue_order_id=order.venue_order_id,
            )
        )

    # --- evidence -----------------------------------------------------------------------------

    def find(self, report: venue.OrderReport | venue.FillReport) -> Order | None:
        """Our order behind a report, by either id; None for orders that are not ours."""
        order, venue_order_id = self.order(report.client_order_id), report.venue_order_id
        if order is None:
            key = self.books.by_venue_id.get((report.instrument_id, venue_order_id))
            return self.books.orders.get(key) if key is not None else None
        known = order.venue_order_id
        # A venue lets a closed order's client id be used again: another venue id, another order.
        # But one that waits for a trigger may be kept apart, and get another id when it triggers;
        # of one that was adopted only the venue's reports say that it waited.
        kinds = order.spec.order_type, getattr(report, "order_type", order.spec.order_type)
        becomes = any(kind.triggered for kind in kinds) and not order.closed
        return order if known in (None, venue_order_id) or becomes else None

    def report(self, report: venue.OrderReport) -> None:
        order = self.find(report)
        if order is None:
            return
        report = self._by_newest_id(order, report)
        order = self._renamed(order, report.venue_order_id)
        found = evidence.from_report(order, report, self.now_ns)
        name = catch_up.name_of(order)
        if found.fills_missing:
            catch_up.doubt(self, order)
        elif catch_up.answers(self, name, report):
            catch_up.done(self, name)
        self._learn(order, found)

    def _by_newest_id(self, order: Order, report: R) -> R:
        """The report by the newest id, if it came late by one that the order had before."""
        had = self.books.renamed.get((order.spec.instrument_id, report.venue_order_id))
        if order.closed or had != order.spec.client_order_id:
            return report
        return report.model_copy(update={"venue_order_id": order.venue_order_id})

    def _renamed(self, order: Order, venue_order_id: VenueOrderId) -> Order:
        """The order by its newest id at the venue, under which its fills are asked for."""
        known = order.venue_order_id
        if order.closed or not venue_order_id or known in (None, venue_order_id):
            return order
        return self.put(replace(order, venue_order_id=venue_order_id))

    def not_found(self, answer: venue.OrderNotFound) -> None:
        order = self.order(answer.client_order_id)
        if order is None:
            return
        if catch_up.answers(self, catch_up.name_of(order), answer):
            catch_up.done(self, catch_up.name_of(order))
        if order.status is OrderStatus.UNKNOWN and order.ts_conclusive == 0 < answer.ts_event:
            # The request was signed before this answer: it dies one receive window after it.
            window = self.config.recv_window_ns + self.config.clock_margin_ns
            self.put(replace(order, ts_conclusive=answer.ts_event + window))
        else:
            self._learn(order, evidence.from_not_found(order, answer, self.now_ns))

    def fill(self, fill: venue.FillReport) -> None:
        order = self.find(fill)
        if order is None:
            return
        catch_up.heard(self, fill)
        fill = self._by_newest_id(order, fill)
        self._learn(order, evidence.from_fill(order, fill, self.now_ns))
        order = self.again(order)
        if order.awaited is not None:
            for end in evidence.awaited_end(order, self.now_ns):
                order = self.fact(end)
            if order.awaited is not None and order.awaited.filled_qty <= order.filled_qty:
                self.put(replace(order, awaited=None))

    def _learn(self, order: Order, found: evidence.Findings) -> None:
        for fact in found.facts:
            order = self.fact(fact)
        if found.awaited is not None:
            order = self.put(replace(order, awaited=found.awaited))
        if found.fills_missing:
            if found.awaited is not None and order.venue_order_id is None:
                order = self.put(replace(order, venue_order_id=found.awaited.venue_order_id))
            self.put(replace(order, ts_asked=self.now_ns))
            self.ask_fills(order)

    def account(self, report: venue.AccountReport) -> None:
        balances = self.books.balances
        for balance in report.balances:
            balances = balances.set(balance.currency, balance)
        self.books = replace(self.books, balances=balances)
        if not report.partial and catch_up.answers(self, catch_up.ACCOUNT, report):
            catch_up.done(self, catch_up.ACCOUNT)

    def stream(self, *, up: bool) -> None:
        self.books = replace(self.books, stream_up=up)

    # --- permission and views -----------------------------------------------------------------

    def trading_state(self, state: TradingState, reason: str, operator: str) -> None:
        self.books = replace(self.books, trading_state=state)
        self.say(
            risk.TradingStateChanged(
                ts_event=self.now_ns,
                ts_init=self.now_ns,
                causation_id=self.cause.key if self.cause is not None else "",
                state=state,
                reason=reason,
                operator=operator,
            )
        )

    def known(self, order: Order) -> None:
        """Tell a risk checker that approved an order anew where the order is."""
        self.say(accounts.OrderKnown(**self.times(order), view=view(order), closed=order.closed))

    def not_the_same(self, order: Order, asked: m.OrderSpec) -> None:
        """Report that an id which is taken was approved for something else. It stays open: that
        two orders got one id is a fault of ours, and a person has to look."""
        ours = order.spec.model_dump(mode="json")
        other = {k: v for k, v in asked.model_dump(mode="json").items() if v != ours[k]}
        self.say(
            health.Discrepancy(
                **self.times(order),
                discrepancy=health.DiscrepancyKind.APPROVAL_MISMATCH,
                action=health.Action.MANUAL,
                subject=order.spec.client_order_id,
                ours=_words({k: ours[k] for k in other}),
                venues="",
                cause=f"approved again with {_words(other)}; not submitted",
                instrument_id=order.spec.instrument_id,
                client_order_id=order.spec.client_order_id,
                strategy_id=order.spec.strategy_id,
            )
        )

    def rules(self, instrument: Instrument) -> market.InstrumentChanged:
        """The rules of an instrument, for who has a connection of its own."""
        return market.InstrumentChanged(
            ts_event=self.now_ns,
            ts_init=self.now_ns,
            causation_id=self.cause.key if self.cause is not None else "",
            instrument=instrument,
        )

    def snapshot(self, asker: str, incarnation: int) -> accounts.AccountSnapshot:
        """The whole view for a fresh actor: open orders, positions, balances, permission."""
        return accounts.AccountSnapshot(
            ts_event=self.now_ns,
            ts_init=self.now_ns,
            causation_id=self.cause.key if self.cause is not None else "",
            asker=asker,
            incarnation=incarnation,
            trading_state=self.books.trading_state,
            orders=tuple(view(order) for order in self.open_orders()),
            positions=tuple(positions.views(self.books.positions)),
            # Sorted: the order of a persistent map depends on the process's hash seed, and the
            # next process must say the same when it folds the journal.
            balances=tuple(b for _, b in sorted(self.books.balances.items())),
        )


def _words(fields: dict[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in fields.items())


def view(order: Order) -> accounts.OrderView:
    """An order as other actors and the command line see it."""
    return accounts.OrderView(
        order=order.spec.model_copy(update={"quantity": order.quantity or order.spec.quantity}),
        status=str(order.status),
        filled_qty=order.filled_qty,
        avg_px=order.avg_px,
        venue_order_id=order.venue_order_id,
    )
