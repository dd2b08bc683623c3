"""Cell by cell: which pair of views is a difference, and when money is explained."""

from dataclasses import replace
from decimal import Decimal

import pytest
from immutables import Map
from reconciler_stage import BTC, Stage, spec

from messages.base import TradeId, VenueOrderId
from messages.health import Action
from messages.health import DiscrepancyKind as K
from messages.venue import Balance, OrderNotFound, Source, VenueStatus
from trading import balances
from trading.balances import Flow, Ledger
from trading.cases import Case, Cases, Difference, Verdict, find, settle
from trading.discrepancies import STATUS_RULES, Tolerance, compare
from trading.tracked import Ours, Phase, Theirs, Tracked, Trade, Where

D = Decimal
GRACE = 10
TOLERANCE = Tolerance()


def ours(phase: Phase, ts_changed: int = 0) -> Ours:
    status = "CANCELED" if phase is Phase.CLOSED else str(phase)
    order = spec("o1")
    return Ours(
        order.client_order_id, order.strategy_id, order.instrument_id, phase, status, ts_changed
    )


def theirs(where: Where, ts_asked: int) -> Theirs:
    stage = Stage()
    stage.statuses = {"o1": ("CANCELED" if where is Where.ENDED else "NEW", "0")}
    seen = where in (Where.OPEN, Where.ENDED)
    return Theirs(where, ts_asked, report=stage.report("o1") if seen else None)


@pytest.mark.parametrize(("phase", "where"), sorted(STATUS_RULES))
def test_status_rules_are_what_compare_says_with_fresh_evidence(phase: Phase, where: Where) -> None:
    rule = STATUS_RULES[phase, where]

    verdict = compare(Tracked(ours(phase), theirs(where, GRACE)), 0, GRACE, TOLERANCE)

    assert [d.kind for d in verdict.differs] == ([rule.kind] if rule else [])


@pytest.mark.parametrize(("phase", "where"), sorted(STATUS_RULES))
def test_evidence_that_may_be_older_than_our_change_proves_only_that_the_venue_is_ahead(
    phase: Phase, where: Where
) -> None:
    rule = STATUS_RULES[phase, where]

    stale = Tracked(ours(phase, ts_changed=5), theirs(where, GRACE))
    verdict = compare(stale, 0, GRACE, TOLERANCE)

    ahead = rule is not None and not rule.fresh
    assert [d.kind for d in verdict.differs] == ([rule.kind] if rule and ahead else [])
    assert bool(verdict.waiting) == (rule is not None and rule.fresh)


def test_both_ended_differently_is_a_status_mismatch() -> None:
    expired = theirs(Where.ENDED, GRACE)
    assert expired.report is not None
    expired = replace(
        expired, report=expired.report.model_copy(update={"status": VenueStatus.EXPIRED})
    )

    verdict = compare(Tracked(ours(Phase.CLOSED), expired), 0, GRACE, TOLERANCE)

    assert [(d.kind, d.ours, d.venues) for d in verdict.differs] == [
        (K.STATUS_MISMATCH, "CANCELED", "EXPIRED")
    ]


def test_evidence_handed_on_names_the_reconciler_as_its_source() -> None:
    answer = OrderNotFound(
        ts_event=0, ts_init=0, client_order_id=spec("o1").client_order_id,
        instrument_id=BTC.instrument_id,
    )  # fmt: skip
    lost = Theirs(Where.NOT_FOUND, GRACE, not_found=answer)

    verdict = compare(Tracked(ours(Phase.OPEN), lost), 0, GRACE, TOLERANCE)

    (difference,) = verdict.differs
    assert difference.kind is K.MISSING_AT_VENUE
    assert [getattr(e, "source", None) for e in difference.evidence] == [Source.RECONCILER]


def test_a_fill_of_ours_is_no_phantom_until_the_venue_was_asked_a_grace_later() -> None:
    held = replace(ours(Phase.OPEN), trades=Map({TradeId("1"): Trade(D(1), D(9))}), ts_filled=5)

    early = compare(Tracked(held), 14, GRACE, TOLERANCE)
    late = compare(Tracked(held), 15, GRACE, TOLERANCE)

    assert early == Verdict(waiting=frozenset({K.FILLED_QTY_MISMATCH}))
    assert [d.kind for d in late.differs] == [K.FILLED_QTY_MISMATCH]


# --- cases --------------------------------------------------------------------------------------


def difference(token: str = "", sightings: int = 1) -> Difference:
    return Difference(
        K.STATUS_MISMATCH, "o1", "", "", "", Action.NONE, token=token, sightings=sightings
    )


def settled(cases: Cases, now: int, verdict: Verdict) -> tuple[Cases, tuple[Case, ...]]:
    cases, ended = settle(cases, "order:o1", verdict, now)
    found = find(cases, now, GRACE)
    return found[0], (*ended, *found[1])


@pytest.mark.parametrize(
    ("verdicts", "found_at"),
    [
        ([(0, Verdict((difference(),))), (9, Verdict((difference(),)))], None),
        ([(0, Verdict((difference(),))), (10, Verdict((difference(),)))], 10),
        ([(0, Verdict((difference(),))), (5, Verdict()), (12, Verdict((difference(),)))], None),
        ([(0, Verdict((difference("a"),))), (9, Verdict((difference("b"),)))], None),
        ([(0, Verdict((difference("a"),))), (11, Verdict((difference("b"),)))], None),
        ([(0, Verdict((difference("", 2),))), (20, Verdict((difference("", 2),)))], 20),
        (
            [
                (0, Verdict((difference(),))),
                (20, Verdict(waiting=frozenset({K.STATUS_MISMATCH}))),
            ],
            None,
        ),
    ],
)
def test_case_is_found_once_it_outlives_the_grace_unchanged_and_decided(
    verdicts: list[tuple[int, Verdict]], found_at: int | None
) -> None:
    cases: Cases = Map()
    reported: list[int] = []
    for now, verdict in verdicts:
        cases, said = settled(cases, now, verdict)
        reported += [now for _ in said]

    assert reported == ([found_at] if found_at is not None else [])


def test_found_case_ends_when_both_sides_agree_and_not_while_nothing_can_be_said() -> None:
    cases: Cases = Map()
    cases, _ = settled(cases, 0, Verdict((difference(),)))
    cases, _ = settled(cases, 10, Verdict((difference(),)))

    cases, waiting = settled(cases, 11, Verdict(waiting=frozenset({K.STATUS_MISMATCH})))
    cases, ended = settled(cases, 12, Verdict())

    assert waiting == ()
    assert [c.ts_found for c in ended] == [10]
    assert not cases


# --- balances -----------------------------------------------------------------------------------

INSTRUMENTS = {BTC.instrument_id: BTC}


def checked(ledger: Ledger, asked: int, flows: list[Flow], total: str) -> tuple[Ledger, list[str]]:
    """A check asked at `asked`, answered 5 later, with `flows` becoming known in between."""
    ledger = balances.asked(ledger, asked)
    for flow in flows:
        ledger = balances.moved(ledger, flow)
    held = Balance(currency="USDT", total=D(total), free=D(total), locked=D(0))
    due = frozenset({BTC.instrument_id})
    ledger = balances.answered(ledger, [held], due, asked + 5)
    ledger = balances.fills_known(ledger, BTC.instrument_id)
    assert ledger.check is not None
    assert ledger.check.answered
    ledger, gaps = balances.judged(ledger, INSTRUMENTS, GRACE)
    return ledger, [gap.currency for gap in gaps]


def flow(ts: int, amount: str) -> Flow:
    return Flow(ts, ts + 3, (("USDT", D(amount)),))


def test_fills_around_a_check_may_or_may_not_be_in_the_total() -> None:
    during = [flow(101, "-10"), flow(103, "-20")]

    for total in ("1000", "990", "970"):
        ledger, gaps = checked(Ledger(), 0, [], "1000")
        assert checked(ledger, 100, during, total)[1] == gaps == []
    assert checked(ledger, 100, during, "980")[1] == ["USDT"]  # the second without the first


def test_flow_that_we_learned_long_after_the_answer_is_not_in_the_total() -> None:
    ledger, _ = checked(Ledger(), 0, [], "1000")
    later = Flow(130, 133, (("USDT", D(-10)),))

    assert checked(ledger, 100, [later], "1000")[1] == []
    assert checked(ledger, 100, [later], "990")[1] == ["USDT"]


def test_a_later_quiet_check_makes_a_busy_first_one_exact() -> None:
    ledger, _ = checked(Ledger(), 0, [flow(1, "-10")], "990")  # in the total, or not?
    assert len(ledger.offsets["USDT"]) == 2

    ledger, gaps = checked(ledger, 100, [], "990")

    assert gaps == []
    assert ledger.offsets["USDT"] == {D(1000)}


def test_rebased_currency_learns_anew() -> None:
    ledger, _ = checked(Ledger(), 0, [], "1000")
    assert checked(ledger, 100, [], "1250")[1] == ["USDT"]

    ledger = balances.rebased(ledger, "USDT")

    assert checked(ledger, 200, [], "1250")[1] == []


def test_venue_order_ids_tell_a_reused_client_id_apart() -> None:
    stage = Stage()
    stage.run(20_000_000)
    stage.line("ours", "accepted", "o1")
    known = stage.state.orders[spec("o1").client_order_id]
    other = replace(known, ours=replace(known.ours, venue_order_id=VenueOrderId("V-old")))
    stage.state = replace(
        stage.state, orders=stage.state.orders.set(known.ours.client_order_id, other)
    )
    stage.statuses = {"o1": ("NEW", "0")}

    stage.run_on(5_100_000_000)

    assert (known.ours.instrument_id, VenueOrderId("V-o1")) in stage.state.orphans


def test_clock_that_jumps_back_does_not_delay_what_is_already_waiting() -> None:
    stage = Stage()
    stage.run(6_000_000_000)
    stage.line("ours", "position", "1")
    stage.now -= 5_000_000_000
    stage.fire_now("judge")

    for _ in range(3):  # each tells the time once more
        stage.now += 1_000_000_000
        stage.fire_now("judge")

    assert [line.split()[1] for line in stage.said] == ["POSITION_MISMATCH"]
