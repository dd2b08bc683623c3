"""A day of market data in a minute and a half: does anything grow?

    python benchmarks/soak.py [--hours 24] [--speed 1000] [--rate 12000] [--json]
    python benchmarks/soak.py --hours 8    # the short version, three quarters of a minute

Runs the whole system (feed with its recorder, risk, order manager, reconciler, journal, a trend
strategy, the simulator, supervision). The feed follows a source whose time runs `speed` times as
fast: Binance's depth, trades and quotes of two markets, `rate` depth frames a wall second, so
rate / speed a second of the market; a trade and a quote after every tenth. The strategy trades on
bars of a minute.

For each process: private memory (RssAnon) at the end of the warm-up (a third of the run) and at the
end, and the slope between them by least squares, in MiB an hour of the market. `grows` names those
whose slope is above --most (1 MiB an hour); exit code 1 if there are any.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("RAY_AUTH_MODE", "disabled")  # before Ray is imported
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))

from actors.connection import BACKOFF
from actors.feed import Feed
from scenarios import run as system
from scenarios.spec import load
from trading.machine import Machine
from venues.net.http import Http
from venues.net.market import MarketStreams
from venues.net.questions import Questions
from venues.net.socket import SocketConfig

PORT_FILE: Final = "MANTA_SOAK_PORT"  # the environment variable that names it
SYMBOLS: Final = "BTCUSDT,ETHUSDT"
_WARM: Final = 1 / 3  # of the run: buffers of the recorder and allocators reach their size in it
_EVERY_S: Final = 2.0
_MIB: Final = 2**20
_LEVELS: Final = 16
_ENOUGH: Final = 3


class Day(Feed):
    """A feed whose market data come from the source; orders go to the run's simulator."""

    async def open(self) -> Machine[Any]:
        machine = await super().open()
        port = Path(os.environ[PORT_FILE]).read_text()
        self._access = replace(self._access, http=Http(f"http://127.0.0.1:{port}"))
        self._questions = Questions(self._access)
        self._streams = MarketStreams(
            self._access.adapter,
            SocketConfig(f"ws://127.0.0.1:{port}", backoff=BACKOFF),
            self._access.instruments,
            self.clock.now_ns,
            np.random.default_rng(7),
        )
        return machine


class Sampler:
    """Private memory of the run's processes now and then, by the name of the actor."""

    def __init__(self) -> None:
        self.samples: dict[str, list[tuple[float, float]]] = defaultdict(list)
        self.events: list[tuple[float, int]] = []
        self._next_s = 0.0

    def look(self, shown: dict[str, Any]) -> None:
        """Called with the view of the run, several times a second."""
        now_s = time.monotonic()
        if now_s < self._next_s:
            return
        self._next_s = now_s + _EVERY_S
        self.events.append((now_s, shown["events"]))
        actors = {row.get("pid"): row["name"] for row in shown["actors"]}
        for pid in descendants(os.getpid()):
            name = actors.get(pid) or _command(pid)
            size = private(pid)
            if name and size:
                self.samples[name].append((now_s, size / _MIB))


def descendants(root: int) -> list[int]:
    """Processes below `root`, itself among them."""
    children: dict[int, list[int]] = defaultdict(list)
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words = (path / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
        children[int(words[1])].append(int(path.name))
    found = [root]
    for pid in found:
        found += children[pid]
    return found


def private(pid: int) -> int:
    """Bytes of anonymous memory; 0 for a process that has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(x.split()[1]) * 1024 for x in lines if x.startswith("RssAnon")), 0)


def _command(pid: int) -> str:
    """A name for what is no actor; "" for workers that only wait for work."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return ""
    if pid == os.getpid():
        return "driver"
    text = b" ".join(words).decode(errors="replace")
    for part in ("gcs_server", "raylet/raylet", "simulator", "feed_source"):
        if part in text:
            return part.rpartition("/")[2]
    return ""


def measure(said: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """One run."""
    seconds = said.hours * 3600 / said.speed
    port_file = folder / "port"
    words = [
        "BINANCE", f"--port-file={port_file}", f"--times={folder / 'times.npy'}",
        f"--rate={said.rate}", f"--seconds={seconds}", f"--symbols={SYMBOLS}",
        f"--levels={_LEVELS}", f"--speed={said.speed}", "--trades=10",
    ]  # fmt: skip
    script = str(Path(__file__).with_name("feed_source.py"))
    source = subprocess.Popen([sys.executable, script, *words], stdin=subprocess.PIPE)
    os.environ[PORT_FILE] = str(port_file)
    while not port_file.exists() and source.poll() is None:
        time.sleep(0.02)
    spec = load("quickstart", [f"duration_s={seconds + 2}"])
    feed = spec.feed.model_copy(update={"bar_intervals_s": (60,), "record": said.record})
    one = spec.strategies[:1]
    sampler = Sampler()
    try:
        system.run(
            spec.model_copy(update={"feed": feed, "strategies": one}),
            runs_dir=folder,
            on_progress=sampler.look,
            feed="benchmarks.soak:Day",
        )
    finally:
        source.communicate(b"")
    sent = np.load(folder / "times.npy")
    hour_s = 3600 / said.speed
    rows = {name: grown(x, said.hours, hour_s) for name, x in sorted(sampler.samples.items())}
    slopes = {name: row["mib_per_hour"] for name, row in rows.items() if row}
    return {
        "market_hours": said.hours,
        "depth_frames": int(sent[:, 1].sum()),
        "rows_heard": sampler.events[-1][1] if sampler.events else 0,
        "processes": rows,
        "feed_mib": [round(size, 1) for _, size in sampler.samples["feed"]],
        "grows": sorted(name for name, slope in slopes.items() if slope > said.most),
    }


def grown(samples: list[tuple[float, float]], hours: float, hour_s: float) -> dict[str, float]:
    """{} without enough samples after the warm-up."""
    at, size = np.array(samples).T
    passed = (at - at[0]) / hour_s
    after = passed >= _WARM * hours
    if after.sum() < _ENOUGH:
        return {}
    slope = float(np.polyfit(passed[after], size[after], 1)[0])
    warm, last = float(size[after][0]), float(size[after][-1])
    return {
        "warm_mib": round(warm, 1),
        "end_mib": round(last, 1),
        "mib_per_hour": round(slope, 3),
    }


def main() -> int:
    """Measure and print; 1 if something grew."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--hours", type=float, default=24.0, help="of the market")
    parser.add_argument("--speed", type=float, default=1000.0, help="market seconds a second")
    parser.add_argument("--rate", type=float, default=12_000, help="depth frames a wall second")
    parser.add_argument("--most", type=float, default=1.0, help="MiB an hour of the market")
    parser.add_argument("--record", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--json", action="store_true")
    said = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = measure(said, Path(folder))
    if said.json:
        print(json.dumps(report))
    else:
        for name, value in report.items():
            rows = value.items() if isinstance(value, dict) else [("", value)]
            print("\n".join(f"{name} {key} {row}" for key, row in rows))
    if report["grows"]:
        print(f"soak: memory grows: {', '.join(report['grows'])}", file=sys.stderr)
    return int(bool(report["grows"]))


if __name__ == "__main__":
    sys.exit(main())
