"""Backtests of Python strategies on bars: the class that trades live, matched by compiled code.

    result = run(MyStrategy, {"fast": 10}, bars, Settings())

Theory of speed. A bar is an object with the numbers that the strategy reads
(`trading.backtest_bars`); the engine is entered only when the strategy has asked for something or
an order works, or a position may be liquidated. What is asked for is written as bytes where the
engine reads it, and noted as such; in the end the engine does it all once more in one compiled run,
which writes the equity curve, the orders and the trades of a result like any other.

What differs from live: numbers are floats, not Decimals; `submit_*` return nothing, for an order
has no name yet; `on_order_event` and `on_order_filled` get FILL's fields as a named tuple once the
bar is over; there are no quotes, books and timers.
"""

from array import array
from collections import namedtuple
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import repeat
from struct import Struct
from typing import Any, Final

import numpy as np

from messages.arrays import Rows
from messages.orders import OrderSide
from trading.backtest import EngineResult, settings_for
from trading.backtest_bars import objects, read_by
from trading.backtest_data import MarketData, prepare
from trading.backtest_run import Engine, StrategyError
from trading.backtest_settings import Settings
from trading.kernels.engine_python import PUPPET, SCRIPT_MAX, Nothing, settle
from trading.kernels.engine_records import ERROR_COUNT, FILLS_A_BAR_MAX
from trading.strategy import StrategyParams, class_digest
from trading.strategy_python import Strategy, tif_of
from trading.strategy_records import (
    AMEND,
    CANCEL,
    FILL,
    GTC,
    LIMIT,
    MARKET,
    ORDER,
    ORDERS_MAX,
    STOP_MARKET,
    SUBMIT,
)

Fill = namedtuple("Fill", FILL.names or ())  # type: ignore[misc]


@dataclass(slots=True)
class Position:
    """What is held; floats."""

    quantity: float = 0.0
    avg_px: float = 0.0


@dataclass(frozen=True, slots=True)
class Working:
    """One of the strategy's orders that is not closed."""

    sequence: int
    side: OrderSide
    price: float
    quantity: float
    leaves: float
    tag: int


class BarContext:
    """What `trading.strategy_python.Context` is live, on bars: the same names, floats."""

    __slots__ = (
        "_asks", "_engine", "_seen", "acting", "asked", "instrument_id", "now_ns", "open",
        "position", "touch",
    )  # fmt: skip

    def __init__(self, engine: Engine, symbol: str) -> None:
        self._engine = engine
        self._asks = engine.asks.view(np.uint8).data
        self._seen = engine.accounts["working"][0]
        self.asked = self.open = 0  # requests that stand in `asks`, orders that work
        self.acting = True
        self.instrument_id = symbol
        self.now_ns = 0
        self.position = Position()
        self.touch = (0.0, 0.0)

    @property
    def instrument(self) -> Any:
        """The rules of the simulated venue: tick, lot, min_quantity and so on."""
        return self._engine.settings.instruments[0]

    @property
    def working(self) -> tuple[Working, ...]:
        """Own orders that are not closed, oldest first."""
        if not self.open:
            return ()
        return tuple(
            Working(w[0], OrderSide.BUY if w[1] > 0 else OrderSide.SELL, w[3], w[4], w[5], w[7])
            for w in self._seen[: self.open].tolist()
        )

    def submit_market(
        self, side: OrderSide, quantity: float, *, reduce_only: bool = False, tag: int = 0
    ) -> None:
        """Ask for a market order."""
        self._ask(side, MARKET, quantity, reduce_only=reduce_only, tag=tag)

    def submit_limit(
        self, side: OrderSide, quantity: float, price: float, *, post_only: bool = False,
        time_in_force: str = "GTC", reduce_only: bool = False, tag: int = 0,
    ) -> None:  # fmt: skip
        """Ask for a limit order, at a tick that is no worse than `price`."""
        tif = tif_of(time_in_force)
        self._ask(side, LIMIT, quantity, price, 0.0, tif, post_only, reduce_only, tag)

    def submit_stop(
        self, side: OrderSide, quantity: float, trigger: float, *, reduce_only: bool = True,
        tag: int = 0,
    ) -> None:  # fmt: skip
        """Ask for a stop-market order."""
        self._ask(side, STOP_MARKET, quantity, 0.0, trigger, GTC, False, reduce_only, tag)

    def cancel(self, order: Working) -> None:
        """Ask to cancel one of `working`."""
        self._write(CANCEL, order.sequence, *_NOTHING)

    def amend(self, order: Working, quantity: float) -> None:
        """Ask for another total quantity of one of `working`."""
        self._write(AMEND, order.sequence, 0, 0, float(quantity), *_NOTHING[3:])

    def cancel_all(self) -> None:
        """Ask to cancel every working order."""
        for order in self.working:
            self.cancel(order)

    def execute(self, *_: Any, **__: Any) -> None:
        """Refused: an execution needs quotes and time, and a backtest on bars has neither."""
        raise ValueError(
            "ctx.execute: executions need a live market: in a backtest, submit orders, or run it"
            " with `manta run`"
        )

    def _ask(  # noqa: PLR0913, PLR0917 - an order has this many parts
        self, side: OrderSide, kind: int, quantity: float, price: float = 0.0,
        trigger: float = 0.0, tif: int = GTC, post_only: bool = False, reduce_only: bool = False,
        tag: int = 0,
    ) -> None:  # fmt: skip
        self._write(
            SUBMIT, -1, OrderSide(side).sign, kind, float(quantity), float(price), float(trigger),
            tif, bool(post_only), bool(reduce_only), int(tag), 0.0, 0, 0, -1,
        )  # fmt: skip

    def _write(self, *order: Any) -> None:
        if self.asked < ORDERS_MAX:  # the engine refuses more by their number
            _ORDER.pack_into(self._asks, self.asked * _ORDER.size, *order)
        self.asked += 1


_NOTHING: Final = (0, 0, 0.0, 0.0, 0.0, 0, 0, 0, 0, 0.0, 0, 0, -1)  # ORDER after `target`
# The same bytes as a record of ORDER: numpy takes ten times as long to write one.
_ORDER: Final = Struct(
    "<" + "".join("d" if ORDER[n].kind == "f" else "q" for n in ORDER.names or ())
)
assert _ORDER.size == ORDER.itemsize


class PythonResult(EngineResult):
    """The result of a Python strategy's backtest."""

    def __init__(self, engine: Engine, params: StrategyParams, cls: type[Strategy]) -> None:
        super().__init__(engine, params)
        self._put("_cls", cls)

    @cached_property
    def identity(self) -> Mapping[str, Any]:
        """What was run on what: enough to repeat it."""
        cls = self.__dict__["_cls"]
        known: Mapping[str, Any] = vars(EngineResult)["identity"].func(self)
        mine = {"strategy": cls.__name__, "code_digest": class_digest(cls)}
        return {**known, **mine, "engine": f"{known['engine']} python-1"}


def run(
    cls: type[Strategy],
    params: StrategyParams | Mapping[str, Any] | None,
    bars: Rows | MarketData,
    settings: Settings | None = None,
) -> PythonResult:
    """One backtest of a Python strategy.

    raises  BadBars, StrategyError; pydantic.ValidationError for a parameter outside its range;
            ValueError for several instruments, a timer, or a strategy without on_bar
    cost    about 0.3 us a bar more than the strategy's own code, and 3 us for each bar that asks
    """
    model = params if isinstance(params, StrategyParams) else cls.Params(**(params or {}))
    data = bars if isinstance(bars, MarketData) else prepare(bars)
    if not data.simple or cls.timer_ns or cls.on_bar is Strategy.on_bar:
        raise ValueError(
            f"{cls.__name__}: a Python strategy is run on the bars of one instrument and interval,"
            " with on_bar and without timer_ns"
        )
    chosen = settings_for(data, settings)
    script = _played(cls, model, data, chosen)
    engine = _engine(cls, data, chosen, keep=True)
    return PythonResult(_replayed(script, engine), model, cls)


class _Script:
    """What a strategy has asked for: requests as the bytes of ORDER, and the bar of each."""

    def __init__(self) -> None:
        self._bars, self._rows = array("q"), bytearray()

    def note(self, ctx: BarContext, bar: int) -> None:
        """Take what stands in `asks`, asked for on this bar."""
        count = min(ctx.asked, ORDERS_MAX)
        self._rows += ctx._asks[: count * _ORDER.size]
        self._bars.extend(repeat(bar, count))

    def read(self) -> tuple[Any, Rows]:
        """(bars, requests), oldest first."""
        return np.frombuffer(self._bars, np.int64), np.frombuffer(self._rows, ORDER)


def _played(cls: type[Strategy], model: Any, data: MarketData, settings: Settings) -> _Script:
    """Call the strategy bar by bar; what it asked for."""
    engine = _engine(cls, data, settings, keep=False)
    engine.run["tells"] = True
    hears = _listeners(cls)
    strategy: Any = cls(model)
    ctx: Any = BarContext(engine, settings.instruments[0].symbol)
    position, on_bar = ctx.position, strategy.on_bar
    heard = np.zeros(2 * (FILLS_A_BAR_MAX + 1), FILL)  # of a decision's close, and of the next bar
    engine.attach()
    engine.run["heard_at"] = heard.ctypes.data
    at, script, k, works = engine.run.ctypes.data, _Script(), 0, False
    margin = settings.account == "margin"  # a position may be liquidated
    try:
        strategy.on_start(ctx)
        for k, bar in enumerate(objects(engine.bars, {"ts_event", *read_by(cls)})):
            if (ctx.asked or works) and k:
                asked = ctx.asked
                if asked:
                    script.note(ctx, k - 1)
                    ctx.asked = 0
                position.quantity, position.avg_px, ctx.open, filled, error = settle(
                    at, k, min(asked, ORDERS_MAX + 1)
                )
                if error:
                    raise _refused(engine, k - 1)
                works = ctx.open or (margin and position.quantity)
                if filled and hears:
                    for fill in heard[:filled].tolist():
                        for method in hears:
                            getattr(strategy, method)(ctx, Fill(*fill))
            ctx.now_ns = bar.ts_event
            on_bar(ctx, bar)
    except StrategyError:
        raise
    except (Exception, SystemExit) as e:  # it may not end us as if all were well
        ts = int(engine.bars["ts_event"][k]) if len(engine.bars) else 0
        raise StrategyError(cls.__name__, ts, "", f"{type(e).__name__}: {e}") from e
    if ctx.asked > ORDERS_MAX:
        engine.run["error"], engine.run["error_value"] = ERROR_COUNT, ctx.asked
        raise _refused(engine, k)
    script.note(ctx, k)
    return script


def _engine(cls: type[Strategy], data: MarketData, settings: Settings, *, keep: bool) -> Engine:
    """The puppet's engine, under the strategy's name."""
    engine = Engine(PUPPET, data, settings, keep=keep)
    engine.strategy = replace(PUPPET, name=cls.__name__)
    return engine


def _refused(engine: Engine, bar: int) -> StrategyError:
    """What is wrong with the requests of this bar."""
    engine.accounts["ts"] = engine.bars["ts_event"][bar]
    return engine._error()


def _listeners(cls: type[Strategy]) -> tuple[str, ...]:
    """The methods that want to hear of fills."""
    special = ("on_order_filled",) if hasattr(cls, "on_order_filled") else ()
    return (
        special if cls.on_order_event is Strategy.on_order_event else (*special, "on_order_event")
    )


def _replayed(script: _Script, engine: Engine) -> Engine:
    """The engine after it has done all of this by itself."""
    bars, rows = script.read()
    engine.attach()
    state, params, done, first = engine.states[0], Nothing().record(), 0, 0
    while done < engine.steps:
        end, stop = len(bars), engine.steps
        if end - first > SCRIPT_MAX:
            # Whole bars only: the rest of the last one comes with the next part.
            end = int(np.searchsorted(bars, bars[first + SCRIPT_MAX - 1]))
            stop = int(bars[end])
        count = end - first
        state["next"], state["count"] = 0, count
        state["at"][:count], state["asked"][:count] = bars[first:end], rows[first:end]
        first = end
        done = _run_to(engine, done, stop, params)
    return engine


def _run_to(engine: Engine, done: int, stop: int, params: Rows) -> int:
    while done < stop:
        done = engine._slice(done, stop, params)
        if engine.run["error"][0]:
            raise engine._error()
        if engine.run["full"][0]:
            engine._more_room()
    return done
