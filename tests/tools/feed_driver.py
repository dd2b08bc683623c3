"""A feed with its clock in the hand, and what a venue sends it."""

import numpy as np
from instruments import usdt

from messages import Message
from messages.arrays import DELTA, QUOTE, TRADE
from messages.base import InstrumentId
from messages.control import TimerFired
from messages.market import (
    BookDeltaBatch,
    ChangeStreams,
    FeedReplay,
    Instrument,
    ProbeStream,
    QuoteBatch,
    StreamKind,
    StreamName,
    StreamProbed,
    StreamsAnswered,
    SubscribeFeed,
    SubscriptionsChanged,
    TradeBatch,
    UnsubscribeFeed,
)
from messages.venue import StreamDown, StreamUp
from trading.feed import FeedCore
from trading.feed_state import FeedConfig, FeedState

S = 1_000_000_000
MINUTE = 60 * S
BTC = InstrumentId("BTCUSDT.BINANCE")
T0 = 1_700_000_040 * S  # a whole minute
INSTRUMENT = usdt(venue="BINANCE")


class Driver:
    """A feed, its state and the clock."""

    def __init__(self, *more: Instrument, **settings: object) -> None:
        self.core = FeedCore(FeedConfig((INSTRUMENT, *more), **settings))  # type: ignore[arg-type]
        self.state: FeedState = self.core.start()
        self.now = T0

    def resume(self) -> tuple[Message, ...]:
        return self.core.resume(self.state, self.now).out

    def say(self, message: Message, at: int | None = None) -> tuple[Message, ...]:
        self.now = self.now if at is None else at
        return self.core.react(self.state, message, self.now).out

    def fire(self, name: str, at: int) -> tuple[Message, ...]:
        return self.say(TimerFired(ts_event=at, ts_init=at, name=name), at)


def book(
    first: int, last: int, *rows: tuple[int, float, float], whole: bool = False, ts: int = T0
) -> BookDeltaBatch:
    return BookDeltaBatch(
        ts_event=ts,
        ts_init=ts,
        instrument_id=BTC,
        snapshot=whole,
        first_seq=first,
        last_seq=last,
        rows=np.array([(ts, ts, *row) for row in rows], DELTA),
    )


def snapshot(last: int) -> BookDeltaBatch:
    return book(last, last, (1, 100.0, 1.0), (-1, 101.0, 1.0), whole=True)


def trades(ts: int, price: float = 100.0, trade_id: int = 7) -> TradeBatch:
    rows = np.array([(ts, ts, price, 1.0, 1, trade_id)], TRADE)
    return TradeBatch(ts_event=ts, ts_init=ts, instrument_id=BTC, rows=rows)


def quotes(ts: int) -> QuoteBatch:
    rows = np.array([(ts, ts, 100.0, 1.0, 101.0, 1.0)], QUOTE)
    return QuoteBatch(ts_event=ts, ts_init=ts, instrument_id=BTC, rows=rows)


def subscribe(*since: tuple[str, int]) -> SubscribeFeed:
    return SubscribeFeed(
        ts_event=T0, ts_init=T0, asker="strategy-A", instrument_ids=(BTC,), since=since
    )


def confirmed(*streams: StreamKind, refused: str = "") -> StreamsAnswered:
    """The venue's answer to subscriptions."""
    names = tuple(StreamName(instrument_id=BTC, stream=s) for s in streams)
    return StreamsAnswered(ts_event=T0, ts_init=T0, streams=names, refused=refused)


def probed(
    asked: ProbeStream,
    levels: list[tuple[int, float, float]] | None = None,
    trades: list[tuple[int, int]] | None = None,
) -> StreamProbed:
    """REST's answer: levels as (side, price, size), or trades as (ts, id)."""
    return StreamProbed(
        ts_event=asked.ts_event,
        ts_init=asked.ts_init,
        instrument_id=asked.instrument_id,
        stream=asked.stream,
        asked_ns=asked.ts_event,
        trades=np.array([(ts, ts, 100.0, 1.0, 1, n) for ts, n in trades or ()], TRADE),
        levels=np.array([(T0, T0, *level) for level in levels or ()], DELTA),
    )


def only(kind: type[Message], out: tuple[Message, ...]) -> list[Message]:
    return [m for m in out if isinstance(m, kind)]


def replay(out: tuple[Message, ...]) -> FeedReplay:
    (found,) = (m for m in out if isinstance(m, FeedReplay))
    return found


# --- a feed with connections ---------------------------------------------------------------------

ROUTES = (("book", "public"), ("quotes", "public"), ("trades", "market"))
ALL = {"book", "trades", "quotes"}


def managed(**settings: object) -> Driver:
    feed = Driver(routes=ROUTES, **settings)
    feed.resume()
    return feed


def up(route: str) -> StreamUp:
    return StreamUp(ts_event=T0, ts_init=T0, route=route)


def down(route: str) -> StreamDown:
    return StreamDown(ts_event=T0, ts_init=T0, reason="cut", route=route)


def leave(asker: str) -> UnsubscribeFeed:
    return UnsubscribeFeed(ts_event=T0, ts_init=T0, asker=asker)


def asked(out: tuple[Message, ...], what: str = "subscribe") -> set[str]:
    changes = only(ChangeStreams, out)
    return {name.stream for change in changes for name in getattr(change, what)}


def told(out: tuple[Message, ...]) -> set[tuple[str, str]]:
    events = only(SubscriptionsChanged, out)
    return {(str(e.state), n.stream) for e in events for n in e.streams}  # type: ignore[attr-defined]
