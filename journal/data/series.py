"""One series of the catalogue: Parquet files, and the list that says which of them are it.

Theory of operation. `series.json` names every file with its SHA-256, and a file's name holds the
beginning of that digest, so a file never changes once it is written. A change of a series is new
files first and a new list last: renaming the list into place is the one moment at which readers see
all of the change. What a crash leaves is files that no list names; the next change removes them.
"""

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import quote, unquote

import polars as pl

from journal.data.errors import BadData, readable
from journal.data.kinds import KINDS, Kind, KindName, interval_name, interval_ns, period_of
from journal.files import Write, write_whole

FORMAT: Final = 1
LIST: Final = "series.json"
_UNITS: Final = {
    "time": "nanoseconds since 1970-01-01 UTC",
    "price": "quote currency per unit of base",
    "size": "base currency",
}


@dataclass(frozen=True, slots=True, order=True)
class SeriesId:
    """What a series is of. `bar_ns` is 0 for everything but bars."""

    kind: KindName
    instrument: str
    bar_ns: int = 0

    def folder(self, root: Path) -> Path:
        """Its place: bars/BTCUSDT.BINANCE/1m, trades/BTCUSDT.BINANCE."""
        place = root / self.kind / quote(self.instrument, safe="")
        return place / interval_name(self.bar_ns) if self.bar_ns else place

    def __str__(self) -> str:
        bars = f" {interval_name(self.bar_ns)}" if self.bar_ns else ""
        return f"{self.instrument}{bars} {self.kind}"


@dataclass(frozen=True, slots=True)
class File:
    """One Parquet file. Times are of its first and last row, in nanoseconds."""

    name: str
    period: str
    rows: int
    first_ns: int
    last_ns: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Source:
    """Where rows came from. Large text files have no digest: see `Reading.worth_a_digest`."""

    name: str
    sha256: str | None
    bytes: int
    rows: int
    wrong: int
    duplicates: int
    units: str
    importer: str


@dataclass(frozen=True, slots=True)
class Series:
    """A series as its list says it: `files` in order of time."""

    id: SeriesId
    files: tuple[File, ...] = ()
    sources: tuple[Source, ...] = field(default=())

    @property
    def rows(self) -> int:
        """All rows."""
        return sum(f.rows for f in self.files)

    @property
    def bytes(self) -> int:
        """Size on disk."""
        return sum(f.bytes for f in self.files)


def encode(frame: pl.DataFrame) -> memoryview:
    """A frame as the Parquet file that the catalogue keeps: the same rows, the same bytes."""
    buffer = io.BytesIO()
    # Row groups follow the chunks of a frame, and those the accidents of its making.
    frame.rechunk().write_parquet(buffer, compression="lz4", statistics=False)
    return buffer.getbuffer()


def write_file(
    root: Path, of: SeriesId, period: str, frame: pl.DataFrame, write: Write = write_whole
) -> File:
    """Write the rows of one period, sorted and without duplicates; no list names the file yet."""
    data = encode(frame)
    sha256 = hashlib.sha256(data).hexdigest()
    name = f"{period}.{sha256[:12]}.parquet"
    write(of.folder(root) / name, data)
    times = frame[KINDS[of.kind].time]
    return File(name, period, frame.height, times[0], times[-1], len(data), sha256)


def write_list(root: Path, series: Series, write: Write = write_whole) -> None:
    """Make these files the series."""
    document = {
        "format": FORMAT,
        "kind": series.id.kind,
        "instrument": series.id.instrument,
        "interval": interval_name(series.id.bar_ns) if series.id.bar_ns else None,
        "partition": period_of(series.id.kind, series.id.bar_ns),
        "units": _UNITS,
        "files": [asdict(f) for f in series.files],
        "sources": [asdict(s) for s in series.sources],
    }
    write(series.id.folder(root) / LIST, (json.dumps(document, indent=1) + "\n").encode())


def sweep(root: Path, series: Series) -> None:
    """Remove what no list names: files of before a change, or of one that was broken off."""
    named = {f.name for f in series.files} | {LIST}
    for path in series.id.folder(root).iterdir():
        ours = path.suffix == ".parquet" or path.name.startswith(".")
        if path.name not in named and ours and path.is_file() and not path.name.endswith(".lock"):
            path.unlink(missing_ok=True)


def read_list(root: Path, of: SeriesId) -> Series:
    """What is there; no files if the series does not exist."""
    path = of.folder(root) / LIST
    if not path.is_file():
        return Series(of)
    with readable(path):
        text = path.read_text()
    try:
        document = cast(Mapping[str, Any], json.loads(text))
        files = tuple(File(**f) for f in document["files"])
        sources = tuple(Source(**s) for s in document["sources"])
    except (ValueError, TypeError, KeyError) as error:
        raise BadData(path, f"is damaged ({error})", "import the series again") from error
    if document.get("format") != FORMAT:
        reason = f"has format {document.get('format')}, this program knows {FORMAT}"
        raise BadData(path, reason, "install the version that wrote it")
    return Series(of, files, sources)


def all_series(root: Path) -> list[Series]:
    """Every series under a root, by kind, instrument and interval."""
    found = []
    for path in sorted(root.glob(f"*/*/{LIST}")) + sorted(root.glob(f"*/*/*/{LIST}")):
        parts = path.relative_to(root).parts[:-1]
        if parts[0] not in KINDS or (len(parts) == 3) != (parts[0] == "bars"):
            continue
        bar_ns = interval_ns(parts[2]) if len(parts) == 3 else 0
        found.append(SeriesId(parts[0], unquote(parts[1]), bar_ns))
    return [read_list(root, of) for of in sorted(found)]


def read_frames(root: Path, series: Series, start_ns: int, end_ns: int) -> pl.DataFrame:
    """Rows with start_ns <= time < end_ns, in order of time; none if that is backwards."""
    of = KINDS[series.id.kind]
    wanted = [f for f in series.files if f.last_ns >= start_ns and f.first_ns < end_ns]
    if not wanted or start_ns >= end_ns:
        return pl.DataFrame(schema=dict(of.required))
    frame = _read_files(root, series.id, wanted)
    if wanted[0].first_ns < start_ns or wanted[-1].last_ns >= end_ns:
        times = frame[of.time]
        low, high = times.search_sorted(start_ns), times.search_sorted(end_ns)
        frame = frame.slice(low, high - low)
    return frame


def _read_files(root: Path, of: SeriesId, files: Sequence[File]) -> pl.DataFrame:
    folder = of.folder(root)
    try:
        with readable(folder):
            # One call for all: a third of the time of a call each.
            paths = [folder / f.name for f in files]
            return pl.read_parquet(paths, glob=False, hive_partitioning=False)
    except BadData:  # they have not the same columns, or one is damaged: which one is said below
        return joined([read_file(root, of, f) for f in files], KINDS[of.kind], rechunk=True)


def read_file(root: Path, of: SeriesId, file: File) -> pl.DataFrame:
    """One file's rows."""
    path = of.folder(root) / file.name
    with readable(path):
        return pl.read_parquet(path, glob=False, hive_partitioning=False)


def joined(frames: Sequence[pl.DataFrame], of: Kind, *, rechunk: bool = False) -> pl.DataFrame:
    """One frame of several; a column that only some have is 0 in the others, `ts_init` the time."""
    if len({tuple(f.columns) for f in frames}) == 1:
        return pl.concat(frames, rechunk=rechunk)
    named = {c for f in frames for c in f.columns}
    columns = {c: t for c, t in of.columns.items() if c in named}
    return pl.concat([_widened(f, columns, of) for f in frames], rechunk=rechunk)


def _widened(frame: pl.DataFrame, columns: Mapping[str, Any], of: Kind) -> pl.DataFrame:
    lacking = [
        (pl.col(of.time) if c == "ts_init" else pl.lit(0)).cast(t).alias(c)
        for c, t in columns.items()
        if c not in frame.columns
    ]
    return frame.with_columns(lacking).select(list(columns))
