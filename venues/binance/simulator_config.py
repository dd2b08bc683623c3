"""How the simulator of Binance is set up."""

from pydantic import BaseModel, ConfigDict

from messages.market import Instrument
from venues.serving.config import SimulatorConfig as Config
from venues.sim.tape import BTCUSDT, ETHUSDT


class LimitConfig(BaseModel):
    """Rate limits; Binance's own by default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weight_max: int = 6000  # a minute
    orders_10s_max: int = 100
    orders_day_max: int = 200_000
    ban_after: int = 10  # answers of 429 within a minute
    ban_s: int = 120  # the first ban; each further one is twice as long


class SimulatorConfig(Config):
    """listen_keys  whether the retired listen-key endpoints of spot still work"""

    instruments: tuple[Instrument, ...] = (BTCUSDT, ETHUSDT)
    listen_keys: bool = False
    limits: LimitConfig = LimitConfig()
