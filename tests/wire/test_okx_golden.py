"""Golden frames of OKX, written by hand from its documentation: what each of them says."""

from typing import Any, Final
from zlib import crc32

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messages.base import Event, InstrumentId
from messages.market import (
    BarBatch,
    BookDeltaBatch,
    FundingBatch,
    InstrumentChanged,
    InstrumentStatus,
    LiquidationBatch,
    Product,
    QuoteBatch,
    TradeBatch,
)
from tests.tools.okx_rules import SWAP_ROW, instruments
from trading.book_sync import BookSync, Outcome
from trading.errors import Garbled
from venues.okx.codec_book import checksum
from venues.okx.session_market import BUSINESS, OkxMarketSession
from venues.wire.adapter import Channel, Subscription
from venues.wire.batch import Batcher
from venues.wire.frames import Control, Unknown

NOW: Final = 1_800_000_000_000_000_000
MS: Final = 1_000_000
SPOT, SWAP = InstrumentId("BTC-USDT.OKX"), InstrumentId("BTC-USDT-SWAP.OKX")
TS: Final = "1790000000123"
TS_NS: Final = 1_790_000_000_123 * MS


def frame(channel: str, *rows: Any, symbol: str = "BTC-USDT-SWAP", **more: Any) -> bytes:
    """A push as the venue writes it."""
    return msgspec.json.encode(
        {"arg": {"channel": channel, "instId": symbol}, **more, "data": list(rows)}
    )


def session(product: Product = Product.LINEAR) -> OkxMarketSession:
    found = OkxMarketSession(product, instruments(product))
    name = SWAP if product is Product.LINEAR else SPOT
    found.subscribe([Subscription(name, Channel.LIQUIDATIONS), Subscription(name, Channel.STATUS)])
    return found


def heard(*raw: bytes, of: OkxMarketSession | None = None) -> tuple[Event, ...]:
    batcher = Batcher((of or session()).heard)
    for each in raw:
        batcher.add(each, NOW)
    assert batcher.garbled == 0
    return batcher.flush()


def levels(*rows: tuple[str, str]) -> list[list[str]]:
    return [[price, size, "0", "1"] for price, size in rows]


def book(action: str, seq: int, before: int, symbol: str = "BTC-USDT-SWAP", **sides: Any) -> bytes:
    """A frame of the books channel; the checksum is 0, as it is since June 2026."""
    row = {"asks": [], "bids": [], "ts": TS, "checksum": 0, **sides}
    return frame("books", row | {"seqId": seq, "prevSeqId": before}, symbol=symbol, action=action)


SNAPSHOT: Final = book(
    "snapshot",
    10,
    -1,
    asks=levels(("100.1", "3"), ("100.2", "5")),
    bids=levels(("100", "2"), ("99.9", "7")),
)


def test_a_snapshot_is_the_whole_book_in_base_units() -> None:
    (batch,) = heard(SNAPSHOT)

    assert isinstance(batch, BookDeltaBatch)
    assert batch.snapshot
    assert batch.ts_event == TS_NS
    assert batch.rows["side"].tolist() == [1, 1, -1, -1]
    assert np.allclose(batch.rows["size"], [0.02, 0.07, 0.03, 0.05])  # contracts of 0.01 BTC


def test_updates_that_name_the_one_before_are_one_run() -> None:
    updates = [book("update", 10 + i, 9 + i, bids=levels(("100", str(i)))) for i in (1, 2, 3)]

    whole, joined = heard(SNAPSHOT, *updates)

    assert isinstance(whole, BookDeltaBatch)
    assert isinstance(joined, BookDeltaBatch)
    assert joined.prev_seq == whole.last_seq
    assert joined.last_seq == whole.last_seq + 3


def outcomes(*raw: bytes) -> list[Outcome]:
    """What a keeper of the book makes of each frame."""
    sync, live, found = BookSync(), session(), []
    for each in raw:
        for batch in heard(each, of=live):
            assert isinstance(batch, BookDeltaBatch)
            found.append(sync.offer(batch).outcome)
    return found


A, G, B = Outcome.APPLIED, Outcome.GAP, Outcome.BUFFERED
LEVEL: Final = {"bids": levels(("100", "4"))}
SEQUENCES: Final = {
    "in order": ([(11, 10), (15, 11)], [A, A]),
    "a gap": ([(12, 11)], [G]),
    "a gap, and on": ([(12, 11), (13, 12)], [G, G]),
    "a repetition": ([(11, 10), (11, 10), (12, 11)], [A, A]),
    "unchanged for a minute": ([(10, 10, "empty"), (11, 10)], [A]),
    "a minute's silence with a gap": ([(12, 12, "empty")], [G]),
    "the counter begins anew": ([(3, 10), (4, 3)], [A, A]),
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_a_book_is_followed_by_its_sequence(name: str) -> None:
    steps, wanted = SEQUENCES[name]
    updates = [book("update", s[0], s[1], **({} if len(s) > 2 else LEVEL)) for s in steps]

    assert outcomes(SNAPSHOT, *updates) == [A, *wanted]


def test_a_new_snapshot_heals_whatever_numbers_came_before() -> None:
    broken = book("update", 10**17, 9, **LEVEL)  # a damaged number

    found = outcomes(SNAPSHOT, broken, SNAPSHOT, book("update", 11, 10, **LEVEL))

    assert found == [A, G, A, A]


def test_a_wrong_checksum_breaks_the_book_and_a_right_one_does_not() -> None:
    bids = {100.0: ("100", "2", "0", "1"), 99.9: ("99.9", "7", "0", "1")}
    asks = {100.1: ("100.1", "3", "0", "1"), 100.2: ("100.2", "5", "0", "1")}
    after = checksum(bids | {100.0: ("100", "4", "0", "1")}, asks)

    right = outcomes(SNAPSHOT, book("update", 11, 10, checksum=after, **LEVEL))
    wrong = outcomes(SNAPSHOT, book("update", 11, 10, checksum=after ^ 1, **LEVEL))

    assert (right, wrong) == ([A, A], [A, G])


def test_the_checksum_alternates_sides_and_goes_on_with_the_longer_one() -> None:
    """docs, "Checksum": bids of one level, asks of three: bid:ask:ask:ask."""
    bids = {3366.1: ("3366.1", "7", "0", "3")}
    asks = {
        p: (str(p), size, "0", "1") for p, size in ((3366.8, "9"), (3368.0, "8"), (3372.0, "8"))
    }

    found = checksum(bids, asks)

    text = "3366.1:7:3366.8:9:3368.0:8:3372.0:8"
    assert found % 2**32 == crc32(text.encode())


def test_an_unreadable_frame_of_a_book_breaks_it() -> None:
    live = session()
    heard(SNAPSHOT, of=live)

    with pytest.raises(Garbled):
        live.heard(book("update", 11, 10, bids=levels(("x", "1"))), NOW)

    (batch,) = heard(book("update", 12, 11, **LEVEL), of=live)
    assert isinstance(batch, BookDeltaBatch)
    assert batch.prev_seq > NOW  # NOW is the number of the snapshot


def test_trades_name_the_taker_and_count_in_base() -> None:
    row = {"instId": "BTC-USDT-SWAP", "tradeId": "42", "px": "100.5", "sz": "12", "ts": TS}

    (batch,) = heard(frame("trades", row | {"side": "sell", "count": "3"}))

    assert isinstance(batch, TradeBatch)
    (found,) = batch.rows.tolist()
    assert found == (TS_NS, NOW, 100.5, 0.12, -1, 42)


def test_an_empty_side_of_the_touch_is_zero() -> None:
    row = {"asks": [], "bids": [["100", "2", "0", "1"]], "ts": TS, "seqId": 5}

    (batch,) = heard(frame("bbo-tbt", row))

    assert isinstance(batch, QuoteBatch)
    assert batch.rows[0].tolist()[2:] == (100.0, 0.02, 0.0, 0.0)


def test_funding_waits_for_a_mark_price_and_is_told_with_each() -> None:
    rate = {"instId": "BTC-USDT-SWAP", "fundingRate": "0.0001", "fundingTime": "1790006400000"}
    mark = {"instId": "BTC-USDT-SWAP", "markPx": "100.4", "ts": TS}

    found = heard(frame("funding-rate", rate | {"ts": TS}), frame("mark-price", mark))

    (batch,) = found
    assert isinstance(batch, FundingBatch)
    assert batch.rows[0].tolist() == (TS_NS, NOW, 0.0001, 100.4, 1_790_006_400_000 * MS)


def test_liquidations_of_other_instruments_are_left_out() -> None:
    detail = {"side": "sell", "sz": "50", "bkPx": "99.5", "ts": TS, "posSide": "long"}
    rows = [{"instId": f"{c}-USDT-SWAP", "details": [detail]} for c in ("ETH", "BTC")]

    (batch,) = heard(frame("liquidation-orders", *rows))

    assert isinstance(batch, LiquidationBatch)
    assert batch.instrument_id == SWAP
    assert batch.rows[0].tolist() == (TS_NS, NOW, 99.5, 0.5, -1, 0)


def test_only_a_closed_candle_is_a_bar() -> None:
    row = ["1790000040000", "1", "3", "0.5", "2", "100", "1.5", "3.1"]
    live = OkxMarketSession(Product.LINEAR, instruments(Product.LINEAR), BUSINESS)

    open_one = live.heard(frame("candle1m", [*row, "0"]), NOW)
    (batch,) = heard(frame("candle1m", [*row, "1"]), of=live)

    assert open_one == Control("candle:open")
    assert live.path() == "/ws/v5/business"
    assert isinstance(batch, BarBatch)
    assert batch.interval_ns == 60_000 * MS
    assert batch.rows[0].tolist()[3:9] == (1.0, 3.0, 0.5, 2.0, 1.5, 3.1)


@pytest.mark.parametrize(("state", "kinds"), [("live", 2), ("suspend", 1)])
def test_an_instrument_tells_its_rules_while_it_trades(state: str, kinds: int) -> None:
    found = heard(frame("instruments", SWAP_ROW | {"state": state}))

    assert len(found) == kinds
    assert isinstance(found[-1], InstrumentStatus)
    assert found[-1].trading is (state == "live")
    assert all(isinstance(e, InstrumentChanged) for e in found[:-1])


def test_a_refused_subscription_says_why() -> None:
    raw = b'{"event":"error","code":"60018","msg":"Wrong URL or channel","connId":"a4d3ae55"}'

    assert session().heard(raw, NOW) == Control("error", None, "60018: Wrong URL or channel")
    assert session().heard(b"pong", NOW) == Control("pong")
    assert session().heard(b'{"arg":{"channel":"opt-summary"},"data":[]}', NOW) == Unknown(
        "opt-summary"
    )


def test_subscriptions_are_asked_by_instrument_or_by_product() -> None:
    live = OkxMarketSession(Product.LINEAR, instruments(Product.LINEAR))
    wanted = [Subscription(SWAP, c) for c in Channel if c is not Channel.BARS]

    (raw,) = live.subscribe(wanted)
    (ended,) = live.unsubscribe(wanted[:1])

    args = msgspec.json.decode(raw)["args"]
    assert {"channel": "books", "instId": "BTC-USDT-SWAP"} in args
    assert {"channel": "liquidation-orders", "instType": "SWAP"} in args
    assert len(args) == 7
    assert msgspec.json.decode(ended)["op"] == "unsubscribe"


GOLDEN: Final = [
    SNAPSHOT,
    book("update", 11, 10, **LEVEL),
    frame("trades", {"instId": "BTC-USDT-SWAP", "tradeId": "4", "px": "1", "sz": "1", "ts": TS}),
]


@pytest.mark.parametrize("raw", GOLDEN)
def test_every_truncation_is_garbled(raw: bytes) -> None:
    for end in range(len(raw)):
        with pytest.raises(Garbled):
            session().heard(raw[:end], NOW)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(GOLDEN), st.integers(0, 10_000), st.integers(1, 255))
def test_a_flipped_byte_is_never_another_error(raw: bytes, at: int, flip: int) -> None:
    at %= len(raw)
    broken = raw[:at] + bytes([raw[at] ^ flip]) + raw[at + 1 :]
    batcher = Batcher(session().heard)

    batcher.add(broken, NOW)

    assert batcher.garbled + sum(batcher.counts.values()) + sum(batcher.unknown.values()) == 1
