"""How the simulator of Coinbase is set up."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from messages.base import InstrumentId
from messages.market import Instrument
from venues.coinbase.codec_instruments import FEES
from venues.serving.config import SimulatorConfig as Config

_BALANCES: Final = {"USD": Decimal(1_000_000), "BTC": Decimal(10), "ETH": Decimal(100)}


def _spot(base: str, size_max: int) -> Instrument:
    maker, taker = FEES
    return Instrument(
        instrument_id=InstrumentId(f"{base}-USD.COINBASE"),
        symbol=f"{base}-USD",
        base=base,
        quote="USD",
        price_increment=Decimal("0.01"),
        size_increment=Decimal("0.00000001"),
        min_quantity=Decimal("0.00000001"),
        max_quantity=Decimal(size_max),
        min_notional=Decimal(1),
        maker_fee=maker,
        taker_fee=taker,
    )


BTCUSD: Final = _spot("BTC", 3_400)
ETHUSD: Final = _spot("ETH", 42_000)


class LimitConfig(BaseModel):
    """Rate limits in a second; Coinbase's own by default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    private_max: int = 30
    public_max: int = 10
    messages_max: int = 8  # unsigned frames from one address


class SimulatorConfig(Config):
    """subscribe_s  how long a connection may stay without a subscription"""

    instruments: tuple[Instrument, ...] = (BTCUSD, ETHUSD)
    balances: Mapping[str, Decimal] = Field(default_factory=lambda: dict(_BALANCES))
    limits: LimitConfig = LimitConfig()
    subscribe_s: float = 5.0
