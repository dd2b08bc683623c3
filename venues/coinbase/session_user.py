"""One private connection of Coinbase without its socket: how our orders are, as it changes.

Theory of operation. The subscription is signed with a token that must be used within two minutes;
once it is taken it holds as long as the connection, so there is nothing to renew. The channel
first tells all open orders (in frames of 50), then each change. It tells states of orders, never
single fills: its reports are of `Source.STATES`, after which the fills are asked for over REST,
where their trade ids are. So each fill has one id, whichever way we hear of it. Balances of spot
accounts are in no channel; they are asked for too.

Frames of a connection are counted; one that is missing may have been about any order, so the
connection is left, and everything is asked for when the next one is up.

docs: "User Channel" and "Sequence Numbers" (https://docs.cdp.coinbase.com/coinbase-app/
advanced-trade-apis/websocket/websocket-channels, 2026-09).
"""

from decimal import Decimal
from typing import Final

import msgspec
from pydantic import ValidationError

from messages.base import NS_PER_S, ClientOrderId, Event, VenueOrderId
from messages.orders import OrderType
from messages.venue import OrderReport, Source, StreamUp
from trading.errors import Garbled
from venues.coinbase.codec_names import Id, instrument_id, ns
from venues.coinbase.codec_orders import SIDE, TYPE, amount, lookup, positive, status_of
from venues.coinbase.known import KnownOrders
from venues.coinbase.signing import token
from venues.wire.adapter import Heard, Ping, UserSession
from venues.wire.keys import Keys
from venues.wire.request import Answer

_UNREADABLE: Final = (msgspec.DecodeError, ValidationError, ValueError, ArithmeticError)


class UserOrder(msgspec.Struct):
    """docs: "User Channel", `orders`."""

    order_id: str
    client_order_id: str
    cumulative_quantity: str
    leaves_quantity: str
    avg_price: str
    status: str
    product_id: str
    order_side: str
    order_type: str
    limit_price: str = ""
    trigger_status: str = ""
    cancel_reason: str = ""
    reject_reason: str = ""
    product_type: str = "SPOT"


class UserEvent(msgspec.Struct):
    """One event of a frame: orders, or what is subscribed to."""

    type: str = ""
    orders: list[UserOrder] = []
    subscriptions: dict[str, list[str]] = {}


class UserFrame(msgspec.Struct):
    """The envelope of every frame; an error has no channel."""

    channel: str = ""
    timestamp: str = ""
    sequence_num: Id = 0
    events: list[UserEvent] = []
    type: str = ""
    message: str = ""


_FRAME: Final = msgspec.json.Decoder(UserFrame)


class CoinbaseUserSession(UserSession):
    """See the theory of operation."""

    ping = Ping(every_s=20.0)

    def __init__(self, keys: Keys, known: KnownOrders) -> None:
        self._keys = keys
        self._known = known
        self._expected = -1  # the number of the next frame; -1 before the first
        self._up = False

    def path(self, answer: Answer | None) -> str:
        return ""

    def opened(self, venue_ns: int) -> tuple[bytes, ...]:
        # docs: without heartbeats a channel that is quiet for a minute is closed.
        beats = {"type": "subscribe", "channel": "heartbeats"}
        signed = token(self._keys, venue_ns // NS_PER_S, salt=str(venue_ns).encode())
        user = {"type": "subscribe", "channel": "user", "jwt": signed}
        return (msgspec.json.encode(user), msgspec.json.encode(beats))

    def heard(self, raw: bytes, ts_init: int, venue_ns: int) -> Heard:
        try:
            return self._read(_FRAME.decode(raw), ts_init)
        except _UNREADABLE as e:
            raise Garbled(f"{type(e).__name__}: {str(e).splitlines()[0]}", raw) from e

    def _read(self, frame: UserFrame, ts_init: int) -> Heard:
        if frame.type == "error":
            return Heard(problem=f"refused: {frame.message}")
        before, self._expected = self._expected, max(self._expected, frame.sequence_num + 1)
        if 0 <= before < frame.sequence_num:
            return Heard(problem=f"frames {before} to {frame.sequence_num - 1} are missing")
        if frame.sequence_num < before:
            return Heard()  # said before
        if frame.channel == "subscriptions":
            return self._confirmed(frame, ts_init)
        if frame.channel != "user":
            return Heard()
        found = (
            report_of(order, ns(frame.timestamp), ts_init, self._known)
            for event in frame.events
            for order in event.orders
            if order.product_type == "SPOT"
        )
        return Heard(events=tuple(report for report in found if report is not None))

    def _confirmed(self, frame: UserFrame, ts_init: int) -> Heard:
        if self._up or not any("user" in event.subscriptions for event in frame.events):
            return Heard()
        self._up = True
        up: Event = StreamUp(ts_event=ns(frame.timestamp), ts_init=ts_init)
        return Heard(events=(up,))


def report_of(d: UserOrder, ts: int, ts_init: int, orders: KnownOrders) -> OrderReport | None:
    """The venue's view of one order.

    An order that has ended, or is about to, shows no more than what traded, so its quantity is the
    one that we knew. None where nobody knows: it is none of this run's, and it ended without a
    trade.
    """
    name, order_id = ClientOrderId(d.client_order_id), VenueOrderId(d.order_id)
    instrument, known = instrument_id(d.product_id), orders.get(name) if name else None
    if known is not None:
        instrument = known.instrument_id  # an order in BTC-USDC may be told as one in BTC-USD
    filled, left = amount(d.cumulative_quantity), amount(d.leaves_quantity)
    status = status_of(d.status, filled)
    quantity: Decimal | None = filled + left
    if known is not None and (not status.open or not left):
        quantity = known.quantity or quantity
    if not quantity:
        return None
    price = positive(amount(d.limit_price)) or (known.price if known is not None else None)
    order_type = _type(d.order_type)
    if known is not None and known.order_type is not None:
        order_type = known.order_type
    if name:
        orders.learn(name, instrument, venue_order_id=order_id, quantity=quantity, price=price)
    return OrderReport(
        ts_event=ts,
        ts_init=ts_init,
        client_order_id=name,
        venue_order_id=order_id,
        instrument_id=instrument,
        side=lookup(SIDE, d.order_side, "order_side"),
        order_type=order_type,
        status=status,
        quantity=quantity,
        filled_qty=filled,
        price=price if order_type.limited else None,
        avg_px=positive(amount(d.avg_price)) if filled else None,
        triggered=order_type.triggered and (d.trigger_status == "STOP_TRIGGERED" or filled > 0),
        source=Source.STATES,
        reason=d.reject_reason or d.cancel_reason,
    )


def _type(words: str) -> OrderType:
    return lookup(TYPE, words.upper().replace(" ", "_"), "order_type")
