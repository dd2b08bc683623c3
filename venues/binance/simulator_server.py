"""One HTTP server for REST, WebSocket streams and the simulator's own /sim pages; loopback only.

Order of a request: ban and weight, then key, signature and time, then the parameters, as Binance
judges them. Faults strike outside of that: before the venue acts (CUT, FAIL_5XX, STALL) or after
(ACT_THEN_CUT, ACT_THEN_5XX, DELAY).
"""

import asyncio
import socket
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web
from pydantic import ValidationError

from venues.binance import simulator_errors as errors
from venues.binance.codec_encode import exchange_info
from venues.binance.codec_encode_orders import listen_key
from venues.binance.simulator_auth import check_key, check_signature, check_time, signed_text
from venues.binance.simulator_config import SimulatorConfig
from venues.binance.simulator_errors import ApiError
from venues.binance.simulator_exchange import Exchange
from venues.binance.simulator_faults import FaultKind, Faults, FaultScript
from venues.binance.simulator_limits import Meter, weight_of
from venues.binance.simulator_params import Params
from venues.binance.simulator_rest_market import MARKET_ROUTES
from venues.binance.simulator_rest_orders import ORDER_ROUTES
from venues.binance.simulator_routes import Route, Security
from venues.binance.simulator_sockets import Sockets
from venues.wire.keys import Keys

HOST: Final = "127.0.0.1"
_BODY_BYTES_MAX: Final = 64 * 1024
_F: Final = FaultKind


class Server:
    """The simulator's endpoints on one port."""

    def __init__(
        self, config: SimulatorConfig, keys: Keys, exchange: Exchange, faults: Faults
    ) -> None:
        limits = config.limits
        self._config = config
        self._keys = keys
        self._exchange = exchange
        self._faults = faults
        self._meter = Meter(
            limits.weight_max,
            limits.orders_10s_max,
            limits.orders_day_max,
            limits.ban_after,
            limits.ban_s,
        )
        self._sockets = Sockets(exchange, keys, self._meter, config.queue_max)
        self._runner: web.AppRunner | None = None
        self._routes: dict[str, Route] = {
            **MARKET_ROUTES,
            **ORDER_ROUTES,
            "GET /api/v3/exchangeInfo": Route(self._exchange_info),
            "POST /api/v3/userDataStream": Route(self._listen_key, Security.KEY),
            "PUT /api/v3/userDataStream": Route(self._keep_listen_key, Security.KEY),
            "DELETE /api/v3/userDataStream": Route(self._end_listen_key, Security.KEY),
        }

    async def start(self) -> int:
        """Listen -> the port.

        raises  OSError if the port is taken
        """
        app = web.Application(client_max_size=_BODY_BYTES_MAX)
        app.router.add_get("/ws", self._sockets.market)
        app.router.add_get("/ws/{stream:.*}", self._sockets.market)
        app.router.add_get("/stream", self._sockets.market)
        app.router.add_get("/ws-api/v3", self._sockets.api)
        app.router.add_route("*", "/api/{tail:.*}", self._rest)
        app.router.add_get("/sim/ledger", self._ledger)
        if self._config.control:
            app.router.add_post("/sim/faults", self._set_faults)
            app.router.add_get("/sim/faults", self._get_faults)
            app.router.add_post("/sim/cut", self._cut)
        self._runner = web.AppRunner(
            app, access_log=None, keepalive_timeout=75.0, shutdown_timeout=0.5
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, self._config.port)
        await site.start()
        port: int = self._runner.addresses[0][1]
        return port

    async def stop(self) -> None:
        """Close every connection and the port."""
        await self._exchange.hub.close()
        if self._runner is not None:
            await self._runner.cleanup()

    # --- REST ----------------------------------------------------------------------------------

    async def _rest(self, request: web.Request) -> web.StreamResponse:
        name = f"{request.method} {request.path}"
        body = await request.text() if request.can_read_body else ""
        now_ns = self._exchange.now_ns()
        sent = dict(parse_qsl(body, keep_blank_values=True)) | dict(request.query)
        if name == "POST /api/v3/order":
            # Written down before anything is judged: even what is refused was received.
            line = {"ts_ns": now_ns, "client_order_id": sent.get("newClientOrderId")}
            self._exchange.requests.append(line)
        try:
            self._throttle(name, sent)
            stall = self._faults.fires((_F.CUT, _F.FAIL_5XX, _F.STALL), name)
            if stall is not None and stall.kind is _F.CUT:
                return self._hang_up(request)
            if stall is not None and stall.kind is _F.FAIL_5XX:
                raise errors.timeout()
            if stall is not None:
                await asyncio.sleep(stall.delay_ms / 1000)
            content, status, extra = self._answer(name, request, sent, body), 200, {}
            late = self._faults.fires((_F.ACT_THEN_CUT, _F.ACT_THEN_5XX, _F.DELAY), name)
            if late is not None and late.kind is _F.ACT_THEN_CUT:
                return self._hang_up(request)
            if late is not None and late.kind is _F.ACT_THEN_5XX:
                raise errors.timeout()
            if late is not None:
                await asyncio.sleep(late.delay_ms / 1000)
        except ApiError as e:
            content, status, extra = e.body(), e.status, dict(e.headers)
        route = self._routes.get(name)
        counts = self._meter.headers(route is not None and route.orders, self._exchange.now_ns())
        return web.Response(
            body=content, status=status, headers=counts | extra, content_type="application/json"
        )

    def _throttle(self, name: str, sent: dict[str, str]) -> None:
        now_ns = self._exchange.now_ns()
        storm = self._faults.fires((_F.THROTTLE, _F.BAN), name)
        if storm is not None:
            ban = storm.kind is _F.BAN
            raise self._meter.ban(now_ns) if ban else self._meter.throttle(now_ns)
        self._meter.charge(weight_of(name, sent), now_ns)

    def _answer(self, name: str, request: web.Request, sent: dict[str, str], body: str) -> bytes:
        route = self._routes.get(name)
        if route is None:
            raise ApiError(-1099, "Not found, authenticated, or authorized.", 404)
        params = Params(sent)
        if route.security is not Security.NONE:
            check_key(request.headers.get("X-MBX-APIKEY"), self._keys)
        if route.security is Security.SIGNED:
            signature = params.need("signature")
            check_signature(
                signed_text(request.rel_url.raw_query_string, body), signature, self._keys
            )
            check_time(params, self._exchange.now_ns())
        if name == "POST /api/v3/order":
            self._meter.order(self._exchange.now_ns())
        return msgspec.json.encode(route.handler(self._exchange, params))

    @staticmethod
    def _hang_up(request: web.Request) -> web.StreamResponse:
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

    def _exchange_info(self, exchange: Exchange, params: Params) -> dict[str, Any]:
        one, several = params.take("symbol"), params.take("symbols")
        for ignored in ("permissions", "showPermissionSets", "symbolStatus"):
            params.take(ignored)
        params.finish()
        wanted = {one} if one else _symbols(several) if several else None
        chosen = [i for i in exchange.venue.instruments if wanted is None or i.symbol in wanted]
        if wanted is not None and len(chosen) != len(wanted):
            raise errors.bad_symbol()
        found = exchange_info(chosen, exchange.now_ns())
        return found | {"rateLimits": self._meter.rules()}

    # --- listen keys ---------------------------------------------------------------------------

    def _listen_key(self, exchange: Exchange, params: Params) -> dict[str, Any]:
        if not self._config.listen_keys:
            raise errors.retired()
        params.finish()
        known = self._sockets.listen_keys
        if not known:  # an account has one at a time
            known.add(f"{self._keys.api_key[:32]}{exchange.now_ns():032d}")
        return listen_key(next(iter(known)))

    def _known_key(self, params: Params) -> str:
        if not self._config.listen_keys:
            raise errors.retired()
        found = params.need("listenKey")
        params.finish()
        if found not in self._sockets.listen_keys:
            raise ApiError(-1125, "This listenKey does not exist.")
        return found

    def _keep_listen_key(self, exchange: Exchange, params: Params) -> dict[str, Any]:
        self._known_key(params)
        return {}

    def _end_listen_key(self, exchange: Exchange, params: Params) -> dict[str, Any]:
        self._sockets.expire(self._known_key(params))
        return {}

    # --- the simulator's own pages -------------------------------------------------------------

    def ledger(self) -> dict[str, Any]:
        """What /sim/ledger shows and ledger.json keeps."""
        found = self._exchange.ledger()
        found["server"]["faults"] = self._faults.counts
        return found

    async def _ledger(self, request: web.Request) -> web.Response:
        body = msgspec.json.encode(self.ledger())
        return web.Response(body=body, content_type="application/json")

    async def _set_faults(self, request: web.Request) -> web.Response:
        try:
            self._faults.play(FaultScript.model_validate_json(await request.read()))
        except ValidationError as e:
            return web.json_response({"error": str(e)}, status=400)
        return await self._get_faults(request)

    async def _get_faults(self, request: web.Request) -> web.Response:
        found = {
            "script": self._faults.script.model_dump(mode="json"),
            "fired": self._faults.counts,
        }
        return web.json_response(found)

    async def _cut(self, request: web.Request) -> web.Response:
        return web.json_response({"cut": self._exchange.hub.cut(request.query.get("who", "all"))})


def _symbols(text: str) -> set[str]:
    try:
        return set(msgspec.json.decode(text, type=list[str]))
    except msgspec.DecodeError as e:
        raise errors.illegal("symbols", '^\\["[A-Z0-9]"(,"[A-Z0-9]")*\\]$') from e


def free_port() -> int:
    """A port that nobody listened on a moment ago: to restart a server where its clients look."""
    with socket.socket() as s:
        s.bind((HOST, 0))
        port: int = s.getsockname()[1]
        return port
