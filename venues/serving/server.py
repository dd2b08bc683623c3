"""One HTTP server for REST, WebSocket streams and the simulator's own /sim pages; loopback only.

A venue plugs in by a subclass:

  routes      "GET /api/v3/orders/{id}" -> whatever the venue keeps about an endpoint
  sockets     path -> coroutine that serves a WebSocket connection there (see sockets.py)
  charge      limits first, before anything else is judged: raises ApiError
  answer      key, signature, time, parameters, then the handler -> the body: raises ApiError
  failed, throttled, closed    the venue's words for the faults that strike requests

Order of a request: maintenance, limits, then what `answer` judges in the venue's own order.
Faults strike outside of that: before the venue acts (CUT, FAIL_5XX, STALL) or after it
(ACT_THEN_CUT, ACT_THEN_5XX, DELAY, SLOW_DRIP).
"""

import asyncio
import re
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web
from pydantic import ValidationError

from venues.serving.config import SimulatorConfig
from venues.serving.errors import ApiError
from venues.serving.exchange import Exchange
from venues.serving.faults import FaultKind, Faults, FaultScript, Rule

HOST: Final = "127.0.0.1"
_BODY_BYTES_MAX: Final = 64 * 1024
_DRIPS: Final = 16
_F: Final = FaultKind
_BEFORE: Final = (_F.CUT, _F.FAIL_5XX, _F.STALL)
_AFTER: Final = (_F.ACT_THEN_CUT, _F.ACT_THEN_5XX, _F.DELAY, _F.SLOW_DRIP)
R = TypeVar("R")
SocketHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Call:
    """One REST request as it came.

    name    "GET /api/v3/order": the method and the path that was asked for
    route   the key of the route that it matches, with {names}; `name` if none does
    query   the raw query string; body: the raw body
    form    query string and form body together, later ones win
    where   what stood for the {names} of the route
    """

    name: str
    route: str
    path: str
    query: str
    body: bytes
    headers: Mapping[str, str]
    form: dict[str, str]
    where: dict[str, str] = field(default_factory=dict)

    @property
    def method(self) -> str:
        return self.name.partition(" ")[0]


class Server(ABC, Generic[R]):
    """A simulator's endpoints on one port; R is what a venue keeps about an endpoint."""

    routes: Mapping[str, R]

    def __init__(self, config: SimulatorConfig, exchange: Exchange, faults: Faults) -> None:
        self._port = config.port
        self._control = config.control
        self._exchange = exchange
        self._faults = faults
        self._runner: web.AppRunner | None = None
        self._patterns: list[tuple[re.Pattern[str], str]] = []

    # --- what a venue fills in -------------------------------------------------------------------

    @abstractmethod
    def sockets(self) -> Mapping[str, SocketHandler]:
        """Path (aiohttp's patterns) -> who serves a WebSocket connection there."""

    def charge(self, call: Call) -> None:
        """Count the request; raises ApiError past a limit. Nothing is counted by default."""

    @abstractmethod
    def answer(self, call: Call, route: R | None) -> bytes:
        """Judge and carry out -> the body of a success; raises ApiError. No route: not found."""

    @abstractmethod
    def failed(self) -> ApiError:
        """The venue cannot say whether it acted (5xx)."""

    @abstractmethod
    def throttled(self, ban: bool) -> ApiError:
        """A caller past a limit, or banned; the answer to THROTTLE and BAN."""

    def closed(self) -> ApiError:
        """Maintenance."""
        return ApiError("maintenance", "the venue is under maintenance", 503)

    def headers(self, call: Call) -> dict[str, str]:
        """What goes with every answer, refusals included."""
        return {}

    def note(self, call: Call) -> None:
        """Write an order request down (`exchange.requests`) before anything is judged: even what
        is refused was received. Lines have `ts_ns` and `client_order_id`."""

    # --- running ---------------------------------------------------------------------------------

    async def start(self) -> int:
        """Listen -> the port.

        raises  OSError if the port is taken
        """
        for key in self.routes:
            if "{" in key:
                self._patterns.append((re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", key)), key))
        app = web.Application(client_max_size=_BODY_BYTES_MAX)
        for path, handler in self.sockets().items():
            app.router.add_get(path, self._open(handler))
        app.router.add_get("/sim/ledger", self._ledger)
        if self._control:
            app.router.add_post("/sim/faults", self._set_faults)
            app.router.add_get("/sim/faults", self._get_faults)
            app.router.add_post("/sim/cut", self._cut)
        app.router.add_route("*", "/{tail:.*}", self._rest)
        self._runner = web.AppRunner(
            app, access_log=None, keepalive_timeout=75.0, shutdown_timeout=0.5
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, self._port)
        await site.start()
        port: int = self._runner.addresses[0][1]
        return port

    async def stop(self) -> None:
        """Close every connection and the port."""
        await self._exchange.hub.close()
        if self._runner is not None:
            await self._runner.cleanup()

    # --- REST ------------------------------------------------------------------------------------

    async def _rest(self, request: web.Request) -> web.StreamResponse:
        call = await self._call(request)
        self.note(call)
        late: Rule | None = None
        try:
            self._open_for(call)
            early = self._faults.fires(_BEFORE, call.route)
            if early is not None and early.kind is _F.CUT:
                return _hang_up(request)
            if early is not None and early.kind is _F.FAIL_5XX:
                raise self.failed()
            if early is not None:
                await asyncio.sleep(early.delay_ms / 1000)
            content, status, extra = self.answer(call, self.routes.get(call.route)), 200, {}
            late = self._faults.fires(_AFTER, call.route)
            if late is not None and late.kind is _F.ACT_THEN_CUT:
                return _hang_up(request)
            if late is not None and late.kind is _F.ACT_THEN_5XX:
                raise self.failed()
            if late is not None and late.kind is _F.DELAY:
                await asyncio.sleep(late.delay_ms / 1000)
        except ApiError as e:
            content, status, extra = e.body(), e.status, dict(e.headers)
        extra = self.headers(call) | extra
        if late is not None and late.kind is _F.SLOW_DRIP:
            return await _drip(request, content, extra, late.delay_ms / 1000)
        return web.Response(
            body=content, status=status, headers=extra, content_type="application/json"
        )

    async def _call(self, request: web.Request) -> Call:
        name, route, where = f"{request.method} {request.path}", "", {}
        if name not in self.routes:
            for pattern, key in self._patterns:
                if (found := pattern.fullmatch(name)) is not None:
                    route, where = key, found.groupdict()
                    break
        body = await request.read() if request.can_read_body else b""
        is_form = request.content_type == "application/x-www-form-urlencoded"
        try:
            sent = parse_qsl(body.decode(), keep_blank_values=True) if is_form else []
        except UnicodeDecodeError:
            sent = []
        return Call(
            name=name,
            route=route or name,
            path=request.path,
            query=request.rel_url.raw_query_string,
            body=body,
            headers=request.headers,
            form=dict(sent) | dict(request.query),
            where=where,
        )

    def _open_for(self, call: Call) -> None:
        """raises ApiError where the venue does not look at the request at all."""
        if self._faults.active(_F.MAINTENANCE) is not None:
            raise self.closed()
        storm = self._faults.fires((_F.THROTTLE, _F.BAN), call.route)
        if storm is not None:
            raise self.throttled(storm.kind is _F.BAN)
        self.charge(call)

    def _open(self, handler: SocketHandler) -> SocketHandler:
        async def serve(request: web.Request) -> web.StreamResponse:
            if self._faults.active(_F.MAINTENANCE) is not None:
                e = self.closed()
                return web.Response(body=e.body(), status=e.status)
            return await handler(request)

        return serve

    # --- the simulator's own pages ---------------------------------------------------------------

    async def _ledger(self, request: web.Request) -> web.Response:
        body = msgspec.json.encode(self._exchange.ledger())
        return web.Response(body=body, content_type="application/json")

    async def _set_faults(self, request: web.Request) -> web.Response:
        try:
            self._faults.play(FaultScript.model_validate_json(await request.read()))
        except ValidationError as e:
            return web.json_response({"error": str(e)}, status=400)
        return await self._get_faults(request)

    async def _get_faults(self, request: web.Request) -> web.Response:
        found: dict[str, Any] = {
            "script": self._faults.script.model_dump(mode="json"),
            "fired": self._faults.counts,
        }
        return web.json_response(found)

    async def _cut(self, request: web.Request) -> web.Response:
        return web.json_response({"cut": self._exchange.hub.cut(request.query.get("who", "all"))})


def _hang_up(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _drip(
    request: web.Request, content: bytes, headers: dict[str, str], over_s: float
) -> web.StreamResponse:
    """A success whose body comes in small pieces."""
    answer = web.StreamResponse(headers=headers | {"Content-Type": "application/json"})
    answer.content_length = len(content)
    await answer.prepare(request)
    step = len(content) // _DRIPS + 1
    for at in range(0, len(content), step):
        await asyncio.sleep(over_s / _DRIPS)
        await answer.write(content[at : at + step])
    await answer.write_eof()
    return answer
