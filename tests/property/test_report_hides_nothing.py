"""Thinning for drawing: whatever the series, no pixel column loses its reach."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from research.report_thin import cells, dot_rows, line_rows

SERIES = st.lists(
    st.tuples(st.integers(0, 50), st.floats(-1e9, 1e9, allow_nan=False)), min_size=1, max_size=300
)


@given(SERIES, st.integers(1, 20))
def test_each_pixel_keeps_its_first_lowest_highest_and_last_row(
    rows: list[tuple[int, float]], buckets: int
) -> None:
    ts = np.cumsum([gap for gap, _ in rows])
    values = np.array([value for _, value in rows])

    kept = line_rows(ts, values, buckets)

    assert kept.tolist() == sorted(set(kept.tolist()))
    assert len(kept) <= max(4 * buckets, 1)
    pixel = cells(ts - ts[0], 0.0, float(ts[-1] - ts[0]), buckets)
    for each in np.unique(pixel):
        inside, drawn = np.flatnonzero(pixel == each), kept[pixel[kept] == each]
        assert (drawn[0], drawn[-1]) == (inside[0], inside[-1])
        assert values[drawn].min() == values[inside].min()
        assert values[drawn].max() == values[inside].max()


@given(SERIES, st.integers(1, 20), st.integers(1, 20))
def test_every_pixel_with_a_dot_keeps_one(
    rows: list[tuple[int, float]], width: int, height: int
) -> None:
    x = np.array([float(gap) for gap, _ in rows])
    y = np.array([value for _, value in rows])

    kept = dot_rows(x, y, width, height)

    across = cells(x, float(x.min()), float(x.max()), width)
    up = cells(y, float(y.min()), float(y.max()), height)
    pixels = set(zip(across.tolist(), up.tolist(), strict=True))
    assert set(zip(across[kept].tolist(), up[kept].tolist(), strict=True)) == pixels
    assert len(kept) <= len(pixels) + 4
