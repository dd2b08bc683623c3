"""Bars of a longer interval out of bars of a shorter one."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from journal.data.errors import NoData
from journal.data.kinds import interval_name, interval_ns
from messages.arrays import BAR, Rows

_DAY_NS: Final = interval_ns("1d")
_WEEK_NS: Final = interval_ns("1w")
_MONDAY_NS: Final = 4 * _DAY_NS  # the epoch was a Thursday; exchanges begin weeks on Mondays


@dataclass(frozen=True, slots=True)
class Resampled:
    """Longer bars, and what there was not enough for.

    rows       (n,) BAR
    left_out   longer bars at the ends that the data covers only in part
    with_gaps  longer bars that are in `rows` although some of their parts are missing
    """

    rows: Rows
    left_out: int
    with_gaps: int


def resample(rows: Rows, from_ns: int, to_ns: int) -> Resampled:
    """Bars of `to_ns` that begin on its multiples, UTC (weeks: on Mondays).

    A bar opens where its interval opens and is known (`ts_event`) where its interval closes, also
    if the parts at its ends are missing: nothing looks ahead, whatever was not traded. The first
    and the last interval are left out unless the data covers them.

    rows     (n,) BAR of `from_ns`, in order of time
    raises   NoData unless to_ns is a multiple of from_ns
    cost     O(n)
    """
    if to_ns % from_ns or to_ns <= from_ns:
        raise NoData(
            f"bars of {interval_name(from_ns)} cannot be made into bars of {interval_name(to_ns)}:"
            " choose a longer interval that is a multiple"
        )
    if not len(rows):
        return Resampled(rows, 0, 0)
    offset = _MONDAY_NS if to_ns % _WEEK_NS == 0 else 0
    opens = (rows["ts_open"] - offset) // to_ns * to_ns + offset
    starts = np.flatnonzero(np.r_[True, opens[1:] != opens[:-1]])
    made = np.zeros(len(starts), BAR)
    ends = np.r_[starts[1:], len(rows)] - 1
    made["ts_open"] = opens[starts]
    made["ts_event"] = made["ts_open"] + to_ns
    made["ts_init"] = np.maximum(made["ts_event"], rows["ts_init"][ends])
    made["open"], made["close"] = rows["open"][starts], rows["close"][ends]
    made["high"] = np.maximum.reduceat(rows["high"], starts)
    made["low"] = np.minimum.reduceat(rows["low"], starts)
    for name in ("volume", "quote_volume", "buy_volume", "trades"):
        made[name] = np.add.reduceat(rows[name], starts)
    counts = ends - starts + 1
    covered = np.ones(len(made), np.bool_)
    covered[0] = rows["ts_open"][0] == made["ts_open"][0]
    covered[-1] &= rows["ts_open"][-1] + from_ns == made["ts_event"][-1]
    return Resampled(
        made[covered],
        int((~covered).sum()),
        int((counts[covered] < to_ns // from_ns).sum()),
    )
