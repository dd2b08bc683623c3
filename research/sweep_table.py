"""The result of a sweep: one row a trial, and its digest.

A trial whose parameters were asked for before is not evaluated again: it repeats the first one's
row, and does not count as a trial when the best one is judged by how many were tried.
"""

import hashlib
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from messages.arrays import Rows
from trading.result import METRICS

I8 = NDArray[np.int64]

PENDING: Final = 0  # asked for, not evaluated: the sweep was interrupted
DONE: Final = 1  # evaluated on all data
STOPPED: Final = 2  # by halving, on `bars` bars
REPEATED: Final = 3  # the parameters of an earlier trial: `source`
VOID: Final = 4  # the strategy failed: METRICS.error says how
REFUSED: Final = 5  # the strategy's own model does not accept the parameters
STATUS_NAMES: Final = ("pending", "done", "stopped", "repeated", "void", "refused")


@dataclass(frozen=True, slots=True)
class Batch:
    """Trials that were added together: all of them, and those that must be evaluated."""

    trials: I8
    fresh: I8


class Table:
    """Trials by number, from 0, in the order in which the search asked.

    params   (n,) PARAMS
    metrics  (n,) METRICS; not a number where nothing is known
    bars     (n,) how many bars the figures are of; 0 if none
    status   (n,) one of the codes above
    source   (n,) the trial itself, or the one that it repeats
    """

    def __init__(self, dtype: "np.dtype[np.void]") -> None:
        self.params: Rows = np.zeros(0, dtype)
        self.metrics: Rows = np.zeros(0, METRICS)
        self.bars: I8 = np.zeros(0, np.int64)
        self.status: I8 = np.zeros(0, np.int64)
        self.source: I8 = np.zeros(0, np.int64)
        self._first: dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self.status)

    def add(self, params: Rows, accepted: NDArray[np.bool_]) -> Batch:
        """New trials, numbered on."""
        start = len(self)
        trials = np.arange(start, start + len(params))
        source, status = trials.copy(), np.zeros(len(params), np.int64)
        for i, row in enumerate(params):
            source[i] = self._first.setdefault(row.tobytes(), start + i)
            if not accepted[i]:
                status[i] = REFUSED
            elif source[i] != trials[i]:
                status[i] = REPEATED
        self.params = np.concatenate((self.params, params))
        self.metrics = np.concatenate((self.metrics, nothing(len(params))))
        self.bars = np.concatenate((self.bars, np.zeros(len(params), np.int64)))
        self.status = np.concatenate((self.status, status))
        self.source = np.concatenate((self.source, source))
        return Batch(trials, trials[status == PENDING])

    def put(self, trials: I8, bars: int, metrics: Rows) -> None:
        """Figures of some trials, of so many bars."""
        self.metrics[trials] = metrics
        self.bars[trials] = bars

    def copy_repeats(self, batch: Batch) -> None:
        """Give trials that repeat an earlier one its figures."""
        again = batch.trials[self.status[batch.trials] == REPEATED]
        self.metrics[again] = self.metrics[self.source[again]]
        self.bars[again] = self.bars[self.source[again]]

    @property
    def tried(self) -> int:
        """How many different parameters have been evaluated: what the best one was chosen from."""
        return int(np.isin(self.status, (DONE, STOPPED, VOID)).sum())

    @property
    def pending(self) -> int:
        """How many were asked for and not finished."""
        return int((self.status == PENDING).sum())

    def sha256(self) -> str:
        """Digest of all that is in the table, in a form that depends on nothing else. Hex.

        Per trial: number, bars, status, source, PARAMS, METRICS, little-endian; every NaN the same
        and no negative zeros, for these differ between processors where values do not.
        """
        found = hashlib.sha256(repr((self.params.dtype.descr, METRICS.descr)).encode())
        head = np.column_stack((np.arange(len(self)), self.bars, self.status, self.source))
        metrics, params = canonical(self.metrics), canonical(self.params)
        for i in range(len(self)):
            found.update(head[i].astype("<i8").tobytes())
            found.update(params[i].tobytes())
            found.update(metrics[i].tobytes())
        return found.hexdigest()

    def columns(self) -> dict[str, NDArray[Any]]:
        """The table by column, for a file: trial, parameters, status, bars, figures."""
        found: dict[str, NDArray[Any]] = {"trial": np.arange(len(self))}
        for name in self.params.dtype.names or ():
            found[f"param_{name}"] = self.params[name]
        found["status"] = np.array(STATUS_NAMES)[self.status]
        found["source"] = self.source
        found["data_bars"] = self.bars
        for name in METRICS.names or ():
            found[name] = self.metrics[name]
        return found


def nothing(count: int) -> Rows:
    """METRICS rows that know nothing."""
    rows = np.zeros(count, METRICS)
    for name in METRICS.names or ():
        if METRICS[name].kind == "f":
            rows[name] = np.nan
    return rows


def canonical(rows: Rows) -> Rows:
    """The same values with one kind of NaN and no negative zeros."""
    out = rows.copy()
    for name in rows.dtype.names or ():
        if rows.dtype[name].kind == "f":
            column = out[name] + 0.0
            out[name] = np.where(np.isnan(column), np.nan, column)
    return out
