"""The WebSocket endpoints: market streams with live subscription, and the WebSocket API.

docs: Spot "WebSocket Streams" and "WebSocket API / User Data Stream requests" (2026-09). Spot's
listen keys ended on 2026-02-20; their successor is `userDataStream.subscribe.signature`, one
signed request on the WebSocket API, whose connection then carries the account's events.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from aiohttp import WSMsgType, web

from venues.binance import simulator_errors as errors
from venues.binance.codec_encode import bare
from venues.binance.codec_encode_orders import server_time, stream_ended
from venues.binance.signing import sorted_payload
from venues.binance.simulator_auth import check_key, check_signature, check_time
from venues.binance.simulator_errors import ApiError
from venues.binance.simulator_exchange import Exchange
from venues.binance.simulator_hub import Client
from venues.binance.simulator_limits import Meter, weight_of
from venues.binance.simulator_params import Params
from venues.wire.keys import Keys

# docs: the server pings every 20 s and hangs up after a minute without an answer; aiohttp hangs
# up after half the interval, which is stricter.
_PING_S: Final = 20.0
_FRAME_BYTES_MAX: Final = 64 * 1024
_STREAMS_MAX: Final = 1024

Answer = Callable[[bytes], bytes]


class Sockets:
    """Every WebSocket connection of one server."""

    def __init__(self, exchange: Exchange, keys: Keys, meter: Meter, queue_max: int) -> None:
        self._exchange = exchange
        self._hub = exchange.hub
        self._keys = keys
        self._meter = meter
        self._queue_max = queue_max
        self.listen_keys: set[str] = set()

    async def market(self, request: web.Request) -> web.StreamResponse:
        """/ws, /ws/<stream> (also a listen key) and /stream?streams=a/b."""
        names = request.match_info.get("stream") or request.query.get("streams", "")

        async def serve(client: Client) -> None:
            client.combined = request.path.startswith("/stream")
            for name in filter(None, names.split("/")):
                if name in self.listen_keys:
                    self._hub.users.setdefault(client, {})[None] = name
                else:
                    self._hub.subscribe(client, name)
            await self._read(client, lambda raw: self._control(client, raw))

        return await self._connection(request, serve)

    async def api(self, request: web.Request) -> web.StreamResponse:
        """/ws-api/v3."""

        async def serve(client: Client) -> None:
            await self._read(client, lambda raw: self._request(client, raw))

        return await self._connection(request, serve)

    def expire(self, listen_key: str) -> None:
        """Tell and forget every connection of a listen key."""
        self.listen_keys.discard(listen_key)
        payload = stream_ended("listenKeyExpired", self._exchange.now_ns(), listen_key)
        for client, subscriptions in tuple(self._hub.users.items()):
            if subscriptions.get(None) == listen_key:
                client.send(bare(payload))
                self._hub.users.pop(client)

    async def _connection(
        self, request: web.Request, serve: Callable[[Client], Awaitable[None]]
    ) -> web.StreamResponse:
        ws = web.WebSocketResponse(heartbeat=_PING_S, max_msg_size=_FRAME_BYTES_MAX, compress=False)
        await ws.prepare(request)
        client = Client(ws, request, self._queue_max)
        self._hub.clients.add(client)
        writer = asyncio.create_task(client.write())
        try:
            await serve(client)
        finally:
            self._hub.leave(client)
            writer.cancel()
        return ws

    @staticmethod
    async def _read(client: Client, answer: Answer) -> None:
        async for message in client.ws:
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                data = message.data
                client.send(answer(data.encode() if isinstance(data, str) else data))

    # --- market streams ------------------------------------------------------------------------

    def _control(self, client: Client, raw: bytes) -> bytes:
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

    def _controlled(self, client: Client, verb: Any, params: list[Any]) -> Any:
        if verb == "LIST_SUBSCRIPTIONS":
            return sorted(client.streams)
        if verb in ("SET_PROPERTY", "GET_PROPERTY"):
            return self._property(client, verb, params)
        if verb not in ("SUBSCRIBE", "UNSUBSCRIBE"):
            raise ApiError(2, f"Invalid request: unknown variant {verb}")
        if verb == "SUBSCRIBE" and len(client.streams) + len(params) > _STREAMS_MAX:
            raise ApiError(2, "Invalid request: too many streams")
        for name in params:
            if verb == "SUBSCRIBE":
                self._hub.subscribe(client, str(name))
            else:
                self._hub.unsubscribe(client, str(name))
        return None

    @staticmethod
    def _property(client: Client, verb: str, params: list[Any]) -> Any:
        if not params or params[0] != "combined":
            raise ApiError(0, "Unknown property")
        if verb == "GET_PROPERTY":
            return client.combined
        if not isinstance(params[-1], bool):
            raise ApiError(1, "Invalid value type: expected Boolean")
        client.combined = params[-1]
        return None

    # --- the WebSocket API ---------------------------------------------------------------------

    def _request(self, client: Client, raw: bytes) -> bytes:
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

    def _result(self, client: Client, method: str, params: dict[str, str]) -> dict[str, Any]:
        subscriptions = self._hub.users
        match method:
            case "ping":
                return {}
            case "time":
                return server_time(self._exchange.now_ns())
            case "userDataStream.subscribe.signature":
                self._check(params)
                mine = subscriptions.setdefault(client, {})
                number = max((n for n in mine if n is not None), default=-1) + 1
                mine[number] = self._keys.api_key
                return {"subscriptionId": number}
            case "userDataStream.unsubscribe":
                chosen = params.get("subscriptionId")
                if chosen is None:
                    subscriptions.pop(client, None)
                else:
                    subscriptions.get(client, {}).pop(int(chosen), None)
                return {}
            case "session.subscriptions":
                mine = subscriptions.get(client, {})
                return {"subscriptions": [{"subscriptionId": n} for n in mine]}
            case other:
                raise ApiError(-1130, f"Data sent for parameter 'method' is not valid: {other}")

    def _check(self, sent: dict[str, str]) -> None:
        params = Params(sent)
        check_key(params.take("apiKey"), self._keys)
        signature = params.need("signature")
        check_time(params, self._exchange.now_ns())
        params.finish()
        check_signature(sorted_payload(sent), signature, self._keys)


def _text(value: Any) -> str:
    """A JSON value as the signature sees it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    raise errors.illegal("params", "^(string|number|boolean)$")
