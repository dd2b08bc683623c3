"""Validation of a sweep's choice, with the runs that it needs."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from messages.arrays import Rows
from research.montecarlo import monte_carlo
from research.sweep import best_of
from research.sweep_table import DONE, STOPPED, Table
from research.validation import Returns, period_ends, validate
from research.validation_causal import look_ahead, warm_up
from scenarios.sweep_cluster import Pool
from scenarios.sweep_spec import SweepSpec
from scenarios.sweep_worker import Engine

I8 = NDArray[np.int64]
# Trials whose returns are looked at: beyond it, so many by chance, and the best one.
JUDGED_MAX: Final = 2000
_BY_GROWTH: Final = frozenset({"total_return", "pnl", "final_equity", "cagr"})
_CAUSAL_BARS_MAX: Final = 200_000  # the first ones: six runs of a strategy need no more


class Judge:
    """What is asked of the best trial, and of all others on its account."""

    def __init__(
        self, spec: SweepSpec, bars: Rows, table: Table, pool: Pool, engine: Engine
    ) -> None:
        self._spec = spec
        self._bars = bars
        self._table = table
        self._pool = pool
        self._engine = engine
        self._best = best_of(table, spec.objectives)

    def judge(self) -> dict[str, Any]:
        """One JSON document; only a reason if no trial is there to be judged."""
        if self._best is None:
            return {"reason": "no trial came to its end with a figure for the objective"}
        returns = self.returns()
        column = int(np.flatnonzero(returns.trials == self._best)[0])
        found = validate(
            returns,
            column,
            self._table.tried,
            by_growth=self._spec.objectives[0] in _BY_GROWTH,
            variance=self._variance(returns) if self._spec.halving else None,
        )
        found["monte_carlo"] = self._monte_carlo()
        bars = self._bars[:_CAUSAL_BARS_MAX]
        found["look_ahead"] = look_ahead(self._decide, bars, self._rng(1))
        found["warm_up"] = warm_up(self._decide, bars)
        return found

    def returns(self) -> Returns:
        """Of every trial that saw all data, or of JUDGED_MAX of them and the best."""
        trials = np.flatnonzero(self._table.status == DONE)
        if len(trials) > JUDGED_MAX:
            drawn = self._rng(0).choice(trials, JUDGED_MAX, replace=False)
            trials = np.union1d(drawn, [self._best or 0])
        ends, closes, step_ns = period_ends(self._bars["ts_event"])
        matrix = self._pool.returns(self._table.params[trials], ends)
        return Returns(trials, matrix, closes, step_ns)

    def _variance(self, returns: Returns) -> float:
        """Of the Sharpe ratios of all that was tried, a period: survivors alone vary too little."""
        tried = np.isin(self._table.status, (DONE, STOPPED))
        annual = self._table.metrics["sharpe"][tried]
        return float(np.nanvar(annual)) / returns.a_year

    def _monte_carlo(self) -> dict[str, Any]:
        """What else could have become of the best trial's trades."""
        result = self._engine.result(self._params(), self._bars)
        pnl = result.trades["pnl"]
        if not len(pnl):
            return {"reason": "the best trial has no round trips"}
        found: dict[str, Any] = {"trades": len(pnl)}
        for number, method in enumerate(("bootstrap", "shuffle")):
            drawn = monte_carlo(
                pnl,
                result.initial_balance,
                self._rng(2 + number),
                method="bootstrap" if method == "bootstrap" else "shuffle",
            )
            found[method] = {
                "levels": list(drawn.levels),
                "final": drawn.final_quantiles.tolist(),
                "drawdown": drawn.drawdown_quantiles.tolist(),
                "ruin": drawn.ruin,
                "losing": float(np.mean(drawn.final <= result.initial_balance)),
            }
        return found

    def _decide(self, bars: Rows) -> Rows:
        return self._engine.result(self._params(), bars).orders

    def _params(self) -> Rows:
        assert self._best is not None, "judge() ends before this without a best trial"
        return self._table.params[self._best : self._best + 1]

    def _rng(self, use: int) -> np.random.Generator:
        """Chance of its own for each use, from the sweep's seed."""
        return np.random.Generator(np.random.PCG64([self._spec.seed, use]))
