"""What every message shares: immutability, a tag, a version, two times, two ids, exact units.

A Command asks exactly one owner to do something and may be refused.
An Event states a fact that already happened; nobody may refuse it.

`ts_event` is when it happened (for a command: when it was decided), `ts_init` when this process
learned it. `correlation_id` names the decision that a chain of messages belongs to (the client
order id for everything in an order's life); `causation_id` is the `key` of the message that led
directly to this one. Both are pure functions of their inputs: two runs give the same ids.
"""

from decimal import Decimal
from typing import Annotated, Final, Literal, NewType

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION: Final = 1
NS_PER_S: Final = 1_000_000_000
NS_PER_MS: Final = 1_000_000

RunId = NewType("RunId", str)
StrategyId = NewType("StrategyId", str)  # "TREND-001"
ClientOrderId = NewType("ClientOrderId", str)  # <= 32 of [0-9A-Za-z]: valid on every venue
VenueOrderId = NewType("VenueOrderId", str)
TradeId = NewType("TradeId", str)
InstrumentId = NewType("InstrumentId", str)  # "BTCUSDT.BINANCE", never a bare venue symbol
Price = Annotated[Decimal, Field(gt=0)]  # quote currency per unit of base
Quantity = Annotated[Decimal, Field(gt=0)]  # base currency
NonNegative = Annotated[Decimal, Field(ge=0)]
TsNs = Annotated[int, Field(ge=0)]  # nanoseconds since the Unix epoch, UTC


class Value(BaseModel):
    """An immutable part of a message: no tag and no times of its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Message(Value):
    """An immutable, versioned value; the only thing actors exchange."""

    v: Literal[1] = SCHEMA_VERSION
    ts_event: TsNs
    ts_init: TsNs
    correlation_id: str = ""
    causation_id: str = ""

    @property
    def key(self) -> str:
        """What names this message in a `causation_id`; unique within a run for order messages."""
        return f"{getattr(self, 'kind', '?')}@{self.ts_event}"


class Command(Message):
    """A request with one owner; the owner answers with events."""


class Event(Message):
    """A fact, named in the past tense."""
