"""Market data as arrays: the Parquet catalogue, and single files without importing them.

The catalogue is a folder: kind/instrument/interval/period files beside a `series.json` that lists
them with their digests (journal/data/series.py). Times are int64 nanoseconds, UTC; a range is
[start, end) of the time that sorts a kind: `ts_open` of bars, `ts_event` of the others.
"""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from journal.data.errors import BadData, NoData
from journal.data.importing import Request, identify
from journal.data.kinds import KINDS, KindName, interval_name, interval_ns, to_rows
from journal.data.reading import open_file
from journal.data.series import Series, SeriesId, all_series, joined, read_frames, read_list
from journal.data.sniff import Wish
from journal.data.times import said
from journal.errors import JournalUnavailable
from messages.arrays import Rows

Time = int | str | datetime | None  # nanoseconds, "2024-01-31" or with a time of day, or aware
_FIRST_NS: Final = -(2**63)
_LAST_NS: Final = 2**63 - 1
_PERP: Final = "-PERP"


class Catalogue:
    """Series of one folder; reads only. Cheap to make, and to pickle: it holds a path."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)

    def series(self) -> list[Series]:
        """All that is there, by kind, instrument and interval."""
        return all_series(self.root)

    def instruments(self) -> list[str]:
        """Every instrument that some series is of."""
        return sorted({s.id.instrument for s in self.series()})

    def bars(
        self, instrument: str, interval: str | int, start: Time = None, end: Time = None
    ) -> Rows:
        """Bars of one interval ("1m", or nanoseconds), oldest first.

        instrument  "BTCUSDT.BINANCE"; a bare symbol if it is of one instrument only
        ->          (n,) BAR; n is 0 where the range holds none
        raises      NoData saying what is there; BadData, JournalUnavailable
        cost        about 40 ms for a year of minute bars
        """
        try:
            length = interval_ns(interval)
        except ValueError as error:
            raise NoData(str(error)) from error
        return self.rows("bars", instrument, length, start, end)

    def trades(self, instrument: str, start: Time = None, end: Time = None) -> Rows:
        """(n,) TRADE, oldest first; see `bars`."""
        return self.rows("trades", instrument, 0, start, end)

    def quotes(self, instrument: str, start: Time = None, end: Time = None) -> Rows:
        """(n,) QUOTE, oldest first; see `bars`."""
        return self.rows("quotes", instrument, 0, start, end)

    def deltas(self, instrument: str, start: Time = None, end: Time = None) -> Rows:
        """(n,) DELTA, oldest first; see `bars`."""
        return self.rows("deltas", instrument, 0, start, end)

    def funding(self, instrument: str, start: Time = None, end: Time = None) -> Rows:
        """(n,) FUNDING, oldest first; see `bars`."""
        return self.rows("funding", instrument, 0, start, end)

    def rows(
        self, kind: KindName, instrument: str, bar_ns: int, start: Time = None, end: Time = None
    ) -> Rows:
        """Rows of any kind; `bar_ns` is 0 for all but bars."""
        series = self.find(kind, instrument, bar_ns)
        begin, stop = nanoseconds(start, _FIRST_NS), nanoseconds(end, _LAST_NS)
        try:
            frame = read_frames(self.root, series, begin, stop)
        except JournalUnavailable:
            # An import has put other files in the place of those we knew: look again, once.
            frame = read_frames(self.root, read_list(self.root, series.id), begin, stop)
        return to_rows(frame, KINDS[kind], bar_ns)

    def find(self, kind: KindName, instrument: str, bar_ns: int = 0) -> Series:
        """The series of an instrument.

        raises  NoData, naming what there is of it, or of the catalogue
        """
        exact = read_list(self.root, SeriesId(kind, instrument, bar_ns))
        if exact.files:
            return exact
        there = self.series()
        name = self._full_name(instrument, there)
        for each in there:
            if each.id == SeriesId(kind, name, bar_ns):
                return each
        raise NoData(self._nothing(SeriesId(kind, name, bar_ns), there))

    def shortest(self, instrument: str) -> int:
        """The shortest interval (ns) of an instrument's bars; raises NoData if it has none."""
        there = self.series()
        name = self._full_name(instrument, there)
        found = [s.id.bar_ns for s in there if s.id.instrument == name and s.id.kind == "bars"]
        if not found:
            raise NoData(self._nothing(SeriesId("bars", name), there))
        return min(found)

    def digest(
        self,
        instrument: str,
        interval: str | int,
        start: Time = None,
        end: Time = None,
    ) -> str:
        """SHA-256 of the content of bars, whatever files they lie in; see `content_digest`."""
        return content_digest(self.bars(instrument, interval, start, end))

    def _full_name(self, name: str, there: list[Series]) -> str:
        known = {s.id.instrument for s in there}
        if name in known:
            return name
        for form in (name, name + _PERP):
            found = sorted(i for i in known if i.rpartition(".")[0] == form)
            if len(found) > 1:
                raise NoData(f"{name}: it may be {' or '.join(found)}: say which")
            if found:
                return found[0]
        return name

    def _nothing(self, of: SeriesId, there: list[Series]) -> str:
        if not there:
            return f"{self.root}: no data there: import some with `manta data import FILE`"
        own = [str(s.id) for s in there if s.id.instrument == of.instrument]
        others = sorted({s.id.instrument for s in there})
        has = f"it has {', '.join(own)}" if own else f"there are {', '.join(others[:8])}"
        return f"{of}: not in {self.root}; {has}: choose one, or import it"


def read_bars(
    path: Path | str,
    interval: str | int | None = None,
    *,
    wish: Wish | None = None,
    sort: bool = False,
) -> Rows:
    """Bars of one file (CSV plain, .gz or .zip, feather, Parquet), without importing it.

    interval  of its bars; by default as its rows and its name say
    ->        (n,) BAR, oldest first, no time twice
    raises    BadData naming file, row and field: one wrong row is an error here
    """
    try:
        length = 0 if interval is None else interval_ns(interval)
    except ValueError as error:
        raise NoData(str(error)) from error
    return read_rows(Path(path), "bars", length, wish=wish, sort=sort)[0]


def read_rows(
    path: Path, kind: KindName, bar_ns: int = 0, *, wish: Wish | None = None, sort: bool = False
) -> tuple[Rows, int]:
    """Rows of one file, and the length of its bars (0 of other kinds); see `read_bars`."""
    reading = open_file(path, replace(wish or Wish(), kind=kind))
    of = KINDS[kind]
    frames: list[pl.DataFrame] = []
    last_ns = _FIRST_NS
    for rows, _ in reading.rows:
        if rows.wrong:
            wrong = rows.wrong[0]
            remedy = "mend it, or import the file, which leaves wrong rows out"
            raise BadData(path, wrong.reason, remedy, row=wrong.row, field=wrong.field)
        if not frames:
            bar_ns = identify(reading, rows, Request(bar_ns=bar_ns, instrument="ANY.FILE")).bar_ns
        times = np.r_[last_ns, rows.frame[of.time].to_numpy()]
        early = times[1:] <= times[:-1] if kind == "bars" else times[1:] < times[:-1]
        back = np.flatnonzero(early)
        if len(back) and not sort:
            reason = (
                f"its time, {said(int(times[back[0] + 1]))}, is not after that of the row above"
            )
            raise BadData(path, reason, "sort the file", row=rows.line(int(back[0])), field="time")
        last_ns = int(times[-1])
        frames.append(rows.frame)
    frame = joined(frames, of)
    if sort:
        frame = frame.sort(of.time, maintain_order=True)
        frame = frame.unique(of.time, keep="last", maintain_order=True) if kind == "bars" else frame
    return to_rows(frame, of, bar_ns), bar_ns


def between(rows: Rows, kind: KindName, start: Time, end: Time) -> Rows:
    """Those rows of [start, end)."""
    times = rows[KINDS[kind].time]
    low, high = nanoseconds(start, _FIRST_NS), nanoseconds(end, _LAST_NS)
    return rows[np.searchsorted(times, low) : np.searchsorted(times, high)]


def content_digest(rows: Rows) -> str:
    """SHA-256 of rows: of their columns' names and types, then of their bytes. About 1 GB/s."""
    digest = hashlib.sha256(repr(rows.dtype.descr).encode())
    digest.update(np.ascontiguousarray(rows).view(np.uint8).data)
    return digest.hexdigest()


def nanoseconds(time: Time, otherwise: int) -> int:
    """A time as nanoseconds; text and dates without a zone are UTC.

    raises  NoData if the text is no time
    """
    if time is None:
        return otherwise
    if isinstance(time, str):
        try:
            time = datetime.fromisoformat(time)
        except ValueError as error:
            raise NoData(f"time {time!r}: not understood: write it like 2024-01-31") from error
    if isinstance(time, datetime):
        aware = time if time.tzinfo is not None else time.replace(tzinfo=UTC)
        return int(aware.timestamp() * 1_000_000) * 1_000
    return time


__all__ = [
    "Catalogue",
    "NoData",
    "content_digest",
    "interval_name",
    "interval_ns",
    "nanoseconds",
    "read_bars",
    "read_rows",
]
