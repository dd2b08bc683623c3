"""The backtest engine as a sweep uses it: one strategy, shared bars, many parameters."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from messages.arrays import Rows
from research.validation import returns_of
from scenarios.spec import BadSpec
from scenarios.sweep_spec import load_strategy
from trading import backtest
from trading.backtest_run import Engine
from trading.result import BacktestResult
from trading.strategy import CompiledStrategy

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]


class BarEngine:
    """See `scenarios.sweep_worker.Engine`.

    raises  BadSpec for a strategy that bars cannot drive
    """

    def __init__(self, source: str, settings: str) -> None:
        strategy = load_strategy(source)
        if not isinstance(strategy, CompiledStrategy):
            raise BadSpec(
                f"{strategy.__name__}: a Python class: only compiled strategies are swept"
            )
        if strategy.on_bar is None:
            raise BadSpec(f"{strategy.name}: has no on_bar: bars cannot drive it")
        self._strategy = strategy
        self._settings = backtest.Settings.model_validate_json(settings)

    def prepare(self, bars: Rows) -> Any:
        """Checked bars; raises BadSpec naming the first bad row and its field."""
        try:
            return backtest.prepare(bars)
        except backtest.BadBars as error:
            raise BadSpec(str(error)) from None

    def metrics(self, params: Rows, data: Any, bars: int) -> Rows:
        """(n,) METRICS over the first `bars` bars; rows whose strategy failed have `error`."""
        mine = _writable(params)
        return backtest.run_many(self._strategy, mine, _first(data, bars), self._settings)

    def returns(self, params: Rows, data: Any, ends: I8) -> F8:
        """(periods, n) returns; none at all for a strategy that failed."""
        engine = Engine(
            self._strategy, data, backtest.settings_for(data, self._settings), keep=False
        )
        engine.curve = np.zeros(engine.steps)  # equity after each bar, and no other table
        initial, mine = self._settings.initial_balance, _writable(params)
        out = np.zeros((len(ends), len(params)))
        for i in range(len(params)):
            engine.clear()
            try:
                engine.go(mine[i : i + 1])
            except backtest.StrategyError:
                continue
            out[:, i] = returns_of(engine.curve[ends], initial)
        return out

    def result(self, params: Rows, bars: Rows) -> BacktestResult:
        """All of one run."""
        names = params.dtype.names or ()
        chosen = dict(zip(names, params[0].item(), strict=True))
        return backtest.run(self._strategy, chosen, bars, self._settings)


def make(source: str, settings: str) -> BarEngine:
    """The factory that `scenarios.sweep` names."""
    return BarEngine(source, settings)


def _writable(params: Rows) -> Rows:
    """A copy: what comes from Ray is read-only, which is another type to numba, compiled anew."""
    return np.array(params)


def _first(data: backtest.MarketData, bars: int) -> backtest.MarketData:
    """The same data up to so many bars: a view, no copy."""
    whole = data.series[0][1]
    if bars >= len(whole):
        return data
    return replace(data, series=((0, whole[:bars]),))
