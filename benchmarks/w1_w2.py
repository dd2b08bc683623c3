"""W1 and W2: the engine beside a bare numba loop of the same arithmetic, in one process.

W1  1,000,000 one-minute bars, EMA 10/20 cross, long or flat, one unit, market orders, 0.1 % fee:
    orders, fills, account and equity curve, at the next open and at the close
W2  1,000 pairs of periods over 100,000 bars, one process

    python benchmarks/w1_w2.py [--json] [--repeat 7] [--bars FILE.npy] [--linear]

FILE.npy holds (n, 5) open, high, low, close, volume; without it, the same generator makes them
(numba's own random numbers, seed 7). Engine and loop take turns; the figures are medians. Expected
on that data: 45,320 fills, PnL -4323.8766 at the next open and -4335.8248 at the close.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("NUMBA_CACHE_DIR", str(ROOT / "runs" / ".cache" / "numba"))

import numpy as np
from numba import njit

from messages.arrays import BAR
from trading.backtest import Settings, prepare, run, run_many
from trading.kernels.strategy import submit_market
from trading.strategy import BUY, SELL, CompiledStrategy, StrategyParams

START = 1_704_067_200_000_000_000
MINUTE = 60_000_000_000
FEE = 0.001


class Params(StrategyParams):
    """An EMA cross."""

    fast: int = 10
    slow: int = 20
    quantity: float = 1.0


STATE = np.dtype(
    [("fast", "f8"), ("slow", "f8"), ("fast_part", "f8"), ("slow_part", "f8"), ("bars", "i8")]
)


def on_bar(state, params, bar, account, orders):
    close = bar.close
    if state.bars == 0:
        state.fast = state.slow = close
        state.fast_part = 2.0 / (params.fast + 1.0)
        state.slow_part = 2.0 / (params.slow + 1.0)
    state.fast += (close - state.fast) * state.fast_part
    state.slow += (close - state.slow) * state.slow_part
    state.bars += 1
    if state.bars >= params.slow:
        if state.fast > state.slow:
            if account.position == 0.0:
                return submit_market(orders, 0, BUY, params.quantity)
        elif state.fast < state.slow and account.position > 0.0:
            return submit_market(orders, 0, SELL, account.position)
    return 0


STRATEGY = CompiledStrategy(name="ema_cross", params=Params, state=STATE, on_bar=on_bar)


@njit(error_model="numpy")
def bare(opens, closes, fast, slow, fee, at_close):
    """The limit: the same arithmetic and nothing else; (pnl, fills)."""
    fast_part, slow_part = 2.0 / (fast + 1.0), 2.0 / (slow + 1.0)
    quick = late = closes[0]
    cash, position, fills, wanted = 0.0, 0.0, 0, 0.0
    for i in range(len(closes)):
        if wanted != 0.0 and not at_close:
            cash -= wanted * opens[i] + abs(wanted) * opens[i] * fee
            position += wanted
            fills += 1
            wanted = 0.0
        close = closes[i]
        quick += (close - quick) * fast_part
        late += (close - late) * slow_part
        if i + 1 >= slow:
            if quick > late:
                if position == 0.0:
                    wanted = 1.0
            elif quick < late and position > 0.0:
                wanted = -position
        if at_close and wanted != 0.0:
            cash -= wanted * close + abs(wanted) * close * fee
            position += wanted
            fills += 1
            wanted = 0.0
    return cash + position * closes[-1], fills


@njit
def garch_bars(n, seed):
    """The workload's bars: 12 steps a minute, GARCH-like minute volatility, prices in cents."""
    np.random.seed(seed)
    rows = np.empty((n, 5))
    level, floor = np.log(100.0), 4e-4**2
    variance = floor
    for i in range(n):
        sigma, before, high, low, last = np.sqrt(variance), level, 0.0, 1e18, 0.0
        for k in range(12):
            level += sigma / np.sqrt(12) * np.random.randn() - 0.5 * variance / 12
            last = max(0.01, np.round(np.exp(level) / 0.01) * 0.01)
            high, low = max(high, last), min(low, last)
            if k == 0:
                rows[i, 0] = last
        rows[i, 1], rows[i, 2], rows[i, 3] = high, low, last
        noise = 10 * np.exp(0.5 * np.random.randn()) * (sigma / 4e-4)
        rows[i, 4] = np.round(noise * 1000) / 1000
        moved = level - before
        variance = 0.02 * floor + 0.08 * moved * moved + 0.90 * variance
    return rows


def load(path, count):
    """BAR rows."""
    table = np.load(path)[:count] if path else np.round(garch_bars(count, 7), 3)
    table[:, :4] = np.round(table[:, :4], 2)
    bars = np.zeros(len(table), BAR)
    for i, name in enumerate(("open", "high", "low", "close", "volume")):
        bars[name] = table[:, i]
    bars["ts_open"] = START + np.arange(len(bars)) * MINUTE
    bars["ts_event"] = bars["ts_init"] = bars["ts_open"] + MINUTE
    return bars


def timed(function):
    start = time.perf_counter()
    found = function()
    return time.perf_counter() - start, found


def w1(bars, fill, repeat):
    start = time.perf_counter()
    data = prepare(bars)
    prepared = time.perf_counter() - start
    opens, closes = bars["open"].copy(), bars["close"].copy()
    settings, at_close = Settings(fill=fill), fill == "close"
    first, result = timed(lambda: run(STRATEGY, None, data, settings))
    bare(opens, closes, 10, 20, FEE, at_close)
    ours, limit = [], []
    for _ in range(repeat):
        taken, result = timed(lambda: run(STRATEGY, None, data, settings))
        ours.append(taken)
        taken, (pnl, fills) = timed(lambda: bare(opens, closes, 10, 20, FEE, at_close))
        limit.append(taken)
    count, mine, theirs = len(bars), statistics.median(ours), statistics.median(limit)
    got = result.final_equity - 10_000.0
    return {
        "fill": fill,
        "bars": count,
        "rate": count / mine,
        "limit": count / theirs,
        "ratio_to_limit": theirs / mine,
        "fills": len(result.fills),
        "pnl": round(got, 6),
        "equal": bool(len(result.fills) == fills and abs(got - pnl) < 1e-6),
        "prepare_s": prepared,
        "first_run_s": first,
    }


def w2(bars, repeat):
    grid = np.zeros(1000, Params.dtype())
    grid["fast"] = np.repeat(np.arange(5, 55, 2), 40)
    grid["slow"] = np.tile(np.arange(60, 260, 5), 25)
    grid["quantity"] = 1.0
    data = prepare(bars[:100_000])
    opens, closes = data.joined["open"].copy(), data.joined["close"].copy()
    settings = Settings()
    pairs = list(zip(grid["fast"].tolist(), grid["slow"].tolist(), strict=True))
    run_many(STRATEGY, grid[:2], data, settings)
    bare(opens, closes, 10, 20, FEE, False)

    def limit():
        return [bare(opens, closes, fast, slow, FEE, False) for fast, slow in pairs]

    ours, theirs = [], []
    for _ in range(repeat):
        taken, table = timed(lambda: run_many(STRATEGY, grid, data, settings))
        ours.append(taken)
        taken, found = timed(limit)
        theirs.append(taken)
    mine, best = statistics.median(ours), statistics.median(theirs)
    pnl, fills = np.array(found).T
    return {
        "combos_per_s": 1000 / mine,
        "limit": 1000 / best,
        "ratio_to_limit": best / mine,
        "equal": bool((table["fills"] == fills).all() and np.allclose(table["pnl"], pnl)),
    }


def linear(repeat):
    """Ten times the bars: how many times the time, and what memory grows by in later runs."""
    times, grown = [], []
    settings = Settings(initial_balance=1e6)
    for count in (1_000_000, 10_000_000):
        data = prepare(load(None, count))
        for _ in range(2):
            run(STRATEGY, None, data, settings)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        taken = [timed(lambda d=data: run(STRATEGY, None, d, settings))[0] for _ in range(repeat)]
        times.append(statistics.median(taken))
        grown.append((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10)
    return {"seconds": times, "ratio": times[1] / times[0], "grown_mib": grown}


def main():
    asked = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    asked.add_argument("--json", action="store_true")
    asked.add_argument("--repeat", type=int, default=7)
    asked.add_argument("--bars", help="(n, 5) array of open, high, low, close, volume")
    asked.add_argument("--linear", action="store_true", help="also 10 M bars")
    asked.add_argument("--only-linear", action="store_true", help="nothing but that")
    given = asked.parse_args()
    if given.only_linear:
        print(json.dumps(linear(given.repeat)))
        return
    bars = load(given.bars, 1_000_000)
    head = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    out = {
        "commit": head.stdout.strip(),
        "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores",
        "w1": w1(bars, "next_open", given.repeat),
        "w1_close": w1(bars, "close", given.repeat),
        "w2": w2(bars, max(3, given.repeat // 2)),
    }
    if given.linear:
        out["linear"] = linear(3)
    if given.json:
        print(json.dumps(out))
        return
    for name, found in out.items():
        print(name, found)


if __name__ == "__main__":
    main()
