"""Binance's market streams over one combined connection.

docs: Spot "WebSocket Streams", with five frames from us a second at most; USD-M "WebSocket Market
Streams", whose addresses were parted on 2026-04-23: books and top of book come on /public, all
else on /market.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from messages.base import InstrumentId
from venues.binance.codec_frames import read_frame
from venues.binance.codec_names import INTERVAL_NAME, Market, symbol_of
from venues.wire.adapter import Channel, MarketSession, Ping, Subscription
from venues.wire.frames import Control, Read
from venues.wire.pending import Pending

PUBLIC: Final = "public"
OTHER: Final = "market"
CONTRACTS: Final = "!contractInfo"  # one stream for every contract
ROUTE: Final[dict[Channel, str]] = {Channel.BOOK: PUBLIC, Channel.QUOTES: PUBLIC}
_AT_ONCE: Final = 100  # streams in one frame
_NAMES: Final[dict[Market, dict[Channel, str]]] = {
    Market.SPOT: {
        Channel.BOOK: "depth@100ms",
        Channel.TRADES: "trade",
        Channel.QUOTES: "bookTicker",
    },
    Market.USDM: {
        Channel.BOOK: "depth@100ms",
        Channel.TRADES: "aggTrade",
        Channel.QUOTES: "bookTicker",
        Channel.FUNDING: "markPrice@1s",
        Channel.LIQUIDATIONS: "forceOrder",
        Channel.STATUS: CONTRACTS,
    },
}


def stream_of(wanted: Subscription, market: Market) -> str:
    """ "btcusdt@depth@100ms"

    raises  ValueError for a channel or an interval that the market does not have
    """
    if wanted.channel is Channel.BARS:
        interval = INTERVAL_NAME.get(wanted.interval_ns)
        name = f"kline_{interval}" if interval else None
    else:
        name = _NAMES[market].get(wanted.channel)
    if name is None:
        raise ValueError(f"{wanted.channel} of {wanted.instrument_id}: Binance has no such stream")
    if name == CONTRACTS:
        return name
    return f"{symbol_of(wanted.instrument_id).lower()}@{name}"


class BinanceMarketSession(MarketSession):
    """One connection of one market."""

    ping = Ping(20.0)
    send_gap_s = 0.25

    def __init__(self, market: Market, route: str) -> None:
        self._market = market
        self._route = route
        self._number = 0
        self.pending: Pending[Subscription] = Pending()
        self._statuses: set[InstrumentId] = set()

    def path(self) -> str:
        return f"/{self._route}/stream" if self._route else "/stream"

    def subscribe(self, wanted: Sequence[Subscription]) -> tuple[bytes, ...]:
        self._statuses |= {s.instrument_id for s in wanted if s.channel is Channel.STATUS}
        return self._ask("SUBSCRIBE", wanted)

    def unsubscribe(self, unwanted: Sequence[Subscription]) -> tuple[bytes, ...]:
        for gone in unwanted:
            self.pending.drop(gone)
        self._statuses -= {s.instrument_id for s in unwanted if s.channel is Channel.STATUS}
        if self._statuses:  # somebody else still hears the one stream of them all
            unwanted = [s for s in unwanted if s.channel is not Channel.STATUS]
        return self._ask("UNSUBSCRIBE", unwanted)

    def heard(self, raw: bytes, ts_init: int) -> Read:
        found = read_frame(raw, self._market, ts_init)
        if isinstance(found, Control):
            # An answer repeats the number of its request, and is one for all of its streams.
            if found.kind == "ack":
                self.pending.confirm([str(found.request_id)])
            elif found.kind == "error":
                self.pending.refuse([str(found.request_id)], found.detail)
        return found

    def _ask(self, method: str, about: Sequence[Subscription]) -> tuple[bytes, ...]:
        out = []
        for first in range(0, len(about), _AT_ONCE):
            self._number += 1
            part = about[first : first + _AT_ONCE]
            names = list(dict.fromkeys(stream_of(s, self._market) for s in part))
            request = {"method": method, "params": names, "id": self._number}
            out.append(msgspec.json.encode(request))
            if method == "SUBSCRIBE":
                for wanted in part:
                    self.pending.ask(wanted, [str(self._number)])
        return tuple(out)
