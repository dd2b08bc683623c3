"""The vocabulary: every message the system can say, and its one wire form (JSON bytes).

`Any message` is a closed union told apart by `kind`. The journal, the links between actors and
the command line all use `encode` and `decode`; nothing else is ever written or sent.
"""

from typing import Annotated, TypeAlias, get_args

from pydantic import Field, TypeAdapter, ValidationError

from messages.accounts import AccountMessage
from messages.base import Command, Event, Message
from messages.control import ControlMessage
from messages.health import HealthMessage
from messages.market import MarketEvent
from messages.orders import OrderCommand, OrderEvent
from messages.risk import RiskMessage
from messages.venue import AccountCommand, VenueEvidence, VenueQuery

AnyMessage: TypeAlias = (
    MarketEvent
    | OrderCommand
    | OrderEvent
    | VenueQuery
    | AccountCommand
    | VenueEvidence
    | AccountMessage
    | RiskMessage
    | ControlMessage
    | HealthMessage
)
_ADAPTER: TypeAdapter[AnyMessage] = TypeAdapter(Annotated[AnyMessage, Field(discriminator="kind")])
KINDS: dict[str, type[Message]] = {t.model_fields["kind"].default: t for t in get_args(AnyMessage)}


def encode(message: Message) -> bytes:
    """One message as JSON bytes. About 2 us, plus 1 ns a byte of rows."""
    return message.__pydantic_serializer__.to_json(message)


def decode(raw: bytes) -> Message:
    """Inverse of `encode`; raises pydantic.ValidationError on anything that is not a message."""
    return _ADAPTER.validate_json(raw)


__all__ = [
    "KINDS",
    "AnyMessage",
    "Command",
    "Event",
    "Message",
    "ValidationError",
    "decode",
    "encode",
]
