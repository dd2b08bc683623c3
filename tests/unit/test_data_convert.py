"""Longer bars have the right ends and values; a file goes out and comes in unchanged."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from market_files import T0_S, bar_lines, written

from journal.catalogue import read_bars
from journal.data.errors import BadData, NoData
from journal.data.exporting import export
from journal.data.kinds import interval_name, interval_ns
from journal.data.resampling import resample
from messages.arrays import BAR, Rows

MINUTE = 60 * 1_000_000_000
T0 = T0_S * 1_000_000_000  # a Monday


def minutes(indices: list[int]) -> Rows:
    """One bar for each of these minutes after T0."""
    rows = np.zeros(len(indices), BAR)
    at = np.array(indices, np.int64)
    rows["ts_open"] = T0 + at * MINUTE
    rows["ts_event"] = rows["ts_init"] = rows["ts_open"] + MINUTE
    rows["open"], rows["close"] = 100 + at % 13, 100 + at % 11
    rows["high"] = np.maximum(rows["open"], rows["close"]) + at % 5
    rows["low"] = np.minimum(rows["open"], rows["close"]) - at % 3
    rows["volume"], rows["trades"] = at % 17, at % 4
    return rows


def test_a_longer_bar_is_labelled_with_both_its_ends() -> None:
    (bar,) = resample(minutes([*range(15)]), MINUTE, 15 * MINUTE).rows

    assert (bar["ts_open"], bar["ts_event"], bar["ts_init"]) == (
        T0,
        T0 + 15 * MINUTE,
        T0 + 15 * MINUTE,
    )
    assert (bar["open"], bar["close"]) == (100, 103)
    assert (bar["high"], bar["low"]) == (114, 98)
    assert (bar["volume"], bar["trades"]) == (sum(range(15)), sum(i % 4 for i in range(15)))


@given(
    st.lists(st.integers(0, 500), min_size=1, unique=True).map(sorted),
    st.sampled_from([2, 3, 5, 15, 60]),
)
def test_longer_bars_are_made_of_their_own_minutes(indices: list[int], factor: int) -> None:
    rows = minutes(indices)

    made = resample(rows, MINUTE, factor * MINUTE)

    for bar in made.rows:
        inside = (rows["ts_open"] >= bar["ts_open"]) & (rows["ts_event"] <= bar["ts_event"])
        parts = rows[inside]
        assert bar["ts_open"] % (factor * MINUTE) == 0
        assert bar["ts_event"] - bar["ts_open"] == factor * MINUTE
        assert bar["open"] == parts[0]["open"]
        assert bar["close"] == parts[-1]["close"]
        assert bar["high"] == parts["high"].max()
        assert bar["low"] == parts["low"].min()
        assert bar["volume"] == parts["volume"].sum()
    assert len(made.rows) + made.left_out == len(set(rows["ts_open"] // (factor * MINUTE)))


def test_ends_that_are_covered_in_part_are_left_out() -> None:
    made = resample(minutes([*range(3, 38)]), MINUTE, 15 * MINUTE)

    assert made.rows["ts_open"].tolist() == [T0 + 15 * MINUTE]
    assert (made.left_out, made.with_gaps) == (2, 0)


def test_a_hole_inside_is_told() -> None:
    made = resample(minutes([*range(7), *range(8, 30)]), MINUTE, 15 * MINUTE)

    assert (len(made.rows), made.with_gaps) == (2, 1)


def test_weeks_begin_on_mondays() -> None:
    rows = minutes([*range(-1_440, 8 * 1_440)])

    made = resample(rows, MINUTE, interval_ns("1w"))

    assert made.rows["ts_open"].tolist() == [T0]


@pytest.mark.parametrize(("short", "long"), [("1m", "1m"), ("1h", "1m"), ("4m", "6m")])
def test_an_interval_that_is_no_multiple_is_refused(short: str, long: str) -> None:
    with pytest.raises(NoData, match="choose a longer interval that is a multiple"):
        resample(minutes([0, 1]), interval_ns(short), interval_ns(long))


@pytest.mark.parametrize("suffix", [".csv", ".feather", ".parquet"])
def test_bars_go_out_and_come_in_unchanged(suffix: str, tmp_path: Path) -> None:
    rows = read_bars(written(tmp_path / "x.csv", *bar_lines(300)))
    rows = rows.copy()
    rows["volume"] = np.random.default_rng(7).random(300)

    export(rows, "bars", tmp_path / f"y{suffix}")

    assert read_bars(tmp_path / f"y{suffix}").tobytes() == rows.tobytes()


def test_an_unknown_format_is_refused_and_nothing_written(tmp_path: Path) -> None:
    with pytest.raises(BadData, match=r"choose one of \.csv"):
        export(minutes([0]), "bars", tmp_path / "x.xlsx")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["1s", "1m", "15m", "4h", "1d", "3d", "1w"])
def test_an_interval_has_one_name(name: str) -> None:
    assert interval_name(interval_ns(name)) == name
