"""A venue in a process of its own: Bybit v5 on loopback, around `SimVenue`.

python -m venues.bybit.simulator --port-file port --folder runs/x/venue --seed 7
"""

import os
import sys
from typing import Any

from venues.bybit.codec_names import VENUE
from venues.bybit.simulator_config import SimulatorConfig
from venues.bybit.simulator_exchange import BybitExchange
from venues.bybit.simulator_server import BybitServer
from venues.serving.process import main
from venues.serving.simulator import Simulator as AnySimulator
from venues.wire.keys import Keys


class Simulator(AnySimulator):
    """Bybit, spot and linear perpetuals of one unified account."""

    venue = VENUE
    config_type = SimulatorConfig

    def build(self, config: Any, keys: Keys) -> tuple[BybitExchange, BybitServer]:
        exchange = BybitExchange(config, self.clock_ns, self.faults)
        return exchange, BybitServer(config, keys, exchange, self.faults)


if __name__ == "__main__":
    sys.exit(main(Simulator, sys.argv[1:], os.environ))
