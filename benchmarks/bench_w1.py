"""W1 in turns: the engine, a bare numba loop, the Python contract and the peers.

In each turn everybody runs, so that whatever else the machine does is shared. The fast ones run
five times a turn, engine and loop by turns: a first run after somebody else's finds cold caches.
For `w1_python` alone, only those whose strategy is Python run. Figures are medians. A result counts
as equal if fills and final PnL are those of the bare loop on the same bars, at the next open or at
the close, as the peer fills.
"""

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import w1_w2
from bench_peers import W1_PEERS, Peer, Turns, Unavailable
from bench_python import Cross

from messages.arrays import Rows
from trading import backtest_python
from trading.backtest import Settings, prepare, run

PUBLISHED = {"next_open": (45_320, -4323.8766), "close": (45_320, -4335.8248)}
SPRINTS = (*("engine", "limit") * 5, *("engine_close", "limit_close") * 5)
TOLERANCE = 1e-3  # quote currency; some peers keep money in decimals of 1e-8 a fill

Turn = Callable[[], tuple[float, int, float]]


@dataclass(frozen=True)
class Measured:
    """Median seconds, last result and expected results of who ran, and why others did not."""

    seconds: dict[str, float]
    last: dict[str, tuple[int, float]]
    expected: dict[tuple[str, int], tuple[int, float]]
    missing: dict[str, str]


def note(text: str) -> None:
    """Progress."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def measure(
    bars_file: Path, runs: int, with_peers: bool, python_alone: bool = False
) -> dict[str, Any]:
    """The reports of `w1`, unless the Python contract alone is wanted, and of `w1_python`."""
    bars = w1_w2.load(bars_file, 1_000_000)
    asked = tuple(p for p in W1_PEERS if not (python_alone and p.compiled))
    turns = {n: t for n, t in _ours(bars).items() if n == "python" or not python_alone}
    expected = {
        (fill, count): _bare(bars, count, fill == "close")
        for fill in ("next_open", "close")
        for count in {len(bars), *(p.bars for p in asked)}
    }
    peers, missing = _started(bars_file, asked) if with_peers else ({}, {})
    found = _taken(turns, peers, missing, runs)
    measured = Measured(*found, expected, missing)
    reports = {} if python_alone else {"w1": _report(len(bars), measured)}
    return {**reports, "w1_python": _python(len(bars), measured)}


def _taken(
    turns: dict[str, Turn], peers: dict[str, Turns], missing: dict[str, str], runs: int
) -> tuple[dict[str, float], dict[str, tuple[int, float]]]:
    """Median seconds and last result of each; a peer that fails becomes a missing one."""
    seconds: dict[str, list[float]] = {}
    last: dict[str, tuple[int, float]] = {}
    sprints = [name for name in SPRINTS if name in turns]
    try:
        for turn in turns.values():
            turn()  # compiles, or loads what was compiled
        for number in range(runs):
            note(f"w1: turn {number + 1} of {runs}: {', '.join([*turns, *peers])}")
            for name in (*sprints, *(n for n in turns if n not in SPRINTS)):
                taken, fills, pnl = turns[name]()
                seconds.setdefault(name, []).append(taken)
                last[name] = fills, pnl
            for name in list(peers):
                try:
                    answers = _asked(peers[name])
                except Unavailable as error:
                    missing[name] = str(error)
                    peers.pop(name).close()
                    continue
                seconds.setdefault(name, []).extend(a["seconds"] for a in answers)
                last[name] = answers[-1]["fills"], answers[-1]["pnl"]
    finally:
        for process in peers.values():
            process.close()
    return {name: statistics.median(each) for name, each in seconds.items()}, last


def _ours(bars: Rows) -> dict[str, Turn]:
    data = prepare(bars)

    def engine(fill: str) -> Turn:
        settings = Settings.model_validate({"fill": fill})

        def turn() -> tuple[float, int, float]:
            start = time.perf_counter()
            found = run(w1_w2.STRATEGY, None, data, settings)
            taken = time.perf_counter() - start
            return taken, len(found.fills), found.final_equity - settings.initial_balance

        return turn

    def limit(at_close: bool) -> Turn:
        def turn() -> tuple[float, int, float]:
            opens, closes = columns
            start = time.perf_counter()
            pnl, fills = w1_w2.bare(opens, closes, 10, 20, w1_w2.FEE, at_close)
            return time.perf_counter() - start, fills, pnl

        return turn

    def python() -> tuple[float, int, float]:
        start = time.perf_counter()
        found = backtest_python.run(Cross, {}, data, Settings())
        taken = time.perf_counter() - start
        return taken, len(found.fills), found.final_equity - Settings().initial_balance

    columns = bars["open"].copy(), bars["close"].copy()
    return {
        "engine": engine("next_open"),
        "limit": limit(False),
        "engine_close": engine("close"),
        "limit_close": limit(True),
        "python": python,
    }


def _bare(bars: Rows, count: int, at_close: bool) -> tuple[int, float]:
    opens, closes = (bars[n][:count].copy() for n in ("open", "close"))
    pnl, fills = w1_w2.bare(opens, closes, 10, 20, w1_w2.FEE, at_close)
    return fills, pnl


def _started(bars_file: Path, asked: tuple[Peer, ...]) -> tuple[dict[str, Turns], dict[str, str]]:
    peers: dict[str, Turns] = {}
    missing: dict[str, str] = {}
    for peer in asked:
        note(f"w1: {peer.name}: its environment, and what it prepares")
        process = None
        try:
            process = Turns(peer, bars_file)
            process.ready()
            peers[peer.name] = process
        except Unavailable as error:
            missing[peer.name] = str(error)
            note(f"w1: {peer.name}: not measured: {error}")
            if process is not None:
                process.close()
    return peers, missing


def _asked(peer: Turns) -> list[dict[str, Any]]:
    """Its answers of one turn: five from one that needs less than half a second."""
    answers = [peer.run()]
    while len(answers) < 5 and answers[0]["seconds"] < 0.5:
        answers.append(peer.run())
    return answers


def _judged(found: tuple[int, float], expected: tuple[int, float]) -> dict[str, Any]:
    equal = found[0] == expected[0] and bool(np.isclose(found[1], expected[1], 0, TOLERANCE))
    return {"fills": found[0], "pnl": round(found[1], 4), "equal": equal}


def _peers(measured: Measured, ours: dict[str, float], asked: tuple[Peer, ...]) -> dict[str, Any]:
    """Rate, ratio and result of each peer; `ours` are our bars a second, filled as it fills."""
    found: dict[str, Any] = {}
    for peer in asked:
        if peer.name in measured.missing:
            found[peer.name] = {"not_measured": measured.missing[peer.name]}
        elif peer.name in measured.seconds:
            fill = "close" if peer.close else "next_open"
            theirs = peer.bars / measured.seconds[peer.name]
            found[peer.name] = {
                "rate": round(theirs), "ratio": round(ours[fill] / theirs, 2), "bars": peer.bars,
                "fill": fill, "version": peer.packages[0].split("==")[1],
                **_judged(measured.last[peer.name], measured.expected[fill, peer.bars]),
                "note": peer.why,
            }  # fmt: skip
    return found


def _report(count: int, measured: Measured) -> dict[str, Any]:
    found, last, expected = measured.seconds, measured.last, measured.expected
    ours = {"next_open": count / found["engine"], "close": count / found["engine_close"]}
    return {
        "rate": round(ours["next_open"]),
        "limit": round(count / found["limit"]),
        "ratio_to_limit": round(found["limit"] / found["engine"], 3),
        "bars": count,
        **_judged(last["engine"], expected["next_open", count]),
        "published": PUBLISHED["next_open"],
        "published_equal": _published(last["engine"], "next_open"),
        "close": {
            "rate": round(ours["close"]),
            "limit": round(count / found["limit_close"]),
            "ratio_to_limit": round(found["limit_close"] / found["engine_close"], 3),
            **_judged(last["engine_close"], expected["close", count]),
            "published": PUBLISHED["close"],
            "published_equal": _published(last["engine_close"], "close"),
        },
        "peers": _peers(measured, ours, W1_PEERS),
    }


def _published(found: tuple[int, float], fill: str) -> bool:
    return (found[0], round(found[1], 4)) == PUBLISHED[fill]


def _python(count: int, measured: Measured) -> dict[str, Any]:
    """Beside peers with strategies in Python; ours fill at the next open, whatever theirs do."""
    rate = count / measured.seconds["python"]
    asked = tuple(p for p in W1_PEERS if not p.compiled)
    return {
        "rate": round(rate), "bars": count,
        **_judged(measured.last["python"], measured.expected["next_open", count]),
        "peers": _peers(measured, {"next_open": rate, "close": rate}, asked),
    }  # fmt: skip
