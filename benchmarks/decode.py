"""What a frame costs: decoding and keeping the book, by venue, on recordings of their wires.

    python benchmarks/decode.py [--json] [--frames 20000]

decode  one frame -> what it says (`MarketSession.heard`), microseconds
book    one change of a book -> checked, applied (`BookSync`, `Book`), microseconds
feed    frames a second through decoder, batches of 50 and the feed's core, on one core

Needs the recordings of ../shared/data; a venue without one is told as not measured.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from messages.base import InstrumentId
from messages.market import BookDeltaBatch, Instrument
from scenarios.venue_decode import Kept, Line, adapter_for, answered, lines
from trading.feed import FeedCore
from trading.feed_state import FeedConfig
from venues.wire.adapter import Adapter
from venues.wire.batch import Batcher

WIRE = ROOT.parent / "shared" / "data" / "wire"
RECORDINGS = {
    "binance_spot": "hftbacktest/spot/btcusdt_20240808.gz",
    "binance_usdm": "hftbacktest/usdm/btcusdt_20240808.gz",
    "bybit": "cryptofeed/BYBIT.jsonl.zst",
    "coinbase": "cryptofeed/COINBASE.first60pct.jsonl.zst",
    "okx": "cryptofeed/OKX.jsonl.zst",
}
_JOIN = 50  # frames that come together at 20,000 a second and a turn of 2.5 ms


def spread(took_ns: list[int]) -> dict[str, float]:
    """p50 and p99 in microseconds."""
    p50, p99 = np.percentile(np.array(took_ns) / 1000, (50, 99))
    return {"p50_us": round(float(p50), 2), "p99_us": round(float(p99), 2)}


def one_pass(
    of: Adapter, found: list[Line], decode_ns: list[int], book_ns: list[int]
) -> dict[InstrumentId, Instrument]:
    """Read a recording once, with a stop watch around each frame and each change of a book."""
    instruments: dict[InstrumentId, Instrument] = {}
    kept: dict[InstrumentId, Kept] = {}
    sessions: dict[str, Any] = {}
    clock = time.perf_counter_ns
    for line in found:
        if line.kind == "http":
            answered(line, of, instruments, kept)
        if line.kind != "recv":
            continue
        if line.connection not in sessions:
            sessions[line.connection] = of.market_session(instruments, of.routes[0])
        begun = clock()
        read = sessions[line.connection].heard(line.raw, line.ts_ns)
        decode_ns.append(clock() - begun)
        batcher = Batcher(lambda raw, ts, read=read: read)
        batcher.add(line.raw, line.ts_ns)
        for event in batcher.flush():
            if isinstance(event, BookDeltaBatch):
                book = kept.setdefault(event.instrument_id, Kept())
                begun = clock()
                book.offer(event)
                book_ns.append(clock() - begun)
    return instruments


def fed(of: Adapter, found: list[Line], instruments: dict[InstrumentId, Instrument]) -> float:
    """Frames a second through decoder, batcher and feed core."""
    frames = [line for line in found if line.kind == "recv"]
    core = FeedCore(FeedConfig(tuple(instruments.values()), stale_after_ns=()))
    state = core.start()
    sessions: dict[str, Batcher] = {}
    begun = time.perf_counter()
    for at in range(0, len(frames), _JOIN):
        for line in frames[at : at + _JOIN]:
            if line.connection not in sessions:
                session = of.market_session(instruments, of.routes[0])
                sessions[line.connection] = Batcher(session.heard)
            sessions[line.connection].add(line.raw, line.ts_ns)
        now_ns = frames[min(at + _JOIN, len(frames)) - 1].ts_ns
        for batcher in sessions.values():
            for event in batcher.flush():
                core.react(state, event, now_ns)
    return len(frames) / (time.perf_counter() - begun)


def measure(path: Path, frames: int) -> dict[str, Any]:
    """One venue's figures."""
    of = adapter_for(path)
    found = list(lines(path))
    decode_ns: list[int] = []
    book_ns: list[int] = []
    while len(decode_ns) < frames:
        instruments = one_pass(of, found, decode_ns, book_ns)
    return {
        "frames": len(decode_ns),
        "decode": spread(decode_ns),
        "book": spread(book_ns),
        "feed_per_s": round(max(fed(of, found, instruments) for _ in range(3))),
    }


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--frames", type=int, default=20_000, help="at least so many a venue")
    said = parser.parse_args()
    report: dict[str, Any] = {}
    for name, part in RECORDINGS.items():
        path = WIRE / part
        missing = {"not_measured": f"no {path.relative_to(ROOT.parent)}"}
        report[name] = measure(path, said.frames) if path.is_file() else missing
    rows = (f"{name} {json.dumps(row)}" for name, row in report.items())
    print(json.dumps(report) if said.json else "\n".join(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
