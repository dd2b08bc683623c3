"""Bars equal what one gets by sorting trades into intervals, however they are batched."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messages.arrays import BAR, TRADE, Rows
from trading.bars import Bars

STEP = 1000
trade = st.tuples(
    st.integers(0, 400), st.integers(1, 50), st.integers(1, 9), st.sampled_from([1, -1])
)
history = st.lists(st.lists(trade, max_size=8), min_size=1, max_size=15)


def build(history: list[list[tuple[int, int, int, int]]]) -> list[Rows]:
    """Batches of trades whose times only grow."""
    ts, out = 5_000, []
    for batch in history:
        rows = []
        for wait, price, size, taker in batch:
            ts += wait
            rows.append((ts, ts, float(price), float(size), taker, 0))
        out.append(np.array(rows, TRADE))
    return out


@settings(max_examples=200, deadline=None)
@given(history=history)
def test_bars_equal_their_trades_however_they_come(
    history: list[list[tuple[int, int, int, int]]],
) -> None:
    batches = build(history)
    every = np.concatenate(batches)
    bars, told = Bars([STEP]), [np.zeros(0, BAR)]

    for batch in batches:
        told += [rows for _, rows in bars.on_trades(batch, 0)]
    told += [rows for _, rows in bars.on_time(10**6, 0)]
    found = np.concatenate(told)

    if not len(every):
        assert len(found) == 0
        return
    assert bars.late == 0
    assert (np.diff(found["ts_open"]) == STEP).all()
    assert found["volume"].sum() == pytest.approx(every["size"].sum())
    assert found["trades"].sum() == len(every)
    assert found["quote_volume"].sum() == pytest.approx((every["price"] * every["size"]).sum())
    for bar in found:
        inside = every[every["ts_event"] // STEP * STEP == bar["ts_open"]]
        if len(inside):
            price = inside["price"]
            expected = (price[0], price.max(), price.min(), price[-1])
            assert (bar["open"], bar["high"], bar["low"], bar["close"]) == expected
            assert bar["buy_volume"] == pytest.approx(inside["size"][inside["aggressor"] > 0].sum())
        else:
            assert bar["open"] == bar["high"] == bar["low"] == bar["close"]
            assert bar["volume"] == 0
