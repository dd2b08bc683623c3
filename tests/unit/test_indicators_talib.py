from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from candles import candles

from trading.indicators import INDICATORS

talib = pytest.importorskip("talib", reason="TA-Lib is a test dependency on Linux only")

YEAR = Path(__file__).parents[3] / "shared/data/market/ohlcv_other/binance_btcusdt_day_2020.csv"
Columns = dict[str, np.ndarray]
# Our indicator, its parameters, TA-Lib's answer for our outputs in their order.
CASES: list[tuple[str, dict[str, float], Callable[[Columns], Any]]] = [
    ("sma", {"period": 1}, lambda b: talib.SMA(b["close"], 1)),
    ("sma", {"period": 20}, lambda b: talib.SMA(b["close"], 20)),
    ("sma", {"period": 200}, lambda b: talib.SMA(b["close"], 200)),
    ("ema", {"period": 1}, lambda b: talib.EMA(b["close"], 1)),
    ("ema", {"period": 20}, lambda b: talib.EMA(b["close"], 20)),
    ("rsi", {"period": 2}, lambda b: talib.RSI(b["close"], 2)),
    ("rsi", {"period": 14}, lambda b: talib.RSI(b["close"], 14)),
    ("macd", {}, lambda b: talib.MACD(b["close"], 12, 26, 9)),
    ("macd", {"fast": 3, "slow": 10, "signal": 16}, lambda b: talib.MACD(b["close"], 3, 10, 16)),
    ("bollinger", {"period": 20}, lambda b: talib.BBANDS(b["close"], 20, 2.0, 2.0)),
    (
        "bollinger",
        {"period": 5, "deviations": 1.5},
        lambda b: talib.BBANDS(b["close"], 5, 1.5, 1.5),
    ),
    ("atr", {"period": 1}, lambda b: talib.ATR(*hlc(b), 1)),
    ("atr", {"period": 14}, lambda b: talib.ATR(*hlc(b), 14)),
    ("adx", {"period": 2}, lambda b: adx(b, 2)),
    ("adx", {"period": 14}, lambda b: adx(b, 14)),
    ("stochastic", {}, lambda b: talib.STOCH(*hlc(b), 14, 3, 0, 3, 0)),
    (
        "stochastic",
        {"period": 5, "smooth": 1, "signal": 4},
        lambda b: talib.STOCH(*hlc(b), 5, 1, 0, 4, 0),
    ),
    ("cci", {"period": 2}, lambda b: talib.CCI(*hlc(b), 2)),
    ("cci", {"period": 14}, lambda b: talib.CCI(*hlc(b), 14)),
    ("mfi", {"period": 2}, lambda b: talib.MFI(*hlc(b), b["volume"], 2)),
    ("mfi", {"period": 14}, lambda b: talib.MFI(*hlc(b), b["volume"], 14)),
    ("obv", {}, lambda b: talib.OBV(b["close"], b["volume"])),
    ("roc", {"period": 1}, lambda b: talib.ROC(b["close"], 1)),
    ("roc", {"period": 14}, lambda b: talib.ROC(b["close"], 14)),
    ("donchian", {"period": 20}, lambda b: donchian(b, 20)),
]
IDS = [f"{name}-{'-'.join(str(v) for v in params.values())}" for name, params, _ in CASES]


def hlc(bars: Columns) -> tuple[np.ndarray, ...]:
    return bars["high"], bars["low"], bars["close"]


def adx(bars: Columns, period: int) -> tuple[np.ndarray, ...]:
    return tuple(f(*hlc(bars), period) for f in (talib.ADX, talib.PLUS_DI, talib.MINUS_DI))


def donchian(bars: Columns, period: int) -> tuple[np.ndarray, ...]:
    top, bottom = talib.MAX(bars["high"], period), talib.MIN(bars["low"], period)
    return top, (top + bottom) / 2.0, bottom


def contiguous(bars: Any) -> Columns:
    names = ("high", "low", "close", "volume")
    return {name: np.ascontiguousarray(bars[name], np.float64) for name in names}


def differing(case: int, bars: Columns, size: float = 1.0) -> list[tuple[str, int]]:
    """(output, bar) where we differ from TA-Lib.

    Values are equal to 1e-9 of the value, or 1e-9 * size where they pass through zero.
    """
    name, params, oracle = CASES[case]
    theirs = oracle(bars)
    ours = INDICATORS[name](bars, **params)
    expected = theirs if isinstance(theirs, tuple | list) else [theirs]
    found: list[tuple[str, int]] = []
    for (output, values), wanted in zip(ours.items(), expected, strict=True):
        close = np.isclose(values, wanted, rtol=1e-9, atol=1e-9 * size, equal_nan=True)
        found += [(output, int(bar)) for bar in np.flatnonzero(~close)]
    return found


@pytest.mark.parametrize("case", range(len(CASES)), ids=IDS)
def test_a_random_walk_gives_the_values_of_talib(case: int) -> None:
    assert differing(case, contiguous(candles(10_000))) == []


@pytest.mark.parametrize("case", range(len(CASES)), ids=IDS)
@pytest.mark.parametrize("n", [1, 2, 15, 27, 34, 41])
def test_a_short_series_begins_where_talib_begins(case: int, n: int) -> None:
    assert differing(case, contiguous(candles(n, seed=n))) == []


@pytest.mark.parametrize("case", range(len(CASES)), ids=IDS)
def test_a_market_that_stops_moving_gives_the_values_of_talib(case: int) -> None:
    bars = candles(400)
    for name in ("open", "high", "low", "close"):
        bars[name][100:] = bars["close"][100]

    assert differing(case, contiguous(bars)) == []


@pytest.mark.parametrize("case", range(len(CASES)), ids=IDS)
def test_a_constant_series_gives_the_values_of_talib(case: int) -> None:
    bars = candles(100, step=0.0)

    assert differing(case, contiguous(bars)) == []


@pytest.mark.parametrize("case", range(len(CASES)), ids=IDS)
def test_tiny_prices_give_the_values_of_talib(case: int) -> None:
    bars = contiguous(candles(500, start=2e-5, tick=1e-8))

    assert differing(case, bars, 1e-3) == []


@pytest.mark.data
@pytest.mark.skipif(not YEAR.is_file(), reason="shared/data is not beside the repository")
@pytest.mark.parametrize("case", range(len(CASES)), ids=IDS)
def test_a_year_of_bitcoin_gives_the_values_of_talib(case: int) -> None:
    table = np.genfromtxt(YEAR, delimiter=",", names=True, dtype=None, encoding="utf-8")
    bars = {name: np.array(table[name], np.float64) for name in ("high", "low", "close", "volume")}

    assert differing(case, bars) == []
