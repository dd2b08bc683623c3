"""A report of a year of minute bars: `python benchmarks/report.py [--bars N] [--runs N] [--json]`.

The whole command from the shell, `manta report RUN`, with the interpreter's start: seconds and
bytes of the page. The run is a backtest of trend_following over a random walk (seed 17), kept in a
temporary folder.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import strategies
from messages.arrays import BAR, Rows
from research.statistics import performance_of
from scenarios.backtest_folder import save
from trading import backtest
from trading.strategy import CompiledStrategy

START_NS = 1_704_067_200_000_000_000
MINUTE_NS = 60_000_000_000
LIMIT_S = 5.0


def market(count: int) -> Rows:
    """A random walk of minute bars."""
    rng = np.random.default_rng(17)
    bars = np.zeros(count, BAR)
    bars["ts_open"] = START_NS + np.arange(count) * MINUTE_NS
    bars["ts_event"] = bars["ts_init"] = bars["ts_open"] + MINUTE_NS
    bars["close"] = np.round(40_000.0 * np.exp(np.cumsum(rng.normal(0.0, 5e-4, count))), 2)
    bars["open"] = np.concatenate(([40_000.0], bars["close"][:-1]))
    bars["high"] = np.maximum(bars["open"], bars["close"])
    bars["low"] = np.minimum(bars["open"], bars["close"])
    bars["volume"] = 10.0
    return bars


def measure(bars: int, runs: int) -> dict[str, Any]:
    """Seconds of each command, and what it made."""
    strategy = strategies.load("trend_following")
    assert isinstance(strategy, CompiledStrategy), "it is built in"
    with tempfile.TemporaryDirectory() as home:
        result = backtest.run(strategy, {}, market(bars))
        save(result, performance_of(result), Path(home) / "year")
        command = [sys.executable, "-m", "scenarios.cli", "report", "year", "--runs-dir", home]
        seconds = []
        for _ in range(runs + 1):
            start = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            seconds.append(time.perf_counter() - start)
        size = (Path(home) / "year" / "report.html").stat().st_size
    return {
        "bars": bars,
        "fills": len(result.fills),
        "trades": len(result.trades),
        "report_s": round(statistics.median(seconds[1:]), 3),
        "first_s": round(seconds[0], 3),
        "runs_s": [round(s, 3) for s in seconds[1:]],
        "page_bytes": size,
        "limit_s": LIMIT_S,
        "within": statistics.median(seconds[1:]) <= LIMIT_S,
    }


def main() -> int:
    """Print what was measured; 1 if it took too long."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bars", type=int, default=525_600)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = measure(given.bars, given.runs)
    if given.json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            print(f"{name:12} {value}")
    return 0 if found["within"] else 1


if __name__ == "__main__":
    sys.exit(main())
