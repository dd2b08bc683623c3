"""What a feed knows: per instrument its book, bars, recent batches, and when it last heard."""

from collections import deque
from dataclasses import dataclass, field
from typing import Final, Literal, TypeVar

from messages.arrays import Rows
from messages.base import NS_PER_MS, NS_PER_S, InstrumentId
from messages.market import (
    BarBatch,
    Batch,
    BookDeltaBatch,
    FundingBatch,
    Instrument,
    QuoteBatch,
    StreamKind,
    TradeBatch,
)
from trading.bars import Bars
from trading.book import Book
from trading.book_sync import BookSync, Reason
from trading.history import History
from trading.liveness import Pulse
from trading.quality import MarketQuality
from trading.subscriptions import Subscriptions

Stream = StreamKind
StreamBatch = TradeBatch | QuoteBatch | BookDeltaBatch | BarBatch | FundingBatch
INCARNATION_BITS: Final = 32
_B = TypeVar("_B", bound=Batch)


@dataclass(frozen=True, slots=True)
class FeedConfig:
    """How a feed behaves; a part of the run's specification.

    instruments       what it delivers; batches of others are ignored
    incarnation       upper bits of every `sequence`, so a restarted feed is a visible gap
    bar_intervals_ns  bars that it builds itself, from trades
    stale_after_ns    the longest silence that a stream may show, whatever its pace has been; a
                      stream without an entry is not watched
    stale_floor_ns    silence that is no stall, however fast it has been
    check_ns          how often silence is measured
    snapshot_min_ns   least time between two requests for one book
    snapshot_retry_ns time after which an unanswered request is repeated
    ring_batches      batches of trades, quotes and funding that a late subscriber may catch up on
    ring_bars         the same for bars
    buffer_max        diffs that wait for a snapshot
    levels_max        levels that a side of a book keeps
    routes            the connection that each stream comes on; none: this feed has no connections,
                      what it hears comes unasked (tapes)
    wanted            (actor, instrument, stream) that the run's specification has from the start:
                      a feed that was started anew must not wait to be asked
    per_connection    streams that the venue takes on one connection
    lease_ns          how long an actor that says nothing more is taken to want what it asked for
    linger_ns         how long a stream that nobody wants stays open
    books_streamed    whole books come in the stream; else they are answers, and no sign of life
    probes            what is asked over REST about a stream that is silent; none: nothing
    probe_min_ns      least time between two such questions
    rules_min_ns      the same for questions about rules of instruments that somebody doubts
    """

    instruments: tuple[Instrument, ...]
    incarnation: int = 1
    bar_intervals_ns: tuple[int, ...] = (60 * NS_PER_S,)
    stale_after_ns: tuple[tuple[Stream, int], ...] = (("book", 5 * NS_PER_S),)
    stale_floor_ns: int = NS_PER_S
    check_ns: int = 100 * NS_PER_MS
    snapshot_min_ns: int = NS_PER_S
    snapshot_retry_ns: int = 5 * NS_PER_S
    ring_batches: int = 64
    ring_bars: int = 512
    buffer_max: int = 1000
    levels_max: int = 10_000
    routes: tuple[tuple[Stream, str], ...] = ()
    wanted: tuple[tuple[str, InstrumentId, Stream], ...] = ()
    per_connection: int = 1000
    lease_ns: int = 60 * NS_PER_S
    linger_ns: int = 30 * NS_PER_S
    books_streamed: bool = True
    probes: tuple[tuple[Stream, Literal["book", "trades"]], ...] = ()
    probe_min_ns: int = 2 * NS_PER_S
    rules_min_ns: int = 5 * NS_PER_S

    def route(self, stream: str) -> str:
        """The connection that a stream comes on."""
        return next((route for s, route in self.routes if s == stream), "")


class Tracked:
    """One instrument of a feed; updated in place by the core that owns it."""

    def __init__(self, instrument: Instrument, config: FeedConfig) -> None:
        self.instrument = instrument
        self.book = Book(config.levels_max)
        self.sync = BookSync(config.buffer_max)
        self.bars = Bars(config.bar_intervals_ns)
        self.pulses = {s: Pulse(limit, config.stale_floor_ns) for s, limit in config.stale_after_ns}
        self.history = History()
        self.quality = MarketQuality(instrument.instrument_id)
        self.builds_bars = bool(config.bar_intervals_ns)
        self.traded_ns = -1  # when a trade last came in the stream
        self.booked_ns = -1  # when a change of the book last came, in step or not
        self.top: tuple[float, ...] | None = None  # the last quote: bid, size, ask, size
        self.marks: dict[Stream, Rows] = {}  # what a probe found while we knew nothing
        self.asked_ns = -1  # when a snapshot was last asked for; -1 never
        self.awaiting = False  # the request is not answered yet
        self.reason: Reason = "start"
        self._first = config.incarnation << INCARNATION_BITS
        self._sequences: dict[str, int] = {}
        self._rings: dict[str, deque[StreamBatch]] = {}
        self._ring_batches, self._ring_bars = config.ring_batches, config.ring_bars

    @property
    def instrument_id(self) -> InstrumentId:
        return self.instrument.instrument_id

    def sequence(self, kind: str) -> int:
        """Of the last batch of this kind that was sent; the count starts at 1."""
        return self._first + self._sequences.get(kind, 0)

    def stamp(self, batch: _B) -> _B:
        """The batch with the next number of its stream, remembered for late subscribers."""
        kind: str = getattr(batch, "kind", "")
        self._sequences[kind] = self._sequences.get(kind, 0) + 1
        stamped = batch.model_copy(update={"sequence": self.sequence(kind)})
        # A book is replayed whole, so its changes are not kept.
        if isinstance(stamped, TradeBatch | QuoteBatch | BarBatch | FundingBatch):
            size = self._ring_bars if isinstance(stamped, BarBatch) else self._ring_batches
            self._rings.setdefault(kind, deque(maxlen=size)).append(stamped)
        return stamped

    def missed(self, since: dict[str, int]) -> tuple[list[StreamBatch], bool]:
        """Batches after `since` (by stream key) that are still held, and whether that is all."""
        out: list[StreamBatch] = []
        complete = True
        for kind, ring in self._rings.items():
            seen = since.get(f"{kind}:{self.instrument_id}")
            if seen is not None and ring and ring[0].sequence > seen + 1:
                complete = False
            out += ring if seen is None else (b for b in ring if b.sequence > seen)
        return out, complete and not self._forgot(since)

    def _forgot(self, since: dict[str, int]) -> bool:
        """Whether the asker saw an earlier incarnation, which may have said more since then."""
        streams = {f"{k}:{self.instrument_id}" for k in ("trade_batch", "quote_batch", "bar_batch")}
        return any(key in streams and seen < self._first for key, seen in since.items())


@dataclass(slots=True)
class DoubtedRules:
    """What `trading.feed_rules` has to see through.

    doubted   instruments whose rules may be of yesterday, and how often they were asked for since
    repeats   those whose new rules are to be told again, and how often
    asked_ns  when the venue was last asked out of turn; -1 never
    """

    doubted: dict[InstrumentId, int] = field(default_factory=dict)
    repeats: dict[InstrumentId, int] = field(default_factory=dict)
    asked_ns: int = -1


@dataclass(slots=True)
class FeedState:
    """Everything a `FeedCore` knows; passed through `react` once.

    down       connections that are lost
    spoke      when market data last came over each connection
    probed_ns  when a silent stream was last asked about
    reported_ns, reports   when it last said how all its streams are, and how often
    offset_ns  the venue's clock minus ours, as the last event showed it (latency included)
    """

    tracked: dict[InstrumentId, Tracked] = field(default_factory=dict)
    subs: Subscriptions = field(default_factory=Subscriptions)
    rules: DoubtedRules = field(default_factory=DoubtedRules)
    down: set[str] = field(default_factory=set)
    spoke: dict[str, int] = field(default_factory=dict)
    probed_ns: int = -1
    reported_ns: int = -1
    reports: int = 0
    offset_ns: int = 0
    armed_offset_ns: int = 0  # the offset that the bar timer was set with
    ignored: int = 0  # batches of instruments that we do not follow
