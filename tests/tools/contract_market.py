"""The contract's cases about market data, clock and instruments."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from contract_world import ASK, BID, MARK, RATE, World

from messages.base import NS_PER_S, Event
from messages.market import (
    BookDeltaBatch,
    FundingBatch,
    InstrumentStatus,
    LiquidationBatch,
    QuoteBatch,
    TradeBatch,
)
from venues.net.rules import changed_rules
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
    assert found.batch is not None
    assert found.whole
    assert found.batch.rows["price"].tolist() == [60005.0] * 2


def hears(channel: Channel, kind: type[Event], **more: Any) -> Case:
    async def case(w: World) -> None:
        found: Any = await w.stream(channel, kind, **more)
        assert found.instrument_id == w.name
        assert len(found.rows) > 0

    return case


async def marks(w: World) -> None:
    found = await w.stream(
        Channel.FUNDING, FundingBatch, lambda batch: batch.rows["mark_price"][-1] == MARK
    )
    assert found.instrument_id == w.name
    assert found.rows["rate"][-1] == RATE
    assert found.rows["ts_next"][-1] > found.ts_event


async def liquidations(w: World) -> None:
    found = await w.stream(
        Channel.LIQUIDATIONS, LiquidationBatch, lambda batch: batch.instrument_id == w.name
    )
    row = found.rows[0]
    assert (row["price"], row["size"], row["aggressor"]) == (59900.0, 0.5, -1)


async def status(w: World) -> None:
    """Whether an instrument trades, in the venue's own word."""
    found = await w.stream(
        Channel.STATUS, InstrumentStatus, lambda news: news.instrument_id == w.name
    )
    assert found.trading
    assert found.reason


async def refreshed(w: World) -> None:
    """Rules that change while we run are had by asking again, and hold from then on."""
    ours = w.access.instruments[w.name]
    w.coarse()
    w.simulator.exchange.on_second()
    found = {i.instrument_id: i for i in await changed_rules(w.access)}[w.name]
    assert found == w.access.instruments[w.name]
    assert found.price_increment == 10 * ours.price_increment
    assert found.size_increment == 10 * ours.size_increment


async def bar_history(w: World) -> None:
    """Closed bars; of a market that has just begun there may be none yet, but no refusal."""
    interval_ns = min(i for i in w.access.adapter.bar_intervals if i >= 60 * NS_PER_S)
    now_ns = w.access.clock.now_ns()
    found = await w.questions.bars(w.name, interval_ns, now_ns - 3 * interval_ns)
    assert found.whole
    starts = [] if found.batch is None else found.batch.rows["ts_open"].tolist()
    assert all(start % interval_ns == 0 for start in starts)
    assert all(start + interval_ns <= now_ns for start in starts)


async def klines(w: World) -> None:
    intervals = w.access.adapter.bar_intervals
    kinds = await w.kinds(Channel.BARS, min(i for i in intervals if i >= 60 * NS_PER_S))
    assert any("kline" in kind or "candle" in kind for kind in kinds), kinds


MARKET_CASES: Final[dict[str, Case]] = {
    "the venue's clock": clock,
    "instruments": instruments,
    "book: whole": whole_book,
    "book: stream": hears(Channel.BOOK, BookDeltaBatch),
    "instruments: refreshed while running": refreshed,
    "instrument status: stream": status,
    "trades: stream": hears(Channel.TRADES, TradeBatch),
    "trades: history": history,
    "top of book": hears(Channel.QUOTES, QuoteBatch),
    "klines: stream": klines,
    "klines: history": bar_history,
    "mark price and funding rate: stream": marks,
    "liquidations: stream": liquidations,
}
