"""Bring a file into the catalogue: read, check, cut into periods, merge with what is there.

Nothing is visible until all of the file is in place, and nothing stays if it fails. Memory is
bounded by the rows of one period and a few blocks of the file; rows to be sorted gather up to a
bound and then wait on disk.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from itertools import chain
from pathlib import Path

from journal.data import names
from journal.data.cutting import Cutter
from journal.data.errors import BadData, NoData, shown
from journal.data.reading import Reading, open_file, sha256_of
from journal.data.rows import SHOWN, Rows, Wrong
from journal.data.series import Series, SeriesId, Source, read_list, sweep, write_list
from journal.data.sniff import Wish
from journal.data.spacing import bar_length
from journal.errors import JournalBusy, translated
from journal.files import Write, write_whole
from journal.lock import WriterLock

OnProgress = Callable[[int, int, int], None]  # bytes done, bytes in all, rows


@dataclass(frozen=True, slots=True)
class Request:
    """How to import a file. What is not said is taken from its name and its rows.

    instrument  "BTCUSDT.BINANCE", or a symbol that `venue` completes
    bar_ns      length of a bar
    sort        put rows in order, instead of refusing a file that is not
    strict      refuse a file with a wrong row
    """

    wish: Wish = field(default_factory=Wish)
    instrument: str | None = None
    venue: str = "BINANCE"
    bar_ns: int = 0
    sort: bool = False
    strict: bool = False


@dataclass(slots=True)
class Report:
    """What became of a file."""

    path: Path
    series: SeriesId
    units: str
    notes: tuple[str, ...]
    rows: int = 0  # that are in the catalogue now
    wrong: int = 0
    wrong_rows: list[Wrong] = field(default_factory=list)  # the first `SHOWN`
    blank: int = 0
    duplicates: int = 0  # left out: the same row twice, or a time twice
    replaced: int = 0  # rows of earlier imports that these took the place of
    first_ns: int = 0
    last_ns: int = 0

    def add(self, rows: Rows) -> None:
        """Count a block."""
        self.rows += rows.frame.height
        self.blank += rows.blank
        self.wrong += rows.wrong_count
        self.wrong_rows += rows.wrong[: SHOWN - len(self.wrong_rows)]


def unwatched(done: int, total: int, rows: int) -> None:
    """Progress that nobody looks at."""


def import_file(
    root: Path,
    path: Path,
    request: Request | None = None,
    on_progress: OnProgress = unwatched,
    write: Write = write_whole,
) -> Report:
    """Make a file's rows part of their series.

    write   how bytes reach the disk
    raises  BadData naming file, row and field; DiskFull, JournalUnavailable. The catalogue is then
            what it was.
    memory  a few blocks of 16 MiB, and the rows of one or two periods
    """
    request = request or Request()
    reading = open_file(path, request.wish)
    heads = _until_rows(reading)
    series = identify(reading, heads[-1][0], request)
    report = Report(path, series, reading.units, reading.notes)
    with _writing(root, series) as before, ThreadPoolExecutor(2, "import") as pool:
        digest = pool.submit(sha256_of, path) if reading.worth_a_digest else None
        cutter = Cutter(root, path, before, sort=request.sort, pool=pool, write=write)
        for rows, done in chain(heads, reading.rows):
            report.add(rows)
            if request.strict and rows.wrong:
                raise _refused(path, rows.wrong[0])
            cutter.add(rows)
            on_progress(done, reading.bytes, report.rows)
        cut = cutter.finish()
        report.duplicates, report.replaced = cut.duplicates, cut.replaced
        report.first_ns, report.last_ns = cut.first_ns, cut.last_ns
        report.rows -= cut.duplicates
        files = {f.period: f for f in before.files} | cut.files
        source = _source(report, digest.result() if digest else None, reading.bytes)
        others = tuple(s for s in before.sources if not _same(s, source))
        after = Series(series, tuple(files[p] for p in sorted(files)), (*others, source))
        write_list(root, after, write)
        sweep(root, after)
    return report


def identify(reading: Reading, first: Rows, request: Request) -> SeriesId:
    """The series that a file's rows belong to.

    raises  BadData if neither the request nor the name nor the rows say it
    """
    name = names.of(reading.path.absolute())
    instrument = request.instrument or name.symbol
    if instrument is None:
        raise BadData(
            reading.path, "its name does not say the instrument", "say it with --instrument"
        )
    if "." not in instrument:
        instrument = f"{instrument}.{request.venue}"
    if not names.INSTRUMENT.fullmatch(instrument):  # its folder has this name
        raise BadData(
            reading.path,
            f"{shown(instrument)} is no name of an instrument",
            "say one like BTCUSDT.BINANCE with --instrument and --venue",
        )
    bar_ns = 0
    if reading.kind == "bars":
        bar_ns = bar_length(reading.path, first, request.bar_ns, name.bar_ns)
    return SeriesId(reading.kind, instrument, bar_ns)


@contextmanager
def _writing(root: Path, of: SeriesId) -> Iterator[Series]:
    """The series as it is; nobody else changes it, and a failure leaves nothing behind."""
    folder = of.folder(root)
    with translated(folder):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        lock = WriterLock(folder / "series")
    except JournalBusy as busy:
        who = f"process {busy.pid}" if busy.pid else "another process"
        raise NoData(f"{of}: {who} is writing it: wait until it has ended") from busy
    try:
        before = read_list(root, of)
        try:
            yield before
        except BaseException:
            sweep(root, before)
            raise
    finally:
        lock.release()
        _leave(folder, root)


def _leave(folder: Path, root: Path) -> None:
    """Remove the folders of a series that did not come to be."""
    if (folder / "series.json").exists():
        return
    (folder / "series.lock").unlink(missing_ok=True)
    while folder != root and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def _same(a: Source, b: Source) -> bool:
    if a.sha256 is None or b.sha256 is None:
        return (a.name, a.bytes) == (b.name, b.bytes)
    return a.sha256 == b.sha256


def _source(report: Report, sha256: str | None, size: int) -> Source:
    return Source(
        name=report.path.name,
        sha256=sha256,
        bytes=size,
        rows=report.rows,
        wrong=report.wrong,
        duplicates=report.duplicates,
        units=report.units,
        importer=f"manta {metadata.version('manta')}",
    )


def _refused(path: Path, wrong: Wrong) -> BadData:
    remedy = "mend it, or import without --strict, which leaves wrong rows out"
    return BadData(path, wrong.reason, remedy, row=wrong.row, field=wrong.field)


def _until_rows(reading: Reading) -> list[tuple[Rows, int]]:
    """The first blocks of a file, up to one that has a row that is not wrong."""
    heads: list[tuple[Rows, int]] = []
    for each in reading.rows:
        heads.append(each)
        if each[0].frame.height:
            return heads
    wrong = next((rows.wrong[0] for rows, _ in heads if rows.wrong), None)
    if wrong is None:
        raise BadData(reading.path, "has no rows", "there is nothing to import")
    count = sum(rows.wrong_count for rows, _ in heads)
    remedy = f"all {count} rows are wrong; is the file what it seems?"
    raise BadData(reading.path, wrong.reason, remedy, row=wrong.row, field=wrong.field)
