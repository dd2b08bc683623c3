from decimal import Decimal
from typing import Any

from messages.orders import OrderSide
from strategies import load
from trading.strategy import StrategyParams
from trading.strategy_bench import Bench
from trading.strategy_python import Context, Strategy


class CrossParams(StrategyParams):
    """As trend following, without stops."""

    fast: int = 10
    slow: int = 20
    warmup: int = 5
    notional: float = 1000.0


class Cross(Strategy):
    """The EMA cross of the compiled strategy, in Python."""

    Params = CrossParams

    def __init__(self, params: Any) -> None:
        super().__init__(params)
        self.bars = 0
        self.fast = self.slow = 0.0

    def on_bar(self, ctx: Context, bar: Any) -> None:
        close, p = float(bar.close), self.params
        if self.bars == 0:
            self.fast = self.slow = close
        self.fast += (close - self.fast) * 2.0 / (p.fast + 1.0)
        self.slow += (close - self.slow) * 2.0 / (p.slow + 1.0)
        self.bars += 1
        if self.bars < p.warmup or ctx.working:
            return
        held = ctx.position.quantity
        if self.fast > self.slow and not held:
            ctx.submit_market(OrderSide.BUY, p.notional / close)
        elif self.fast < self.slow and held:
            ctx.submit_market(OrderSide.SELL, held)


class Diary(Strategy):
    """Writes down what it is told."""

    def __init__(self, params: Any) -> None:
        super().__init__(params)
        self.told: list[str] = []

    def on_start(self, ctx: Context) -> None:
        self.told.append("start")

    def on_quote_tick(self, ctx: Context, quote: Any) -> None:
        self.told.append(f"quote {quote.bid_price:.0f}")
        ctx.submit_limit(OrderSide.BUY, Decimal("0.01"), quote.bid_price, post_only=True)

    def on_order_filled(self, ctx: Context, event: Any) -> None:
        self.told.append(f"filled, now {ctx.position.quantity}")

    def on_order_event(self, ctx: Context, event: Any) -> None:
        self.told.append(event.kind)

    def on_book(self, ctx: Context, book: Any) -> None:
        self.told.append(f"book {book.bids.best:.0f} {book.asks.best:.0f}")


def test_the_python_contract_decides_as_the_compiled_one() -> None:
    closes = [60_000 + 400 * ((n * 7919) % 13 - 6) for n in range(120)]
    compiled = Bench(load("trend_following"), {"atr_stop": 0.0})
    plain = Bench(Cross)

    for close in closes:
        for bench in (compiled, plain):
            before = len(bench.orders)
            bench.bars(close)
            for order in bench.orders[before:]:
                bench.fill(order, close)

    assert len(plain.orders) > 4
    assert plain.orders == compiled.orders


def test_callbacks_go_from_the_special_to_the_general() -> None:
    bench = Bench(Diary)

    bench.quote(60_000, 60_000.01)
    bench.fill(bench.orders[0], 60_000)
    bench.book([(59_999, 1.0)], [(60_001, 1.0)])

    assert bench.state.memory.told == [
        "start", "quote 60000", "order_submitted", "filled, now 0.01", "order_filled",
        "book 59999 60001",
    ]  # fmt: skip


def test_attributes_survive_a_restart_and_the_start_does_not_repeat() -> None:
    bench = Bench(Diary)
    bench.quote(60_000, 60_000.01)

    bench.restart()

    assert bench.state.memory.told == ["start", "quote 60000"]


def test_what_happened_while_it_was_down_is_seen_but_not_acted_on() -> None:
    bench = Bench(Diary)
    bench.quote(60_000, 60_000.01)
    bench.restart(live=False)

    bench.quote(60_100, 60_100.01)
    bench.go_live()

    assert bench.state.memory.told[-1] == "quote 60100"
    assert len(bench.orders) == 1


class SaysBuy(Strategy):
    """Names the side with a text."""

    def on_quote(self, ctx: Context, quote: Any) -> None:
        ctx.submit_market("BUY", 0.01)  # type: ignore[arg-type]


def test_a_side_that_is_a_text_is_that_side_as_in_a_backtest() -> None:
    bench = Bench(SaysBuy)

    bench.quote(60_000, 60_001)

    assert [order.side for order in bench.orders] == [OrderSide.BUY]
