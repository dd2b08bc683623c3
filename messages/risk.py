"""Limits, and the permission to trade."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from messages.base import Command, Event, InstrumentId, Quantity, TsNs, Value


class TradingState(StrEnum):
    """What the account may do: trade, only reduce exposure, or only cancel."""

    ACTIVE = "ACTIVE"
    REDUCING = "REDUCING"
    HALTED = "HALTED"


class InstrumentLimits(Value):
    """Limits of one instrument."""

    instrument_id: InstrumentId
    max_order_notional: Quantity  # quote currency
    max_position: Quantity  # base currency, worst case over working and UNKNOWN orders
    price_collar_bps: Annotated[int, Field(gt=0)] = 500  # from the touch a limit would cross


class RiskLimits(Value):
    """What the risk checker enforces."""

    instruments: tuple[InstrumentLimits, ...]
    max_orders: Annotated[int, Field(gt=0)] = 50  # per window, account-wide
    rate_window_ns: TsNs = 1_000_000_000
    stale_after_ns: TsNs = 5_000_000_000


class SetTradingState(Command):
    """Change what the account may do. Durable: it survives every restart."""

    kind: Literal["set_trading_state"] = "set_trading_state"
    state: TradingState
    reason: str
    operator: str  # who: "cli", "supervisor", "reconciler"


class KillSwitch(Command):
    """Halt, and cancel every working order."""

    kind: Literal["kill_switch"] = "kill_switch"
    reason: str
    operator: str


class TradingStateChanged(Event):
    """The account's permission changed, and why."""

    kind: Literal["trading_state_changed"] = "trading_state_changed"
    state: TradingState
    reason: str
    operator: str


RiskMessage = SetTradingState | KillSwitch | TradingStateChanged
