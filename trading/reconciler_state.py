"""What the reconciler is told once, and what it remembers. Nothing of it is durable."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from immutables import Map

from messages.base import NS_PER_S, ClientOrderId, InstrumentId, StrategyId
from messages.market import Instrument
from messages.risk import TradingState
from messages.venue import FillReport, OrderReport
from trading.account import VenueKey
from trading.balances import Ledger
from trading.cases import Cases
from trading.discrepancies import Tolerance
from trading.tracked import Tracked

RECONCILE: Final = "reconcile"
JUDGE: Final = "judge"
ACCOUNT: Final = "account"
POSITIONS: Final = "positions"
CURRENCY: Final = "currency:"  # whose cases are about what the venue holds


@dataclass(frozen=True, slots=True)
class ReconcilerConfig:
    """How often to look, how long to wait, what to dare."""

    instruments: Mapping[InstrumentId, Instrument]
    asker: str = "reconciler"  # this actor's name
    incarnation: int = 0  # of this actor: only a snapshot that answers this one counts
    interval_ns: int = 5 * NS_PER_S
    grace_ns: int = 2 * NS_PER_S  # how late messages may be without anything being wrong
    fast_after_ns: int = 3 * NS_PER_S  # balances are checked this long after a fill; 0: never
    timeout_ns: int = 30 * NS_PER_S  # a question this old is asked again
    strikes: int = 3  # cycles that a difference may survive before trading is reduced
    cancel_orphans: bool = False  # of somebody else's
    owners: Mapping[str, StrategyId] = field(default_factory=dict)  # whose ids are ours: see ids
    rebase_balances: bool = True  # accept an unexplained balance once it has been reported
    retain_ns: int = 60 * NS_PER_S  # how long an ended order is remembered
    retained_max: int = 10_000  # ended orders, the oldest go first
    unclaimed_max: int = 2_000  # fills of orders that we do not know (yet)
    tolerance: Tolerance = field(default_factory=Tolerance)


@dataclass(frozen=True, slots=True)
class FillsCursor:
    """How far the fills of one instrument are known."""

    since: int = 0  # the next list begins here: one list back, in case the venue shows them late
    last: int = 0  # highest trade id seen
    since_ns: int = 0  # the same two by the venue's time
    last_ns: int = 0
    ts_pages: int = 0  # when the first page of the present list was asked for
    ts_known: int = -1  # all fills up to this time are known


@dataclass(frozen=True, slots=True)
class Claim:
    """A position as the order manager states it, and as its fills add up to."""

    stated: Decimal
    folded: Decimal


@dataclass(frozen=True, slots=True)
class ReconcilerState:
    """Both sides' pictures, the differences between them, and the questions under way."""

    synced: bool = False
    trading_state: TradingState = TradingState.ACTIVE
    orders: Map[ClientOrderId, Tracked] = field(default_factory=Map)
    by_venue_id: Map[VenueKey, ClientOrderId] = field(default_factory=Map)
    orphans: Map[VenueKey, OrderReport] = field(default_factory=Map)
    unclaimed: tuple[FillReport, ...] = ()  # oldest first
    fills: Map[InstrumentId, FillsCursor] = field(default_factory=Map)
    claims: Map[str, Claim] = field(default_factory=Map)
    ledger: Ledger = field(default_factory=Ledger)
    cases: Cases = field(default_factory=Map)
    asked: Map[str, int] = field(default_factory=Map)  # question -> when
    cycle: int = 0
    running: bool = False  # a cycle has begun and not completed
    found: int = 0  # in this cycle
    resolved: int = 0
    failures: int = 0  # questions without an answer, ever
    judge_at: int = 0  # when the JUDGE timer is due; 0: not set
    checking: bool = False  # the ACCOUNT timer is set
    frozen: bool = False  # we asked for REDUCING, and nobody has resumed since
    ts_last: int = 0
    skew_ns: int = 0  # what the clock has jumped back in total: our time only goes forward
