"""What supervisors and the reconciler see."""

from enum import StrEnum
from typing import Literal

from messages.base import ClientOrderId, Event, InstrumentId, StrategyId, TsNs


class ChildStarted(Event):
    """An actor serves; `incarnation` is 1 at its first start."""

    kind: Literal["child_started"] = "child_started"
    actor: str
    incarnation: int
    pid: int
    node: str


class ChildDied(Event):
    """An actor's process ended."""

    kind: Literal["child_died"] = "child_died"
    actor: str
    incarnation: int
    reason: str
    crashed: bool


class Escalated(Event):
    """A team restarted too often and gave up; at the root this means HALT."""

    kind: Literal["escalated"] = "escalated"
    team: str
    reason: str


class DiscrepancyKind(StrEnum):
    """How our view and the venue's differ."""

    STATUS_MISMATCH = "STATUS_MISMATCH"
    FILLED_QTY_MISMATCH = "FILLED_QTY_MISMATCH"
    AVG_PX_MISMATCH = "AVG_PX_MISMATCH"
    ORPHAN_ORDER = "ORPHAN_ORDER"  # at the venue, unknown to us
    MISSING_AT_VENUE = "MISSING_AT_VENUE"  # ours, unknown to the venue
    MISSED_FILL = "MISSED_FILL"
    POSITION_MISMATCH = "POSITION_MISMATCH"
    BALANCE_MISMATCH = "BALANCE_MISMATCH"
    APPROVAL_MISMATCH = "APPROVAL_MISMATCH"  # another order approved under an id that is taken


class Action(StrEnum):
    """What the reconciler did about it."""

    NONE = "NONE"
    UPDATE_LOCAL = "UPDATE_LOCAL"  # hand the evidence to the order manager
    QUERY = "QUERY"  # ask the venue by id before deciding
    CANCEL_ORPHAN = "CANCEL_ORPHAN"
    FREEZE = "FREEZE"  # REDUCING until a person resumes
    MANUAL = "MANUAL"


class Discrepancy(Event):
    """One difference between our books and the venue's, and what was done."""

    kind: Literal["discrepancy"] = "discrepancy"
    discrepancy: DiscrepancyKind
    action: Action
    subject: str  # what it is about: a client order id, "position:BTCUSDT.BINANCE", "balance:USDT"
    ours: str
    venues: str
    cause: str
    instrument_id: InstrumentId | None = None
    client_order_id: ClientOrderId | None = None
    strategy_id: StrategyId | None = None


class DiscrepancyResolved(Event):
    """The two views agree again about `subject`."""

    kind: Literal["discrepancy_resolved"] = "discrepancy_resolved"
    discrepancy: DiscrepancyKind
    subject: str
    open_ns: TsNs


class ReconcileCompleted(Event):
    """One cycle ended."""

    kind: Literal["reconcile_completed"] = "reconcile_completed"
    cycle: int
    found: int
    resolved: int
    open: int


HealthMessage = (
    ChildStarted | ChildDied | Escalated | Discrepancy | DiscrepancyResolved | ReconcileCompleted
)
