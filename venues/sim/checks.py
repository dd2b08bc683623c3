"""Why the venue refuses an order, with Binance's codes, in the order in which it looks.

Codes and messages: https://developers.binance.com/docs/binance-spot-api-docs/errors
(-2022 is the derivatives venue's code: spot has no reduce-only.)
"""

from typing import Final

from messages.base import VenueOrderId
from messages.orders import OrderSpec, OrderType
from venues.sim.clearing import Clearing
from venues.sim.matching import Market
from venues.sim.orders import VenueOrder

Refusal = tuple[str, str]  # code, reason

INVALID_SYMBOL: Final = ("-1121", "Invalid symbol.")
PRICE_FILTER: Final = ("-1013", "Filter failure: PRICE_FILTER")
LOT_SIZE: Final = ("-1013", "Filter failure: LOT_SIZE")
NOTIONAL: Final = ("-1013", "Filter failure: NOTIONAL")
DUPLICATE: Final = ("-2010", "Duplicate order sent.")
WOULD_TRIGGER: Final = ("-2010", "Stop price would trigger immediately.")
WOULD_TAKE: Final = ("-2010", "Order would immediately match and take.")
TOO_POOR: Final = ("-2010", "Account has insufficient balance for requested action.")
NOT_REDUCING: Final = ("-2022", "ReduceOnly Order is rejected.")
UNKNOWN_ORDER: Final = ("-2011", "Unknown order sent.")
AMEND_UNKNOWN: Final = ("-2038", "Unknown order sent.")
AMEND_INCREASE: Final = ("-2038", "Order amend (quantity increase) is not supported.")
AMEND_NOTHING: Final = ("-2038", "The requested action would change no state; rejecting.")


def admit(
    spec: OrderSpec, market: Market, clearing: Clearing, venue_order_id: str
) -> VenueOrder | Refusal:
    """The order in the venue's integers, or why it is refused."""
    order = _on_grid(spec, market, clearing.now_ns, venue_order_id)
    if isinstance(order, tuple):
        return order
    return _refusal(order, market, clearing) or order


def _refusal(order: VenueOrder, market: Market, clearing: Clearing) -> Refusal | None:
    spec = order.spec
    if _too_small(order, market):
        return NOTIONAL
    if spec.client_order_id in clearing.open:
        return DUPLICATE
    if order.trigger is not None:
        if market.triggers(order.sign, order.trigger):
            return WOULD_TRIGGER
    elif spec.post_only and order.price and market.would_take(order.sign, order.price):
        return WOULD_TAKE
    elif spec.reduce_only and not clearing.reducible(order):
        return NOT_REDUCING
    return None if _affordable(order, market, clearing) else TOO_POOR


def amendment(order: VenueOrder, lots: int | None) -> Refusal | None:
    """Why the order cannot have `lots` in total; None if it can."""
    if lots is None:
        return LOT_SIZE
    if lots > order.lots:
        return AMEND_INCREASE
    if lots == order.lots or lots <= order.filled:
        return AMEND_NOTHING
    return None


def _on_grid(
    spec: OrderSpec, market: Market, now_ns: int, venue_order_id: str
) -> VenueOrder | Refusal:
    grid = market.grid
    instrument = grid.instrument
    price = trigger = None
    if spec.price is not None and (price := grid.ticks(spec.price)) is None:
        return PRICE_FILTER
    if spec.trigger_price is not None and (trigger := grid.ticks(spec.trigger_price)) is None:
        return PRICE_FILTER
    lots = grid.lots(spec.quantity)
    if lots is None or not instrument.min_quantity <= spec.quantity <= instrument.max_quantity:
        return LOT_SIZE
    return VenueOrder(
        spec=spec,
        grid=grid,
        venue_order_id=VenueOrderId(venue_order_id),
        sign=spec.side.sign,
        lots=lots,
        price=price,
        trigger=trigger,
        ts_ns=now_ns,
    )


def _too_small(order: VenueOrder, market: Market) -> bool:
    least = order.grid.instrument.min_notional
    if not least:
        return False
    tick = order.price or order.trigger or market.reference(order.sign)
    if tick is None:
        return False  # an unpriced order before the first market data has no notional to judge
    return tick * order.lots * order.grid.tick_lot_units < order.grid.quote.units(least)


def _affordable(order: VenueOrder, market: Market, clearing: Clearing) -> bool:
    if order.sign > 0 and order.spec.order_type is OrderType.MARKET:
        need = clearing.cost(order, market.sweep_cost(1, order.lots))
    else:
        need = clearing.reserve(order)
    return need <= clearing.wallet.free(clearing.spends(order).name)
