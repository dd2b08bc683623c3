"""Frames and answers written by hand from Bybit's documentation, and what each says."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from messages.market import BarBatch, BookDeltaBatch, FundingBatch, Product, QuoteBatch
from trading.book_sync import BookSync, Outcome
from trading.errors import Garbled
from venues.bybit.adapter import ADAPTERS
from venues.wire.adapter import Channel, MarketSession, Subscription
from venues.wire.frames import Control, Read, Unknown
from venues.wire.piece import Piece, join

LINEAR, SPOT = ADAPTERS[Product.LINEAR], ADAPTERS[Product.SPOT]
BTC = LINEAR.instrument_id("BTCUSDT")
BTC_SPOT = SPOT.instrument_id("BTCUSDT")
NOW = 1_800_000_000_000_000_000
TIMES: Mapping[str, int] = {"ts_event": NOW, "ts_init": NOW}
S = 1_000_000_000


def session(product: Product = Product.LINEAR) -> MarketSession:
    return ADAPTERS[product].market_session({}, "")


def heard(on: MarketSession, frame: object) -> Read:
    return on.heard(json.dumps(frame).encode(), NOW)


def depth(u: int, kind: str = "delta", level: int = 50, **sides: list[list[str]]) -> dict[str, Any]:
    data = {"s": "BTCUSDT", "b": sides.get("b", []), "a": sides.get("a", []), "u": u, "seq": u * 7}
    topic = f"orderbook.{level}.BTCUSDT"
    return {
        "topic": topic,
        "type": kind,
        "ts": 1_700_000_000_100,
        "data": data,
        "cts": 1_700_000_000_000,
    }


def batch(read: Read) -> BookDeltaBatch:
    assert isinstance(read, Piece)
    found = join((read,))
    assert isinstance(found, BookDeltaBatch)
    return found


def test_a_book_is_a_snapshot_and_changes_numbered_one_by_one() -> None:
    on, sync = session(), BookSync()

    first = batch(heard(on, depth(100, "snapshot", b=[["60000.5", "1.5"]], a=[["60001", "2"]])))
    outcomes = [sync.offer(first).outcome]
    outcomes += [
        sync.offer(batch(heard(on, depth(u, b=[["60000.5", "0"]])))).outcome for u in (101, 103)
    ]

    assert (first.snapshot, first.last_seq, first.ts_event) == (True, 100, 1_700_000_000 * S)
    assert first.rows[["side", "price", "size"]].tolist() == [(1, 60000.5, 1.5), (-1, 60001.0, 2.0)]
    assert outcomes == [Outcome.APPLIED, Outcome.APPLIED, Outcome.GAP]


@pytest.mark.parametrize("kind", ["snapshot", "delta"])
def test_a_service_that_restarts_counts_from_one_and_its_book_replaces_ours(kind: str) -> None:
    on, sync = session(), BookSync()
    sync.offer(batch(heard(on, depth(5000, "snapshot", b=[["1", "1"]]))))

    restarted = sync.offer(batch(heard(on, depth(1, kind, b=[["2", "1"]]))))
    following = sync.offer(batch(heard(on, depth(2, b=[["3", "1"]]))))
    lost = sync.offer(batch(heard(on, depth(4, b=[["3", "1"]]))))

    assert [r.outcome for r in (restarted, following, lost)] == [
        Outcome.APPLIED,
        Outcome.APPLIED,
        Outcome.GAP,
    ]
    assert restarted.ready[0].snapshot


def test_the_top_of_the_book_is_a_quote_whichever_side_changed() -> None:
    on = session(Product.SPOT)

    frames = (
        depth(7, "snapshot", level=1, b=[["10", "1"]], a=[["11", "2"]]),
        depth(8, "delta", level=1, a=[["11", "0"], ["12", "3"]]),
        depth(9, "delta", level=1, b=[["10", "0"]]),
    )
    rows = []
    for frame in frames:
        piece = heard(on, frame)
        assert isinstance(piece, Piece)
        assert piece.batch is QuoteBatch
        rows.append(tuple(piece.row)[2:])

    assert rows == [(10, 1, 11, 2), (10, 1, 12, 3), (0, 0, 12, 3)]


def test_a_ticker_names_what_changed_and_the_rest_is_remembered() -> None:
    on = session()
    whole = {
        "symbol": "BTCUSDT",
        "bid1Price": "10",
        "bid1Size": "1",
        "ask1Price": "11",
        "ask1Size": "2",
        "markPrice": "10.5",
        "fundingRate": "-0.0001",
        "nextFundingTime": "1700000800000",
    }
    frame = {"topic": "tickers.BTCUSDT", "type": "snapshot", "ts": 1_700_000_000_000, "data": whole}

    first = heard(on, frame)
    marked = heard(
        on, frame | {"type": "delta", "data": {"symbol": "BTCUSDT", "markPrice": "10.6"}}
    )
    other = heard(on, frame | {"type": "delta", "data": {"symbol": "BTCUSDT", "volume24h": "9"}})
    quoted = heard(
        on, frame | {"type": "delta", "data": {"symbol": "BTCUSDT", "bid1Price": "10.2"}}
    )

    assert isinstance(first, tuple)
    assert [p.batch for p in first] == [QuoteBatch, FundingBatch]
    assert isinstance(marked, tuple)
    assert [tuple(p.row)[2:] for p in marked] == [(-0.0001, 10.6, 1_700_000_800 * S)]
    assert other == Control("tickers:other")
    assert isinstance(quoted, tuple)
    assert [tuple(p.row)[2:] for p in quoted] == [(10.2, 1, 11, 2)]


def test_quotes_come_from_one_stream_only() -> None:
    on = session()
    heard(on, depth(1, "snapshot", level=1, b=[["10", "1"]], a=[["11", "1"]]))
    data = {
        "symbol": "BTCUSDT",
        "bid1Price": "9",
        "bid1Size": "1",
        "ask1Price": "12",
        "ask1Size": "1",
    }

    slow = heard(on, {"topic": "tickers.BTCUSDT", "type": "snapshot", "ts": 1, "data": data})

    assert slow == Control("tickers:other")


def test_trades_bars_and_liquidations() -> None:
    on = session()
    print_ = {
        "T": 1700000000123,
        "s": "BTCUSDT",
        "S": "Sell",
        "v": "0.5",
        "p": "60000",
        "BT": False,
    }
    ids = ("9dc75fca-4bdd-4773-9f78-6f5d7ab2a110", "2280000001739247417")
    bar = {
        "start": 1700000040000,
        "end": 1700000099999,
        "interval": "1",
        "open": "1",
        "close": "2",
        "high": "3",
        "low": "0.5",
        "volume": "10",
        "turnover": "15",
        "confirm": True,
        "timestamp": 1700000100001,
    }
    long = {"T": 1700000000500, "s": "BTCUSDT", "S": "Buy", "v": "2", "p": "59000"}

    trades = heard(on, {"topic": "publicTrade.BTCUSDT", "data": [print_ | {"i": i} for i in ids]})
    bars = heard(on, {"topic": "kline.1.BTCUSDT", "data": [bar]})
    open_ = heard(on, {"topic": "kline.1.BTCUSDT", "data": [bar | {"confirm": False}]})
    forced = heard(on, {"topic": "allLiquidation.BTCUSDT", "data": [long]})

    assert isinstance(trades, tuple)
    assert [tuple(p.row)[4] for p in trades] == [-1, -1]
    assert tuple(trades[1].row)[5] == 2280000001739247417
    assert isinstance(bars, tuple)
    assert (bars[0].batch, bars[0].interval_ns) == (BarBatch, 60 * S)
    assert tuple(bars[0].row)[:2] == (1700000040 * S, 1700000100 * S)
    assert open_ == Control("kline_open")
    # A long position that is closed by force is sold.
    assert isinstance(forced, tuple)
    assert tuple(forced[0].row)[2:5] == (59000, 2, -1)


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (
            {"success": True, "ret_msg": "", "req_id": "1", "op": "subscribe"},
            Control("subscribe", "1"),
        ),
        (
            {
                "success": False,
                "ret_msg": "error:handler not found",
                "req_id": "2",
                "op": "subscribe",
            },
            Control("error", "2", "error:handler not found"),
        ),
        ({"success": True, "ret_msg": "pong", "op": "ping"}, Control("pong")),
        ({"req_id": "3", "op": "pong", "args": ["1"]}, Control("pong", "3")),
        ({"topic": "priceLimit.BTCUSDT", "data": []}, Unknown("priceLimit")),
        ([], Unknown("unnamed")),
    ],
)
def test_answers_on_a_socket(frame: object, said: Read) -> None:
    assert heard(session(), frame) == said


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"pong",
        b'{"topic":"publicTrade.X","data":[{"T":1}]}',
        b'{"topic":"kline.1","data":[]}',
        json.dumps(depth(1, b=[["NaN", "1"]])).encode(),
        json.dumps(depth(-1)).encode(),
    ],
)
def test_what_cannot_be_read_is_garbled_with_its_bytes(raw: bytes) -> None:
    with pytest.raises(Garbled) as caught:
        session().heard(raw, NOW)

    assert caught.value.raw == raw


def test_topics_are_asked_for_ten_at_a_time_and_each_once() -> None:
    wanted = [
        Subscription(BTC_SPOT, Channel.BARS, m * 60 * S) for m in (1, 3, 5, 15, 30, 60, 120, 240)
    ]
    wanted += [Subscription(BTC_SPOT, c) for c in (Channel.BOOK, Channel.QUOTES, Channel.TRADES)]

    frames = [json.loads(f) for f in session(Product.SPOT).subscribe([*wanted, wanted[0]])]

    assert [len(f["args"]) for f in frames] == [10, 1]
    assert [f["req_id"] for f in frames] == ["1", "2"]
    assert frames[0]["args"][0] == "kline.1.BTCUSDT"
    assert frames[1]["args"] == ["publicTrade.BTCUSDT"]
    with pytest.raises(ValueError, match="no such stream"):
        session(Product.SPOT).subscribe([Subscription(BTC_SPOT, Channel.FUNDING)])
