"""A venue in a process of its own: OKX v5 on loopback, around `SimVenue`.

python -m venues.okx.simulator --port-file port --folder runs/x/venue --seed 7
"""

import os
import sys
from typing import Any

from messages.market import Product
from venues.okx.adapter import ADAPTERS
from venues.okx.codec_names import VENUE
from venues.okx.session_market import PATHS, PUBLIC
from venues.okx.simulator_config import SimulatorConfig
from venues.okx.simulator_exchange import OkxExchange
from venues.okx.simulator_server import OkxServer
from venues.serving.process import main
from venues.serving.simulator import Simulator as AnySimulator
from venues.wire.adapter import Adapter
from venues.wire.keys import Keys


class Simulator(AnySimulator):
    """OKX, spot and swaps of one account."""

    venue = VENUE
    passphrase = True
    config_type = SimulatorConfig

    def build(self, config: Any, keys: Keys) -> tuple[OkxExchange, OkxServer]:
        exchange = OkxExchange(config, self.clock_ns, self.faults)
        return exchange, OkxServer(config, keys, exchange, self.faults)

    @classmethod
    def adapter_at(cls, address: str) -> Adapter | None:
        """One address carries every product; a recording is played as one of spot."""
        return ADAPTERS[Product.SPOT] if address.endswith(PATHS[PUBLIC]) else None


if __name__ == "__main__":
    sys.exit(main(Simulator, sys.argv[1:], os.environ))
