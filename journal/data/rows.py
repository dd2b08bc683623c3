"""Checked rows of one block of a file, and what was left out of it."""

from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from journal.data.errors import shown
from journal.data.frames import fault_text, faults
from journal.data.kinds import KINDS, KindName

SHOWN: Final = 20  # wrong rows that a block, and a report, tells of; all are counted
Offsets = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Wrong:
    """A row that was left out."""

    row: int  # its line in a text file, its number elsewhere, from 1
    field: str
    reason: str

    def __str__(self) -> str:
        return f"row {self.row}: {self.field}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Rows:
    """A block.

    frame    columns of a series, without those of wrong rows
    first    the line (row, in a table) at which the block begins
    count    its lines
    skipped  those of them, from 0, that have no row in `frame`; ascending
    wrong    the first `SHOWN` of `wrong_count`
    blank    lines without anything
    """

    frame: pl.DataFrame
    first: int
    count: int
    skipped: Offsets = field(default_factory=lambda: np.empty(0, np.int64))
    wrong: tuple[Wrong, ...] = ()
    wrong_count: int = 0
    blank: int = 0

    def offsets(self) -> Offsets:
        """Where each row stands, in lines from the block's first."""
        return np.delete(np.arange(self.count), self.skipped)

    def line(self, row: int) -> int:
        """Where row `row` of the frame stands in its file."""
        return self.first + (int(self.offsets()[row]) if len(self.skipped) else row)

    def shifted(self, by: int) -> "Rows":
        """The same block, so many lines further down."""
        wrong = tuple(Wrong(w.row + by, w.field, w.reason) for w in self.wrong)
        return replace(self, first=self.first + by, wrong=wrong)

    def followed_by(self, other: "Rows") -> "Rows":
        """This block and the one below it as one."""
        return Rows(
            pl.concat([self.frame, other.frame]),
            self.first,
            self.count + other.count,
            np.concatenate([self.skipped, other.skipped + self.count]),
            (self.wrong + other.wrong)[:SHOWN],
            self.wrong_count + other.wrong_count,
            self.blank + other.blank,
        )

    def without(self, bad: NDArray[np.bool_], told: list[Wrong]) -> "Rows":
        """The same without the rows that are `bad`, the first of which are told."""
        skipped = np.sort(np.concatenate([self.skipped, self.offsets()[bad]]))
        wrong = sorted((*self.wrong, *told), key=lambda w: w.row)[:SHOWN]
        count = self.wrong_count + int(bad.sum())
        frame = self.frame.filter(~bad)
        return replace(self, frame=frame, skipped=skipped, wrong=tuple(wrong), wrong_count=count)


def without_nulls(raw: pl.DataFrame, rows: Rows, kind: KindName) -> Rows:
    """Those rows whose values could be read; the others are told as wrong.

    raw  the same rows as they were in the file
    """
    frame = rows.frame
    bad = np.zeros(frame.height, np.bool_)
    told: list[Wrong] = []
    for name in frame.columns:
        nulls = frame[name].is_null().to_numpy() & ~bad
        source = _source(name, kind, raw)
        for i in np.flatnonzero(nulls)[:SHOWN]:
            value = raw[source][int(i)]
            reason = _unreadable("" if value is None else str(value), source)
            told.append(Wrong(rows.line(int(i)), source, reason))
        bad |= nulls
    return rows.without(bad, told) if bad.any() else rows


def without_faults(rows: Rows, kind: KindName) -> Rows:
    """Those rows that can be true; the others are told as wrong."""
    of = KINDS[kind]
    bad: NDArray[np.bool_] | None = None
    told: list[Wrong] = []
    for mask, name, rule in faults(rows.frame, kind):
        fresh = mask if bad is None else mask & ~bad
        bad = mask if bad is None else bad | mask
        told += [
            Wrong(rows.line(int(i)), name, fault_text(rows.frame, int(i), name, rule, of))
            for i in np.flatnonzero(fresh)[:SHOWN]
        ]
    return rows if bad is None or not bad.any() else rows.without(bad, told)


def _source(name: str, kind: KindName, raw: pl.DataFrame) -> str:
    if name == KINDS[kind].time:
        return "time"
    if name in ("aggressor", "side"):
        return "maker" if "maker" in raw.columns else "side"
    return name


def _unreadable(value: str, name: str) -> str:
    if not value.strip():
        return "is empty"
    what = "time" if name == "time" or name.startswith("ts_") else "number"
    return f"{shown(value)} is no " + ("direction" if name in ("maker", "side") else what)
