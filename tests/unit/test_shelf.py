"""Long-closed orders as bytes: nothing is forgotten, and what comes late finds them."""

from dataclasses import replace
from decimal import Decimal

from story import Story, play

from messages.accounts import OrderKnown, PositionChanged
from messages.venue import Source
from trading import books_bytes
from trading.account import Books
from trading.shelf import pack, unpack

CLOSED = """
    0   approve  o1  buy 2 @ 100
    5   report   o1  NEW
    6   fill     o1  t1 0.5 @ 100
    7   report   o1  CANCELED 0.5
    8   approve  o2  sell 1 @ 110
"""


def shelved(text: str = CLOSED) -> tuple[Story, bytes]:
    """A story whose closed orders are on the shelf, and the shelf as a snapshot has it."""
    story = play(text)
    story.books, put = books_bytes.shelve(story.books, story.now_ns + 1)
    story.said.clear()
    story._heard = 0
    return story, put


def test_an_order_survives_its_bytes() -> None:
    story = play(CLOSED)
    awaited = story._report("o1", Source.QUERY, "CANCELED", "1")
    order = replace(story.books.orders["o1"], awaited=awaited, cancel_wanted=True, triggered=True)

    assert unpack(pack(order)) == order


def test_only_closed_orders_go_to_the_shelf_and_can_be_read_there() -> None:
    before = play(CLOSED).books

    story, _ = shelved()

    orders = story.books.orders
    assert set(orders.packed) == {"o1"}
    assert set(orders.recent) == {"o2"}
    assert dict(orders.items()) == dict(before.orders.items())
    assert sorted(orders.statuses()) == ["CANCELED", "SUBMITTED"]
    assert (len(orders), orders.trades()) == (2, 1)


def test_the_newest_closed_orders_are_found_on_the_shelf_and_off_it() -> None:
    story, _ = shelved(CLOSED + "9 report o2 CANCELED\n")
    orders = story.books.orders
    closed = [key for key, order in orders.items() if order.closed]

    assert sorted(closed) == ["o1", "o2"]
    assert [o.spec.client_order_id for o in orders.newest_closed(1)] == ["o2"]
    assert [o.spec.client_order_id for o in orders.newest_closed(9)] == ["o1", "o2"]
    assert orders.newest_closed(0) == []


def test_books_survive_a_snapshot_and_its_shelves() -> None:
    story, put = shelved(CLOSED + "9 stream-up\n 10 restart\n")

    again = books_bytes.load(books_bytes.save(story.books), [put])

    assert isinstance(again, Books)
    assert again == story.books
    assert books_bytes.save(again) == books_bytes.save(story.books)


def test_a_fill_that_comes_after_its_order_was_shelved_is_booked_once() -> None:
    story, put = shelved()

    story.play("""
        100  fill  o1  t2 0.25 @ 100
        101  fill  o1  t2 0.25 @ 100
        102  fill  o1  t1 0.5 @ 100
        =    o1  CANCELED  0.75
    """)

    moved = [s for s in story.said if isinstance(s, PositionChanged)]
    assert [p.position.quantity for p in moved] == [Decimal("0.75")]
    assert set(story.books.orders.packed) == set()
    assert books_bytes.load(books_bytes.save(story.books), [put]) == story.books


def test_an_approval_of_a_shelved_order_is_no_order() -> None:
    story, _ = shelved()

    story.play("""
        100  approve  o1  buy 2 @ 100
        >
    """)

    (known,) = [s for s in story.said if isinstance(s, OrderKnown)]
    assert known.closed
    assert known.view.filled_qty == Decimal("0.5")


def test_an_order_of_which_something_is_still_to_be_learned_stays() -> None:
    story, _ = shelved(CLOSED + "9 ask o1 CANCELED 1\n")

    assert set(story.books.orders.packed) == set()
    story.play("""
        1100  timer
        >     query o1, fills o1
    """)
