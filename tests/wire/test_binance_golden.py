"""Golden frames, written from the documented format: what each of them says.

source: Binance docs, Spot "WebSocket Streams" and "User Data Streams", USD-M "Websocket Market
Streams". Every frame lives in `binance/`; every truncation of every frame is Garbled.
"""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from messages.base import InstrumentId
from messages.market import (
    BarBatch,
    BookDeltaBatch,
    FundingBatch,
    InstrumentStatus,
    QuoteBatch,
    TradeBatch,
)
from messages.orders import LiquiditySide, OrderSide, OrderType
from messages.venue import AccountReport, FillReport, OrderReport, StreamDown, VenueStatus
from trading.errors import Garbled
from venues.binance.codec_frames import decode_frame, reader
from venues.binance.codec_names import Market
from venues.binance.session_market import BinanceMarketSession
from venues.wire.adapter import Channel, Subscription
from venues.wire.batch import Batcher
from venues.wire.frames import Control, Decoded, Frame, Unknown

FRAMES = Path(__file__).parent / "binance"
NAMES = sorted(path.stem for path in FRAMES.glob("*.json"))
NOW = 1_800_000_000_000_000_000
MS = 1_000_000
OURS = "M0123456789ab00000001"


def raw_of(name: str) -> bytes:
    """As the wire has it: no spaces."""
    return json.dumps(
        json.loads((FRAMES / f"{name}.json").read_text()), separators=(",", ":")
    ).encode()


def decode(name: str) -> Frame:
    market = Market.USDM if name.startswith(("usdm", "mark")) else Market.SPOT
    return decode_frame(raw_of(name), market, NOW)


def only(name: str) -> object:
    found = decode(name)
    assert isinstance(found, Decoded)
    (message,) = found.messages
    return message


def order(name: str) -> OrderReport:
    found = decode(name)
    assert isinstance(found, Decoded)
    report = found.messages[-1]
    assert isinstance(report, OrderReport)
    return report


@pytest.mark.parametrize("name", NAMES)
def test_every_truncation_is_garbled(name: str) -> None:
    raw = raw_of(name)

    for end in range(len(raw)):
        with pytest.raises(Garbled) as caught:
            decode_frame(raw[:end], Market.SPOT, NOW)
        assert caught.value.raw == raw[:end]


def outcome(raw: bytes) -> str:
    """How decoding ends: a kind of frame, or Garbled; any other error is the test's."""
    try:
        return type(decode_frame(raw, Market.SPOT, NOW)).__name__
    except Garbled:
        return "Garbled"


@pytest.mark.parametrize("name", NAMES)
def test_a_flipped_byte_is_never_another_error(name: str) -> None:
    raw = raw_of(name)

    broken = [raw[:at] + bytes([raw[at] ^ 0x15]) + raw[at + 1 :] for at in range(0, len(raw), 3)]
    outcomes = {outcome(b) for b in broken}

    assert "Garbled" in outcomes
    assert outcomes <= {"Garbled", "Decoded", "Control", "Unknown"}


def test_spot_depth_says_its_range_and_no_predecessor() -> None:
    batch = only("spot_depth_update")

    assert isinstance(batch, BookDeltaBatch)
    assert (batch.first_seq, batch.last_seq, batch.prev_seq, batch.snapshot) == (
        157,
        160,
        -1,
        False,
    )
    assert (batch.instrument_id, batch.ts_event) == ("BTCUSDT.BINANCE", 1_700_000_000_000 * MS)
    assert batch.rows["side"].tolist() == [1, 1, -1]
    assert batch.rows["price"].tolist() == [61800.1, 61800.0, 61800.2]
    assert batch.rows["size"].tolist() == [0.0, 1.5, 0.25]


def test_usdm_depth_says_its_predecessor_and_when_it_happened() -> None:
    batch = only("usdm_depth_update")

    assert isinstance(batch, BookDeltaBatch)
    assert (batch.first_seq, batch.last_seq, batch.prev_seq) == (1027020, 1027025, 1027012)
    assert (batch.instrument_id, batch.ts_event) == (
        "BTCUSDT-PERP.BINANCE",
        1_700_000_000_007 * MS,
    )


def test_a_maker_buyer_means_that_the_seller_took() -> None:
    spot, aggregate = only("spot_trade"), only("agg_trade")

    assert isinstance(spot, TradeBatch)
    assert isinstance(aggregate, TradeBatch)
    when = 1_700_000_000_001 * MS
    assert spot.rows.tolist() == [(when, NOW, 61800.1, 0.001, -1, 12345)]
    assert aggregate.rows.tolist() == [(when, NOW, 61800.1, 0.1, 1, 5933014)]


def test_a_transfer_of_the_insurance_fund_is_no_trade() -> None:
    assert decode("usdm_trade_insurance") == Control("trade:NA")


def test_a_spot_quote_has_no_time_but_ours() -> None:
    spot, usdm = only("spot_book_ticker"), only("usdm_book_ticker")

    assert isinstance(spot, QuoteBatch)
    assert isinstance(usdm, QuoteBatch)
    assert spot.rows.tolist() == [(NOW, NOW, 25.3519, 31.21, 25.3652, 40.66)]
    assert usdm.ts_event == 1_700_000_000_001 * MS


def test_a_closed_kline_is_a_bar_and_an_open_one_is_counted() -> None:
    bar = only("kline_closed")

    assert isinstance(bar, BarBatch)
    assert bar.interval_ns == 60_000 * MS
    opens, closes = 1_700_000_040_000 * MS, 1_700_000_100_000 * MS
    values = (0.001, 0.0025, 0.0015, 0.002, 1000.0, 1.5, 500.0, 100)
    assert bar.rows.tolist() == [(opens, closes, NOW, *values)]
    assert decode("kline_open") == Control("kline_open")


def test_mark_price_carries_the_funding_rate() -> None:
    batch = only("mark_price")

    assert isinstance(batch, FundingBatch)
    expected = (1_700_000_000_000 * MS, NOW, -0.00038167, 61794.15, 1_700_006_400_000 * MS)
    assert batch.rows.tolist() == [expected]


def test_a_contract_that_settles_does_not_trade_now() -> None:
    news = only("usdm_contract_info")

    assert isinstance(news, InstrumentStatus)
    assert (news.instrument_id, news.trading) == ("BTCUSDT-PERP.BINANCE", False)
    assert news.reason == "SETTLING"


def test_every_contract_has_one_stream_of_its_status_and_the_last_to_leave_ends_it() -> None:
    session = BinanceMarketSession(Market.USDM, "market")
    names = [InstrumentId(f"{base}USDT-PERP.BINANCE") for base in ("BTC", "ETH")]
    both = [Subscription(name, Channel.STATUS) for name in names]

    (asked,) = session.subscribe(both)
    kept = session.unsubscribe(both[:1])
    (left,) = session.unsubscribe(both[1:])

    assert json.loads(asked)["params"] == json.loads(left)["params"] == ["!contractInfo"]
    assert kept == ()


def test_answers_to_subscriptions_are_control_frames() -> None:
    assert decode("subscribed") == Control("ack", 1)
    refused = decode("subscribe_refused")
    assert isinstance(refused, Control)
    assert (refused.kind, refused.request_id) == ("error", 2)
    assert refused.detail.startswith("3: Invalid JSON")


def test_a_new_order() -> None:
    report = order("execution_new")

    assert (report.client_order_id, report.venue_order_id) == (OURS, "4293153")
    assert (report.status, report.side, report.order_type) == (
        VenueStatus.NEW,
        OrderSide.BUY,
        OrderType.LIMIT,
    )
    assert (report.quantity, report.price) == (Decimal("0.5"), Decimal("61800.1"))
    assert (report.filled_qty, report.avg_px, report.triggered) == (Decimal(0), None, False)


def test_a_trade_is_a_fill_and_then_the_order_that_counts_it() -> None:
    found = decode("execution_trade")
    assert isinstance(found, Decoded)
    fill, report = found.messages

    assert isinstance(fill, FillReport)
    assert (fill.trade_id, fill.last_qty, fill.last_px) == ("77", Decimal("0.2"), Decimal(61800))
    assert (fill.commission, fill.currency) == (Decimal("0.0002"), "BTC")
    assert fill.liquidity_side is LiquiditySide.MAKER
    assert isinstance(report, OrderReport)
    assert (report.status, report.filled_qty) == (VenueStatus.PARTIALLY_FILLED, Decimal("0.2"))
    assert report.avg_px == Decimal(61800)


@pytest.mark.parametrize(
    ("name", "status", "reason"),
    [
        ("execution_canceled", VenueStatus.CANCELED, ""),
        ("execution_rejected", VenueStatus.REJECTED, "INSUFFICIENT_BALANCES"),
        ("execution_expired", VenueStatus.EXPIRED, "INSUFFICIENT_LIQUIDITY"),
        ("execution_trade_prevention", VenueStatus.EXPIRED, "EXPIRED_IN_MATCH"),
        ("execution_replaced", VenueStatus.NEW, ""),
    ],
)
def test_what_ends_or_changes_an_order_names_the_order_not_the_request(
    name: str, status: VenueStatus, reason: str
) -> None:
    report = order(name)

    assert (report.client_order_id, report.status, report.reason) == (OURS, status, reason)


def test_an_amended_order_has_its_new_quantity() -> None:
    assert order("execution_replaced").quantity == Decimal("0.3")


def test_a_stop_order_on_the_book_has_been_triggered() -> None:
    report = order("execution_stop_triggered")

    assert (report.order_type, report.triggered) == (OrderType.STOP_LIMIT, True)


def test_an_unknown_execution_type_is_counted_as_such() -> None:
    raw = raw_of("execution_new").replace(b'"x":"NEW"', b'"x":"LIQUIDATED"')

    assert decode_frame(raw, Market.SPOT, NOW) == Unknown("executionReport:LIQUIDATED")


def test_an_unknown_status_is_garbled_because_it_is_about_money() -> None:
    raw = raw_of("execution_new").replace(b'"X":"NEW"', b'"X":"PAUSED"')

    with pytest.raises(Garbled, match="X: 'PAUSED' is no word we know"):
        decode_frame(raw, Market.SPOT, NOW)


def test_balances_that_changed_are_a_partial_report() -> None:
    report = only("account_position")

    assert isinstance(report, AccountReport)
    assert report.partial
    (usdt,) = report.balances
    assert (usdt.currency, usdt.total, usdt.locked) == (
        "USDT",
        Decimal("10012.5"),
        Decimal("12.5"),
    )
    assert decode("balance_update") == Control("balanceUpdate")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("listen_key_expired", "listenKeyExpired"),
        ("event_stream_terminated", "eventStreamTerminated"),
    ],
)
def test_the_end_of_the_user_stream_is_told(name: str, reason: str) -> None:
    down = only(name)

    assert isinstance(down, StreamDown)
    assert down.reason == reason


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b'{"e":"24hrTicker","s":"BTCUSDT"}', "24hrTicker"),
        (b'{"stream":"!ticker@arr","data":[{"e":"24hrTicker"}]}', "object"),
        (b"[1,2]", "list"),
        (b"{}", "unnamed"),
        (b'"hello"', "str"),
    ],
)
def test_readable_frames_of_other_kinds_are_unknown_not_garbled(raw: bytes, kind: str) -> None:
    assert decode_frame(raw, Market.SPOT, NOW) == Unknown(kind)


@pytest.mark.parametrize("bad", ['"NaN"', '"Infinity"', '"-1"', '"1e400"', "true", "null", '""'])
def test_a_price_that_is_no_price_is_garbled(bad: str) -> None:
    raw = raw_of("spot_trade").replace(b'"61800.10000000"', bad.encode())

    with pytest.raises(Garbled):
        decode_frame(raw, Market.SPOT, NOW)


def test_a_quote_between_two_trades_keeps_its_place() -> None:
    batcher = Batcher(reader(Market.SPOT))
    trade, quote, bnb = raw_of("spot_trade"), raw_of("spot_book_ticker"), b"BNBUSDT"
    for raw in (trade, trade, quote.replace(bnb, b"BTCUSDT"), quote, trade, quote):
        batcher.add(raw, NOW)

    out = batcher.flush()

    found = [(m.kind, m.instrument_id[:3], len(m.rows)) for m in out]  # type: ignore[attr-defined]
    assert found == [
        ("trade_batch", "BTC", 2),
        ("quote_batch", "BTC", 1),
        ("quote_batch", "BNB", 2),
        ("trade_batch", "BTC", 1),
    ]


def test_contiguous_diffs_are_joined_and_others_are_not() -> None:
    batcher = Batcher(reader(Market.SPOT))
    first = raw_of("spot_depth_update")
    for u, last in ((157, 160), (161, 170), (180, 190)):
        raw = first.replace(b'"U":157', b'"U":%d' % u).replace(b'"u":160', b'"u":%d' % last)
        batcher.add(raw, NOW)

    out = batcher.flush()

    found = [(m.first_seq, m.last_seq, len(m.rows)) for m in out]  # type: ignore[attr-defined]
    assert found == [(157, 170, 6), (180, 190, 3)]


def test_a_garbled_frame_is_counted_and_kept_and_the_rest_goes_on() -> None:
    batcher = Batcher(reader(Market.SPOT), quarantine_max=2)
    for raw in (b"{", raw_of("spot_trade"), b"oops", b"no", b'{"e":"zzz"}'):
        batcher.add(raw, NOW)

    assert len(batcher.flush()) == 1
    assert (batcher.garbled, [e.raw for e in batcher.quarantine]) == (3, [b"oops", b"no"])
    assert (dict(batcher.counts), dict(batcher.unknown)) == ({"trade": 1}, {"zzz": 1})
