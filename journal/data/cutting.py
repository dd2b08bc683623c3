"""Checked rows, in the order of their file, cut into the files of a series."""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from journal.data.errors import BadData, readable
from journal.data.kinds import KINDS, Kind, period_of
from journal.data.rows import Rows
from journal.data.series import File, Series, encode, joined, read_file, write_file
from journal.data.times import said
from journal.files import Write

_HELD_BYTES_MAX: Final = 1 << 28
_DATETIME: Final = {"day": "datetime64[D]", "month": "datetime64[M]", "year": "datetime64[Y]"}


@dataclass(slots=True)
class Cut:
    """What came of the rows: the files that were written, and what was left out or replaced."""

    files: dict[str, File] = field(default_factory=dict)
    first_ns: int = 2**63 - 1
    last_ns: int = -(2**63)
    duplicates: int = 0
    replaced: int = 0


class Cutter:
    """Gathers rows of one file by period, and writes each period once it is over.

    before  the series as it is; rows of a period that has a file already are merged with it
    sort    rows may come in any order; else a row before its predecessor is an error
    pool    writes; at most one period waits while another is gathered
    """

    def __init__(
        self,
        root: Path,
        path: Path,
        before: Series,
        *,
        sort: bool,
        pool: ThreadPoolExecutor,
        write: Write,
    ) -> None:
        self._root, self._path, self._before = root, path, before
        self._sort, self._pool, self._write = sort, pool, write
        self._of = KINDS[before.id.kind]
        self._unit = _DATETIME[period_of(before.id.kind, before.id.bar_ns)]
        self._frames: dict[str, list[pl.DataFrame]] = {}
        self._spilled: dict[str, list[Path]] = {}
        self._held = 0
        self._writing: list[Future[tuple[File, int, int]]] = []
        self.cut = Cut()

    def add(self, rows: Rows) -> None:
        """Take the next rows of the file.

        raises  BadData naming the row if its time is before that of the row above
        """
        frame = rows.frame
        if not frame.height:
            return
        times = frame[self._of.time].to_numpy()
        if self._sort:
            frame = frame.sort(self._of.time, maintain_order=True)
            times = frame[self._of.time].to_numpy()
        else:
            self._check_order(rows, times)
        self.cut.first_ns = min(self.cut.first_ns, int(times[0]))
        self.cut.last_ns = max(self.cut.last_ns, int(times[-1]))
        ends = times[[0, -1]].astype("datetime64[ns]").astype(self._unit)
        if ends[0] == ends[1]:
            self._gather(str(ends[0]), frame)
        else:
            periods = times.astype("datetime64[ns]").astype(self._unit)
            starts = [0, *(np.flatnonzero(periods[1:] != periods[:-1]) + 1), len(periods)]
            for begin, end in pairwise(starts):
                self._gather(str(periods[begin]), frame[int(begin) : int(end)])

    def finish(self) -> Cut:
        """Write what is left; every file is on disk when it returns."""
        for period in list(self._frames | self._spilled):
            self._submit(period)
        self._collect(0)
        return self.cut

    def _check_order(self, rows: Rows, times: "NDArray[np.int64]") -> None:
        back = np.flatnonzero(times[1:] < times[:-1]) + 1
        last_ns = self.cut.last_ns
        if times[0] < last_ns:
            back = np.array([0])
        if len(back):
            at = int(back[0])
            before = last_ns if at == 0 else int(times[at - 1])
            reason = f"{said(int(times[at]))} is before {said(before)} of the row above"
            raise BadData(
                self._path,
                reason,
                "sort with --sort, or mend the file",
                row=rows.line(at),
                field="time",
            )

    def _gather(self, period: str, frame: pl.DataFrame) -> None:
        if not self._sort:
            for over in [p for p in self._frames if p != period]:
                self._submit(over)
        self._frames.setdefault(period, []).append(frame)
        if self._sort:
            self._held += int(frame.estimated_size())
            if self._held > _HELD_BYTES_MAX:
                self._spill()

    def _spill(self) -> None:
        for period, frames in self._frames.items():
            spilled = self._spilled.setdefault(period, [])
            path = self._before.id.folder(self._root) / f".{period}.{len(spilled)}.part"
            self._write(path, encode(joined(frames, self._of)))
            spilled.append(path)
        self._frames.clear()
        self._held = 0

    def _submit(self, period: str) -> None:
        self._collect(1)
        frames = self._frames.pop(period, [])
        spilled = self._spilled.pop(period, [])
        self._writing.append(self._pool.submit(self._put, period, frames, spilled))

    def _collect(self, left: int) -> None:
        while len(self._writing) > left:
            file, duplicates, replaced = self._writing.pop(0).result()
            self.cut.files[file.period] = file
            self.cut.duplicates += duplicates
            self.cut.replaced += replaced

    def _put(
        self, period: str, frames: list[pl.DataFrame], spilled: list[Path]
    ) -> tuple[File, int, int]:
        for path in spilled:
            with readable(path):
                frames.append(pl.read_parquet(path))
        frame = joined(frames, self._of)
        if self._sort:
            frame = frame.sort(self._of.time, maintain_order=True)
        frame, duplicates = without_duplicates(frame, self._of)
        replaced = 0
        old = next((f for f in self._before.files if f.period == period), None)
        if old is not None:
            there = read_file(self._root, self._before.id, old)
            count = there.height + frame.height
            frame = merged(there, frame, self._of)
            replaced = count - frame.height
        written = write_file(self._root, self._before.id, period, frame, self._write)
        return written, duplicates, replaced


def without_duplicates(frame: pl.DataFrame, of: Kind) -> tuple[pl.DataFrame, int]:
    """Rows that say something new, and how many did not.

    Of several bars or funding rates of one time the last counts; trades are the same if their time
    and their id are. Trades without ids, quotes and book changes may repeat.

    frame  in order of time
    """
    keys = _keys(frame, of)
    if not keys or any(_rising(frame[key]) for key in reversed(keys)):
        return frame, 0
    kept = frame.unique(subset=keys, keep="last", maintain_order=True)
    return kept, frame.height - kept.height


def merged(old: pl.DataFrame, new: pl.DataFrame, of: Kind) -> pl.DataFrame:
    """Rows of two imports of one period, the newer ones in place of the older.

    Rows that have a key (see `without_duplicates`) are replaced one by one; of others, all that lie
    between the first and the last new one.
    """
    keys = _keys(new, of)
    if keys and _keys(old, of):
        both = joined([old, new], of)
        return both.unique(subset=keys, keep="last", maintain_order=True).sort(
            of.time, maintain_order=True
        )
    first, last = new[of.time][0], new[of.time][-1]
    time = pl.col(of.time)
    return joined([old.filter(time < first), new, old.filter(time > last)], of)


def _keys(frame: pl.DataFrame, of: Kind) -> list[str]:
    if of.name in ("bars", "funding"):
        return [of.time]
    if "trade_id" in frame.columns and not _unnamed(frame):
        return [of.time, "trade_id"]
    return []


def _unnamed(frame: pl.DataFrame) -> bool:
    return bool((frame["trade_id"] == 0).sum() > 1)  # a first id may be 0


def _rising(column: pl.Series) -> bool:
    last = -(2**63)
    for chunk in column.get_chunks():
        values = chunk.to_numpy()
        if values[0] <= last or not (values[1:] > values[:-1]).all():
            return False
        last = int(values[-1])
    return True
