"""The reconciler on balances and positions, on a venue that fails, and on what it forgets."""

from reconciler_stage import play

from messages.base import ClientOrderId

WORKING = """
    1  ours  submitted o1
    1  venue NEW o1
    1  ours  accepted o1
"""


def test_deposit_is_reported_once_and_then_taken_as_given() -> None:
    play(f"""{WORKING}
         3  venue balance USDT 250
         4  venue balance BTC 0
        =>
        12.01 BALANCE_MISMATCH NONE balance:USDT
        17.01 resolved BALANCE_MISMATCH balance:USDT
        end 60
    """)


def test_base_currency_that_our_fills_do_not_explain_is_a_position_mismatch() -> None:
    play(f"""{WORKING}
         3  venue balance BTC -0.5
        =>
        12.01 POSITION_MISMATCH NONE position:BTCUSDT.SIM
        17.01 resolved POSITION_MISMATCH position:BTCUSDT.SIM
        end 60
    """)


def test_unexplained_balance_reduces_trading_where_it_is_not_accepted() -> None:
    play(
        f"""{WORKING}
         3  venue balance USDT -1
        =>
        12.01 BALANCE_MISMATCH MANUAL balance:USDT
        22.01 SetTradingState REDUCING
        end 40
    """,
        rebase_balances=False,
    )


def test_position_that_is_not_the_sum_of_its_fills_is_found() -> None:
    play(f"""{WORKING}
         2  venue PARTIALLY_FILLED o1 0.5@100
         2  venue fill 1 o1 0.5 @ 100
         2  ours  filled 1 o1 0.5 @ 100
         3  ours  position 1
        11  ours  position 0.5
        =>
        5 POSITION_MISMATCH MANUAL position:S:BTCUSDT.SIM
        11 resolved POSITION_MISMATCH position:S:BTCUSDT.SIM
        end 30
    """)


# --- a venue that does not answer ---------------------------------------------------------------


def test_venue_that_does_not_answer_is_asked_again_and_blamed_for_nothing() -> None:
    stage = play(f"""{WORKING}
         3  venue down
        22  venue up
        =>
        end 40
    """)

    assert stage.state.failures > 0
    assert [c.cycle for c in stage.completed] == [1, 2, 3, 4, 5, 6, 7, 8]


def test_answer_that_nobody_waits_for_changes_nothing() -> None:
    stage = play(f"{WORKING}\n=>\nend 29")
    before = stage.state

    stage.statuses = {}
    report = stage.report_list()
    stage.tell(report)

    assert stage.state.cases == before.cases
    assert stage.state.orders == before.orders


def test_ended_orders_are_forgotten_after_a_while() -> None:
    stage = play(f"""{WORKING}
         2  venue CANCELED o1
         2  ours  canceled o1
        =>
        end 100
    """)

    assert ClientOrderId("o1") not in stage.state.orders
    assert not stage.state.by_venue_id


def test_late_fill_of_a_forgotten_order_is_no_alarm() -> None:
    play(f"""{WORKING}
         2  venue PARTIALLY_FILLED o1 0.5@100
         2  venue fill 1 o1 0.5 @ 100
         2  ours  filled 1 o1 0.5 @ 100
         3  venue CANCELED o1 0.5@100
         3  ours  canceled o1
        90  venue fill 2 o1 0.5 @ 100
        90  ours  filled 2 o1 0.5 @ 100
        =>
        end 120
    """)
