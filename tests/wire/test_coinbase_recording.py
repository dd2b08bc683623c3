"""A recording of Coinbase's market data: every frame is understood, and its books stay in step."""

import io
import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import zstandard
from coinbase_stage import BTC, ETH

from messages.market import BookDeltaBatch, TradeBatch
from trading.book import Book
from trading.book_sync import BookSync, SyncState
from venues.coinbase.adapter import CoinbaseAdapter
from venues.wire.adapter import Channel, Subscription
from venues.wire.batch import Batcher

TAPE = Path(__file__).parents[3] / "shared/data/wire/cryptofeed/COINBASE.first60pct.jsonl.zst"
pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not TAPE.is_file(), reason="no recordings in ../shared/data/wire"),
]


@cache
def records() -> tuple[dict[str, Any], ...]:
    with TAPE.open("rb") as packed:
        text = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(packed))
        return tuple(json.loads(line) for line in text)


def frames() -> list[tuple[int, bytes]]:
    return [(int(r["ts"] * 1e6) * 1000, r["data"].encode()) for r in records() if r["t"] == "recv"]


def followed(found: list[tuple[int, bytes]]) -> tuple[dict[str, Book], dict[str, BookSync]]:
    """The books at the end; none may ever be crossed."""
    session = CoinbaseAdapter().market_session({}, "")
    batcher = Batcher(session.heard)
    books = {BTC: Book(), ETH: Book()}
    syncs = {BTC: BookSync(), ETH: BookSync()}
    for ts, raw in found:
        batcher.add(raw, ts)
        for message in batcher.flush():
            if not isinstance(message, BookDeltaBatch):
                continue
            book = books[message.instrument_id]
            for batch in syncs[message.instrument_id].offer(message).ready:
                book.apply(batch.rows, batch.snapshot)
            assert not book.crossed, f"{message.instrument_id} at {ts}"
    return dict(books), dict(syncs)


def test_every_frame_is_understood() -> None:
    session = CoinbaseAdapter().market_session({}, "")
    batcher = Batcher(session.heard)

    for ts, raw in frames():
        batcher.add(raw, ts)

    assert (batcher.garbled, batcher.unknown) == (0, Counter())
    assert batcher.counts == {
        "l2_data:snapshot": 2,
        "l2_data:update": 447,
        "market_trades": 40,
        "market_trades:snapshot": 2,
        "ticker": 100,
        "candles:open": 4,
        "heartbeats": 14,
        "ack": 5,
    }


def test_books_are_in_step_to_the_last_frame_and_never_crossed() -> None:
    books, syncs = followed(frames())

    for name in (BTC, ETH):
        assert syncs[name].state is SyncState.SYNCHRONIZED
        assert (syncs[name].gaps, syncs[name].duplicates) == (0, 0)
        assert not books[name].empty


def test_a_frame_that_is_lost_is_seen_by_every_book() -> None:
    found = frames()
    lost = next(i for i, (_, raw) in enumerate(found) if i > 300 and b"l2_data" in raw)

    _, syncs = followed(found[:lost] + found[lost + 1 :])

    assert {name: sync.gaps for name, sync in syncs.items()} == {BTC: 1, ETH: 1}
    assert all(sync.state is SyncState.BUFFERING for sync in syncs.values())


def test_the_side_of_trades_agrees_with_the_book() -> None:
    """Who took, took at the other side's best price, as far as the quote before it says."""
    session = CoinbaseAdapter().market_session({}, "")
    bid, ask, agreed, differed = 0.0, 0.0, 0, 0
    for ts, raw in frames():
        found = session.heard(raw, ts)
        for piece in found if isinstance(found, tuple) else ():
            if piece.instrument_id != BTC:
                continue
            if piece.kind == "ticker":
                bid, ask = float(piece.row[2]), float(piece.row[4])
            elif piece.batch is TradeBatch and bid:
                price, taker = float(piece.row[2]), piece.row[4]
                at = 1 if price >= ask else -1 if price <= bid else 0
                agreed, differed = agreed + (at == taker), differed + (at == -taker)

    assert agreed > 10 * differed
    assert agreed > 20


def test_the_recorded_products_are_instruments() -> None:
    (answer,) = (r["data"].encode() for r in records() if r["t"] == "http")

    found = {i.instrument_id: i for i in CoinbaseAdapter().read_instruments(answer)}

    assert found[BTC].price_increment == found[ETH].price_increment
    assert len(found) > 300


def test_our_subscriptions_are_those_that_were_sent() -> None:
    sent = [json.loads(r["data"]) for r in records() if r["t"] == "send"]
    wanted = [
        Subscription(name, channel, 300 * 10**9 if channel is Channel.BARS else 0)
        for channel in (Channel.TRADES, Channel.BARS, Channel.QUOTES, Channel.BOOK)
        for name in (BTC, ETH)
    ]

    beats, *ours = CoinbaseAdapter().market_session({}, "").subscribe(wanted)

    assert [json.loads(frame) for frame in ours] == sent[:-1]
    assert json.loads(beats)["channel"] == sent[-1]["channel"] == "heartbeats"
