"""An engine for tests of sweeps: an average that is crossed, in numpy; nothing to compile.

Its `settings` say how it misbehaves: `folder` counts tasks, `kill_at` kills the worker's process in
the middle of that task, once, `slow_s` makes each task last.
"""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from messages.arrays import BAR, Rows
from research.search import make as search_of
from research.sweep import plan_of, sweep
from research.sweep_table import Table
from scenarios.sweep_spec import Records, SweepSpec, load_strategy, params_of
from trading.result import EQUITY, METRICS, ORDER_ROW, TRADE_ROW, BacktestResult

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]
MINUTE_NS = 60_000_000_000
INITIAL = 10_000.0


class Toy:
    """See `scenarios.sweep_worker.Engine`."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings

    def prepare(self, bars: Rows) -> Any:
        return bars

    def metrics(self, params: Rows, data: Any, bars: int) -> Rows:
        assert not data.flags.writeable
        self._misbehave()
        out = np.zeros(len(params), METRICS)
        for i, row in enumerate(params):
            equity = INITIAL + np.cumsum(earned(row, data[:bars]))
            daily = np.diff(equity[:: max(1, bars // 64)])
            out["pnl"][i] = equity[-1] - INITIAL
            out["sharpe"][i] = daily.mean() / max(daily.std(), 1e-12)
            out["max_drawdown"][i] = 0.1
            out["bars"][i] = bars
        return out

    def returns(self, params: Rows, data: Any, ends: I8) -> F8:
        out = np.empty((len(ends), len(params)))
        for i, row in enumerate(params):
            equity = (INITIAL + np.cumsum(earned(row, data)))[ends]
            before = np.r_[INITIAL, equity[:-1]]
            out[:, i] = equity / before - 1.0
        return out

    def result(self, params: Rows, bars: Rows) -> BacktestResult:
        wanted = side(params[0], bars)
        at = np.flatnonzero(np.diff(wanted, prepend=0.0))
        orders = np.zeros(len(at), ORDER_ROW)
        orders["ts"], orders["side"] = bars["ts_event"][at], np.sign(wanted[at] - 0.5)
        trades = np.zeros(len(at) // 2, TRADE_ROW)
        trades["pnl"] = np.random.default_rng(1).normal(0.0, 5.0, len(trades))
        return BacktestResult(
            np.zeros(0, EQUITY), np.zeros(0), orders, trades, {}, {"initial_balance": INITIAL}
        )

    def _misbehave(self) -> None:
        if "slow_s" in self._settings:
            time.sleep(self._settings["slow_s"])
        if "folder" not in self._settings:
            return
        folder = Path(self._settings["folder"])
        number = len(list(folder.iterdir()))
        (folder / f"{os.getpid()}-{time.monotonic_ns()}").touch()
        killed = folder.parent / "killed"
        if number >= self._settings.get("kill_at", 1 << 60) and not killed.exists():
            killed.touch()
            os.kill(os.getpid(), signal.SIGKILL)


def side(params: Any, bars: Rows) -> F8:
    """1 while the close is above its average of `fast` bars, and above that of `slow`."""
    out = np.ones(len(bars))
    total = np.cumsum(np.r_[0.0, bars["close"]])
    for name in ("fast", "slow"):
        n = int(params[name])
        average = np.full(len(bars), np.inf)
        average[n - 1 :] = (total[n:] - total[:-n]) / n
        out *= bars["close"] > average
    return out


def earned(params: Any, bars: Rows) -> F8:
    """Profit of each bar, held from the bar before."""
    return np.r_[0.0, side(params, bars)[:-1] * np.diff(bars["close"])]


def in_process(spec: SweepSpec, bars: Rows) -> Table:
    """The table of a sweep that nothing disturbs."""
    space, toy = spec.parsed(), Toy({})
    records = Records(params_of(load_strategy(spec.source)), space, spec.params)
    plan = plan_of(spec.objectives, len(bars), halving=spec.halving)

    def evaluate(trials: I8, params: Rows, length: int) -> Iterator[tuple[I8, Rows]]:
        yield np.arange(len(trials)), toy.metrics(params, bars, length)

    search = search_of(spec.method, space, trials=spec.trials, seed=spec.seed)
    return sweep(search, Table(records.dtype), records, plan, evaluate)


def make(source: str, settings: str) -> Toy:
    """The factory that `Setup` names."""
    given: dict[str, Any] = json.loads(settings)
    return Toy(given)


def market(count: int, seed: int = 1) -> Rows:
    """A random walk of minute bars, read-only."""
    rng = np.random.default_rng(seed)
    bars = np.zeros(count, BAR)
    bars["ts_open"] = 1_704_067_200_000_000_000 + np.arange(count) * MINUTE_NS
    bars["ts_event"] = bars["ts_init"] = bars["ts_open"] + MINUTE_NS
    bars["close"] = np.round(100.0 * np.exp(np.cumsum(rng.normal(0.0, 5e-4, count))), 2)
    bars["open"] = np.r_[100.0, bars["close"][:-1]]
    bars["high"] = np.maximum(bars["open"], bars["close"])
    bars["low"] = np.minimum(bars["open"], bars["close"])
    bars["volume"] = 10.0
    bars.flags.writeable = False
    return bars
