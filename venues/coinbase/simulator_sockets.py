"""The WebSocket endpoint: public channels and the signed user channel, on one address.

docs: "WebSocket Overview" (https://docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis/
websocket/websocket-overview, 2026-09): a connection that subscribes to nothing within five seconds
is closed, and 8 unsigned messages a second are taken from an address.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from aiohttp import web

from messages.base import NS_PER_S
from venues.coinbase.signing import PublicKey, check
from venues.coinbase.simulator_config import SimulatorConfig
from venues.coinbase.simulator_exchange import (
    CHANNELS,
    HEARTBEATS,
    STATUS,
    USER,
    CoinbaseClient,
    CoinbaseExchange,
    seconds,
)
from venues.coinbase.simulator_rest import known
from venues.serving.hub import Client
from venues.serving.meter import Meter
from venues.serving.sockets import serve_socket
from venues.wire.limits import LimitRule

_PING_S: Final = 20.0


class _Message(msgspec.Struct):
    type: str
    channel: str
    product_ids: list[str] = []
    jwt: str = ""


class _Refused(Exception):
    """What is said in an error frame."""


class Sockets:
    """Every WebSocket connection of one server."""

    def __init__(
        self, exchange: CoinbaseExchange, keys: Mapping[str, PublicKey], config: SimulatorConfig
    ) -> None:
        self._exchange = exchange
        self._hub = exchange.hub
        self._keys = keys
        self._queue_max = config.queue_max
        self._subscribe_s = config.subscribe_s
        rule = LimitRule("messages", config.limits.messages_max, NS_PER_S, rolling=True)
        self._meter = Meter((rule,))

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One connection, until it ends."""
        return await serve_socket(
            request,
            self._hub,
            self._heard,
            ping_s=_PING_S,
            queue_max=self._queue_max,
            client=CoinbaseClient,
            opened=self._opened,
        )

    def _opened(self, client: Client) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(self._subscribe_s, lambda: None if client.channels else client.cut())

    def _heard(self, client: Client, raw: bytes) -> None:
        assert isinstance(client, CoinbaseClient), "made above"
        try:
            message = msgspec.json.decode(raw, type=_Message)
            self._judge(message)
        except msgspec.DecodeError:
            client.send(_error("failed to parse message"))
            return
        except _Refused as e:
            client.send(_error(str(e)))
            return
        if message.type == "subscribe":
            self._subscribe(client, message)
        else:
            for channel in self._channels(message):
                self._hub.unsubscribe(client, channel)
        client.say("subscriptions", [{"subscriptions": _held(client)}], self._exchange.now_ns())

    def _judge(self, message: _Message) -> None:
        """raises _Refused"""
        now_ns = self._exchange.now_ns()
        if not message.jwt and self._meter.charge((("messages", 1),), now_ns) is not None:
            raise _Refused("rate limit exceeded")
        if message.type not in ("subscribe", "unsubscribe"):
            raise _Refused(f"unknown message type {message.type}")
        if message.channel not in (*CHANNELS, HEARTBEATS, STATUS, USER):
            raise _Refused(f"channel {message.channel} is not supported")
        if message.channel == USER or message.jwt:
            try:
                check(message.jwt, self._keys, seconds(now_ns))
            except ValueError as e:
                raise _Refused("authentication failure") from e
        unknown = [p for p in message.product_ids if not known(self._exchange, p)]
        if unknown:
            raise _Refused(f"{', '.join(unknown)} is not a valid product")
        if message.channel in CHANNELS and not message.product_ids:
            raise _Refused("no products to subscribe to")

    def _channels(self, message: _Message) -> list[str]:
        if message.channel in CHANNELS:
            return [f"{message.channel}:{product}" for product in message.product_ids]
        return [message.channel]

    def _subscribe(self, client: CoinbaseClient, message: _Message) -> None:
        """The first frames go out before the confirmation, as they do there."""
        exchange, now_ns = self._exchange, self._exchange.now_ns()
        if message.channel == USER:
            client.private = True
            for rows in exchange.first_orders():
                client.say(USER, [{"type": "snapshot", "orders": rows}], now_ns)
        elif message.channel == STATUS:
            client.say(STATUS, [exchange.statuses()], now_ns)
        elif message.channel in CHANNELS:
            for product in message.product_ids:
                for channel, event in exchange.first(message.channel, product):
                    client.say(channel, [event], now_ns)
        for channel in self._channels(message):
            self._hub.subscribe(client, channel)


def _held(client: Client) -> dict[str, list[str]]:
    """All that a connection is subscribed to."""
    found: dict[str, list[str]] = {}
    for name in sorted(client.channels):
        channel, _, product = name.partition(":")
        found.setdefault(channel, []).append(product or channel)
    return found


def _error(text: str) -> bytes:
    found: dict[str, Any] = {"type": "error", "message": text}
    return msgspec.json.encode(found)
