"""What a venue looks like on its wire: the one contract that each venue folder fulfils.

Pure: no socket, no clock, no chance. Time comes in as the venue's nanoseconds, bytes come in and go
out. `venues/net` drives an adapter over real sockets, tests drive it by hand; both see the same
code. One adapter is one product of one venue (OKX swaps), because products of one venue differ in
paths, fields and rules. docs/venues.md says how a venue is added.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from messages.base import NS_PER_MS, NS_PER_S, Command, Event, InstrumentId
from messages.market import BookDeltaBatch, Instrument, Product
from messages.venue import AccountReport, FillReport, OrderReport
from venues.wire.asked import Asked
from venues.wire.frames import Read
from venues.wire.keys import Keys
from venues.wire.limits import Cost, LimitRule
from venues.wire.pending import Pending
from venues.wire.request import Answer, HttpRequest, WireRequest

Instruments = Mapping[InstrumentId, Instrument]


class Channel(StrEnum):
    """A kind of market data that may be subscribed to."""

    BOOK = "BOOK"
    TRADES = "TRADES"
    QUOTES = "QUOTES"
    BARS = "BARS"
    FUNDING = "FUNDING"  # mark price and funding rate
    LIQUIDATIONS = "LIQUIDATIONS"
    STATUS = "STATUS"  # instrument rules and trading status


@dataclass(frozen=True, slots=True)
class Subscription:
    """One stream of one instrument; `interval_ns` of BARS only."""

    instrument_id: InstrumentId
    channel: Channel
    interval_ns: int = 0


class SnapshotBy(StrEnum):
    """How a whole book is had once its sequence is lost."""

    REST = "REST"  # one question, merged with the stream by sequence
    RESUBSCRIBE = "RESUBSCRIBE"  # the stream begins with it


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where the venue is: "https://...", "wss://..." without a trailing slash; a simulator has its
    own. `private` is the address of the user stream."""

    rest: str
    public: str
    private: str


@dataclass(frozen=True, slots=True)
class Ping:
    """What keeps a quiet connection open: `text` after `every_s` without a frame. Empty: protocol
    pings are enough."""

    every_s: float
    text: bytes = b""


class MarketSession(ABC):
    """One market-data connection without its socket; made anew for each connection.

    It may hold what the venue counts by connection (sequence numbers, books of texts for a
    checksum), so it must hear every frame, in order.
    """

    ping: Ping
    send_gap_s: float = 0.0  # between two frames that we send: venues count those
    pending: Pending[Subscription]  # what was asked for and is not answered; made with the session

    @abstractmethod
    def path(self) -> str:
        """Path and query to connect to, after the endpoint's address."""

    @abstractmethod
    def subscribe(self, wanted: Sequence[Subscription]) -> tuple[bytes, ...]:
        """Frames that ask for these streams; at most what the venue takes in one frame each."""

    @abstractmethod
    def unsubscribe(self, unwanted: Sequence[Subscription]) -> tuple[bytes, ...]:
        """Frames that end these streams."""

    @abstractmethod
    def heard(self, raw: bytes, ts_init: int) -> Read:
        """What one frame says. A refused subscription is Control("error", request id, reason);
        which subscriptions an answer confirms or refuses goes to `pending`.

        A book that can no longer be followed (gap, bad checksum) shows as a batch that does not
        continue the one before, so that whoever keeps the book asks for a whole one.
        raises  Garbled
        """


@dataclass(frozen=True, slots=True)
class Heard:
    """What one frame of a user stream led to.

    events   evidence, oldest first; StreamUp once everything is subscribed
    send     frames to send now
    problem  why the connection must be left ("" to stay)
    """

    events: tuple[Event, ...] = ()
    send: tuple[bytes, ...] = ()
    problem: str = ""


class UserSession(ABC):
    """One private connection without its socket; made anew for each connection. What it asks over
    REST goes through the adapter's `sign` and `cost`, which know what needs a signature.

    before    asked over REST before connecting (a listen key); None: nothing
    renew     asked over REST every `renew_s` seconds; None: nothing
    up_when_open  the connection itself is the subscription: nothing will say that it is made
    """

    ping: Ping
    before: WireRequest | None = None
    renew: WireRequest | None = None
    renew_s: float = 0.0
    up_when_open: bool = False

    @abstractmethod
    def path(self, answer: Answer | None) -> str:
        """Path and query to connect to; `answer` is that to `before`.

        raises  Garbled if it cannot be read, Refused if the venue said no
        """

    @abstractmethod
    def opened(self, venue_ns: int) -> tuple[bytes, ...]:
        """Frames to send first: sign-in, or the subscription where that signs itself."""

    @abstractmethod
    def heard(self, raw: bytes, ts_init: int, venue_ns: int) -> Heard:
        """What one frame says.

        raises  Garbled: something happened that nobody was told, so the stream must be left
        """

    def due(self, venue_ns: int) -> tuple[bytes, ...]:
        """Frames to send because time has passed (a sign-in that expires); asked every second."""
        return ()


class Adapter(ABC):
    """One product of one venue."""

    venue: str  # "OKX": what follows the dot of an instrument id
    product: Product
    endpoints: Endpoints
    needs_passphrase: bool = False
    snapshot_by: SnapshotBy = SnapshotBy.RESUBSCRIBE
    channels: frozenset[Channel]  # those the venue has
    # What a user stream tells; fills that it does not tell are asked for.
    told: frozenset[type[Event]] = frozenset({OrderReport, FillReport, AccountReport})
    routes: tuple[str, ...] = ("",)  # kinds of market-data connections, where there are several
    streams_max: int = 1000  # subscriptions that one market-data connection takes
    quotes_at_trades: bool = False  # quotes come when something trades, not when they change
    bar_intervals: Mapping[int, str]  # interval in ns -> the venue's name of it
    limits: tuple[LimitRule, ...]
    clock_codes: frozenset[str] = frozenset()  # refusals that say that our time is wrong
    # Refusals by a rule of the instrument (tick, lot, bounds, least worth): the code, and where it
    # says other things too, words of which one must be there, in small letters.
    rule_codes: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    ahead_ns: int = NS_PER_S  # how far ahead of the venue's clock it still takes a signed time
    listed_ns: int = 0  # how long a new order may be missing from the venue's answers

    def about_rules(self, code: str, reason: str) -> bool:
        """Whether a refusal of an order says that its price or size breaks the instrument's rules.

        One that the account's stream tells has no code, and the venue's word as its reason.
        """
        said = next((c for c in (code, code.partition("_")[0], reason) if c in self.rule_codes), "")
        words = self.rule_codes.get(said)
        return words is not None and (not words or any(w in reason.lower() for w in words))

    # --- names ---------------------------------------------------------------------------------

    @abstractmethod
    def instrument_id(self, symbol: str) -> InstrumentId:
        """Our name of the venue's symbol."""

    @abstractmethod
    def symbol(self, instrument_id: InstrumentId) -> str:
        """The venue's symbol; raises ValueError if the instrument is not of this product."""

    # --- requests ------------------------------------------------------------------------------

    @abstractmethod
    def request_of(self, command: Command, instruments: Instruments) -> WireRequest:
        """The request that carries a command out.

        raises  Refused (before anything is sent) for what the venue does not have: a product
                without reduce-only, an amend that it cannot do; the text says which
        """

    @abstractmethod
    def cost(self, wire: WireRequest) -> Cost:
        """What a request takes from the venue's limits, and how urgent it is."""

    @abstractmethod
    def sign(
        self, wire: WireRequest, keys: Keys, venue_ns: int, recv_window_ms: int
    ) -> HttpRequest:
        """The request as it is sent, signed with this time and valid for `recv_window_ms`
        from it; `venue_ns` is a whole number of milliseconds."""

    def expires_ns(self, wire: WireRequest, venue_ns: int, recv_window_ms: int) -> int:
        """Venue time from which the venue refuses what `sign` signed with `venue_ns` as too old."""
        return venue_ns + recv_window_ms * NS_PER_MS

    @abstractmethod
    def unsigned(self, wire: WireRequest) -> HttpRequest:
        """A public request as it is sent."""

    @abstractmethod
    def read_answer(self, answer: Answer, asked: Asked) -> tuple[Event, ...]:
        """Evidence in an answer of any status; the last event is the answer itself.

        raises  Garbled
        """

    @abstractmethod
    def next_page(self, wire: WireRequest, answer: Answer) -> WireRequest | None:
        """The request for what did not fit into this answer, or is kept elsewhere (untriggered
        orders); None if that was all.

        raises  Garbled
        """

    def follow_up(self, wire: WireRequest, answer: Answer) -> WireRequest | None:
        """Another request without which a command is not done or not answered: how an order is by
        now where its cancel was only acknowledged, an order among those of another kind. Asked
        of answers that have no pages; None: this answer is the last word."""
        return None

    @abstractmethod
    def retry_after_ns(self, answer: Answer) -> int:
        """How long the venue wants to hear nothing from us; 0 unless it throttles."""

    def throttled(self, wire: WireRequest, answer: Answer) -> tuple[str, ...]:
        """Names of the limits that a throttled answer is about: what else takes from them must be
        silent too. None at all: the venue wants to hear nothing whatever from this address."""
        return ()

    # --- public questions ----------------------------------------------------------------------

    @abstractmethod
    def ask_time(self) -> WireRequest:
        """The venue's clock."""

    @abstractmethod
    def read_time(self, body: bytes) -> int:
        """Nanoseconds; raises Garbled, Refused."""

    @abstractmethod
    def ask_instruments(self) -> WireRequest:
        """What may be traded."""

    @abstractmethod
    def read_instruments(self, body: bytes) -> tuple[Instrument, ...]:
        """Those that trade now, with the fees of an account without discounts; raises Garbled,
        Refused."""

    @abstractmethod
    def ask_book(self, instrument_id: InstrumentId) -> WireRequest:
        """A whole book."""

    @abstractmethod
    def read_book(self, body: bytes, instrument: Instrument, ts_init: int) -> BookDeltaBatch:
        """raises Garbled, Refused"""

    @abstractmethod
    def ask_trades(self, instrument_id: InstrumentId, since_ns: int) -> WireRequest:
        """Public trades since a time, in whichever order of pages the venue has; `next_page` goes
        on until `since_ns` of the request is reached. Ids are those of the trade stream."""

    @abstractmethod
    def ask_bars(self, instrument_id: InstrumentId, interval_ns: int, since_ns: int) -> WireRequest:
        """Closed bars since a time."""

    @abstractmethod
    def read_history(
        self, body: bytes, wire: WireRequest, instrument: Instrument, ts_init: int
    ) -> tuple[Event, ...]:
        """Batches of one page of `ask_trades` or `ask_bars`, oldest row first, without bars
        that are still open; raises Garbled, Refused."""

    # --- streams -------------------------------------------------------------------------------

    def route_of(self, wanted: Subscription) -> str:
        """Which of `routes` a stream comes on."""
        return self.routes[0]

    @abstractmethod
    def market_session(self, instruments: Instruments, route: str) -> MarketSession:
        """For one new connection of one route; `instruments` may grow while it lives."""

    @abstractmethod
    def user_session(self, keys: Keys, instruments: Instruments) -> UserSession:
        """For one new connection."""
