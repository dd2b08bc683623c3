"""Benchmarks beside the peers, in one run on this machine: `manta bench`, or

    python benchmarks/bench.py [WORKLOAD ...] [--no-peers] [--runs 5] [--json] [--data FOLDER]

w1  1 M one-minute bars, an EMA cross with fees, compiled and on the Python contract
w1_python   the second half of w1, beside the peers with strategies in Python
w2  1,000 combinations x 100,000 bars on Ray, one worker and two
w3  2 M trades and quotes, a quoting strategy with latency and a queue
w4  1 M changes of a book
w5  indicators over 1 M bars
w7  a CSV of 10 M rows, imported and verified
decode  a frame of each venue, and a change of its book
feed    one feed actor a venue: the most it carries, and 20,000 depth messages a second
soak    a day of market data at 1,000 times its speed: what grows
cold    the first compile of the engine, of a strategy, and a start after it
linear  ten times the bars, and ten times the combinations: how many times the time

Figures are medians; progress is on stderr; a peer that cannot be measured is told with its reason.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("NUMBA_CACHE_DIR", str(ROOT / "runs" / ".cache" / "numba"))
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))

import bench_w1
import data

WORKLOADS = (
    "w1",
    "w1_python",
    "w2",
    "w3",
    "w4",
    "w5",
    "w7",
    "decode",
    "feed",
    "soak",
    "cold",
    "linear",
)
_HERE = Path(__file__).resolve().parent


def identity() -> dict[str, Any]:
    """Machine, versions and commit: what a figure is worth nothing without."""

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", *words], capture_output=True, text=True, check=False, cwd=ROOT
        )
        return done.stdout.strip()

    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0].split(":", 1)[1].strip() if names else cpu
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 2**30, 1),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in ("numpy", "numba", "ray")},
        "commit": git("rev-parse", "--short", "HEAD"),
        "changed": bool(git("status", "--porcelain", "--untracked-files=no")),
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def script(name: str, *options: str) -> dict[str, Any]:
    """What another benchmark prints as JSON, in a process of its own; or why it failed."""
    bench_w1.note(f"{name}: under way")
    done = subprocess.run(
        [sys.executable, str(_HERE / name), *options],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        return {"failed": said[-1][:300] if said else f"exit code {done.returncode}"}
    text = done.stdout[done.stdout.index("{") :]
    found: dict[str, Any] = json.loads(text)
    return found


def measure(wanted: set[str], runs: int, peers: bool, folder: Path | None) -> dict[str, Any]:
    """The whole report."""
    report: dict[str, Any] = {"machine": identity(), "runs": runs}
    if wanted & {"w1", "w1_python", "w3", "w4"}:
        bench_w1.note("data: making what is not there yet")
        folder = data.make(folder or ROOT / "runs" / ".cache" / "bench")
        if wanted & {"w1", "w1_python"}:
            alone = "w1" not in wanted
            report |= bench_w1.measure(folder / "bars.npy", runs, peers, alone)
        if wanted & {"w3", "w4"}:
            options = [str(folder), "--runs", str(runs)]
            options += [] if peers else ["--no-peer"]
            found = script("w3_w4.py", *options)
            report |= {name: found.get(name, found) for name in ("w3", "w4") if name in wanted}
    if "w2" in wanted:
        report["w2"] = script("w2_sweep.py", "--runs", str(runs), "--json")
    if "w5" in wanted:
        report["w5"] = script("w5_indicators.py", "--json")
    if "w7" in wanted:
        report["w7"] = script("w7_csv.py", "--runs", str(runs), "--json")
    if "decode" in wanted:
        report["decode"] = script("decode.py", "--json")
    if "feed" in wanted:
        report["feed"] = script("feed_actor.py", "--json")
    if "soak" in wanted:
        report["soak"] = script("soak.py", "--json")
    if "cold" in wanted:
        report["cold"] = script("cold.py", "--runs", str(runs), "--json")
    if "linear" in wanted:
        sweep = script("w2_sweep.py", "--runs", str(runs), "--linear", "--json")
        bars = script("w1_w2.py", "--only-linear", "--repeat", str(runs))
        report["linear"] = {"bars": bars, **{n: sweep.get(n) for n in ("linear_10", "private_mib")}}
        if failed := bars.get("failed") or sweep.get("failed"):
            report["linear"]["failed"] = failed
    return report


def lines(document: dict[str, Any], indent: str = "") -> list[str]:
    """For people."""
    out = []
    for name, value in document.items():
        if isinstance(value, dict):
            out += [f"{indent}{name}", *lines(value, indent + "  ")]
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            rows = ("  ".join(f"{n} {v}" for n, v in row.items()) for row in value)
            out += [f"{indent}{name}", *(f"{indent}  {row}" for row in rows)]
        elif isinstance(value, int | float) and not isinstance(value, bool) and abs(value) >= 1e4:
            out.append(f"{indent}{name:24} {value:,.0f}")
        else:
            out.append(f"{indent}{name:24} {value}")
    return out


def main() -> int:
    """Measure and print; 1 if a workload failed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=" ".join(WORKLOADS))
    parser.add_argument("--peers", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--data", type=Path, help="where bars, quotes, trades, deltas .npy lie")
    said = parser.parse_args()
    unknown = sorted(set(said.workloads) - set(WORKLOADS))
    if unknown or said.runs < 1:
        parser.error(f"{', '.join(unknown) or '--runs'}: choose from {' '.join(WORKLOADS)}")
    report = measure(set(said.workloads or WORKLOADS), said.runs, said.peers, said.data)
    print(json.dumps(report) if said.json else "\n".join(lines(report)))
    return int(any("failed" in v for v in report.values() if isinstance(v, dict)))


if __name__ == "__main__":
    sys.exit(main())
