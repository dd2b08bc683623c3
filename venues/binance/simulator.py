"""A venue in a process of its own: Binance spot's protocol on loopback, around `SimVenue`.

python -m venues.binance.simulator --port-file port --folder runs/x/venue --seed 7
"""

import os
import sys
from pathlib import Path
from typing import Any, ClassVar

from messages.market import Product
from venues.binance.codec_names import VENUE, Market
from venues.binance.simulator_config import SimulatorConfig
from venues.binance.simulator_exchange import BinanceExchange
from venues.binance.simulator_server import BinanceServer
from venues.binance.tape import Tape as Recorded
from venues.serving.player import Tape
from venues.serving.process import main
from venues.serving.simulator import Simulator as AnySimulator
from venues.wire.keys import Keys


class Simulator(AnySimulator):
    """Binance spot."""

    venue = VENUE
    config_type = SimulatorConfig
    market: ClassVar[Market] = Market.SPOT

    def build(self, config: Any, keys: Keys) -> tuple[BinanceExchange, BinanceServer]:
        exchange = BinanceExchange(config, self.clock_ns, self.faults)
        return exchange, BinanceServer(config, keys, exchange, self.faults)

    @classmethod
    def tape_of(cls, config: SimulatorConfig) -> tuple[SimulatorConfig, Tape]:
        if not config.recordings:
            return super().tape_of(config)
        recorded = Recorded([Path(path) for path in config.recordings])
        if recorded.market is not cls.market:
            found = "USD-M" if recorded.market is Market.USDM else "spot"
            raise ValueError(f"{config.recordings[0]}: a {found} recording; give another")
        product = Product.SPOT if cls.market is Market.SPOT else Product.LINEAR
        instruments = [i.model_copy(update={"product": product}) for i in recorded.instruments]
        return config.model_copy(update={"instruments": tuple(instruments)}), recorded

    def tape_facts(self, tape: Tape) -> dict[str, object]:
        if not isinstance(tape, Recorded):
            return {}
        return {
            "frames": sum(tape.counts.values()),
            "unknown": sum(tape.unknown.values()),
            "garbled": tape.garbled,
            "gaps": tape.gaps,
        }


if __name__ == "__main__":
    sys.exit(main(Simulator, sys.argv[1:], os.environ))
