"""A CSV file says by itself what it is, whoever wrote it."""

import gzip
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from market_files import T0_S, bar_lines, written

from journal.catalogue import read_bars, read_rows
from journal.data.errors import BadData
from journal.data.sniff import Wish

NS = 1_000_000_000
HEAD = "open_time,open,high,low,close,volume"
ONE = "100,110,90,101,5"

FORMS = {
    "no header, ms": ("{ms},100,110,90,101,5",),
    "no header, s": ("{s},100,110,90,101,5",),
    "no header, us": ("{us},100,110,90,101,5",),
    "no header, ns": ("{ns},100,110,90,101,5",),
    "float seconds": ("{s}.0,100,110,90,101,5",),
    "binance klines": ("{ms},100,110,90,101,5,{ms},7,3,2,1,0",),
    "binance header": (
        "open_time,open,high,low,close,volume,close_time,quote_volume,count,"
        "taker_buy_volume,taker_buy_quote_volume,ignore",
        "{ms},100,110,90,101,5,{ms},7,3,2,1,0",
    ),
    "freqtrade": ("date,open,high,low,close,volume", "{iso}+00:00," + ONE),
    "kaggle": ("Unix Timestamp,Date,Symbol,Open,High,Low,Close,Volume", "{ms},x,B," + ONE),
    "cryptodatadownload": (
        "https://www.example.com",
        "unix,date,symbol,open,high,low,close,Volume BTC,Volume USDT",
        "{ms},{iso},B," + ONE + ",7",
    ),
    "semicolons": ("Time;Open;High;Low;Close;Vol", "{iso};100;110;90;101;5"),
    "tabs": ("t\to\th\tl\tc\tv", "{ms}\t100\t110\t90\t101\t5"),
    "pipes, quoted": ('"ts"|"open"|"high"|"low"|"close"|"volume"', '{ms}|"100"|110|90|101|5'),
    "iso with T and Z": ("timestamp,open,high,low,close,volume", "{isot}Z," + ONE),
    "other order": ("close,open,low,high,volume,time", "101,100,90,110,5,{ms}"),
    "blanks": (HEAD, "{ms}, 100 , 110, 90, 101, 5"),
    "mark of byte order": ("\ufeff" + HEAD, "{ms}," + ONE),
    "carriage returns": (HEAD + "\r", "{ms}," + ONE + "\r"),
}


def moments(i: int) -> dict[str, object]:
    """The i-th minute, as files write it."""
    second = T0_S + 60 * i
    text = str(np.datetime64(second, "s"))
    return {
        "s": second,
        "ms": second * 10**3,
        "us": second * 10**6,
        "ns": second * NS,
        "iso": text.replace("T", " "),
        "isot": text,
    }


@pytest.mark.parametrize("form", FORMS)
def test_a_form_is_read_as_what_it_means(form: str, tmp_path: Path) -> None:
    *head, row = FORMS[form]
    path = written(tmp_path / "x.csv", *head, *(row.format(**moments(i)) for i in range(3)))

    rows = read_bars(path)

    assert rows["ts_open"].tolist() == [(T0_S + 60 * i) * NS for i in range(3)]
    assert rows["ts_event"].tolist() == [(T0_S + 60 * (i + 1)) * NS for i in range(3)]
    prices = [rows[0][n] for n in ("open", "high", "low", "close", "volume")]
    assert prices == [100, 110, 90, 101, 5]


def test_a_unit_may_change_in_the_middle_of_a_file(tmp_path: Path) -> None:
    lines = bar_lines(3) + bar_lines(3, unit=1_000_000, first_s=T0_S + 180)

    rows = read_bars(written(tmp_path / "x.csv", *lines))

    assert set(np.diff(rows["ts_open"]).tolist()) == {60 * NS}


TRADES = {
    "spot trades": "{i},100.5,2,201,{ms},{maker},True",
    "futures trades": "{i},100.5,2,201,{ms},{maker}",
    "spot aggTrades": "{i},100.5,2,7,8,{ms},{maker},True",
    "futures aggTrades": "{i},100.5,2,7,8,{ms},{maker}",
}


@pytest.mark.parametrize("form", TRADES)
def test_binance_trades_without_a_header_are_told_apart(form: str, tmp_path: Path) -> None:
    lines = [
        TRADES[form].format(i=i + 1, maker=("true", "False")[i % 2], **moments(i)) for i in range(4)
    ]

    rows, _ = read_rows(written(tmp_path / "x.csv", *lines), "trades")

    assert rows["aggressor"].tolist() == [-1, 1, -1, 1]
    assert rows["trade_id"].tolist() == [1, 2, 3, 4]
    assert rows["price"].tolist() == [100.5] * 4
    assert rows["size"].tolist() == [2.0] * 4


def test_columns_that_the_user_names_are_taken(tmp_path: Path) -> None:
    path = written(tmp_path / "x.csv", *(f"{r},9" for r in bar_lines(3)))
    wish = Wish(columns=("time", "open", "high", "low", "close", "-", "volume"))

    rows = read_bars(path, wish=wish)

    assert rows["volume"].tolist() == [9, 9, 9]


@pytest.mark.parametrize("ending", ["csv.gz", "zip"])
def test_a_compressed_file_is_the_same(ending: str, tmp_path: Path) -> None:
    plain = written(tmp_path / "x.csv", *bar_lines(500))
    path = tmp_path / f"x.{ending}"
    if ending == "zip":
        with ZipFile(path, "w") as made:
            made.write(plain, "x.csv")
    else:
        path.write_bytes(gzip.compress(plain.read_bytes()))

    assert read_bars(path).tolist() == read_bars(plain).tolist()


REFUSED = {
    "empty": ("", "is empty: there is nothing to read"),
    "only blanks": ("\n\n", "is empty"),
    "only a header": (HEAD + "\n", "no row with the 6 fields"),
    "columns missing": ("time,open,close\n1704067200,1,2\n", "row 1: .*no column for high, low"),
    "unknown width": ("1,2,3\n4,5,6\n", "row 1: has no header, and rows of 3 fields"),
    "no times": (HEAD + "\nsoon," + ONE + "\n", "row 2: time: 'soon' is no time"),
    "a picture": ("\x89PNG\0\0\0", "is no text"),
    "a wrong number": (
        "\n".join([HEAD, *bar_lines(3), "1704067380000,100,oops,90,101,5"]),
        "row 5: high: 'oops' is no number",
    ),
    "too few fields": (
        "\n".join([HEAD, *bar_lines(3), "1704067380000,100"]),
        "row 5: row: .*2 field",
    ),
    "unsorted": (
        "\n".join([HEAD, *bar_lines(3), *bar_lines(1)]),
        "row 5: time: its time, 2024-01-01 00:00, is not after",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_file_is_refused_naming_file_row_and_field(case: str, tmp_path: Path) -> None:
    text, message = REFUSED[case]
    path = tmp_path / "x.csv"
    path.write_text(text)

    with pytest.raises(BadData, match=message) as refused:
        read_bars(path)

    assert str(refused.value).startswith(str(path))
    assert "\n" not in str(refused.value)


def test_a_zip_that_was_cut_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with ZipFile(path, "w") as made:
        made.writestr("x.csv", "\n".join(bar_lines(5_000)))
    path.write_bytes(path.read_bytes()[:-2_000])

    with pytest.raises(BadData, match=r"x\.zip: cannot be read"):
        read_bars(path)
