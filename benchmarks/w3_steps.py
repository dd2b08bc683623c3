"""W3 step by step from our assumptions to hftbacktest's: what each one is worth in fills.

Three things are assumed otherwise there, and with all three changed our engine has the peer's fills
and the peer's PnL:

  first     the first decision is 100 ms after the first row happens, not after it is heard of
  left      a level that the touch has left has nobody in it (the peer is told that it is gone, for
            a quote says nothing of it), so an order of ours that stands there is the first; we
            leave it its place
  unseen    a price deeper than all that the quotes show has nobody in it; we do not know who is
            there until a quote shows the level
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from messages.arrays import Rows
from trading.backtest_l2 import L2Engine
from trading.kernels.l2_records import DELTA, EVENT, LAST, TRADE
from trading.l2_events import merge
from trading.l2_settings import L2Settings
from trading.strategy import CompiledStrategy

I8 = NDArray[np.int64]


@dataclass(frozen=True)
class Step:
    """One run: what was changed, in addition to the steps before."""

    name: str
    fills: int
    pnl: float

    def row(self) -> dict[str, Any]:
        return {"assumption": self.name, "fills": self.fills, "pnl": self.pnl}


def steps(
    strategy: CompiledStrategy, rows: Rows, levels: Rows, settings: L2Settings, latency_ns: int
) -> list[Step]:
    """From ours to the peer's, one assumption more at a time.

    rows    quotes and trades
    levels  the same as `as_levels` makes them
    """
    bare = settings.model_copy(update={"unseen": "empty"})
    return [
        _run("ours", strategy, rows, settings, 0),
        _run("+ first decision as there", strategy, rows, settings, latency_ns),
        _run("+ a level that the touch left is empty", strategy, levels, settings, latency_ns),
        _run("+ a level that no quote shows is empty", strategy, levels, bare, latency_ns),
    ]


def _run(
    name: str, strategy: CompiledStrategy, rows: Rows, settings: L2Settings, earlier_ns: int
) -> Step:
    engine, params = L2Engine(strategy, rows, settings), strategy.params()
    engine.line["timer_due"] -= earlier_ns
    engine.go(params.record())
    result = engine.result(params)
    return Step(name, len(result.fills), round(result.final_equity - settings.initial_balance, 4))


def as_levels(folder: Path, latency_ns: int) -> Rows:
    """Quotes as the changes of levels that the peer is given: the old touch goes, the new comes."""
    quotes, trades = np.load(folder / "quotes.npy"), np.load(folder / "trades.npy")
    parts: list[Rows] = []
    order: list[I8] = []
    at = np.arange(len(quotes))
    for n, (price, size, side) in enumerate(((1, 2, 1), (3, 4, -1))):
        before = np.r_[quotes[0, price], quotes[:-1, price]]
        gone = before != quotes[:, price]
        parts.append(_changes(quotes[gone, 0], side, before[gone], np.zeros(gone.sum(), np.int64)))
        order.append(at[gone] * 4 + n)
        parts.append(_changes(quotes[:, 0], side, quotes[:, price], quotes[:, size]))
        order.append(at * 4 + 2 + n)
    place = np.concatenate(order)
    by_place = np.argsort(place, kind="stable")
    depth, quote = np.concatenate(parts)[by_place], place[by_place] // 4
    depth["kind"][np.r_[quote[1:] != quote[:-1], True]] |= LAST
    traded = np.zeros(len(trades), EVENT)
    traded["kind"] = TRADE
    for column, name in enumerate(("ts_event", "price", "size", "side", "price2")):
        traded[name] = trades[:, column]
    return merge([depth, traded], latency_ns)


def _changes(ts: I8, side: int, ticks: I8, lots: I8) -> Rows:
    made = np.zeros(len(ts), EVENT)
    made["kind"], made["side"] = DELTA, side
    made["ts_event"], made["price"], made["size"] = ts, ticks, lots
    return made
