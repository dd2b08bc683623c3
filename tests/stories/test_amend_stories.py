"""Lives of orders that are made smaller: answered, unanswered, overtaken by fills."""

from decimal import Decimal

import pytest
from story import Story, play

from messages import orders as m
from messages import venue

WORKING = """
    0   approve  o1  buy 2 @ 100
    5   report   o1  NEW
    9   shrink   o1  1
    >   submit o1, shrink o1
    =   o1  PENDING_UPDATE  0
"""


def answer(story: Story, at: int, status: str, quantity: str, filled: str, source: str) -> None:
    """The venue's report of an order with this quantity."""
    story.now_ns = at * 1_000_000
    report = story._report("o1", venue.Source(source), status, filled)
    asked = story._question(m.QueryOrder, "o1") if source == "QUERY" else ""
    update = {"quantity": Decimal(quantity), "causation_id": asked}
    step = story.core.react(story.books, report.model_copy(update=update), story.now_ns)
    story.books = step.state
    story.said.extend(step.out)


def quantity(story: Story) -> Decimal:
    return story.books.orders["o1"].quantity


def test_a_confirmed_change_makes_the_order_smaller() -> None:
    story = play(WORKING)

    answer(story, 12, "NEW", "1", "0", "ACK")

    story.play("=   o1  ACCEPTED  0")
    assert quantity(story) == 1


def test_an_unanswered_change_counts_the_larger_quantity_until_a_report_tells() -> None:
    story = play(WORKING)

    story.play("""
        100  failed  o1  MODIFY PERHAPS
        >    query o1
        =    o1  ACCEPTED  0
    """)
    assert quantity(story) == 2

    answer(story, 200, "NEW", "1", "0", "QUERY")
    assert quantity(story) == 1


def test_a_restart_forgets_no_change_and_repeats_none() -> None:
    story = play(WORKING)

    story.play("""
        50   restart
        >    fills, query o1
        =    o1  ACCEPTED  0
    """)
    answer(story, 60, "NEW", "1", "0", "QUERY")

    assert quantity(story) == 1


def test_a_refused_change_leaves_the_order_and_asks_how_it_is() -> None:
    story = play(WORKING)

    story.play("""
        12   refused  o1  MODIFY -2013
        >    query o1
        =    o1  ACCEPTED  0
    """)

    assert quantity(story) == 2


def test_a_change_that_the_venue_took_and_never_made_ends_once_it_can_no_longer_be_made() -> None:
    """Taken, then refused where nobody heard it: a report of the old quantity proves nothing as
    long as the request may still be carried out, so the order is asked about until it cannot."""
    story = play(WORKING)

    answer(story, 12, "NEW", "2", "0", "ACK")
    story.play("""
        1100  timer
        >     query o1
        =     o1  PENDING_UPDATE  0
    """)
    answer(story, 1200, "NEW", "2", "0", "QUERY")
    story.play("""
        7100  timer
        >     query o1
        =     o1  ACCEPTED  0
    """)

    (rejected,) = [s for s in story.said if isinstance(s, m.OrderModifyRejected)]
    assert rejected.code == "NO_ANSWER"
    assert quantity(story) == 2


def test_fills_do_not_put_off_the_question_about_a_change() -> None:
    story = play(WORKING)

    story.play("""
        600   fill     o1  t1 0.1 @ 100
        1100  timer
        >     query o1
        6900  fill     o1  t2 0.1 @ 100
        7100  timer
        =     o1  PARTIALLY_FILLED  0.2
    """)


@pytest.mark.parametrize("source", ["STREAM", "QUERY"])
def test_an_order_that_filled_its_smaller_quantity_is_filled(source: str) -> None:
    """The change was made, its answer lost, and all that was left of the order traded."""
    story = play(WORKING)

    story.play("""
        100  failed  o1  MODIFY PERHAPS
        110  fill    o1  t1 1 @ 100
        =    o1  PARTIALLY_FILLED  1
    """)
    answer(story, 120, "FILLED", "1", "1", source)

    story.play("=   o1  FILLED  1")
    (updated,) = [s for s in story.said if isinstance(s, m.OrderUpdated)]
    assert updated.leaves_qty == 0


def test_a_smaller_order_that_ended_first_waits_for_its_fills() -> None:
    story = play(WORKING)

    answer(story, 120, "FILLED", "1", "1", "QUERY")
    story.play("""
        >    fills o1
        =    o1  PENDING_UPDATE  0
        130  fill    o1  t1 1 @ 100
        =    o1  FILLED  1
    """)


def test_a_canceled_order_keeps_the_quantity_that_it_had_at_the_venue() -> None:
    story = play(WORKING)

    story.play("10   cancel   o1")
    answer(story, 20, "CANCELED", "1", "0", "STREAM")

    story.play("=   o1  CANCELED  0")
    assert quantity(story) == 1


@pytest.mark.parametrize("wanted", ["2", "3", "0.5"])
def test_a_change_that_is_no_reduction_is_answered_and_not_sent(wanted: str) -> None:
    story = play(f"""
        0   approve  o1  buy 2 @ 100
        5   report   o1  NEW
        6   fill     o1  t1 0.5 @ 100
        9   shrink   o1  {wanted}
        >   submit o1
        =   o1  PARTIALLY_FILLED  0.5
    """)

    (rejected,) = [s for s in story.said if isinstance(s, m.OrderModifyRejected)]
    assert rejected.code == "NOT_SENT"


def test_an_order_that_the_venue_may_not_hold_is_not_changed() -> None:
    story = play("""
        0     approve  o1  buy 2 @ 100
        100   failed   o1  SUBMIT PERHAPS 5000
        110   shrink   o1  1
        >     submit o1, query o1
        =     o1  UNKNOWN  0
    """)

    assert any(isinstance(s, m.OrderModifyRejected) for s in story.said)


def test_an_end_that_shows_no_more_than_what_traded_is_no_smaller_quantity() -> None:
    story = play("""
        0   approve  o1  buy 2 @ 100
        5   report   o1  NEW
        6   fill     o1  t1 0.5 @ 100
    """)

    answer(story, 7, "CANCELED", "0.5", "0.5", "STREAM")

    order = story.books.orders["o1"]
    assert (order.status, order.quantity) == ("CANCELED", Decimal(2))


def test_an_end_with_a_smaller_quantity_that_has_traded_by_then_is_a_fill() -> None:
    story = play("""
        0   approve  o1  buy 2 @ 100
        5   report   o1  NEW
        6   fill     o1  t1 0.5 @ 100
        7   fill     o1  t2 0.5 @ 100
    """)

    answer(story, 8, "CANCELED", "1", "0.5", "QUERY")

    story.play("=     o1  FILLED  1")
