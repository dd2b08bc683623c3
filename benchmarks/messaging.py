"""What a message costs on Ray, on this machine, now: the two figures that decide how Manta feels.

    python benchmarks/messaging.py [--seconds 10] [--rate 100000] [--json]

1. Market data: `rate` quotes a second from the feed actor to a strategy actor, in natural batches,
   for `seconds`; latency of a batch from the feed's own stamp to the strategy's hands.
2. Orders: from a strategy's decision to the venue's acknowledgement, through its checkpoint, risk,
   the order manager's synced journal and the venue simulator on loopback (benchmarks/asker.py).

Both run the whole system: every actor, the simulator, supervision, logs and metrics. The first
seconds, in which processes start and compile, are not measured.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("RAY_AUTH_MODE", "disabled")  # before Ray is imported
from actors.feed import Feed
from actors.metrics import LatencyBuckets
from messages.arrays import QUOTE
from messages.market import QuoteBatch
from scenarios import run as system
from scenarios.spec import RunSpec, StrategySpec, load
from scenarios.view import look

RATE_FILE = "rate"
_SLICE_S = 0.001
_WARM_S = 5.0
_ASKER = Path(__file__).with_name("asker.py")


class Pulse(Feed):
    """A feed whose quotes come from a loop in its own process instead of a socket."""

    async def connect(self) -> None:
        rate = int(self.config.path(RATE_FILE).read_text())
        names = tuple(self.config.by_id)
        begun, sent = time.perf_counter(), 0
        while True:
            await asyncio.sleep(_SLICE_S)
            due = int((time.perf_counter() - begun) * rate)
            for n, name in enumerate(names):
                count = (due - sent) // len(names) + (n < (due - sent) % len(names))
                if count:
                    self._quotes(name, count)
            sent = due

    def _quotes(self, name: Any, count: int) -> None:
        now_ns = self.clock.now_ns()
        rows = np.zeros(count, QUOTE)
        rows["ts_event"] = rows["ts_init"] = now_ns
        rows["bid_price"], rows["ask_price"] = 99.99, 100.01
        rows["bid_size"] = rows["ask_size"] = 1.0
        self.events += count
        quotes = QuoteBatch(ts_event=now_ns, ts_init=now_ns, instrument_id=name, rows=rows)
        self.mailbox.put_local("venue", quotes)


def market_data(seconds: float, rate: int, runs: Path) -> dict[str, Any]:
    """Figures of the first part."""
    spec = load("quickstart", [f"duration_s={seconds + _WARM_S}"])
    count = spec.strategies[1].model_copy(update={"id": "COUNT"})
    found = _measured(spec.model_copy(update={"strategies": (count,)}), runs, rate)
    return {
        "events_per_s": round(found["events"] / found["seconds"]),
        "feed_to_strategy_ms": found["feed_to_strategy"],
    }


def orders(seconds: float, runs: Path, *, cell: bool) -> dict[str, Any]:
    """Figures of the second part."""
    spec = load("quickstart", [f"duration_s={seconds + _WARM_S}", f"cell={str(cell).lower()}"])
    one = spec.instruments[0].instrument_id
    asker = StrategySpec(id="ASK", strategy=f"{_ASKER}:Asker", instruments=(one,))
    found = _measured(spec.model_copy(update={"strategies": (asker,)}), runs, None)
    return {
        "orders": found["orders"],
        "feed_to_strategy_ms": found["feed_to_strategy"],
        "decision_to_ack_ms": found["decision_to_ack"],
    }


class _Window:
    """What the strategy counted between the end of the warm-up and now."""

    def __init__(self, actor: str) -> None:
        self._actor = actor
        self._first: dict[str, Any] | None = None
        self.found: dict[str, Any] = {}

    def look(self, shown: dict[str, Any]) -> None:
        if shown["elapsed_s"] < _WARM_S:
            return
        counts = look(shown["run_id"], self._actor, "latency")
        if not counts:
            return
        now = {"at": time.monotonic(), "events": shown["events"], **counts}
        if self._first is None:
            self._first = now
            return
        self.found = {
            "seconds": now["at"] - self._first["at"],
            "events": now["events"] - self._first["events"],
        }
        for name in counts:
            grown = _grown(self._first[name], now[name])
            self.found[name] = {p: grown.percentile_ms(q) for p, q in (("p50", 0.5), ("p99", 0.99))}
            if name == "decision_to_ack":
                self.found["orders"] = len(grown)


def _grown(first: dict[str, int], last: dict[str, int]) -> LatencyBuckets:
    return LatencyBuckets.from_json({b: n - first.get(b, 0) for b, n in last.items()})


def _measured(spec: RunSpec, runs: Path, rate: int | None) -> dict[str, Any]:
    window = _Window(f"strategy-{spec.strategies[0].id}")
    if rate is None:
        system.run(spec, runs_dir=runs, on_progress=window.look)
        return window.found
    made = system.create

    def create(spec: RunSpec, runs_dir: Path) -> Any:
        folder = made(spec, runs_dir)
        folder.part(RATE_FILE).write_text(str(rate))
        return folder

    system.create = create
    try:
        system.run(spec, runs_dir=runs, feed="benchmarks.messaging:Pulse", on_progress=window.look)
    finally:
        system.create = made
    return window.found


def main(arguments: Sequence[str]) -> int:
    """Print both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rate", type=int, default=100_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder)
        report = {
            "market_data": market_data(options.seconds, options.rate, runs),
            "orders": orders(options.seconds, runs, cell=False),
            "orders_in_a_cell": orders(options.seconds, runs, cell=True),
        }
    print(json.dumps(report, indent=2) if options.json else _text(report))
    return 0


def _text(report: dict[str, Any]) -> str:
    return "\n".join(f"{part}: {figures}" for part, figures in report.items())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
