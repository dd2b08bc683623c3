"""One private connection of Bybit: sign-in, subscription, and what ends it."""

import json

import pytest

from messages.market import Product
from messages.venue import StreamUp
from venues.bybit.adapter import ADAPTERS
from venues.wire.keys import Keys

LINEAR = ADAPTERS[Product.LINEAR]
NOW = 1_800_000_000_000_000_000


def test_a_session_signs_in_then_subscribes_then_is_up() -> None:
    user = LINEAR.user_session(Keys("key", "secret"), {})

    (first,) = (json.loads(f) for f in user.opened(NOW))
    signed = user.heard(b'{"success":true,"ret_msg":"","op":"auth","conn_id":"c"}', NOW, NOW)
    (second,) = (json.loads(f) for f in signed.send)
    up = user.heard(b'{"success":true,"ret_msg":"","op":"subscribe","conn_id":"c"}', NOW, NOW)

    assert (user.path(None), first["op"], first["args"][:2]) == (
        "/v5/private",
        "auth",
        ["key", NOW // 1_000_000 + 10_000],
    )
    assert second["args"] == [
        "order.linear",
        "execution.linear",
        "position.linear",
        "wallet",
        "dcp.future",
    ]
    assert [type(e) for e in up.events] == [StreamUp]


@pytest.mark.parametrize(
    "raw",
    [
        b'{"success":false,"ret_msg":"Request not authorized","op":"auth"}',
        b'{"op":"auth","success":false,"retCode":10003,"retMsg":"Invalid apikey"}',
        b'{"success":false,"ret_msg":"error:unknown topic","op":"subscribe"}',
    ],
)
def test_a_refused_sign_in_or_subscription_ends_the_connection(raw: bytes) -> None:
    found = LINEAR.user_session(Keys("key", "secret"), {}).heard(raw, NOW, NOW)

    assert "refused" in found.problem
