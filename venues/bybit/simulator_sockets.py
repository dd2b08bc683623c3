"""The WebSocket endpoints: public streams of a category, and the private stream.

docs: v5 "WebSocket / Connect" (2026-11). Whoever sends nothing for ten minutes is cut off there;
here the protocol's own pings find out sooner whether somebody is still listening.
"""

from typing import Any, Final

import msgspec
from aiohttp import web

from messages.base import InstrumentId
from messages.market import Product
from venues.bybit.codec_names import CATEGORY, INTERVAL_NS, instrument_id, ms
from venues.bybit.session_market import TOPICS_MAX
from venues.bybit.signing import matches, stream_payload
from venues.bybit.simulator_exchange import DEPTHS, USER, BybitExchange
from venues.serving.hub import Client
from venues.serving.sockets import serve_socket
from venues.wire.keys import Keys

_PING_S: Final = 20.0
_PLAIN: Final = frozenset({"publicTrade", "tickers", "allLiquidation"})
_PRIVATE: Final = frozenset({"order", "execution", "execution.fast", "position", "wallet"})
# Topics that the client library of another venue family asks for; Bybit takes them and stays quiet.
_SILENT: Final = frozenset({"stopOrder", "greeks", "dcp.spot", "dcp.future", "dcp.option"})
Json = dict[str, Any]


class Sockets:
    """Every WebSocket connection of one server."""

    def __init__(self, exchange: BybitExchange, keys: Keys, queue_max: int) -> None:
        self._exchange = exchange
        self._hub = exchange.hub
        self._keys = keys
        self._queue_max = queue_max
        self._opened = 0

    async def spot(self, request: web.Request) -> web.StreamResponse:
        """/v5/public/spot."""
        return await self._public(request, Product.SPOT)

    async def linear(self, request: web.Request) -> web.StreamResponse:
        """/v5/public/linear."""
        return await self._public(request, Product.LINEAR)

    async def private(self, request: web.Request) -> web.StreamResponse:
        """/v5/private."""
        conn = self._name()

        def heard(client: Client, raw: bytes) -> None:
            self._private(client, raw, conn)

        return await self._serve(request, heard)

    async def _public(self, request: web.Request, product: Product) -> web.StreamResponse:
        conn = self._name()

        def heard(client: Client, raw: bytes) -> None:
            self._market(client, raw, product, conn)

        return await self._serve(request, heard)

    async def _serve(self, request: web.Request, heard: Any) -> web.StreamResponse:
        return await serve_socket(
            request, self._hub, heard, ping_s=_PING_S, queue_max=self._queue_max
        )

    def _name(self) -> str:
        self._opened += 1
        return f"sim{self._opened:08d}-1"

    # --- public ----------------------------------------------------------------------------------

    def _market(self, client: Client, raw: bytes, product: Product, conn: str) -> None:
        message = _object(raw)
        op, args = message.get("op"), message.get("args")
        if op == "ping":
            client.send(_answer(message, conn, "pong", "ping"))
        elif op not in ("subscribe", "unsubscribe") or not isinstance(args, list):
            client.send(_answer(message, conn, "error:invalid op", str(op), success=False))
        elif product is Product.SPOT and len(args) > TOPICS_MAX:
            client.send(_answer(message, conn, "args size >10", str(op), success=False))
        else:
            self._change(client, message, product, conn)

    def _change(self, client: Client, message: Json, product: Product, conn: str) -> None:
        """Take the topics; the first frames come after the acknowledgement."""
        op, first = str(message["op"]), []
        for topic in map(str, message["args"]):
            name = self._about(topic, product)
            if name is None:
                text = f"error:handler not found,topic:{topic}"
                client.send(_answer(message, conn, text, op, success=False))
                return
            channel = f"{CATEGORY[product]}:{topic}"
            if op == "unsubscribe":
                self._hub.unsubscribe(client, channel)
                continue
            frame = self._exchange.first_frame(topic, name, channel)
            self._hub.subscribe(client, channel)
            first += [frame] if frame is not None else []
        client.send(_answer(message, conn, "subscribe" if product is Product.SPOT else "", op))
        for frame in first:
            client.send(frame)

    def _about(self, topic: str, product: Product) -> InstrumentId | None:
        """The instrument of a public topic; None if there is no such topic."""
        kind, _, rest = topic.partition(".")
        detail, _, symbol = rest.rpartition(".")
        known = (
            (kind == "orderbook" and detail in map(str, DEPTHS))
            or (kind == "kline" and detail in INTERVAL_NS)
            or (kind in _PLAIN and not detail)
        )
        name = instrument_id(symbol, product)
        return name if known and name in self._exchange.books else None

    # --- private ---------------------------------------------------------------------------------

    def _private(self, client: Client, raw: bytes, conn: str) -> None:
        message = _object(raw)
        op, args = str(message.get("op")), message.get("args")
        if op == "ping":
            now = [str(ms(self._exchange.now_ns()))]
            client.send(
                msgspec.json.encode(
                    {
                        "req_id": message.get("req_id", ""),
                        "op": "pong",
                        "args": now,
                        "conn_id": conn,
                    }
                )
            )
        elif op == "auth":
            self._sign_in(client, message, conn)
        elif op not in ("subscribe", "unsubscribe") or not isinstance(args, list):
            client.send(_answer(message, conn, "error:invalid op", op, success=False))
        elif not client.private:
            client.send(_answer(message, conn, "Request not authorized", op, success=False))
        else:
            self._listen(client, message, conn)

    def _sign_in(self, client: Client, message: Json, conn: str) -> None:
        args = message.get("args")
        problem = "Params Error"
        if isinstance(args, list) and len(args) == 3 and str(args[1]).isdigit():
            expires = int(args[1])
            problem = ""
            if args[0] != self._keys.api_key:
                problem = "Invalid apikey"
            elif expires <= ms(self._exchange.now_ns()):
                problem = "Params Error, auth expired"
            elif not matches(stream_payload(expires), self._keys.secret, str(args[2])):
                problem = "Request not authorized"
        client.private = not problem
        client.send(_answer(message, conn, problem, "auth", success=not problem))

    def _listen(self, client: Client, message: Json, conn: str) -> None:
        op, topics = str(message["op"]), [str(t) for t in message["args"]]
        bad = [t for t in topics if t not in _SILENT and _bare(t) not in _PRIVATE]
        if bad:
            text = f"error:handler not found,topic:{bad[0]}"
            client.send(_answer(message, conn, text, op, success=False))
            return
        for topic in topics:
            if op == "subscribe":
                self._hub.subscribe(client, USER + topic)
            else:
                self._hub.unsubscribe(client, USER + topic)
        client.send(_answer(message, conn, "", op))


def _bare(topic: str) -> str:
    """A private topic without its category."""
    name, _, last = topic.rpartition(".")
    return name if last in ("spot", "linear", "inverse", "option") else topic


def _object(raw: bytes) -> Json:
    try:
        found = msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _answer(message: Json, conn: str, text: str, op: str, *, success: bool = True) -> bytes:
    return msgspec.json.encode(
        {
            "success": success,
            "ret_msg": text,
            "conn_id": conn,
            "req_id": message.get("req_id", ""),
            "op": op,
        }
    )
