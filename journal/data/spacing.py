"""How far apart bars are, and where some are missing."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from journal.data.errors import BadData
from journal.data.kinds import interval_name
from journal.data.rows import Rows
from messages.base import NS_PER_S


def steps(times: "NDArray[np.int64]") -> tuple[int, int]:
    """(most frequent, shortest) distance between neighbours in time; zeros of fewer than two."""
    apart = np.diff(np.sort(times))
    apart = apart[apart > 0]
    if not len(apart):
        return 0, 0
    lengths, counts = np.unique(apart, return_counts=True)
    return int(lengths[np.argmax(counts)]), int(lengths[0])


def bar_length(path: Path, first: Rows, asked: int, named: int) -> int:
    """The interval of a file's bars: as asked for or named, and as its rows are spaced.

    raises  BadData if they contradict each other, or nothing says it
    """
    usual, shortest = steps(first.frame["ts_open"].to_numpy())
    said = asked or named
    if not said and not usual:
        raise BadData(path, "one row does not say how long a bar is", "say it with --interval")
    # Where trades are rare most bars may be missing: then the closest ones show the interval.
    if said and usual and said not in (usual, shortest):
        who = "--interval" if asked else "its name"
        raise BadData(
            path,
            f"{who} says {interval_name(said)}, its bars are {interval_name(usual)} apart",
            "say which it is with --interval",
            field="time",
        )
    if usual % NS_PER_S:
        raise BadData(
            path,
            f"its bars are {usual} ns apart, no whole number of seconds",
            "check its times, or say --time-unit",
            field="time",
        )
    return said or usual


def gaps(times: "NDArray[np.int64]", bar_ns: int) -> list[tuple[int, int]]:
    """(first missing, first present after it) for each hole between bars, in nanoseconds."""
    after = np.flatnonzero(np.diff(times) > bar_ns)
    return [(int(times[i]) + bar_ns, int(times[i + 1])) for i in after]
