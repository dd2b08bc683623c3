"""A round of everything that an order can do at a venue, again and again, with the smallest sizes.

In each round a post-only bid far from the market is placed, made smaller, and canceled; then a
small amount is bought and sold again at market. What the venue accepts, amends, cancels and fills
is then seen in `manta orders`, and in the venue's own ledger.
"""

from decimal import Decimal
from typing import Any

from pydantic import Field

from messages.market import Instrument, Product
from messages.orders import OrderFilled, OrderSide
from trading.strategy import StrategyParams
from trading.strategy_python import Context, Strategy
from trading.strategy_turn import to_lots

AWAY = 0.98  # of the best bid: far from trading
STEPS = ("place", "amend", "cancel", "buy", "sell")


class Params(StrategyParams):
    """How large, and how often."""

    notional: float = Field(100.0, gt=0, description="of each order, in quote currency")
    step_s: float = Field(1.0, gt=0, description="seconds between two steps of a round")


class VenueCheck(Strategy):
    """One step at a time; a step whose order is still under way is tried again."""

    Params = Params
    timer_ns = 250_000_000

    def __init__(self, params: Any) -> None:
        super().__init__(params)
        self.step = 0
        self.due_ns = 0
        self.rounds = 0
        self.taken: dict[str, str] = {}  # by fees, in each currency

    def on_quote(self, ctx: Context, quote: Any) -> None:
        """The touch is kept by the context; nothing is decided on quotes."""

    def on_timer(self, ctx: Context) -> None:
        bid, _ = ctx.touch
        if bid <= 0 or not ctx.acting or ctx.now_ns < self.due_ns:
            return
        if getattr(self, f"_{STEPS[self.step]}")(ctx, bid):
            self.due_ns = ctx.now_ns + int(self.params.step_s * 1e9)
            self.step = (self.step + 1) % len(STEPS)
            self.rounds += self.step == 0

    def on_order_filled(self, ctx: Context, event: OrderFilled) -> None:
        taken = Decimal(self.taken.get(event.currency, "0"))
        self.taken[event.currency] = str(taken + event.commission)

    def _size(self, bid: float) -> Decimal:
        return Decimal(str(self.params.notional / bid))

    def _place(self, ctx: Context, bid: float) -> bool:
        size = 2 * self._size(bid)
        return ctx.submit_limit(OrderSide.BUY, size, bid * AWAY, post_only=True) is not None

    def _amend(self, ctx: Context, bid: float) -> bool:
        size = self._size(bid)
        larger = [o for o in ctx.working if o.spec.post_only and o.quantity > size]
        return all([ctx.amend(order, size) for order in larger])

    def _cancel(self, ctx: Context, bid: float) -> bool:
        ctx.cancel_all()
        return True

    def _buy(self, ctx: Context, bid: float) -> bool:
        return ctx.submit_market(OrderSide.BUY, self._size(bid)) is not None

    def _sell(self, ctx: Context, bid: float) -> bool:
        rules, held = ctx.instrument, ctx.position.quantity
        if rules is None:
            return False
        size = to_lots(rules, self._free(rules, held))
        if size < max(rules.min_quantity, rules.size_increment):
            return True  # nothing, or dust: the next round's purchase comes on top of it
        return ctx.submit_market(OrderSide.SELL, size) is not None

    def _free(self, rules: Instrument, held: Decimal) -> Decimal:
        """What is there to sell: a spot venue may take its fee out of what was bought."""
        if rules.product is not Product.SPOT:
            return held
        return min(held, held - Decimal(self.taken.get(rules.base, "0")))
