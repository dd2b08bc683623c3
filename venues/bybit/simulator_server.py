"""Bybit's endpoints: address first, then key, time and signature, then the endpoint's own limit,
then the parameters. Every refusal but those of the gateway is an HTTP 200 with a code.

docs: v5 "Integration Guidance", "Rate Limit Rules", "Error Codes" (2026-11).
"""

from collections.abc import Mapping
from typing import Final

from messages.base import NS_PER_MS, NS_PER_S
from messages.market import Product
from venues.bybit import signing
from venues.bybit.codec_errors import RESET
from venues.bybit.codec_names import PRODUCT, ms
from venues.bybit.limits import ADDRESS, ADDRESS_NS, PER_SECOND, per_second
from venues.bybit.simulator_config import SimulatorConfig
from venues.bybit.simulator_errors import BybitError, Denied, envelope
from venues.bybit.simulator_exchange import BybitExchange
from venues.bybit.simulator_params import sent
from venues.bybit.simulator_rest_account import ROUTES as ACCOUNT
from venues.bybit.simulator_rest_market import ROUTES as MARKET
from venues.bybit.simulator_rest_orders import ROUTES as ORDERS
from venues.bybit.simulator_rest_orders import Handler
from venues.bybit.simulator_sockets import Sockets
from venues.serving.errors import ApiError
from venues.serving.faults import Faults
from venues.serving.meter import Meter
from venues.serving.server import Call, Server, SocketHandler
from venues.wire.keys import Keys
from venues.wire.limits import LimitRule

_AHEAD_MS: Final = 1000
_WINDOW_MS: Final = 5000
_BAN_S: Final = 600
_TOO_FREQUENT: Final = (403, "403, access too frequent", 403)
_ORDERS: Final = frozenset({"/v5/order/create", "/v5/order/amend", "/v5/order/cancel"})
_CREATE: Final = "POST /v5/order/create"


class BybitServer(Server[Handler]):
    """The simulator's endpoints on one port."""

    def __init__(
        self, config: SimulatorConfig, keys: Keys, exchange: BybitExchange, faults: Faults
    ) -> None:
        super().__init__(config, exchange, faults)
        self._exchange: BybitExchange = exchange
        self._keys = keys
        self._sockets = Sockets(exchange, keys, config.queue_max)
        address = LimitRule(ADDRESS, config.address_max, ADDRESS_NS, rolling=True)
        self._address = Meter((address,), ban_after=0, ban_s=_BAN_S)
        self._account = {p: Meter(_rules(config, p)) for p in Product}
        self.routes = {**MARKET, **ORDERS, **ACCOUNT}

    def sockets(self) -> Mapping[str, SocketHandler]:
        return {
            "/v5/public/spot": self._sockets.spot,
            "/v5/public/linear": self._sockets.linear,
            "/v5/private": self._sockets.private,
        }

    def note(self, call: Call) -> None:
        if not call.name.startswith(_CREATE):
            return
        try:
            params = sent(call.method, call.query, call.body)
        except BybitError:
            return  # what it asked for cannot be told; `answer` refuses it
        now_ns = self._exchange.now_ns()
        for one in params.get("request") or [params]:
            name = one.get("orderLinkId") if isinstance(one, dict) else None
            self._exchange.requests.append({"ts_ns": now_ns, "client_order_id": name})

    def charge(self, call: Call) -> None:
        now_ns = self._exchange.now_ns()
        if self._address.charge(((ADDRESS, 1),), now_ns) is not None:
            raise Denied(*_TOO_FREQUENT)

    def throttled(self, ban: bool) -> ApiError:
        if ban:
            self._address.ban(self._exchange.now_ns())
            return Denied(*_TOO_FREQUENT)
        return self._too_many()

    def _too_many(self) -> BybitError:
        e = BybitError(10006, "Too many visits. Exceeded the API Rate Limit.")
        e.time_ms = ms(self._exchange.now_ns())
        return e

    def failed(self) -> ApiError:
        return Denied(502, "<html><body>502 Bad Gateway</body></html>", 502)

    def closed(self) -> ApiError:
        return Denied(503, "<html><body>503 Service Unavailable</body></html>", 503)

    def headers(self, call: Call) -> dict[str, str]:
        rule = self._rule(call)
        if rule is None:
            return {}
        product, limit = rule
        now_ns = self._exchange.now_ns()
        window = self._account[product].window(limit)
        window.roll(now_ns)
        left = max(limit.amount - window.used, 0)
        wait_ns = 0 if left else window.wait_ns(now_ns)
        return {
            "X-Bapi-Limit": str(limit.amount),
            "X-Bapi-Limit-Status": str(left),
            RESET: str(ms(now_ns + wait_ns + NS_PER_MS - 1)),
        }

    def answer(self, call: Call, route: Handler | None) -> bytes:
        try:
            if route is None:
                raise Denied(404, "404 page not found", 404)
            params = sent(call.method, call.query, call.body)
            if call.name not in MARKET:
                self._check(call)
                self._count(call, params)
            found = route(self._exchange, params)
        except BybitError as e:
            e.time_ms = ms(self._exchange.now_ns())
            raise
        result, ext = found if isinstance(found, tuple) else (found, None)
        return envelope(result, ms(self._exchange.now_ns()), ext=ext)

    def _check(self, call: Call) -> None:
        """Who asks, is it fresh, and did they sign it. raises ApiError"""
        key, stamp = call.headers.get(signing.API_KEY), call.headers.get(signing.TIMESTAMP, "")
        if key is None:
            raise Denied(401, "", 401)
        if key != self._keys.api_key:
            raise BybitError(10003, "API key is invalid.")
        window = call.headers.get(signing.WINDOW, str(_WINDOW_MS))
        now_ms = ms(self._exchange.now_ns())
        fresh = stamp.isdigit() and window.isdigit()
        if not fresh or not now_ms - int(window) <= int(stamp) < now_ms + _AHEAD_MS:
            raise BybitError(
                10002,
                "invalid request, please check your server timestamp or recv_window param."
                f" req_timestamp[{stamp}],server_timestamp[{now_ms}],recv_window[{window}]",
            )
        payload = call.query if call.method == "GET" else call.body.decode(errors="replace")
        text = f"{stamp}{key}{window}{payload}"
        if not signing.matches(text, self._keys.secret, call.headers.get(signing.SIGN, "")):
            raise BybitError(10004, f"error sign! origin_string[{text}]")

    def _count(self, call: Call, params: dict[str, object]) -> None:
        """raises ApiError 10006 past the endpoint's own limit."""
        batch = params.get("request")
        count = len(batch) if isinstance(batch, list) else 1
        rule = self._rule(call)
        if rule is None:
            return
        product, limit = rule
        denied = self._account[product].charge(((limit.name, count),), self._exchange.now_ns())
        if denied is not None:
            raise self._too_many()

    def _rule(self, call: Call) -> tuple[Product, LimitRule] | None:
        if call.path not in PER_SECOND:
            return None
        try:
            params = sent(call.method, call.query, call.body)
        except BybitError:
            return None
        product = PRODUCT.get(str(params.get("category")), Product.LINEAR)
        return product, self._account[product].rules_of(call.path)[0]


def _rules(config: SimulatorConfig, product: Product) -> list[LimitRule]:
    """The account's limits in one product."""

    def most(path: str) -> int:
        own = config.order_max if path in _ORDERS else 0
        return own or per_second(path, product)

    return [LimitRule(p, most(p), NS_PER_S, rolling=True) for p in PER_SECOND]
