"""What the first start costs: a process with an empty compiler cache, and those that come after it.

    python benchmarks/cold.py [--runs 3] [--json]

  empty     nothing is compiled: the engine and the strategy
  strategy  the engine is on disk, the strategy is new: what every new strategy costs
  again     both are on disk

Each is a process of its own that runs 1,000 bars; `l2_` the same for the engine of trades, quotes
and books, which runs a few rows of them. `cpu_s` and `wall_s` are of the whole process, `compile_s`
is processor time without Python's imports and numba's own start.
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

_ROOT = Path(__file__).resolve().parents[1]
_CASES = (
    ("empty", "trend_following"),
    ("strategy", "mean_reversion"),
    ("again", "mean_reversion"),
    ("l2_empty", "trend_following"),
    ("l2_strategy", "market_making"),
    ("l2_again", "market_making"),
)


def _nothing() -> None:
    pass


def bars(name: str) -> Callable[[], object]:
    """A run on 1,000 bars."""
    import numpy as np  # noqa: PLC0415 - what is imported is measured

    from messages.arrays import BAR  # noqa: PLC0415
    from strategies import load  # noqa: PLC0415
    from trading.backtest import prepare, run  # noqa: PLC0415

    rows = np.zeros(1000, BAR)
    rows["ts_open"] = 60_000_000_000 * np.arange(1000)
    rows["ts_event"] = rows["ts_init"] = rows["ts_open"] + 60_000_000_000
    for column in ("open", "high", "low", "close"):
        rows[column] = 100.0 + np.arange(1000) % 7
    data, strategy = prepare(rows), load(name)
    return lambda: run(strategy, None, data)


def books(name: str) -> Callable[[], object]:
    """A run on a snapshot of a book, a change of it and a trade."""
    import numpy as np  # noqa: PLC0415

    from messages.arrays import DELTA, TRADE  # noqa: PLC0415
    from strategies import load  # noqa: PLC0415
    from trading.backtest_l2 import run  # noqa: PLC0415
    from trading.backtest_settings import Rules  # noqa: PLC0415
    from trading.l2_events import book_rows, merge, trade_rows  # noqa: PLC0415
    from trading.l2_settings import L2Settings  # noqa: PLC0415

    rules, ts = Rules(tick=0.1, lot=0.001), 1_704_067_200_000_000_000
    levels = [(ts, ts, side, 60_000.0 - 0.1 * side, 2.0) for side in (1, -1)]
    levels.append((ts + 10**9, ts + 10**9, 1, 59_999.9, 1.5))
    book = book_rows(0, rules, np.array(levels, DELTA), np.arange(3) < 2)
    trades = trade_rows(0, rules, np.array([(ts + 10**9, ts + 10**9, 6e4, 0.5, -1, 1)], TRADE))
    rows, strategy = merge([trades, book]), load(name)
    return lambda: run(strategy, None, rows, L2Settings(instruments=(rules,)))


def child(case: str, name: str) -> None:
    """One cold run of a built-in strategy; prints its figures."""
    from numba import njit  # noqa: PLC0415

    go = books(name) if case.startswith("l2_") else bars(name)
    njit(_nothing)()  # numba's own start
    begun = time.process_time()
    go()
    print(json.dumps({"compile_s": time.process_time() - begun, "cpu_s": time.process_time()}))


def measure(runs: int) -> dict[str, dict[str, float]]:
    """Medians of each case."""
    found: dict[str, list[dict[str, float]]] = {case: [] for case, _ in _CASES}
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as cache:
            environment = {**os.environ, "NUMBA_CACHE_DIR": cache, "PYTHONPATH": str(_ROOT)}
            for case, name in _CASES:
                begun = time.perf_counter()
                done = subprocess.run(
                    [sys.executable, __file__, "--child", case, name],
                    env=environment, check=True, capture_output=True, text=True, cwd=_ROOT,
                )  # fmt: skip
                wall = time.perf_counter() - begun
                found[case].append({**json.loads(done.stdout), "wall_s": wall})
    return {
        case: {key: round(statistics.median(one[key] for one in each), 2) for key in each[0]}
        for case, each in found.items()
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", nargs=2)
    said = parser.parse_args()
    if said.child:
        child(*said.child)
        return
    found = measure(said.runs)
    print(json.dumps(found) if said.json else "\n".join(f"{k:12}{v}" for k, v in found.items()))


if __name__ == "__main__":
    main()
