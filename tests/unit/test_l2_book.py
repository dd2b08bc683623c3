"""The book by ticks equals a dict, and knows its best levels; latency is exact interpolation."""

from typing import Any, Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from trading.backtest_settings import Rules
from trading.kernels.l2_book import make_books, next_level, replay
from trading.kernels.l2_latency import travel
from trading.kernels.l2_records import DELTA, EVENT, NONE, WAY
from trading.l2_events import BadEvents, book_rows, merge, quote_rows, trade_rows

FIRST: Final = 1_000
# Parts of the engine can be called from compiled code alone.
_next_level = njit(next_level.py_func)
_travel = njit(travel.py_func)
_row = st.tuples(st.sampled_from([1, -1]), st.integers(FIRST, FIRST + 400), st.integers(0, 3))


def events_of(rows: list[tuple[int, int, int]]) -> Any:
    made = np.zeros(len(rows), EVENT)
    made["kind"] = DELTA
    made["side"], made["price"], made["size"] = np.array(rows).T
    return made


@settings(max_examples=150, deadline=None)
@given(st.lists(_row, min_size=1, max_size=120))
def test_book_after_any_deltas_equals_a_dict(rows: list[tuple[int, int, int]]) -> None:
    books, _sizes, _words = keep = make_books([(FIRST, FIRST + 400)])
    levels: dict[int, dict[int, int]] = {1: {}, -1: {}}
    for side, tick, lots in rows:
        levels[side][tick] = lots

    replay(events_of(rows), books[0])

    for side, sign in enumerate((1, -1)):
        expected = sorted((sign * t for t, n in levels[sign].items() if n), reverse=True)
        found, key = [], int(books[0]["best"][side])
        while key != NONE:
            found.append(key)
            key = _next_level(books[0], side, key)
        assert expected == found
    assert len(keep) == 3


def test_books_of_several_instruments_do_not_touch() -> None:
    books, _sizes, _words = keep = make_books([(10, 20), None, (1_000_000, 1_000_100)])

    replay(events_of([(1, 10, 5), (-1, 20, 6)]), books[0])
    replay(events_of([(1, 1_000_000, 7), (-1, 1_000_100, 8)]), books[2])

    assert books[0]["best"].tolist() == [10, -20]
    assert books[2]["best"].tolist() == [1_000_000, -1_000_100]
    assert int(books[1]["depth"]) == 0
    assert len(keep) == 3


_series = st.lists(st.tuples(st.integers(1, 10**9), st.integers(0, 10**9)), min_size=1, max_size=8)


@settings(max_examples=150, deadline=None)
@given(_series, st.lists(st.integers(0, 10**10), min_size=1, max_size=20))
def test_latency_is_exact_interpolation_and_never_overtakes(
    measured: list[tuple[int, int]], sent: list[int]
) -> None:
    times = np.cumsum([gap for gap, _ in measured]).astype(np.int64)
    delays = np.array([delay for _, delay in measured], np.int64)
    way = np.zeros(1, WAY)
    way["times"], way["delays"] = times.ctypes.data, delays.ctypes.data
    way["count"] = len(times)
    last = 0

    for ts in sorted(sent):
        arrives = _travel(way[0], ts)

        k = int(np.searchsorted(times, ts, side="right")) - 1
        if k < 0 or k == len(times) - 1:
            delay = int(delays[max(k, 0)])
        else:
            run, rise = int(times[k + 1] - times[k]), int(delays[k + 1] - delays[k])
            delay = int(delays[k]) + rise * (ts - int(times[k])) // run
        last = max(last, ts + delay)
        assert last == arrives


RULES: Final = Rules(tick=0.01, lot=0.001)


def deltas(*rows: tuple[int, int, int, float, float]) -> Any:
    from messages.arrays import DELTA as ROW  # noqa: PLC0415

    return np.array(list(rows), ROW)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ((1, 1, 1, float("nan"), 1.0), "deltas row 0: price nan is not a number"),
        ((1, 1, 1, 0.0, 1.0), "deltas row 0: price 0.0 is zero or negative"),
        ((1, 1, 1, 1.005, 1.0), "deltas row 0: price 1.005 is not a multiple of 0.01"),
        ((1, 1, 1, 1.0, -1.0), "deltas row 0: size -1.0 is negative"),
        ((1, 1, 0, 1.0, 1.0), "deltas row 0: side 0 is neither 1 nor -1"),
        ((0, 1, 1, 1.0, 1.0), "ts_event 0 is not a time"),
    ],
)
def test_bad_delta_is_refused_by_name(row: tuple[int, int, int, float, float], says: str) -> None:
    with pytest.raises(BadEvents, match=says):
        book_rows(0, RULES, deltas(row))


def test_row_heard_before_it_happened_is_refused() -> None:
    with pytest.raises(BadEvents, match="ts_init 1 is before ts_event"):
        merge([book_rows(0, RULES, deltas((2, 1, 1, 1.0, 1.0)))])


def test_merge_orders_by_the_venues_time_and_adds_the_feeds_latency() -> None:
    from messages.arrays import QUOTE, TRADE  # noqa: PLC0415

    trades = np.array([(5, 5, 1.0, 1.0, 1, 7), (9, 9, 1.01, 2.0, -1, 8)], TRADE)
    quotes = np.array([(5, 5, 1.0, 1.0, 1.01, 1.0)], QUOTE)

    rows = merge([trade_rows(0, RULES, trades), quote_rows(0, RULES, quotes)], feed_latency_ns=3)

    assert [(int(r["ts_event"]), int(r["ts_init"]), int(r["price"])) for r in rows] == [
        (5, 8, 100),
        (5, 8, 100),
        (9, 12, 101),
    ]
