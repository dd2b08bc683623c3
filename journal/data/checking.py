"""What is wrong with a series on disk: files that changed, rows that cannot be, holes."""

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from journal.data.errors import BadData, readable
from journal.data.frames import faults, is_whole
from journal.data.kinds import KINDS, KindName, interval_name
from journal.data.series import LIST, File, Series
from journal.data.spacing import gaps
from journal.data.times import said
from journal.errors import JournalError

_WEEK_NS: Final = 7 * 86_400 * 1_000_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, in one file or between two.

    kind  "checksum", "missing", "unlisted", "unreadable", "rows", "disorder", "duplicates",
          "value", "gap", "misaligned"
    at    time of the first row concerned (ns), None if it concerns no row
    """

    kind: str
    file: str
    text: str
    count: int = 1
    at: int | None = None

    def __str__(self) -> str:
        return f"{self.kind}: {self.file}: {self.text}"


@dataclass(frozen=True, slots=True)
class Checked:
    """A series and all that is wrong with it; nothing, if `findings` is empty."""

    series: Series
    findings: tuple[Finding, ...]

    @property
    def gaps(self) -> int:
        """Bars that are missing between the first and the last."""
        return sum(f.count for f in self.findings if f.kind == "gap")


@dataclass(frozen=True, slots=True)
class _Ends:
    """A checked file: what was found, and the times at its ends for its neighbours."""

    findings: list[Finding]
    first: int | None = None
    last: int | None = None


OnFile = Callable[[int], None]  # bytes of a file that is done


def check(root: Path, series: Series, on_file: OnFile = lambda _: None) -> Checked:
    """Read every file of a series and compare it with its list and with the rules of its kind.

    cost    one pass over the files, on all cores
    memory  two files
    """
    folder = series.id.folder(root)
    found: list[Finding] = list(_unlisted(folder, series))
    last: int | None = None
    with ThreadPoolExecutor(2, "verify") as pool:
        for file, ends in zip(
            series.files, pool.map(lambda f: _file(folder, series, f), series.files), strict=True
        ):
            found += ends.findings
            if last is not None and ends.first is not None:
                found += _between(series, file, last, ends.first)
            last = ends.last if ends.last is not None else last
            on_file(file.bytes)
    return Checked(series, tuple(found))


def _unlisted(folder: Path, series: Series) -> Iterator[Finding]:
    named = {f.name for f in series.files}
    for path in sorted(folder.glob("*.parquet")):
        if path.name not in named:
            yield Finding("unlisted", path.name, f"{LIST} does not name it; its rows are not used")


def _file(folder: Path, series: Series, file: File) -> _Ends:
    path = folder / file.name
    try:
        with readable(path):
            data = path.read_bytes()
    except JournalError:
        return _Ends([Finding("missing", file.name, "it is listed, and cannot be read")])
    found = []
    if hashlib.sha256(data).hexdigest() != file.sha256:
        found.append(Finding("checksum", file.name, "its SHA-256 is not that of its import"))
    try:
        with readable(path):
            frame = pl.read_parquet(BytesIO(data))
    except BadData as error:
        return _Ends([*found, Finding("unreadable", file.name, error.reason)])
    of = KINDS[series.id.kind]
    if not set(of.required) <= set(frame.columns) or not is_whole(frame) or not frame.height:
        text = "columns or values of its kind are missing"
        return _Ends([*found, Finding("unreadable", file.name, text)])
    if frame.height != file.rows:
        text = f"it has {frame.height} rows, {LIST} says {file.rows}"
        found.append(Finding("rows", file.name, text))
    times = frame[of.time].to_numpy()
    found += _order(series, file, times)
    found += _values(series.id.kind, file, frame, times)
    return _Ends(found, int(times[0]), int(times[-1]))


def _order(series: Series, file: File, times: "NDArray[np.int64]") -> Iterator[Finding]:
    steps = np.diff(times)
    lowest = int(steps.min()) if len(steps) else 1
    if lowest < 0:
        back = np.flatnonzero(steps < 0) + 1
        yield _counted("disorder", file, times, back, "{n} rows are before the row above them")
    if series.id.kind not in ("bars", "funding"):
        return
    if lowest <= 0 and (steps == 0).any():
        twice = np.flatnonzero(steps == 0) + 1
        yield _counted("duplicates", file, times, twice, "{n} times are there twice")
    bar_ns = series.id.bar_ns
    if bar_ns and lowest >= 0:
        for first, after in gaps(times, bar_ns):
            yield _gap(file, first, after, bar_ns)
        if bar_ns < _WEEK_NS and (times % bar_ns).any():  # weeks begin where a venue says
            off = np.flatnonzero(times % bar_ns)
            text = f"{{n}} bars do not begin on a multiple of {interval_name(bar_ns)}"
            yield _counted("misaligned", file, times, off, text)


def _values(
    kind: KindName, file: File, frame: pl.DataFrame, times: "NDArray[np.int64]"
) -> Iterator[Finding]:
    for mask, field, rule in faults(frame, kind):
        rows = np.flatnonzero(mask)
        if len(rows):
            yield _counted("value", file, times, rows, f"{{n}} rows: {field} {rule}")


def _between(series: Series, file: File, last: int, first: int) -> Iterator[Finding]:
    bar_ns = series.id.bar_ns
    if first < last:
        text = f"it begins at {said(first)}, the file before it ends at {said(last)}"
        yield Finding("disorder", file.name, text, at=first)
    elif first == last and series.id.kind in ("bars", "funding"):
        yield Finding("duplicates", file.name, "its first time ends the file before it", at=first)
    elif bar_ns and first - last > bar_ns:
        yield _gap(file, last + bar_ns, first, bar_ns)


def _gap(file: File, first: int, after: int, bar_ns: int) -> Finding:
    missing = (after - first + bar_ns - 1) // bar_ns
    text = f"{missing} bars missing from {said(first)} to {said(after)}"
    return Finding("gap", file.name, text, count=missing, at=first)


def _counted(
    kind: str, file: File, times: "NDArray[np.int64]", rows: "NDArray[np.int64]", text: str
) -> Finding:
    first = int(rows[0])
    where = f" (the first is row {first + 1}, {said(int(times[first]))})"
    return Finding(kind, file.name, text.format(n=len(rows)) + where, len(rows), int(times[first]))


def missing_bars(series: Series) -> int:
    """Bars that are not there between the first and the last, from the list alone."""
    span = series.files[-1].last_ns - series.files[0].first_ns
    return max(span // series.id.bar_ns + 1 - series.rows, 0)
