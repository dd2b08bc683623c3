"""Commands of Coinbase that take several requests."""

import json
from decimal import Decimal
from typing import Any

import pytest
from coinbase_stage import (
    ABOUT,
    AT,
    BTC,
    THEIRS,
    asked,
    order_row,
    placed,
    read,
    spec,
)

from messages.orders import (
    CancelOrder,
    ModifyOrder,
    QueryOrder,
)
from messages.venue import (
    CancelAllOrders,
    OrderReport,
    Request,
    RequestDone,
    RequestFailed,
)
from venues.coinbase.adapter import CoinbaseAdapter
from venues.wire.request import Answer, WireRequest


def followed(adapter: CoinbaseAdapter, wire: WireRequest, body: Any) -> WireRequest | None:
    return adapter.follow_up(wire, Answer(200, {}, json.dumps(body).encode()))


def test_a_cancel_or_edit_that_was_taken_is_followed_by_how_the_order_is() -> None:
    adapter = CoinbaseAdapter()
    placed(adapter)
    for command, body in (
        (CancelOrder(**ABOUT), {"results": [{"success": True}]}),
        (ModifyOrder(**ABOUT, quantity=Decimal("0.005")), {"success": True}),
    ):
        wire = adapter.request_of(command, {})
        then = followed(adapter, wire, body)

        assert then is not None
        assert (then.method, then.path) == ("GET", f"/api/v3/brokerage/orders/historical/{THEIRS}")
        assert then.request is wire.request
        report = read(adapter, {"order": order_row()}, asked(wire.request or Request.CANCEL))
        assert isinstance(report, OrderReport)
        assert followed(adapter, then, {"order": order_row()}) is None


def test_an_order_is_looked_for_on_every_page() -> None:
    adapter = CoinbaseAdapter()
    wire = adapter.request_of(QueryOrder(**ABOUT), {})

    then = followed(adapter, wire, {"orders": [], "has_next": True, "cursor": "9"})

    assert then is not None
    assert then.params == {**wire.params, "cursor": "9"}
    assert followed(adapter, wire, {"orders": [], "has_next": False, "cursor": ""}) is None


def test_cancel_all_lists_and_cancels_until_nothing_is_left() -> None:
    adapter = CoinbaseAdapter()
    listed = adapter.request_of(CancelAllOrders(**AT, instrument_id=BTC), {})
    rows = {"orders": [order_row(order_id=f"o{n}") for n in range(100)], "has_next": True}

    cancel = followed(adapter, listed, rows)
    assert cancel is not None
    again = followed(adapter, cancel, {"results": [{"success": True}] * 100})

    sent = json.loads(adapter.unsigned(cancel).body)
    assert sent == {"order_ids": [f"o{n}" for n in range(100)]}
    assert again == listed
    assert followed(adapter, listed, {"orders": []}) is None
    few = followed(adapter, listed, {"orders": [order_row()]})
    assert few is not None
    assert followed(adapter, few, {"results": [{"success": True}]}) is None


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"orders": []}, RequestDone),
        ({"results": [{"success": True}, {"success": True}]}, RequestDone),
        (
            {"results": [{"success": False, "failure_reason": "ORDER_IS_FULLY_FILLED"}]},
            RequestDone,
        ),
        (
            {"results": [{"success": False, "failure_reason": "NOT_ALLOWED_TO_CANCEL"}]},
            RequestFailed,
        ),
    ],
)
def test_cancel_all_is_done_when_every_cancel_was_taken(body: Any, kind: type) -> None:
    assert type(read(CoinbaseAdapter(), body, asked(Request.CANCEL_ALL))) is kind


def test_an_edit_takes_what_it_must_repeat_from_the_order_that_was_placed() -> None:
    edit = ModifyOrder(
        **ABOUT, venue_order_id=THEIRS, quantity=Decimal("0.005"), placed=spec(price=Decimal(7))
    )

    wire = CoinbaseAdapter().request_of(edit, {})

    assert wire.params == {"order_id": THEIRS, "size": "0.005", "price": "7"}
