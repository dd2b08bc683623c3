"""Market data, always in batches: one typed message holds the rows of one stream of one instrument.

`sequence` counts the batches of one stream from its feed, so a receiver sees a gap; its upper
bits are the feed's incarnation (incarnation * 2**32 + n), so a restarted feed is a visible gap.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from messages.arrays import BAR, DELTA, FUNDING, QUOTE, TRADE, Rows, RowsOf
from messages.base import Command, Event, InstrumentId, NonNegative, Price, Quantity, TsNs, Value


class Batch(Event):
    """Rows of one stream, oldest first; `ts_event` and `ts_init` are those of the last row."""

    instrument_id: InstrumentId
    sequence: int = 0

    @property
    def key(self) -> str:
        return f"{getattr(self, 'kind', '?')}:{self.instrument_id}:{self.sequence}"


class TradeBatch(Batch):
    """Trades as the venue printed them."""

    kind: Literal["trade_batch"] = "trade_batch"
    rows: Annotated[Rows, RowsOf(TRADE)]


class QuoteBatch(Batch):
    """Best bid and ask."""

    kind: Literal["quote_batch"] = "quote_batch"
    rows: Annotated[Rows, RowsOf(QUOTE)]


class BookDeltaBatch(Batch):
    """Changes of an order book, or (`snapshot`) the whole of it.

    `first_seq..last_seq` are the venue's update ids that the rows cover; `prev_seq` is the id
    that the venue says came before (-1 where it does not say). A snapshot replaces the book.
    """

    kind: Literal["book_delta_batch"] = "book_delta_batch"
    snapshot: bool = False
    first_seq: int
    last_seq: int
    prev_seq: int = -1
    rows: Annotated[Rows, RowsOf(DELTA)]


class BarBatch(Batch):
    """Closed bars of one interval; an interval without trades repeats the last close, volume 0."""

    kind: Literal["bar_batch"] = "bar_batch"
    interval_ns: TsNs
    rows: Annotated[Rows, RowsOf(BAR)]


class FundingBatch(Batch):
    """Funding rates of a perpetual."""

    kind: Literal["funding_batch"] = "funding_batch"
    rows: Annotated[Rows, RowsOf(FUNDING)]


class LiquidationBatch(Batch):
    """Positions that the venue closed by force; `aggressor` is the side of the forced order."""

    kind: Literal["liquidation_batch"] = "liquidation_batch"
    rows: Annotated[Rows, RowsOf(TRADE)]


class Product(StrEnum):
    """What a market trades, and so how its account works."""

    SPOT = "SPOT"  # one currency for another
    LINEAR = "LINEAR"  # a perpetual, margined and settled in its quote currency


class Instrument(Value):
    """What may be traded, in which steps, at what cost."""

    instrument_id: InstrumentId
    symbol: str  # the venue's raw name, "BTCUSDT"
    base: str
    quote: str
    price_increment: Price  # tick
    size_increment: Quantity  # lot
    min_quantity: NonNegative
    max_quantity: Quantity
    min_notional: NonNegative
    maker_fee: NonNegative  # fraction of notional
    taker_fee: NonNegative
    product: Product = Product.SPOT
    # Units of base in one unit of the venue's quantity. Our quantities are in base everywhere: only
    # a codec multiplies or divides by it.
    contract_size: Quantity = Decimal(1)


class InstrumentChanged(Event):
    """The venue's rules for an instrument, at start and whenever they change."""

    kind: Literal["instrument_changed"] = "instrument_changed"
    instrument: Instrument


class RulesRequested(Command):
    """Ask the venue for these instruments' rules now: it refused what ours let pass, or they may be
    of yesterday."""

    kind: Literal["rules_requested"] = "rules_requested"
    instrument_ids: tuple[InstrumentId, ...]
    reason: str


class InstrumentStatus(Event):
    """Whether the venue trades an instrument now."""

    kind: Literal["instrument_status"] = "instrument_status"
    instrument_id: InstrumentId
    trading: bool
    reason: str = ""  # the venue's own word


StreamKind = Literal["trades", "quotes", "book", "bars"]


class StreamName(Value):
    """One kind of data of one instrument."""

    instrument_id: InstrumentId
    stream: StreamKind


class StreamState(StrEnum):
    """Where one subscription is."""

    PENDING = "PENDING"  # asked for, or about to be
    ACTIVE = "ACTIVE"  # the venue confirmed it, or it speaks
    PAUSED = "PAUSED"  # its connection is down
    ERROR = "ERROR"  # the venue refused it, or never confirmed it
    UNSUBSCRIBED = "UNSUBSCRIBED"


class ChangeStreams(Command):
    """Ask the venue for these streams, for these anew, and for these no longer."""

    kind: Literal["change_streams"] = "change_streams"
    subscribe: tuple[StreamName, ...] = ()
    again: tuple[StreamName, ...] = ()
    unsubscribe: tuple[StreamName, ...] = ()


class StreamsAnswered(Event):
    """The venue confirmed these subscriptions, or refused them in these words."""

    kind: Literal["streams_answered"] = "streams_answered"
    streams: tuple[StreamName, ...]
    refused: str = ""


class SubscriptionsChanged(Event):
    """Streams of a feed came into this state. `reason` of ERROR: why, and what follows."""

    kind: Literal["subscriptions_changed"] = "subscriptions_changed"
    state: StreamState
    streams: tuple[StreamName, ...]
    reason: str = ""


class ProbeStream(Command):
    """A subscription is silent: ask the venue over REST whether there was something to say."""

    kind: Literal["probe_stream"] = "probe_stream"
    instrument_id: InstrumentId
    stream: StreamKind
    by: Literal["book", "trades"]  # what is asked for
    since_ns: TsNs  # trades from then on, venue's clock


class StreamProbed(Event):
    """What REST says of a silent subscription's market: trades since then, or the best levels.

    asked_ns  `ts_event` of the command
    """

    kind: Literal["stream_probed"] = "stream_probed"
    instrument_id: InstrumentId
    stream: StreamKind
    asked_ns: TsNs
    trades: Annotated[Rows, RowsOf(TRADE)]
    levels: Annotated[Rows, RowsOf(DELTA)]


class FeedStale(Event):
    """A subscription has been silent for longer than its stream allows."""

    kind: Literal["feed_stale"] = "feed_stale"
    instrument_id: InstrumentId
    stream: StreamKind
    silent_ns: TsNs


class FeedRecovered(Event):
    """A stale subscription delivers again, or the venue says that there was nothing to deliver."""

    kind: Literal["feed_recovered"] = "feed_recovered"
    instrument_id: InstrumentId
    stream: StreamKind


class FeedReported(Event):
    """How a feed's streams are, said every second whether it changed or not.

    The way to its receivers may lose `FeedStale` and `FeedRecovered`; this says them again, and its
    own silence says that the feed is gone. What is named in neither list is well.

    number  counts up, over incarnations of the feed too; what bears no later one is out of date
    silent  stale now
    unsure  not heard by this incarnation yet, or wanted by nobody: as they were last said to be
    """

    kind: Literal["feed_reported"] = "feed_reported"
    number: Annotated[int, Field(ge=0)]
    silent: tuple[StreamName, ...] = ()
    unsure: tuple[StreamName, ...] = ()


class RepairStep(StrEnum):
    """What is done about a silent stream, each after the one before did not help."""

    RESUBSCRIBE = "RESUBSCRIBE"
    RECONNECT = "RECONNECT"
    RESTART = "RESTART"  # the feed's process


class RepairStream(Command):
    """A subscription is silent: take this step."""

    kind: Literal["repair_stream"] = "repair_stream"
    instrument_id: InstrumentId
    stream: StreamKind
    step: RepairStep
    silent_ns: TsNs


class HistoryRequested(Command):
    """Trades were missed: ask the venue for those since this time."""

    kind: Literal["history_requested"] = "history_requested"
    instrument_id: InstrumentId
    since_ns: TsNs


class TradeHistory(Event):
    """The venue's trades since `since_ns`, oldest first; `complete` if it still had all of them.

    asked_ns  `ts_event` of the request: an answer to an earlier one ends before a later outage
    """

    kind: Literal["trade_history"] = "trade_history"
    instrument_id: InstrumentId
    asked_ns: TsNs
    since_ns: TsNs
    complete: bool
    rows: Annotated[Rows, RowsOf(TRADE)]


class FeedGap(Event):
    """What a stream said in this time was not heard, and could not be had afterwards."""

    kind: Literal["feed_gap"] = "feed_gap"
    instrument_id: InstrumentId
    stream: Literal["trades"]
    since_ns: TsNs
    until_ns: TsNs


class Anomaly(StrEnum):
    """What may be wrong with market data."""

    PRICE_SPIKE = "PRICE_SPIKE"
    VOLUME_SPIKE = "VOLUME_SPIKE"
    VOLUME_DROP = "VOLUME_DROP"
    SPREAD_WIDENING = "SPREAD_WIDENING"
    STALE_DATA = "STALE_DATA"
    SEQUENCE_GAP = "SEQUENCE_GAP"
    TIMESTAMP_ANOMALY = "TIMESTAMP_ANOMALY"


class QualityAlert(Event):
    """Market data of an instrument began to look wrong; said once until they look right again."""

    kind: Literal["quality_alert"] = "quality_alert"
    instrument_id: InstrumentId
    anomaly: Anomaly
    severity: Annotated[float, Field(ge=0, le=1)]
    expected: float
    actual: float
    text: str

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.instrument_id}:{self.anomaly}@{self.ts_event}"


class SnapshotRequested(Event):
    """The feed lost the book's sequence and needs a whole book from the venue."""

    kind: Literal["snapshot_requested"] = "snapshot_requested"
    instrument_id: InstrumentId
    reason: Literal["start", "gap", "crossed", "overflow"]


class SubscribeFeed(Command):
    """An actor wants these instruments, from the batch after `since` where it has seen some.

    The feed answers with one `FeedReplay` and then sends what happens. `since` pairs a stream
    key ("trade_batch:BTCUSDT.BINANCE") with the last sequence seen. Without `replay` there is no
    answer: the asker lives, and wants them still.
    """

    kind: Literal["subscribe_feed"] = "subscribe_feed"
    asker: str  # actor name
    instrument_ids: tuple[InstrumentId, ...]
    since: tuple[tuple[str, int], ...] = ()
    streams: tuple[StreamKind, ...] = ("book", "trades", "quotes")
    replay: bool = True


class UnsubscribeFeed(Command):
    """An actor wants these instruments no longer; none named: nothing at all."""

    kind: Literal["unsubscribe_feed"] = "unsubscribe_feed"
    asker: str
    instrument_ids: tuple[InstrumentId, ...] = ()


class FeedReplay(Event):
    """What `asker` missed: a whole book per instrument, and other streams since it last looked.

    To be folded without acting. `complete` is False where the feed no longer holds all of it.
    """

    kind: Literal["feed_replay"] = "feed_replay"
    asker: str
    instruments: tuple[Instrument, ...]
    batches: tuple[
        Annotated[
            TradeBatch | QuoteBatch | BookDeltaBatch | BarBatch | FundingBatch,
            Field(discriminator="kind"),
        ],
        ...,
    ]
    complete: bool


MarketEvent = (
    SubscribeFeed
    | UnsubscribeFeed
    | ChangeStreams
    | StreamsAnswered
    | SubscriptionsChanged
    | ProbeStream
    | StreamProbed
    | FeedReplay
    | TradeBatch
    | QuoteBatch
    | BookDeltaBatch
    | BarBatch
    | FundingBatch
    | LiquidationBatch
    | InstrumentChanged
    | RulesRequested
    | InstrumentStatus
    | FeedStale
    | FeedRecovered
    | FeedReported
    | SnapshotRequested
    | QualityAlert
    | RepairStream
    | HistoryRequested
    | TradeHistory
    | FeedGap
)
