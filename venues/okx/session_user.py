"""One private connection to OKX without its socket: sign-in, subscriptions, evidence.

docs: docs-v5 "WebSocket / Login", "WS / Order channel", "WS / Account channel", "WS / Positions
channel", "Notification" (2026-09). Algo orders have a channel on another address ("business"): this
connection hears of one once it has placed its order, which the order channel tells.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from messages.base import Event
from messages.market import Product
from messages.venue import Request, Source, StreamUp
from venues.okx import codec_account as account
from venues.okx import codec_orders as orders
from venues.okx.codec_names import INST_TYPE, ns
from venues.okx.session_market import HEAD, PING, PONG, UNREADABLE, Head, answer_of, garbled
from venues.okx.signing import login
from venues.wire.adapter import Heard, Instruments, UserSession
from venues.wire.asked import Asked
from venues.wire.frames import Control, Decoded, Frame, Unknown
from venues.wire.keys import Keys
from venues.wire.request import Answer

PATH: Final = "/ws/v5/private"
_encode: Final = msgspec.json.Encoder().encode
_ORDERS: Final = msgspec.json.Decoder(list[orders.Order])
_ALGOS: Final = msgspec.json.Decoder(list[orders.Algo])
_ACCOUNT: Final = msgspec.json.Decoder(list[account.AccountRow])
_POSITIONS: Final = msgspec.json.Decoder(list[account.PositionRow])
# Told twice, or without what a fill needs: the fills channel names no fee, and what
# balance_and_position says of balances is not what is free.
_KNOWN: Final = frozenset({"fills", "balance_and_position", "liquidation-warning"})


def _orders(head: Head, instruments: Instruments, ts_init: int) -> tuple[Event, ...]:
    out: list[Event] = []
    for d in _ORDERS.decode(head.data):
        fill = orders.fill_of_order(d, instruments, ts_init, Source.STREAM)
        refused = orders.amend_refused(d, ts_init)
        report = orders.order_report(d, instruments, ts_init, Source.STREAM)
        out += [event for event in (fill, refused, report) if event is not None]
    return tuple(out)


def _algos(head: Head, instruments: Instruments, ts_init: int) -> tuple[Event, ...]:
    rows = _ALGOS.decode(head.data)
    found = [orders.algo_report(d, instruments, ts_init, Source.STREAM) for d in rows]
    return tuple(report for report in found if report is not None)


def _account(head: Head, instruments: Instruments, ts_init: int) -> tuple[Event, ...]:
    rows = _ACCOUNT.decode(head.data)
    ts = max((ns(int(row.u_time)) for row in rows), default=ts_init)
    asked = Asked(Request.QUERY_ACCOUNT, ts_init, ts_venue=ts, source=Source.STREAM)
    # Currencies of which there is nothing are not named, nor are those that did not change.
    return (account.account_report(rows, asked, partial=True),)


def _positions(head: Head, instruments: Instruments, ts_init: int) -> tuple[Event, ...]:
    rows = _POSITIONS.decode(head.data)
    return tuple(
        account.position_report(d, instruments, ts_init, Source.STREAM)
        for d in rows
        if account.instrument_known(d, instruments)
    )


_READERS: Final[dict[str, Callable[[Head, Instruments, int], tuple[Event, ...]]]] = {
    "orders": _orders,
    "orders-algo": _algos,
    "algo-advance": _algos,
    "account": _account,
    "positions": _positions,
}


def read_user(raw: bytes, instruments: Instruments, ts_init: int) -> Frame:
    """What one frame of a private stream says; raises Garbled."""
    if raw == PONG:
        return Control("pong")
    try:
        head = HEAD.decode(raw)
        if head.event:
            return answer_of(head)
        name = head.arg.channel
        reader = _READERS.get(name)
        if reader is None:
            return Control(name) if name in _KNOWN else Unknown(name or "unnamed")
        events = reader(head, instruments, ts_init)
        return Decoded(name, events) if events else Control(f"{name}:nothing of ours")
    except UNREADABLE as e:
        raise garbled(e, raw) from e


class OkxUserSession(UserSession):
    """Signs in, subscribes once that is granted, and says StreamUp once all is subscribed."""

    ping = PING

    def __init__(self, product: Product, keys: Keys, instruments: Instruments) -> None:
        self._product = product
        self._keys = keys
        self._instruments = instruments
        kind = INST_TYPE[product]
        self._args: list[dict[str, str]] = [
            {"channel": "orders", "instType": kind},
            {"channel": "account"},
        ]
        if product is Product.LINEAR:
            self._args.append({"channel": "positions", "instType": kind})
        self._missing = {arg["channel"] for arg in self._args}

    def path(self, answer: Answer | None) -> str:
        return PATH

    def opened(self, venue_ns: int) -> tuple[bytes, ...]:
        return (login(self._keys, venue_ns),)

    def heard(self, raw: bytes, ts_init: int, venue_ns: int) -> Heard:
        found = read_user(raw, self._instruments, ts_init)
        if isinstance(found, Decoded):
            return Heard(found.messages)
        return self._told(found, ts_init) if isinstance(found, Control) else Heard()

    def _told(self, found: Control, ts_init: int) -> Heard:
        subscribed: Any = found.request_id
        match found.kind:
            case "login":
                return Heard(send=(_encode({"op": "subscribe", "args": self._args}),))
            case "error":
                return Heard(problem=f"refused: {found.detail}")
            case "notice":
                return Heard(problem="the venue is about to close the connection")
            case "subscribe" if subscribed in self._missing:
                self._missing.discard(subscribed)
                if not self._missing:
                    return Heard((StreamUp(ts_event=ts_init, ts_init=ts_init),))
        return Heard()
