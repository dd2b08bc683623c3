"""How the simulator of Bybit is set up: one unified account, which trades spot and perpetuals."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from messages.market import Instrument, Product
from venues.bybit.codec_names import instrument_id
from venues.bybit.limits import ADDRESS_MAX
from venues.serving.config import SimulatorConfig as Config


def _instrument(base: str, product: Product, steps: tuple[str, str]) -> Instrument:
    tick, lot = steps
    spot = product is Product.SPOT
    return Instrument(
        instrument_id=instrument_id(f"{base}USDT", product),
        symbol=f"{base}USDT",
        base=base,
        quote="USDT",
        price_increment=Decimal(tick),
        size_increment=Decimal(lot),
        min_quantity=Decimal(lot),
        max_quantity=Decimal(1500),
        min_notional=Decimal(5),
        maker_fee=Decimal("0.001") if spot else Decimal("0.0002"),
        taker_fee=Decimal("0.001") if spot else Decimal("0.00055"),
        product=product,
    )


INSTRUMENTS = (
    _instrument("BTC", Product.SPOT, ("0.1", "0.000001")),
    _instrument("ETH", Product.SPOT, ("0.01", "0.00001")),
    _instrument("BTC", Product.LINEAR, ("0.1", "0.001")),
    _instrument("ETH", Product.LINEAR, ("0.01", "0.01")),
)


class SimulatorConfig(Config):
    """address_max  requests of an address in five seconds
    order_max    orders of an account in a second and product; 0 keeps Bybit's own limits
    """

    instruments: tuple[Instrument, ...] = INSTRUMENTS
    address_max: Annotated[int, Field(gt=0)] = ADDRESS_MAX
    order_max: Annotated[int, Field(ge=0)] = 0
