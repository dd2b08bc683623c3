"""How far apart bars are, and where some are missing."""

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from journal.data.errors import BadData
from journal.data.kinds import interval_name
from journal.data.rows import Rows
from messages.base import NS_PER_S

_ROWS: Final = 10_000


def usual_step(times: "NDArray[np.int64]") -> int:
    """The most frequent distance between neighbours; 0 of fewer than two times."""
    steps = np.abs(np.diff(times[:_ROWS]))
    steps = steps[steps > 0]
    if not len(steps):
        return 0
    lengths, counts = np.unique(steps, return_counts=True)
    return int(lengths[np.argmax(counts)])


def bar_length(path: Path, first: Rows, asked: int, named: int) -> int:
    """The interval of a file's bars: as asked for, else as its rows are spaced, else as named.

    raises  BadData if they contradict each other, or nothing says it
    """
    found = usual_step(first.frame["ts_open"].to_numpy())
    said = asked or named
    if not said and not found:
        raise BadData(path, "one row does not say how long a bar is", "say it with --interval")
    if found % NS_PER_S:
        raise BadData(
            path,
            f"its bars are {found} ns apart, no whole number of seconds",
            "check its times, or say --time-unit",
            field="time",
        )
    if asked or not found:
        return said
    if named and named != found:
        raise BadData(
            path,
            f"its name says {interval_name(named)}, its bars are {interval_name(found)} apart",
            "say which it is with --interval",
            field="time",
        )
    return found


def gaps(times: "NDArray[np.int64]", bar_ns: int) -> list[tuple[int, int]]:
    """(first missing, first present after it) for each hole between bars, in nanoseconds."""
    after = np.flatnonzero(np.diff(times) > bar_ns)
    return [(int(times[i]) + bar_ns, int(times[i + 1])) for i in after]
