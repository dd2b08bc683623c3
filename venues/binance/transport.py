"""Market data from Binance: raw frames from its streams, snapshots and instruments from its REST.

Nothing is decoded here but REST answers; frames go raw to the codec's Batcher. Whether a stream is
silent is the feed core's to judge; this offers `reconnect()`.
"""

import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Final

import numpy as np

from messages.base import NS_PER_S, InstrumentId
from messages.market import BookDeltaBatch, Instrument
from trading.errors import Ambiguous, Throttled
from venues.binance.codec_errors import header
from venues.binance.codec_instruments import decode_exchange_info
from venues.binance.codec_market import decode_depth_snapshot
from venues.binance.codec_names import Market, symbol_of
from venues.binance.limits import Budget, Cost, Priority, depth_weight
from venues.binance.transport_clock import VenueClock
from venues.binance.transport_rest import Rest
from venues.binance.transport_socket import FAILURES, Frame, Socket, SocketConfig
from venues.wire.request import Answer

STREAMS: Final = SocketConfig("wss://stream.binance.com:9443")
CHANNELS: Final = ("depth@100ms", "trade", "bookTicker")
DEPTH_LIMIT: Final = 1000
_EXCHANGE_INFO_WEIGHT: Final = 20
_RETRY_S: Final = 60


def streams_of(
    instruments: Sequence[InstrumentId], channels: Sequence[str] = CHANNELS
) -> tuple[str, ...]:
    """Stream names: "btcusdt@depth@100ms" and so on."""
    return tuple(f"{symbol_of(i).lower()}@{channel}" for i in instruments for channel in channels)


class MarketStreams:
    """One combined-stream connection that is made again whenever it is lost.

    rng  jitter of the waits between attempts
    """

    def __init__(
        self,
        streams: Sequence[str],
        now_ns: Callable[[], int],
        rng: np.random.Generator,
        config: SocketConfig = STREAMS,
    ) -> None:
        self.socket = Socket(config, now_ns, rng)
        self._path = f"/stream?streams={'/'.join(streams)}"

    async def batches(self) -> AsyncGenerator[list[Frame], None]:
        """All frames available now, oldest first, as (ts_init, raw); until `close`.

        A lost connection is no end: what came after it follows, and the book's sequence shows the
        gap. Iterate inside `contextlib.aclosing`.
        """
        socket = self.socket
        while True:
            try:
                ws = await socket.opened(self._path)
                async with aclosing(socket.batches(ws)) as batches:
                    async for frames in batches:
                        yield frames
            except FAILURES as e:
                socket.problem = f"{type(e).__name__}: {e}"
            if not await socket.rest():
                return

    def reconnect(self) -> None:
        """Cut the connection; a new one is made at once."""
        self.socket.reconnect()

    def close(self) -> None:
        """End for good; `batches` returns."""
        self.socket.close()


class MarketData:
    """Questions about the market, within the request budget."""

    def __init__(
        self, rest: Rest, clock: VenueClock, budget: Budget, now_ns: Callable[[], int]
    ) -> None:
        self._rest = rest
        self._clock = clock
        self._budget = budget
        self._now_ns = now_ns

    async def snapshot(
        self, instrument_id: InstrumentId, limit: int = DEPTH_LIMIT
    ) -> BookDeltaBatch:
        """The whole book (`limit` levels a side), with the update id that it is as of.

        raises  NotSent, Ambiguous (also on 5xx), Throttled, Garbled
        """
        params = {"symbol": symbol_of(instrument_id), "limit": limit}
        answer = await self._ask("depth", params, depth_weight(limit))
        return decode_depth_snapshot(answer.body, instrument_id, self._now_ns())

    async def instruments(self, symbols: Sequence[str]) -> tuple[Instrument, ...]:
        """What the venue says of these symbols; those that do not trade now are left out.

        raises  as `snapshot`; Refused-like answers (an unknown symbol) are Ambiguous with its text
        """
        params = {"symbols": json.dumps(list(symbols), separators=(",", ":"))}
        answer = await self._ask("exchangeInfo", params, _EXCHANGE_INFO_WEIGHT)
        return decode_exchange_info(answer.body, Market.SPOT, symbols)

    async def _ask(self, path: str, params: Mapping[str, object], weight: int) -> Answer:
        venue_ns = self._clock.now_ns()
        wait_ns = self._budget.take(Cost(weight, Priority.BACKGROUND), venue_ns)
        if wait_ns:
            raise Throttled(wait_ns / NS_PER_S)
        answer = await self._rest.public(path, params)
        self._budget.observe(answer.headers, venue_ns)
        if answer.status in (429, 418):
            wait_s = header(answer.headers, "Retry-After") or _RETRY_S
            self._budget.block(wait_s * NS_PER_S, venue_ns)
            raise Throttled(wait_s)
        if answer.status != 200:
            raise Ambiguous(f"{path}: HTTP {answer.status}: {answer.body[:200]!r}")
        return answer
