"""`manta data` as it is typed: what it says, what it leaves, and its exit codes."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from archive_server import FaultyArchive, serving
from market_files import MARKET, bar_lines, needs_market, written

from scenarios.cli import main
from scenarios.cli_output import DONE, FAILED, MISTAKE

ID = "BTCUSDT.BINANCE"


class Typed:
    """The command line with a catalogue of its own."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root, self._capsys = root, capsys
        self.out = self.err = ""

    def __call__(self, *words: object, code: int = DONE) -> str:
        """Run `manta data ...`; its stdout."""
        verb, *rest = map(str, words)
        ended = main(["data", verb, *rest, "--catalogue", str(self.root)])
        self.out, self.err = self._capsys.readouterr()
        assert ended == code, self.err
        return self.out

    def json(self, *words: object, code: int = DONE) -> Any:
        """The same with --json; the document."""
        return json.loads(self(*words, "--json", code=code))


@pytest.fixture
def typed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Typed:
    """For one test."""
    return Typed(tmp_path / "data", capsys)


def test_from_a_file_to_a_longer_bar(typed: Typed, tmp_path: Path) -> None:
    path = written(tmp_path / "BTCUSDT-1m-2024-01.csv", *bar_lines(300))

    said = typed("import", path)
    (listed,) = typed.json("list")
    verified = typed("verify")
    converted = typed.json("convert", ID, tmp_path / "h.csv", "--interval", "1h")

    assert f"{ID} 1m bars: 300 rows, 2024-01-01 00:00 to 2024-01-01 04:59, times in ms" in said
    assert (listed["rows"], listed["gaps"], listed["interval"]) == (300, 0, "1m")
    assert "300 rows in 1 files: sound" in verified
    assert converted["rows"] == 5
    assert len((tmp_path / "h.csv").read_text().splitlines()) == 6


def test_wrong_rows_are_shown_with_their_lines(typed: Typed, tmp_path: Path) -> None:
    path = written(tmp_path / "BTCUSDT-1m.csv", *bar_lines(3), "1704067380000,1,2,nan,1,1")

    said = typed("import", path)
    (report,) = typed.json("import", path)
    typed("import", path, "--strict", code=MISTAKE)

    assert "3 rows, 1 wrong" in said
    assert "left out: row 4: low: 'nan' must be a finite number" in said
    assert report["wrong_rows"] == [
        {"row": 4, "field": "low", "reason": "'nan' must be a finite number"}
    ]
    assert typed.err.startswith(f"manta: {path}: row 4: low: 'nan' must be a finite number")
    assert typed.err.count("\n") == 1


def test_findings_are_an_exit_code(typed: Typed, tmp_path: Path) -> None:
    lines = bar_lines(100)
    typed("import", written(tmp_path / "BTCUSDT-1m.csv", *lines[:40], *lines[50:]))

    document = typed.json("verify", code=FAILED)
    said = typed("verify", "BTCUSDT", code=FAILED)

    (finding,) = document["series"][0]["findings"]
    assert not document["ok"]
    assert (finding["kind"], finding["count"]) == ("gap", 10)
    assert "10 bars missing from 2024-01-01 00:40 to 2024-01-01 00:50" in said


REFUSED = {
    "no such file": (("import", "no.csv"), "no.csv: No such file"),
    "kind": (("import", "x.csv", "--kind", "prices"), "--kind prices: not known"),
    "interval": (("import", "x.csv", "--interval", "1M"), "a calendar month has no fixed length"),
    "unit": (("import", "x.csv", "--time-unit", "h"), "--time-unit h: not known"),
    "delimiter": (("import", "x.csv", "--delimiter", "::"), "must be one character"),
    "nothing to verify": (("verify",), "nothing there: import some"),
    "nothing to convert": (("convert", ID, "x.csv"), "no data there: import some"),
    "dates in disorder": (
        ("download", "BTCUSDT", "--start", "2024-02-01", "--end", "2024-01-01"),
        "--end 2024-01-01: is before --start 2024-02-01",
    ),
    "no date": (("download", "BTCUSDT", "--start", "soon"), "--start soon: is no date"),
    "market": (
        ("download", "B", "--start", "2024-01-01", "--market", "moon"),
        "--market moon: not known: choose one of spot, um, cm",
    ),
    "mirror": (
        ("download", "BTCUSDT", "--start", "2024-01-01", "--base-url", "mirror.example"),
        "--base-url mirror.example: is no address",
    ),
    "symbol": (
        ("download", "../BTCUSDT", "--start", "2024-01-01"),
        "../BTCUSDT: is no symbol of the archive",
    ),
    "source": (
        ("download", "B", "--start", "2024-01-01", "--source", "hearsay"),
        "--source hearsay: not known: choose one of vision, ccxt",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_mistake_is_one_line_and_code_two(case: str, typed: Typed) -> None:
    words, message = REFUSED[case]

    typed(*words, code=MISTAKE)

    assert message in typed.err
    assert typed.err.startswith("manta: ")
    assert typed.err.count("\n") == 1


@pytest.mark.parametrize(
    "span",
    [("--start", "2030-01-01"), ("--start", "2024-01-01T02:00", "--end", "2024-01-01T01:00")],
    ids=["after the data", "backwards"],
)
@pytest.mark.parametrize("source", ["file", "catalogue"])
def test_a_span_without_rows_is_refused_and_nothing_written(
    source: str, span: Sequence[str], typed: Typed, tmp_path: Path
) -> None:
    path = written(tmp_path / "BTCUSDT-1m-2024-01.csv", *bar_lines(300))
    typed("import", path)

    typed("convert", path if source == "file" else ID, tmp_path / "x.csv", *span, code=MISTAKE)

    assert f"no bars there {' '.join(span)}" in typed.err
    assert typed.err.count("\n") == 1
    assert not (tmp_path / "x.csv").exists()


@pytest.mark.parametrize(
    "options",
    [("--venue", ""), ("--instrument", "../x.BINANCE"), ("--instrument", "BTC", "--venue", "a/b")],
)
def test_an_instrument_whose_name_is_no_name_is_refused(
    options: Sequence[str], typed: Typed, tmp_path: Path
) -> None:
    path = written(tmp_path / "BTCUSDT-1m-2024-01.csv", *bar_lines(300))

    typed("import", path, *options, code=MISTAKE)

    assert "is no name of an instrument" in typed.err
    assert not list(tmp_path.rglob("series.json"))


def test_a_time_format_reads_dates_that_look_like_numbers(typed: Typed, tmp_path: Path) -> None:
    rows = [f"202401{day:02d},1,3,1,2,5" for day in range(1, 29)]
    path = written(tmp_path / "BTCUSDT-1d.csv", "time,open,high,low,close,volume", *rows)

    said = typed("import", path, "--time-format", "%Y%m%d")

    assert "28 rows, 2024-01-01 00:00 to 2024-01-28 00:00" in said


def test_a_time_format_that_fits_no_time_says_which(typed: Typed, tmp_path: Path) -> None:
    path = written(tmp_path / "BTCUSDT-1m-2024-01.csv", *bar_lines(300))

    typed("import", path, "--time-format", "%d/%m/%Y", code=MISTAKE)

    assert "dtype" not in typed.err
    assert "time" in typed.err


def test_a_file_is_not_written_over_by_what_is_made_of_it(typed: Typed, tmp_path: Path) -> None:
    path = written(tmp_path / "BTCUSDT-1m-2024-01.csv", *bar_lines(300))
    before = path.read_bytes()

    typed("convert", path, tmp_path / "." / path.name, "--interval", "1h", code=MISTAKE)

    assert "is the source, too" in typed.err
    assert path.read_bytes() == before


def test_a_list_of_nothing_says_how_to_begin(typed: Typed) -> None:
    assert "nothing there: import some with `manta data import FILE`" in typed("list")
    assert typed.json("list") == []


def checksums() -> dict[str, str]:
    """SHA-256 of the archive's files, as the shared folder lists them."""
    lines = (MARKET.parent / "SHA256SUMS").read_text().splitlines()
    return {line.split()[1].rpartition("/")[2]: line.split()[0] for line in lines if line.strip()}


@pytest.mark.data
@needs_market
async def test_a_download_through_faults_ends_in_the_catalogue(typed: Typed) -> None:
    served = FaultyArchive(MARKET / "binance_vision", checksums())
    name = "BTCUSDT-1h-2024-{}.zip".format
    served.faults |= {name(11): ["cut"], name(12) + ".CHECKSUM": ["500"], name(12): ["flip"]}
    words = ["download", "BTCUSDT", "--start", "2024-11-01", "--end", "2024-12-31"]

    async with serving(served) as url:
        document = await told(typed, [*words, "--interval", "1h", "--base-url", url])
        again = await told(typed, [*words, "--interval", "1h", "--base-url", url])

    assert [f["outcome"] for f in document["files"]] == ["resumed", "fetched"]
    assert [f["outcome"] for f in again["files"]] == ["present", "present"]
    assert [r["rows"] for r in document["imported"]] == [720, 744]
    (series,) = typed.json("list")
    assert (series["rows"], series["gaps"]) == (1_464, 0)


@pytest.mark.data
@needs_market
async def test_a_symbol_that_is_not_there_is_a_mistake(typed: Typed) -> None:
    served = FaultyArchive(MARKET / "binance_vision", checksums())
    words = ["download", "NOPE", "--start", "2024-11-01", "--end", "2024-11-02", "--base-url"]

    async with serving(served) as url:
        await asyncio.to_thread(typed, *words, url, code=MISTAKE)

    assert "NOPE: nothing there for these days" in typed.err


async def told(typed: Typed, words: Sequence[object]) -> Any:
    """`typed.json` beside the server."""
    return await asyncio.to_thread(typed.json, *words)
