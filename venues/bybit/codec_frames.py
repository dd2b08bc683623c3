"""One WebSocket frame -> what it is. No socket and no clock: `ts_init` is an argument.

A frame of a stream names its topic; everything else answers something that we sent.

docs: v5 "WebSocket / Connect" (subscribe, ping, auth and their answers).
"""

from typing import Final

import msgspec
from pydantic import ValidationError

from trading.errors import Garbled
from venues.bybit.codec_market import READERS, Memory
from venues.wire.frames import Control, Frame, Read, Unknown

UNREADABLE: Final = (
    msgspec.DecodeError,
    ValidationError,
    ValueError,
    ArithmeticError,
    UnicodeDecodeError,
    IndexError,
)


class Head(msgspec.Struct):
    """The fields that tell kinds apart. `success` and `ret_msg` are those of answers; the trade
    socket and some gateways write `retCode` and `retMsg`."""

    topic: str = ""
    op: str = ""
    success: bool | None = None
    ret_msg: str = ""
    retCode: int | None = None  # noqa: N815 - Bybit's name
    retMsg: str = ""  # noqa: N815 - Bybit's name
    req_id: str | None = None

    @property
    def refused(self) -> bool:
        return self.success is False or self.retCode not in (None, 0)

    @property
    def said(self) -> str:
        """Why an answer says no, in the venue's words."""
        text = self.ret_msg or self.retMsg
        return f"{self.retCode}: {text}" if self.retCode else text


_HEAD: Final = msgspec.json.Decoder(Head)


def head_of(raw: bytes) -> Head | None:
    """The fields that tell kinds apart; None for JSON of another shape.

    raises  msgspec.DecodeError if it is not JSON at all
    """
    try:
        return _HEAD.decode(raw)
    except msgspec.ValidationError:
        msgspec.json.decode(raw)
        return None


def read_frame(raw: bytes, memory: Memory, ts_init: int) -> Read:
    """What one frame of a public connection says.

    raises  Garbled (with the frame) if it is unreadable
    """
    try:
        head = head_of(raw)
        if head is None:
            return Unknown("unnamed")
        if not head.topic:
            return answer(head)
        kind = head.topic.partition(".")[0]
        reader = READERS.get(kind)
        return reader(raw, memory, ts_init) if reader is not None else Unknown(kind)
    except UNREADABLE as e:
        raise Garbled(f"{type(e).__name__}: {str(e).splitlines()[0]}", raw) from e


def answer(head: Head) -> Frame:
    """What an answer to something that we sent says."""
    if head.op in ("ping", "pong") or head.ret_msg == "pong":
        return Control("pong", head.req_id)
    if head.refused:
        return Control("error", head.req_id, head.said)
    return Control(head.op, head.req_id) if head.op else Unknown("unnamed")
