"""The account's own connection: a signed subscription on spot, a listen key on USD-M.

Spot's listen keys were discontinued on 2026-02-20 (announcement of 2026-01-21); their successor is
one signed request, `userDataStream.subscribe.signature`, on the WebSocket API. The subscription
lives as long as its connection: there is nothing to keep alive but the connection itself.

USD-M's listen key lives for 60 minutes from the last POST or PUT (docs: USD-M "User Data Streams").
"""

from typing import Final

import msgspec

from messages.base import Event
from messages.venue import OrderReport, StreamDown, StreamUp
from trading.errors import Garbled
from venues.binance.codec_frames import decode_frame
from venues.binance.codec_names import Market, ms
from venues.binance.codec_requests_usdm import LISTEN_KEY
from venues.binance.codec_rest import decode_listen_key
from venues.binance.signing import sign, sorted_payload
from venues.wire.adapter import Heard, Ping, UserSession
from venues.wire.frames import Control, Decoded
from venues.wire.keys import Keys
from venues.wire.request import Answer, WireRequest

_PATH: Final = "/ws-api/v3"
_SUBSCRIBE: Final = "userDataStream.subscribe.signature"
_REQUEST_ID: Final = "subscribe"
_RENEW_S: Final = 30 * 60.0


def _evidence(found: Decoded) -> Heard:
    """A stream that says that it ends is left; StreamDown is said once, when it is."""
    for m in found.messages:
        if isinstance(m, StreamDown):
            return Heard(problem=m.reason)
    return Heard(found.messages)


class SpotUserSession(UserSession):
    """Subscribes with a signature."""

    ping = Ping(20.0)

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def path(self, answer: Answer | None) -> str:
        return _PATH

    def opened(self, venue_ns: int) -> tuple[bytes, ...]:
        params: dict[str, object] = {"apiKey": self._keys.api_key, "timestamp": ms(venue_ns)}
        params["signature"] = sign(sorted_payload(params), self._keys.secret)
        request = {"id": _REQUEST_ID, "method": _SUBSCRIBE, "params": params}
        return (msgspec.json.encode(request),)

    def heard(self, raw: bytes, ts_init: int, venue_ns: int) -> Heard:
        found = decode_frame(raw, Market.SPOT, ts_init)
        if isinstance(found, Decoded):
            return _evidence(found)
        if isinstance(found, Control) and found.request_id == _REQUEST_ID:
            if found.kind == "error":
                return Heard(problem=f"subscription refused: {found.detail}")
            return Heard((StreamUp(ts_event=venue_ns, ts_init=ts_init),))
        return Heard()


class UsdmUserSession(UserSession):
    """Connects with a listen key, and is subscribed by that."""

    ping = Ping(20.0)
    before = WireRequest(None, "POST", LISTEN_KEY)
    renew = WireRequest(None, "PUT", LISTEN_KEY)
    renew_s = _RENEW_S
    up_when_open = True

    def __init__(self) -> None:
        self._became: dict[str, str] = {}  # the venue's order id -> our name of its trigger

    def path(self, answer: Answer | None) -> str:
        if answer is None:
            raise Garbled("no listen key", b"")
        return f"/ws/{decode_listen_key(answer.body)}"

    def opened(self, venue_ns: int) -> tuple[bytes, ...]:
        return ()

    def heard(self, raw: bytes, ts_init: int, venue_ns: int) -> Heard:
        found = decode_frame(raw, Market.USDM, ts_init)
        if not isinstance(found, Decoded):
            return Heard()
        if found.kind.startswith("ALGO_UPDATE"):
            for m in found.messages:
                if isinstance(m, OrderReport) and m.triggered:
                    self._became[m.venue_order_id] = m.client_order_id
        if not self._became:
            return _evidence(found)
        return _evidence(Decoded(found.kind, tuple(self._ours(m) for m in found.messages)))

    def _ours(self, event: Event) -> Event:
        """What a trigger of ours became is ours by that name, whatever the venue calls it."""
        name = self._became.get(getattr(event, "venue_order_id", ""))
        return event if name is None else event.model_copy(update={"client_order_id": name})
