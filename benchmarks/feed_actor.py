"""What one feed actor carries: depth messages from a socket to a strategy, by venue.

    python benchmarks/feed_actor.py [--venues OKX,BYBIT] [--seconds 6] [--rate 20000] [--json]

For each venue: a source process (benchmarks/feed_source.py) sends depth frames of its wire over a
loopback WebSocket, one feed actor on Ray follows them as in any run (decoder, books, metrics, log,
recorder off unless --record), and a receiver in this process takes its batches as a strategy would.

most      frames a second that came through when they are sent as fast as the connection takes them
paced     at `rate` a second: how many came through a second, how many were still on their way at
          the end, how much of a core the actor's process used (all its threads; the batches grow
          with the load, so what it uses at a rate does not say what it can), and how long a frame
          took from the source's write until the batch with it was here, milliseconds

Levels a frame are by default those of the middle one of the venue's recorded frames. Each frame is
another one's size, so a rate without `levels` says little: 20,000 frames of 37 are 740,000 changes.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("RAY_AUTH_MODE", "disabled")  # before Ray is imported
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))

import ray
from feed_frames import RECORDED_LEVELS, Frames
from feed_source import start

from actors.config import Accounts, RunConfig, StrategyConfig
from actors.feed import Feed
from actors.lines import Exchange, address
from actors.names import NAMESPACE, ray_name
from actors.packet import Wire, unpack
from messages.base import NS_PER_MS, NS_PER_S, StrategyId
from messages.market import BookDeltaBatch
from messages.risk import RiskLimits
from supervisors.local_ray import start_local_ray
from trading.links import Frame

_STRATEGY: Final = StrategyId("COUNT-1")
_WARM_S: Final = 1.0  # of the sending, which is not counted
_DRAIN_S: Final = 2.0


class Receiver:
    """Takes what a feed says to its strategy, and notes when which frame was here."""

    def __init__(self, frames: Frames) -> None:
        self.frames = frames
        self.noted: list[tuple[int, int, int]] = []  # (last frame, frames of this book, ns)
        self.gaps = 0
        self._last: dict[str, int] = {}

    def receive(self, wires: list[Wire]) -> None:
        """As `Shell.receive`."""
        now_ns = time.time_ns()
        for wire in wires:
            packet = unpack(tuple(wire))
            message = packet.message if isinstance(packet, Frame) else None
            if isinstance(message, BookDeltaBatch):
                self._book(message, now_ns)

    def _book(self, batch: BookDeltaBatch, now_ns: int) -> None:
        last = self.frames.number(batch.instrument_id, batch.last_seq)
        before = self._last.get(batch.instrument_id)
        if not batch.snapshot and before is not None:
            self.gaps += batch.sequence != before + 1
            self.noted.append((last, batch.last_seq - batch.first_seq + 1, now_ns))
        self._last[batch.instrument_id] = batch.sequence


class Measured:
    """One source, one feed actor, one receiver."""

    def __init__(self, venue: str, said: argparse.Namespace, folder: Path, rate: float) -> None:
        self._venue, self._said, self._folder, self._rate = venue, said, folder, rate
        self._levels = said.levels or RECORDED_LEVELS[venue]
        self._frames = Frames(venue, said.instruments, self._levels)
        self._run = f"{folder.name}-{venue}-{int(rate)}"

    async def figures(self) -> dict[str, Any]:
        """Start everything, send, and say what arrived."""
        times = self._folder / f"{self._run}.npy"
        source, port = start(
            self._venue, times=times, rate=self._rate, seconds=self._said.seconds + _WARM_S,
            instruments=self._said.instruments, levels=self._levels,
        )  # fmt: skip
        receiver = Receiver(self._frames)
        lines = [
            Exchange(address(self._run, name), {"receive": receiver.receive, "note": _nothing})
            for name in (f"strategy-{_STRATEGY}", "risk", "journal")
        ]
        actor = None
        try:
            for line in lines:
                await line.open()
            actor = self._actor(port)
            pid, _ = await actor.boot.remote()
            spent, seen = await self._sent(pid)
            view = await actor.look.remote()
        finally:
            source.communicate(b"")
            if actor is not None:
                ray.kill(actor)
            for line in lines:
                line.close()
        return self._summary(np.load(times), receiver, spent / seen, view)

    async def _sent(self, pid: int) -> tuple[float, float]:
        """(processor seconds of the actor, seconds) of the counted part of the sending."""
        await asyncio.sleep(2 * _WARM_S)
        begun, used = time.perf_counter(), _cpu_s(pid)
        await asyncio.sleep(self._said.seconds - 0.5)
        spent, passed = _cpu_s(pid) - used, time.perf_counter() - begun
        await asyncio.sleep(_DRAIN_S)
        return spent, passed

    def _actor(self, port: int) -> Any:
        folder = self._folder / self._run
        folder.mkdir()
        names = tuple(i.instrument_id for i in self._frames.instruments)
        config = RunConfig(
            run_id=self._run,
            folder=str(folder),
            account=f"{self._venue}/main",
            account_lock=str(folder / "lock"),
            rest_url=f"http://127.0.0.1:{port}",
            ws_url=f"ws://127.0.0.1:{port}",
            instruments=self._frames.instruments,
            limits=RiskLimits(instruments=()),
            strategies=(StrategyConfig(strategy_id=_STRATEGY, source="", instruments=names),),
            bar_intervals_ns=(60 * NS_PER_S,),
            stale_book_ns=5 * NS_PER_S,
            reconcile_ns=NS_PER_S,
            grace_ns=NS_PER_S,
            record=self._said.record,
        )
        return (
            ray.remote(Feed)
            .options(name=ray_name(self._run, "feed"), namespace=NAMESPACE, num_cpus=0)
            .remote(Accounts(accounts=(config,)).model_dump_json(), "feed", 1)
        )

    def _summary(
        self, sent: Any, receiver: Receiver, cores: float, view: dict[str, Any]
    ) -> dict[str, Any]:
        _, count, at_ns = sent.T
        sent_ns = np.repeat(at_ns, count)  # by frame
        here_ns = np.zeros(len(sent_ns), np.int64)
        step = 1 if self._venue == "COINBASE" else self._said.instruments
        for last, frames, now_ns in receiver.noted:
            here_ns[max(last - (frames - 1) * step, 0) : last + 1 : step] = now_ns
        begun_ns, end_ns = at_ns[0] + _WARM_S * NS_PER_S, at_ns[-1]
        counted = sent_ns >= begun_ns
        arrived = counted & (here_ns > 0)
        here = (here_ns >= begun_ns) & (here_ns <= end_ns)
        took = (here_ns - sent_ns)[arrived] / NS_PER_MS
        p50, p99 = np.percentile(took, (50, 99))
        return {
            "sent": int(counted.sum()),
            "arrived": int(arrived.sum()),
            "per_s": round(int(here.sum()) / ((end_ns - begun_ns) / NS_PER_S)),
            "waiting_at_end": int(len(sent_ns) - ((here_ns > 0) & (here_ns <= end_ns)).sum()),
            "cores": round(cores, 3),
            "p50_ms": round(float(p50), 2),
            "p99_ms": round(float(p99), 2),
            "batches": len(receiver.noted),
            "gaps": receiver.gaps,
            "garbled": view["garbled"],
            "books": sorted(set(view["books"].values())),
        }


def _nothing(*_: object) -> None:
    """What nobody needs here."""


def _cpu_s(pid: int) -> float:
    """Processor seconds that a process has used, all its threads."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--venues", default="BINANCE,OKX,BYBIT,COINBASE")
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--rate", type=float, default=20_000, help="frames a second")
    parser.add_argument("--instruments", type=int, default=4)
    parser.add_argument("--levels", type=int, default=0, help="a frame; 0: as recorded")
    parser.add_argument("--record", action="store_true", help="with the recorder to Parquet")
    parser.add_argument("--json", action="store_true")
    said = parser.parse_args()
    report: dict[str, Any] = {}
    start_local_ray(preload=("numpy", "pydantic", "messages", "actors.feed"))
    with tempfile.TemporaryDirectory() as folder:
        for venue in said.venues.split(","):
            part = {}
            for name, rate in (("most", 0.0), ("paced", said.rate)):
                measured = Measured(venue, said, Path(folder), rate)
                part[name] = asyncio.run(measured.figures())
            report[venue.lower()] = {"levels": said.levels or RECORDED_LEVELS[venue], **part}
    ray.shutdown()
    rows = (f"{name} {json.dumps(row)}" for name, row in report.items())
    print(json.dumps(report) if said.json else "\n".join(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
