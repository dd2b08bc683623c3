"""The catalogue gives back what was put in, by range, fast, and says what it has not got."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from market_files import T0_S, bar_lines, written

from journal.catalogue import Catalogue, content_digest, read_bars
from journal.data.errors import BadData, NoData
from journal.data.exporting import export
from journal.data.importing import Request, import_file
from journal.data.sniff import Wish
from journal.recorder import Recorder, write_parts
from messages.arrays import BAR, DELTA, FUNDING, QUOTE, TRADE, Rows
from messages.base import InstrumentId
from messages.market import BookDeltaBatch, QuoteBatch, TradeBatch

NS = 1_000_000_000
ID = "BTCUSDT.BINANCE"


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    """A year of minute bars."""
    root = tmp_path_factory.mktemp("year")
    rows = np.zeros(366 * 1_440, BAR)
    rng = np.random.default_rng(7)
    rows["ts_open"] = (T0_S + 60 * np.arange(len(rows))) * NS
    rows["ts_event"] = rows["ts_init"] = rows["ts_open"] + 60 * NS
    rows["open"] = rows["close"] = np.round(np.exp(rng.normal(0, 0.01, len(rows)).cumsum()) + 1, 2)
    rows["high"], rows["low"] = rows["open"] + 1, rows["open"] / 2
    rows["volume"] = rng.random(len(rows))
    export(rows, "bars", root / "year.parquet")
    import_file(root / "data", root / "year.parquet", Request(instrument=ID))
    return Catalogue(root / "data")


def test_a_year_of_minutes_is_read_fast_and_whole(year: Catalogue) -> None:
    year.bars(ID, "1m")
    began = time.perf_counter()
    rows = year.bars(ID, "1m")
    took_s = time.perf_counter() - began

    assert len(rows) == 366 * 1_440
    assert rows.tobytes() == read_bars(year.root.parent / "year.parquet").tobytes()
    assert took_s < 0.5  # 0.03 on a quiet machine; 0.1 is what it must be there


RANGES = {
    "one day": ("2024-02-29", "2024-03-01", 1_440),
    "across two files": ("2024-01-31 23:58", "2024-02-01 00:02", 4),
    "nanoseconds": (T0_S * NS, (T0_S + 90) * NS, 2),
    "aware times": (datetime(2024, 6, 1, tzinfo=UTC), datetime(2024, 6, 1, 1, tzinfo=UTC), 60),
    "open ends": (None, None, 366 * 1_440),
    "before all": ("2000-01-01", "2001-01-01", 0),
    "after all": ("2030-01-01", None, 0),
    "empty": ("2024-02-01", "2024-02-01", 0),
}


@pytest.mark.parametrize("case", RANGES)
def test_a_range_begins_at_its_start_and_ends_before_its_end(case: str, year: Catalogue) -> None:
    start, end, count = RANGES[case]

    rows = year.bars(ID, "1m", start, end)

    assert len(rows) == count
    assert rows.dtype == BAR


def test_a_digest_is_of_the_content(year: Catalogue, tmp_path: Path) -> None:
    day = year.bars(ID, "1m", "2024-02-01", "2024-02-02")
    export(day, "bars", tmp_path / "day.csv")
    import_file(tmp_path / "data", tmp_path / "day.csv", Request(instrument=ID))
    changed = day.copy()
    changed["volume"][7] += 1e-9

    whole = year.digest(ID, "1m", "2024-02-01", "2024-02-02")

    assert whole == content_digest(day) == Catalogue(tmp_path / "data").digest(ID, "1m")
    assert content_digest(changed) != whole


def test_a_bare_symbol_is_enough_where_it_is_of_one_instrument(tmp_path: Path) -> None:
    path = written(tmp_path / "x.csv", *bar_lines(3))
    for instrument in ("BTCUSDT-PERP.BINANCE", "ETHUSDT.BINANCE", "ETHUSDT.OKX"):
        import_file(tmp_path / "data", path, Request(instrument=instrument))
    there = Catalogue(tmp_path / "data")

    assert len(there.bars("BTCUSDT", "1m")) == 3
    with pytest.raises(NoData, match=r"may be ETHUSDT\.BINANCE or ETHUSDT\.OKX"):
        there.bars("ETHUSDT", "1m")


ASKED = {
    "another interval": ((ID, "1h"), r"it has BTCUSDT\.BINANCE 1m bars"),
    "another instrument": (("X.Y", "1m"), r"there are BTCUSDT\.BINANCE"),
    "a month": ((ID, "1M"), "a calendar month has no fixed length"),
    "no interval": ((ID, "soon"), "not understood"),
    "no time": ((ID, "1m", "soon"), "write it like 2024-01-31"),
}


@pytest.mark.parametrize("case", ASKED)
def test_what_is_not_there_is_said_with_what_is(case: str, year: Catalogue) -> None:
    asked, message = ASKED[case]

    with pytest.raises(NoData, match=message):
        year.bars(*asked)  # type: ignore[arg-type]


def test_an_empty_catalogue_says_how_to_fill_it(tmp_path: Path) -> None:
    assert Catalogue(tmp_path).instruments() == []
    with pytest.raises(NoData, match="no data there: import some"):
        Catalogue(tmp_path).bars(ID, "1m")


def test_the_list_says_where_rows_came_from(year: Catalogue) -> None:
    document = json.loads((year.root / "bars" / ID / "1m" / "series.json").read_text())

    (source,) = document["sources"]
    assert source["name"] == "year.parquet"
    assert len(source["sha256"]) == 64
    assert source["rows"] == sum(f["rows"] for f in document["files"]) == 366 * 1_440
    assert document["units"]["time"].startswith("nanoseconds")
    assert [f["period"] for f in document["files"]] == [f"2024-{m:02d}" for m in range(1, 13)]


def test_a_damaged_list_is_named(tmp_path: Path) -> None:
    import_file(
        tmp_path, written(tmp_path / "x.csv", *bar_lines(3)), Request(instrument=ID, bar_ns=60 * NS)
    )
    (tmp_path / "bars" / ID / "1m" / "series.json").write_text("{")

    with pytest.raises(BadData, match=r"series\.json: is damaged"):
        Catalogue(tmp_path).bars(ID, "1m")


def some(dtype: "np.dtype[np.void]", count: int = 5) -> Rows:
    """Sound rows of a kind, a second apart."""
    rows = np.zeros(count, dtype)
    for name in dtype.names or ():
        rows[name] = 1.0 + np.arange(count)
    rows["ts_event"] = (T0_S + np.arange(count)) * NS
    rows["ts_init"] = rows["ts_event"] + 5
    for name in {"side", "aggressor"} & set(dtype.names or ()):
        rows[name] = [1, -1, 1, -1, 1]
    return rows


def test_a_recording_of_a_run_can_be_imported(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "run", 1)
    trades, quotes, deltas = some(TRADE), some(QUOTE), some(DELTA)
    at = {"ts_event": 1, "ts_init": 1, "instrument_id": InstrumentId(ID)}
    recorder.add(TradeBatch(rows=trades, **at), 1)
    recorder.add(QuoteBatch(rows=quotes, **at), 1)
    recorder.add(BookDeltaBatch(rows=deltas, first_seq=1, last_seq=2, **at), 1)
    recorder.add(BookDeltaBatch(rows=deltas[:0], first_seq=3, last_seq=3, **at), 1)
    write_parts(recorder.take())
    kinds = {"trade_batch": "trades", "quote_batch": "quotes", "book_delta_batch": "deltas"}

    for folder, kind in kinds.items():
        (part,) = (tmp_path / "run" / folder).rglob("*.parquet")
        wish = Wish(kind=kind)  # type: ignore[arg-type]
        assert import_file(tmp_path / "data", part, Request(wish, ID)).wrong == 0

    there = Catalogue(tmp_path / "data")
    assert there.trades(ID).tolist() == trades.tolist()
    assert there.quotes(ID).tolist() == quotes.tolist()
    assert there.deltas(ID).tolist() == deltas.tolist()


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".feather"])
def test_funding_goes_out_and_comes_in_again(suffix: str, tmp_path: Path) -> None:
    rows = some(FUNDING)
    rows["rate"] = [1e-4, -2e-4, 0.0, 3e-5, 1e-4]
    rows["ts_next"] = rows["ts_event"] + NS
    export(rows, "funding", tmp_path / f"f{suffix}")

    wish = Wish(kind="funding")
    import_file(tmp_path / "data", tmp_path / f"f{suffix}", Request(wish, ID))

    assert Catalogue(tmp_path / "data").funding(ID).tolist() == rows.tolist()
