"""The indicators, by name: for reports, Python strategies and the command line.

    from trading import indicators

    indicators.rsi(bars, period=14)["rsi"]              # every bar at once
    rsi = indicators.rsi.stream(period=14)              # the same, bar by bar
    (value,) = rsi.update(close)

Batch and stream run the same compiled step (trading/kernels/indicators*.py), so they agree to the
last bit. Compiled strategies call the steps themselves: `trading.kernels.indicators`. Values equal
TA-Lib's where it has the indicator. Conventions and formulas: docs/indicators.md.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from trading.indicator import Indicator, Parameter, Stream, Values
from trading.kernels import indicators_average as average
from trading.kernels import indicators_flow as flow
from trading.kernels import indicators_range as reach
from trading.kernels import indicators_window as window

__all__ = ["INDICATORS", "Indicator", "Parameter", "Stream"]

_HLC: Final = ("high", "low", "close")
_BANDS: Final = ("upper", "middle", "lower")
_DAY_NS: Final = 86_400_000_000_000


def _period(default: int, minimum: int = 1, meaning: str = "bars") -> dict[str, Parameter]:
    return {"period": Parameter(default, minimum, meaning)}


def _fixed(dtype: "np.dtype[np.void]") -> Any:
    """The state of an indicator whose size does not depend on its period."""
    return lambda capacity, values: dtype


def _windowed(state: Any) -> Any:
    return lambda capacity, values: state(capacity)


def _full(values: Values) -> int:
    return int(values["period"])


def _and_one(values: Values) -> int:
    return int(values["period"]) + 1


sma: Final = Indicator(
    "sma", "mean of the last period closes", ("close",), ("sma",), _period(20),
    _windowed(window.mean_state), window.mean_step, average.sma, _full,
)  # fmt: skip
ema: Final = Indicator(
    "ema", "e + (close - e) * 2 / (period + 1); first the mean of period closes",
    ("close",), ("ema",), _period(20), _fixed(average.EMA), average.ema_step, average.ema, _full,
)  # fmt: skip
rsi: Final = Indicator(
    "rsi", "100 * g / (g + l); g, l: Wilder averages of gains and losses",
    ("close",), ("rsi",), _period(14), _fixed(flow.RSI), flow.rsi_step, flow.rsi, _and_one,
)  # fmt: skip
macd: Final = Indicator(
    "macd", "line = ema(fast) - ema(slow); signal = ema of line; histogram = line - signal",
    ("close",), ("macd", "signal", "histogram"),
    {
        "fast": Parameter(12, 1, "bars of the fast EMA"),
        "slow": Parameter(26, 2, "bars of the slow EMA"),
        "signal": Parameter(9, 1, "bars of the signal's EMA"),
    },
    _fixed(average.MACD), average.macd_step, average.macd,
    lambda v: int(v["slow"] + v["signal"]) - 1,
)  # fmt: skip
bollinger: Final = Indicator(
    "bollinger", "mean +- deviations * population deviation of the last period closes",
    ("close",), _BANDS,
    _period(20) | {"deviations": Parameter(2.0, 0.0, "width of the bands")},
    _windowed(window.moments_state), average.bollinger_step, average.bollinger, _full,
)  # fmt: skip
zscore: Final = Indicator(
    "zscore", "(close - mean) / population deviation of the last period closes; 0 if flat",
    ("close",), ("zscore",), _period(20, 2),
    _windowed(window.moments_state), average.zscore_step, average.zscore, _full,
)  # fmt: skip
roc: Final = Indicator(
    "roc", "(close / close period bars ago - 1) * 100", ("close",), ("roc",), _period(14),
    _windowed(window.past_state), average.roc_step, average.roc, _and_one,
)  # fmt: skip
atr: Final = Indicator(
    "atr", "Wilder average of max(high - low, |high - c|, |low - c|), c the close before",
    _HLC, ("atr",), _period(14), _fixed(reach.ATR), reach.atr_step, reach.atr, _and_one,
)  # fmt: skip
adx: Final = Indicator(
    "adx", "Wilder average of 100 |+DI - -DI| / (+DI + -DI); DI: directional movement / range",
    _HLC, ("adx", "plus_di", "minus_di"), _period(14, 2),
    _fixed(reach.ADX), reach.adx_step, reach.adx, lambda v: 2 * int(v["period"]),
)  # fmt: skip
stochastic: Final = Indicator(
    "stochastic", "k = mean of 100 (close - lowest) / (highest - lowest); d = mean of k",
    _HLC, ("k", "d"),
    _period(14, 1, "bars of the range")
    | {"smooth": Parameter(3, 1, "bars of %K's mean"), "signal": Parameter(3, 1, "of %D's")},
    _windowed(reach.stochastic_state), reach.stochastic_step, reach.stochastic,
    lambda v: int(v["period"] + v["smooth"] + v["signal"]) - 2,
)  # fmt: skip
donchian: Final = Indicator(
    "donchian", "highest high, the middle, lowest low of the last period bars",
    ("high", "low"), _BANDS, _period(20),
    _windowed(reach.channel_state), reach.donchian_step, reach.donchian, _full,
)  # fmt: skip
keltner: Final = Indicator(
    "keltner", "ema(period) of closes +- width * atr(atr_period)", _HLC, _BANDS,
    _period(20)
    | {"atr_period": Parameter(10, 1, "bars of the ATR"), "width": Parameter(2.0, 0.0, "in ATRs")},
    _fixed(reach.KELTNER), reach.keltner_step, reach.keltner,
    lambda v: max(int(v["period"]), int(v["atr_period"]) + 1),
)  # fmt: skip
volatility: Final = Indicator(
    "volatility", "sqrt(bars_a_year * mean of the last period squared log returns)",
    ("close",), ("volatility",),
    _period(60, 1, "returns") | {"bars_a_year": Parameter(525_600.0, 0.0, "to annualise with")},
    _windowed(reach.volatility_state), reach.volatility_step, reach.volatility, _and_one,
)  # fmt: skip
cci: Final = Indicator(
    "cci", "(t - mean t) / (0.015 * mean |t - mean t|); t = (high + low + close) / 3",
    _HLC, ("cci",), _period(14, 2),
    _windowed(window.mean_state), flow.cci_step, flow.cci, _full,
)  # fmt: skip
mfi: Final = Indicator(
    "mfi", "100 * u / (u + d); u, d: sums of t * volume where t rose, fell",
    (*_HLC, "volume"), ("mfi",), _period(14),
    _windowed(flow.mfi_state), flow.mfi_step, flow.mfi, _and_one,
)  # fmt: skip
obv: Final = Indicator(
    "obv", "sum of volume where the close rose - where it fell; first the first volume",
    ("close", "volume"), ("obv",), {}, _fixed(flow.OBV), flow.obv_step, flow.obv, lambda v: 1,
)  # fmt: skip
vwap: Final = Indicator(
    "vwap", "sum of t * volume / sum of volume since the session began",
    ("ts_event", *_HLC, "volume"), ("vwap",),
    {"session_ns": Parameter(_DAY_NS, 0, "length of a session since 1970 UTC; 0: no end")},
    _fixed(flow.VWAP), flow.vwap_step, flow.vwap, lambda v: 1,
)  # fmt: skip
profile: Final = Indicator(
    "profile", "volume by price over the last period bars: fullest bin, ends of the value area",
    ("high", "low", "volume"), ("poc", "value_low", "value_high"),
    _period(60)
    | {
        "bins": Parameter(24, 1, "bins of equal width"),
        "share": Parameter(0.7, 0.0, "of the volume in the value area"),
    },
    lambda capacity, values: flow.profile_state(capacity, capacity),
    flow.profile_step, flow.profile, _full,
)  # fmt: skip

INDICATORS: Final[Mapping[str, Indicator]] = {
    i.name: i
    for i in (
        sma, ema, rsi, macd, bollinger, atr, adx, stochastic, cci, mfi, obv, vwap, roc, zscore,
        donchian, keltner, profile, volatility,
    )
}  # fmt: skip
