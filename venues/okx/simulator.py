"""A venue in a process of its own: OKX v5 on loopback, around `SimVenue`.

python -m venues.okx.simulator --port-file port --folder runs/x/venue --seed 7
"""

import os
import sys
from typing import Any

from venues.okx.codec_names import VENUE
from venues.okx.simulator_config import SimulatorConfig
from venues.okx.simulator_exchange import OkxExchange
from venues.okx.simulator_server import OkxServer
from venues.serving.process import main
from venues.serving.simulator import Simulator as AnySimulator
from venues.wire.keys import Keys


class Simulator(AnySimulator):
    """OKX, spot and swaps of one account."""

    venue = VENUE
    passphrase = True
    config_type = SimulatorConfig

    def build(self, config: Any, keys: Keys) -> tuple[OkxExchange, OkxServer]:
        exchange = OkxExchange(config, self.clock_ns, self.faults)
        return exchange, OkxServer(config, keys, exchange, self.faults)


if __name__ == "__main__":
    sys.exit(main(Simulator, sys.argv[1:], os.environ))
