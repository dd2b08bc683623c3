"""The reconciler: asks the venue over its own connection whether our books are right, for ever.

Theory of operation. A cycle asks for open orders, for balances and the positions of contracts, and
- once these are here, so that the fills cover them - for fills. Answers and our order manager's
events update two pictures, which are compared at once (`trading.discrepancies`,
`trading.balances`); what differs must outlive a grace before it is reported. The evidence then goes
to the order manager, who alone changes our books, and whose events then end the case. A difference
that survives `strikes` cycles reduces trading, once, until a person resumes. Questions may fail:
the next cycle asks them again.

The reconciler holds nothing durable: at each start it asks the order manager for everything, and it
knows nothing, so says nothing, until that answer is here. Fills from before our run, or of other
programs, match no order of ours and are nobody's business here; the balances show them.
"""

from collections.abc import Callable
from typing import Any, Final, get_args

from messages import Message, accounts, control, risk, venue
from messages import orders as m
from messages.base import InstrumentId
from messages.health import Action, DiscrepancyKind
from messages.orders import OrderEvent
from messages.risk import TradingState
from trading import balances, positions, tracked
from trading import reconciler_answers as answers
from trading.cases import Difference, Verdict
from trading.core import Step
from trading.reconciler_cycle import begin, timer
from trading.reconciler_state import (
    ACCOUNT,
    CURRENCY,
    RECONCILE,
    Claim,
    ReconcilerConfig,
    ReconcilerState,
)
from trading.reconciler_turn import Turn
from trading.replacing import replace
from trading.tracked import Tracked


class ReconcilerCore:
    """Core of the reconciler; holds no state of its own."""

    def __init__(self, config: ReconcilerConfig) -> None:
        self.config = config
        self._handlers: dict[type[Message], Callable[[Turn, Any], None]] = {
            **dict.fromkeys(get_args(OrderEvent), _order_event),
            accounts.AccountSnapshot: _snapshot,
            accounts.PositionChanged: _position,
            risk.TradingStateChanged: _trading_state,
            control.TimerFired: timer,
            venue.OpenOrdersReport: answers.open_orders,
            venue.FillsReport: answers.fills,
            venue.AccountReport: answers.account,
            venue.PositionsReport: answers.positions,
            venue.OrderReport: answers.order,
            venue.OrderNotFound: answers.not_found,
            venue.RequestFailed: answers.failed,
            venue.RequestRefused: answers.failed,
        }

    def start(self) -> ReconcilerState:
        return ReconcilerState()

    def resume(self, state: ReconcilerState, now_ns: int) -> Step[ReconcilerState]:
        turn = Turn(self.config, ReconcilerState(), "resumed", now_ns)
        turn.sync()
        turn.timer(RECONCILE, self.config.interval_ns)
        return turn.step()

    def react(self, state: ReconcilerState, message: Message, now_ns: int) -> Step[ReconcilerState]:
        handler = self._handlers.get(type(message))
        if handler is None:
            return Step(state)
        turn = Turn(self.config, state, message.key, now_ns)
        handler(turn, message)
        return turn.step()


# --- our side -----------------------------------------------------------------------------------


def _snapshot(turn: Turn, message: accounts.AccountSnapshot) -> None:
    """The first one is where our picture begins; a second repeats what events have told."""
    if turn.state.synced or message.asker != turn.config.asker:
        return
    if message.incarnation != turn.config.incarnation:
        return
    claims, ledger = turn.state.claims, turn.state.ledger
    for position in message.positions:
        claim = Claim(position.quantity, position.quantity)
        claims = claims.set(_owner(position.strategy_id, position.instrument_id), claim)
    for instrument_id, rules in turn.config.instruments.items():
        mine = (p.quantity for p in message.positions if p.instrument_id == instrument_id)
        ledger = balances.begun(ledger, rules, positions.total(*mine))
    turn.change(synced=True, trading_state=message.trading_state, claims=claims, ledger=ledger)
    for view in message.orders:
        turn.put(Tracked(tracked.from_view(view, turn.time)))
    begin(turn)


def _order_event(turn: Turn, event: OrderEvent) -> None:
    if not turn.state.synced:
        return  # the snapshot on its way includes it
    before = turn.state.orders.get(event.client_order_id)
    if isinstance(event, m.OrderFilled):
        if before is not None and event.trade_id in before.ours.trades:
            return
        _money_moved(turn, event)
    ours = tracked.after(before.ours if before is not None else None, event, turn.time)
    turn.put(replace(before, ours=ours) if before is not None else Tracked(ours))


def _money_moved(turn: Turn, fill: m.OrderFilled) -> None:
    instrument = turn.config.instruments.get(fill.instrument_id)
    if instrument is None:
        return
    flow = balances.flow_of(fill, instrument, turn.time)
    turn.change(ledger=balances.moved(turn.state.ledger, flow))
    owner = _owner(fill.strategy_id, fill.instrument_id)
    claim = turn.state.claims.get(owner, _NO_CLAIM)
    folded = positions.total(claim.folded, positions.signed(fill))
    _claim(turn, owner, replace(claim, folded=folded), fill.instrument_id)
    if turn.config.fast_after_ns and not turn.state.checking:
        turn.change(checking=True)
        turn.timer(ACCOUNT, turn.config.fast_after_ns)


def _position(turn: Turn, message: accounts.PositionChanged) -> None:
    if turn.state.synced:
        position = message.position
        owner = _owner(position.strategy_id, position.instrument_id)
        claim = turn.state.claims.get(owner, _NO_CLAIM)
        _claim(turn, owner, replace(claim, stated=position.quantity), position.instrument_id)


_NO_CLAIM: Final = Claim(positions.total(), positions.total())


def _owner(strategy_id: str, instrument_id: str) -> str:
    return f"position:{strategy_id}:{instrument_id}"


def _claim(turn: Turn, owner: str, claim: Claim, instrument_id: InstrumentId) -> None:
    """The order manager's position must be the sum of the fills that it told us."""
    turn.change(claims=turn.state.claims.set(owner, claim))
    if claim.stated == claim.folded:
        turn.settle(owner, Verdict())
        return
    difference = Difference(
        kind=DiscrepancyKind.POSITION_MISMATCH,
        subject=owner,
        ours=str(claim.stated),
        venues=str(claim.folded),
        cause="the position is not the sum of its fills",
        action=Action.MANUAL,
        token=str(positions.total(claim.stated, positions.negative(claim.folded))),
        instrument_id=instrument_id,
    )
    turn.settle(owner, Verdict((difference,)))


def _trading_state(turn: Turn, message: risk.TradingStateChanged) -> None:
    """A person who resumes gives every difference its strikes back, and has seen what contracts the
    venue holds: they are taken as given."""
    turn.change(trading_state=message.state)
    if message.state is not TradingState.ACTIVE:
        return
    cases = turn.state.cases
    for owner in cases:
        held = owner.removeprefix(CURRENCY)
        if held in turn.config.instruments and any(case.found for case in cases[owner]):
            turn.change(ledger=balances.rebased(turn.state.ledger, held))
    if turn.state.frozen:
        for owner in cases:
            cases = cases.set(owner, tuple(replace(c, cycles=0) for c in cases[owner]))
        turn.change(frozen=False, cases=cases)


__all__ = ["ReconcilerConfig", "ReconcilerCore", "ReconcilerState"]
