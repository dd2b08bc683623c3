"""W7, a CSV of 10 M trades: `python benchmarks/w7_csv.py [--csv FILE] [--runs N] [--json]`.

Imports the file into a catalogue and verifies the catalogue, and beside it, alternating in the same
process, reads the same file with polars' streaming engine: the ratio is what the import of a file
costs over reading it. Peak memory is that of the process before polars has read the whole file.
Without --csv a file is made (seed 17) in a temporary folder.
"""

import argparse
import json
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from journal.data.checking import check
from journal.data.importing import Request, import_file
from journal.data.series import all_series

T0_MS = 1_704_067_200_000


def make(path: Path, rows: int) -> None:
    """Trades of some days, as an exchange would list them."""
    rng = np.random.default_rng(17)
    columns = {
        "id": np.arange(1, rows + 1),
        "price": np.round(100 * np.exp(np.cumsum(rng.normal(0, 1e-5, rows))), 2),
        "qty": np.round(rng.exponential(0.5, rows), 5) + 0.00001,
        "time": T0_MS + np.cumsum(rng.integers(0, 200, rows)),
        "is_buyer_maker": rng.random(rows) < 0.5,
    }
    pl.DataFrame(columns).write_csv(path, float_precision=5)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of one call, and what it gave."""
    start = time.perf_counter()
    done = work()
    return time.perf_counter() - start, done


def measure(csv: Path, root: Path, runs: int) -> dict[str, Any]:
    """Medians over the runs, after one of each that does not count."""
    imports, verifies, reads = [], [], []
    peak_mb = 0.0
    for run in range(runs + 1):
        shutil.rmtree(root, ignore_errors=True)
        import_s, report = timed(lambda: import_file(root, csv, Request(instrument="BTCUSDT")))
        verify_s, checked = timed(lambda: [check(root, s) for s in all_series(root)])
        if any(c.findings for c in checked):
            raise SystemExit(f"the catalogue is not sound: {checked[0].findings[0]}")
        if run == 0:
            peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        read_s, frame = timed(lambda: pl.scan_csv(csv).collect(engine="streaming"))
        if run:
            imports.append(import_s)
            verifies.append(verify_s)
            reads.append(read_s)
    rows = report.rows + report.wrong
    if rows != frame.height:
        raise SystemExit(f"{rows} rows imported or told as wrong, {frame.height} are in the file")
    ours_s, theirs_s = statistics.median(imports) + statistics.median(verifies), reads
    return {
        "rows": rows,
        "wrong": report.wrong,
        "import_s": round(statistics.median(imports), 3),
        "verify_s": round(statistics.median(verifies), 3),
        "rate": round(rows / ours_s),
        "polars_streaming_rate": round(rows / statistics.median(theirs_s)),
        "ratio": round(statistics.median(theirs_s) / ours_s, 3),
        "peak_rss_mb": round(peak_mb),
        "runs": runs,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    said = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="manta-w7-") as folder:
        csv = said.csv
        if csv is None:
            csv = Path(folder) / "trades.csv"
            make(csv, said.rows)
        found = measure(csv, Path(folder) / "data", said.runs)
    if said.json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            print(f"{name:24} {value}", file=sys.stdout)


if __name__ == "__main__":
    main()
