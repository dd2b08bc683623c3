"""A Python strategy in a backtest does what its compiled twin does, to the fill."""

from typing import Any, ClassVar

import numpy as np
import pytest
from candles import candles

from messages.orders import OrderSide
from trading import backtest
from trading.backtest import Rules, Settings, StrategyError
from trading.backtest_python import run
from trading.kernels.strategy import amend, cancel, submit_limit, submit_market, submit_stop
from trading.strategy import BUY, FOK, GTC, IOC, SELL, CompiledStrategy, StrategyParams
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


MIXED = np.dtype([("bars", "i8")])


def on_mixed_bar(state: Any, params: Any, bar: Any, account: Any, orders: Any) -> int:
    """Another kind of request at each bar; tags say what was seen."""
    turn, count, price = state.bars % 8, 0, bar.close
    state.bars += 1
    seen = account.working_count * 1000 + state.bars % 1000
    if turn == 0:
        count = submit_limit(orders, count, BUY, 1.0, price * 0.998, True, GTC, False, seen)
        count = submit_limit(orders, count, BUY, 2.0, price * 0.99, False, GTC, False, seen)
    elif turn == 1:
        count = submit_limit(orders, count, BUY, 1.5, price * 1.001, False, IOC, False, seen)
    elif turn == 2:
        count = submit_stop(orders, count, SELL, 1.0, price * 0.997, True, seen)
        count = submit_stop(orders, count, BUY, 0.5, price * 1.002, False, seen)
    elif turn == 3 and account.working_count > 0:
        oldest = account.working[0]
        count = amend(orders, count, oldest.sequence, oldest.leaves * 0.5)
    elif turn == 4:
        count = submit_limit(orders, count, SELL, 0.7, price * 0.99, False, FOK, True, seen)
    elif turn == 5:
        count = submit_market(orders, count, SELL, abs(account.position) * 0.5, False, seen)
    elif turn == 6 and account.working_count > 1:
        count = cancel(orders, count, account.working[account.working_count - 1].sequence)
    elif turn == 7 and state.bars % 5 == 0:
        for i in range(account.working_count):
            count = cancel(orders, count, account.working[i].sequence)
        count = submit_market(orders, count, SELL, account.position, account.position > 0.0, seen)
    return count


MIX = CompiledStrategy(name="mix", params=Params, state=MIXED, on_bar=on_mixed_bar)


class Mix(Strategy):
    """The same as a class."""

    Params = Params

    def __init__(self, params: Any) -> None:
        super().__init__(params)
        self.bars = 0

    def on_bar(self, ctx: Context, bar: Any) -> None:
        turn, price, working = self.bars % 8, bar.close, ctx.working
        held = float(ctx.position.quantity)
        self.bars += 1
        seen = len(working) * 1000 + self.bars % 1000
        if turn == 0:
            ctx.submit_limit(OrderSide.BUY, 1.0, price * 0.998, post_only=True, tag=seen)
            ctx.submit_limit(OrderSide.BUY, 2.0, price * 0.99, tag=seen)
        elif turn == 1:
            ctx.submit_limit(OrderSide.BUY, 1.5, price * 1.001, time_in_force="IOC", tag=seen)
        elif turn == 2:
            ctx.submit_stop(OrderSide.SELL, 1.0, price * 0.997, tag=seen)
            ctx.submit_stop(OrderSide.BUY, 0.5, price * 1.002, reduce_only=False, tag=seen)
        elif turn == 3 and working:
            ctx.amend(working[0], float(working[0].leaves) * 0.5)
        elif turn == 4:
            ctx.submit_limit(
                OrderSide.SELL, 0.7, price * 0.99, time_in_force="FOK", reduce_only=True, tag=seen
            )
        elif turn == 5:
            ctx.submit_market(OrderSide.SELL, abs(held) * 0.5, tag=seen)
        elif turn == 6 and len(working) > 1:
            ctx.cancel(working[-1])
        elif turn == 7 and self.bars % 5 == 0:
            ctx.cancel_all()
            ctx.submit_market(OrderSide.SELL, held, reduce_only=held > 0.0, tag=seen)


@pytest.mark.parametrize("fill", ["next_open", "close", "path"])
def test_requests_of_every_kind_come_to_what_the_compiled_twins_do(fill: str) -> None:
    settings = Settings.model_validate({"instruments": (MONEY,), "fill": fill})

    python = run(Mix, {}, BARS, settings)
    compiled = backtest.run(MIX, {}, BARS, settings)

    assert len(compiled.fills) > 1_000
    assert len(set(compiled.orders["status"].tolist())) > 2
    assert python.orders.tolist() == compiled.orders.tolist()
    assert python.fills.tolist() == compiled.fills.tolist()
    assert python.equity.tolist() == compiled.equity.tolist()


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


class BuysAgain(Strategy):
    """Holds four times its money, and one unit whenever it holds nothing."""

    def on_bar(self, ctx: Context, bar: Any) -> None:
        if ctx.position.quantity == 0.0 and not ctx.working:
            ctx.submit_market(OrderSide.BUY, 400.0 if bar.ts_open == FALL["ts_open"][0] else 1.0)


FALL = BARS[:30].copy()
for _price in ("open", "high", "low", "close"):
    FALL[_price] = np.linspace(100.0, 60.0, 30).round(2)


def test_a_position_that_was_liquidated_is_gone_at_the_next_bar() -> None:
    settings = Settings(account="margin", leverage=5.0, taker_fee=0.0)

    result = run(BuysAgain, {}, FALL, settings)

    assert result.fills["side"].tolist() == [1, -1, 1]
    assert result.fills["quantity"].tolist() == [400.0, 400.0, 1.0]


class SaysBuy(Hears):
    """Names the side with a text."""

    def on_bar(self, ctx: Context, bar: Any) -> None:
        ctx.submit_market("BUY", 1.0)  # type: ignore[arg-type]


class SaysNoSide(Hears):
    """Names no side."""

    def on_bar(self, ctx: Context, bar: Any) -> None:
        ctx.submit_market(1, 1.0)  # type: ignore[arg-type]


class SaysGtd(Hears):
    """Wants what an order cannot have."""

    def on_bar(self, ctx: Context, bar: Any) -> None:
        ctx.submit_limit(OrderSide.BUY, 1.0, 1.0, time_in_force="GTD")


def test_a_side_that_is_a_text_is_that_side() -> None:
    assert set(run(SaysBuy, {}, BARS[:20], Settings()).fills["side"].tolist()) == {1}


class Raises(Hears):
    """Divides by zero at the third bar."""

    def on_bar(self, ctx: Context, bar: Any) -> None:
        if bar.ts_event >= BARS["ts_event"][2]:
            raise ZeroDivisionError("of course")


class Exits(Hears):
    """Would end the process, as if all were well."""

    def on_bar(self, ctx: Context, bar: Any) -> None:
        raise SystemExit(0)


class AsksNonsense(Hears):
    """Wants no number of units."""

    def on_bar(self, ctx: Context, bar: Any) -> None:
        ctx.submit_market(OrderSide.BUY, float("nan"))


class AsksTooMuch(Hears):
    """Asks 65 times at the last bar, which no other follows."""

    def on_bar(self, ctx: Context, bar: Any) -> None:
        if bar.ts_event == BARS["ts_event"][19]:
            for _ in range(65):
                ctx.submit_market(OrderSide.BUY, 1.0)


class NonsenseAtTheEnd(Hears):
    """Wants no number of units at the last bar."""

    def on_bar(self, ctx: Context, bar: Any) -> None:
        if bar.ts_event == BARS["ts_event"][19]:
            ctx.submit_market(OrderSide.BUY, float("nan"))


class NeedsTimer(Hears):
    """Lives on a timer."""

    timer_ns = 1_000


@pytest.mark.parametrize(
    ("cls", "error", "says"),
    [
        (Raises, StrategyError, "ZeroDivisionError: of course"),
        (Exits, StrategyError, "Exits: .*2022-01-08T00:01:00Z.*SystemExit: 0"),
        (AsksNonsense, StrategyError, "AsksNonsense: .*2022-01-08T00:01:00Z.* quantity is nan"),
        (AsksTooMuch, StrategyError, "AsksTooMuch: .*2022-01-08T00:20:00Z.* count is 65"),
        (NonsenseAtTheEnd, StrategyError, "NonsenseAtTheEnd: .*T00:20:00Z.* quantity is nan"),
        (SaysNoSide, StrategyError, "SaysNoSide: .*1 is not a valid OrderSide"),
        (SaysGtd, StrategyError, "SaysGtd: .*'GTD' is none of GTC, IOC, FOK"),
        (NeedsTimer, ValueError, "timer_ns"),
        (Strategy, ValueError, "on_bar"),
    ],
)
def test_a_strategy_that_goes_wrong_is_named(
    cls: type[Strategy], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        run(cls, {}, BARS[:20], Settings())
