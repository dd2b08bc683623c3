"""Coinbase's market data, written by hand from its documentation, and what it means."""

import json
from decimal import Decimal
from typing import Any

import pytest
from coinbase_stage import (
    BTC,
    ETH,
    NOW,
    PRODUCTS,
    candle,
    frame,
    level,
    trade,
)

from messages.base import InstrumentId
from messages.market import BarBatch, BookDeltaBatch, InstrumentStatus, QuoteBatch, TradeBatch
from trading.book_sync import BookSync, Outcome
from trading.errors import Garbled
from venues.coinbase.adapter import CoinbaseAdapter
from venues.coinbase.codec_names import ns, rfc3339
from venues.coinbase.session_market import CoinbaseMarketSession
from venues.wire.adapter import Channel, Subscription
from venues.wire.frames import Control, Decoded, Unknown
from venues.wire.piece import Piece, join
from venues.wire.request import Answer


def book(number: int, kind: str = "update", product: str = "BTC-USD") -> bytes:
    event = {"type": kind, "product_id": product, "updates": [level("bid", "100.1", "2")]}
    return frame("l2_data", number, event)


def pieces(session: CoinbaseMarketSession, raw: bytes) -> tuple[Piece, ...]:
    found = session.heard(raw, NOW)
    assert isinstance(found, tuple)
    return found


def batch(session: CoinbaseMarketSession, raw: bytes) -> BookDeltaBatch:
    joined = join(pieces(session, raw))
    assert isinstance(joined, BookDeltaBatch)
    return joined


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-08-09T21:05:48.228568804Z", 1_786_309_548_228_568_804),
        ("2026-08-09T21:05:48.5Z", 1_786_309_548_500_000_000),
        ("2026-08-09T21:05:48.1234567891Z", 1_786_309_548_123_456_789),
    ],
)
def test_times_are_exact_to_the_nanosecond(text: str, expected: int) -> None:
    assert ns(text) == expected
    assert ns(rfc3339(expected)) == expected


@pytest.mark.parametrize(
    "text", ["", "2026-08-09", "2026-08-09T21:05:48+02:00", "1600-01-01T00:00:00Z"]
)
def test_other_times_are_unreadable(text: str) -> None:
    with pytest.raises(ValueError, match="time"):
        ns(text)


def test_a_book_is_a_snapshot_and_changes_of_levels() -> None:
    session = CoinbaseMarketSession()
    levels = [level("bid", "100.1", "2"), level("offer", "100.2", "0")]
    event = {"type": "snapshot", "product_id": "BTC-USD", "updates": levels}

    whole = batch(session, frame("l2_data", 7, event))
    change = batch(session, book(8))

    assert (whole.snapshot, whole.last_seq, whole.instrument_id) == (True, 7, BTC)
    assert whole.ts_event == 1_786_309_548_170_326_000
    assert whole.rows[["side", "price", "size"]].tolist() == [(1, 100.1, 2.0), (-1, 100.2, 0.0)]
    assert (change.snapshot, change.prev_seq, change.last_seq) == (False, 7, 8)


def test_events_of_one_book_in_one_frame_are_one_change() -> None:
    session = CoinbaseMarketSession()
    one = {"type": "update", "product_id": "BTC-USD", "updates": [level("bid", "1", "1")]}
    two = {"type": "update", "product_id": "BTC-USD", "updates": [level("bid", "2", "1")]}

    change = batch(session, frame("l2_data", 3, one, two))

    assert change.rows["price"].tolist() == [1.0, 2.0]


def test_a_missing_frame_breaks_every_book_of_the_connection_until_a_new_snapshot() -> None:
    session = CoinbaseMarketSession()
    syncs = {"BTC-USD": BookSync(), "ETH-USD": BookSync()}

    def offer(number: int, product: str, kind: str = "update") -> Outcome:
        return syncs[product].offer(batch(session, book(number, kind, product))).outcome

    assert offer(0, "BTC-USD", "snapshot") is Outcome.APPLIED
    assert offer(1, "ETH-USD", "snapshot") is Outcome.APPLIED
    assert offer(2, "BTC-USD") is Outcome.APPLIED
    session.heard(frame("heartbeats", 3, {}), NOW)
    assert offer(4, "BTC-USD") is Outcome.APPLIED  # frames of other channels count, and fill
    assert offer(6, "BTC-USD") is Outcome.GAP
    assert offer(7, "ETH-USD") is Outcome.GAP  # its own frames are all here, yet 5 may be its
    assert offer(8, "BTC-USD") is Outcome.BUFFERED
    assert offer(9, "BTC-USD", "snapshot") is Outcome.APPLIED
    assert offer(10, "BTC-USD") is Outcome.APPLIED


def test_a_frame_that_comes_twice_says_nothing_and_a_late_one_no_books() -> None:
    session = CoinbaseMarketSession()
    trades = {"type": "update", "trades": [trade("1", "BUY")]}
    session.heard(book(0, "snapshot"), NOW)
    session.heard(book(3), NOW)

    late = session.heard(frame("market_trades", 1, trades), NOW)
    again = session.heard(frame("market_trades", 1, trades), NOW)
    late_book = session.heard(book(2), NOW)

    assert isinstance(late, tuple)
    assert again == Control("market_trades:repeated")
    assert late_book == Control("l2_data:late")


def test_the_side_of_a_trade_is_the_makers() -> None:
    session = CoinbaseMarketSession()
    event = {"type": "update", "trades": [trade("12", "BUY"), trade("11", "SELL")]}

    rows = [p.row for p in pieces(session, frame("market_trades", 0, event))]

    assert [(int(row[5]), row[4]) for row in rows] == [(11, 1), (12, -1)]  # oldest first
    assert rows[0][0] == 1_786_309_542_514_318_000


def test_trades_from_before_the_subscription_are_history() -> None:
    event = {"type": "snapshot", "trades": [trade("12", "BUY")]}

    found = CoinbaseMarketSession().heard(frame("market_trades", 0, event), NOW)

    assert found == Control("market_trades:snapshot")


def test_a_ticker_is_a_quote_and_a_one_sided_one_is_none() -> None:
    session = CoinbaseMarketSession()
    full = {
        "type": "ticker",
        "product_id": "BTC-USD",
        "price": "100",
        "best_bid": "99.5",
        "best_bid_quantity": "1",
        "best_ask": "100.5",
        "best_ask_quantity": "2",
    }

    both = join(pieces(session, frame("ticker", 0, {"type": "update", "tickers": [full]})))
    one = session.heard(
        frame("ticker", 1, {"type": "update", "tickers": [full | {"best_bid": ""}]}), NOW
    )

    assert isinstance(both, QuoteBatch)
    assert both.rows.tolist() == [(both.ts_event, NOW, 99.5, 1.0, 100.5, 2.0)]
    assert one == Control("ticker:one-sided")


def test_a_candle_is_a_bar_once_the_next_one_begins() -> None:
    session = CoinbaseMarketSession()
    first, second = candle(1_786_309_500, "10.5"), candle(1_786_309_800, "11")

    def said(number: int, kind: str, *candles: dict[str, str]) -> Any:
        event = {"type": kind, "candles": candles}
        return session.heard(frame("candles", number, event), NOW)

    assert said(0, "snapshot", candle(1_786_309_200, "9.5"), first) == Control("candles:open")
    assert said(1, "update", first | {"close": "10.75"}) == Control("candles:open")
    (closed,) = said(2, "update", second)
    bar = join((closed,))
    assert isinstance(bar, BarBatch)
    assert bar.interval_ns == 300 * 10**9
    assert bar.rows[["ts_open", "close", "volume"]].tolist() == [
        (1_786_309_500 * 10**9, 10.75, 3.5)
    ]
    assert bar.ts_event == 1_786_309_800 * 10**9
    assert said(3, "update", first) == Control("candles:open")  # late: it is closed


def test_a_status_is_told_when_it_changes() -> None:
    session = CoinbaseMarketSession()

    def said(number: int, word: str) -> Any:
        product = {"id": "BTC-USD", "product_type": "SPOT", "status": word, "status_message": ""}
        event = {"type": "snapshot", "products": [product]}
        return session.heard(frame("status", number, event), NOW)

    first, same, halted = said(0, "online"), said(1, "online"), said(2, "offline")

    assert isinstance(first, Decoded)
    assert isinstance(halted, Decoded)
    assert same == Control("status:same")
    told = [m for m in (*first.messages, *halted.messages) if isinstance(m, InstrumentStatus)]
    assert [(m.trading, m.reason) for m in told] == [(True, "online"), (False, "offline")]


def test_a_product_in_usdc_is_told_as_the_one_in_usd() -> None:
    session = CoinbaseMarketSession()
    alias = InstrumentId("BTC-USDC.COINBASE")
    session.subscribe([Subscription(alias, Channel.BOOK)])

    assert [p.instrument_id for p in pieces(session, book(0, "snapshot"))] == [alias]
    session.subscribe([Subscription(BTC, Channel.BOOK)])
    assert [p.instrument_id for p in pieces(session, book(1))] == [BTC, alias]


def test_subscriptions_are_one_frame_a_channel_after_the_heartbeats() -> None:
    session = CoinbaseMarketSession()
    wanted = [
        Subscription(BTC, Channel.BOOK),
        Subscription(ETH, Channel.BOOK),
        Subscription(BTC, Channel.TRADES),
        Subscription(BTC, Channel.BARS, 300 * 10**9),
    ]

    frames = [json.loads(f) for f in session.subscribe(wanted)]
    (left,) = [json.loads(f) for f in session.unsubscribe(wanted[:1])]

    assert [(f["type"], f["channel"], f.get("product_ids")) for f in frames] == [
        ("subscribe", "heartbeats", None),
        ("subscribe", "level2", ["BTC-USD", "ETH-USD"]),
        ("subscribe", "market_trades", ["BTC-USD"]),
        ("subscribe", "candles", ["BTC-USD"]),
    ]
    assert left == {"type": "unsubscribe", "channel": "level2", "product_ids": ["BTC-USD"]}
    with pytest.raises(ValueError, match="five minutes only"):
        session.subscribe([Subscription(BTC, Channel.BARS, 60 * 10**9)])
    with pytest.raises(ValueError, match="has none on spot"):
        session.subscribe([Subscription(BTC, Channel.FUNDING)])


def test_what_is_no_data_is_known_or_counted() -> None:
    session = CoinbaseMarketSession()
    held = {"subscriptions": {"level2": ["BTC-USD"], "heartbeats": []}}

    assert session.heard(frame("subscriptions", 0, held), NOW) == Control(
        "ack", detail="heartbeats: level2:BTC-USD"
    )
    assert session.heard(b'{"type":"error","message":"failure to subscribe"}', NOW) == Control(
        "error", detail="failure to subscribe"
    )
    assert session.heard(frame("fireworks", 1, {}), NOW) == Unknown("fireworks")
    assert session.heard(b"{}", NOW) == Unknown("unnamed")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[1]",
        b"\xff",
        frame("l2_data", 0, {"type": "update", "updates": [level("mid", "1", "1")]}),
        frame("l2_data", 0, {"type": "update", "updates": [level("bid", "NaN", "1")]}),
        frame("market_trades", 0, {"type": "update", "trades": [trade("1", "BOTH")]}),
        frame("market_trades", 0, {"type": "update", "trades": [trade("-1", "BUY")]}),
        b'{"channel":"heartbeats","timestamp":"today","sequence_num":0,"events":[]}',
    ],
)
def test_a_frame_that_cannot_be_read_is_garbled(raw: bytes) -> None:
    with pytest.raises(Garbled) as caught:
        CoinbaseMarketSession().heard(raw, NOW)

    assert caught.value.raw == raw


def test_history_ends_where_it_was_asked_to_begin() -> None:
    adapter = CoinbaseAdapter()
    since = 1_786_309_000 * 10**9
    bars = adapter.ask_bars(BTC, 300 * 10**9, since + 1)
    candles = json.dumps({"candles": [candle(1_786_309_500, "11"), candle(1_786_309_200, "10")]})
    instrument = adapter.read_instruments(PRODUCTS)[0]

    (told,) = adapter.read_history(candles.encode(), bars, instrument, NOW + 50 * 10**9)

    assert bars.params["start"] == 1_786_309_200
    assert isinstance(told, BarBatch)
    assert told.rows["close"].tolist() == [10.0]  # the other one is still open
    late = Answer(200, {"Date": "Wed, 12 Aug 2026 21:05:48 GMT"}, candles.encode())
    assert adapter.next_page(bars, Answer(200, {}, candles.encode())) is None
    more = adapter.next_page(bars, late)
    assert more is not None
    assert int(str(more.params["start"])) == int(str(bars.params["end"])) + 300

    trades = adapter.ask_trades(BTC, since)
    rows = {"trades": [trade(str(n), "BUY") for n in range(1000, 0, -1)]}
    body = json.dumps(rows).encode()
    older = adapter.next_page(trades, Answer(200, {}, body))
    assert older is not None
    assert older.params["end"] == 1_786_309_543
    assert adapter.next_page(older, Answer(200, {}, body)) is None  # it says no more than before
    (batch_,) = adapter.read_history(body, trades, instrument, NOW)
    assert isinstance(batch_, TradeBatch)
    assert batch_.rows["trade_id"].tolist() == list(range(1, 1001))


def test_instruments_are_the_spot_products_that_trade() -> None:
    (found,) = CoinbaseAdapter().read_instruments(PRODUCTS)

    assert (found.instrument_id, found.base, found.quote) == (BTC, "BTC", "USD")
    assert (found.price_increment, found.min_notional) == (Decimal("0.01"), Decimal(1))


def test_the_venues_clock() -> None:
    body = b'{"iso":"2026-08-09T21:05:48Z","epochMillis":"1786309548123"}'

    assert CoinbaseAdapter().read_time(body) == 1_786_309_548_123_000_000
