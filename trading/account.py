"""Everything durable about one account: what the order manager's journal folds to."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from immutables import Map

from messages.base import NS_PER_S, ClientOrderId, InstrumentId, StrategyId, VenueOrderId
from messages.market import Instrument
from messages.risk import TradingState
from messages.venue import Balance
from trading.positions import PositionBook
from trading.shelf import Orders

# Venues may number the orders of each instrument by themselves, as Binance does.
VenueKey = tuple[InstrumentId, VenueOrderId]


@dataclass(frozen=True, slots=True)
class OrderManagerConfig:
    """What the order manager needs to know of the account.

    instruments  as the run began. Of these a fold uses only what a venue never changes: which there
                 are, and their currencies. What it does change is in `Books.rules`
    """

    instruments: Mapping[InstrumentId, Instrument]
    owners: Mapping[str, StrategyId] = field(default_factory=dict)  # whose ids are ours: see ids
    recv_window_ns: int = 5 * NS_PER_S
    # How much older than the signed time of its question "no such order" is told as of.
    clock_margin_ns: int = 1 * NS_PER_S
    ask_after_ns: int = 1 * NS_PER_S  # how long an answer is awaited before (re-)asking
    timer_ns: int = NS_PER_S // 2
    shelve_after_ns: int = 2 * NS_PER_S  # a closed order this old goes to the shelf

    @property
    def update_ends_ns(self) -> int:
        """How long a request to change an order may still be carried out."""
        return self.recv_window_ns + self.clock_margin_ns


@dataclass(frozen=True, slots=True)
class Question:
    """Something to ask until an answer is here (see `trading.catch_up`)."""

    keys: tuple[str, ...] = ()  # of the messages that asked: an answer names one of them
    ts_asked: int = 0
    tries: int = 0
    seen: int = 0  # of fills: the highest trade id that the stream has told meanwhile
    seen_ns: int = 0  # and the venue's latest time of them


@dataclass(frozen=True, slots=True)
class Books:
    """Orders, positions, balances and the permission to trade."""

    orders: Orders = field(default_factory=Orders)
    open: tuple[ClientOrderId, ...] = ()  # not closed, in order of arrival
    by_venue_id: Map[VenueKey, ClientOrderId] = field(default_factory=Map)
    renamed: Map[VenueKey, ClientOrderId] = field(default_factory=Map)  # of those, by ids they had
    positions: PositionBook = field(default_factory=Map)
    balances: Map[str, Balance] = field(default_factory=Map)
    last_trade: Map[InstrumentId, int] = field(default_factory=Map)  # all fills up to it are known
    last_fill_ns: Map[InstrumentId, int] = field(default_factory=Map)  # the same, by venue time
    catch_up: Map[str, Question] = field(default_factory=Map)  # by name
    # Rules that the feed has told: for the connections, which count some quantities in contracts.
    rules: Map[InstrumentId, Instrument] = field(default_factory=Map)
    trading_state: TradingState = TradingState.ACTIVE
    stream_up: bool = False
    fills: int = 0
