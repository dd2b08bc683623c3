"""Bars: aligned, closed by time, never changed once told."""

import numpy as np
import pytest

from messages.arrays import TRADE, Rows
from trading.bars import Bars

S = 1_000_000_000
MINUTE = 60 * S


def trades(*rows: tuple[float, float, float, int]) -> Rows:
    """(second, price, size, aggressor) rows."""
    out = [(int(t * S), 0, price, size, taker, 0) for t, price, size, taker in rows]
    return np.array(out, TRADE)


def test_a_trade_in_the_next_interval_closes_the_bar() -> None:
    bars = Bars([MINUTE])
    bars.on_trades(trades((61, 10, 1, 1), (70, 12, 2, -1), (80, 9, 1, 1)), 0)

    ((interval, closed),) = bars.on_trades(trades((121, 11, 5, 1)), 7)

    assert interval == MINUTE
    assert closed.tolist() == [
        (MINUTE, 2 * MINUTE, 7, 10.0, 12.0, 9.0, 9.0, 4.0, 10 + 24 + 9, 2.0, 3)
    ]


def test_time_closes_a_bar_without_a_trade() -> None:
    bars = Bars([MINUTE])
    bars.on_trades(trades((1, 10, 1, 1)), 0)

    assert bars.on_time(MINUTE - 1, 0) == []
    ((_, closed),) = bars.on_time(MINUTE, 0)
    assert closed["close"].tolist() == [10.0]


def test_an_interval_without_trades_repeats_the_close_with_no_volume() -> None:
    bars = Bars([MINUTE])
    bars.on_trades(trades((1, 10, 1, 1), (2, 11, 1, 1)), 0)

    ((_, closed),) = bars.on_time(3 * MINUTE, 0)

    assert closed["ts_event"].tolist() == [MINUTE, 2 * MINUTE, 3 * MINUTE]
    assert closed["open"].tolist() == [10.0, 11.0, 11.0]
    assert closed["volume"].tolist() == [2.0, 0.0, 0.0]
    assert closed["trades"].tolist() == [2, 0, 0]


def test_nothing_is_told_before_the_first_trade() -> None:
    assert Bars([MINUTE]).on_time(100 * MINUTE, 0) == []


def test_a_late_trade_is_counted_and_left_out() -> None:
    bars = Bars([MINUTE])
    bars.on_trades(trades((59, 10, 1, 1)), 0)
    bars.on_time(MINUTE, 0)

    assert bars.on_trades(trades((59.5, 99, 1, 1), (61, 11, 1, 1)), 0) == []
    assert bars.late == 1
    ((_, closed),) = bars.on_time(2 * MINUTE, 0)
    assert closed["high"].tolist() == [11.0]


def test_several_intervals_close_on_their_own_bounds() -> None:
    bars = Bars([5 * MINUTE, MINUTE])
    bars.on_trades(trades((1, 10, 1, 1)), 0)

    first = bars.on_time(MINUTE, 0)
    rest = bars.on_time(5 * MINUTE, 0)

    assert [(i, len(rows)) for i, rows in first] == [(MINUTE, 1)]
    assert [(i, len(rows)) for i, rows in rest] == [(MINUTE, 4), (5 * MINUTE, 1)]


def test_one_batch_may_close_several_bars() -> None:
    bars = Bars([MINUTE])

    ((_, closed),) = bars.on_trades(trades((1, 10, 1, 1), (61, 11, 1, 1), (185, 12, 1, 1)), 0)

    assert closed["close"].tolist() == [10.0, 11.0, 11.0]


def test_a_clock_that_leaps_is_bounded() -> None:
    bars = Bars([MINUTE], bars_max=10)
    bars.on_trades(trades((1, 10, 1, 1)), 0)

    ((_, closed),) = bars.on_time(10_000 * MINUTE, 0)

    assert len(closed) == 10
    assert bars.on_time(10_000 * MINUTE, 0) == []


def test_a_clock_that_goes_back_changes_nothing() -> None:
    bars = Bars([MINUTE])
    bars.on_trades(trades((601, 10, 1, 1)), 0)

    assert bars.on_time(60 * S, 0) == []


def test_the_next_close_is_the_nearest_bound() -> None:
    assert Bars([5 * MINUTE, MINUTE]).next_close(61 * S) == 2 * MINUTE
    assert Bars([MINUTE]).next_close(MINUTE) == 2 * MINUTE
    assert Bars([]).next_close(5) is None


def test_equal_or_empty_intervals_are_refused() -> None:
    with pytest.raises(ValueError, match="positive and distinct"):
        Bars([MINUTE, MINUTE])
