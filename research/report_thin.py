"""Fewer points that draw the same picture: nothing that would have coloured a pixel is left out.

A line is cut into as many buckets of time as the drawing has pixels across; of each bucket its
first, lowest, highest and last row stay (the M4 aggregation: Jugel, Jerzak, Hackenbroich, Markl,
"M4: A Visualization-Oriented Time Series Data Aggregation", PVLDB 7(10), 2014). So a spike of one
row in half a million is drawn at its full height. Of points that fall on one pixel, one stays.
"""

import numpy as np
from numpy.typing import NDArray

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]


def line_rows(ts: I8, values: F8, buckets: int) -> I8:
    """Which rows to draw of a line, ascending; at most four a bucket.

    ts       (n,) ns, ascending
    values   (n,) finite
    buckets  of equal time, >= 1: the pixels across
    ->       (m,) rows; all of them where n <= 4 * buckets; always the first, the last, and those
             of the lowest and the highest value
    cost     O(n log n)
    """
    n = len(ts)
    if n <= 4 * buckets:
        return np.arange(n)
    bucket = cells(ts - ts[0], 0.0, float(ts[-1] - ts[0]), buckets)
    starts = np.flatnonzero(np.diff(bucket, prepend=-1))
    ends = np.append(starts[1:], n) - 1
    by_value = np.lexsort((values, bucket))  # stable, so of equal values the first row
    return np.unique(np.concatenate((starts, ends, by_value[starts], by_value[ends])))


def dot_rows(x: F8, y: F8, width: int, height: int) -> I8:
    """Which of these points to draw, ascending: the first one on each pixel, and the extremes.

    x, y           (n,) finite
    width, height  of the drawing, pixels
    cost           O(n log n)
    """
    if not len(x):
        return np.zeros(0, np.int64)
    across = cells(x, float(x.min()), float(x.max()), width)
    up = cells(y, float(y.min()), float(y.max()), height)
    _, first = np.unique(across * height + up, return_index=True)
    extremes = [np.argmin(x), np.argmax(x), np.argmin(y), np.argmax(y)]
    return np.unique(np.concatenate((first, extremes)))


def cells(values: NDArray[np.generic], low: float, high: float, count: int) -> I8:
    """(n,) 0 .. count - 1: in which of `count` equal parts of [low, high] each value lies."""
    if high <= low:
        return np.zeros(len(values), np.int64)
    part = (np.asarray(values, np.float64) - low) / (high - low) * count
    return np.clip(part.astype(np.int64), 0, count - 1)
