"""One WebSocket frame -> what it is. No socket and no clock: `ts_init` is an argument.

A frame comes raw, wrapped by a combined stream (`{"stream": .., "data": ..}`), or wrapped by a
WebSocket-API subscription (`{"subscriptionId": .., "event": ..}`). The wrapper is read first,
its contents skipped; the contents are then read once, by the reader of their kind.
"""

from collections.abc import Callable
from typing import Final

import msgspec
from pydantic import ValidationError

from trading.errors import Garbled
from venues.binance.codec_market import READERS
from venues.binance.codec_names import Market
from venues.binance.codec_user import USER_READERS
from venues.binance.codec_user_usdm import USDM_USER_READERS
from venues.wire.frames import Control, Decoded, Frame, Unknown
from venues.wire.piece import Piece, join

_NOTHING: Final = msgspec.Raw()
_UNREADABLE: Final = (msgspec.DecodeError, ValidationError, ValueError, OverflowError)


class _Refusal(msgspec.Struct):
    code: int = 0
    msg: str = ""


class _Head(msgspec.Struct):
    """The fields that tell kinds apart. `A` and `u` without `e` is spot's bookTicker."""

    e: str = ""
    stream: str = ""
    data: msgspec.Raw = _NOTHING
    event: msgspec.Raw = _NOTHING
    id: int | str | None = None
    result: msgspec.Raw = _NOTHING
    error: _Refusal | None = None
    code: int | None = None
    msg: str = ""
    u: msgspec.Raw = _NOTHING
    A: msgspec.Raw = _NOTHING
    lastUpdateId: msgspec.Raw = _NOTHING  # noqa: N815 - Binance's name


_HEAD: Final = msgspec.json.Decoder(_Head)
_USER: Final = {Market.SPOT: USER_READERS, Market.USDM: USDM_USER_READERS}
_BY_STREAM: Final = {
    "trade": READERS["trade"],
    "aggTrade": READERS["aggTrade"],
    "bookTicker": READERS["bookTicker"],
    "depth": READERS["depthUpdate"],
    "markPrice": READERS["markPriceUpdate"],
    "forceOrder": READERS["forceOrder"],
}


def reader(market: Market) -> Callable[[bytes, int], Piece | Frame]:
    """`read_frame` of one market's connection."""
    return lambda raw, ts_init: read_frame(raw, market, ts_init)


def read_frame(raw: bytes, market: Market, ts_init: int) -> Piece | Frame:
    """As `decode_frame`, but market data unjoined: for a caller that joins several frames.

    raises  Garbled (with the frame) if it is unreadable
    """
    try:
        return _read(raw, raw, market, ts_init)
    except _UNREADABLE as e:
        raise Garbled(f"{type(e).__name__}: {str(e).splitlines()[0]}", raw) from e


def decode_frame(raw: bytes, market: Market, ts_init: int) -> Frame:
    """What one frame says: its messages, or which control or unknown kind it is.

    raises  Garbled (with the frame) if it is unreadable
    """
    found = read_frame(raw, market, ts_init)
    return Decoded(found.kind, (join((found,)),)) if isinstance(found, Piece) else found


def _read(raw: bytes, body: bytes | msgspec.Raw, market: Market, ts_init: int) -> Piece | Frame:
    try:
        head = _HEAD.decode(body)
    except msgspec.ValidationError:
        return _not_ours(raw)
    if head.data is not _NOTHING:
        # "btcusdt@depth@100ms": most kinds are told by the name, which spares one pass.
        reader = _BY_STREAM.get(head.stream.partition("@")[2].partition("@")[0])
        if reader is not None:
            return reader(head.data, market, ts_init)
        return _read(raw, head.data, market, ts_init)
    if head.event is not _NOTHING:
        return _read(raw, head.event, market, ts_init)
    return _by_kind(head, body, market, ts_init)


def _by_kind(head: _Head, body: bytes | msgspec.Raw, market: Market, ts_init: int) -> Piece | Frame:
    nameless_quote = not head.e and head.u is not _NOTHING and head.A is not _NOTHING
    reader = READERS.get("bookTicker" if nameless_quote else head.e)
    if reader is not None:
        return reader(body, market, ts_init)
    user = _USER[market].get(head.e)
    if user is not None:
        return user(body, market, ts_init)
    return Unknown(head.e) if head.e else _answer(head)


def _answer(head: _Head) -> Frame:
    """docs: Spot "WebSocket Streams / Live Subscribing/Unsubscribing to streams"."""
    if head.error is not None:
        return Control("error", head.id, f"{head.error.code}: {head.error.msg}")
    if head.code is not None:
        return Control("error", head.id, f"{head.code}: {head.msg}")
    if head.result is not _NOTHING:
        return Control("ack", head.id)
    if head.lastUpdateId is not _NOTHING:
        return Control("depthSnapshot")
    return Unknown("unnamed")


def _not_ours(raw: bytes) -> Unknown:
    """A JSON value whose head has another shape than any kind we know.

    raises  msgspec.DecodeError if it is not JSON at all
    """
    value = msgspec.json.decode(raw)
    return Unknown("object" if isinstance(value, dict) else type(value).__name__)
