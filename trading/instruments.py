"""Prices and sizes in a venue's steps: exact, and rounded only in the direction that is safe."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from messages.market import Instrument
from messages.orders import OrderSide, OrderSpec, RefusalCode


def price_for(instrument: Instrument, side: OrderSide, price: Decimal) -> Decimal:
    """The nearest tick that is no worse for us: a buy pays no more, a sell asks no less."""
    rounding = ROUND_FLOOR if side is OrderSide.BUY else ROUND_CEILING
    return _steps(price, instrument.price_increment, rounding) * instrument.price_increment


def size_for(instrument: Instrument, quantity: Decimal) -> Decimal:
    """The largest whole number of lots within `quantity` and the venue's maximum; may be 0."""
    within = min(quantity, instrument.max_quantity)
    return _steps(within, instrument.size_increment, ROUND_FLOOR) * instrument.size_increment


def ticks(instrument: Instrument, price: Decimal) -> int:
    """A price as a whole number of ticks.

    raises  ValueError if it lies between two ticks
    """
    return _whole(price, instrument.price_increment, f"price {price} of {instrument.symbol}")


def lots(instrument: Instrument, quantity: Decimal) -> int:
    """A quantity as a whole number of lots.

    raises  ValueError if it lies between two lots
    """
    return _whole(quantity, instrument.size_increment, f"size {quantity} of {instrument.symbol}")


def price_of(instrument: Instrument, n_ticks: int) -> Decimal:
    """Inverse of `ticks`."""
    return n_ticks * instrument.price_increment


def size_of(instrument: Instrument, n_lots: int) -> Decimal:
    """Inverse of `lots`."""
    return n_lots * instrument.size_increment


def refusal(
    instrument: Instrument, order: OrderSpec, reference: Decimal | None = None
) -> RefusalCode | None:
    """Why the venue's filters would not take this order; None if they would.

    reference  price that a market order is expected to trade at; without one its notional is
               not checked
    """
    prices = [p for p in (order.price, order.trigger_price) if p is not None]
    if any(p % instrument.price_increment for p in prices):
        return RefusalCode.INVALID_PRICE_INCREMENT
    # The lot filter bounds a size from above too, and there is one code for what it says.
    if order.quantity % instrument.size_increment or order.quantity > instrument.max_quantity:
        return RefusalCode.INVALID_SIZE_INCREMENT
    if order.quantity < instrument.min_quantity:
        return RefusalCode.MIN_QUANTITY
    price = order.price or order.trigger_price or reference
    if price is not None and price * order.quantity < instrument.min_notional:
        return RefusalCode.MIN_NOTIONAL
    return None


def _steps(value: Decimal, step: Decimal, rounding: str) -> Decimal:
    return (value / step).to_integral_value(rounding=rounding)


def _whole(value: Decimal, step: Decimal, what: str) -> int:
    count = value / step
    if count != count.to_integral_value():
        raise ValueError(f"{what}: no multiple of {step}")
    return int(count)
