"""One private connection of Bybit without its socket: sign in, subscribe, listen, ping.

docs: v5 "WebSocket / Connect": the sign-in names a time at which it expires, later than now; a
session signs in once and stays so. "Set Disconnect Cancel All": the dead-man switch works only
for connections that subscribed to the topic "dcp".
"""

from typing import Final

import msgspec

from messages.market import Product
from messages.venue import StreamUp
from venues.bybit.codec_frames import UNREADABLE, head_of
from venues.bybit.codec_names import CATEGORY, ms
from venues.bybit.codec_user import read_user_frame
from venues.bybit.session_market import PING
from venues.bybit.signing import signature, stream_payload
from venues.wire.adapter import Heard, UserSession
from venues.wire.frames import Control, Decoded
from venues.wire.keys import Keys
from venues.wire.request import Answer

_EXPIRES_MS: Final = 10_000
_DCP: Final = {Product.SPOT: "dcp.spot", Product.LINEAR: "dcp.future"}


def topics(product: Product) -> tuple[str, ...]:
    """What tells everything that happens to our account in one product."""
    category = CATEGORY[product]
    own = [f"order.{category}", f"execution.{category}"]
    if product is Product.LINEAR:
        own.append(f"position.{category}")
    return (*own, "wallet", _DCP[product])


class BybitUserSession(UserSession):
    """Orders, fills, positions and balances of one product's account."""

    ping = PING

    def __init__(self, keys: Keys, product: Product) -> None:
        self._keys = keys
        self._product = product

    def path(self, answer: Answer | None) -> str:
        return "/v5/private"

    def opened(self, venue_ns: int) -> tuple[bytes, ...]:
        expires = ms(venue_ns) + _EXPIRES_MS
        signed = signature(stream_payload(expires), self._keys.secret)
        args = [self._keys.api_key, expires, signed]
        return (msgspec.json.encode({"req_id": "auth", "op": "auth", "args": args}),)

    def heard(self, raw: bytes, ts_init: int, venue_ns: int) -> Heard:
        found = read_user_frame(raw, self._product, ts_init)
        if isinstance(found, Decoded):
            return Heard(events=found.messages)
        if isinstance(found, Control) and found.kind in ("error", "auth", "subscribe"):
            return self._answered(found, _op(raw), ts_init, venue_ns)
        return Heard()

    def _answered(self, found: Control, op: str, ts_init: int, venue_ns: int) -> Heard:
        if found.kind == "error":
            # A refused subscription leaves us deaf to a part of our account: as bad as no stream.
            return Heard(problem=f"{op or 'request'} refused: {found.detail}")
        if found.kind == "auth":
            ask = {"req_id": "topics", "op": "subscribe", "args": list(topics(self._product))}
            return Heard(send=(msgspec.json.encode(ask),))
        return Heard(events=(StreamUp(ts_event=venue_ns or ts_init, ts_init=ts_init),))


def _op(raw: bytes) -> str:
    try:
        head = head_of(raw)
    except UNREADABLE:
        return ""
    return head.op if head is not None else ""
