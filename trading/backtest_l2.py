"""Backtests on trades, quotes and order books: latency, queues, partial fills.

    rows = merge([book_rows(0, rules, deltas), trade_rows(0, rules, trades)], feed_latency_ns=2e6)
    result = run(STRATEGY, {"refresh_s": 0.5}, rows, L2Settings(queue_model="prob_log"))

The same compiled functions that trade live run here. docs/backtesting-l2.md tells what is assumed.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from messages.arrays import BAR as BAR_ROW
from messages.arrays import Rows
from trading.backtest_room import table
from trading.backtest_run import _WHAT, StrategyError, _said
from trading.backtest_settings import desk_records, run_record
from trading.kernels import l2_door
from trading.kernels.engine_kernel import telling
from trading.kernels.engine_records import AFTER, ROOM
from trading.kernels.l2_book import make_books
from trading.kernels.l2_loop import handled_kinds, loop
from trading.kernels.l2_records import BAR, DELTA, EVENT, FAR, MARKET, NONE, QUOTE
from trading.l2_events import BadEvents
from trading.l2_settings import L2Settings, line_record, series
from trading.result import EQUITY, FILL_ROW, METRICS, ORDER_ROW, TRADE_ROW, BacktestResult
from trading.strategy import CompiledStrategy, StrategyParams
from trading.strategy_records import ACCOUNT, BOOK, FILL, ORDER, ORDERS_MAX

ENGINE: Final = "events-2"
_AT: Final = "what was heard at"
TICKS_MAX: Final = 1 << 30  # ticks between the lowest and the highest level of one book
_ROWS: Final = 1 << 16
_SAMPLES_MAX: Final = 50_000_000

Params = StrategyParams | Mapping[str, Any] | None
Note = Callable[[str], None]


def run(
    strategy: CompiledStrategy,
    params: Params,
    events: Rows,
    settings: L2Settings | None = None,
    *,
    latency: Rows | None = None,
    bars: Rows | None = None,
    note: Note | None = None,
) -> BacktestResult:
    """One backtest with everything it did.

    params    a model, or values that differ from its defaults
    events    EVENT rows from `trading.l2_events.merge`
    latency   LATENCY rows, measured; None: the constants of the settings
    bars      BAR rows that `events` point to; None: there are none
    note      told what takes long: the first run of a strategy compiles it

    raises    BadEvents, StrategyError; pydantic.ValidationError for a parameter outside its range;
              ValueError for a strategy that no row can drive, or for bad measurements
    cost      50-150 ns a row; later processes load the machine code from disk
    """
    model = params if isinstance(params, StrategyParams) else strategy.params(**(params or {}))
    engine = L2Engine(strategy, events, settings or L2Settings(), latency, bars)
    engine.go(model.record(), note)
    return engine.result(model)


class L2Engine:
    """A strategy, rows and settings, ready to run once.

    raises  as `run`
    """

    def __init__(
        self,
        strategy: CompiledStrategy,
        events: Rows,
        settings: L2Settings,
        latency: Rows | None = None,
        bars: Rows | None = None,
    ) -> None:
        self.bars = np.zeros(0, BAR_ROW) if bars is None else bars.copy()
        _check(events, settings, self.bars)
        told = events["kind"] & BAR > 0
        self.bars["ts_init"][events["price"][told]] = events["ts_init"][told]
        self.strategy, self.settings = strategy, settings
        self.events = np.ascontiguousarray(events)
        self._loop = loop(strategy)
        money = settings.money()
        self.run, self.desks = run_record(money), desk_records(money)
        self.run["keep"] = self.run["tells"] = 1
        self.run["protection"] = settings.protection
        count = len(self.desks)
        react = strategy.on_fill is not None
        self.line = line_record(settings, events, strategy.timer_ns, react=react)
        self._series = series(settings, latency)
        for name, (times, delays) in zip(("there", "back"), self._series, strict=True):
            way = self.line[0][name][0]
            way["times"], way["delays"], way["count"] = (
                times.ctypes.data,
                delays.ctypes.data,
                len(times),
            )
        ordered = bool(self.line["ordered"][0])
        heard = np.argsort(events["ts_init"], kind="stable") if not ordered else np.zeros(1, int)
        self._heard = heard.astype(np.int64)
        spans = [_span(events, i) for i in range(count)]
        self._books, self._nears = make_books(spans), make_books(spans)
        for i, near in enumerate(self._nears[0]):
            mine = events["instrument"] == i
            quoted = bool((mine & (events["kind"] & QUOTE > 0)).any())
            near["depth"] = spans[i] is not None and (strategy.on_book is not None or not quoted)
            near["lots"] = 0
        self.accounts, self.seen = _accounts(self.desks), _accounts(self.desks)
        self.markets = np.zeros(count, MARKET)
        for name, value in (("best", NONE), ("worst", -NONE), ("last", NONE), ("low", NONE)):
            self.markets[name] = value
        self.markets["high"] = FAR
        self.states = np.zeros(count, strategy.state)
        self._scratch = np.zeros(ORDERS_MAX, ORDER)
        self._told, self._show = np.zeros(1, FILL), np.zeros(1, BOOK)
        self.metrics = np.zeros(1, METRICS)
        self._place()
        self._tables()

    def _place(self) -> None:
        """Tell the kernels where everything is that never moves."""
        line, run = self.line[0], self.run[0]
        line["run_at"], line["rows"] = _at(self.run), len(self.events)
        line["handled"] = handled_kinds(self.strategy)
        line["events_at"], line["heard_at"] = _at(self.events), _at(self._heard)
        line["markets_at"], line["bars_at"] = _at(self.markets), _at(self.bars)
        line["books_at"], line["nears_at"] = _at(self._books[0]), _at(self._nears[0])
        line["seens_at"], line["show_at"] = _at(self.seen), _at(self._show)
        run["desks_at"], run["desk_count"] = _at(self.desks), len(self.desks)
        run["accounts_at"], run["states_at"] = _at(self.accounts), _at(self.states)
        run["asks_at"], run["told_at"] = _at(self._scratch), _at(self._told)
        run["metrics_at"] = _at(self.metrics)

    def _tables(self) -> None:
        line = self.line[0]
        first, last = int(self.events["ts_event"][0]), int(line["ts_last"])
        samples = (last - first) // int(line["sample_ns"]) + 2
        if samples > _SAMPLES_MAX:
            raise ValueError(f"sample_s: {samples} rows of equity: choose a longer time")
        self.curve = table(samples, EQUITY)
        self.fills, self.after = table(_ROWS, FILL_ROW), table(_ROWS, AFTER)
        self.orders, self.trades = table(_ROWS, ORDER_ROW), table(_ROWS, TRADE_ROW)
        self._attach()

    def _attach(self) -> None:
        """Tell the kernels where the tables are that may move, and how much room there is."""
        line, run = self.line[0], self.run[0]
        line["orders_at"], line["curve_at"] = _at(self.orders), _at(self.curve)
        run["fills_at"], run["after_at"] = _at(self.fills), _at(self.after)
        run["trades_at"], line["curve_room"] = _at(self.trades), len(self.curve)
        run["orders_room"], run["fills_room"] = len(self.orders), len(self.fills)
        run["full"] = 0

    def go(self, params: Rows, note: Note | None = None) -> None:
        """Run from the first row to the last; raises StrategyError."""
        run, line = self.run[0], self.line[0]
        run["params_at"] = _at(params)
        with telling(_noted(note)):
            line["engine"] = l2_door.address()
            self._go_on()

    def _go_on(self) -> None:
        run, line = self.run[0], self.line[0]
        while not line["finished"]:
            self._more()
            if run["error"]:
                raise _error(self.strategy, self.run, int(line["local_now"]))
            if run["full"]:
                self._more_room()

    def _more(self) -> None:
        try:
            self._loop(_at(self.line))
        except Exception as e:
            ts = int(self.line["local_now"][0])
            raise StrategyError(self.strategy.name, ts, "", _said(e), _AT) from e

    def _more_room(self) -> None:
        """Double the tables that run short; called between two decisions."""
        run = self.run[0]
        orders, fills, trades = int(run["orders"]), int(run["fills"]), int(run["trades"])
        if orders + ROOM > run["orders_room"]:
            self.orders = _grown(self.orders, orders)
        if fills + ROOM > run["fills_room"]:
            self.fills, self.after = _grown(self.fills, fills), _grown(self.after, fills)
            self.trades = _grown(self.trades, trades)
        self._attach()

    def result(self, model: StrategyParams) -> BacktestResult:
        """What the finished run leaves behind."""
        run, settings = self.run[0], self.settings
        trades = self.trades[: int(run["trades"])]
        curve = self.curve[: int(self.line["samples"][0])]
        _excursions(trades, curve)
        identity = {
            "engine": ENGINE,
            "strategy": self.strategy.name,
            "params": model.model_dump(mode="json"),
            "code_digest": self.strategy.digest,
            "data_digest": hashlib.sha256(self.events.tobytes() + self.bars.tobytes()).hexdigest(),
            "instruments": [r.symbol for r in settings.instruments],
            "interval_ns": int(self.line["sample_ns"][0]),
            "initial_balance": settings.initial_balance,
            "currency": settings.currency,
            "fill_model": f"book/{settings.queue_model}/{settings.maker_fill}",
            "seed": settings.seed,
            "dropped": int(run["dropped"]),
        }
        return BacktestResult(
            equity=curve,
            fills=self.fills[: int(run["fills"])],
            orders=self.orders[: int(run["orders"])],
            trades=trades,
            settings=settings.model_dump(mode="json"),
            identity=identity,
            metrics=self.metrics,
        )


def _noted(note: Note | None) -> Note:
    """What says that something is compiled."""

    def said(name: str) -> None:
        if note is not None:
            note(f"compiling {name} for trades, quotes and books (once)")

    return said


def _check(events: Rows, settings: L2Settings, bars: Rows) -> None:
    if events.dtype != EVENT:
        raise BadEvents("events: expected the rows that trading.l2_events.merge makes")
    if len(events) == 0:
        raise BadEvents("events: no rows: nothing to trade on")
    late = np.diff(events["ts_event"]) < 0
    if late.any():
        row = int(np.argmax(late)) + 1
        raise BadEvents(f"events row {row}: ts_event is before the row before: sort with merge()")
    if (events["ts_init"] < events["ts_event"]).any():
        row = int(np.argmax(events["ts_init"] < events["ts_event"]))
        raise BadEvents(f"events row {row}: ts_init is before ts_event: correct the data")
    told = events["kind"] & BAR > 0
    at = events["price"][told]
    if len(at) and (bars.dtype != BAR_ROW or at.min() < 0 or at.max() >= len(bars)):
        raise BadEvents(f"events: they point to bar {at.max()}, of {len(bars)}: give these bars")
    highest, known = int(events["instrument"].max()), len(settings.instruments)
    if events["instrument"].min() < 0 or highest >= known:
        raise BadEvents(f"events: instrument {highest}, the settings have {known}: add its Rules")


def _span(events: Rows, instrument: int) -> tuple[int, int] | None:
    """The ticks between which an instrument's levels lie; None if it has no depth."""
    mine = (events["instrument"] == instrument) & (events["kind"] & DELTA > 0)
    if not mine.any():
        return None
    ticks = events["price"][mine]
    first, last = int(ticks.min()), int(ticks.max())
    if last - first > TICKS_MAX:
        raise BadEvents(
            f"events of instrument {instrument}: levels from tick {first} to {last} are"
            f" {last - first} ticks apart, of at most {TICKS_MAX}: drop the farthest ones"
        )
    return first, last


def _accounts(desks: Rows) -> Rows:
    accounts = np.zeros(len(desks), ACCOUNT)
    accounts["acting"] = 1
    for name in ("tick", "lot", "min_quantity", "min_notional", "maker_fee", "taker_fee"):
        accounts[name] = desks[name]
    return accounts


def _at(rows: NDArray[Any]) -> int:
    return int(rows.ctypes.data)


def _grown(old: Rows, used: int) -> Rows:
    new: Rows = table(2 * len(old), old.dtype)
    new[:used] = old[:used]
    return new


def _error(strategy: CompiledStrategy, runs: Rows, ts: int) -> StrategyError:
    run = runs[0]
    field, rule = _WHAT[int(run["error"])]
    what = f"request {int(run['error_request'])}: {field} is {float(run['error_value']):g}: {rule}"
    return StrategyError(strategy.name, ts, field, what, _AT)


def _excursions(trades: Rows, curve: Rows) -> None:
    """Fill in mae and mfe from the samples between entry and exit, and the two prices."""
    if not len(trades):
        return
    first = np.searchsorted(curve["ts"], trades["entry_ts"], side="left")
    until = np.searchsorted(curve["ts"], trades["exit_ts"], side="left")
    price = np.append(curve["price"], curve["price"][-1:])
    pairs = np.column_stack((first, np.maximum(until, first + 1))).ravel()
    high = np.maximum.reduceat(price, pairs)[::2]
    low = np.minimum.reduceat(price, pairs)[::2]
    some = until > first
    high = np.where(some, np.maximum(high, trades["exit_price"]), trades["exit_price"])
    low = np.where(some, np.minimum(low, trades["exit_price"]), trades["exit_price"])
    up = (high - trades["entry_price"]) * trades["quantity"]
    down = (low - trades["entry_price"]) * trades["quantity"]
    long = trades["side"] > 0
    trades["mfe"] = np.maximum(np.where(long, up, -down), 0.0)
    trades["mae"] = np.minimum(np.where(long, down, -up), 0.0)
    trades["bars"] = until - first


__all__ = ["BadEvents", "L2Engine", "L2Settings", "StrategyError", "run"]
