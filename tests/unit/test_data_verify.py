"""What is planted into a series is found; a sound one has no findings."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from market_files import T0_S, bar_lines, written

from journal.catalogue import Catalogue
from journal.data.checking import Finding, check
from journal.data.importing import Request, import_file
from journal.data.series import Series, SeriesId, read_list, write_file, write_list

NS = 1_000_000_000
ID = SeriesId("bars", "BTCUSDT.BINANCE", 60 * NS)
DAY = 1_440


def sound(tmp_path: Path) -> Path:
    """A catalogue with January and some of February; its root."""
    path = written(tmp_path / "x.csv", *bar_lines(40 * DAY))
    import_file(tmp_path / "data", path, Request(instrument=ID.instrument))
    return tmp_path / "data"


def findings(root: Path) -> list[Finding]:
    """All that is wrong."""
    (series,) = Catalogue(root).series()
    return list(check(root, series).findings)


def rewritten(root: Path, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    """Put other rows in January, listed as if they had been imported."""
    series = read_list(root, ID)
    january, *others = series.files
    frame = pl.read_parquet(ID.folder(root) / january.name)
    (ID.folder(root) / january.name).unlink()
    file = write_file(root, ID, january.period, change(frame))
    write_list(root, Series(ID, (file, *others), series.sources))


def test_a_sound_series_has_no_findings(tmp_path: Path) -> None:
    assert findings(sound(tmp_path)) == []


def swapped(frame: pl.DataFrame) -> pl.DataFrame:
    """Two rows in the wrong order."""
    return pl.concat([frame[:5], frame[6:7], frame[5:6], frame[7:]])


def valued(name: str, value: float) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """One wrong value in the third row."""

    def change(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.with_columns(
            pl.when(pl.int_range(pl.len()) == 2).then(value).otherwise(pl.col(name)).alias(name)
        )

    return change


PLANTED = {
    "gap": (lambda f: pl.concat([f[:100], f[110:]]), "10 bars missing from 2024-01-01 01:40"),
    "duplicates": (lambda f: pl.concat([f[:7], f[6:]]), "1 times are there twice"),
    "disorder": (swapped, "1 rows are before the row above"),
    "misaligned": (
        lambda f: f.with_columns(pl.col("ts_open") + 5 * NS),
        "44640 bars do not begin on a multiple of 1m",
    ),
}
VALUES = {
    "a price of zero": (valued("low", 0.0), "low must be above zero"),
    "a negative price": (valued("open", -1.0), "open must be above zero"),
    "no number": (valued("close", float("nan")), "close must be a finite number"),
    "infinity": (valued("volume", float("inf")), "volume must be a finite number"),
    "a high below the open": (valued("high", 95.0), "high must not be below open"),
    "a low above the close": (valued("low", 109.0), "low must not be above open or close"),
}


@pytest.mark.parametrize("kind", PLANTED)
def test_what_is_wrong_with_times_is_found(kind: str, tmp_path: Path) -> None:
    root = sound(tmp_path)
    change, text = PLANTED[kind]
    rewritten(root, change)

    found = findings(root)

    assert any(f.kind == kind and text in f.text for f in found)


@pytest.mark.parametrize("case", VALUES)
def test_an_impossible_value_is_found_with_its_row(case: str, tmp_path: Path) -> None:
    root = sound(tmp_path)
    change, text = VALUES[case]
    rewritten(root, change)

    (finding, *_) = findings(root)

    assert finding.kind == "value"
    assert text in finding.text
    assert "the first is row 3, 2024-01-01 00:02" in finding.text


def test_a_flipped_bit_is_found(tmp_path: Path) -> None:
    root = sound(tmp_path)
    path = sorted(root.rglob("*.parquet"))[0]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)

    assert "checksum" in {f.kind for f in findings(root)}


def test_a_missing_and_an_unlisted_file_are_found(tmp_path: Path) -> None:
    root = sound(tmp_path)
    path = sorted(root.rglob("*.parquet"))[0]
    path.rename(path.with_name("2023-01.parquet"))

    assert [f.kind for f in findings(root)][:2] == ["unlisted", "missing"]


def test_a_file_that_was_cut_is_found(tmp_path: Path) -> None:
    root = sound(tmp_path)
    path = sorted(root.rglob("*.parquet"))[0]
    path.write_bytes(path.read_bytes()[:1_000])

    assert [f.kind for f in findings(root)] == ["checksum", "unreadable"]


def test_a_gap_between_two_files_is_found(tmp_path: Path) -> None:
    lines = bar_lines(40 * DAY)
    path = written(tmp_path / "x.csv", *lines[: 31 * DAY - 2], *lines[31 * DAY + 3 :])
    import_file(tmp_path / "data", path, Request(instrument=ID.instrument))

    (gap,) = findings(tmp_path / "data")

    assert (gap.kind, gap.count, gap.at) == ("gap", 5, (T0_S + (31 * DAY - 2) * 60) * NS)
