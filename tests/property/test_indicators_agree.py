from typing import Any

import numpy as np
import pytest
from candles import candles
from hypothesis import given, settings
from hypothesis import strategies as st

from trading.indicators import INDICATORS, Indicator

EVERY = pytest.mark.parametrize("indicator", INDICATORS.values(), ids=INDICATORS)
# Small periods, so that short series pass through every phase of every indicator.
SMALL: dict[str, dict[str, float]] = {
    "macd": {"fast": 2, "slow": 4, "signal": 3},
    "stochastic": {"period": 4, "smooth": 2, "signal": 3},
    "keltner": {"period": 3, "atr_period": 5},
    "profile": {"period": 5, "bins": 7},
    "obv": {},
    "vwap": {},
}
PERIOD_5: dict[str, float] = {"period": 5}
# Ties, flat stretches, jumps and what is missing.
PRICE = st.sampled_from([100.0, 100.01, 99.5, 0.1, 7e4]) | st.floats(1e-6, 1e6)
WILD = PRICE | st.sampled_from([float("nan"), float("inf"), float("-inf")])


def params(indicator: Indicator) -> dict[str, float]:
    return SMALL.get(indicator.name, PERIOD_5)


def streamed(indicator: Indicator, bars: Any) -> np.ndarray:
    stream = indicator.stream(**params(indicator))
    rows = [stream.update(*(bars[name][i] for name in indicator.inputs)) for i in range(len(bars))]
    return np.array(rows, np.float64).reshape(len(bars), len(indicator.outputs)).T


def batch(indicator: Indicator, bars: Any) -> np.ndarray:
    return np.array(list(indicator(bars, **params(indicator)).values()))


def bars_of(prices: list[float]) -> Any:
    bars = candles(len(prices))
    bars["close"] = prices
    with np.errstate(invalid="ignore"):
        bars["high"], bars["low"] = bars["close"] * 1.001, bars["close"] * 0.999
    return bars


@EVERY
@given(prices=st.lists(WILD, max_size=40))
@settings(max_examples=30)
def test_batch_and_stream_give_the_same_bits(indicator: Indicator, prices: list[float]) -> None:
    bars = bars_of(prices)

    assert np.array_equal(batch(indicator, bars), streamed(indicator, bars), equal_nan=True)


@EVERY
@given(prices=st.lists(PRICE, min_size=1, max_size=40), data=st.data())
@settings(max_examples=30)
def test_missing_bars_change_nothing_but_their_own_answers(
    indicator: Indicator, prices: list[float], data: st.DataObject
) -> None:
    whole = bars_of(prices)
    gaps = np.array(data.draw(st.lists(st.booleans(), min_size=len(whole), max_size=len(whole))))
    torn = np.insert(whole, np.flatnonzero(gaps), np.zeros(1, whole.dtype)[0])
    missing = np.insert(np.zeros(len(whole), bool), np.flatnonzero(gaps), True)
    for name in ("high", "low", "close", "volume"):
        torn[name][missing] = np.nan

    found = batch(indicator, torn)

    assert np.isnan(found[:, missing]).all()
    assert np.array_equal(found[:, ~missing], batch(indicator, whole), equal_nan=True)


@EVERY
@given(prices=st.lists(PRICE, max_size=40))
@settings(max_examples=20)
def test_answers_begin_with_the_end_of_the_warm_up(
    indicator: Indicator, prices: list[float]
) -> None:
    warmup = indicator.warmup(indicator.checked(params(indicator)))

    found = batch(indicator, bars_of(prices))

    assert np.isfinite(found[:, warmup - 1 :]).all()
    assert np.isnan(found[:, : warmup - 1]).any(axis=0).all()


@EVERY
def test_the_future_does_not_change_the_past(indicator: Indicator) -> None:
    bars = candles(200)
    changed = bars.copy()
    changed[["open", "high", "low", "close"]][120:] = 1.0

    first, second = batch(indicator, bars), batch(indicator, changed)

    assert np.array_equal(first[:, :120], second[:, :120], equal_nan=True)


CONSTANT = {
    "sma": [100.1],
    "ema": [100.1],
    "rsi": [0.0],
    "macd": [0.0, 0.0, 0.0],
    "bollinger": [100.1, 100.1, 100.1],
    "atr": [0.0],
    "adx": [0.0, 0.0, 0.0],
    "stochastic": [0.0, 0.0],
    "cci": [0.0],
    "mfi": [0.0],
    "obv": [3.3],
    "vwap": [100.1],
    "roc": [0.0],
    "zscore": [0.0],
    "donchian": [100.1, 100.1, 100.1],
    "keltner": [100.1, 100.1, 100.1],
    "profile": [100.1, 100.1, 100.1],
    "volatility": [0.0],
}


@EVERY
def test_a_constant_series_gives_constants_and_no_signal(indicator: Indicator) -> None:
    bars = candles(100)
    for name in ("open", "high", "low", "close"):
        bars[name] = 100.1
    bars["volume"] = 3.3

    found = batch(indicator, bars)[:, -1]

    assert found.tolist() == pytest.approx(CONSTANT[indicator.name], rel=1e-12, abs=0.0)


@EVERY
def test_no_bars_give_no_answers(indicator: Indicator) -> None:
    assert batch(indicator, candles(0)).shape == (len(indicator.outputs), 0)


BOUNDED = [i for n, i in INDICATORS.items() if n in {"rsi", "stochastic", "mfi", "adx"}]


@pytest.mark.parametrize("indicator", BOUNDED, ids=lambda i: i.name)
@given(prices=st.lists(PRICE, max_size=60))
def test_percentages_stay_between_zero_and_a_hundred(
    indicator: Indicator, prices: list[float]
) -> None:
    found = batch(indicator, bars_of(prices))

    known = found[np.isfinite(found)]
    assert (known >= -1e-9).all()
    assert (known <= 100.0 + 1e-9).all()
