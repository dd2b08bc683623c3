"""Coinbase's endpoints: rate first, then the token, then what is asked.

docs: "API Key Authentication" (https://docs.cdp.coinbase.com/coinbase-app/
authentication-authorization/api-key-authentication, 2026-09).
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from messages.base import NS_PER_S
from venues.coinbase import simulator_errors as errors
from venues.coinbase.codec_requests import ORDERS
from venues.coinbase.signing import HOST, check, public_key
from venues.coinbase.simulator_config import SimulatorConfig
from venues.coinbase.simulator_exchange import CoinbaseExchange, seconds
from venues.coinbase.simulator_params import ask_of
from venues.coinbase.simulator_rest import ROUTES, Route
from venues.coinbase.simulator_sockets import Sockets
from venues.serving.errors import ApiError
from venues.serving.faults import Faults
from venues.serving.meter import Meter
from venues.serving.server import Call, Server, SocketHandler
from venues.wire.keys import Keys
from venues.wire.limits import LimitRule

_BEARER: Final = "Bearer "


class CoinbaseServer(Server[Route]):
    """The simulator's endpoints on one port."""

    routes = ROUTES

    def __init__(
        self, config: SimulatorConfig, keys: Keys, exchange: CoinbaseExchange, faults: Faults
    ) -> None:
        super().__init__(config, exchange, faults)
        self._exchange: CoinbaseExchange = exchange
        self._keys = {keys.api_key: public_key(keys.secret)}
        limits = config.limits
        self._meter = Meter(
            (
                LimitRule("private", limits.private_max, NS_PER_S, rolling=True),
                LimitRule("public", limits.public_max, NS_PER_S, rolling=True),
            )
        )
        self._sockets = Sockets(exchange, self._keys, config)

    def sockets(self) -> Mapping[str, SocketHandler]:
        return {"/": self._sockets.serve}

    def note(self, call: Call) -> None:
        if call.name != f"POST {ORDERS}":
            return
        try:
            name = msgspec.json.decode(call.body, type=dict[str, Any]).get("client_order_id")
        except msgspec.DecodeError:
            name = None  # what is no JSON names no order
        line = {"ts_ns": self._exchange.now_ns(), "client_order_id": name}
        self._exchange.requests.append(line)

    def charge(self, call: Call) -> None:
        route = self.routes.get(call.route)
        if route is None or not route.counted:
            return
        name = "private" if route.private else "public"
        denied = self._meter.charge(((name, 1),), self._exchange.now_ns())
        if denied is not None:
            raise errors.too_many(-(-denied.wait_ns // NS_PER_S))

    def failed(self) -> ApiError:
        return errors.CoinbaseError("INTERNAL", "Internal server error", 500)

    def throttled(self, ban: bool) -> ApiError:
        return errors.too_many(1)  # no bans are documented

    def closed(self) -> ApiError:
        return errors.CoinbaseError("UNAVAILABLE", "Service unavailable", 503)

    def answer(self, call: Call, route: Route | None) -> bytes:
        if route is None:
            raise errors.CoinbaseError("NOT_FOUND", "Not Found", 404)
        if route.private:
            self._check(call)
        return msgspec.json.encode(route.handler(self._exchange, ask_of(call)))

    def _check(self, call: Call) -> None:
        """raises ApiError unless the token is one for this very request"""
        sent = call.headers.get("Authorization", "")
        try:
            claims = check(sent.removeprefix(_BEARER), self._keys, seconds(self._exchange.now_ns()))
        except ValueError as e:
            raise errors.Unauthorized from e
        # A client that goes to the simulator by its address names that as the host.
        host = call.headers.get("Host", "")
        named = {f"{call.method} {at}{call.path}" for at in (HOST, host, f"http://{host}")}
        if not sent.startswith(_BEARER) or claims.uri not in named:
            raise errors.Unauthorized
