"""The WebSocket endpoints: market streams with live subscription, and the WebSocket API.

docs: Spot "WebSocket Streams" and "WebSocket API / User Data Stream requests" (2026-09). Spot's
listen keys ended on 2026-02-20; their successor is `userDataStream.subscribe.signature`, one
signed request on the WebSocket API, whose connection then carries the account's events.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec
from aiohttp import web

from venues.binance import simulator_errors as errors
from venues.binance.codec_encode import bare
from venues.binance.codec_encode_orders import server_time
from venues.binance.signing import sorted_payload
from venues.binance.simulator_auth import check_key, check_signature, check_time
from venues.binance.simulator_exchange import (
    LISTEN_KEY,
    SUBSCRIPTION,
    BinanceClient,
    BinanceExchange,
)
from venues.binance.simulator_limits import BinanceMeter, weight_of
from venues.binance.simulator_params import Params
from venues.serving.errors import ApiError
from venues.serving.hub import Client
from venues.serving.sockets import serve_socket
from venues.wire.keys import Keys

# docs: the server pings every 20 s and hangs up after a minute without an answer; here it hangs
# up at the next ping, which is stricter.
_PING_S: Final = 20.0
_STREAMS_MAX: Final = 1024


class Sockets:
    """Every WebSocket connection of one server."""

    def __init__(
        self, exchange: BinanceExchange, keys: Keys, meter: BinanceMeter, queue_max: int
    ) -> None:
        self._exchange = exchange
        self._hub = exchange.hub
        self._keys = keys
        self._meter = meter
        self._queue_max = queue_max
        self.listen_keys: set[str] = set()

    async def market(self, request: web.Request) -> web.StreamResponse:
        """/ws, /ws/<stream> (also a listen key) and /stream?streams=a/b."""
        asked = request.query.get("streams", "") or request.query.get("listenKey", "")
        names = request.match_info.get("stream") or asked

        def opened(client: Client) -> None:
            assert isinstance(client, BinanceClient), "serve_socket makes them"
            client.combined = request.path.endswith("/stream")
            for name in filter(None, names.split("/")):
                known = name in self.listen_keys
                client.private = client.private or known
                self._hub.subscribe(client, LISTEN_KEY + name if known else name)

        return await self._serve(request, self._control, opened)

    async def api(self, request: web.Request) -> web.StreamResponse:
        """/ws-api/v3."""
        return await self._serve(request, self._request, lambda _: None)

    async def _serve(
        self,
        request: web.Request,
        answer: Callable[[BinanceClient, bytes], bytes],
        opened: Callable[[Client], None],
    ) -> web.StreamResponse:
        def heard(client: Client, raw: bytes) -> None:
            assert isinstance(client, BinanceClient), "serve_socket makes them"
            client.send(answer(client, raw))

        return await serve_socket(
            request,
            self._hub,
            heard,
            ping_s=_PING_S,
            queue_max=self._queue_max,
            client=BinanceClient,
            opened=opened,
        )

    # --- market streams ------------------------------------------------------------------------

    def _control(self, client: BinanceClient, raw: bytes) -> bytes:
        """The answer to one request on a market connection; its errors have codes of their own."""
        number: Any = None
        try:
            message = msgspec.json.decode(raw, type=dict)
            number, verb, params = message.get("id"), message["method"], message.get("params", [])
            if not isinstance(params, list):
                raise ApiError(2, "Invalid request: expected an array")
            return bare({"result": self._controlled(client, verb, params), "id": number})
        except ApiError as e:
            return bare({"code": e.code, "msg": e.text, "id": number})
        except KeyError:
            return bare({"code": 2, "msg": "Invalid request: missing field `method`", "id": number})
        except msgspec.DecodeError as e:
            return bare({"code": 3, "msg": f"Invalid JSON: {e}"})

    def _controlled(self, client: BinanceClient, verb: Any, params: list[Any]) -> Any:
        if verb == "LIST_SUBSCRIPTIONS":
            return sorted(client.channels)
        if verb in ("SET_PROPERTY", "GET_PROPERTY"):
            return self._property(client, verb, params)
        if verb not in ("SUBSCRIBE", "UNSUBSCRIBE"):
            raise ApiError(2, f"Invalid request: unknown variant {verb}")
        if verb == "SUBSCRIBE" and len(client.channels) + len(params) > _STREAMS_MAX:
            raise ApiError(2, "Invalid request: too many streams")
        for name in params:
            if verb == "SUBSCRIBE":
                self._hub.subscribe(client, str(name))
            else:
                self._hub.unsubscribe(client, str(name))
        return None

    @staticmethod
    def _property(client: BinanceClient, verb: str, params: list[Any]) -> Any:
        if not params or params[0] != "combined":
            raise ApiError(0, "Unknown property")
        if verb == "GET_PROPERTY":
            return client.combined
        if not isinstance(params[-1], bool):
            raise ApiError(1, "Invalid value type: expected Boolean")
        client.combined = params[-1]
        return None

    # --- the WebSocket API ---------------------------------------------------------------------

    def _request(self, client: BinanceClient, raw: bytes) -> bytes:
        number: Any = None
        try:
            message = msgspec.json.decode(raw)
            number, method = message.get("id"), message["method"]
            params = {str(k): _text(v) for k, v in (message.get("params") or {}).items()}
            now_ns = self._exchange.now_ns()
            self._meter.charge(weight_of(f"WS {method}", params), now_ns)
            result = self._result(client, method.removeprefix("v3/"), params)
        except ApiError as e:
            error = {"code": e.code, "msg": e.text}
            return bare({"id": number, "status": e.status, "error": error})
        except (msgspec.DecodeError, KeyError, AttributeError, TypeError):
            error = {"code": -1135, "msg": "Invalid JSON Request"}
            return bare({"id": number, "status": 400, "error": error})
        return bare({"id": number, "status": 200, "result": result})

    def _result(self, client: BinanceClient, method: str, params: dict[str, str]) -> dict[str, Any]:
        match method:
            case "ping":
                return {}
            case "time":
                return server_time(self._exchange.now_ns())
            case "userDataStream.subscribe.signature":
                self._check(params)
                number = max(_numbers(client), default=-1) + 1
                client.private = True
                self._hub.subscribe(client, f"{SUBSCRIPTION}{number}")
                return {"subscriptionId": number}
            case "userDataStream.unsubscribe":
                chosen = params.get("subscriptionId")
                for number in _numbers(client):
                    if chosen in (None, str(number)):
                        self._hub.unsubscribe(client, f"{SUBSCRIPTION}{number}")
                return {}
            case "session.subscriptions":
                return {"subscriptions": [{"subscriptionId": n} for n in _numbers(client)]}
            case other:
                raise ApiError(-1130, f"Data sent for parameter 'method' is not valid: {other}")

    def _check(self, sent: dict[str, str]) -> None:
        params = Params(sent)
        check_key(params.take("apiKey"), self._keys)
        signature = params.need("signature")
        check_time(params, self._exchange.now_ns())
        params.finish()
        check_signature(sorted_payload(sent), signature, self._keys)


def _numbers(client: Client) -> list[int]:
    """The account subscriptions of a connection."""
    own = (c.removeprefix(SUBSCRIPTION) for c in client.channels if c.startswith(SUBSCRIPTION))
    return sorted(int(number) for number in own)


def _text(value: Any) -> str:
    """A JSON value as the signature sees it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    raise errors.illegal("params", "^(string|number|boolean)$")
