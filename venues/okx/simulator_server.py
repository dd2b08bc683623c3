"""OKX's REST endpoints and WebSocket addresses on one port.

docs: docs-v5 "REST Authentication", "Rate Limits", "Error Code" (2026-09).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from messages.base import NS_PER_MS, NS_PER_S
from venues.okx import signing
from venues.okx.codec_names import ms
from venues.okx.codec_requests import ROWS
from venues.okx.limits import RULES, cost_of
from venues.okx.simulator_config import SimulatorConfig
from venues.okx.simulator_errors import OkxError, RowError
from venues.okx.simulator_exchange import OkxExchange
from venues.okx.simulator_params import sent
from venues.okx.simulator_rest_account import ACCOUNT, PUBLIC
from venues.okx.simulator_rest_orders import ROUTES as ORDERS
from venues.okx.simulator_rest_orders import Handler
from venues.okx.simulator_sockets import Sockets
from venues.serving.errors import ApiError
from venues.serving.faults import Faults
from venues.serving.meter import Meter
from venues.serving.server import Call, Server, SocketHandler
from venues.wire.keys import Keys
from venues.wire.request import WireRequest

_STALE_MS: Final = 30_000
_PLACING: Final = ("/api/v5/trade/order", "/api/v5/trade/batch-orders", "/api/v5/trade/order-algo")
_BUSY: Final = "Too Many Requests"


class OkxServer(Server[Handler]):
    """The simulator's endpoints."""

    def __init__(
        self, config: SimulatorConfig, keys: Keys, exchange: OkxExchange, faults: Faults
    ) -> None:
        super().__init__(config, exchange, faults)
        self._exchange: OkxExchange = exchange
        self._keys = keys
        self._sockets = Sockets(exchange, keys, config.queue_max)
        self._meter = Meter(RULES) if config.limited else Meter(())
        self.routes = {**PUBLIC, **ORDERS, **ACCOUNT}

    def sockets(self) -> Mapping[str, SocketHandler]:
        return {
            "/ws/v5/public": self._sockets.public,
            "/ws/v5/business": self._sockets.business,
            "/ws/v5/private": self._sockets.private,
        }

    def note(self, call: Call) -> None:
        if call.method != "POST" or call.path not in _PLACING:
            return
        try:
            params = sent(call.method, call.query, call.body)
        except OkxError:
            return  # what it asked for cannot be told; `answer` refuses it
        now_ns = self._exchange.now_ns()
        for one in params if isinstance(params, list) else [params]:
            name = one.get("clOrdId") or one.get("algoClOrdId")
            self._exchange.requests.append({"ts_ns": now_ns, "client_order_id": name})

    def charge(self, call: Call) -> None:
        """docs: limits of trading are counted by instrument, the others by user or address."""
        try:
            params: Any = sent(call.method, call.query, call.body)
        except OkxError:
            return
        rows = params if isinstance(params, list) else [params]
        wrapped = {ROWS: params} if isinstance(params, list) else params
        cost = cost_of(WireRequest(None, call.method, call.path, wrapped))
        key = str(rows[0].get("instId", "")) if rows and call.method == "POST" else ""
        denied = self._meter.charge(cost.amounts, self._exchange.now_ns(), key)
        if denied is not None:
            raise OkxError("50011", _BUSY, 429)

    def throttled(self, ban: bool) -> ApiError:
        return OkxError("50011", _BUSY, 429)

    def failed(self) -> ApiError:
        return OkxError("50026", "System error. Try again later.", 500)

    def closed(self) -> ApiError:
        return OkxError("50001", "Service temporarily unavailable. Try again later.", 503)

    def answer(self, call: Call, route: Handler | None) -> bytes:
        if route is None:
            raise OkxError("404", "Not Found", 404)
        params = sent(call.method, call.query, call.body)
        if call.name not in PUBLIC:
            self._check(call)
        try:
            return route(self._exchange, params)
        except RowError as e:
            raise OkxError(e.code, e.text) from None

    def _check(self, call: Call) -> None:
        """Who asks, is it fresh, and did they sign it; raises ApiError."""
        found = {}
        for code, name in (("50103", "KEY"), ("50106", "SIGN"), ("50107", "TIMESTAMP")):
            found[name] = call.headers.get(f"OK-ACCESS-{name}", "")
            if not found[name]:
                text = f'Request header "OK-ACCESS-{name}" can not be empty.'
                raise OkxError(code, text, 401)
        if found["KEY"] != self._keys.api_key:
            raise OkxError("50111", "Invalid OK-ACCESS-KEY", 401)
        if call.headers.get("OK-ACCESS-PASSPHRASE", "") != self._keys.passphrase:
            raise OkxError("50105", 'Request header "OK-ACCESS-PASSPHRASE" incorrect.', 401)
        self._fresh(call, found["TIMESTAMP"])
        target = f"{call.path}?{call.query}" if call.query else call.path
        payload = found["TIMESTAMP"] + call.method + target + call.body.decode(errors="replace")
        if not signing.matches(payload, self._keys.secret, found["SIGN"]):
            raise OkxError("50113", "Invalid Sign", 401)

    def _fresh(self, call: Call, stamp: str) -> None:
        now_ms = ms(self._exchange.now_ns())
        try:
            then = datetime.fromisoformat(stamp)
            at_ms = round(then.timestamp() * NS_PER_S) // NS_PER_MS
        except ValueError:
            raise OkxError("50112", "Invalid OK-ACCESS-TIMESTAMP", 401) from None
        if abs(now_ms - at_ms) > _STALE_MS:
            raise OkxError("50102", "Timestamp request expired", 401)
        last = call.headers.get("expTime", "")
        if last.isdigit() and int(last) < now_ms:
            raise OkxError("51149", "Order timed out. Please try again.")
