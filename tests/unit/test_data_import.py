"""An import is all or nothing, loses no row quietly, and is the same however often it is done."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from market_files import T0_S, bar_lines, written

from journal.catalogue import Catalogue, read_bars
from journal.data.checking import check
from journal.data.errors import BadData, NoData
from journal.data.importing import Report, Request, import_file
from journal.data.rows import Wrong
from journal.data.sniff import Wish
from journal.errors import DiskFull, JournalUnavailable
from journal.files import write_whole
from journal.lock import WriterLock

NS = 1_000_000_000
DAY = 1_440
ID = "BTCUSDT.BINANCE"


def imported(root: Path, path: Path, **how: object) -> Report:
    """One import for BTCUSDT."""
    return import_file(root, path, Request(instrument=ID, **how))  # type: ignore[arg-type]


def tree(root: Path) -> dict[str, bytes]:
    """Every file under a folder."""
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


WRONG = {
    "no number": ("x,100,110,90,101,5", "time", "'x' is no time"),
    "empty": ("1704067380000,100,,90,101,5", "high", "is empty"),
    "nan": ("1704067380000,100,nan,90,101,5", "high", "'nan' must be a finite number"),
    "infinite": ("1704067380000,inf,110,90,101,5", "open", "'inf' must be a finite number"),
    "zero": ("1704067380000,100,110,0,101,5", "low", "'0.0' must be above zero"),
    "negative": ("1704067380000,100,110,-90,101,5", "low", "'-90.0' must be above zero"),
    "negative volume": ("1704067380000,100,110,90,101,-5", "volume", "must not be negative"),
    "high too low": ("1704067380000,100,100.5,90,101,5", "high", "not be below open, low or close"),
    "low too high": ("1704067380000,100,110,100.5,101,5", "low", "must not be above open or close"),
    "too few fields": ("1704067380000,100,110,90,101", "row", "has 5 fields, not 6"),
    "too many fields": ("1704067380000,100,110,90,101,5,6", "row", "has 7 fields, not 6"),
    "time before money": ("-5,100,110,90,101,5", "time", "'-5' is no time"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_row_is_left_out_counted_and_shown(case: str, tmp_path: Path) -> None:
    row, field, reason = WRONG[case]
    good = bar_lines(5)
    path = written(tmp_path / "x.csv", *good[:3], row, *good[4:])

    report = imported(tmp_path / "data", path)

    assert (report.rows, report.wrong) == (4, 1)
    (wrong,) = report.wrong_rows
    assert (wrong.row, wrong.field) == (4, field)
    assert reason in wrong.reason
    assert len(Catalogue(tmp_path / "data").bars(ID, "1m")) == 4


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_row_refuses_a_strict_import(case: str, tmp_path: Path) -> None:
    row, field, _ = WRONG[case]
    path = written(tmp_path / "x.csv", *bar_lines(3), row)

    with pytest.raises(BadData, match=rf"x\.csv: row 4: {field}: ") as refused:
        imported(tmp_path / "data", path, strict=True)

    assert refused.value.row == 4
    assert tree(tmp_path / "data") == {}


def test_wrong_rows_have_their_lines_also_far_down_and_after_blank_ones(tmp_path: Path) -> None:
    lines = ["time,open,high,low,close,volume", *bar_lines(60_000)]
    lines[5], lines[40_000], lines[59_999] = "oops", "", "1,2,3,4,5,6"
    path = written(tmp_path / "x.csv", *lines)

    report = imported(tmp_path / "data", path)

    assert [w.row for w in report.wrong_rows] == [6, 60_000]
    assert (report.rows, report.wrong, report.blank) == (59_997, 2, 1)


def test_wrong_rows_are_counted_beyond_those_shown(tmp_path: Path) -> None:
    path = written(tmp_path / "x.csv", *bar_lines(10), *(["oops,1,1,1,1,1"] * 50))

    report = imported(tmp_path / "data", path)

    assert report.wrong == 50
    assert len(report.wrong_rows) == 20


def test_an_empty_field_that_a_series_need_not_have_is_zero(tmp_path: Path) -> None:
    lines = [f"{line},{v},," for line, v in zip(bar_lines(4), ("7", "", "8", ""), strict=True)]
    head = "time,open,high,low,close,volume,quote_volume,trades,note"

    report = imported(tmp_path / "data", written(tmp_path / "x.csv", head, *lines, lines[3][:30]))

    rows = Catalogue(tmp_path / "data").bars(ID, "1m")
    assert (report.rows, report.wrong) == (4, 1)
    assert rows["quote_volume"].tolist() == [7, 0, 8, 0]
    assert rows["trades"].tolist() == [0, 0, 0, 0]


def test_a_file_of_wrong_rows_only_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "x.csv", *["1704067200000,0,110,90,101,5"] * 3)

    with pytest.raises(BadData, match=r"row 1: open: .* must be above zero: all 3 rows are wrong"):
        imported(tmp_path / "data", path)

    assert tree(tmp_path / "data") == {}


def test_disorder_is_an_error_naming_the_row_and_sorting_mends_it(tmp_path: Path) -> None:
    lines = bar_lines(3 * DAY)
    rng = np.random.default_rng(7)
    shuffled = written(tmp_path / "s.csv", *(lines[i] for i in rng.permutation(len(lines))))
    path = written(tmp_path / "x.csv", *lines)

    with pytest.raises(BadData, match=r"row \d+: time: 2024-\S+ \S+ is before 2024.*--sort"):
        imported(tmp_path / "bad", shuffled, bar_ns=60 * NS)
    imported(tmp_path / "data", shuffled, sort=True, bar_ns=60 * NS)

    assert tree(tmp_path / "bad") == {}
    assert Catalogue(tmp_path / "data").bars(ID, "1m").tolist() == read_bars(path).tolist()


def test_rows_to_sort_may_be_more_than_memory_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("journal.data.cutting._HELD_BYTES_MAX", 10_000)
    lines = bar_lines(40 * DAY)
    path = written(tmp_path / "x.csv", *reversed(lines))

    report = imported(tmp_path / "data", path, sort=True)

    (series,) = Catalogue(tmp_path / "data").series()
    assert report.rows == len(lines)
    assert len(series.files) == 2
    assert check(tmp_path / "data", series).findings == ()
    assert not list((tmp_path / "data").rglob(".*"))


def test_of_two_bars_of_one_time_the_last_counts(tmp_path: Path) -> None:
    lines = bar_lines(4)
    other = lines[2].replace(",2", ",999")
    path = written(tmp_path / "x.csv", *lines[:3], other, lines[3])

    report = imported(tmp_path / "data", path)

    rows = Catalogue(tmp_path / "data").bars(ID, "1m")
    assert report.duplicates == 1
    assert rows["volume"].tolist() == [0, 1, 999, 3]


def test_importing_twice_changes_nothing(tmp_path: Path) -> None:
    path = written(tmp_path / "x.csv", *bar_lines(40 * DAY))
    imported(tmp_path / "data", path)
    before = tree(tmp_path / "data")

    report = imported(tmp_path / "data", path)

    assert tree(tmp_path / "data") == before
    assert report.replaced == report.rows == 40 * DAY


def test_imports_that_overlap_join_and_the_newer_counts(tmp_path: Path) -> None:
    lines = bar_lines(100)
    imported(tmp_path / "data", written(tmp_path / "a.csv", *lines[:60]))
    newer = [line.rpartition(",")[0] + ",7777" for line in lines[40:]]

    report = imported(tmp_path / "data", written(tmp_path / "b.csv", *newer))

    rows = Catalogue(tmp_path / "data").bars(ID, "1m")
    assert report.replaced == 20
    assert rows["volume"].tolist() == [*range(40), *[7777] * 60]


def test_trades_are_the_same_by_time_and_id(tmp_path: Path) -> None:
    trade = "{i},100,2,200,{ms},true"
    rows = [trade.format(i=i + 1, ms=(T0_S + i // 3) * 1_000) for i in range(90)]
    path = written(tmp_path / "x.csv", *rows[:50], *rows[48:])

    report = import_file(tmp_path / "data", path, Request(Wish(kind="trades"), ID))

    assert (report.rows, report.duplicates) == (90, 2)
    assert Catalogue(tmp_path / "data").trades(ID)["trade_id"].tolist() == [*range(1, 91)]


def test_trades_without_ids_may_repeat_and_an_import_replaces_its_span(tmp_path: Path) -> None:
    rows = [f"{(T0_S + i // 4) * 1_000},100,2,buy" for i in range(40)]
    path = written(tmp_path / "x.csv", "time,price,size,side", *rows)
    tail = written(tmp_path / "y.csv", "time,price,size,side", *rows[20:])

    first = import_file(tmp_path / "data", path, Request(instrument=ID))
    second = import_file(tmp_path / "data", tail, Request(instrument=ID))

    assert (first.rows, first.duplicates, second.replaced) == (40, 0, 20)
    assert len(Catalogue(tmp_path / "data").trades(ID)) == 40


class FullDisk:
    """A disk that takes so many files, then none."""

    def __init__(self, files: int) -> None:
        self.left = files

    def __call__(self, path: Path, data: bytes | memoryview) -> None:
        if self.left == 0:
            raise DiskFull(path)
        self.left -= 1
        write_whole(path, data)


@pytest.mark.parametrize("files", range(4))
def test_a_disk_that_fills_up_leaves_the_catalogue_as_it_was(files: int, tmp_path: Path) -> None:
    root = tmp_path / "data"
    imported(root, written(tmp_path / "a.csv", *bar_lines(10)))
    before = tree(root)
    path = written(tmp_path / "b.csv", *bar_lines(80 * DAY, first_s=T0_S + 30))

    with pytest.raises(DiskFull, match="no space left"):
        import_file(root, path, Request(instrument=ID), write=FullDisk(files))

    assert tree(root) == before


def test_the_systems_own_error_leaves_nothing(tmp_path: Path) -> None:
    path = written(tmp_path / "x.csv", *bar_lines(40 * DAY))
    script = (
        "import resource, sys; from pathlib import Path;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000));"
        "from journal.data.importing import Request, import_file;"
        "import_file(Path(sys.argv[1]), Path(sys.argv[2]), Request(instrument='A.B'))"
    )

    ended = os.spawnlp(
        os.P_WAIT, sys.executable, "python", "-c", script, str(tmp_path / "data"), str(path)
    )

    assert ended == 1
    assert tree(tmp_path / "data") == {}


def test_what_a_killed_import_left_is_removed_by_the_next(tmp_path: Path) -> None:
    path = written(tmp_path / "x.csv", *bar_lines(5))
    imported(tmp_path / "data", path)
    sound = tree(tmp_path / "data")
    folder = tmp_path / "data/bars" / ID / "1m"
    for left in ("2023-01.0123456789ab.parquet", ".2023-01.0.part", ".series.json.123"):
        (folder / left).write_bytes(b"half")

    imported(tmp_path / "data", path)

    assert tree(tmp_path / "data") == sound


def test_only_one_process_writes_a_series(tmp_path: Path) -> None:
    path = written(tmp_path / "x.csv", *bar_lines(5))
    imported(tmp_path / "data", path)
    lock = WriterLock(tmp_path / "data/bars" / ID / "1m" / "series")
    try:
        with pytest.raises(NoData, match=f"process {os.getpid()} is writing it"):
            imported(tmp_path / "data", path)
    finally:
        lock.release()


def test_an_interval_that_contradicts_the_rows_is_an_error(tmp_path: Path) -> None:
    named = written(tmp_path / "BTCUSDT-1h-2024-01.csv", *bar_lines(50))
    path = written(tmp_path / "x.csv", *bar_lines(50))

    with pytest.raises(BadData, match="its name says 1h, its bars are 1m apart"):
        import_file(tmp_path / "data", named)
    with pytest.raises(BadData, match="--interval says 5m, its bars are 1m apart"):
        imported(tmp_path / "data", path, bar_ns=300 * NS)


def test_bars_of_a_quiet_market_keep_their_interval(tmp_path: Path) -> None:
    quiet = [line for i, line in enumerate(bar_lines(300)) if i % 3 == 0 or i == 100]
    path = written(tmp_path / "BTCUSDT-1m-2024-01.csv", *quiet)

    report = import_file(tmp_path / "data", path)

    assert report.series.bar_ns == 60 * NS


def test_a_missing_or_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(JournalUnavailable, match=r"no\.csv: No such file"):
        imported(tmp_path / "data", tmp_path / "no.csv")
    with pytest.raises(BadData, match=r"x\.xls: ends with '\.xls'"):
        imported(tmp_path / "data", written(tmp_path / "x.xls", "1"))
    with pytest.raises(BadData, match=r"x\.csv: its name does not say the instrument"):
        import_file(tmp_path / "data", written(tmp_path / "x.csv", *bar_lines(3)))


def test_a_wrong_row_says_where_it_is() -> None:
    assert str(Wrong(7, "low", "is empty")) == "row 7: low: is empty"
