"""A venue in a process of its own: Binance USD-M futures' protocol on loopback.

python -m venues.binance.simulator_usdm --port-file port --folder runs/x/venue --seed 7
"""

import os
import sys
from collections.abc import Mapping
from typing import Any, ClassVar

from venues.binance.codec_names import VENUE, Market
from venues.binance.simulator import Simulator as SpotSimulator
from venues.binance.simulator_config import UsdmConfig
from venues.binance.simulator_limits import usdm_weight_of
from venues.binance.simulator_rest_market import market_routes
from venues.binance.simulator_server import BinanceServer
from venues.binance.simulator_usdm_account import account_routes
from venues.binance.simulator_usdm_exchange import UsdmExchange
from venues.binance.simulator_usdm_rest import order_routes
from venues.serving.process import main
from venues.serving.server import SocketHandler
from venues.wire.keys import Keys

_ROOT = "/fapi/v1"


class UsdmServer(BinanceServer):
    """USD-M's endpoints on one port."""

    names_listen_keys = False
    placing: ClassVar[Mapping[str, str]] = {
        "POST /fapi/v1/order": "newClientOrderId",
        "POST /fapi/v1/algoOrder": "clientAlgoId",
    }

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        own = self.own_routes(_ROOT, "listenKey")
        self.routes = {**market_routes(_ROOT), **order_routes(), **account_routes(), **own}

    def sockets(self) -> Mapping[str, SocketHandler]:
        """Since 2026-04-23 the addresses are parted by kind of stream; here each has all."""
        market, found = self._sockets.market, {}
        for root in ("", "/public", "/market", "/private"):
            for path in ("/ws", "/ws/{stream:.*}", "/stream"):
                found[root + path] = market
        return found

    def weigh(self, name: str, form: dict[str, str]) -> int:
        return usdm_weight_of(name, form)


class Simulator(SpotSimulator):
    """Binance USD-M futures."""

    venue = VENUE
    config_type = UsdmConfig
    market = Market.USDM

    def build(self, config: Any, keys: Keys) -> tuple[UsdmExchange, UsdmServer]:
        exchange = UsdmExchange(config, self.clock_ns, self.faults)
        return exchange, UsdmServer(config, keys, exchange, self.faults)


if __name__ == "__main__":
    sys.exit(main(Simulator, sys.argv[1:], os.environ))
