"""How the simulator of OKX is set up: one account in net mode, which trades spot and swaps."""

from decimal import Decimal
from typing import Final

from messages.market import Instrument, Product
from venues.okx.codec_names import instrument_id
from venues.serving.config import SimulatorConfig as Config


def _instrument(base: str, product: Product, steps: tuple[str, str], size: str) -> Instrument:
    tick, lot = steps
    spot = product is Product.SPOT
    symbol = f"{base}-USDT" if spot else f"{base}-USDT-SWAP"
    return Instrument(
        instrument_id=instrument_id(symbol),
        symbol=symbol,
        base=base,
        quote="USDT",
        price_increment=Decimal(tick),
        size_increment=Decimal(lot),
        min_quantity=Decimal(lot),
        max_quantity=Decimal(10_000),
        min_notional=Decimal(0),
        maker_fee=Decimal("0.0008") if spot else Decimal("0.0002"),
        taker_fee=Decimal("0.001") if spot else Decimal("0.0005"),
        product=product,
        contract_size=Decimal(size),
    )


INSTRUMENTS: Final = (
    _instrument("BTC", Product.SPOT, ("0.1", "0.00001"), "1"),
    _instrument("ETH", Product.SPOT, ("0.01", "0.0001"), "1"),
    _instrument("BTC", Product.LINEAR, ("0.1", "0.0001"), "0.01"),
    _instrument("ETH", Product.LINEAR, ("0.01", "0.001"), "0.1"),
)


class SimulatorConfig(Config):
    """checksums  whether books carry one, as until June 2026; since then it is always 0
    limited    whether the venue's rate limits hold
    """

    instruments: tuple[Instrument, ...] = INSTRUMENTS
    checksums: bool = True
    limited: bool = True
