"""W2: 1,000 combinations x 100,000 bars on Ray, beside a bare numba loop.

    python benchmarks/w2_sweep.py [--runs 5] [--linear] [--command] [--json]

An EMA cross, long or flat, one unit, market orders at the next open, 0.1 % fee; fast in
range(5, 55, 2), slow in range(60, 260, 5). In one process run, medians of `--runs`:

  limit       combinations a second of a compiled loop that does nothing else, on one core
  engine      of `trading.backtest.run_many`, in this process
  ray         of the sweep's own pool with one worker and with two, once they are warm
  efficiency  two workers / one
  linear      (--linear) time of 10,000 combinations / time of 1,000, and private memory of workers
  command     (--command) the whole of `manta sweep` from the shell, with an empty compiler cache

What starting costs stands apart: start_s (Ray), compile_s (or load, if it is cached), warm_s.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[1]
os.environ.setdefault("NUMBA_CACHE_DIR", str(_ROOT / "runs" / ".cache" / "numba"))
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")]))
os.environ.setdefault("RAY_AUTH_MODE", "disabled")  # before Ray is imported
import numpy as np
from numba import njit

from messages.arrays import BAR, Rows
from research.space import parse
from scenarios.sweep_cluster import Pool
from scenarios.sweep_ray import Compiling, start_ray, stop_ray
from scenarios.sweep_spec import Records, describe, load_strategy, params_of
from scenarios.sweep_worker import Setup

BARS = 100_000
SPACE = "fast=5:53:2,slow=60:255:5"
MINUTE_NS = 60_000_000_000
FEE = 0.001
CASH = 1_000_000.0
STRATEGY = str(Path(__file__).with_name("w2_cross.py")) + ":CROSS"


def market(count: int = BARS, seed: int = 7) -> Rows:
    """Minute bars of a random walk with changing volatility, in ticks of 0.01."""
    rng = np.random.default_rng(seed)
    deviation = 4e-4 * np.exp(0.3 * rng.normal(size=count))
    bars = np.zeros(count, BAR)
    bars["ts_open"] = 1_704_067_200_000_000_000 + np.arange(count) * MINUTE_NS
    bars["ts_event"] = bars["ts_init"] = bars["ts_open"] + MINUTE_NS
    close = np.round(100.0 * np.exp(np.cumsum(rng.normal(0.0, deviation))), 2)
    bars["close"] = close
    bars["open"] = np.round(np.r_[100.0, close[:-1]] + 0.01 * rng.integers(-1, 2, count), 2)
    bars["high"] = np.maximum(bars["open"], close) + 0.01
    bars["low"] = np.minimum(bars["open"], close) - 0.01
    bars["volume"] = np.round(rng.exponential(10.0, count), 3)
    bars.flags.writeable = False
    return bars


@njit
def bare(opens: Any, closes: Any, fast: int, slow: int) -> tuple[float, int]:
    """The same trades with nothing around them: (final PnL, fills)."""
    a = 2.0 / (fast + 1.0)
    b = 2.0 / (slow + 1.0)
    x = y = closes[0]
    cash = position = 0.0
    wanted = 0
    fills = 0
    for i in range(len(closes)):
        if wanted != 0:
            cash -= wanted * opens[i] + opens[i] * FEE
            position += wanted
            fills += 1
            wanted = 0
        if i > 0:
            x += (closes[i] - x) * a
            y += (closes[i] - y) * b
        if i + 1 >= slow:
            if x > y and position == 0.0:
                wanted = 1
            elif x < y and position > 0.0:
                wanted = -1
    return cash + position * closes[-1], fills


def seconds(work: Callable[[], object], runs: int) -> float:
    """Median."""
    found = []
    for _ in range(runs):
        begun = time.perf_counter()
        work()
        found.append(time.perf_counter() - begun)
    return statistics.median(found)


def steady(pool: Pool, params: Rows, runs: int) -> float:
    """Seconds for all combinations, once the workers have seen them."""
    trials = np.arange(len(params))
    for _ in pool.metrics(trials, params, BARS):
        pass
    return seconds(lambda: list(pool.metrics(trials, params, BARS)), runs)


def measure(runs: int, linear: bool) -> dict[str, Any]:
    """All but the command."""
    bars, space = market(), parse(SPACE)
    spec = describe(
        bars, strategy=STRATEGY, data="w2", space=SPACE, method="grid", trials=None,
        settings={"taker_fee": FEE, "maker_fee": FEE, "initial_balance": CASH},
    )  # fmt: skip
    params, _ = Records(params_of(load_strategy(spec.source)), space, {})(space.grid())
    opens, closes = bars["open"].copy(), bars["close"].copy()
    bare(opens[:10], closes[:10], 2, 3)
    expected = [bare(opens, closes, int(p["fast"]), int(p["slow"])) for p in params]
    limit_s = seconds(
        lambda: [bare(opens, closes, int(p["fast"]), int(p["slow"])) for p in params], runs
    )

    begun = time.perf_counter()
    setup = Setup("scenarios.sweep_engine:make", spec.source, json.dumps(spec.settings))
    compiling = Compiling(setup, params[:1], bars)
    alone = start_ray(setup, compiling, None, 1)
    start_s = time.perf_counter() - begun
    engine, data = compiling.engine, compiling.data
    rows = engine.metrics(params, data, BARS)
    fills_equal = [int(f) for _, f in expected] == rows["fills"].tolist()
    error = float(np.abs(np.array([p for p, _ in expected]) - rows["pnl"]).max())
    engine_s = seconds(lambda: engine.metrics(params, data, BARS), runs)
    begun = time.perf_counter()
    alone.warm(params, 64)
    warm_s = time.perf_counter() - begun
    # A Ray of its own for each number of workers: a larger one would run more at once.
    ray_s = {1: steady(alone, params, runs)}
    stop_ray()
    first = start_ray(setup, compiling, None, 2)
    first.warm(params, 64)
    ray_s[2] = steady(first, params, runs)
    limit, count = len(params) / limit_s, len(params)
    found: dict[str, Any] = {
        "bars": BARS,
        "combinations": count,
        "limit": limit,
        "engine": count / engine_s,
        "ray_1": count / ray_s[1],
        "combos_per_s": count / ray_s[2],
        "efficiency": ray_s[1] / ray_s[2],
        "ratio_to_limit_per_core": count / ray_s[2] / 2.0 / limit,
        "fills_equal": fills_equal,
        "pnl_error_max": error,
        "start_s": start_s,
        "compile_s": compiling.seconds,
        "warm_s": warm_s,
    }
    if linear:
        many = np.tile(params, 10)
        ten_s = seconds(lambda: list(first.metrics(np.arange(len(many)), many, BARS)), 3)
        found["linear_10"] = ten_s / ray_s[2]
    seen = [w for w in first.seen.values() if w.tasks > 5]
    found["private_mib"] = [[w.private_kib_first >> 10, w.private_kib_max >> 10] for w in seen]
    found["data_mib"] = bars.nbytes >> 20
    stop_ray()
    return found


def command() -> float:
    """Seconds of the whole command in a shell, cold."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "W2-1m.csv"
        columns = ("open", "high", "low", "close", "volume")
        lines = ["timestamp," + ",".join(columns)]
        for row in market():
            values = ",".join(f"{row[c]:.3f}" for c in columns)
            lines.append(f"{row['ts_open'] // 1_000_000},{values}")
        path.write_text("\n".join(lines) + "\n")
        environment = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"}
        options = ["--strategy", STRATEGY, "--data", str(path), "--space", SPACE, "--json"]
        balance = ["--set", f"initial_balance={CASH:.0f}", "--runs-dir", str(folder / "runs")]
        begun = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "scenarios.cli", "sweep", *options, *balance],
            env=environment, check=True, capture_output=True, cwd=_ROOT,
        )  # fmt: skip
        took = time.perf_counter() - begun
        assert json.loads(done.stdout)["trials"] == 1000
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--linear", action="store_true")
    parser.add_argument("--command", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(options.runs, options.linear)
    if options.command:
        found["command_s"] = command()
    if options.json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            print(f"{name:26} {value:.4g}" if isinstance(value, float) else f"{name:26} {value}")


if __name__ == "__main__":
    main()
