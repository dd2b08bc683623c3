"""What the reconciler says when our books and the venue's differ (see tools/reconciler_stage)."""

from decimal import Decimal

from reconciler_stage import Stage, play, spec

from messages.accounts import OrderView
from messages.base import VenueOrderId

WORKING = """
    1  ours  submitted o1
    1  venue NEW o1
    1  ours  accepted o1
"""


def last_open(stage: Stage) -> int:
    return stage.completed[-1].open


def test_two_sides_that_agree_give_cycles_and_nothing_else() -> None:
    stage = play(f"""{WORKING}
         7    venue PARTIALLY_FILLED o1 0.5@100
         7    venue fill 1 o1 0.5 @ 100
         8.5  ours  filled 1 o1 0.5 @ 100
        20    venue CANCELED o1 0.5@100
        21.5  ours  canceled o1
        =>
        end 60
    """)

    assert [c.cycle for c in stage.completed] == list(range(1, 13))
    assert {(c.found, c.resolved, c.open) for c in stage.completed} == {(0, 0, 0)}


# --- fills --------------------------------------------------------------------------------------


def test_fill_that_we_were_not_told_is_found_forwarded_and_resolved() -> None:
    play(f"""{WORKING}
         7  venue PARTIALLY_FILLED o1 0.5@100
         7  venue fill 1 o1 0.5 @ 100
        13  ours  filled 1 o1 0.5 @ 100
        =>
        12.02 MISSED_FILL UPDATE_LOCAL BTCUSDT.SIM:1
        12.02 to orders fill_report:V-o1:1
        13 resolved MISSED_FILL BTCUSDT.SIM:1
        end 40
    """)


def test_fill_that_the_order_manager_does_not_take_reduces_trading_once() -> None:
    stage = play(f"""{WORKING}
         7  venue PARTIALLY_FILLED o1 0.5@100
         7  venue fill 1 o1 0.5 @ 100
        =>
        12.02 MISSED_FILL UPDATE_LOCAL BTCUSDT.SIM:1
        12.02 to orders fill_report:V-o1:1
        17.01 to orders fill_report:V-o1:1
        22.01 to orders fill_report:V-o1:1
        22.01 SetTradingState REDUCING
        27.01 to orders fill_report:V-o1:1
        32.01 to orders fill_report:V-o1:1
        end 34
    """)

    assert last_open(stage) == 1


def test_person_who_resumes_gives_a_difference_three_more_cycles() -> None:
    play(
        f"""{WORKING}
         7  venue PARTIALLY_FILLED o1 0.5@100
         7  venue fill 1 o1 0.5 @ 100
        23  operator resumes
        =>
        12.02 MISSED_FILL UPDATE_LOCAL BTCUSDT.SIM:1
        12.02 to orders fill_report:V-o1:1
        17.01 to orders fill_report:V-o1:1
        17.01 SetTradingState REDUCING
        22.01 to orders fill_report:V-o1:1
        32.01 to orders fill_report:V-o1:1
        32.01 SetTradingState REDUCING
        end 34
    """,
        strikes=2,
    )


def test_fill_that_only_we_have_is_a_quantity_mismatch_for_a_person() -> None:
    play(f"""{WORKING}
         2  ours  filled 9 o1 0.5 @ 100
        =>
        7.02 FILLED_QTY_MISMATCH MANUAL o1
        17.01 SetTradingState REDUCING
        end 20
    """)


def test_trade_at_another_price_than_ours_is_found() -> None:
    play(f"""{WORKING}
         2  venue PARTIALLY_FILLED o1 0.5
         2  venue fill 1 o1 0.5 @ 100
         2  ours  filled 1 o1 0.5 @ 101
        =>
        7.02 AVG_PX_MISMATCH MANUAL o1
        17.01 SetTradingState REDUCING
        end 20
    """)


def test_average_price_may_differ_by_what_a_venue_rounds_off() -> None:
    fills = """
         2  venue PARTIALLY_FILLED o1 0.9@{average}
         2  venue fill 1 o1 0.3 @ 100
         2  ours  filled 1 o1 0.3 @ 100
         2  venue fill 2 o1 0.6 @ 101
         2  ours  filled 2 o1 0.6 @ 101
        =>
        {expected}
        end 9
    """

    play(WORKING + fills.format(average="100.66666667", expected=""))
    found = "7.01 AVG_PX_MISMATCH MANUAL o1"
    play(WORKING + fills.format(average="100.66667", expected=found))


def test_venue_that_counts_more_than_its_trades_show_is_a_quantity_mismatch() -> None:
    play(f"""{WORKING}
         2  venue PARTIALLY_FILLED o1 0.5@100
        13  venue fill 1 o1 0.5 @ 100
        13  ours  filled 1 o1 0.5 @ 100
        =>
        7.01 FILLED_QTY_MISMATCH UPDATE_LOCAL o1
        7.01 to orders order_report:o1:PARTIALLY_FILLED:0.5
        12.01 to orders order_report:o1:PARTIALLY_FILLED:0.5
        15.02 resolved FILLED_QTY_MISMATCH o1
        end 30
    """)


def test_fills_of_before_our_run_are_nobodys_business() -> None:
    play(f"""
         0  venue fill 1 x7 5 @ 100
         0  venue fill 2 x8 1 @ 100
        {WORKING}
        =>
        end 30
    """)


def test_order_from_the_snapshot_is_compared_by_its_sum_until_the_trades_are_known() -> None:
    view = OrderView(
        order=spec("o1"),
        status="PARTIALLY_FILLED",
        filled_qty=Decimal("0.5"),
        avg_px=Decimal(100),
        venue_order_id=VenueOrderId("V-o1"),
    )
    script = """
         0  venue PARTIALLY_FILLED o1 {filled}@100
         0  venue fill 1 o1 {filled} @ 100
        =>
        {expected}
        end 4
    """

    play(script.format(filled="0.5", expected=""), snapshot=(view,))
    expected = """
        2.02 FILLED_QTY_MISMATCH UPDATE_LOCAL o1
        2.02 to orders fill_report:V-o1:1
        2.02 to orders order_report:o1:PARTIALLY_FILLED:0.7"""
    play(script.format(filled="0.7", expected=expected), snapshot=(view,))


def test_fill_of_an_order_whose_venue_id_comes_later_finds_its_order() -> None:
    play("""
         1  ours  submitted o1
         1  ours  unknown o1
         1  venue FILLED o1 2@100
         1  venue fill 1 o1 2 @ 100
         9  ours  filled 1 o1 2 @ 100
        =>
        7.02 MISSED_FILL UPDATE_LOCAL BTCUSDT.SIM:1
        7.02 to orders fill_report:V-o1:1
        7.02 STATUS_MISMATCH UPDATE_LOCAL o1
        7.02 to orders order_report:o1:FILLED:2
        9 resolved MISSED_FILL BTCUSDT.SIM:1
        9 resolved STATUS_MISMATCH o1
        end 30
    """)


# --- orders -------------------------------------------------------------------------------------


def test_acknowledgement_that_got_lost_is_a_status_mismatch() -> None:
    play("""
         1  ours  submitted o1
         1  venue NEW o1
         8  ours  accepted o1
        =>
        7.01 STATUS_MISMATCH UPDATE_LOCAL o1
        7.01 to orders order_report:o1:NEW:0
        8 resolved STATUS_MISMATCH o1
        end 30
    """)


def test_end_that_we_were_not_told_is_asked_for_by_id_and_forwarded() -> None:
    play(f"""{WORKING}
         3  venue CANCELED o1
         8  ours  canceled o1
        =>
        7.02 STATUS_MISMATCH UPDATE_LOCAL o1
        7.02 to orders order_report:o1:CANCELED:0
        8 resolved STATUS_MISMATCH o1
        end 30
    """)


def test_order_that_works_after_we_saw_it_end_is_a_status_mismatch() -> None:
    play(f"""{WORKING}
         2  ours  canceled o1
        14  venue CANCELED o1
        =>
        7.01 STATUS_MISMATCH UPDATE_LOCAL o1
        7.01 to orders order_report:o1:NEW:0
        12.01 to orders order_report:o1:NEW:0
        15.01 resolved STATUS_MISMATCH o1
        end 30
    """)


def test_order_that_the_venue_does_not_know_is_missing() -> None:
    play(f"""{WORKING}
         2  venue forgets o1
         8  ours  rejected o1
        =>
        7.02 MISSING_AT_VENUE UPDATE_LOCAL o1
        7.02 to orders order_not_found@5010000000
        8 resolved MISSING_AT_VENUE o1
        end 30
    """)


def test_unknown_order_that_the_venue_does_not_know_is_evidence_but_no_difference() -> None:
    play("""
         1  ours  submitted o1
         1  ours  unknown o1
         8  ours  rejected o1
        =>
        5.02 to orders order_not_found@5010000000
        end 30
    """)


def test_order_of_somebody_else_is_reported_and_left_alone() -> None:
    stage = play("""
         1  venue NEW theirs
        43  venue CANCELED theirs
        =>
        7.01 ORPHAN_ORDER NONE theirs
        45.01 resolved ORPHAN_ORDER theirs
        end 60
    """)

    assert last_open(stage) == 0


def test_orphan_with_an_id_of_ours_is_handed_over_until_it_is_adopted() -> None:
    ours = "M0123456789ab00000001"

    play(
        f"""
         1  venue NEW {ours}
         9  ours  accepted {ours}
        =>
        7.01 ORPHAN_ORDER UPDATE_LOCAL {ours}
        7.01 to orders order_report:{ours}:NEW:0
        9 resolved ORPHAN_ORDER {ours}
        end 30
    """,
        owners={"M0123456789ab": "S"},
    )


def test_orphan_is_cancelled_where_that_is_configured() -> None:
    play(
        """
         1  venue NEW theirs
         9  venue CANCELED theirs
        =>
        7.01 ORPHAN_ORDER CANCEL_ORPHAN theirs
        7.01 to orders order_report:theirs:NEW:0
        7.01 to orders cancel theirs
        10.01 resolved ORPHAN_ORDER theirs
        end 30
    """,
        cancel_orphans=True,
    )
