"""W3 and W4: the event engine beside hftbacktest 2.4.4, in one run on this machine.

    python benchmarks/w3_w4.py FOLDER [--runs 5] [--peer PYTHON]

W3  1 M quotes + 1 M trades, the strategy of w3_strategy.py, 1 ms of latency each way, fills whole
    as the peer's NoPartialFillExchange, risk-averse queue, no fees
W4  1 M level changes on a book of 500 levels; the peer's local side, and both of its sides

FOLDER holds quotes.npy, trades.npy and deltas.npy: integer columns (ts, bid, bid size, ask, ask
size, -), (ts, tick, lots, aggressor, id) and (ts, side, tick, lots). The peer runs in an
environment of its own, made by uv, or by the interpreter that --peer names. Both run in one thread;
times are of the processor, so that other programs on the machine do not count. Prints JSON.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from w3_steps import as_levels, steps
from w3_strategy import STRATEGY

from messages.arrays import Rows
from trading.backtest_l2 import L2Engine
from trading.backtest_settings import Rules
from trading.kernels.l2_book import make_books, replay
from trading.kernels.l2_records import DELTA, EVENT, QUOTE, TRADE
from trading.l2_events import merge
from trading.l2_settings import L2Settings
from trading.result import BacktestResult

PEER = Path(__file__).parent / "peers" / "w3_hftbacktest.py"
LATENCY_NS = 1_000_000
SETTINGS = L2Settings(
    maker_fill="whole",
    entry_latency_ns=LATENCY_NS,
    response_latency_ns=LATENCY_NS,
    maker_fee=0.0,
    taker_fee=0.0,
    initial_balance=1e9,
    leverage=100,
    sample_s=60,
    instruments=(Rules(tick=0.01, lot=1.0),),
)
# What the notes on the peers say of this workload, for a strategy that they do not describe.
NOTED = {"fills": 76_264, "pnl": 107.33}
STEPS = (
    "The peer's strategy is the same, decision for decision. 'steps' changes our assumptions into"
    " the peer's, one more at a time (benchmarks/w3_steps.py says what they are); 'equal' is"
    " whether fills and PnL of the last step are the peer's."
)


def events(folder: Path) -> Rows:
    """Quotes and trades as rows of the engine."""
    quotes, trades = np.load(folder / "quotes.npy"), np.load(folder / "trades.npy")
    first = np.zeros(len(quotes), EVENT)
    first["kind"] = QUOTE
    for column, name in enumerate(("ts_event", "price", "size", "price2", "size2")):
        first[name] = quotes[:, column]
    second = np.zeros(len(trades), EVENT)
    second["kind"] = TRADE
    for column, name in enumerate(("ts_event", "price", "size", "side", "price2")):
        second[name] = trades[:, column]
    return merge([first, second], LATENCY_NS)


def w3(rows: Rows, runs: int) -> tuple[list[float], BacktestResult]:
    """Seconds of each run, and the last result; the first run compiles and does not count."""
    seconds = []
    params = STRATEGY.params()
    for _ in range(runs + 1):
        engine = L2Engine(STRATEGY, rows, SETTINGS)
        start = time.process_time()
        engine.go(params.record())
        seconds.append(time.process_time() - start)
    return seconds[1:], engine.result(params)


def w4(folder: Path, runs: int) -> tuple[list[float], int]:
    """Seconds of each run, and the rows."""
    found = np.load(folder / "deltas.npy")
    rows = np.zeros(len(found), EVENT)
    rows["kind"] = DELTA
    for column, name in enumerate(("ts_event", "side", "price", "size")):
        rows[name] = found[:, column]
    span = (int(found[:, 2].min()), int(found[:, 2].max()))
    seconds = []
    for _ in range(runs + 1):
        books, _sizes, _words = keep = make_books([span])
        start = time.process_time()
        replay(rows, books[0])
        seconds.append(time.process_time() - start)
        del keep
    return seconds[1:], len(rows)


def peer(folder: Path, runs: int, python: str | None) -> dict[str, Any] | str:
    """What the peer measured, or why it could not."""
    with_uv = ["uv", "run", "--no-project", "--with", "hftbacktest==2.4.4", "--with", "numpy<2.3"]
    start = [python] if python else [*with_uv, "python"]
    command = [*start, str(PEER.resolve()), str(folder.resolve()), str(runs)]
    clean = {n: v for n, v in os.environ.items() if n not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    with tempfile.TemporaryDirectory() as elsewhere:
        try:
            done = subprocess.run(
                command, cwd=elsewhere, env=clean, capture_output=True, text=True, check=False
            )
        except FileNotFoundError:
            return f"{command[0]} is not installed: no peer"
    if done.returncode:
        return "hftbacktest is not available: " + (done.stderr.strip().splitlines() or ["?"])[-1]
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--peer", help="interpreter of an environment that has hftbacktest")
    parser.add_argument("--no-peer", action="store_true", help="ours alone")
    given = parser.parse_args()
    rows = events(given.folder)
    seconds, result = w3(rows, given.runs)
    book_seconds, changes = w4(given.folder, given.runs)
    rate, book_rate = len(rows) / median(seconds), changes / median(book_seconds)
    ours = {"fills": len(result.fills), "pnl": round(result.final_equity - 1e9, 4)}
    report: dict[str, Any] = {
        "w3": {"rate": round(rate), **ours, "orders": len(result.orders)},
        "w4": {"rate": round(book_rate)},
    }
    alone = "not asked for" if given.no_peer else None
    found = alone or peer(given.folder, given.runs, given.peer)
    if isinstance(found, str):
        report["w3"]["peer"] = report["w4"]["peer"] = found
    else:
        theirs = len(rows) / median(found["w3_seconds"])
        local = changes / median(found["w4_local_seconds"])
        both = changes / median(found["w4_both_seconds"])
        levels = as_levels(given.folder, LATENCY_NS)
        known = steps(STRATEGY, rows, levels, SETTINGS, LATENCY_NS)
        last = known[-1]
        report["w3"] |= {
            "hftbacktest": {
                "rate": round(theirs),
                "fills": found["w3_fills"],
                "pnl": found["w3_pnl"],
            },
            "ratio_to_hftbacktest": round(rate / theirs, 2),
            "noted_for_another_strategy": NOTED,
            "about_steps": STEPS,
            "steps": [step.row() for step in known],
            "equal": (last.fills, last.pnl) == (found["w3_fills"], found["w3_pnl"]),
        }
        report["w4"] |= {
            "hftbacktest": {"local": round(local), "both": round(both)},
            "ratio_to_hftbacktest": round(book_rate / max(local, both), 2),
        }
    json.dump(report, sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
