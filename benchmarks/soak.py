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
whose slope is above --most (1 MiB an hour); `deaf` says that the feed heard less than nine tenths
of the rows that were sent. Exit code 1 in both cases.
"""

import argparse
import json
import os
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
# Actors import this file too, as `benchmarks.soak`, and it what stands beside it.
_PATHS = (str(ROOT), str(ROOT / "benchmarks"), os.environ.get("PYTHONPATH"))
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, _PATHS))

from feed_source import start

from actors.connection import BACKOFF
from actors.feed import Feed
from scenarios import run as system
from scenarios.spec import load
from trading.machine import Machine
from venues.net.http import Http
from venues.net.lag import Lag
from venues.net.market import MarketStreams
from venues.net.questions import Questions
from venues.net.socket import SocketConfig

PORT: Final = "MANTA_SOAK_PORT"  # the environment variable that has the source's
SYMBOLS: Final = "BTCUSDT,ETHUSDT"
_WARM: Final = 1 / 3  # of the run: buffers of the recorder and allocators reach their size in it
_EVERY_S: Final = 2.0
_MIB: Final = 2**20
_LEVELS: Final = 16
_ENOUGH: Final = 3
_LONGER_S: Final = 60.0  # than the run: the source sends until its reader goes
_HEARD: Final = 0.9  # of what was sent: less, and the run says nothing about memory


class Day(Feed):
    """A feed whose market data come from the source; orders go to the run's simulator."""

    async def open(self) -> Machine[Any]:
        machine = await super().open()
        port = os.environ[PORT]
        self._access = replace(self._access, http=Http(f"http://127.0.0.1:{port}"))
        self._questions = Questions(self._access)
        self._streams = MarketStreams(
            self._access.adapter,
            SocketConfig(f"ws://127.0.0.1:{port}", backoff=BACKOFF),
            self._access.instruments,
            self.clock.now_ns,
            np.random.default_rng(7),
        )
        for stream in self._streams.routes.values():  # its clock runs away from ours, by intention
            stream.lag = Lag(late_ns=sys.maxsize)
        return machine


class Sampler:
    """Private memory of the run's processes now and then, by the name of the actor."""

    def __init__(self) -> None:
        self.samples: dict[str, list[tuple[float, float]]] = defaultdict(list)
        self.events = 0
        self._next_s = 0.0

    def look(self, shown: dict[str, Any]) -> None:
        """Called with the view of the run, several times a second."""
        now_s = time.monotonic()
        self.events = max(self.events, shown["events"])  # a feed that has ended says 0
        if now_s < self._next_s:
            return
        self._next_s = now_s + _EVERY_S
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
    spec = load("quickstart", [f"duration_s={seconds + 2}"])
    feed = spec.feed.model_copy(update={"bar_intervals_s": (60,), "record": said.record})
    one = spec.strategies[:1]
    times = folder / "times.npy"
    source, port = start(
        "BINANCE", times=times, rate=said.rate, seconds=seconds + _LONGER_S, symbols=SYMBOLS,
        levels=_LEVELS, speed=said.speed, trades=10,
    )  # fmt: skip
    os.environ[PORT] = str(port)
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
    sent = np.load(times)
    hour_s = 3600 / said.speed
    rows = {name: grown(x, said.hours, hour_s) for name, x in sorted(sampler.samples.items())}
    slopes = {name: row["mib_per_hour"] for name, row in rows.items() if row}
    frames = int(sent[:, 1].sum())
    return {
        "market_hours": said.hours,
        "depth_frames": frames,
        "rows_heard": sampler.events,
        "deaf": sampler.events < _HEARD * frames * _LEVELS,
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
    if report["deaf"]:
        heard, sent = report["rows_heard"], report["depth_frames"] * _LEVELS
        print(f"soak: {heard:,} rows heard of {sent:,} changed levels sent", file=sys.stderr)
    return int(bool(report["grows"]) or report["deaf"])


if __name__ == "__main__":
    sys.exit(main())
