"""A venue in a process of its own: Coinbase Advanced Trade's protocol on loopback.

python -m venues.coinbase.simulator --port-file port --folder runs/x/venue --seed 7
"""

import os
import sys
from typing import Any

import numpy as np

from messages.market import Product
from venues.coinbase.adapter import ADAPTERS
from venues.coinbase.codec_names import VENUE
from venues.coinbase.signing import simulator_keys
from venues.coinbase.simulator_config import SimulatorConfig
from venues.coinbase.simulator_exchange import CoinbaseExchange
from venues.coinbase.simulator_server import CoinbaseServer
from venues.serving.process import main
from venues.serving.simulator import Simulator as AnySimulator
from venues.wire.adapter import Adapter
from venues.wire.keys import Keys


class Simulator(AnySimulator):
    """Coinbase spot."""

    venue = VENUE
    config_type = SimulatorConfig

    @classmethod
    def make_keys(cls, rng: np.random.Generator) -> Keys:
        return simulator_keys(rng)

    def build(self, config: Any, keys: Keys) -> tuple[CoinbaseExchange, CoinbaseServer]:
        exchange = CoinbaseExchange(config, self.clock_ns, self.faults)
        return exchange, CoinbaseServer(config, keys, exchange, self.faults)

    @classmethod
    def adapter_at(cls, address: str) -> Adapter | None:
        """Public streams have one address; that of the account is another."""
        spot = ADAPTERS[Product.SPOT]
        return spot if address == spot.endpoints.public else None


if __name__ == "__main__":
    sys.exit(main(Simulator, sys.argv[1:], os.environ))
