"""What one WebSocket frame decodes to, whichever venue sent it."""

from dataclasses import dataclass

from messages.base import Event
from venues.wire.piece import Piece


@dataclass(frozen=True, slots=True)
class Decoded:
    """A frame that carries messages, oldest first."""

    kind: str  # the venue's own name of the frame: "depthUpdate", "executionReport", "books"
    messages: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Control:
    """A frame that we know and that carries no message: an acknowledgement, an open kline.

    detail  for an error, the venue's code and words
    """

    kind: str
    request_id: int | str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A readable frame of a kind that we do not know; counted by kind, never fatal."""

    kind: str


Frame = Decoded | Control | Unknown
Read = Piece | tuple[Piece, ...] | Frame
"""Market data comes unjoined, for a caller that joins several frames; one frame may hold several
rows or instruments."""
