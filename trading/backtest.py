"""Backtests on bars: `run` for one set of parameters, `run_many` for a table of them.

    result = run(STRATEGY, {"fast": 10}, bars, Settings(fill="next_open"))
    table = run_many(STRATEGY, grid, bars, Settings())

The same compiled functions that trade live run here, in one loop of machine code with simulated
orders, fills and money. docs/backtesting.md tells what is assumed about the venue.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from messages.arrays import Rows
from trading.backtest_data import BadBars, MarketData, bars_of, check, prepare
from trading.backtest_run import Engine, Progress, StrategyError
from trading.backtest_settings import Rules, Settings, Tier
from trading.kernels.engine_records import ERROR_RAISED
from trading.result import EQUITY, METRICS, PRICE_ROW, BacktestResult
from trading.strategy import CompiledStrategy, StrategyParams

ENGINE: Final = "bars-1"
Params = StrategyParams | Mapping[str, Any] | None


def run(
    strategy: CompiledStrategy,
    params: Params,
    bars: Rows | MarketData,
    settings: Settings | None = None,
    *,
    progress: Progress | None = None,
) -> BacktestResult:
    """One backtest with everything it did.

    params    a model, or values that differ from its defaults
    bars      BAR rows, which are checked, or what `prepare` made of them
    progress  called with (bars done, bars) every two million bars

    raises    BadBars, StrategyError; pydantic.ValidationError for a parameter outside its range;
              ValueError if the strategy has no on_bar
    cost      O(bars); the first run of a strategy compiles it (seconds), later processes load it
    """
    data = bars if isinstance(bars, MarketData) else prepare(bars)
    chosen = settings_for(data, settings)
    model = _model(strategy, params)
    engine = Engine(strategy, data, chosen, keep=True)
    engine.go(model.record(), progress)
    return EngineResult(engine, model)


def run_many(
    strategy: CompiledStrategy,
    params: Rows,
    bars: Rows | MarketData,
    settings: Settings | None = None,
    *,
    progress: Progress | None = None,
) -> Rows:
    """The figures of one backtest a row of parameters; nothing else is kept.

    params  (n,) PARAMS records: `strategy.params.dtype()`
    ->      (n,) METRICS; a run whose strategy failed has `error` set and no figures
    raises  as `run`; pydantic.ValidationError for the first row outside its range
    cost    O(n * bars) time; memory does not grow with n but for the rows of the answer
    """
    data = bars if isinstance(bars, MarketData) else prepare(bars)
    check_params(strategy, params)
    engine = Engine(strategy, data, settings_for(data, settings), keep=False)
    out = np.zeros(len(params), METRICS)
    for i in range(len(params)):
        engine.clear()
        try:
            engine.go(params[i : i + 1])
        except StrategyError:
            out["error"][i] = int(engine.run["error"][0]) or ERROR_RAISED
            continue
        out[i] = engine.metrics[0]
        if progress is not None:
            progress(i + 1, len(params))
    return out


def settings_for(data: MarketData, settings: Settings | None) -> Settings:
    """The settings, with one Rules for each instrument where they name none."""
    chosen = settings or Settings()
    plain = chosen.instruments == (Rules(),)
    if plain and data.symbols != ("bars",):
        rules = tuple(Rules(symbol=s) for s in data.symbols)
        chosen = chosen.model_copy(update={"instruments": rules})
    return chosen


def check_params(strategy: CompiledStrategy, params: Rows) -> None:
    """Refuse a table of parameters of another layout, or with a value outside its range.

    raises  ValueError, pydantic.ValidationError
    cost    one model a row: about 2 us
    """
    if params.dtype != strategy.params.dtype():
        wanted = ", ".join(strategy.params.dtype().names or ())
        raise ValueError(f"{strategy.name}: params need the columns {wanted}, in this order")
    names = params.dtype.names or ()
    for row in params.tolist():
        strategy.params(**dict(zip(names, row, strict=True)))


def _model(strategy: CompiledStrategy, params: Params) -> StrategyParams:
    if isinstance(params, StrategyParams):
        return params
    return strategy.params(**(params or {}))


class EngineResult(BacktestResult):
    """A result whose larger tables and digests are made when somebody asks for them."""

    _engine: Engine
    _params: StrategyParams

    def __init__(self, engine: Engine, params: StrategyParams) -> None:
        run = engine.run[0]
        self._put("_engine", engine)
        self._put("_params", params)
        self._put("fills", engine.fills[: int(run["fills"])])
        self._put("orders", _closed(engine.rows[: int(run["orders"])], engine))
        self._put("metrics", engine.metrics)
        self._put("settings", engine.settings.model_dump(mode="json"))

    def _put(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)  # frozen for everybody else

    @cached_property
    def equity(self) -> Rows:
        """(steps,) EQUITY."""
        engine = self._engine
        if not engine.data.simple:
            return _equity_of_many(engine)
        bars, curve = engine.bars, engine.curve
        rows = np.zeros(len(bars), EQUITY)
        rows["ts"], rows["equity"], rows["price"] = bars["ts_event"], curve, bars["close"]
        used = len(self.fills)
        steps = engine.after["step"][:used]
        last = np.append(steps[1:] != steps[:-1], True) if used else np.zeros(0, np.bool_)
        starts = np.append(steps[last], len(bars))
        spans = np.diff(np.append(0, starts))
        for name, first, values in (
            ("position", 0.0, self.fills["position"]),
            ("cash", self.initial_balance, engine.after["cash"][:used]),
        ):
            rows[name] = np.repeat(np.append(first, values[last]), spans)
        return rows

    @cached_property
    def trades(self) -> Rows:
        """(k,) TRADE_ROW, with the excursions between entry and exit."""
        engine = self._engine
        trades: Rows = engine.trades[: int(engine.run["trades"][0])]
        _excursions(trades, engine.data)
        return trades

    @cached_property
    def prices(self) -> Rows:
        """(p,) PRICE_ROW: the closes of the other instruments' shortest bars."""
        others = _shortest(self._engine.data)
        del others[0]
        rows = np.zeros(sum(map(len, others.values())), PRICE_ROW)
        start = 0
        for instrument, bars in others.items():
            part = rows[start : start + len(bars)]
            part["ts"], part["instrument"], part["price"] = (
                bars["ts_event"], instrument, bars["close"],
            )  # fmt: skip
            start += len(bars)
        return rows

    @cached_property
    def identity(self) -> Mapping[str, Any]:
        """What was run on what: enough to repeat it."""
        engine = self._engine
        settings, data = engine.settings, engine.data
        return {
            "engine": ENGINE,
            "strategy": engine.strategy.name,
            "params": self._params.model_dump(mode="json"),
            "code_digest": engine.strategy.digest,
            "data_digest": data.digest,
            "instruments": [r.symbol for r in settings.instruments],
            "interval_ns": data.interval_ns,
            "initial_balance": settings.initial_balance,
            "currency": settings.currency,
            "fill_model": settings.fill,
            "seed": settings.seed,
            "dropped": int(engine.run["dropped"][0]),
        }

    @property
    def initial_balance(self) -> float:
        """The balance before the first bar."""
        return float(self._engine.settings.initial_balance)

    @property
    def final_equity(self) -> float:
        """Equity after the last step."""
        return float(self.metrics["final_equity"][0])


def _closed(rows: Rows, engine: Engine) -> Rows:
    """Order rows, with what the orders that still work have filled."""
    for desk in engine.desks:
        for order in desk["orders"][: int(desk["count"])]:
            rows["filled"][int(order["id"])] = order["filled"]
    return rows


def _equity_of_many(engine: Engine) -> Rows:
    events = engine.data.events
    steps = engine.curve.reshape(-1, 4)
    rows = np.zeros(len(steps), EQUITY)
    rows["ts"] = events["ts"][events["last"] == 1]
    for i, name in enumerate(("equity", "cash", "position", "price")):
        rows[name] = steps[:, i]
    return rows


def _shortest(data: MarketData) -> dict[int, Rows]:
    """By instrument, the bars that order its trade."""
    found: dict[int, Rows] = {}
    for instrument, bars in data.series:
        found.setdefault(instrument, bars)
    return found


def _excursions(trades: Rows, data: MarketData) -> None:
    """Fill in mae and mfe: the worst and best open result, from the bars of the trade.

    A bar in which the trade began or ended after its open counts with that price alone: what else
    it touched may not have been ours.
    """
    for instrument, bars in _shortest(data).items():
        mine = np.flatnonzero(trades["instrument"] == instrument)
        if not len(mine):
            continue
        chosen = trades[mine]
        opens = bars["ts_open"]
        first = np.searchsorted(opens, chosen["entry_ts"], side="left")
        until = np.searchsorted(opens, chosen["exit_ts"], side="right") - 1
        high, low = _extremes(bars["high"], bars["low"], first, until)
        high = np.fmax(high, chosen["exit_price"])  # fmax: NaN where no whole bar lies between
        low = np.fmin(low, chosen["exit_price"])
        up = (high - chosen["entry_price"]) * chosen["quantity"]
        down = (low - chosen["entry_price"]) * chosen["quantity"]
        long = chosen["side"] > 0
        trades["mfe"][mine] = np.maximum(np.where(long, up, -down), 0.0)
        trades["mae"][mine] = np.minimum(np.where(long, down, -up), 0.0)


def _extremes(
    highs: NDArray[np.float64],
    lows: NDArray[np.float64],
    first: NDArray[np.intp],
    until: NDArray[np.intp],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Largest high and smallest low of [first, until) for each pair; NaN for an empty one."""
    high, low = np.full(len(first), np.nan), np.full(len(first), np.nan)
    some = until > first
    if some.any():
        pairs = np.column_stack((first[some], until[some])).ravel()
        padded_high, padded_low = np.append(highs, -np.inf), np.append(lows, np.inf)
        high[some] = np.maximum.reduceat(padded_high, pairs)[::2]
        low[some] = np.minimum.reduceat(padded_low, pairs)[::2]
    return high, low


__all__ = [
    "BacktestResult",
    "BadBars",
    "MarketData",
    "Rules",
    "Settings",
    "StrategyError",
    "Tier",
    "bars_of",
    "check",
    "check_params",
    "prepare",
    "run",
    "run_many",
]
