"""Exact steps: prices as ticks, quantities as lots, money as whole units of a currency.

Inside the venue everything is an integer, so that sums are exact and comparisons cheap; Decimals
exist only where messages enter and leave. A currency's unit is 10**-8 (what Binance keeps), or
finer where an instrument's tick times its lot, or a starting balance, needs it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow
from typing import Final

from messages.market import Instrument
from messages.orders import LiquiditySide

DECIMALS_MIN: Final = 8  # the decimals in which a venue charges commission
# Money must never round silently, whatever context the caller's thread has.
EXACT: Final = Context(prec=60, traps=[Inexact, InvalidOperation, Overflow])
_QUOTIENT: Final = Context(prec=28)


def steps_in(value: Decimal, step: Decimal) -> int | None:
    """How many `step`s make exactly `value`; None if it is not a multiple."""
    count = int(_QUOTIENT.divide(value, step))
    return count if EXACT.multiply(step, count) == value else None


def decimals(value: Decimal) -> int:
    """How many digits `value` needs behind the point."""
    exponent = value.normalize(EXACT).as_tuple().exponent
    return max(0, -int(exponent))


@dataclass(frozen=True, slots=True)
class Currency:
    """One currency in whole units of 10**-places."""

    name: str
    places: int

    def units(self, amount: Decimal) -> int:
        """`amount` in units; raises decimal.Inexact if it is finer than a unit."""
        return int(EXACT.quantize(amount, Decimal(1).scaleb(-self.places)).scaleb(self.places))

    def amount(self, units: int) -> Decimal:
        return EXACT.scaleb(Decimal(units), -self.places)


@dataclass(frozen=True, slots=True)
class Grid:
    """One instrument's integers: what a tick, a lot and a tick times a lot are worth."""

    instrument: Instrument
    base: Currency
    quote: Currency
    lot_units: int  # units of base in one lot
    tick_lot_units: int  # units of quote in one tick times one lot
    ticks_per_one: float  # for market data, which is float64
    lots_per_one: float
    maker_fee: tuple[int, int]  # as a ratio of integers
    taker_fee: tuple[int, int]

    def fee(self, liquidity: LiquiditySide) -> tuple[int, int]:
        return self.maker_fee if liquidity is LiquiditySide.MAKER else self.taker_fee

    def fee_most(self) -> tuple[int, int]:
        instrument = self.instrument
        return max(instrument.maker_fee, instrument.taker_fee).as_integer_ratio()

    def ticks(self, price: Decimal) -> int | None:
        return steps_in(price, self.instrument.price_increment)

    def lots(self, quantity: Decimal) -> int | None:
        return steps_in(quantity, self.instrument.size_increment)

    def price(self, ticks: int) -> Decimal:
        return EXACT.multiply(self.instrument.price_increment, ticks)

    def quantity(self, lots: int) -> Decimal:
        return EXACT.multiply(self.instrument.size_increment, lots)

    def average(self, tick_lots: int, lots: int) -> Decimal:
        """Mean price of `lots` that cost `tick_lots`, to 28 digits."""
        total = EXACT.multiply(self.instrument.price_increment, tick_lots)
        return _QUOTIENT.divide(total, lots)


def currencies(
    instruments: Iterable[Instrument], balances: Mapping[str, Decimal]
) -> dict[str, Currency]:
    """Every currency that the account can hold, with as many places as exactness needs."""
    places = {name: max(DECIMALS_MIN, decimals(amount)) for name, amount in balances.items()}
    for i in instruments:
        lot, tick = decimals(i.size_increment), decimals(i.price_increment)
        places[i.base] = max(DECIMALS_MIN, lot, places.get(i.base, 0))
        places[i.quote] = max(DECIMALS_MIN, lot + tick, places.get(i.quote, 0))
    return {name: Currency(name, n) for name, n in sorted(places.items())}


def coarser(instrument: Instrument) -> Instrument:
    """The same with steps ten times as large: a venue that has changed its filters."""
    tick, lot = instrument.price_increment * 10, instrument.size_increment * 10
    least = max(instrument.min_quantity, lot)
    return instrument.model_copy(
        update={"price_increment": tick, "size_increment": lot, "min_quantity": least}
    )


def grid(instrument: Instrument, known: Mapping[str, Currency]) -> Grid:
    """The integers of one instrument."""
    base, quote = known[instrument.base], known[instrument.quote]
    tick, lot = instrument.price_increment, instrument.size_increment
    return Grid(
        instrument=instrument,
        base=base,
        quote=quote,
        lot_units=base.units(lot),
        tick_lot_units=quote.units(EXACT.multiply(tick, lot)),
        ticks_per_one=1.0 / float(tick),
        lots_per_one=1.0 / float(lot),
        maker_fee=instrument.maker_fee.as_integer_ratio(),
        taker_fee=instrument.taker_fee.as_integer_ratio(),
    )
