"""What one WebSocket frame decodes to, whichever venue sent it."""

import msgspec

from messages.base import Event
from venues.wire.piece import Piece


class Decoded(msgspec.Struct, frozen=True):
    """A frame that carries messages, oldest first."""

    kind: str  # the venue's own name of the frame: "depthUpdate", "executionReport", "books"
    messages: tuple[Event, ...]


class Control(msgspec.Struct, frozen=True):
    """A frame that we know and that carries no message: an acknowledgement, an open kline.

    detail  for an error, the venue's code and words
    """

    kind: str
    request_id: int | str | None = None
    detail: str = ""


class Unknown(msgspec.Struct, frozen=True):
    """A readable frame of a kind that we do not know; counted by kind, never fatal."""

    kind: str


Frame = Decoded | Control | Unknown
Read = Piece | tuple[Piece, ...] | Frame
"""Market data comes unjoined, for a caller that joins several frames; one frame may hold several
rows or instruments."""
