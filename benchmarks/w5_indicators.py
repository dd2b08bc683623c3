"""W5, indicators over a million bars: `python benchmarks/w5_indicators.py [bars] [--json]`.

Milliseconds for each indicator, ours beside TA-Lib on the same arrays in the same process; both in
turn, the median of the runs. Ours includes what a caller pays: checks and the result's array.
Then the same steps fed bar by bar, inside a compiled loop and from Python, in nanoseconds a bar.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import talib
from numba import njit

from trading.indicators import INDICATORS
from trading.kernels.indicators import EMA, RSI, ema_step, rsi_step

RUNS = 7


def bars(n: int) -> dict[str, np.ndarray]:
    """A random walk with volume, seed 7."""
    rng = np.random.default_rng(7)
    close = np.round(100.0 * np.exp(np.cumsum(rng.normal(0.0, 5e-4, n))), 2)
    opened = np.concatenate(([100.0], close[:-1]))
    high = np.round(np.maximum(opened, close) * (1.0 + np.abs(rng.normal(0.0, 2e-4, n))), 2)
    low = np.round(np.minimum(opened, close) * (1.0 - np.abs(rng.normal(0.0, 2e-4, n))), 2)
    ts = (np.arange(n, dtype=np.int64) + 1) * 60_000_000_000
    volume = np.round(rng.lognormal(2.0, 0.5, n), 3)
    return {"ts_event": ts, "high": high, "low": low, "close": close, "volume": volume}


def peers(b: dict[str, np.ndarray]) -> dict[str, Callable[[], Any]]:
    """TA-Lib's way to the same numbers, where it has one."""
    h, low, c, v = b["high"], b["low"], b["close"], b["volume"]
    return {
        "sma": lambda: talib.SMA(c, 20),
        "ema": lambda: talib.EMA(c, 20),
        "rsi": lambda: talib.RSI(c, 14),
        "macd": lambda: talib.MACD(c, 12, 26, 9),
        "bollinger": lambda: talib.BBANDS(c, 20, 2.0, 2.0),
        "atr": lambda: talib.ATR(h, low, c, 14),
        "adx": lambda: (
            talib.ADX(h, low, c, 14),
            talib.PLUS_DI(h, low, c, 14),
            talib.MINUS_DI(h, low, c, 14),
        ),
        "stochastic": lambda: talib.STOCH(h, low, c, 14, 3, 0, 3, 0),
        "cci": lambda: talib.CCI(h, low, c, 14),
        "mfi": lambda: talib.MFI(h, low, c, v, 14),
        "obv": lambda: talib.OBV(c, v),
        "roc": lambda: talib.ROC(c, 14),
        "donchian": lambda: (talib.MAX(h, 20), talib.MIN(low, 20)),
    }


def milliseconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1e3


def batches(b: dict[str, np.ndarray]) -> dict[str, dict[str, float | None]]:
    """Name -> ms of ours and of TA-Lib."""
    theirs, out = peers(b), {}
    for name, indicator in INDICATORS.items():
        indicator({k: v[:200] for k, v in b.items()})  # compiles
        ours_ms, theirs_ms = [], []
        for _ in range(RUNS):
            ours_ms.append(milliseconds(partial(indicator, b)))
            if name in theirs:
                theirs_ms.append(milliseconds(theirs[name]))
        peer = statistics.median(theirs_ms) if theirs_ms else None
        out[name] = {"ms": statistics.median(ours_ms), "talib_ms": peer}
    return out


@njit
def loop(ema_state: Any, rsi_state: Any, close: Any) -> float:
    total = 0.0
    for i in range(len(close)):
        total += ema_step(ema_state, close[i], 20) - rsi_step(rsi_state, close[i], 14)
    return total


def streams(close: np.ndarray) -> dict[str, float]:
    """Nanoseconds a bar of EMA and RSI together, in a compiled loop and from Python."""

    def compiled() -> None:
        loop(np.zeros(1, EMA)[0], np.zeros(1, RSI)[0], close)

    def python() -> None:
        ema, rsi = INDICATORS["ema"].stream(), INDICATORS["rsi"].stream()
        for value in close[:20_000]:
            ema.update(value)
            rsi.update(value)

    compiled()
    python()
    return {
        "compiled_ns": statistics.median(milliseconds(compiled) for _ in range(RUNS))
        * 1e6
        / len(close),
        "python_ns": statistics.median(milliseconds(python) for _ in range(RUNS)) * 1e6 / 20_000,
    }


def main() -> None:
    numbers = [int(a) for a in sys.argv[1:] if a.isdigit()]
    b = bars(numbers[0] if numbers else 1_000_000)
    found = {"bars": len(b["close"]), "batch": batches(b), "stream": streams(b["close"])}
    if "--json" in sys.argv:
        print(json.dumps(found))
        return
    print(f"{found['bars']:,} bars, median of {RUNS} runs, ms       ours  TA-Lib")
    for name, row in found["batch"].items():
        peer = "" if row["talib_ms"] is None else f"{row['talib_ms']:8.1f}"
        print(f"{name:32} {row['ms']:13.1f}{peer}")
    stream = found["stream"]
    print(f"EMA and RSI, a bar: {stream['compiled_ns']:.1f} ns in a compiled loop, ", end="")
    print(f"{stream['python_ns']:.0f} ns from Python")


if __name__ == "__main__":
    main()
