"""The strategy of benchmarks/messaging.py: one order at a time, away from the market, then back."""

from typing import Any

from messages.orders import OrderSide
from trading.strategy_python import Context, Strategy

_AWAY = 0.99


class Asker(Strategy):
    """Sixteen times a second: an order one per cent below the bid, or the end of the last one.

    Eight orders a second are less than the venue's limit leaves to orders, nine: what is measured
    is the path, not the wait for a limit.
    """

    timer_ns = 62_500_000

    def on_quote(self, ctx: Context, quote: Any) -> None:
        """Quotes keep the strategy acting; it decides by the clock."""

    def on_timer(self, ctx: Context) -> None:
        if ctx.working:
            ctx.cancel_all()
        elif ctx.touch[0] > 0.0:
            ctx.submit_limit(OrderSide.BUY, 0.01, ctx.touch[0] * _AWAY, post_only=True)
