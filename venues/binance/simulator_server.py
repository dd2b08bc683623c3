"""Binance spot's endpoints: ban and weight first, then key, signature and time, then parameters."""

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec

from venues.binance import simulator_errors as errors
from venues.binance.codec_encode import exchange_info
from venues.binance.codec_encode_orders import listen_key
from venues.binance.simulator_auth import check_key, check_signature, check_time, signed_text
from venues.binance.simulator_config import SimulatorConfig
from venues.binance.simulator_exchange import BinanceExchange
from venues.binance.simulator_limits import BinanceMeter, weight_of
from venues.binance.simulator_params import Params
from venues.binance.simulator_rest_market import MARKET_ROUTES
from venues.binance.simulator_rest_orders import ORDER_ROUTES
from venues.binance.simulator_routes import Route, Security
from venues.binance.simulator_sockets import Sockets
from venues.serving.errors import ApiError
from venues.serving.faults import Faults
from venues.serving.server import Call, Server, SocketHandler
from venues.wire.keys import Keys


class BinanceServer(Server[Route]):
    """The simulator's endpoints on one port.

    placing  requests that place one order, and the parameter with its client id
    """

    names_listen_keys: ClassVar[bool] = True  # else a request means the account's one
    placing: ClassVar[Mapping[str, str]] = {
        "POST /api/v3/order": "newClientOrderId",
        "POST /api/v3/order/cancelReplace": "newClientOrderId",
    }

    def __init__(
        self, config: SimulatorConfig, keys: Keys, exchange: BinanceExchange, faults: Faults
    ) -> None:
        super().__init__(config, exchange, faults)
        self._exchange: BinanceExchange = exchange
        self._listen_keys = config.listen_keys
        self._keys = keys
        self._meter = BinanceMeter(config.limits)
        self._sockets = Sockets(exchange, keys, self._meter, config.queue_max)
        self.routes = {
            **MARKET_ROUTES,
            **ORDER_ROUTES,
            **self.own_routes("/api/v3", "userDataStream"),
        }

    def own_routes(self, root: str, listen_key: str) -> dict[str, Route]:
        """Endpoints that need more than the exchange."""
        return {
            f"GET {root}/exchangeInfo": Route(self._exchange_info),
            f"POST {root}/{listen_key}": Route(self._listen_key, Security.KEY),
            f"PUT {root}/{listen_key}": Route(self._keep_listen_key, Security.KEY),
            f"DELETE {root}/{listen_key}": Route(self._end_listen_key, Security.KEY),
        }

    def sockets(self) -> Mapping[str, SocketHandler]:
        market = self._sockets.market
        return {
            "/ws": market,
            "/ws/{stream:.*}": market,
            "/stream": market,
            "/ws-api/v3": self._sockets.api,
        }

    def note(self, call: Call) -> None:
        if call.name in self.placing:
            name = call.form.get(self.placing[call.name])
            line = {"ts_ns": self._exchange.now_ns(), "client_order_id": name}
            self._exchange.requests.append(line)

    def charge(self, call: Call) -> None:
        self._meter.charge(self.weigh(call.name, call.form), self._exchange.now_ns())

    def weigh(self, name: str, form: dict[str, str]) -> int:
        """What a request weighs."""
        return weight_of(name, form)

    def failed(self) -> ApiError:
        return errors.timeout()

    def throttled(self, ban: bool) -> ApiError:
        now_ns = self._exchange.now_ns()
        return self._meter.ban(now_ns) if ban else self._meter.throttle(now_ns)

    def closed(self) -> ApiError:
        # docs: Spot "Error Codes", -1016: this service is no longer available.
        return ApiError(-1016, "This service is no longer available.", 503)

    def headers(self, call: Call) -> dict[str, str]:
        route = self.routes.get(call.name)
        return self._meter.headers(route is not None and route.orders, self._exchange.now_ns())

    def answer(self, call: Call, route: Route | None) -> bytes:
        if route is None:
            raise ApiError(-1099, "Not found, authenticated, or authorized.", 404)
        params = Params(call.form)
        if route.security is not Security.NONE:
            check_key(call.headers.get("X-MBX-APIKEY"), self._keys)
        if route.security is Security.SIGNED:
            signature = params.need("signature")
            check_signature(signed_text(call.query, call.body.decode()), signature, self._keys)
            check_time(params, self._exchange.now_ns())
        if call.name in self.placing:
            self._meter.order(self._exchange.now_ns())
        return msgspec.json.encode(route.handler(self._exchange, params))

    def _exchange_info(self, exchange: BinanceExchange, params: Params) -> dict[str, Any]:
        one, several = params.take("symbol"), params.take("symbols")
        for ignored in ("permissions", "showPermissionSets", "symbolStatus"):
            params.take(ignored)
        params.finish()
        wanted = {one} if one else _symbols(several) if several else None
        chosen = [i for i in exchange.venue.instruments if wanted is None or i.symbol in wanted]
        if wanted is not None and len(chosen) != len(wanted):
            raise errors.bad_symbol()
        found = exchange_info(chosen, exchange.now_ns())
        return found | {"rateLimits": self._meter.limits()}

    # --- listen keys ---------------------------------------------------------------------------

    def _listen_key(self, exchange: BinanceExchange, params: Params) -> dict[str, Any]:
        if not self._listen_keys:
            raise errors.retired()
        params.finish()
        known = self._sockets.listen_keys
        if not known:  # an account has one at a time
            known.add(f"{self._keys.api_key[:32]}{exchange.now_ns():032d}")
        return listen_key(next(iter(known)))

    def _known_key(self, params: Params) -> str:
        if not self._listen_keys:
            raise errors.retired()
        own = next(iter(self._sockets.listen_keys), "")
        found = params.need("listenKey") if self.names_listen_keys else params.take("listenKey")
        params.finish()
        found = own if found is None else found
        if found not in self._sockets.listen_keys:
            raise ApiError(-1125, "This listenKey does not exist.")
        return found

    def _keep_listen_key(self, exchange: BinanceExchange, params: Params) -> dict[str, Any]:
        self._known_key(params)
        return {}

    def _end_listen_key(self, exchange: BinanceExchange, params: Params) -> dict[str, Any]:
        key = self._known_key(params)
        self._sockets.listen_keys.discard(key)
        exchange.expire(key)
        return {}


def _symbols(text: str) -> set[str]:
    try:
        return set(msgspec.json.decode(text, type=list[str]))
    except msgspec.DecodeError as e:
        raise errors.illegal("symbols", '^\\["[A-Z0-9]"(,"[A-Z0-9]")*\\]$') from e
