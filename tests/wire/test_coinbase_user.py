"""Coinbase's private stream, written by hand from its documentation, and what it means."""

from decimal import Decimal
from typing import Any

import pytest
from coinbase_stage import (
    MINE,
    NOW,
    THEIRS,
    frame,
    placed,
)

from messages.base import InstrumentId
from messages.orders import (
    OrderType,
)
from messages.venue import (
    OrderReport,
    Source,
    StreamUp,
    VenueStatus,
)
from trading.errors import Garbled
from venues.coinbase.adapter import CoinbaseAdapter
from venues.wire.keys import Keys


def user_row(**fields: Any) -> dict[str, Any]:
    """docs: "User Channel"."""
    return {
        "order_id": THEIRS,
        "client_order_id": MINE,
        "cumulative_quantity": "0.004",
        "leaves_quantity": "0.006",
        "avg_price": "65000",
        "total_fees": "1",
        "status": "OPEN",
        "product_id": "BTC-USD",
        "creation_time": "2026-08-09T21:05:40Z",
        "order_side": "BUY",
        "order_type": "Limit",
        "cancel_reason": "",
        "reject_reason": "",
    } | fields


def user_frame(number: int, *rows: dict[str, Any]) -> bytes:
    return frame("user", number, {"type": "update", "orders": rows})


KEYS = Keys("name", "unused: nothing is signed here")


def test_orders_are_told_as_states_after_which_fills_are_asked_for() -> None:
    session = CoinbaseAdapter().user_session(KEYS, {})

    (report,) = session.heard(user_frame(0, user_row()), NOW, NOW).events

    assert isinstance(report, OrderReport)
    assert report.source is Source.STATES
    assert (report.quantity, report.filled_qty) == (Decimal("0.01"), Decimal("0.004"))
    assert report.status is VenueStatus.PARTIALLY_FILLED
    assert report.order_type is OrderType.LIMIT


def test_an_ended_order_keeps_the_quantity_that_we_know() -> None:
    adapter = CoinbaseAdapter()
    placed(adapter)
    session = adapter.user_session(KEYS, {})
    gone = {"status": "CANCELLED", "cumulative_quantity": "0", "leaves_quantity": "0"}

    (report,) = session.heard(user_frame(0, user_row(**gone)), NOW, NOW).events
    nobodys = session.heard(user_frame(1, user_row(client_order_id="z", **gone)), NOW, NOW)

    assert isinstance(report, OrderReport)
    assert (report.status, report.quantity) == (VenueStatus.CANCELED, Decimal("0.01"))
    assert report.price == Decimal("65000.10")
    assert nobodys.events == ()


def test_an_order_in_usdc_keeps_its_instrument() -> None:
    adapter = CoinbaseAdapter()
    placed(adapter, instrument_id=InstrumentId("BTC-USDC.COINBASE"))

    (report,) = adapter.user_session(KEYS, {}).heard(user_frame(0, user_row()), NOW, NOW).events

    assert isinstance(report, OrderReport)
    assert report.instrument_id == "BTC-USDC.COINBASE"


def test_the_stream_is_up_once_the_venue_confirms_it() -> None:
    session = CoinbaseAdapter().user_session(KEYS, {})
    held = {"subscriptions": {"user": ["merchant-1"]}}

    first = session.heard(frame("subscriptions", 0, held), NOW, NOW)
    second = session.heard(frame("subscriptions", 1, held), NOW, NOW)

    assert [type(e) for e in first.events] == [StreamUp]
    assert second.events == ()


def test_a_private_stream_is_left_when_a_frame_is_missing_or_it_is_refused() -> None:
    session = CoinbaseAdapter().user_session(KEYS, {})
    session.heard(frame("heartbeats", 4, {}), NOW, NOW)

    missing = session.heard(user_frame(6, user_row()), NOW, NOW)
    refused = session.heard(b'{"type":"error","message":"authentication failure"}', NOW, NOW)

    assert missing.problem == "frames 5 to 5 are missing"
    assert refused.problem == "refused: authentication failure"
    with pytest.raises(Garbled):
        session.heard(user_frame(7, user_row(status="LOST")), NOW, NOW)


def test_an_order_about_to_end_that_shows_nothing_left_keeps_the_quantity_that_we_know() -> None:
    adapter = CoinbaseAdapter()
    placed(adapter)
    session = adapter.user_session(KEYS, {})

    ending = user_row(status="CANCEL_QUEUED", leaves_quantity="0")
    (report,) = session.heard(user_frame(0, ending), NOW, NOW).events

    assert isinstance(report, OrderReport)
    assert (report.status, report.quantity) == (VenueStatus.PARTIALLY_FILLED, Decimal("0.01"))
