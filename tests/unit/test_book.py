"""The book answers what one asks of it."""

import math

import numpy as np
import pytest

from messages.arrays import DELTA, Rows
from trading.book import Book


def levels(*rows: tuple[int, float, float]) -> Rows:
    """(side, price, size) rows."""
    return np.array([(1, 1, side, price, size) for side, price, size in rows], DELTA)


def three_by_three() -> Book:
    book = Book()
    bids = [(1, 100.0, 1.0), (1, 99.0, 2.0), (1, 98.0, 4.0)]
    asks = [(-1, 101.0, 3.0), (-1, 102.0, 1.0), (-1, 104.0, 5.0)]
    book.apply(levels(*bids, *asks), snapshot=True)
    return book


def test_best_prices_are_the_innermost() -> None:
    book = three_by_three()

    assert (book.bids.best, book.bids.best_size) == (100.0, 1.0)
    assert (book.asks.best, book.asks.best_size) == (101.0, 3.0)
    assert (book.spread, book.mid) == (1.0, 100.5)


def test_top_levels_come_best_first() -> None:
    book = three_by_three()

    assert book.asks.top(2)[0].tolist() == [101.0, 102.0]
    assert book.bids.top(9)[0].tolist() == [100.0, 99.0, 98.0]


def test_size_zero_removes_a_level() -> None:
    book = three_by_three()

    book.apply(levels((1, 100.0, 0.0), (-1, 102.0, 0.0)))

    assert book.bids.best == 99.0
    assert book.asks.size_at(102.0) == 0.0


def test_removing_a_level_that_is_not_there_changes_nothing() -> None:
    book = three_by_three()
    before = book.rows(1, 1)

    book.apply(levels((1, 50.0, 0.0), (-1, 500.0, 0.0)))

    assert np.array_equal(book.rows(1, 1), before)


def test_the_last_row_of_a_price_wins() -> None:
    book = three_by_three()

    book.apply(levels((1, 100.5, 1.0), (1, 100.5, 0.0), (1, 100.25, 0.0), (1, 100.25, 7.0)))

    assert (book.bids.best, book.bids.best_size) == (100.25, 7.0)


def test_a_snapshot_replaces_the_book() -> None:
    book = three_by_three()

    book.apply(levels((1, 10.0, 1.0), (-1, 11.0, 1.0)), snapshot=True)

    assert (book.bids.n, book.asks.n) == (1, 1)


def test_its_own_rows_rebuild_it() -> None:
    book, twin = three_by_three(), Book()

    twin.apply(book.rows(5, 6), snapshot=True)

    assert np.array_equal(twin.rows(5, 6), book.rows(5, 6))


def test_vwap_walks_the_levels() -> None:
    price, filled = three_by_three().asks.vwap(3.5)

    assert filled == 3.5
    assert price == pytest.approx((3 * 101 + 0.5 * 102) / 3.5)


def test_vwap_of_more_than_there_is_says_how_much_there_is() -> None:
    price, filled = three_by_three().bids.vwap(100.0)

    assert filled == 7.0
    assert price == pytest.approx((100 + 2 * 99 + 4 * 98) / 7)


def test_imbalance_weighs_what_rests_near_the_best() -> None:
    assert three_by_three().imbalance(1) == pytest.approx((1 - 3) / 4)


def test_levels_within_a_fraction_of_the_best() -> None:
    book = three_by_three()

    assert book.bids.within(0.01)[0].tolist() == [100.0, 99.0]
    assert book.asks.within(0.01)[0].tolist() == [101.0, 102.0]


def test_an_empty_book_answers_nan() -> None:
    book = Book()

    assert book.empty
    assert not book.crossed
    answers = (book.mid, book.spread, book.bids.best, book.imbalance(), book.asks.vwap(1.0)[0])
    assert all(math.isnan(a) for a in answers)


def test_touching_prices_are_crossed() -> None:
    book = three_by_three()

    book.apply(levels((1, 101.0, 1.0)))

    assert book.crossed


def test_a_book_forgets_its_worst_levels_beyond_the_bound() -> None:
    book = Book(levels_max=100)
    asks = [(-1, 1000.0 + n, 1.0) for n in range(700)]

    book.apply(levels(*asks))

    assert book.asks.n == 100
    assert book.asks.best == 1000.0
    assert book.forgotten == 600


def test_growth_beyond_the_first_room_keeps_every_level() -> None:
    book = Book()

    for n in range(2000):
        book.apply(levels((1, 1.0 + n, 1.0)))

    assert book.bids.n == 2000
    assert book.bids.best == 2000.0
