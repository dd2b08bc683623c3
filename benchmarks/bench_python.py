"""W1's strategy on the Python contract: the same averages and decisions, in a class."""

from typing import Any

from messages.orders import OrderSide
from trading.strategy import StrategyParams
from trading.strategy_python import Context, Strategy


class Cross(Strategy):
    """An EMA cross, long or flat, one unit."""

    class Params(StrategyParams):
        """Periods in bars."""

        fast: int = 10
        slow: int = 20

    def __init__(self, params: Any) -> None:
        super().__init__(params)
        self.fast = self.slow = 0.0
        self.seen = 0

    def on_bar(self, ctx: Context, bar: Any) -> None:
        close = float(bar.close)
        if self.seen == 0:
            self.fast = self.slow = close
        self.fast += (close - self.fast) * (2.0 / (self.params.fast + 1.0))
        self.slow += (close - self.slow) * (2.0 / (self.params.slow + 1.0))
        self.seen += 1
        if self.seen < self.params.slow:
            return
        held = ctx.position.quantity
        if self.fast > self.slow and held == 0:
            ctx.submit_market(OrderSide.BUY, 1)
        elif self.fast < self.slow and held > 0:
            ctx.submit_market(OrderSide.SELL, held)
