"""Coinbase's REST answers -> evidence.

Everything here is exact: text goes to Decimal in the decoder and nowhere through a float.
"""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from messages.base import Event
from messages.venue import Request
from venues.coinbase.codec_errors import decode_error
from venues.coinbase.codec_market import readable
from venues.coinbase.codec_rest_account import read_account, read_fees, read_fills
from venues.coinbase.codec_rest_orders import (
    read_all_canceled,
    read_canceled,
    read_edited,
    read_open_orders,
    read_queried,
    read_submitted,
)
from venues.coinbase.known import KnownOrders
from venues.wire.asked import Asked


class Page(msgspec.Struct):
    """Where a list goes on; "" where it does not."""

    cursor: str = ""
    has_next: bool = True  # lists of fills do not say


def decode_answer(
    status: int, headers: Mapping[str, str], body: bytes, asked: Asked, known: KnownOrders
) -> tuple[Event, ...]:
    """The evidence in one HTTP answer; `known` learns what it says of our orders.

    raises  Garbled (with the body) if a success is unreadable
    """
    if status != 200:
        return (decode_error(status, headers, body, asked),)
    read = _READERS[asked.request]
    return readable(body, str(asked.request), lambda: read(body, asked, known))


_READERS: Final[dict[Request, Callable[[bytes, Asked, KnownOrders], tuple[Event, ...]]]] = {
    Request.SUBMIT: read_submitted,
    Request.CANCEL: read_canceled,
    Request.CANCEL_ALL: read_all_canceled,
    Request.MODIFY: read_edited,
    Request.QUERY_ORDER: read_queried,
    Request.QUERY_OPEN_ORDERS: read_open_orders,
    Request.QUERY_FILLS: read_fills,
    Request.QUERY_ACCOUNT: read_account,
    Request.QUERY_FEES: read_fees,
}
