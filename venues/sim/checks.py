"""Why the venue refuses an order, in the order in which it looks."""

from decimal import Decimal

from messages.base import VenueOrderId
from messages.market import Product
from messages.orders import OrderSpec
from venues.sim.clearing import Clearing
from venues.sim.matching import Market
from venues.sim.orders import VenueOrder
from venues.sim.refusals import Refusal
from venues.sim.units import steps_in


def admit(spec: OrderSpec, market: Market, clearing: Clearing) -> VenueOrder | Refusal:
    """The order in the venue's integers, still without its id, or why it is refused."""
    order = _on_grid(spec, market, clearing.now_ns)
    if isinstance(order, Refusal):
        return order
    return _refusal(order, market, clearing) or order


def amendment(
    order: VenueOrder, lots: int | None, price: int | None, market: Market, clearing: Clearing
) -> Refusal | None:
    """Why the order cannot have `lots` in total at `price`; None if it can."""
    if lots is None:
        return Refusal.LOT_SIZE
    if lots == order.lots and price == order.price:
        return Refusal.AMEND_NOTHING
    if lots <= order.filled:
        return Refusal.AMEND_FILLED
    if lots <= order.lots and price == order.price:
        return None
    before = order.lots, order.price
    order.lots, order.price = lots, price
    affordable = clearing.affords(order, (price or 0) * order.leaves)
    order.lots, order.price = before
    if not affordable:
        return clearing.refusal(order)
    taking = price is not None and not order.waits and market.would_take(order.sign, price)
    return Refusal.WOULD_TAKE if order.spec.post_only and taking else None


def on_steps(market: Market, price: Decimal | None, quantity: Decimal) -> Refusal | None:
    """Whether price and quantity keep to the rules that hold now."""
    rules = market.rules
    if price is not None and steps_in(price, rules.price_increment) is None:
        return Refusal.PRICE_INCREMENT
    if steps_in(quantity, rules.size_increment) is None:
        return Refusal.LOT_SIZE
    if not rules.min_quantity <= quantity <= rules.max_quantity:
        return Refusal.LOT_SIZE
    return None


def _refusal(order: VenueOrder, market: Market, clearing: Clearing) -> Refusal | None:
    spec = order.spec
    if _too_small(order, market):
        return Refusal.MIN_NOTIONAL
    if spec.client_order_id in clearing.open:
        return Refusal.DUPLICATE
    if order.trigger is not None:
        if market.triggers(order):
            return Refusal.WOULD_TRIGGER
    elif spec.post_only and order.price and market.would_take(order.sign, order.price):
        return Refusal.WOULD_TAKE
    elif spec.reduce_only and not clearing.reducible(order):
        return Refusal.NOT_REDUCING
    return None if clearing.affords(order, market.worth(order)) else clearing.refusal(order)


def _on_grid(spec: OrderSpec, market: Market, now_ns: int) -> VenueOrder | Refusal:
    grid = market.grid
    for price in (spec.price, spec.trigger_price):
        if (refusal := on_steps(market, price, spec.quantity)) is not None:
            return refusal
    lots = grid.lots(spec.quantity)
    assert lots is not None, "the rules' steps are multiples of the grid's"
    return VenueOrder(
        spec=spec,
        grid=grid,
        venue_order_id=VenueOrderId(""),
        sign=spec.side.sign,
        lots=lots,
        price=None if spec.price is None else grid.ticks(spec.price),
        trigger=None if spec.trigger_price is None else grid.ticks(spec.trigger_price),
        ts_ns=now_ns,
    )


def _too_small(order: VenueOrder, market: Market) -> bool:
    rules = market.rules
    least = rules.min_notional
    if not least or (rules.product is Product.LINEAR and order.spec.reduce_only):
        return False  # what closes a position may be as small as the position
    tick = order.price or order.trigger or market.reference(order.sign)
    if tick is None:
        return False  # an unpriced order before the first market data has no notional to judge
    return tick * order.lots * order.grid.tick_lot_units < order.grid.quote.units(least)
