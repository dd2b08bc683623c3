"""Order lives that have cost somebody money. The numbers name the threads in field.md, part 2."""

from decimal import Decimal

from story import play

from messages import accounts, health
from messages import orders as m
from trading.wiring import Directory, Role


def test_fill_races_cancel_and_wins() -> None:
    play("""
        0   approve  o1  buy 2 @ 100
        5   report   o1  NEW
        9   cancel   o1
       10   fill     o1  t1 0.5 @ 100
       11   report   o1  CANCELED 0.5
       12   fill     o1  t2 0.25 @ 100
        =   o1  CANCELED  0.75
    """)


def test_an_order_that_is_rejected_after_its_acknowledgement_has_ended() -> None:
    play("""
        0   approve  o1  buy 2 @ 100
        5   report   o1  NEW
        9   report   o1  REJECTED
        =   o1  EXPIRED  0
    """)


def test_an_order_that_is_rejected_before_its_acknowledgement_stays_rejected() -> None:
    play("""
        0   approve  o1  buy 2 @ 100
        5   report   o1  REJECTED
        =   o1  REJECTED  0
        9   report   o1  REJECTED
        =   o1  REJECTED  0
    """)


def test_an_approval_that_comes_twice_is_one_order() -> None:
    play("""
        0   approve  o1  buy 2 @ 100
        >   submit o1
        5   approve  o1  buy 2 @ 100
        >
        6   report   o1  NEW
        7   approve  o1  buy 2 @ 100
        >
        =   o1  ACCEPTED  0
    """)


def test_another_order_under_a_taken_id_is_not_sent_and_is_reported() -> None:
    story = play("""
        0   approve  o1  buy 2 @ 100
        5   report   o1  NEW
        7   approve  o1  buy 3 @ 101
        8   approve  o1  buy 2 @ 100
        >   submit o1
        =   o1  ACCEPTED  0
    """)

    [found] = [said for said in story.said if isinstance(said, health.Discrepancy)]
    assert found.discrepancy is health.DiscrepancyKind.APPROVAL_MISMATCH
    assert found.action is health.Action.MANUAL
    assert found.subject == found.client_order_id == "o1"
    assert found.ours == "quantity=2 price=100"
    assert found.cause == "approved again with quantity=3 price=101; not submitted"
    directory = Directory({})
    assert directory.recipients(Role.ORDERS, found) == (str(Role.JOURNAL),)
    assert story.books.orders["o1"].spec.quantity == 2


def test_a_timeout_is_no_evidence_and_nothing_is_sent_again() -> None:
    play("""
        0     approve  o1  buy 2 @ 100
        >     submit o1
        100   failed   o1  SUBMIT PERHAPS 5000
        >     query o1
        =     o1  UNKNOWN  0
        2000  timer
        >     query o1
        2010  missing  o1
        >
        =     o1  UNKNOWN  0
    """)


def test_not_found_after_the_request_has_expired_is_proof() -> None:
    play("""
        0     approve  o1  buy 2 @ 100
        100   failed   o1  SUBMIT PERHAPS 5000
        4999  missing  o1
        =     o1  UNKNOWN   0
        5001  missing  o1
        =     o1  REJECTED  0
    """)


def test_an_unknown_order_that_was_filled_is_found_with_its_fills() -> None:
    play("""
        0     approve  o1  buy 2 @ 100
        100   failed   o1  SUBMIT PERHAPS 5000
        >     submit o1, query o1
        200   ask      o1  FILLED 2
        >     fills o1
        =     o1  UNKNOWN  0
        300   fill     o1  t1 0.5 @ 100
        301   fill     o1  t2 1.5 @ 101
        =     o1  FILLED  2
    """)


def test_an_end_waits_for_the_fills_it_mentions() -> None:
    play("""
        0   approve  o1  buy 2 @ 100
        5   report   o1  NEW
        9   ask      o1  CANCELED 0.5
        >   submit o1, fills o1
        =   o1  ACCEPTED  0
       12   fill     o1  t1 0.5 @ 100
        =   o1  CANCELED  0.5
    """)


def test_restart_makes_what_was_under_way_unknown_and_asks() -> None:
    play("""
        0     approve  o1  buy 2 @ 100
        >     submit o1
        50    restart
        >     fills, query o1
        =     o1  UNKNOWN  0
        60    missing  o1
        5000  missing  o1
        =     o1  UNKNOWN  0
        6061  missing  o1
        =     o1  REJECTED  0
    """)


def test_restart_leaves_working_orders_alone() -> None:
    play("""
        0    approve  o1  buy 2 @ 100
        5    report   o1  NEW
        50   restart
        >    submit o1, fills, query o1
        =    o1  ACCEPTED  0
    """)


def test_repeated_reports_are_one_fill() -> None:
    story = play("""
        0   approve  o1  buy 2 @ 100
        5   report   o1  NEW
        6   fill     o1  t1 0.5 @ 100
        7   fill     o1  t1 0.5 @ 100
        8   fill     o1  t1 0.5 @ 100
        =   o1  PARTIALLY_FILLED  0.5
    """)

    moved = [s for s in story.said if isinstance(s, accounts.PositionChanged)]
    assert [p.position.quantity for p in moved] == [Decimal("0.5")]


def test_a_fill_may_overtake_the_acknowledgement() -> None:
    play("""
        0   approve  o1  buy 2 @ 100
        3   fill     o1  t1 0.5 @ 100
        =   o1  PARTIALLY_FILLED  0.5
        5   report   o1  NEW
        =   o1  PARTIALLY_FILLED  0.5
        6   failed   o1  SUBMIT PERHAPS 5000
        =   o1  PARTIALLY_FILLED  0.5
    """)


def test_a_cancel_before_the_acknowledgement_waits_for_it() -> None:
    play("""
        0   approve  o1  buy 2 @ 100
        1   cancel   o1
        >   submit o1
        5   report   o1  NEW
        >   cancel o1
        =   o1  PENDING_CANCEL  0
    """)


def test_a_cancel_of_an_unknown_order_is_sent_once_it_is_found() -> None:
    play("""
        0     approve  o1  buy 2 @ 100
        100   failed   o1  SUBMIT PERHAPS 5000
        110   cancel   o1
        >     submit o1, query o1
        200   ask      o1  NEW
        >     cancel o1
    """)


def test_an_unanswered_cancel_is_repeated_until_the_end_is_known() -> None:
    play("""
        0     approve  o1  buy 2 @ 100
        5     report   o1  NEW
        9     cancel   o1
        >     submit o1, cancel o1
        100   failed   o1  CANCEL PERHAPS
        >
        1500  timer
        >     cancel o1, query o1
        1600  ask      o1  CANCELED 0
        =     o1  CANCELED  0
        3000  timer
        >
    """)


def test_a_refused_cancel_asks_how_the_order_ended() -> None:
    play("""
        0    approve  o1  buy 2 @ 100
        5    report   o1  NEW
        9    cancel   o1
       10    refused  o1  CANCEL -2011
        >    submit o1, cancel o1, query o1
        =    o1  ACCEPTED  0
    """)


def test_a_request_that_provably_never_left_is_denied_not_rejected() -> None:
    play("""
        0   approve  o1  buy 2 @ 100
        1   failed   o1  SUBMIT NO
        =   o1  DENIED  0
    """)


def test_a_stale_open_report_does_not_reopen_an_order() -> None:
    play("""
        0   approve  o1  buy 2 @ 100
        5   report   o1  NEW
        6   report   o1  CANCELED 0
        7   ask      o1  NEW
        =   o1  CANCELED  0
    """)


def test_signs_of_life_of_an_order_proven_dead_bring_it_back() -> None:
    play("""
        0     approve  o1  buy 2 @ 100
        100   failed   o1  SUBMIT PERHAPS 5000
        5001  missing  o1
        =     o1  REJECTED  0
        6000  fill     o1  t1 0.5 @ 100
        =     o1  UNKNOWN  0.5
    """)


def test_a_lost_stream_is_made_good_by_asking() -> None:
    play("""
        0    approve  o1  buy 2 @ 100
        5    report   o1  NEW
        9    stream-up
        >    submit o1, fills, query o1
    """)


def test_halted_denies_and_still_cancels() -> None:
    story = play("""
        0   approve  o1  buy 2 @ 100
        5   report   o1  NEW
        6   halt
        7   approve  o2  buy 1 @ 100
        =   o2  DENIED  0
        8   cancel   o1
        >   submit o1, cancel o1
    """)

    denied = [s for s in story.said if isinstance(s, m.OrderDenied)]
    assert [d.code for d in denied] == [m.RefusalCode.TRADING_HALTED]


def test_the_kill_switch_halts_and_cancels_everything() -> None:
    play("""
        0   approve  o1  buy 2 @ 100
        1   approve  o2  sell 1 @ 110
        5   report   o1  NEW
        6   kill
        >   submit o1, submit o2, cancel o1
        7   report   o2  NEW
        >   cancel o2
        8   approve  o3  buy 1 @ 100
        =   o3  DENIED  0
    """)


def test_a_cancel_that_is_refused_after_the_kill_switch_is_asked_for_until_the_order_ends() -> None:
    play("""
        0     approve  o1  buy 2 @ 100
        5     report   o1  NEW
        9     kill
        >     submit o1, cancel o1
        10    refused  o1  CANCEL 110079
        >     query o1
        12    ask      o1  NEW
        1100  timer
        >     cancel o1
        1110  refused  o1  CANCEL 110079
        1120  ask      o1  NEW
        2200  timer
        >     query o1
        3200  timer
        >     cancel o1
        3210  report   o1  CANCELED
        =     o1  CANCELED  0
        9000  timer
        >
    """)


def test_an_order_that_a_venue_only_ever_refuses_to_cancel_is_canceled_ever_more_slowly() -> None:
    rounds = "\n".join(
        f"""
        {n}  timer
        {n + 1}  refused  o1  CANCEL 110001
        {n + 2}  missing  o1
        """
        for n in range(1_000, 60_000, 500)
    )

    story = play(f"""
        0  approve  o1  buy 2 @ 100
        5  report   o1  NEW
        9  kill
        10  refused  o1  CANCEL 110001
        11  missing  o1
        {rounds}
    """)

    sent = [s.ts_init // 1_000_000 for s in story.said if isinstance(s, m.CancelOrder)]
    assert sent == [9, 1_500, 4_000, 8_500, 17_000, 33_500, 50_000]


def test_the_kill_switch_pressed_again_cancels_at_once_and_insists_as_promptly_as_before() -> None:
    play("""
        0     approve  o1  buy 2 @ 100
        5     report   o1  NEW
        9     kill
        10    refused  o1  CANCEL 110079
        1100  timer
        1110  refused  o1  CANCEL 110079
        1200  kill
        >     submit o1, cancel o1, query o1, cancel o1, query o1, cancel o1
        1210  refused  o1  CANCEL 110079
        2300  timer
        >     query o1, cancel o1
    """)


def test_a_cancel_that_is_refused_while_trading_is_on_is_the_strategys_to_say_again() -> None:
    play("""
        0     approve  o1  buy 2 @ 100
        5     report   o1  NEW
        9     cancel   o1
        10    refused  o1  CANCEL 110079
        12    ask      o1  NEW
        >     submit o1, cancel o1, query o1
        1100  timer
        >
    """)


def test_an_order_that_lives_after_all_is_canceled_while_trading_is_halted() -> None:
    play("""
        0   approve  o1  buy 2 @ 100
        1   failed   o1  SUBMIT NO
        =   o1  DENIED  0
        6   kill
        >   submit o1
        7   report   o1  NEW
        >   cancel o1
        8   report   o1  CANCELED
        =   o1  CANCELED  0
    """)


def test_a_stray_is_canceled_while_trading_is_halted() -> None:
    play("""
        0   kill
        1   report   M0123456789ab00000007  NEW
        >   cancel M0123456789ab00000007
    """)
