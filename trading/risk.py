"""The risk checker: every order passes here or is refused with a code; cancels always pass.

Its state is soft. A fresh incarnation asks the order manager for the account (`SyncRequest`) and
is not `ready` until the snapshot is here: until then its runtime leaves intents unacknowledged, so
none is lost and none is judged on half a view. What it approves counts as exposure at once;
UNKNOWN orders count in full until evidence settles them (worst case on each side separately).

An order that it approved and the venue refused by a filter shows that its rules are of yesterday:
it has the feed ask for those of today.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from immutables import Map

from messages import Message, accounts, market, risk
from messages import orders as m
from messages.base import ClientOrderId, InstrumentId
from messages.market import Instrument
from messages.risk import InstrumentLimits, RiskLimits, TradingState
from trading import risk_checks, silence
from trading.core import Step
from trading.replacing import replace
from trading.risk_checks import Exposure, Market, Refusal, View

_CLOSED_KEPT: Final = 4096
_NO_MARKET: Final = Market()


@dataclass(frozen=True, slots=True)
class RiskConfig:
    """Limits and instruments of one account."""

    limits: RiskLimits
    instruments: Mapping[InstrumentId, Instrument]
    incarnation: int = 1
    name: str = "risk"  # this actor's
    # Whether a venue's refusal, by code and words, is about the rules of an instrument.
    about_rules: Callable[[str, str], bool] = lambda code, reason: False

    @property
    def by_instrument(self) -> dict[InstrumentId, InstrumentLimits]:
        return {i.instrument_id: i for i in self.limits.instruments}


@dataclass(frozen=True, slots=True)
class RiskState:
    """What the checks look at."""

    ready: bool = False
    orders: Map[ClientOrderId, Exposure] = field(default_factory=Map)
    closed: Map[ClientOrderId, None] = field(default_factory=Map)  # recently; bounded
    positions: Map[InstrumentId, Decimal] = field(default_factory=Map)
    markets: Map[InstrumentId, Market] = field(default_factory=Map)
    instruments: Map[InstrumentId, Instrument] = field(default_factory=Map)
    trading_state: TradingState = TradingState.ACTIVE
    reported: int = -1  # number of the feed's last report
    reported_ns: int = -1
    recent: tuple[int, ...] = ()  # times of approvals within the rate window


class RiskCore:
    """Core of the risk checker."""

    def __init__(self, config: RiskConfig) -> None:
        self.config = config
        self._limits = config.by_instrument

    def start(self) -> RiskState:
        return RiskState(instruments=Map(self.config.instruments))

    def ready(self, state: RiskState) -> bool:
        """Whether intents may be judged yet."""
        return state.ready

    def resume(self, state: RiskState, now_ns: int) -> Step[RiskState]:
        name, incarnation = self.config.name, self.config.incarnation
        sync = accounts.SyncRequest(
            ts_event=now_ns, ts_init=now_ns, asker=name, incarnation=incarnation
        )
        return Step(replace(state, ready=False), (sync, self._wants(now_ns, replay=True)))

    def react(self, state: RiskState, message: Message, now_ns: int) -> Step[RiskState]:
        match message:
            case market.QuoteBatch() if len(message.rows):
                return Step(_quoted(state, message, now_ns))
            case m.OrderIntent():
                return self._intent(state, message, now_ns)
            case m.CancelIntent():
                passed = message.model_copy(update={"causation_id": message.key})
                return Step(state, (passed,))
            case m.ModifyIntent():
                return self._modify(state, message, now_ns)
            case m.OrderFact():
                return Step(_order_event(state, message), self._doubts(message, now_ns))
            case accounts.AccountSnapshot() if message.incarnation == self.config.incarnation:
                return Step(_snapshot(state, message))
            case accounts.OrderKnown():
                return Step(_known(state, message))
            case risk.TradingStateChanged():
                return Step(replace(state, trading_state=message.state))
            case market.FeedStale() | market.FeedRecovered() | market.FeedReported():
                return self._of_the_feed(state, message, now_ns)
            case market.InstrumentChanged():
                i = message.instrument
                return Step(replace(state, instruments=state.instruments.set(i.instrument_id, i)))
            case market.FeedReplay():
                return Step(_replayed(state, message, now_ns))
            case _:
                return Step(state)

    # --- the feed -----------------------------------------------------------------------------

    def _of_the_feed(
        self,
        state: RiskState,
        said: market.FeedStale | market.FeedRecovered | market.FeedReported,
        now_ns: int,
    ) -> Step[RiskState]:
        if not isinstance(said, market.FeedReported):
            return Step(_silence(state, said))
        if said.number <= state.reported:
            return Step(state)
        again = (self._wants(now_ns, replay=False),) if silence.asks(said) else ()
        return Step(_reported(state, said, now_ns), again)

    def _wants(self, now_ns: int, *, replay: bool) -> market.SubscribeFeed:
        return market.SubscribeFeed(
            ts_event=now_ns,
            ts_init=now_ns,
            asker=self.config.name,
            instrument_ids=tuple(self.config.instruments),
            streams=("quotes",),
            replay=replay,
        )

    def _doubts(self, event: m.OrderFact, now_ns: int) -> tuple[Message, ...]:
        """The venue refused by its rules what ours let pass: the feed has to ask for today's."""
        if not isinstance(event, m.OrderRejected | m.OrderModifyRejected):
            return ()
        if not self.config.about_rules(event.code, event.reason):
            return ()
        return (
            market.RulesRequested(
                ts_event=now_ns,
                ts_init=now_ns,
                causation_id=event.key,
                instrument_ids=(event.instrument_id,),
                reason=f"{event.code}: {event.reason}",
            ),
        )

    # --- verdicts -----------------------------------------------------------------------------

    def _intent(self, state: RiskState, message: m.OrderIntent, now_ns: int) -> Step[RiskState]:
        spec = message.order
        said = self._said(message, spec.client_order_id, now_ns)
        approved = m.ApprovedOrder(**said, order=spec, risk_incarnation=self.config.incarnation)
        if spec.client_order_id in state.orders or spec.client_order_id in state.closed:
            return Step(state, (approved,))  # said again: the order manager knows it by its id
        window = self.config.limits.rate_window_ns
        state = replace(state, recent=tuple(t for t in state.recent if now_ns - t < window))
        refusal = risk_checks.check(spec, self._view(state, spec.instrument_id, now_ns))
        if refusal is not None:
            return Step(state, (_refuse(spec, said, refusal),))
        exposure = Exposure(spec.instrument_id, spec.side, spec.quantity)
        state = replace(
            state,
            orders=state.orders.set(spec.client_order_id, exposure),
            recent=(*state.recent, now_ns),
        )
        return Step(state, (approved,))

    def _modify(self, state: RiskState, message: m.ModifyIntent, now_ns: int) -> Step[RiskState]:
        said = self._said(message, message.client_order_id, now_ns)
        ids: dict[str, Any] = {
            "client_order_id": message.client_order_id,
            "strategy_id": message.strategy_id,
        }
        known = state.orders.get(message.client_order_id)
        if known is None:
            code = m.RefusalCode.UNKNOWN_ORDER
            reason = f"{code}: no working order of this id"
            return Step(state, (m.RefusedOrder(**said, **ids, code=code, reason=reason),))
        # A smaller order is less exposure; until the venue confirms, the larger one counts.
        return Step(state, (m.ApprovedModify(**said, **ids, quantity=message.quantity),))

    def _view(self, state: RiskState, instrument_id: InstrumentId, now_ns: int) -> View:
        long_worst, short_worst = risk_checks.worst_case(
            instrument_id, state.positions.get(instrument_id, Decimal(0)), state.orders.values()
        )
        known = state.markets.get(instrument_id)
        if known is not None and silence.lapsed(state.reported_ns, now_ns):
            known = replace(known, stale=known.stale | {silence.FEED})
        return View(
            instrument=state.instruments.get(instrument_id),
            limits=self._limits.get(instrument_id),
            market=known,
            trading_state=state.trading_state,
            position=state.positions.get(instrument_id, Decimal(0)),
            long_worst=long_worst,
            short_worst=short_worst,
            recent=len(state.recent),
            recent_max=self.config.limits.max_orders,
            stale_after_ns=self.config.limits.stale_after_ns,
            now_ns=now_ns,
        )

    @staticmethod
    def _said(cause: Message, correlation_id: str, now_ns: int) -> dict[str, Any]:
        return {
            "ts_event": now_ns,
            "ts_init": now_ns,
            "correlation_id": correlation_id,
            "causation_id": cause.key,
        }


def _refuse(spec: m.OrderSpec, said: dict[str, Any], refusal: Refusal) -> m.RefusedOrder:
    return m.RefusedOrder(
        **said,
        client_order_id=spec.client_order_id,
        strategy_id=spec.strategy_id,
        code=refusal.code,
        reason=refusal.text,
    )


# --- folding what happens ----------------------------------------------------------------------


def _quoted(state: RiskState, batch: market.QuoteBatch, now_ns: int) -> RiskState:
    last = batch.rows[-1]
    before = state.markets.get(batch.instrument_id, _NO_MARKET)
    after = Market(float(last["bid_price"]), float(last["ask_price"]), now_ns, before.stale)
    return replace(state, markets=state.markets.set(batch.instrument_id, after))


def _silence(state: RiskState, said: market.FeedStale | market.FeedRecovered) -> RiskState:
    before = state.markets.get(said.instrument_id, _NO_MARKET)
    one = frozenset({said.stream})
    streams = before.stale | one if isinstance(said, market.FeedStale) else before.stale - one
    after = replace(before, stale=streams)
    return replace(state, markets=state.markets.set(said.instrument_id, after))


def _reported(state: RiskState, report: market.FeedReported, now_ns: int) -> RiskState:
    markets = state.markets
    for instrument_id in state.instruments:
        before = markets.get(instrument_id, _NO_MARKET)
        stale = silence.silent(before.stale, report, instrument_id)
        if stale != before.stale:
            markets = markets.set(instrument_id, replace(before, stale=stale))
    return replace(state, markets=markets, reported=report.number, reported_ns=now_ns)


def _replayed(state: RiskState, replay: market.FeedReplay, now_ns: int) -> RiskState:
    instruments = state.instruments
    for instrument in replay.instruments:
        instruments = instruments.set(instrument.instrument_id, instrument)
    state = replace(state, instruments=instruments)
    for batch in replay.batches:
        if isinstance(batch, market.QuoteBatch) and len(batch.rows):
            state = _quoted(state, batch, int(batch.rows[-1]["ts_init"]))
    return state


def _order_event(state: RiskState, event: m.OrderFact) -> RiskState:
    key = event.client_order_id
    known = state.orders.get(key)
    match event:
        case m.OrderSubmitted():
            order = event.order
            fresh = Exposure(order.instrument_id, order.side, order.quantity)
            return replace(state, orders=state.orders.set(key, known or fresh))
        case m.OrderFilled():
            held = state.positions.get(event.instrument_id, Decimal(0))
            held += event.last_qty * event.side.sign
            state = replace(state, positions=state.positions.set(event.instrument_id, held))
            if known is None:
                return state
            if event.leaves_qty == 0:
                return _close(state, key)
            after = replace(known, leaves_qty=event.leaves_qty)
            return replace(state, orders=state.orders.set(key, after))
        case m.OrderUpdated() if known is not None:
            if event.leaves_qty == 0:
                return _close(state, key)
            after = replace(known, leaves_qty=event.leaves_qty)
            return replace(state, orders=state.orders.set(key, after))
        case m.OrderDenied() | m.OrderRejected() | m.OrderCanceled() | m.OrderExpired():
            return _close(state, key)
        case _:
            return state


def _known(state: RiskState, message: accounts.OrderKnown) -> RiskState:
    key = message.view.client_order_id
    if message.closed:
        return _close(state, key)
    order = message.view.order
    held = Exposure(order.instrument_id, order.side, message.view.leaves_qty)
    return replace(state, orders=state.orders.set(key, held))


def _close(state: RiskState, key: ClientOrderId) -> RiskState:
    orders = state.orders.delete(key) if key in state.orders else state.orders
    closed = state.closed if len(state.closed) < _CLOSED_KEPT else Map()
    return replace(state, orders=orders, closed=closed.set(key, None))


def _snapshot(state: RiskState, snapshot: accounts.AccountSnapshot) -> RiskState:
    """Replace everything we believe about the account: the order manager is the authority."""
    orders = {
        v.client_order_id: Exposure(v.order.instrument_id, v.order.side, v.leaves_qty)
        for v in snapshot.orders
    }
    held: dict[InstrumentId, Decimal] = {}
    for p in snapshot.positions:
        held[p.instrument_id] = held.get(p.instrument_id, Decimal(0)) + p.quantity
    return replace(
        state,
        ready=True,
        orders=Map(orders),
        positions=Map(held),
        trading_state=snapshot.trading_state,
    )
