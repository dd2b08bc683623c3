"""Bad data is refused with table, row and field; good data is merged without look-ahead."""

import numpy as np
import pytest
from bar_stage import MINUTE, START, bars

from messages.arrays import BAR
from trading.backtest import BadBars, bars_of, prepare
from trading.backtest_data import CLOSE, FX, LONGER, OPENS

GOOD = bars((100, 101, 99, 100), (100, 102, 100, 101), (101, 101, 100, 100))

BAD = {
    "nan": ("close", 1, np.nan, "close is nan"),
    "infinite": ("open", 2, np.inf, "open is inf"),
    "zero": ("low", 0, 0.0, "low is 0.0: not above 0"),
    "negative": ("high", 1, -5.0, "high is -5.0: not above 0"),
    "high below close": ("high", 1, 100.5, "high is 100.5: below"),
    "low above open": ("low", 2, 100.5, "low is 100.5: above"),
    "volume": ("volume", 1, -1.0, "volume is -1.0"),
    "volume nan": ("volume", 1, np.nan, "volume is nan"),
    "duplicate": ("ts_event", 1, START + MINUTE, "ts_open is .* not before|ts_event is"),
    "unsorted": ("ts_event", 2, START + 90_000_000_000, "ts_event is|ts_open is"),
    "no length": ("ts_open", 1, START + 2 * MINUTE, "ts_open is .* not before ts_event"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_row_is_named_with_its_field(name: str) -> None:
    field, row, value, said = BAD[name]
    rows = GOOD.copy()
    rows[field][row] = value

    with pytest.raises(BadBars, match=said) as caught:
        prepare({"BTCUSDT": rows})

    assert caught.value.row == row
    assert str(caught.value).startswith(f"BTCUSDT: row {row}: ")


def test_an_empty_table_is_refused() -> None:
    with pytest.raises(BadBars, match="nothing to run on"):
        prepare(GOOD[:0])


def test_a_missing_column_is_named() -> None:
    with pytest.raises(BadBars, match="high is missing") as caught:
        bars_of({n: GOOD[n] for n in ("ts_open", "ts_event", "open", "low", "close", "volume")})

    assert caught.value.field == "high"


def test_columns_that_may_be_missing_are_filled_in() -> None:
    columns = {n: GOOD[n] for n in ("ts_open", "ts_event", "open", "high", "low", "close")}

    rows = bars_of(columns | {"volume": GOOD["volume"]})

    assert rows.dtype == BAR
    assert rows["ts_init"].tolist() == GOOD["ts_event"].tolist()


def test_what_is_prepared_cannot_be_written() -> None:
    data = prepare(GOOD.copy())

    with pytest.raises(ValueError, match="read-only"):
        data.series[0][1]["close"][0] = 1.0


def test_a_longer_bar_is_seen_when_it_has_closed_and_before_the_next_open() -> None:
    longer = bars((100, 102, 99, 101), interval=2 * MINUTE)
    data = prepare({"BTCUSDT": [longer, GOOD]})

    seen = [(int(e["ts"] - START) // MINUTE, int(e["kind"])) for e in data.events]

    assert data.interval_ns == MINUTE
    assert seen == [
        (0, OPENS), (1, CLOSE), (1, OPENS), (2, LONGER), (2, CLOSE), (2, OPENS), (3, CLOSE),
    ]  # fmt: skip


def test_the_last_close_of_a_moment_takes_equity() -> None:
    data = prepare({"BTCUSDT": GOOD, "ETHUSDT": GOOD[:2]})
    closes = data.events[data.events["kind"] == CLOSE]

    assert closes["instrument"].tolist() == [0, 1, 0, 1, 0]
    assert closes["last"].tolist() == [0, 1, 0, 1, 1]


def test_rates_of_zero_are_refused() -> None:
    rates = np.array([(START, 0.0)], FX)

    with pytest.raises(BadBars, match=r"rate is 0\.0"):
        prepare({"ETHBTC": GOOD}, rates={"ETHBTC": rates})


def test_the_digest_is_of_the_rows() -> None:
    other = GOOD.copy()
    other["volume"][2] += 1

    assert prepare(GOOD).digest == prepare(GOOD.copy()).digest
    assert prepare(GOOD).digest != prepare(other).digest
