"""What one actor counts and measures, for Prometheus: a registry of its own, no globals.

Everything on the hot path is a counter or one histogram observation a batch, never a tick; label
children are cached, and each family has a bound on them. Gauges are set when somebody looks:
`exposition` first calls the `refresh` that the shell gave.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, Generic, TypeVar, cast

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from messages import Message, market, orders, venue
from messages.accounts import Position
from messages.base import NS_PER_MS, NS_PER_S, InstrumentId
from trading.links import Frame, Links
from trading.machine import Effects

M = TypeVar("M", bound=Counter | Gauge | Histogram)
_CHILDREN_MAX: Final = 256
_OTHER: Final = "other"
_SECONDS: Final = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.002, 0.003, 0.005, 0.008, 0.0125, 0.025, 0.04),
    *(0.08, 0.15, 0.3, 0.6, 1.0, 2.5, 5.0, 10.0),
)
_SIZES: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
# Compared by type(): `isinstance` of pydantic's classes costs as much as the counting.
_BATCHES: Final = frozenset(
    {
        market.TradeBatch,
        market.QuoteBatch,
        market.BookDeltaBatch,
        market.BarBatch,
        market.FundingBatch,
    }
)
_CODED: Final = frozenset({orders.RefusedOrder, orders.OrderDenied})
# The series "when was this made" of every counter doubles a page and answers nobody's question.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]


class Family(Generic[M]):
    """One metric with its label children cached; beyond `children_max` they are all "other"."""

    def __init__(self, metric: M, children_max: int = _CHILDREN_MAX) -> None:
        self.metric = metric
        self._children: dict[tuple[str, ...], M] = {}
        self._children_max = children_max

    def __call__(self, *labels: str) -> M:
        child = self._children.get(labels)
        return child if child is not None else self._new(labels)

    def clear(self) -> None:
        """Forget all children: gauges of things that may be gone."""
        self.metric.clear()
        self._children.clear()

    def _new(self, labels: tuple[str, ...]) -> M:
        if len(self._children) >= self._children_max:
            labels = (_OTHER,) * len(labels)
        child = self._children[labels] = cast(M, self.metric.labels(*labels))
        return child


@dataclass(slots=True)
class Views:
    """What gauges show; a shell fills one in when somebody looks. None: leave as it was."""

    mailbox: int = 0
    mailbox_dropped: int = 0  # since the start of this incarnation
    orders: Mapping[str, int] | None = None  # status -> how many
    positions: Iterable[Position] | None = None
    marks: Mapping[InstrumentId, Decimal] = field(default_factory=dict)
    links: Links | None = None
    peers: Iterable[str] = ()
    quality: Mapping[InstrumentId, float] = field(default_factory=dict)  # of market data, 0 to 1
    streams: Mapping[str, int] | None = None  # of a feed: state of the subscription -> how many
    clock: Mapping[str, Any] | None = None  # the venue's, see `timekeeping.clock_view`


class ActorMetrics:
    """The metrics of one incarnation of one actor."""

    def __init__(
        self,
        run_id: str,
        actor: str,
        role: str,
        incarnation: int = 1,
        refresh: Callable[[], Views] | None = None,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.registry = CollectorRegistry()
        self.actor = actor
        self.refresh = refresh
        self._now_ns = now_ns
        self._define()
        self._info(run_id, role, str(incarnation)).set(1)
        self._restarts.inc(incarnation - 1)
        self._incarnation.set(incarnation)
        self._last_ns: dict[tuple[str, str], int] = {}  # (stream, instrument) -> newest ts_init
        self._dropped = 0

    # --- the hot path -------------------------------------------------------------------------

    def handled(self, message: Message, now_ns: int) -> None:
        """Count a message that this actor is about to handle."""
        said: Any = message  # told apart by type, see _BATCHES
        self._handled(said.kind).inc()
        sort = type(message)
        if sort in _BATCHES:
            self._batch(said, now_ns)
        elif sort is venue.RequestFailed:
            self._failures(said.request.lower(), f"acted_{said.acted.lower()}").inc()
        elif sort is venue.RequestRefused:
            self._failures(said.request.lower(), "refused").inc()

    def _batch(self, batch: Any, now_ns: int) -> None:
        rows = len(batch.rows)
        self._rows(batch.kind).inc(rows)
        self._batch_rows.observe(rows)
        self._lag(batch.kind).observe(max(now_ns - batch.ts_init, 0) / NS_PER_S)
        self._last_ns[batch.kind, batch.instrument_id] = batch.ts_init

    def said(self, message: Message) -> None:
        """Count a message that this actor says, once however many hear it."""
        said: Any = message  # told apart by type, see _BATCHES
        self._said(said.kind).inc()
        sort = type(message)
        if sort in _CODED:
            self._refusals(said.code).inc()
        elif sort is orders.OrderRejected:
            self._rejections(said.code).inc()
        elif sort is market.QualityAlert:
            self._anomalies(said.instrument_id, said.anomaly).inc()

    def carried_out(self, effects: Effects) -> None:
        """Count what a step said, to peers, the venue and the journal keeper."""
        before: Message | None = None
        for packet in effects.packets:
            if isinstance(packet, Frame) and packet.message is not before:
                before = packet.message
                self.said(before)
        for message in (*effects.venue, *effects.notes):
            self.said(message)

    def drained(self, messages: int) -> None:
        """The pump took this many messages from the mailbox at once."""
        self._drained.observe(messages)

    def arriving(self, frame: Frame, links: Links) -> None:
        """Count `frame` if it repeats what we have; call before the machine handles it."""
        if frame.seq and links.cursor(frame.sender) >= (frame.session, frame.seq):
            self._duplicates(frame.sender).inc()

    def resent(self, frames: Iterable[object]) -> None:
        """Count frames that are sent again."""
        for frame in frames:
            if isinstance(frame, Frame):
                self._resends(frame.to).inc()

    # --- timings --------------------------------------------------------------------------------

    def journal_synced(self, seconds: float, rows: int = 0) -> None:
        """One transaction is on disk."""
        self._sync.observe(seconds)
        self._journaled.inc(rows)

    def risk_judged(self, seconds: float) -> None:
        """One intent was approved or refused."""
        self._verdict.observe(seconds)

    def venue_answered(self, request: str, seconds: float) -> None:
        """The venue answered a request, whatever it said."""
        self._requests(request.lower()).observe(seconds)

    # --- for scrapers ---------------------------------------------------------------------------

    def exposition(self) -> bytes:
        """All metrics in the text format, as of now."""
        if self.refresh is not None:
            self._show(self.refresh())
        now_ns = self._now_ns()
        for stream, last_ns in self._last_ns.items():
            self._staleness(*stream).set(max(now_ns - last_ns, 0) / NS_PER_S)
        return generate_latest(self.registry)

    def _show(self, views: Views) -> None:
        self._mailbox.set(views.mailbox)
        self._mailbox_dropped.inc(max(views.mailbox_dropped - self._dropped, 0))
        self._dropped = max(views.mailbox_dropped, self._dropped)
        if views.orders is not None:
            self._orders.clear()  # a status without orders has no series
            for status, count in views.orders.items():
                self._orders(status).set(count)
        if views.streams is not None:
            self._streams.clear()
            for state, count in views.streams.items():
                self._streams(state).set(count)
        if views.clock is not None:
            self._clock_offset(views.clock["venue"]).set(views.clock["offset_ms"] / 1000)
            self._clock_trip(views.clock["venue"]).set(views.clock["round_trip_ms"] / 1000)
        if views.links is not None:
            for peer in views.peers:
                self._unacked(peer).set(views.links.unacked(peer))
        for instrument_id, score in views.quality.items():
            self._quality(instrument_id).set(score)
        for position in views.positions or ():
            self._show_position(position, views.marks.get(position.instrument_id))

    def _show_position(self, position: Position, mark: Decimal | None) -> None:
        whose = (position.strategy_id, position.instrument_id)
        self._position(*whose).set(float(position.quantity))
        self._realized(*whose).set(float(position.realized_pnl))
        self._commissions(*whose).set(float(position.commissions))
        if mark is not None or not position.quantity:
            gain = position.quantity * ((mark or position.avg_px) - position.avg_px)
            self._unrealized(*whose).set(float(gain))

    # --- the families ---------------------------------------------------------------------------

    def _define(self) -> None:
        self._info = self._gauge("manta_actor_info", "What this is.", "run", "role", "incarnation")
        self._incarnation = self._one(Gauge, "manta_actor_incarnation", "Starts of this actor.")
        self._restarts = self._one(Counter, "manta_actor_restarts_total", "Starts after the first.")
        self._define_messages()
        self._define_market()
        self._define_orders()
        self._define_account()

    def _define_messages(self) -> None:
        self._handled = self._counter("manta_messages_handled_total", "Messages handled.", "kind")
        self._said = self._counter("manta_messages_said_total", "Messages said.", "kind")
        self._drained = self._one(
            Histogram, "manta_mailbox_batch_messages", "Messages taken at once.", _SIZES
        )
        self._mailbox = self._one(Gauge, "manta_mailbox_messages", "Messages waiting.")
        self._mailbox_dropped = self._one(
            Counter, "manta_mailbox_dropped_total", "Messages dropped because it was full."
        )
        self._resends = self._counter("manta_link_resends_total", "Messages sent again.", "peer")
        self._duplicates = self._counter(
            "manta_link_duplicates_total", "Messages that had come before.", "peer"
        )
        self._unacked = self._gauge(
            "manta_link_unacknowledged_messages", "Messages not acknowledged yet.", "peer"
        )

    def _define_market(self) -> None:
        self._rows = self._counter("manta_market_events_total", "Rows of market batches.", "kind")
        self._batch_rows = self._one(
            Histogram, "manta_market_batch_rows", "Rows of one market batch.", _SIZES
        )
        self._lag = self._histogram(
            "manta_market_lag_seconds", "Age of a market batch when it is handled.", "kind"
        )
        self._staleness = self._gauge(
            "manta_feed_staleness_seconds", "Time since the last batch.", "stream", "instrument"
        )
        self._quality = self._gauge(
            "manta_market_quality_score", "Quality of market data, 1 is faultless.", "instrument"
        )
        self._anomalies = self._counter(
            "manta_market_anomalies_total", "Anomalies that began.", "instrument", "anomaly"
        )
        self._streams = self._gauge("manta_feed_streams", "Subscriptions by state.", "state")
        self._clock_offset = self._gauge(
            "manta_venue_clock_offset_seconds", "How far the venue is ahead of us.", "venue"
        )
        self._clock_trip = self._gauge(
            "manta_venue_round_trip_seconds", "What the newest question for its time took.", "venue"
        )

    def _define_orders(self) -> None:
        self._orders = self._gauge("manta_orders", "Orders by status.", "status")
        self._refusals = self._counter(
            "manta_order_refusals_total", "Orders that we refused or denied.", "code"
        )
        self._rejections = self._counter(
            "manta_order_rejections_total", "Orders that the venue rejected.", "code"
        )
        self._verdict = self._one(
            Histogram, "manta_risk_verdict_seconds", "Time to judge one intent.", _SECONDS
        )
        self._sync = self._one(
            Histogram, "manta_journal_sync_seconds", "Time to make one batch durable.", _SECONDS
        )
        self._journaled = self._one(Counter, "manta_journal_rows_total", "Journal rows written.")
        self._requests = self._histogram(
            "manta_venue_request_seconds", "Time until the venue answered.", "request"
        )
        self._failures = self._counter(
            "manta_venue_request_failures_total", "Requests refused or failed.", "request", "how"
        )

    def _define_account(self) -> None:
        whose = ("strategy", "instrument")
        self._position = self._gauge("manta_position_quantity", "Net position, base.", *whose)
        self._realized = self._gauge(
            "manta_pnl_realized", "Realized profit, quote currency, before commissions.", *whose
        )
        self._unrealized = self._gauge(
            "manta_pnl_unrealized", "Unrealized profit, quote currency.", *whose
        )
        self._commissions = self._gauge("manta_commissions", "Paid, quote currency.", *whose)

    def _one(self, metric: Any, name: str, about: str, buckets: tuple[float, ...] = ()) -> Any:
        more: dict[str, Any] = {"buckets": buckets} if buckets else {}
        return metric(name, about, registry=self.registry, **more)

    def _counter(self, name: str, about: str, *labels: str) -> Family[Counter]:
        return Family(Counter(name, about, labels, registry=self.registry))

    def _gauge(self, name: str, about: str, *labels: str) -> Family[Gauge]:
        return Family(Gauge(name, about, labels, registry=self.registry))

    def _histogram(self, name: str, about: str, *labels: str) -> Family[Histogram]:
        return Family(Histogram(name, about, labels, registry=self.registry, buckets=_SECONDS))


# --- percentiles for the summary ------------------------------------------------------------------

_SUB_BITS: Final = 5
_SUB: Final = 1 << _SUB_BITS


class LatencyBuckets:
    """Counts of latencies in buckets 1/32 of their size wide: p50 and p99 within 1.6 %.

    A few hundred numbers at most, whatever is observed; those of several actors add up.
    """

    def __init__(self, counts: Mapping[int, int] | None = None) -> None:
        self._counts: dict[int, int] = dict(counts or {})

    def __len__(self) -> int:
        return sum(self._counts.values())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LatencyBuckets) and self._counts == other._counts

    __hash__ = None  # type: ignore[assignment]  # mutable

    def add_ns(self, latency_ns: int, count: int = 1) -> None:
        """Observe a latency; a negative one (two hosts' clocks differ) counts as 0."""
        value = max(latency_ns, 0)
        shift = max(value.bit_length() - _SUB_BITS - 1, 0)
        bucket = (shift << _SUB_BITS) + (value >> shift)
        self._counts[bucket] = self._counts.get(bucket, 0) + count

    def merged(self, other: "LatencyBuckets") -> "LatencyBuckets":
        """Both together."""
        both = dict(self._counts)
        for bucket, count in other._counts.items():
            both[bucket] = both.get(bucket, 0) + count
        return LatencyBuckets(both)

    def percentile_ms(self, part: float) -> float | None:
        """The latency that `part` (0 to 1) of all stay within; None if there are none."""
        rank = part * len(self)
        seen = 0
        for bucket in sorted(self._counts):
            seen += self._counts[bucket]
            if seen >= rank:
                return _middle_ns(bucket) / NS_PER_MS
        return None

    def to_json(self) -> dict[str, int]:
        """As plain data."""
        return {str(bucket): count for bucket, count in sorted(self._counts.items())}

    @classmethod
    def from_json(cls, plain: Mapping[str, int]) -> "LatencyBuckets":
        """Inverse of `to_json`."""
        return cls({int(bucket): count for bucket, count in plain.items()})


def _middle_ns(bucket: int) -> float:
    if bucket < 2 * _SUB:
        return float(bucket)
    shift = (bucket >> _SUB_BITS) - 1
    low = (bucket - (shift << _SUB_BITS)) << shift
    return low + (1 << shift) / 2
