"""A Python strategy in a backtest does what its compiled twin does, to the fill."""

from typing import Any, ClassVar

import numpy as np
import pytest
from candles import candles

from messages.orders import OrderSide
from trading import backtest
from trading.backtest import Rules, Settings, StrategyError
from trading.backtest_python import run
from trading.kernels.strategy import cancel, submit_limit, submit_market
from trading.strategy import BUY, SELL, CompiledStrategy, StrategyParams
from trading.strategy_python import Context, Strategy

BARS = candles(6_000, seed=4)
MONEY = Rules(tick=0.01, lot=0.001, min_notional=1.0)


class Params(StrategyParams):
    """Of both twins."""

    fast: int = 5
    slow: int = 12
    offset: float = 0.001


STATE = np.dtype([("fast", "f8"), ("slow", "f8"), ("bars", "i8")])


def on_bar(state: Any, params: Any, bar: Any, account: Any, orders: Any) -> int:
    """Buy with a limit below the close while the fast mean is above; sell at the market."""
    if state.bars == 0:
        state.fast = state.slow = bar.close
    state.fast += (bar.close - state.fast) / params.fast
    state.slow += (bar.close - state.slow) / params.slow
    state.bars += 1
    count = 0
    for i in range(account.working_count):
        count = cancel(orders, count, account.working[i].sequence)
    if state.fast > state.slow and account.position == 0.0:
        count = submit_limit(orders, count, BUY, 1.25, bar.close * (1.0 - params.offset))
    elif state.fast < state.slow and account.position > 0.0:
        count = submit_market(orders, count, SELL, account.position)
    return count


TWIN = CompiledStrategy(name="twin", params=Params, state=STATE, on_bar=on_bar)


class Twin(Strategy):
    """The same as a class."""

    Params = Params

    def __init__(self, params: Any) -> None:
        super().__init__(params)
        self.fast = self.slow = 0.0
        self.bars = 0

    def on_bar(self, ctx: Context, bar: Any) -> None:
        if self.bars == 0:
            self.fast = self.slow = bar.close
        self.fast += (bar.close - self.fast) / self.params.fast
        self.slow += (bar.close - self.slow) / self.params.slow
        self.bars += 1
        ctx.cancel_all()
        held = ctx.position.quantity
        if self.fast > self.slow and held == 0.0:
            ctx.submit_limit(OrderSide.BUY, 1.25, bar.close * (1.0 - self.params.offset))
        elif self.fast < self.slow and held > 0.0:
            ctx.submit_market(OrderSide.SELL, held)


@pytest.mark.parametrize(
    "assumed",
    [
        {}, {"fill": "close"}, {"fill": "path", "slippage": 0.0005},
        {"volume_share": 0.05, "limit_fill": "through"},
    ],
    ids=str,
)  # fmt: skip
def test_orders_fills_and_equity_equal_the_compiled_twins(assumed: dict[str, Any]) -> None:
    settings = Settings(instruments=(MONEY,), **assumed)

    python = run(Twin, {"fast": 4}, BARS, settings)
    compiled = backtest.run(TWIN, {"fast": 4}, BARS, settings)

    assert len(compiled.fills) > 100
    assert python.fills.tolist() == compiled.fills.tolist()
    assert python.orders.tolist() == compiled.orders.tolist()
    assert python.equity.tolist() == compiled.equity.tolist()
    assert python.trades.tolist() == compiled.trades.tolist()
    assert python.identity["strategy"] == "Twin"
    assert python.identity["params"]["fast"] == 4


def test_more_requests_than_one_script_holds_are_all_carried_out() -> None:
    bars = candles(9_000, seed=5)

    python = run(Twin, {"fast": 1, "slow": 2, "offset": 0.03}, bars, Settings())
    compiled = backtest.run(TWIN, {"fast": 1, "slow": 2, "offset": 0.03}, bars, Settings())

    assert len(compiled.orders) > 3_000  # and a cancel for each
    assert python.orders.tolist() == compiled.orders.tolist()
    assert python.final_equity == compiled.final_equity


class Hears(Strategy):
    """Buys once, and remembers what it heard."""

    heard: ClassVar[list[tuple[int, float]]] = []

    def on_bar(self, ctx: Context, bar: Any) -> None:
        if ctx.position.quantity == 0:
            ctx.submit_market(OrderSide.BUY, 1.0)

    def on_order_filled(self, ctx: Context, fill: Any) -> None:
        self.heard.append((fill.side, fill.price))


def test_a_strategy_hears_of_its_fills() -> None:
    Hears.heard.clear()

    result = run(Hears, {}, BARS[:50], Settings())

    assert [(1, float(result.fills["price"][0]))] == Hears.heard


class Raises(Hears):
    """Divides by zero at the third bar."""

    def on_bar(self, ctx: Context, bar: Any) -> None:
        if bar.ts_event >= BARS["ts_event"][2]:
            raise ZeroDivisionError("of course")


class AsksNonsense(Hears):
    """Wants no number of units."""

    def on_bar(self, ctx: Context, bar: Any) -> None:
        ctx.submit_market(OrderSide.BUY, float("nan"))


class NeedsTimer(Hears):
    """Lives on a timer."""

    timer_ns = 1_000


@pytest.mark.parametrize(
    ("cls", "error", "says"),
    [
        (Raises, StrategyError, "ZeroDivisionError: of course"),
        (AsksNonsense, StrategyError, "quantity is nan"),
        (NeedsTimer, ValueError, "timer_ns"),
        (Strategy, ValueError, "on_bar"),
    ],
)
def test_a_strategy_that_goes_wrong_is_named(
    cls: type[Strategy], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        run(cls, {}, BARS[:20], Settings())
