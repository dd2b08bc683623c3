"""One public connection of Bybit without its socket.

docs: v5 "WebSocket / Connect": a ping every 20 seconds; spot takes ten topics in one request,
other categories are bounded by 21,000 characters.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from messages.market import Product
from venues.bybit.codec_frames import read_frame
from venues.bybit.codec_market import Memory
from venues.bybit.codec_names import CATEGORY, INTERVAL_NAME, symbol_of
from venues.wire.adapter import Channel, MarketSession, Ping, Subscription
from venues.wire.frames import Control, Read
from venues.wire.pending import Pending

BOOK_DEPTH: Final = 50  # every 20 ms; 200 levels come every 100 ms (spot: 200 ms)
TOPICS_MAX: Final = 10
STREAMS_MAX: Final = 700  # docs: topics of at most 21,000 characters on one connection
PING: Final = Ping(20.0, b'{"op":"ping"}')
_TOPIC: Final[dict[Channel, str]] = {
    Channel.BOOK: f"orderbook.{BOOK_DEPTH}",
    Channel.QUOTES: "orderbook.1",
    Channel.TRADES: "publicTrade",
    Channel.FUNDING: "tickers",
    Channel.LIQUIDATIONS: "allLiquidation",
}
CHANNELS: Final[dict[Product, frozenset[Channel]]] = {
    Product.SPOT: frozenset({Channel.BOOK, Channel.QUOTES, Channel.TRADES, Channel.BARS}),
    Product.LINEAR: frozenset({*_TOPIC, Channel.BARS}),
}


def topic(wanted: Subscription, product: Product) -> str:
    """The venue's name of a stream.

    raises  ValueError for a channel that the product does not have, or an interval without a name
    """
    symbol = symbol_of(wanted.instrument_id, product)
    if wanted.channel not in CHANNELS[product]:
        raise ValueError(f"{wanted.channel}: Bybit {CATEGORY[product]} has no such stream")
    if wanted.channel is not Channel.BARS:
        return f"{_TOPIC[wanted.channel]}.{symbol}"
    if wanted.interval_ns not in INTERVAL_NAME:
        raise ValueError(f"interval_ns: Bybit has no bars of {wanted.interval_ns} ns")
    return f"kline.{INTERVAL_NAME[wanted.interval_ns]}.{symbol}"


class BybitMarketSession(MarketSession):
    """Streams of one product; what its frames leave unsaid is in `Memory`."""

    ping = PING

    def __init__(self, product: Product) -> None:
        self._product = product
        self._memory = Memory(product)
        self._requests = 0
        self.pending: Pending[Subscription] = Pending()

    def path(self) -> str:
        return f"/v5/public/{CATEGORY[self._product]}"

    def subscribe(self, wanted: Sequence[Subscription]) -> tuple[bytes, ...]:
        return self._frames("subscribe", wanted)

    def unsubscribe(self, unwanted: Sequence[Subscription]) -> tuple[bytes, ...]:
        for gone in unwanted:
            self.pending.drop(gone)
            # The numbering of books stays: what is subscribed to again must not go back.
            symbol = symbol_of(gone.instrument_id, self._product)
            if gone.channel is Channel.QUOTES:
                self._memory.tops.pop(symbol, None)
            elif gone.channel is Channel.FUNDING:
                self._memory.tickers.pop(symbol, None)
        return self._frames("unsubscribe", unwanted)

    def heard(self, raw: bytes, ts_init: int) -> Read:
        found = read_frame(raw, self._memory, ts_init)
        if isinstance(found, Control):
            # An answer repeats the number of its request, and is one for all of its topics.
            if found.kind == "subscribe":
                self.pending.confirm([str(found.request_id)])
            elif found.kind == "error":
                self.pending.refuse([str(found.request_id)], found.detail)
        return found

    def _frames(self, op: str, about: Sequence[Subscription]) -> tuple[bytes, ...]:
        topics: dict[str, list[Subscription]] = {}
        for one in about:
            topics.setdefault(topic(one, self._product), []).append(one)
        names, frames = list(topics), []
        for start in range(0, len(names), TOPICS_MAX):
            self._requests += 1
            number, args = str(self._requests), names[start : start + TOPICS_MAX]
            frames.append(msgspec.json.encode({"req_id": number, "op": op, "args": args}))
            if op == "subscribe":
                for wanted in (one for name in args for one in topics[name]):
                    self.pending.ask(wanted, [number])
        return tuple(frames)
