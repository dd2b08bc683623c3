"""The contract's cases about market data, clock and instruments."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from contract_world import ASK, BID, World

from messages.base import NS_PER_S, Event
from messages.market import BookDeltaBatch, QuoteBatch, TradeBatch
from venues.wire.adapter import Channel

Case = Callable[[World], Awaitable[object]]


async def clock(w: World) -> None:
    assert await w.access.sync()
    assert w.access.clock.problem() == ""


async def instruments(w: World) -> None:
    found = {i.instrument_id: i for i in await w.questions.instruments()}
    ours = w.access.instruments[w.name]
    theirs = found[w.name]
    assert theirs.price_increment == ours.price_increment
    assert theirs.size_increment == ours.size_increment
    assert (theirs.product, theirs.contract_size) == (ours.product, ours.contract_size)


async def whole_book(w: World) -> None:
    found = await w.questions.book(w.name)
    assert found.snapshot
    best = {int(r["side"]): (float(r["price"]), float(r["size"])) for r in found.rows}
    assert best == {1: (float(BID), 100.0), -1: (float(ASK), 100.0)}


async def history(w: World) -> None:
    found = await w.questions.trades(w.name, 0)
    assert found is not None
    assert found.rows["price"].tolist() == [60005.0] * 2


def hears(channel: Channel, kind: type[Event], **more: Any) -> Case:
    async def case(w: World) -> None:
        found: Any = await w.stream(channel, kind, **more)
        assert found.instrument_id == w.name
        assert len(found.rows) > 0

    return case


async def klines(w: World) -> None:
    intervals = w.access.adapter.bar_intervals
    kinds = await w.kinds(Channel.BARS, min(i for i in intervals if i >= 60 * NS_PER_S))
    assert any("kline" in kind or "candle" in kind for kind in kinds), kinds


MARKET_CASES: Final[dict[str, Case]] = {
    "the venue's clock": clock,
    "instruments": instruments,
    "book: whole": whole_book,
    "book: stream": hears(Channel.BOOK, BookDeltaBatch),
    "trades: stream": hears(Channel.TRADES, TradeBatch),
    "trades: history": history,
    "top of book": hears(Channel.QUOTES, QuoteBatch),
    "klines: stream": klines,
}
