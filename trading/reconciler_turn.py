"""One turn of the reconciler: a workbench that gathers the next state and what to say.

Everything here runs on `time`, which is `now_ns` without its backward jumps, so that a corrected
clock cannot make new evidence look older than old.
"""

from collections.abc import Iterable
from typing import Any

from messages import Message, accounts, venue
from messages import orders as m
from messages.base import InstrumentId, VenueOrderId
from messages.control import SetTimer
from messages.health import Action, Discrepancy, DiscrepancyKind, DiscrepancyResolved
from messages.orders import OrderType
from messages.venue import FillReport, OrderReport
from trading import balances, discrepancies
from trading.account import VenueKey
from trading.cases import Case, Difference, Verdict, find, settle
from trading.catch_up import since_ns
from trading.core import Step
from trading.ids import EXTERNAL, owner_of
from trading.reconciler_state import (
    ACCOUNT,
    JUDGE,
    FillsCursor,
    ReconcilerConfig,
    ReconcilerState,
)
from trading.replacing import replace
from trading.tracked import Ours, Phase, Theirs, Tracked, adopt_trades


class Turn:
    """The state while one message is handled. Not a value: made, used and dropped in `react`."""

    def __init__(
        self, config: ReconcilerConfig, state: ReconcilerState, cause: str, now_ns: int
    ) -> None:
        self.config = config
        self.now_ns = now_ns
        skew = state.skew_ns + max(0, state.ts_last - now_ns)
        self.state = replace(state, ts_last=now_ns, skew_ns=skew)
        self.time = now_ns + skew
        self.out: list[Message] = []
        self._times: dict[str, Any] = {"ts_event": now_ns, "ts_init": now_ns, "causation_id": cause}

    def step(self) -> Step[ReconcilerState]:
        return Step(self.state, tuple(self.out))

    def change(self, **fields: Any) -> None:
        self.state = replace(self.state, **fields)

    def say(self, kind: type[Message], **fields: Any) -> None:
        self.out.append(kind(**self._times, **fields))

    def timer(self, name: str, after_ns: int) -> None:
        self.say(SetTimer, name=name, ts_due=max(self.now_ns + after_ns, 0))

    def judge_after(self, wait_ns: int) -> None:
        """Have the cases judged within `wait_ns`, unless that is arranged already."""
        due, arranged = self.time + wait_ns, self.state.judge_at
        if not arranged or due < arranged:
            self.change(judge_at=due)
            self.timer(JUDGE, wait_ns)

    # --- questions ------------------------------------------------------------------------------

    def ask(self, question: str, kind: type[Message], **fields: Any) -> None:
        """Ask the venue, unless the same question is still open."""
        if question not in self.state.asked:
            self.change(asked=self.state.asked.set(question, self.time))
            self.say(kind, **fields)

    def answered(self, question: str) -> int | None:
        """When the question was asked, and it is closed; None for answers nobody waits for."""
        asked = self.state.asked.get(question)
        if asked is not None:
            self.change(asked=self.state.asked.delete(question))
            self.judge_after(self.config.grace_ns)
        return asked

    def ask_order(self, tracked: Tracked) -> None:
        ours = tracked.ours
        self.ask(
            f"order:{ours.client_order_id}",
            m.QueryOrder,
            correlation_id=ours.client_order_id,
            client_order_id=ours.client_order_id,
            strategy_id=ours.strategy_id,
            instrument_id=ours.instrument_id,
        )

    def sync(self) -> None:
        """Ask the order manager for everything."""
        config = self.config
        self.say(accounts.SyncRequest, asker=config.asker, incarnation=config.incarnation)

    def ask_account(self) -> None:
        if ACCOUNT not in self.state.asked:
            self.change(ledger=balances.asked(self.state.ledger, self.time))
            self.ask(ACCOUNT, venue.QueryAccount)

    def ask_fills(self, instrument_id: InstrumentId) -> None:
        question = f"fills:{instrument_id}"
        if question not in self.state.asked:
            cursor = replace(self.cursor(instrument_id), ts_pages=self.time)
            self.change(fills=self.state.fills.set(instrument_id, cursor))
            self.page(instrument_id, cursor.since)

    def page(self, instrument_id: InstrumentId, since: int) -> None:
        self.ask(
            f"fills:{instrument_id}",
            venue.QueryFills,
            instrument_id=instrument_id,
            since_trade_id=since,
            since_ns=since_ns(self.cursor(instrument_id).since_ns),
        )

    def cursor(self, instrument_id: InstrumentId) -> FillsCursor:
        return self.state.fills.get(instrument_id, FillsCursor())

    # --- orders ---------------------------------------------------------------------------------

    def orders_of(self, instrument_id: InstrumentId) -> list[Tracked]:
        """Ours of one instrument, in the order of their ids."""
        every = (t for t in self.state.orders.values() if t.ours.instrument_id == instrument_id)
        return sorted(every, key=lambda t: t.ours.client_order_id)

    def match(self, report: OrderReport | FillReport) -> Tracked | None:
        """Our order behind a report, by either id.

        A venue lets the client id of an ended order be used again, so a known venue id that
        differs makes it another order; but one that waits for a trigger may get another id then.
        """
        orders, name, venue_id = self.state.orders, report.client_order_id, report.venue_order_id
        tracked = orders.get(name) if name else None
        if tracked is not None:
            ours = tracked.ours
            waits = ours.triggered or getattr(report, "order_type", OrderType.LIMIT).triggered
            becomes = waits and ours.phase is not Phase.CLOSED
            return tracked if ours.venue_order_id in (None, venue_id) or becomes else None
        key = self.state.by_venue_id.get((report.instrument_id, venue_id))
        return orders.get(key) if key is not None else None

    def learn(self, tracked: Tracked, venue_order_id: VenueOrderId | None, theirs: Theirs) -> None:
        """Replace the venue's side of an order, and compare."""
        ours = tracked.ours
        if venue_order_id:
            ours = replace(ours, venue_order_id=venue_order_id)
        self.put(replace(tracked, ours=ours, theirs=theirs))

    def put(self, tracked: Tracked) -> None:
        """Replace an order, give it the fills that waited for it, and compare both sides."""
        key, venue_id = tracked.ours.client_order_id, tracked.ours.venue_order_id
        before = self.state.orders.get(key)
        renamed = before is None or before.ours.venue_order_id != venue_id
        traded = before is None or before.ours.trades != tracked.ours.trades
        if renamed or (traded and tracked.ours.triggered):
            tracked = self._claim(tracked)
        tracked = adopt_trades(tracked)
        self.change(orders=self.state.orders.set(key, tracked))
        self.compare(tracked)

    def _claim(self, tracked: Tracked) -> Tracked:
        """The order with the fills that waited for it, now that its ids are known."""
        ours = tracked.ours
        key, venue_id = ours.client_order_id, ours.venue_order_id
        if venue_id is not None:
            at_venue = ours.instrument_id, venue_id
            self.change(by_venue_id=self.state.by_venue_id.set(at_venue, key))
        waiting = [f for f in self.state.unclaimed if _belongs(f, ours)]
        if waiting:
            rest = tuple(f for f in self.state.unclaimed if not _belongs(f, ours))
            self.change(unclaimed=rest)
        for known, report in sorted(self.state.orphans.items()):
            if report.instrument_id != ours.instrument_id:
                continue
            if report.venue_order_id == venue_id or (
                venue_id is None and report.client_order_id == key
            ):
                self.adopt(known)
        return with_fills(tracked, waiting)

    def compare(self, tracked: Tracked) -> None:
        known = self.cursor(tracked.ours.instrument_id).ts_known
        config = self.config
        verdict = discrepancies.compare(tracked, known, config.grace_ns, config.tolerance)
        self.settle(f"order:{tracked.ours.client_order_id}", verdict)

    # --- orphans --------------------------------------------------------------------------------

    def adopt(self, at_venue: VenueKey) -> None:
        """An orphan is none: it is ours after all, or it is gone."""
        self.change(orphans=self.state.orphans.delete(at_venue))
        self.settle(_orphan(at_venue), Verdict())

    def orphan(self, report: OrderReport) -> None:
        """The venue holds an order that we do not know."""
        ours = owner_of(self.config.owners, report.client_order_id) is not None
        others = Action.CANCEL_ORPHAN if self.config.cancel_orphans else Action.NONE
        action = Action.UPDATE_LOCAL if ours else others
        at_venue = report.instrument_id, report.venue_order_id
        self.change(orphans=self.state.orphans.set(at_venue, report))
        difference = Difference(
            kind=DiscrepancyKind.ORPHAN_ORDER,
            subject=report.client_order_id or report.venue_order_id,
            ours="",
            venues=f"{report.status} {report.side} {report.quantity}",
            cause="our id, but not in our books" if ours else "not placed by this run",
            action=action,
            evidence=() if action is Action.NONE else (discrepancies.stamped(report),),
            instrument_id=report.instrument_id,
            client_order_id=report.client_order_id or None,
        )
        self.settle(_orphan(at_venue), Verdict((difference,)))

    # --- cases ----------------------------------------------------------------------------------

    def settle(self, owner: str, verdict: Verdict) -> None:
        """Fold a comparison into the cases, and say which found ones it ended."""
        if not (verdict.differs or owner in self.state.cases):
            return
        cases, ended = settle(self.state.cases, owner, verdict, self.time)
        self.change(cases=cases, resolved=self.state.resolved + len(ended))
        for case in ended:
            self.say(
                DiscrepancyResolved,
                discrepancy=case.difference.kind,
                subject=case.difference.subject,
                open_ns=self.time - (case.ts_found or self.time),
            )
        if owner in cases:
            self.judge_after(self.config.grace_ns)

    def find(self) -> tuple[Case, ...]:
        """Report the cases that are ripe, and act on them."""
        cases, found = find(self.state.cases, self.time, self.config.grace_ns)
        self.change(cases=cases, found=self.state.found + len(found))
        for case in found:
            d = case.difference
            self.say(
                Discrepancy,
                correlation_id=d.client_order_id or "",
                discrepancy=d.kind,
                action=d.action,
                subject=d.subject,
                ours=d.ours,
                venues=d.venues,
                cause=d.cause,
                instrument_id=d.instrument_id,
                client_order_id=d.client_order_id,
                strategy_id=d.strategy_id,
            )
            self.act(d)
        return found

    def act(self, difference: Difference) -> None:
        """Hand over the evidence; adopting or cancelling an orphan is the order manager's to do."""
        self.out.extend(difference.evidence)
        if difference.action is Action.CANCEL_ORPHAN and difference.client_order_id:
            self.say(
                m.CancelIntent,
                correlation_id=difference.client_order_id,
                client_order_id=difference.client_order_id,
                strategy_id=EXTERNAL,
                instrument_id=difference.instrument_id,
            )


def _orphan(at_venue: VenueKey) -> str:
    return "orphan:{}:{}".format(*at_venue)


def _belongs(fill: FillReport, ours: Ours) -> bool:
    if fill.instrument_id != ours.instrument_id:
        return False
    if ours.triggered and fill.trade_id in ours.trades:
        return True  # of the order that it became, whose ids nobody may tell (OKX's lists)
    if ours.venue_order_id is not None:
        return fill.venue_order_id == ours.venue_order_id
    return fill.client_order_id == ours.client_order_id


def with_fills(tracked: Tracked, fills: Iterable[FillReport]) -> Tracked:
    """The order with these fills on the venue's side."""
    trades = tracked.theirs.trades
    for fill in fills:
        trades = trades.set(fill.trade_id, fill)
    return replace(tracked, theirs=replace(tracked.theirs, trades=trades))
