"""What has to be asked after an answer of Binance: further pages, and the Algo Service's orders.

USD-M keeps orders with a trigger apart until they trigger (`codec_requests_usdm`); spot does not.
"""

from dataclasses import replace
from typing import Final

import msgspec

from messages.venue import Request
from trading.errors import Garbled
from venues.binance import codec_history as history
from venues.binance.codec_errors import error_of
from venues.binance.codec_requests import ROWS_MAX
from venues.binance.codec_requests_usdm import (
    ALGO,
    CANCEL_ALL,
    CANCEL_ALL_ALGO,
    OPEN,
    OPEN_ALGO,
    ORDER,
)
from venues.binance.codec_usdm import Algo
from venues.wire.request import Answer, WireRequest

# docs: "No such order" of a question, "Unknown order sent" of a cancel.
_UNKNOWN: Final = frozenset({("GET", -2013), ("DELETE", -2011)})


class _Id(msgspec.Struct):
    id: int


def next_page(wire: WireRequest, answer: Answer) -> WireRequest | None:
    """The request for what did not fit; None if that was all. raises Garbled"""
    if answer.status != 200:
        return None
    if wire.request is None:
        return history.next_page(wire, answer)
    if wire.path == OPEN:
        return replace(wire, path=OPEN_ALGO)
    if wire.request is not Request.QUERY_FILLS:
        return None
    try:
        rows = msgspec.json.decode(answer.body, type=list[_Id])
    except msgspec.DecodeError as e:
        raise Garbled(f"{wire.path}: {e}", answer.body) from e
    if len(rows) < int(str(wire.params.get("limit", ROWS_MAX))):
        return None
    return replace(wire, params={**wire.params, "fromId": rows[-1].id + 1})


def follow_up(wire: WireRequest, answer: Answer) -> WireRequest | None:
    """The request without which the command is not done or not answered; None: it is."""
    if wire.path == ORDER:
        return _apart(wire, answer)
    if answer.status != 200:
        return None
    if wire.path == CANCEL_ALL:
        return replace(wire, path=CANCEL_ALL_ALGO)
    if wire.path != ALGO or wire.method == "POST":
        return None
    if wire.method == "DELETE":
        return replace(wire, method="GET")
    return _became(wire, answer)


def _apart(wire: WireRequest, answer: Answer) -> WireRequest | None:
    """To the Algo Service, if the matching engine knows no such order."""
    name = wire.params.get("origClientOrderId")
    if answer.status == 200 or (wire.method, error_of(answer.body)[0]) not in _UNKNOWN:
        return None
    if name is None:
        return replace(wire, path=ALGO, params={"algoId": wire.params["orderId"]})
    # What has become of it there may have been asked by our name of it already: that is an end.
    return replace(wire, path=ALGO, params={"clientAlgoId": name})


def _became(wire: WireRequest, answer: Answer) -> WireRequest | None:
    try:
        d = msgspec.json.decode(answer.body, type=Algo)
    except msgspec.DecodeError as e:
        raise Garbled(f"{wire.path}: {e}", answer.body) from e
    if not d.actual_order_id:
        return None
    params = {"symbol": d.symbol, "orderId": str(d.actual_order_id)}
    return replace(wire, path=ORDER, params=params)
