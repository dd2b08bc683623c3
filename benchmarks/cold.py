"""What the first start costs: a process with an empty compiler cache, and those that come after it.

    python benchmarks/cold.py [--runs 3] [--json]

  empty     nothing is compiled: the engine and the strategy
  strategy  the engine is on disk, the strategy is new: what every new strategy costs
  again     both are on disk

Each is a process of its own that runs 1,000 bars. `cpu_s` and `wall_s` are of the whole process,
`compile_s` is processor time without Python's imports and numba's own start.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
_CASES = (("empty", "trend_following"), ("strategy", "mean_reversion"), ("again", "mean_reversion"))


def _nothing() -> None:
    pass


def child(name: str) -> None:
    """One cold run of a built-in strategy; prints its figures."""
    import numpy as np  # noqa: PLC0415 - what is imported is measured
    from numba import njit  # noqa: PLC0415

    from messages.arrays import BAR  # noqa: PLC0415
    from strategies import load  # noqa: PLC0415
    from trading.backtest import prepare, run  # noqa: PLC0415

    rows = np.zeros(1000, BAR)
    rows["ts_open"] = 60_000_000_000 * np.arange(1000)
    rows["ts_event"] = rows["ts_init"] = rows["ts_open"] + 60_000_000_000
    for column in ("open", "high", "low", "close"):
        rows[column] = 100.0 + np.arange(1000) % 7
    data, strategy = prepare(rows), load(name)
    njit(_nothing)()  # numba's own start
    begun = time.process_time()
    run(strategy, None, data)
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
                    [sys.executable, __file__, "--child", name],
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
    parser.add_argument("--child")
    said = parser.parse_args()
    if said.child:
        child(said.child)
        return
    found = measure(said.runs)
    print(json.dumps(found) if said.json else "\n".join(f"{k:10}{v}" for k, v in found.items()))


if __name__ == "__main__":
    main()
