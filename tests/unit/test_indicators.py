import dis
from math import log, sqrt
from typing import Any

import numpy as np
import pytest
from candles import MINUTE_NS, candles
from numba import njit

from trading import indicators
from trading.indicators import INDICATORS
from trading.kernels import (
    indicators_average,
    indicators_flow,
    indicators_range,
    indicators_window,
)
from trading.kernels.indicators import RSI, mean_state, mean_step, rsi_step

NAN = float("nan")
DAY_NS = 86_400_000_000_000


def same(found: Any, expected: list[float]) -> bool:
    return bool(np.allclose(found, expected, rtol=1e-12, atol=0.0, equal_nan=True))


def test_zscore_is_worked_out_by_hand() -> None:
    # 1, 2, 6: mean 3, squared deviations 4, 1, 9.
    assert same(
        indicators.zscore([1.0, 2.0, 6.0, 6.0, 6.0], period=3)["zscore"],
        [NAN, NAN, 3 / sqrt(14 / 3), (4 / 3) / sqrt(32 / 9), 0.0],
    )


def test_realised_volatility_is_worked_out_by_hand() -> None:
    found = indicators.volatility([100.0, 110.0, 99.0, 99.0], period=2, bars_a_year=4.0)

    up, down = log(1.1) ** 2, log(0.9) ** 2
    assert same(found["volatility"], [NAN, NAN, sqrt(4.0 * (up + down) / 2), sqrt(4.0 * down / 2)])


def test_keltner_is_ema_and_atr_put_together() -> None:
    bars = candles(300)

    found = indicators.keltner(bars, period=20, atr_period=10, width=1.5)

    middle = indicators.ema(bars, period=20)["ema"]
    reach = 1.5 * indicators.atr(bars, period=10)["atr"]
    assert np.array_equal(found["upper"], middle + reach, equal_nan=True)
    assert np.array_equal(found["lower"], middle - reach, equal_nan=True)


def test_vwap_starts_again_with_each_session() -> None:
    ts = np.array([DAY_NS - MINUTE_NS, DAY_NS, DAY_NS + MINUTE_NS, DAY_NS + 2 * MINUTE_NS])
    price = np.array([10.0, 20.0, 30.0, 50.0])
    volume = np.array([1.0, 3.0, 0.0, 2.0])
    bars = {"ts_event": ts, "high": price, "low": price, "close": price, "volume": volume}

    # The bar that closes at midnight belongs to the day it ends; a session without volume has none.
    assert same(indicators.vwap(bars)["vwap"], [10.0, 17.5, NAN, 50.0])
    assert same(indicators.vwap(bars, session_ns=0)["vwap"], [10.0, 17.5, 17.5, 170.0 / 6.0])


def profile(high: list[float], low: list[float], volume: list[float], **params: float) -> Any:
    bars = {"high": high, "low": low, "volume": volume}
    found = indicators.profile(bars, **params)
    return [found[name][-1] for name in ("poc", "value_low", "value_high")]


def test_the_volume_profile_is_worked_out_by_hand() -> None:
    # Ten bins of width 1 from 0 to 10. The first bar puts 1 into each bin, the second 6 into the
    # bin from 4, the third 2 each into those from 3, 4 and 5: 1 1 1 3 9 3 1 1 1 1.
    high, low, volume = [10.0, 5.0, 6.0], [0.0, 4.0, 3.0], [10.0, 6.0, 6.0]

    assert same(
        profile(high, low, volume, period=3, bins=10, share=0.5), [4.5, 4.0, 6.0]
    )  # 9 of 22, then upwards
    assert same(profile(high, low, volume, period=3, bins=10, share=0.6), [4.5, 3.0, 6.0])
    assert same(profile(high, low, volume, period=3, bins=10, share=1.0), [4.5, 0.0, 10.0])


def test_a_profile_of_one_price_is_that_price_and_of_no_volume_is_unknown() -> None:
    assert profile([7.0] * 3, [7.0] * 3, [1.0] * 3, period=3) == [7.0, 7.0, 7.0]
    assert np.isnan(profile([7.0] * 3, [6.0] * 3, [0.0] * 3, period=3)).all()


def test_donchian_is_what_looking_at_every_window_finds() -> None:
    bars = candles(500)

    found = indicators.donchian(bars, period=7)

    for i in range(6, 500):
        assert found["upper"][i] == bars["high"][i - 6 : i + 1].max()
        assert found["lower"][i] == bars["low"][i - 6 : i + 1].min()


def test_equal_sums_of_ticks_are_no_money_flow() -> None:
    # The last two bars have the same sum of cents, 29,979, but not the same sum of floats.
    bars = {
        "high": [99.90, 99.96, 99.99],
        "low": [99.90, 99.90, 99.90],
        "close": [99.90, 99.93, 99.90],
        "volume": [1.0, 1.0, 1.0],
    }
    sums = [h + low + c for h, low, c in zip(bars["high"], bars["low"], bars["close"], strict=True)]

    assert sums[1] != sums[2]
    assert indicators.mfi(bars, period=2)["mfi"][-1] == 100.0
    assert indicators.mfi(bars, period=1)["mfi"].tolist()[1:] == [100.0, 0.0]


def test_a_spike_that_left_the_window_leaves_nothing_behind() -> None:
    x = np.full(1000, 0.1)
    x[100] = 1e17

    mean = indicators.sma(x, period=10)["sma"]
    bands = indicators.bollinger(x, period=10)

    assert (mean[110:] == 0.1).all()
    assert (bands["upper"][110:] == 0.1).all()


def test_errors_do_not_grow_with_the_length_of_a_series() -> None:
    x = 60_000.0 + candles(300_000)["close"]
    ends = np.lib.stride_tricks.sliding_window_view(x, 20)[-1000:]

    assert np.abs(indicators.sma(x, period=20)["sma"][-1000:] - ends.mean(axis=1)).max() < 1e-9
    found = indicators.bollinger(x, period=20, deviations=1.0)
    deviation = found["upper"][-1000:] - found["middle"][-1000:]
    assert np.allclose(deviation, ends.std(axis=1), rtol=1e-8)


STATE = np.dtype([("rsi", RSI), ("mean", mean_state(30)), ("seen", "<i8")])


@njit
def _on_bar(state: Any, close: float) -> Any:
    state.seen += 1
    return rsi_step(state.rsi, close, 14), mean_step(state.mean, close, 30)


def test_steps_work_on_a_field_of_a_strategy_s_own_state() -> None:
    bars, state = candles(200), np.zeros(1, STATE)

    found = np.array([_on_bar(state[0], c) for c in bars["close"]])

    assert np.array_equal(found[:, 0], indicators.rsi(bars)["rsi"], equal_nan=True)
    assert np.array_equal(found[:, 1], indicators.sma(bars, period=30)["sma"], equal_nan=True)
    assert state["seen"] == 200


def test_a_period_beyond_the_state_is_refused() -> None:
    state = np.zeros(1, mean_state(4))

    with pytest.raises(ValueError, match="capacity"):
        mean_step(state[0], 1.0, 5)


def test_a_saved_stream_continues() -> None:
    close = candles(100)["close"]
    first, second = (indicators.macd.stream(slow=20) for _ in range(2))
    for value in close[:60]:
        first.update(value)

    second.load(first.save())

    for value in close[60:]:
        assert second.update(value) == first.update(value)
    with pytest.raises(ValueError, match="saved with other parameters"):
        indicators.sma.stream(period=100).load(indicators.sma.stream(period=5).save())


@pytest.mark.parametrize(
    ("name", "params", "reason"),
    [
        ("ema", {"perod": 3}, "ema: no parameter 'perod'; there are: period"),
        ("obv", {"period": 3}, "obv: no parameter 'period'; there are: none"),
        ("ema", {"period": 0}, "ema: period = 0: a whole number, 1 at least"),
        ("ema", {"period": 2.5}, "ema: period = 2.5: a whole number"),
        ("ema", {"period": NAN}, "ema: period = nan: a whole number"),
        ("bollinger", {"deviations": -1.0}, "deviations = -1.0: a number, 0.0 at least"),
        ("macd", {"fast": 26}, "macd: fast = 26 must be below slow = 26"),
    ],
)
def test_impossible_parameters_are_refused(name: str, params: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        INDICATORS[name](candles(5), **params)


def test_bars_without_a_needed_column_are_refused() -> None:
    with pytest.raises(ValueError, match="mfi: no column 'volume'; needs high, low, close, volume"):
        indicators.mfi({"high": [1.0], "low": [1.0], "close": [1.0]})
    with pytest.raises(ValueError, match="one length"):
        indicators.donchian({"high": [1.0], "low": [1.0, 2.0]})
    with pytest.raises(ValueError, match="one length"):
        indicators.sma([[1.0, 2.0]])


def test_what_a_step_calls_stands_above_it() -> None:
    # `compiled` names the kept machine code by the digest of all that a function calls, as far as
    # it is there when the function is decorated.
    for module in (indicators_window, indicators_average, indicators_range, indicators_flow):
        functions = {n: f for n, f in vars(module).items() if hasattr(f, "py_func")}
        for function in functions.values():
            code = function.py_func.__code__
            loads = (i for i in dis.get_instructions(code) if i.opname == "LOAD_GLOBAL")
            called = [functions[i.argval] for i in loads if i.argval in functions]
            own = [c.py_func.__code__ for c in called if c.py_func.__module__ == module.__name__]
            assert all(c.co_firstlineno < code.co_firstlineno for c in own), code.co_name
