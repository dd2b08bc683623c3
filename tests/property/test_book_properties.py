"""Three books that must agree: a dictionary, NumPy, and the compiled kernel."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from messages.arrays import DELTA, Rows
from trading.book import Book

change = st.tuples(
    st.sampled_from([1, -1]),
    st.integers(1, 60).map(lambda n: n / 8),
    st.sampled_from([0.0, 0.0, 0.5, 1.25, 3.0]),
)
batches = st.lists(st.tuples(st.booleans(), st.lists(change, max_size=30)), max_size=12)


def rows_of(changes: list[tuple[int, float, float]]) -> Rows:
    return np.array([(0, 0, *c) for c in changes], DELTA)


class DictBook:
    """The obvious book."""

    def __init__(self, levels_max: int) -> None:
        self.sides: dict[int, dict[float, float]] = {1: {}, -1: {}}
        self.levels_max = levels_max

    def apply(self, changes: list[tuple[int, float, float]], snapshot: bool) -> None:
        if snapshot:
            self.sides = {1: {}, -1: {}}
        for side, price, size in changes:
            self.sides[side][price] = size
            if size == 0.0:
                del self.sides[side][price]
        for side in (1, -1):
            kept = self.levels(side)[: self.levels_max]
            self.sides[side] = dict(kept)

    def levels(self, side: int) -> list[tuple[float, float]]:
        return sorted(self.sides[side].items(), key=lambda level: -side * level[0])


@settings(max_examples=150, deadline=None)
@given(history=batches, levels_max=st.sampled_from([5, 1000]))
def test_all_books_agree_after_any_history(
    history: list[tuple[bool, list[tuple[int, float, float]]]], levels_max: int
) -> None:
    plain = DictBook(levels_max)
    books = [Book(levels_max), Book(levels_max, compiled=True)]

    for snapshot, changes in history:
        plain.apply(changes, snapshot)
        for book in books:
            book.apply(rows_of(changes), snapshot)

        for book in books:
            for side in (book.bids, book.asks):
                prices, sizes = side.top(side.n)
                found = list(zip(prices.tolist(), sizes.tolist(), strict=True))
                assert found == plain.levels(side.sign)


@settings(max_examples=100, deadline=None)
@given(changes=st.lists(change, max_size=60), quantity=st.floats(0.01, 50))
def test_vwap_never_fills_more_than_asked_nor_beyond_the_levels(
    changes: list[tuple[int, float, float]], quantity: float
) -> None:
    book = Book()
    book.apply(rows_of(changes))

    for side in (book.bids, book.asks):
        price, filled = side.vwap(quantity)
        assert filled <= quantity * (1 + 1e-12)
        assert filled <= side.cumulative(side.n) * (1 + 1e-12)
        if filled > 0:
            prices = side.top(side.n)[0]
            assert prices.min() * (1 - 1e-12) <= price <= prices.max() * (1 + 1e-12)
