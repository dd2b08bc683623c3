"""Real files, as exchanges and tools write them, are read as what they are."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from market_files import MARKET, needs_market

from journal.catalogue import Catalogue, read_bars
from journal.data.checking import check
from journal.data.importing import Request, import_file
from journal.data.kinds import interval_ns
from journal.data.sniff import Wish

pytestmark = [pytest.mark.data, needs_market]

HOUR = interval_ns("1h")
SPOT = "binance_vision/data/spot/monthly/klines/BTCUSDT/1h"
FUTURES = "binance_vision/data/futures/um/monthly/klines"


def test_the_same_year_as_csv_and_as_feather_is_the_same() -> None:
    csv = read_bars(MARKET / "ohlcv_1h_2024/BTC_USDT-1h.csv")
    feather = read_bars(MARKET / "ohlcv_1h_2024/BTC_USDT-1h.feather")

    assert len(csv) == 8_762
    assert csv.tobytes() == feather.tobytes()


def test_spot_archives_join_where_milliseconds_become_microseconds(tmp_path: Path) -> None:
    months = [f"BTCUSDT-1h-{m}.zip" for m in ("2024-11", "2024-12", "2025-01", "2025-02")]
    reports = [import_file(tmp_path, MARKET / SPOT / name) for name in months]

    rows = Catalogue(tmp_path).bars("BTCUSDT.BINANCE", "1h")

    assert [r.units for r in reports] == ["ms", "ms", "us", "us"]
    assert [r.rows for r in reports] == [720, 744, 744, 672]
    assert set(np.diff(rows["ts_open"]).tolist()) == {HOUR}
    assert rows["trades"].min() > 0
    (series,) = Catalogue(tmp_path).series()
    assert check(tmp_path, series).findings == ()


@pytest.mark.parametrize("first", [0, 1])
def test_files_with_and_without_some_columns_are_one_series(first: int, tmp_path: Path) -> None:
    two = [MARKET / SPOT / "BTCUSDT-1h-2025-01.zip", MARKET / "ohlcv_1h_2024/BTC_USDT-1h.csv"]
    for path in (two[first], two[1 - first]):
        import_file(tmp_path, path)

    rows = Catalogue(tmp_path).bars("BTCUSDT", "1h", "2024-12-29", "2025-01-02")

    assert rows["trades"][:26].tolist() == [0] * 26
    assert rows["trades"][26:].min() > 0


def test_an_exchanges_hour_and_a_tools_hour_agree() -> None:
    archive = read_bars(MARKET / SPOT / "BTCUSDT-1h-2024-11.zip")
    tool = read_bars(MARKET / "ohlcv_1h_2024/BTC_USDT-1h.csv")

    same = tool[np.isin(tool["ts_open"], archive["ts_open"])]

    for name in ("ts_open", "ts_event", "open", "high", "low", "close", "volume"):
        assert same[name].tolist() == archive[name].tolist()


@pytest.mark.parametrize("symbol", ["ALGO", "AVAX", "DOT", "FIL", "LINK", "LTC", "NEAR"])
def test_futures_archives_with_headers_are_whole_months(symbol: str, tmp_path: Path) -> None:
    path = MARKET / FUTURES / f"{symbol}USDT/1m/{symbol}USDT-1m-2026-02.zip"

    report = import_file(tmp_path, path)

    (series,) = Catalogue(tmp_path).series()
    assert str(report.series) == f"{symbol}USDT-PERP.BINANCE 1m bars"
    assert (report.rows, report.wrong, report.duplicates) == (28 * 1_440, 0, 0)
    assert check(tmp_path, series).findings == ()


OTHERS = {
    "ohlcv_other/SOLUSDT_1h_2020-2026.csv.gz": ("SOLUSDT.BINANCE 1h bars", 48_094),
    "ohlcv_other/binance_btcusdt_day_2020.csv": ("BTCUSDT.BINANCE 1d bars", 366),
    "freqtrade/ETH_BTC-5m.feather": ("ETHBTC.BINANCE 5m bars", 5_760),
    "freqtrade/XRP_ETH-1m.feather": ("XRPETH.BINANCE 1m bars", 2_469),
    "freqtrade/XRP_ETH-trades.parquet": ("XRPETH.BINANCE trades", 12_477),
    "freqtrade/futures/XRP_USDT_USDT-1h-futures.feather": ("XRPUSDT-PERP.BINANCE 1h bars", 100),
    "freqtrade/futures/XRP_USDT_USDT-8h-funding_rate.feather": ("XRPUSDT-PERP.BINANCE funding", 91),
    "binance_vision/data/spot/daily/klines/ADABTC/1m/ADABTC-1m-2021-11-28.zip": (
        "ADABTC.BINANCE 1m bars",
        1_440,
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_file_is_known_by_its_name_and_its_rows(name: str, tmp_path: Path) -> None:
    series, rows = OTHERS[name]

    report = import_file(tmp_path, MARKET / name)

    assert (str(report.series), report.rows, report.wrong) == (series, rows, 0)


NAMELESS = {
    "trades/tardis_binance-futures_BTCUSDT_trades.csv.gz": ("trades", 9_999, 0),
    "trades/tardis_binance-futures_BTCUSDT_quotes.csv.gz": ("quotes", 9_999, 0),
    "book/binance_usdm_btcusdt_depth_update.csv": ("deltas", 100, 0),
    "book/tardis_deribit_incremental_book_L2_BTC-PERPETUAL.csv": ("deltas", 15, 0),
    "ohlcv_other/ftx_btc-perp-20211231-20220201_1m.csv.gz": ("bars", 45_031, 0),
    "funding/funding_btcusdt_200evt.parquet": ("funding", 200, 0),
}


@pytest.mark.parametrize("name", NAMELESS)
def test_a_file_whose_name_says_little_needs_only_its_instrument(name: str, tmp_path: Path) -> None:
    kind, rows, wrong = NAMELESS[name]

    report = import_file(tmp_path, MARKET / name, Request(instrument="X.Y"))

    assert (report.series.kind, report.rows, report.wrong) == (kind, rows, wrong)


def test_trades_keep_when_they_were_received(tmp_path: Path) -> None:
    path = MARKET / "trades/tardis_binance-futures_BTCUSDT_trades.csv.gz"
    import_file(tmp_path, path, Request(Wish(kind="trades"), "BTCUSDT-PERP.BINANCE"))

    rows = Catalogue(tmp_path).trades("BTCUSDT")

    assert rows[0].tolist() == (
        1_582_329_602_111_000_000,
        1_582_329_602_418_379_000,
        9682.0,
        0.132,
        1,
        42_377_944,
    )
    assert all(a <= b for a, b in pairwise(rows["ts_event"].tolist()))


def test_bars_without_a_volume_say_so(tmp_path: Path) -> None:
    report = import_file(tmp_path, MARKET / "ohlcv_other/SOLUSDT_1h_2020-2026.csv.gz")

    assert report.notes == ("no column for volume: it will be 0",)
