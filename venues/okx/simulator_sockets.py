"""The WebSocket addresses: public, business (candles, algo orders) and private.

docs: docs-v5 "WebSocket / Connect", "Login", "Subscribe" (2026-09).
"""

from typing import Any, Final

import msgspec
from aiohttp import web

from messages.base import NS_PER_S
from venues.okx.codec_names import INST_TYPE, INTERVAL_NS, instrument_id
from venues.okx.session_market import PONG
from venues.okx.signing import VERIFY, matches
from venues.okx.simulator_exchange import USER, OkxExchange
from venues.serving.hub import Client
from venues.serving.sockets import serve_socket
from venues.wire.keys import Keys

_PING_S: Final = 20.0
_PUBLIC: Final = frozenset({"books", "bbo-tbt", "trades", "tickers", "funding-rate", "mark-price"})
_BY_TYPE: Final = frozenset({"instruments", "liquidation-orders"})
_KINDS: Final = frozenset({*INST_TYPE.values(), "ANY"})
_STALE_S: Final = 30
Json = dict[str, Any]


class Sockets:
    """Every WebSocket connection of one server."""

    def __init__(self, exchange: OkxExchange, keys: Keys, queue_max: int) -> None:
        self._exchange = exchange
        self._hub = exchange.hub
        self._keys = keys
        self._queue_max = queue_max
        self._opened = 0

    async def public(self, request: web.Request) -> web.StreamResponse:
        """/ws/v5/public."""
        return await self._serve(request, "public")

    async def business(self, request: web.Request) -> web.StreamResponse:
        """/ws/v5/business."""
        return await self._serve(request, "business")

    async def private(self, request: web.Request) -> web.StreamResponse:
        """/ws/v5/private."""
        return await self._serve(request, "private")

    async def _serve(self, request: web.Request, where: str) -> web.StreamResponse:
        self._opened += 1
        conn = f"{self._opened:08x}"

        def heard(client: Client, raw: bytes) -> None:
            if raw == b"ping":
                client.send(PONG)
            else:
                self._heard(client, raw, where, conn)

        return await serve_socket(
            request, self._hub, heard, ping_s=_PING_S, queue_max=self._queue_max
        )

    def _heard(self, client: Client, raw: bytes, where: str, conn: str) -> None:
        try:
            message = msgspec.json.decode(raw, type=dict[str, Any])
            op, args = message["op"], message["args"]
            assert isinstance(args, list)
        except (msgspec.DecodeError, KeyError, AssertionError):
            text = f"Invalid request: {raw[:80].decode(errors='replace')}"
            client.send(_error("60012", text, conn))
            return
        for arg in args:
            if not isinstance(arg, dict):
                client.send(_error("60013", "Invalid args", conn))
            elif op == "login":
                self._login(client, arg, conn)
            elif op in ("subscribe", "unsubscribe"):
                self._change(client, str(op), arg, where, conn)
            else:
                client.send(_error("60019", f"Invalid op {op}", conn))

    def _login(self, client: Client, arg: Json, conn: str) -> None:
        stamp, now_s = str(arg.get("timestamp", "")), self._exchange.now_ns() // NS_PER_S
        if arg.get("apiKey") != self._keys.api_key:
            problem = ("60005", "Invalid apiKey")
        elif arg.get("passphrase") != self._keys.passphrase:
            problem = ("60024", "Wrong passphrase")
        elif not stamp.isdigit():
            problem = ("60004", "Invalid timestamp")
        elif abs(now_s - int(stamp)) > _STALE_S:
            problem = ("60006", "Timestamp request expired")
        elif not matches(f"{stamp}GET{VERIFY}", self._keys.secret, str(arg.get("sign", ""))):
            problem = ("60007", "Invalid sign")
        else:
            client.private = True
            client.send(_encode({"event": "login", "code": "0", "msg": "", "connId": conn}))
            return
        client.send(_error(*problem, conn))

    def _change(self, client: Client, op: str, arg: Json, where: str, conn: str) -> None:
        name = str(arg.get("channel", ""))
        private = name in ("orders", "orders-algo", "account", "positions")
        if private and not client.private:
            client.send(_error("60011", "Please log in", conn))
            return
        channel = self._private(name, arg, where) if private else self._public(name, arg, where)
        if channel is None:
            shown = ",".join(f"{k}:{v}" for k, v in arg.items())
            text = f"Wrong URL or {shown} doesn't exist. Please use the correct URL, channel"
            client.send(_error("60018", text, conn))
            return
        client.send(_encode({"event": op, "arg": arg, "connId": conn}))
        if op == "unsubscribe":
            self._hub.unsubscribe(client, channel)
            return
        first = None if private else self._first(name, arg)
        self._hub.subscribe(client, channel)
        if first is not None:
            client.send(first)

    def _public(self, name: str, arg: Json, where: str) -> str | None:
        """The hub's channel of a public subscription; None if there is no such one."""
        if name in _BY_TYPE:
            kind = str(arg.get("instType", ""))
            return f"{name}:{kind}" if where == "public" and kind in _KINDS else None
        symbol = str(arg.get("instId", ""))
        candle = name.startswith("candle") and name.removeprefix("candle") in INTERVAL_NS
        here = (candle and where == "business") or (name in _PUBLIC and where == "public")
        known = instrument_id(symbol) in self._exchange.books
        return f"{name}:{symbol}" if here and known else None

    @staticmethod
    def _private(name: str, arg: Json, where: str) -> str | None:
        if (name == "orders-algo") is not (where == "business"):
            return None
        if name == "account":
            return f"{USER}account"
        kind, symbol = str(arg.get("instType", "ANY")), str(arg.get("instId", ""))
        return f"{USER}{name}:{kind}:{symbol}" if kind in _KINDS else None

    def _first(self, name: str, arg: Json) -> bytes | None:
        found = instrument_id(str(arg.get("instId", "")))
        return self._exchange.first_frame(name, found) if found in self._exchange.books else None


def _error(code: str, text: str, conn: str) -> bytes:
    return _encode({"event": "error", "code": code, "msg": text, "connId": conn})


def _encode(frame: Json) -> bytes:
    return msgspec.json.encode(frame)
