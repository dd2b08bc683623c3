"""Market making on the recordings of 2024-08-08, spot and USD-M; skipped where they are absent."""

from pathlib import Path
from typing import Final

import numpy as np
import pytest

from messages.base import NS_PER_S
from scenarios.backtest_tape import run_tape
from scenarios.spec import BadSpec
from trading.strategy_records import MARKET
from venues.binance.tape import Tape
from venues.binance.tape_events import tape_events

TAPES: Final = Path(__file__).parents[3] / "shared/data/wire/hftbacktest"


@pytest.mark.parametrize("market", ["spot", "usdm"])
def test_market_making_on_a_recording_trades_as_maker_within_its_limits(market: str) -> None:
    path = TAPES / market / "btcusdt_20240808.gz"
    if not path.is_file():
        pytest.skip(f"{path} is not here")

    done = run_tape("market_making", {}, [path], {"entry_latency_ns": 5_000_000}, None)

    fills, orders = done.result.fills, done.result.orders
    assert len(fills) > 0
    assert (fills["maker"] == 1).all()
    assert (fills["ts"] >= orders["ts"][fills["order"]] + 5_000_000).all()
    assert (abs(fills["position"] * fills["price"]) < 6_000).all()
    assert done.result.identity["engine"] == "events-2"
    if market == "spot":  # nobody sells there what he does not have
        assert fills["position"].min() >= -1e-9
        assert (fills["side"] < 0).any()


def test_rows_of_a_recording_are_heard_after_they_happen() -> None:
    path = TAPES / "usdm" / "btcusdt_20240808.gz"
    if not path.is_file():
        pytest.skip(f"{path} is not here")

    found = tape_events(Tape((path,)))

    latency = found.rows["ts_init"] - found.rows["ts_event"]
    assert latency.min() >= 0
    assert (np.diff(found.rows["ts_event"]) >= 0).all()


def test_recording_that_is_not_there_is_one_line() -> None:
    with pytest.raises(BadSpec, match="no such recording"):
        run_tape("market_making", {}, [Path("nowhere.gz")], {}, None)


def test_strategy_of_bars_decides_on_bars_that_are_made_of_the_trades() -> None:
    path = TAPES / "usdm" / "btcusdt_20240808.gz"
    if not path.is_file():
        pytest.skip(f"{path} is not here")
    params = {"fast": 2, "slow": 5, "warmup": 3}

    done = run_tape("trend_following", params, [path], {}, None, interval_ns=NS_PER_S)

    orders = done.result.orders
    assert len(orders) > 5
    assert (orders["ts"] % NS_PER_S < NS_PER_S // 2).all()  # soon after a bar has closed
    assert set(orders["type"]) == {MARKET}
