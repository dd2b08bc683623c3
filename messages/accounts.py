"""Positions and accounts as we hold them, and the snapshot that brings a new actor up to date."""

from decimal import Decimal
from typing import Literal

from messages.base import (
    ClientOrderId,
    Command,
    Event,
    InstrumentId,
    NonNegative,
    StrategyId,
    Value,
    VenueOrderId,
)
from messages.orders import OrderSpec
from messages.risk import TradingState
from messages.venue import Balance


class Position(Value):
    """Net position of one strategy in one instrument (weighted average cost)."""

    instrument_id: InstrumentId
    strategy_id: StrategyId
    quantity: Decimal  # signed: > 0 long, < 0 short
    avg_px: NonNegative  # 0 when flat
    realized_pnl: Decimal  # quote currency, before commissions
    commissions: Decimal  # quote currency; negative is a rebate


class OrderView(Value):
    """One order as the order manager holds it."""

    order: OrderSpec
    status: str  # an OrderStatus of trading.orders
    filled_qty: NonNegative
    avg_px: NonNegative
    venue_order_id: VenueOrderId | None = None

    @property
    def client_order_id(self) -> ClientOrderId:
        return self.order.client_order_id

    @property
    def leaves_qty(self) -> Decimal:
        return self.order.quantity - self.filled_qty


class SyncRequest(Command):
    """A fresh actor asks the order manager for everything; later events follow in order."""

    kind: Literal["sync_request"] = "sync_request"
    asker: str  # actor name
    incarnation: int = 0  # of the asker


class AccountSnapshot(Event):
    """The order manager's whole view, addressed to the actor that asked."""

    kind: Literal["account_snapshot"] = "account_snapshot"
    asker: str
    incarnation: int = 0  # of the request: an answer to an earlier incarnation is not an answer
    trading_state: TradingState
    orders: tuple[OrderView, ...]  # every order that is not closed
    positions: tuple[Position, ...]
    balances: tuple[Balance, ...]


class OrderKnown(Event):
    """An approval came for an order that the order manager has: where that order is by now."""

    kind: Literal["order_known"] = "order_known"
    view: OrderView
    closed: bool


class PositionChanged(Event):
    """A fill moved a position."""

    kind: Literal["position_changed"] = "position_changed"
    position: Position


AccountMessage = SyncRequest | AccountSnapshot | OrderKnown | PositionChanged
