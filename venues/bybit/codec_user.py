"""Bybit's private stream: one frame -> evidence.

Topics may carry their category ("order.linear") or not ("order"); rows of another category than
ours are none of our business, whichever it was. `execution.fast` comes earlier than `execution`
and says no fee; a fill is told once, with its fee, so it is read and then only counted.

docs: v5 "WebSocket Stream / Private": Position, Execution, Fast Execution, Order, Wallet, DCP.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from messages.base import Event
from messages.market import Product
from messages.venue import AccountReport, Source
from trading.errors import Garbled
from venues.bybit.codec_frames import UNREADABLE, answer, head_of
from venues.bybit.codec_names import CATEGORY, ns
from venues.bybit.codec_orders import (
    ExecutionRow,
    OrderRow,
    amend_refused,
    fill_report,
    order_report,
)
from venues.bybit.codec_rest import PositionRow, Wallet, balance, position
from venues.wire.frames import Control, Decoded, Frame, Unknown


class _Orders(msgspec.Struct):
    data: list[OrderRow]


class _Executions(msgspec.Struct):
    data: list[ExecutionRow]


class _Positions(msgspec.Struct):
    data: list[PositionRow]


class _Wallets(msgspec.Struct, rename="camel"):
    data: list[Wallet]
    creation_time: int


_ORDERS: Final = msgspec.json.Decoder(_Orders)
_EXECUTIONS: Final = msgspec.json.Decoder(_Executions)
_POSITIONS: Final = msgspec.json.Decoder(_Positions)
_WALLETS: Final = msgspec.json.Decoder(_Wallets)


def read_user_frame(raw: bytes, product: Product, ts_init: int) -> Frame:
    """What one frame of a private connection says.

    raises  Garbled (with the frame) if it is unreadable
    """
    try:
        head = head_of(raw)
        if head is None:
            return Unknown("unnamed")
        if not head.topic:
            return answer(head)
        words = head.topic.split(".")
        kind = ".".join(words[:2]) if words[1:2] == ["fast"] else words[0]
        reader = USER_READERS.get(kind)
        if reader is None:
            return Unknown(kind)
        found = tuple(reader(raw, product, ts_init))
        return Decoded(kind, found) if found else Control(kind)
    except UNREADABLE as e:
        raise Garbled(f"{type(e).__name__}: {str(e).splitlines()[0]}", raw) from e


def _ours(category: str, product: Product) -> bool:
    """Rows that name no category are those of a stream that has only one."""
    return category in ("", CATEGORY[product])


def _order(raw: bytes, product: Product, ts_init: int) -> list[Event]:
    out: list[Event] = []
    for d in _ORDERS.decode(raw).data:
        if _ours(d.category, product):
            report = order_report(d, product, Source.STREAM, ts_init)
            refused = amend_refused(d, report, ts_init)
            out += [event for event in (refused, report) if event is not None]
    return out


def _execution(raw: bytes, product: Product, ts_init: int) -> list[Event]:
    rows = (d for d in _EXECUTIONS.decode(raw).data if _ours(d.category, product))
    found = (fill_report(d, product, Source.STREAM, ts_init) for d in rows)
    return [fill for fill in found if fill is not None]


def _fast(raw: bytes, product: Product, ts_init: int) -> list[Event]:
    _EXECUTIONS.decode(raw)
    return []


def _position(raw: bytes, product: Product, ts_init: int) -> list[Event]:
    rows = (d for d in _POSITIONS.decode(raw).data if _ours(d.category, product))
    return [position(d, product, Source.STREAM, ts_init) for d in rows]


def _wallet(raw: bytes, product: Product, ts_init: int) -> list[Event]:
    frame = _WALLETS.decode(raw)
    balances = tuple(balance(coin) for wallet in frame.data for coin in wallet.coin)
    ts = ns(frame.creation_time)
    report = AccountReport(
        ts_event=ts, ts_init=ts_init, balances=balances, partial=True, source=Source.STREAM
    )
    return [report]


USER_READERS: Final[dict[str, Callable[[bytes, Product, int], list[Event]]]] = {
    "order": _order,
    "execution": _execution,
    "execution.fast": _fast,
    "position": _position,
    "wallet": _wallet,
}
