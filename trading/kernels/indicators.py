"""Indicators for compiled strategies: a step on a state record of the strategy's own STATE.

    STATE = np.dtype([("rsi", RSI), ("mean", mean_state(200)), ...])

    def on_bar(state, params, bar, account, orders):
        rsi = rsi_step(state.rsi, bar.close, params.period)
        mean = mean_step(state.mean, bar.close, params.window)

States start as zeros, as strategies' states do. Windowed ones are made for a capacity, the largest
period they may be asked for. A period must not change between steps: the state is of that period.
NaN means not yet, or not known; every comparison with it is false.
"""

from trading.kernels.indicators_average import (
    EMA,
    MACD,
    WILDER,
    bollinger_step,
    ema_step,
    macd_step,
    roc_step,
    wilder_step,
    zscore_step,
)
from trading.kernels.indicators_flow import (
    OBV,
    RSI,
    VWAP,
    cci_step,
    mfi_state,
    mfi_step,
    obv_step,
    profile_state,
    profile_step,
    rsi_step,
    vwap_step,
)
from trading.kernels.indicators_range import (
    ADX,
    ATR,
    KELTNER,
    adx_step,
    atr_step,
    channel_state,
    donchian_step,
    keltner_step,
    stochastic_state,
    stochastic_step,
    volatility_state,
    volatility_step,
)
from trading.kernels.indicators_window import (
    extreme_state,
    highest_step,
    lowest_step,
    mean_state,
    mean_step,
    moments_state,
    moments_step,
    past_state,
    past_step,
)

sma_step = mean_step

__all__ = [
    "ADX",
    "ATR",
    "EMA",
    "KELTNER",
    "MACD",
    "OBV",
    "RSI",
    "VWAP",
    "WILDER",
    "adx_step",
    "atr_step",
    "bollinger_step",
    "cci_step",
    "channel_state",
    "donchian_step",
    "ema_step",
    "extreme_state",
    "highest_step",
    "keltner_step",
    "lowest_step",
    "macd_step",
    "mean_state",
    "mean_step",
    "mfi_state",
    "mfi_step",
    "moments_state",
    "moments_step",
    "obv_step",
    "past_state",
    "past_step",
    "profile_state",
    "profile_step",
    "roc_step",
    "rsi_step",
    "sma_step",
    "stochastic_state",
    "stochastic_step",
    "volatility_state",
    "volatility_step",
    "vwap_step",
    "wilder_step",
    "zscore_step",
]
