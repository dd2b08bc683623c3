"""The reconciler's time: when it asks, when it judges, when a cycle ends, and what it forgets."""

from typing import Final

from messages import control, risk, venue
from messages.base import ClientOrderId, InstrumentId
from messages.health import Action, DiscrepancyKind, ReconcileCompleted
from messages.market import Product
from messages.risk import TradingState
from trading import balances
from trading.cases import Difference, Verdict, all_cases
from trading.reconciler_answers import ask_fills, unanswered
from trading.reconciler_state import ACCOUNT, CURRENCY, JUDGE, RECONCILE
from trading.reconciler_turn import Turn
from trading.replacing import replace
from trading.tracked import Phase

# A wrong fill moves a balance wrongly: one cause, one discrepancy.
_FILL_KINDS: Final = frozenset(
    {
        DiscrepancyKind.MISSED_FILL,
        DiscrepancyKind.FILLED_QTY_MISMATCH,
        DiscrepancyKind.AVG_PX_MISMATCH,
    }
)


def timer(turn: Turn, message: control.TimerFired) -> None:
    """A timer of ours is due."""
    if message.name == RECONCILE:
        _cycle(turn)
    elif message.name == JUDGE:
        turn.change(judge_at=0)
        _judge(turn)
    elif message.name == ACCOUNT:
        turn.change(checking=False)
        if turn.state.ledger.check is None:
            turn.ask_account()


def _cycle(turn: Turn) -> None:
    turn.timer(RECONCILE, turn.config.interval_ns)
    if not turn.state.synced:
        turn.sync()
        return
    for question, asked in sorted(turn.state.asked.items()):
        if turn.time >= asked + turn.config.timeout_ns:
            turn.answered(question)
            unanswered(turn, question)
    if turn.state.running and turn.state.asked:
        return  # a slow venue gets fewer questions, not more
    if turn.state.running:
        _complete(turn)
    begin(turn)


def begin(turn: Turn) -> None:
    """Begin a cycle: ask for what does not depend on other answers."""
    turn.change(cycle=turn.state.cycle + 1, running=True)
    for instrument_id in turn.config.instruments:
        question = f"open:{instrument_id}"
        turn.ask(question, venue.QueryOpenOrders, instrument_id=instrument_id)
    if turn.state.ledger.check is None:
        turn.ask_account()
    else:  # the balances of a fast check are still being judged
        ask_fills(turn)


def _judge(turn: Turn) -> None:
    """Report what is ripe; come back for what is not; end the cycle when nothing is left."""
    grace_ns, state = turn.config.grace_ns, turn.state
    check = state.ledger.check
    if check is not None and check.answered and turn.time >= check.ts_answered + grace_ns:
        _judge_balances(turn)
    for case in turn.find():
        currency = case.difference.token.removeprefix(CURRENCY)
        if currency != case.difference.token and case.difference.action is Action.NONE:
            turn.change(ledger=balances.rebased(turn.state.ledger, currency))
    due = [
        case.ts_first + grace_ns
        for case in all_cases(turn.state.cases)
        if not case.found and case.decided and turn.time < case.ts_first + grace_ns
    ]
    check = turn.state.ledger.check
    if check is not None and check.answered:
        due.append(check.ts_answered + grace_ns)
    if due:
        turn.judge_after(max(min(due) - turn.time, 0))
    elif turn.state.running and not turn.state.asked:
        _complete(turn)


def _judge_balances(turn: Turn) -> None:
    ledger = turn.state.ledger
    if not _fills_settled(turn):
        turn.change(ledger=replace(ledger, check=None))
        return
    instruments = turn.config.instruments
    later: set[str] = set(balances.entered(ledger, instruments, turn.config.grace_ns))
    if ledger.check is not None:  # nor is what nobody told explained
        later |= set[str](instruments) - set(ledger.check.totals or ())
    after, gaps = balances.judged(ledger, instruments, turn.config.grace_ns)
    turn.change(ledger=after)
    missing = {gap.currency for gap in gaps}
    for owner in sorted(o for o in turn.state.cases if o.startswith(CURRENCY)):
        if owner.removeprefix(CURRENCY) not in missing | later:
            turn.settle(owner, Verdict())
    for gap in gaps:
        turn.settle(f"{CURRENCY}{gap.currency}", Verdict((_gap(turn, gap),)))


def _fills_settled(turn: Turn) -> bool:
    """Whether every fill in the venue's balances can be known to us: else they prove nothing."""
    if any(c.difference.kind in _FILL_KINDS for c in all_cases(turn.state.cases)):
        return False
    late = turn.time - turn.config.grace_ns
    return not any(
        t.ours.phase is Phase.UNKNOWN or (t.ours.phase is Phase.SENT and t.ours.ts_changed <= late)
        for t in turn.state.orders.values()
    )


def _gap(turn: Turn, gap: balances.Gap) -> Difference:
    if gap.currency in turn.config.instruments:
        return _contracts(InstrumentId(gap.currency), gap)
    traded = [
        i
        for i, rules in turn.config.instruments.items()
        if rules.base == gap.currency and rules.product is Product.SPOT
    ]
    rebase = turn.config.rebase_balances
    kind = DiscrepancyKind.POSITION_MISMATCH if traded else DiscrepancyKind.BALANCE_MISMATCH
    then = "; taken as given from now on" if rebase else ""
    return Difference(
        kind=kind,
        subject=f"position:{traded[0]}" if traded else f"balance:{gap.currency}",
        ours=str(gap.expected),
        venues=str(gap.total),
        cause=f"{gap.currency}: our fills and commissions do not explain the total{then}",
        action=Action.NONE if rebase else Action.MANUAL,
        token=f"{CURRENCY}{gap.currency}",
        sightings=2,
        instrument_id=traded[0] if traded else None,
    )


def _contracts(instrument_id: InstrumentId, gap: balances.Gap) -> Difference:
    """Nobody pays contracts in, so they are not taken as given before a person has looked."""
    return Difference(
        kind=DiscrepancyKind.POSITION_MISMATCH,
        subject=f"position:{instrument_id}",
        ours=str(gap.expected),
        venues=str(gap.total),
        cause="our fills do not explain the venue's position: liquidated, deleveraged, or traded"
        " by somebody else; taken as given once trading is resumed",
        action=Action.MANUAL,
        token=f"{CURRENCY}{gap.currency}",
        sightings=2,
        instrument_id=instrument_id,
    )


# --- the end of a cycle -------------------------------------------------------------------------


def _complete(turn: Turn) -> None:
    open_cases = [c for c in all_cases(turn.state.cases) if c.found]
    for case in open_cases:
        if case.cycles:  # the evidence was handed over when it was found; now there is newer
            turn.act(case.difference)
    cases = turn.state.cases
    for owner, group in cases.items():
        older = tuple(replace(c, cycles=c.cycles + 1) if c.found else c for c in group)
        cases = cases.set(owner, older)
    turn.change(cases=cases)
    _freeze(turn)
    turn.say(
        ReconcileCompleted,
        cycle=turn.state.cycle,
        found=turn.state.found,
        resolved=turn.state.resolved,
        open=len(open_cases),
    )
    turn.change(running=False, found=0, resolved=0)
    _forget(turn)


def _freeze(turn: Turn) -> None:
    """Reduce trading, once, for a difference of ours that nothing has resolved."""
    stuck = [
        c
        for c in all_cases(turn.state.cases)
        if c.cycles >= turn.config.strikes and c.difference.action is not Action.NONE
    ]
    if not stuck or turn.state.frozen or turn.state.trading_state is not TradingState.ACTIVE:
        return
    turn.change(frozen=True)
    worst = stuck[0]
    turn.say(
        risk.SetTradingState,
        state=TradingState.REDUCING,
        operator=turn.config.asker,
        reason=f"{worst.difference.kind} of {worst.difference.subject} unresolved after"
        f" {worst.cycles} cycles ({len(stuck)} in all); check it, then resume",
    )


def _forget(turn: Turn) -> None:
    """Drop ended orders that both sides agree about, after a while or when there are many."""
    ended = sorted(
        (t.ours.ts_changed, key)
        for key, t in turn.state.orders.items()
        if t.ours.phase is Phase.CLOSED and f"order:{key}" not in turn.state.cases
    )
    surplus = len(ended) - turn.config.retained_max
    orders, by_venue_id, gone = turn.state.orders, turn.state.by_venue_id, set[ClientOrderId]()
    for n, (ts_changed, key) in enumerate(ended):
        ours = orders[key].ours
        covered = turn.cursor(ours.instrument_id).ts_known >= ts_changed + turn.config.grace_ns
        if n >= surplus and not (covered and turn.time >= ts_changed + turn.config.retain_ns):
            continue
        orders = orders.delete(key)
        gone.add(key)
    for at_venue in [at for at, key in by_venue_id.items() if key in gone] if gone else ():
        by_venue_id = by_venue_id.delete(at_venue)
    turn.change(orders=orders, by_venue_id=by_venue_id)
