"""Kill -9 actors and supervisors of a trading system at random moments, and count what it costs.

    python benchmarks/kills.py [--kills 30] [--seed 1] [--json]

Starts `manta run quickstart` in a process of its own, waits until it trades, then kills one process
after another (each kind of actor and supervisor in turn, in random order, at random moments), and
waits for the summary: every fill of the venue's ledger must be in our books, no client order id may
have reached the venue twice. Prints the time from the death being seen to the successor serving,
and from the SIGKILL to the successor serving as a second terminal sees it.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("RAY_AUTH_MODE", "disabled")  # before Ray is imported, here and below
from scenarios.connect import Connected, connect

ROUND = (
    "feed",
    "strategy-MAKER",
    "risk",
    "orders",
    "reconciler",
    "strategy-TREND",
    "journal",
    "strategies",
)
_START_S = 60.0
_BACK_S = 15.0
_LOOK_S = 0.03  # looking costs processor time that the restart needs


def main(arguments: Sequence[str]) -> int:
    """0 if nothing was lost or doubled."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs-dir", help="keep the run's folder here")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    rng = np.random.default_rng(options.seed)
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.runs_dir or scratch
        runs = Path(folder)
        runs.mkdir(parents=True, exist_ok=True)
        duration_s = options.kills * 2.5 + 10
        command = [sys.executable, "-m", "scenarios.cli", "run", "quickstart", "--json"]
        command += ["--runs-dir", folder, "--duration", str(duration_s)]
        with (runs / "summary.json").open("w+") as out:
            system = subprocess.Popen(command, stdout=out)
            kills = _kill(_connected(runs), options.kills, rng)
            system.wait()
            out.seek(0)
            summary = json.loads(out.read())
    report = _report(kills, summary)
    print(json.dumps(report, indent=2) if options.json else _text(report))
    return 0 if report["lost_or_doubled"] == 0 and system.returncode == 0 else 1


def _connected(runs: Path) -> Connected:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        found = [p for p in runs.iterdir() if (p / "system.json").is_file()]
        if found:
            system = connect(found[0])
            while time.monotonic() < deadline:
                if system.status()["fills"]:
                    return system
                time.sleep(0.5)
        time.sleep(0.2)
    raise TimeoutError("the system did not trade in time")


def _kill(system: Connected, count: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    done: list[dict[str, Any]] = []
    names: list[str] = []
    while len(done) < count:
        names = names or [str(n) for n in rng.permutation(ROUND)]
        name = names.pop()
        time.sleep(float(rng.uniform(0.2, 1.5)))
        before = _row(system, name)
        os.kill(before["pid"], signal.SIGKILL)
        killed = time.monotonic()
        while time.monotonic() - killed < _BACK_S:
            row = _row(system, name)
            if row["incarnation"] > before["incarnation"] and row["state"] == "serving":
                break
            time.sleep(_LOOK_S)
        seen_ms = (time.monotonic() - killed) * 1000
        kill = {"actor": name, "kind": before["class"], "seen_ms": round(seen_ms, 1)}
        done.append(kill | {"incarnation": before["incarnation"] + 1})
    _add_recoveries(system, done)
    return done


def _add_recoveries(system: Connected, kills: list[dict[str, Any]]) -> None:
    """What the root counted for each kill; of the last one it hears after the actor serves."""
    deadline = time.monotonic() + _BACK_S
    while time.monotonic() < deadline and any("serve_ms" not in kill for kill in kills):
        counted = {(r["actor"], r["incarnation"]): r for r in system.tree()["recoveries"]}
        for kill in kills:
            if recovery := counted.get((kill["actor"], kill["incarnation"])):
                kill["serve_ms"] = round(recovery["serve_ms"], 1)
        time.sleep(_LOOK_S)


def _row(system: Connected, name: str) -> dict[str, Any]:
    """The actor's row; while its own supervisor is away, nobody can say anything of it.

    raises  TimeoutError if nobody can for longer than any supervisor may be away
    """
    deadline = time.monotonic() + _BACK_S
    while time.monotonic() < deadline:
        for row in system.actors():
            if row["name"] == name:
                return row
        time.sleep(_LOOK_S)
    raise TimeoutError(f"{name} is not in the tree, or its supervisor does not come back")


def _report(kills: list[dict[str, Any]], summary: dict[str, Any]) -> dict[str, Any]:
    seen = [k["seen_ms"] for k in kills]
    served = [k["serve_ms"] for k in kills if "serve_ms" in k] or [float("nan")]
    ledger = summary["ledger"]
    wrong = sum(len(ledger[k]) for k in ("lost", "invented", "differing"))
    return {
        "kills": len(kills),
        "by_kind": {
            kind: sorted(k["seen_ms"] for k in kills if k["kind"] == kind)
            for kind in sorted({k["kind"] for k in kills})
        },
        "seen_ms": {f"p{p}": round(float(np.percentile(seen, p)), 1) for p in (50, 95, 99)},
        "serve_ms": {f"p{p}": round(float(np.percentile(served, p)), 1) for p in (50, 95, 99)},
        "lost_or_doubled": wrong + len(ledger["duplicate_client_order_ids"]),
        "fills": ledger["fills"],
        "restarts": summary["restarts"],
        "discrepancies": summary["discrepancies"],
        "ledger_equal": ledger["equal"],
    }


def _text(report: dict[str, Any]) -> str:
    lines = [f"{k}: {v}" for k, v in report.items() if k != "by_kind"]
    lines += [
        f"  {kind:14} {' '.join(f'{ms:.0f}' for ms in times)} ms"
        for kind, times in report["by_kind"].items()
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
