"""Golden frames of OKX's private streams, written by hand from its documentation."""

from decimal import Decimal
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messages.base import Event
from messages.market import (
    Product,
)
from messages.orders import LiquiditySide, OrderType
from messages.venue import (
    AccountReport,
    FillReport,
    OrderReport,
    PositionReport,
    Request,
    RequestRefused,
    StreamUp,
    VenueStatus,
)
from tests.tools.okx_rules import instruments
from trading.errors import Garbled
from venues.okx.session_user import OkxUserSession, read_user
from venues.wire.keys import Keys

NOW: Final = 1_800_000_000_000_000_000
TS: Final = "1790000000123"
TS_NS: Final = 1_790_000_000_123_000_000


def frame(channel: str, *rows: Any) -> bytes:
    """A push as the venue writes it."""
    return msgspec.json.encode({"arg": {"channel": channel}, "data": list(rows)})


ORDER: Final = {
    "instId": "BTC-USDT-SWAP",
    "instType": "SWAP",
    "ordId": "312269865356374016",
    "clOrdId": "a1",
    "side": "buy",
    "ordType": "limit",
    "state": "live",
    "sz": "10",
    "px": "100.5",
    "accFillSz": "0",
    "avgPx": "",
    "tradeId": "",
    "fillSz": "",
    "fillPx": "",
    "uTime": TS,
    "algoId": "",
    "algoClOrdId": "",
    "tgtCcy": "",
    "cancelSource": "",
}
TRADED: Final = {
    "state": "partially_filled",
    "accFillSz": "7",
    "avgPx": "100.4",
    "tradeId": "77",
    "fillSz": "3",
    "fillPx": "100.3",
    "fillTime": TS,
    "fillFee": "-0.002",
    "fillFeeCcy": "USDT",
    "fee": "-0.005",
    "feeCcy": "USDT",
    "execType": "M",
}


def user(channel: str, *rows: Any, product: Product = Product.LINEAR) -> tuple[Event, ...]:
    found = read_user(frame(channel, *rows), instruments(product), NOW)
    return getattr(found, "messages", ())


def test_an_order_that_rests_is_new() -> None:
    (report,) = user("orders", ORDER)

    assert isinstance(report, OrderReport)
    assert (report.status, report.order_type) == (VenueStatus.NEW, OrderType.LIMIT)
    assert (report.quantity, report.price) == (Decimal("0.1"), Decimal("100.5"))


def test_a_trade_is_told_before_the_order_that_counts_it() -> None:
    fill, report = user("orders", ORDER | TRADED)

    assert isinstance(fill, FillReport)
    assert isinstance(report, OrderReport)
    assert (fill.trade_id, fill.last_qty, fill.last_px) == ("77", Decimal("0.03"), Decimal("100.3"))
    assert (fill.commission, fill.currency) == (Decimal("0.002"), "USDT")
    assert fill.liquidity_side is LiquiditySide.MAKER
    assert report.filled_qty == Decimal("0.07")


def test_an_amend_that_failed_after_it_was_taken_is_refused() -> None:
    """docs: "Order channel", `amendResult` -1; `code` and `msg` say why."""
    failed = {"amendResult": "-1", "code": "51511", "msg": "post only", "reqId": ""}

    refused, report = user("orders", ORDER | failed)

    assert isinstance(refused, RequestRefused)
    assert (refused.request, refused.client_order_id) == (Request.MODIFY, "a1")
    assert (refused.code, refused.reason) == ("51511", "post only")
    assert isinstance(report, OrderReport)
    assert report.quantity == Decimal("0.1")


@pytest.mark.parametrize("result", ["0", "1", ""])
def test_an_amend_that_was_made_or_led_to_a_cancel_is_told_by_the_order(result: str) -> None:
    (report,) = user("orders", ORDER | {"amendResult": result, "code": "0"})

    assert isinstance(report, OrderReport)


def test_a_trade_whose_own_fee_is_not_told_is_garbled() -> None:
    with pytest.raises(Garbled, match="fillFee"):
        user("orders", ORDER | TRADED | {"fillFee": ""})


@pytest.mark.parametrize(
    ("source", "status"),
    [("1", "CANCELED"), ("20", "CANCELED"), ("31", "EXPIRED"), ("14", "EXPIRED"), ("", "CANCELED")],
)
def test_who_canceled_tells_canceled_from_expired(source: str, status: str) -> None:
    (report,) = user("orders", ORDER | {"state": "canceled", "cancelSource": source})

    assert isinstance(report, OrderReport)
    assert report.status == status


def test_what_an_algo_placed_goes_by_the_ids_of_the_algo() -> None:
    ids = {"clOrdId": "", "algoId": "999", "algoClOrdId": "stop1"}

    fill, report = user("orders", ORDER | TRADED | ids)

    for found in (fill, report):
        assert isinstance(found, FillReport | OrderReport)
        assert (found.client_order_id, found.venue_order_id) == ("stop1", "999")
    assert isinstance(report, OrderReport)
    assert report.triggered


def test_an_order_in_quote_currency_is_not_told_before_it_trades() -> None:
    row = ORDER | {"instId": "BTC-USDT", "tgtCcy": "quote_ccy", "ordType": "market", "px": ""}

    assert user("orders", row, product=Product.SPOT) == ()
    *_, report = user("orders", row | TRADED, product=Product.SPOT)
    assert isinstance(report, OrderReport)
    assert report.quantity == report.filled_qty == 7


def test_balances_are_free_and_locked() -> None:
    row = {"uTime": TS, "details": [{"ccy": "USDT", "availBal": "90.5", "frozenBal": "9.5"}]}

    (report,) = user("account", row)

    assert isinstance(report, AccountReport)
    assert report.partial
    (balance,) = report.balances
    assert (balance.total, balance.free, balance.locked) == (100, Decimal("90.5"), Decimal("9.5"))


@pytest.mark.parametrize(
    ("side", "pos", "quantity"), [("net", "-3", "-0.03"), ("short", "3", "-0.03")]
)
def test_a_short_position_is_negative_in_either_mode(side: str, pos: str, quantity: str) -> None:
    row = {"instId": "BTC-USDT-SWAP", "instType": "SWAP", "pos": pos, "posSide": side, "uTime": TS}

    (report,) = user("positions", row | {"avgPx": "100", "lever": "3", "mgnMode": "cross"})

    assert isinstance(report, PositionReport)
    assert report.quantity == Decimal("-0.03")


def test_a_private_session_signs_in_subscribes_and_is_up() -> None:
    live = OkxUserSession(Product.LINEAR, Keys("k", "s", "p"), instruments(Product.LINEAR))

    (login,) = live.opened(TS_NS)
    granted = live.heard(b'{"event":"login","code":"0","msg":"","connId":"1"}', NOW, TS_NS)
    acks = [
        live.heard(msgspec.json.encode({"event": "subscribe", "arg": {"channel": c}}), NOW, TS_NS)
        for c in ("orders", "account", "positions")
    ]

    assert msgspec.json.decode(login)["op"] == "login"
    assert len(msgspec.json.decode(granted.send[0])["args"]) == 3
    assert [bool(a.events) for a in acks] == [False, False, True]
    assert isinstance(acks[-1].events[0], StreamUp)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"event":"error","code":"60009","msg":"Login failed."}',
        b'{"event":"notice","code":"64008","msg":"The connection will soon be closed"}',
    ],
)
def test_a_private_session_that_is_refused_or_closing_must_be_left(raw: bytes) -> None:
    live = OkxUserSession(Product.SPOT, Keys("k", "s", "p"), instruments(Product.SPOT))

    assert live.heard(raw, NOW, TS_NS).problem


GOLDEN: Final = [
    frame("orders", ORDER | TRADED),
    frame("account", {"uTime": TS, "details": [{"ccy": "USDT", "availBal": "1"}]}),
]


@pytest.mark.parametrize("raw", GOLDEN)
def test_every_truncation_is_garbled(raw: bytes) -> None:
    for end in range(len(raw)):
        with pytest.raises(Garbled) as caught:
            read_user(raw[:end], instruments(Product.LINEAR), NOW)
        assert caught.value.raw == raw[:end]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(GOLDEN), st.integers(0, 10_000), st.integers(1, 255))
def test_a_flipped_byte_is_never_another_error(raw: bytes, at: int, flip: int) -> None:
    at %= len(raw)
    broken = raw[:at] + bytes([raw[at] ^ flip]) + raw[at + 1 :]

    try:
        found = type(read_user(broken, instruments(Product.LINEAR), NOW)).__name__
    except Garbled:
        found = "Garbled"

    assert found in {"Garbled", "Decoded", "Control", "Unknown"}
