"""What a fill costs: maker and taker commissions as Binance spot charges them.

A commission is a fraction of what the fill brings in and is paid out of it: a buy pays in base, a
sell pays in quote (without a discount asset). https://www.binance.com/en/fee/schedule
"""

from decimal import Decimal

from messages.base import Value
from messages.market import Instrument
from messages.orders import LiquiditySide, OrderFilled, OrderSide
from trading.positions import notional


class Money(Value):
    """An exact amount of one currency."""

    amount: Decimal
    currency: str


def rate(instrument: Instrument, liquidity_side: LiquiditySide) -> Decimal:
    """The fraction of a fill that is charged."""
    maker = liquidity_side is LiquiditySide.MAKER
    return instrument.maker_fee if maker else instrument.taker_fee


def commission(
    instrument: Instrument,
    side: OrderSide,
    quantity: Decimal,
    price: Decimal,
    liquidity_side: LiquiditySide,
) -> Money:
    """What a fill of `quantity` (base, > 0) at `price` costs: exact, before a venue's rounding."""
    fraction = rate(instrument, liquidity_side)
    if side is OrderSide.BUY:
        return Money(amount=notional(quantity, fraction), currency=instrument.base)
    received = notional(quantity, price)
    return Money(amount=notional(received, fraction), currency=instrument.quote)


def commission_in_quote(fill: OrderFilled, rules: Instrument | None) -> Decimal:
    """What a fill cost in quote currency; 0 where its currency is neither base nor quote."""
    if rules is None or fill.currency == rules.quote:
        return fill.commission
    return notional(fill.commission, fill.last_px) if fill.currency == rules.base else Decimal(0)
