"""How the simulator of Binance is set up."""

from collections.abc import Mapping
from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field

from messages.base import NS_PER_S, InstrumentId
from messages.market import Instrument, Product
from trading.samples import BTCUSDT, ETHUSDT
from venues.serving.config import SimulatorConfig as Config
from venues.wire.limits import LimitRule


class LimitConfig(BaseModel):
    """Rate limits; Binance's own by default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weight_max: int = 6000  # a minute
    orders_10s_max: int = 100
    orders_day_max: int = 200_000
    ban_after: int = 10  # answers of 429 within a minute
    ban_s: int = 120  # the first ban; each further one is twice as long

    def rules(self) -> tuple[LimitRule, ...]:
        """Weight first, then orders."""
        return (
            LimitRule("weight", self.weight_max, 60 * NS_PER_S),
            LimitRule("orders", self.orders_10s_max, 10 * NS_PER_S),
            LimitRule("orders", self.orders_day_max, 86_400 * NS_PER_S),
        )


class UsdmLimitConfig(LimitConfig):
    """Rate limits of USD-M futures: no count of a day, one of a minute."""

    weight_max: int = 2400
    orders_10s_max: int = 300
    orders_minute_max: int = 1200

    def rules(self) -> tuple[LimitRule, ...]:
        weight, orders, _ = super().rules()
        return weight, orders, LimitRule("orders", self.orders_minute_max, 60 * NS_PER_S)


class SimulatorConfig(Config):
    """listen_keys  whether the retired listen-key endpoints of spot still work"""

    instruments: tuple[Instrument, ...] = (BTCUSDT, ETHUSDT)
    listen_keys: bool = False
    limits: LimitConfig = LimitConfig()


def _perpetual(spot: Instrument, tick: str, lot: str) -> Instrument:
    return spot.model_copy(
        update={
            "instrument_id": InstrumentId(f"{spot.symbol}-PERP.BINANCE"),
            "price_increment": Decimal(tick),
            "size_increment": Decimal(lot),
            "min_quantity": Decimal(lot),
            "max_quantity": Decimal(1000),
            "maker_fee": Decimal("0.0002"),
            "taker_fee": Decimal("0.0005"),
            "product": Product.LINEAR,
        }
    )


class UsdmConfig(SimulatorConfig):
    """Binance USD-M futures; listen keys are how its user streams work."""

    instruments: tuple[Instrument, ...] = (
        _perpetual(BTCUSDT, "0.1", "0.001"),
        _perpetual(ETHUSDT, "0.01", "0.001"),
    )
    balances: Mapping[str, Decimal] = Field(default_factory=lambda: {"USDT": Decimal(1_000_000)})
    listen_keys: bool = True
    limits: LimitConfig = UsdmLimitConfig()
