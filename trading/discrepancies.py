"""When two views of one thing differ, and when that is worth saying.

Theory of operation. Messages are asynchronous, so at most moments the two sides differ and nothing
is wrong. What tells them apart:

- *The venue is ahead* (it ended an order, it has a fill): our event is on its way. It is wrong only
  if it does not come within the grace after the venue's answer.
- *We are ahead* (we ended an order that it lists): its answer may be older than our event. Such a
  difference counts only if we asked a grace after our last change (`fresh`); until then nothing can
  be said, and a case that was open stays open.

What becomes of a difference over time is in `trading.cases`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from messages import Message
from messages.health import Action, DiscrepancyKind
from messages.venue import Source
from trading.cases import Difference, Verdict
from trading.positions import negative, notional, total
from trading.replacing import replace
from trading.tracked import ENDED_SOMEHOW, Ours, Phase, Tracked, Where

K = DiscrepancyKind


@dataclass(frozen=True, slots=True)
class Rule:
    """A cell of STATUS_RULES."""

    kind: DiscrepancyKind
    fresh: bool  # only an answer that we asked for a grace after our last change counts
    cause: str


_AHEAD: Final = Rule(K.STATUS_MISMATCH, fresh=False, cause="the venue acted, we were not told")
_ENDED: Final = Rule(K.STATUS_MISMATCH, fresh=False, cause="the order ended, we were not told")
_ZOMBIE: Final = Rule(K.STATUS_MISMATCH, fresh=True, cause="it works after we saw it end")
_GONE: Final = Rule(K.MISSING_AT_VENUE, fresh=True, cause="not among the venue's open orders")
_NEVER: Final = Rule(K.MISSING_AT_VENUE, fresh=True, cause="the venue has no such order")
P, W = Phase, Where
# (what we claim, what the venue says) -> the rule they break; None: they agree.
STATUS_RULES: Final[Mapping[tuple[Phase, Where], Rule | None]] = {
    (P.SENT, W.UNSEEN): None,
    (P.SENT, W.OPEN): _AHEAD,
    (P.SENT, W.ABSENT): _GONE,
    (P.SENT, W.NOT_FOUND): _NEVER,
    (P.SENT, W.ENDED): _ENDED,
    (P.OPEN, W.UNSEEN): None,
    (P.OPEN, W.OPEN): None,
    (P.OPEN, W.ABSENT): _GONE,
    (P.OPEN, W.NOT_FOUND): _NEVER,
    (P.OPEN, W.ENDED): _ENDED,
    # UNKNOWN claims nothing, so an order that is not there breaks nothing.
    (P.UNKNOWN, W.UNSEEN): None,
    (P.UNKNOWN, W.OPEN): _AHEAD,
    (P.UNKNOWN, W.ABSENT): None,
    (P.UNKNOWN, W.NOT_FOUND): None,
    (P.UNKNOWN, W.ENDED): _ENDED,
    (P.CLOSED, W.UNSEEN): None,
    (P.CLOSED, W.OPEN): _ZOMBIE,
    (P.CLOSED, W.ABSENT): None,
    (P.CLOSED, W.NOT_FOUND): None,
    (P.CLOSED, W.ENDED): None,  # but see _status: both ended, perhaps differently
}
assert STATUS_RULES.keys() == {(p, w) for p in Phase for w in Where}, "every pair needs a cell"


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far apart average prices may be: venues print a rounded quotient."""

    avg_px: Decimal = Decimal("1e-8")  # quote per base
    avg_px_relative: Decimal = Decimal("1e-9")


def compare(tracked: Tracked, fills_asked_ns: int, grace_ns: int, tolerance: Tolerance) -> Verdict:
    """How both sides of one order differ. `fills_asked_ns`: as of when we hold all its fills."""
    parts = [
        _status(tracked, grace_ns),
        _trades(tracked, fills_asked_ns, grace_ns),
        _sums(tracked, grace_ns, tolerance),
    ]
    differs = {(d.kind, d.subject): d for part in reversed(parts) for d in part.differs}
    waiting = frozenset[DiscrepancyKind]().union(*(part.waiting for part in parts))
    return Verdict(tuple(differs.values()), waiting)


def _about(ours: Ours, kind: DiscrepancyKind, subject: str | None = None) -> Difference:
    return Difference(
        kind=kind,
        subject=ours.client_order_id if subject is None else subject,
        ours="",
        venues="",
        cause="",
        action=Action.MANUAL,
        instrument_id=ours.instrument_id,
        client_order_id=ours.client_order_id,
        strategy_id=ours.strategy_id,
    )


def stamped(message: Message) -> Message:
    """Evidence as the reconciler hands it on: it says who asked."""
    return message.model_copy(update={"source": Source.RECONCILER})


def _status(tracked: Tracked, grace_ns: int) -> Verdict:
    ours, theirs = tracked.ours, tracked.theirs
    rule = STATUS_RULES[ours.phase, theirs.where]
    said = theirs.report.status if theirs.report is not None else theirs.where
    if ours.phase is P.CLOSED and theirs.where is W.ENDED:
        same = str(said) == ours.status or ours.status == ENDED_SOMEHOW
        rule = None if same else replace(_ENDED, cause="both saw it end, differently")
    if rule is None:
        return Verdict()
    if rule.fresh and theirs.ts_asked < ours.ts_changed + grace_ns:
        return Verdict(waiting=frozenset({K.STATUS_MISMATCH, K.MISSING_AT_VENUE}))
    answer = theirs.report or theirs.not_found
    return Verdict(
        (
            replace(
                _about(ours, rule.kind),
                ours=ours.status,
                venues=str(said),
                cause=rule.cause,
                action=Action.UPDATE_LOCAL if answer is not None else Action.QUERY,
                evidence=(stamped(answer),) if answer is not None else (),
                token=str(said),
            ),
        )
    )


def _trades(tracked: Tracked, fills_asked_ns: int, grace_ns: int) -> Verdict:
    """Fill by fill, by trade id."""
    ours, theirs = tracked.ours, tracked.theirs
    if not ours.whole or ours.earlier_qty:
        return Verdict()
    differs: list[Difference] = []
    for trade_id in sorted(theirs.trades):
        fill, known = theirs.trades[trade_id], ours.trades.get(trade_id)
        venues = f"{fill.last_qty} @ {fill.last_px}"
        if known is None:
            missed = _about(ours, K.MISSED_FILL, f"{ours.instrument_id}:{trade_id}")
            act = Action.UPDATE_LOCAL
            cause = "the venue reports a trade that we were not told of"
            differs.append(
                replace(missed, ours="", venues=venues, cause=cause, action=act,
                        evidence=(stamped(fill),))
            )  # fmt: skip
            continue
        for kind, same in (
            (K.FILLED_QTY_MISMATCH, known.quantity == fill.last_qty),
            (K.AVG_PX_MISMATCH, known.price == fill.last_px),
        ):
            if not same:
                cause = f"trade {trade_id} is another trade at the venue"
                held = f"{known.quantity} @ {known.price}"
                differs.append(replace(_about(ours, kind), ours=held, venues=venues, cause=cause))
    phantom = sorted(t for t in ours.trades if t not in theirs.trades)
    if not phantom:
        return Verdict(tuple(differs))
    if fills_asked_ns < ours.ts_filled + grace_ns:
        return Verdict(tuple(differs), frozenset({K.FILLED_QTY_MISMATCH}))
    cause = f"the venue has no trade {', '.join(phantom)}"
    count = f"{len(theirs.trades)} trades"
    ghost = replace(
        _about(ours, K.FILLED_QTY_MISMATCH),
        ours=f"{len(ours.trades)} trades",
        venues=count,
        cause=cause,
        token=cause,
    )
    return Verdict((*differs, ghost))


def _sums(tracked: Tracked, grace_ns: int, tolerance: Tolerance) -> Verdict:
    """Filled quantity and average price, as far as the venue's latest report tells them."""
    ours, theirs = tracked.ours, tracked.theirs
    if not ours.whole:
        return Verdict()
    held = ours.filled_qty
    fills = tuple(theirs.trades[t] for t in sorted(theirs.trades) if t not in ours.trades)
    if fills and not ours.earlier_qty:
        return Verdict(waiting=frozenset({K.FILLED_QTY_MISMATCH, K.AVG_PX_MISMATCH}))
    report = theirs.report
    venues = report.filled_qty if report is not None else Decimal(0)
    venues = max(venues, total(*(f.last_qty for f in theirs.trades.values())))
    about = replace(
        _about(ours, K.FILLED_QTY_MISMATCH), ours=str(held), venues=str(venues), token=str(venues)
    )
    if venues > held:
        answers: tuple[Message, ...] = (*fills, report) if report is not None else fills
        cause = "the venue filled more than we were told"
        evidence = tuple(map(stamped, answers))
        act = Action.UPDATE_LOCAL
        return Verdict((replace(about, cause=cause, action=act, evidence=evidence),))
    if report is None or venues == held:
        same = report is not None and report.filled_qty == held  # it may be older than the fills
        return _average(ours, report.avg_px if report and same else None, held, tolerance)
    if theirs.ts_asked < ours.ts_changed + grace_ns:
        return Verdict(waiting=frozenset({K.FILLED_QTY_MISMATCH}))
    return Verdict((replace(about, cause="we hold fills that the venue does not count"),))


def _average(ours: Ours, avg_px: Decimal | None, held: Decimal, tolerance: Tolerance) -> Verdict:
    if avg_px is None or not held:
        return Verdict()
    off = abs(total(notional(avg_px, held), negative(ours.cost)))
    allowed = max(tolerance.avg_px, avg_px * tolerance.avg_px_relative) * held
    if off <= allowed:
        return Verdict()
    difference = replace(
        _about(ours, K.AVG_PX_MISMATCH),
        ours=str(ours.cost / held),
        venues=str(avg_px),
        cause="the same quantity at another average price",
    )
    return Verdict((difference,))
