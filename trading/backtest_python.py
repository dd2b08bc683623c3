"""Backtests of Python strategies on bars: the class that trades live, matched by compiled code.

    result = run(MyStrategy, {"fast": 10}, bars, Settings())

Theory of speed. The border between Python and machine code is crossed once a bar, with a plain
tuple; into the engine only when the strategy has asked for something or an order works. What was
asked for is noted, and in the end the engine does it all once more in one compiled run, which
writes the equity curve, the orders and the trades of a result like any other.

What differs from live: numbers are floats, not Decimals; `submit_*` return nothing, for an order
has no name yet; `on_order_event` and `on_order_filled` get FILL's fields as a named tuple once the
bar is over; there are no quotes, books and timers.
"""

from collections import namedtuple
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from typing import Any, Final

import numpy as np

from messages.arrays import BAR, Rows
from messages.orders import OrderSide
from trading.backtest import EngineResult, settings_for
from trading.backtest_data import MarketData, prepare
from trading.backtest_run import Engine, StrategyError
from trading.backtest_settings import Settings
from trading.kernels.engine_python import PUPPET, SCRIPT_MAX, Nothing, settle
from trading.kernels.engine_records import FILLS_A_BAR_MAX
from trading.strategy import StrategyParams, class_digest
from trading.strategy_python import Strategy
from trading.strategy_records import (
    AMEND,
    CANCEL,
    FILL,
    FOK,
    GTC,
    IOC,
    LIMIT,
    MARKET,
    ORDERS_MAX,
    STOP_MARKET,
    SUBMIT,
)

_BAR: Final = BAR.names or ()
Bar = namedtuple("Bar", _BAR)  # type: ignore[misc]
Fill = namedtuple("Fill", FILL.names or ())  # type: ignore[misc]
_SLICE: Final = 1 << 13  # bars that are Python objects at once: they fit into the cache
_tuple: Final[Any] = tuple.__new__
_TIFS: Final = {"GTC": GTC, "IOC": IOC, "FOK": FOK}


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

    __slots__ = ("_engine", "acting", "asked", "instrument_id", "now_ns", "position", "touch")

    def __init__(self, engine: Engine, symbol: str) -> None:
        self._engine = engine
        self.asked: list[tuple[Any, ...]] = []  # ORDER rows
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
        account = self._engine.accounts[0]
        return tuple(
            Working(
                int(w["sequence"]), OrderSide.BUY if w["side"] > 0 else OrderSide.SELL,
                float(w["price"]), float(w["quantity"]), float(w["leaves"]), int(w["tag"]),
            )
            for w in account["working"][: int(account["working_count"])]
        )  # fmt: skip

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
        tif = _TIFS[time_in_force]
        self._ask(side, LIMIT, quantity, price, 0.0, tif, post_only, reduce_only, tag)

    def submit_stop(
        self, side: OrderSide, quantity: float, trigger: float, *, reduce_only: bool = True,
        tag: int = 0,
    ) -> None:  # fmt: skip
        """Ask for a stop-market order."""
        self._ask(side, STOP_MARKET, quantity, 0.0, trigger, GTC, False, reduce_only, tag)

    def cancel(self, order: Working) -> None:
        """Ask to cancel one of `working`."""
        self.asked.append((CANCEL, order.sequence, *_NOTHING))

    def amend(self, order: Working, quantity: float) -> None:
        """Ask for another total quantity of one of `working`."""
        self.asked.append((AMEND, order.sequence, 0, 0, float(quantity), *_NOTHING[3:]))

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
        self.asked.append(
            (SUBMIT, -1, 1 if side is OrderSide.BUY else -1, kind, float(quantity), float(price),
             float(trigger), tif, post_only, reduce_only, tag, 0.0, 0, 0, -1)
        )  # fmt: skip


_NOTHING: Final = (0, 0, 0.0, 0.0, 0.0, 0, 0, 0, 0, 0.0, 0, 0, -1)  # ORDER after `target`


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
    cost    about 1 us a bar more than the strategy's own code
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
    return PythonResult(_replayed(script, data, chosen), model, cls)


Asked = list[tuple[int, list[tuple[Any, ...]]]]


def _played(cls: type[Strategy], model: Any, data: MarketData, settings: Settings) -> Asked:
    """Call the strategy bar by bar; what it asked for, by bar."""
    engine = Engine(PUPPET, data, settings, keep=False)
    engine.run["tells"] = True
    hears = _listeners(cls)
    strategy: Any = cls(model)
    ctx = BarContext(engine, settings.instruments[0].symbol)
    asked, position, on_bar = ctx.asked, ctx.position, strategy.on_bar
    heard = np.zeros(2 * (FILLS_A_BAR_MAX + 1), FILL)  # of a decision's close, and of the next bar
    engine.attach()
    engine.run["heard_at"] = heard.ctypes.data
    asks, at = engine.asks, engine.run.ctypes.data
    script: Asked = []
    rows, k, working = engine.bars, 0, 0
    try:
        strategy.on_start(ctx)
        for start in range(0, len(rows), _SLICE):
            part = rows[start : start + _SLICE]
            columns = zip(*(part[n].tolist() for n in _BAR), strict=True)
            for bar in map(_tuple, repeat(Bar), columns):  # Bar(...), without a call a bar
                if (asked or working) and k:
                    count = min(len(asked), ORDERS_MAX + 1)
                    if count:
                        asks[: min(count, ORDERS_MAX)] = asked[:ORDERS_MAX]
                        script.append((k - 1, asked.copy()))
                        asked.clear()
                    position.quantity, position.avg_px, working, filled, error = settle(
                        at, k, count
                    )
                    if error:
                        raise engine._error()
                    if filled and hears:
                        for fill in heard[:filled].tolist():
                            for method in hears:
                                getattr(strategy, method)(ctx, Fill(*fill))
                ctx.now_ns = bar[1]
                on_bar(ctx, bar)
                k += 1
    except StrategyError:
        raise
    except Exception as e:
        ts = int(rows["ts_event"][min(k, len(rows) - 1)]) if len(rows) else 0
        raise StrategyError(cls.__name__, ts, "", f"{type(e).__name__}: {e}") from e
    if asked:
        script.append((k - 1, asked))
    return script


def _listeners(cls: type[Strategy]) -> tuple[str, ...]:
    """The methods that want to hear of fills."""
    special = ("on_order_filled",) if hasattr(cls, "on_order_filled") else ()
    return (
        special if cls.on_order_event is Strategy.on_order_event else (*special, "on_order_event")
    )


def _replayed(script: Asked, data: MarketData, settings: Settings) -> Engine:
    """The engine after it has done all of this by itself."""
    engine = Engine(PUPPET, data, settings, keep=True)
    flat = [(bar, row) for bar, asked in script for row in asked]
    engine.attach()
    state, params, done, first = engine.states[0], Nothing().record(), 0, 0
    while done < engine.steps:
        part = flat[first : first + SCRIPT_MAX]
        last = first + SCRIPT_MAX < len(flat)
        if last:  # whole bars only: the rest of the last one comes with the next part
            part = [p for p in part if p[0] < part[-1][0]]
        state["next"], state["count"] = 0, len(part)
        state["at"][: len(part)] = [bar for bar, _ in part]
        for i, (_, row) in enumerate(part):
            state["asked"][i] = row
        stop = flat[first + len(part)][0] if last else engine.steps
        first += len(part)
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
