"""The feed: decoded market messages in, synchronised and numbered batches out.

Books are kept in step by `trading.book_sync`; bars are built from trades; silence is judged by
`trading.feed_watch`, and what is asked of the venue kept by `trading.subscriptions`. A venue may
have several connections: what one of them loses is lost for its streams alone, and bars wait for
the one that brings their trades. Bars close by the venue's clock, which the feed follows from the
events themselves, so a venue that is a little slow, or a recording that plays at twenty times the
speed, closes its bars where its own trades say. Timers only close what no trade closes.
"""

from typing import Final

from messages import Message
from messages.arrays import Rows
from messages.base import NS_PER_MS, NS_PER_S
from messages.control import TimerFired
from messages.market import (
    BarBatch,
    BookDeltaBatch,
    FundingBatch,
    InstrumentChanged,
    QuoteBatch,
    RulesRequested,
    SnapshotRequested,
    StreamProbed,
    StreamsAnswered,
    SubscribeFeed,
    TradeBatch,
    TradeHistory,
    UnsubscribeFeed,
)
from messages.venue import StreamDown, StreamUp
from trading import feed_rules, feed_seam, feed_streams, feed_watch
from trading.book_sync import Reason, SyncState
from trading.core import Step
from trading.feed_replay import replay
from trading.feed_state import FeedConfig, FeedState, Stream, StreamBatch, Tracked
from trading.feed_streams import timer as _timer
from trading.history import TRIES, Seam
from trading.subscriptions import StreamChange, StreamKey, SubscriptionLimits, Subscriptions

_BARS: Final = "bars"
_STALE: Final = "stale"
_SNAPSHOT: Final = "snapshot:"
_OFFSET_NEWS_NS: Final = NS_PER_S

STREAMS: Final[tuple[Stream, ...]] = ("book", "trades", "quotes", "bars")

Out = tuple[Message, ...]


class FeedCore:
    """Core of a feed actor. See `FeedConfig` for what it can be told."""

    def __init__(self, config: FeedConfig) -> None:
        self._config = config
        self._routes = dict(config.routes)

    def start(self) -> FeedState:
        tracked = [Tracked(i, self._config) for i in self._config.instruments]
        limits = SubscriptionLimits(
            per_connection=self._config.per_connection,
            # Its reports are what those who want streams answer: without, nobody can be missed.
            lease_ns=self._config.lease_ns if self._config.stale_after_ns else 0,
            linger_ns=self._config.linger_ns,
        )
        subs = Subscriptions(limits, dict(self._config.routes))
        return FeedState({t.instrument_id: t for t in tracked}, subs)

    def resume(self, state: FeedState, now_ns: int) -> Step[FeedState]:
        out: list[Message] = [*feed_rules.begin(self._config, state, now_ns)]
        for t in state.tracked.values():
            for pulse in t.pulses.values():
                pulse.expect(now_ns)
            out += self._ask(t, "start", now_ns)
        if self._config.routes:
            out += feed_streams.begin(self._config, state, now_ns)
        if self._config.stale_after_ns:
            out.append(_timer(_STALE, now_ns + self._config.check_ns, now_ns))
        return Step(state, (*out, *self._arm_bars(state, now_ns)))

    def react(self, state: FeedState, message: Message, now_ns: int) -> Step[FeedState]:
        out: Out = ()
        if isinstance(message, BookDeltaBatch | TradeBatch | QuoteBatch | FundingBatch | BarBatch):
            out = self._market(state, message, now_ns)
        elif isinstance(message, TimerFired):
            out = self._timer_fired(state, message.name, now_ns)
        elif isinstance(message, SubscribeFeed):
            answer = (replay(state, message, now_ns),) if message.replay else ()
            out = (*self._wanted(state, message, now_ns), *answer)
        elif isinstance(message, UnsubscribeFeed):
            out = self._unwanted(state, message, now_ns)
        elif isinstance(message, StreamDown):
            out = self._down(state, message.route, now_ns)
        elif isinstance(message, StreamUp):
            out = self._up(state, message.route, now_ns)
        elif isinstance(message, StreamsAnswered):
            out = self._answered(state, message, now_ns)
        elif isinstance(message, StreamProbed):
            out = feed_watch.probed(self._config, state, message, now_ns)
        elif isinstance(message, TradeHistory):
            out = self._filled(state, message, now_ns)
        elif isinstance(message, InstrumentChanged):
            out = feed_rules.told(self._config, state, message, now_ns)
        elif isinstance(message, RulesRequested):
            wanted, why = message.instrument_ids, message.reason
            out = feed_rules.doubt(self._config, state, wanted, why, now_ns)
        return Step(state, out)

    # --- market data ---------------------------------------------------------------------------

    def _market(self, state: FeedState, batch: StreamBatch, now_ns: int) -> Out:
        t = state.tracked.get(batch.instrument_id)
        if t is None:
            state.ignored += 1
            return ()
        alerts = t.quality.on(batch, now_ns)
        out = self._read(state, t, batch, now_ns)
        return (*alerts, *out) if alerts else out

    def _read(self, state: FeedState, t: Tracked, batch: StreamBatch, now_ns: int) -> Out:
        if isinstance(batch, BookDeltaBatch):
            moved = () if batch.snapshot else self._clock(state, batch.ts_event, now_ns)
            return (*moved, *self._book(state, t, batch, now_ns))
        if isinstance(batch, TradeBatch):
            t.traded_ns = now_ns
            moved = self._clock(state, batch.ts_event, now_ns)
            came = self._came(state, t, "trades", batch, now_ns)
            return (*moved, *came, *self._live(t, batch, now_ns))
        if isinstance(batch, QuoteBatch):
            if len(batch.rows):
                t.top = batch.rows[-1].item()[2:]
            return (*self._came(state, t, "quotes", batch, now_ns), t.stamp(batch))
        if isinstance(batch, BarBatch):
            # The venue's own bars of an interval that we build would be told twice.
            if batch.interval_ns in self._config.bar_intervals_ns:
                return ()
            return (*self._came(state, t, "bars", batch, now_ns), t.stamp(batch))
        return (t.stamp(batch),)

    def _came(
        self, state: FeedState, t: Tracked, stream: Stream, batch: StreamBatch, now_ns: int
    ) -> Out:
        """A stream spoke: it holds, and its connection lives."""
        state.spoke[self._routes.get(stream, "")] = now_ns
        out: Out = ()
        if stream == "book":
            t.booked_ns = now_ns
        if self._routes:
            changes = state.subs.heard(t.instrument_id, stream, now_ns, len(batch.rows))
            if changes:
                held = self._holds(t, stream, now_ns)
                out = (*feed_streams.told(changes, now_ns), *held)
        pulse = t.pulses.get(stream)
        if pulse is None or (stream == "book" and t.sync.state is not SyncState.SYNCHRONIZED):
            return out  # a book that is not in step is no progress
        # What an earlier incarnation called stale over its connections, this one has to call well.
        first = bool(self._routes) and not pulse.count and self._config.incarnation > 1
        recovered = pulse.heard(now_ns)
        if recovered or first:
            out += feed_watch.recovered(t, stream, now_ns)
            if recovered and stream == "trades" and self._routes and not t.history.filling:
                t.history.hold()  # what was traded while it was silent may have been lost
                out += self._seam(t, now_ns)
        return out

    def _live(self, t: Tracked, batch: TradeBatch, now_ns: int) -> Out:
        rows, ask = t.history.live(batch.rows, now_ns)
        if rows is None:
            return feed_seam.ask(self._config, t, now_ns) if ask else ()
        if rows is not batch.rows:
            batch = batch.model_copy(update={"rows": rows})
        return self._trades(t, batch, now_ns)

    def _trades(self, t: Tracked, batch: TradeBatch, now_ns: int) -> Out:
        t.history.told(batch.rows)
        closed = t.bars.on_trades(batch.rows, now_ns)
        return (t.stamp(batch), *(self._bar(t, i, rows, now_ns) for i, rows in closed))

    def _book(self, state: FeedState, t: Tracked, batch: BookDeltaBatch, now_ns: int) -> Out:
        if batch.snapshot:
            t.awaiting = False
        synced = t.sync.offer(batch)
        out: list[Message] = []
        if self._config.books_streamed or not batch.snapshot:
            out += self._came(state, t, "book", batch, now_ns)
        for ready in synced.ready:
            t.book.apply(ready.rows, ready.snapshot)
            if t.book.crossed:
                t.sync.lose()
                t.book.clear()
                return (*out, *self._ask(t, "crossed", now_ns))
            out.append(t.stamp(ready))
        if synced.request is not None:
            t.book.clear()
            out += self._ask(t, synced.request, now_ns)
        return tuple(out)

    def _ask(self, t: Tracked, reason: Reason, now_ns: int) -> Out:
        """Ask for a whole book, at most once per `snapshot_min_ns`; a timer sees it through."""
        t.reason = reason
        if t.awaiting:
            return ()
        t.awaiting = True
        earliest = t.asked_ns + self._config.snapshot_min_ns
        name = _SNAPSHOT + t.instrument_id
        if t.asked_ns >= 0 and now_ns < earliest:
            return (_timer(name, earliest, now_ns),)
        t.asked_ns = now_ns
        request = SnapshotRequested(
            ts_event=now_ns, ts_init=now_ns, instrument_id=t.instrument_id, reason=reason
        )
        return (request, _timer(name, now_ns + self._config.snapshot_retry_ns, now_ns))

    # --- connections and subscriptions ---------------------------------------------------------

    def _on(self, state: FeedState, route: str) -> list[tuple[Tracked, Stream]]:
        """The streams that come over a connection."""
        carried = [s for s in STREAMS if self._routes.get(s, "") == route]
        return [(t, s) for t in state.tracked.values() for s in carried]

    def _down(self, state: FeedState, route: str, now_ns: int) -> Out:
        """What its streams say is missed from here on."""
        state.down.add(route)
        for t, stream in self._on(state, route):
            feed_streams.lost(t, stream)
        if not self._routes:
            return ()
        return feed_streams.told(state.subs.down(route, now_ns), now_ns)

    def _up(self, state: FeedState, route: str, now_ns: int) -> Out:
        """A connection is made; where nothing says which streams hold, all of them do."""
        state.down.discard(route)
        if self._routes:
            changes = state.subs.up(route, now_ns)
            return (*feed_streams.told(changes, now_ns), *feed_streams.due(state, now_ns))
        return tuple(
            m for t, stream in self._on(state, route) for m in self._holds(t, stream, now_ns)
        )

    def _holds(self, t: Tracked, stream: Stream, now_ns: int) -> Out:
        """From now on a stream brings everything: what came before it can be asked for."""
        pulse = t.pulses.get(stream)
        if pulse is not None:
            pulse.expect(now_ns)
        if stream == "trades":
            return self._seam(t, now_ns)
        if stream == "book" and t.sync.state is not SyncState.SYNCHRONIZED:
            t.awaiting = False
            return self._ask(t, "start", now_ns)
        return ()

    def _answered(self, state: FeedState, answer: StreamsAnswered, now_ns: int) -> Out:
        out: list[Message] = []
        changes: list[StreamChange] = []
        if not answer.streams:
            out.append(feed_streams.unnamed(answer, now_ns))
        for name in answer.streams:
            key, t = StreamKey(name.instrument_id, name.stream), state.tracked[name.instrument_id]
            if answer.refused:
                changes += state.subs.refused(key, answer.refused, now_ns)
                continue
            changed = state.subs.confirmed(key, now_ns)
            changes += changed
            out += self._holds(t, name.stream, now_ns) if changed else ()
        told = feed_streams.told(changes, now_ns)
        return (*told, *out, *feed_streams.due(state, now_ns))

    def _wanted(self, state: FeedState, asked: SubscribeFeed, now_ns: int) -> Out:
        return feed_streams.subscribe(state, asked, now_ns) if self._routes else ()

    def _unwanted(self, state: FeedState, asked: UnsubscribeFeed, now_ns: int) -> Out:
        return feed_streams.unsubscribe(state, asked, now_ns) if self._routes else ()

    # --- what a lost stream did not bring --------------------------------------------------------

    def _seam(self, t: Tracked, now_ns: int) -> Out:
        return feed_seam.ask(self._config, t, now_ns) if t.history.begin(now_ns) else ()

    def _filled(self, state: FeedState, history: TradeHistory, now_ns: int) -> Out:
        t = state.tracked.get(history.instrument_id)
        since = t.history.last_ns if t is not None else -1
        found = t.history.answer(history.rows, history.asked_ns) if t is not None else None
        if t is None or found is None:
            return ()  # it came after we gave it up, or does not reach up to the last outage
        rows, hole_ns = found
        out = self._merged(t, rows, now_ns)
        if not history.complete:
            out += (feed_seam.gap(t, since, history.rows, now_ns),)
        if hole_ns >= 0:
            out += (feed_seam.gap(t, hole_ns, rows[rows["ts_event"] > hole_ns], now_ns),)
        if t.history.filling:  # it does not reach up to the live trades yet
            soon = now_ns + self._config.snapshot_min_ns
            return (*out, _timer(feed_seam.HISTORY + t.instrument_id, soon, now_ns))
        return (*out, *self._close_bars(state, now_ns))

    def _history_late(self, t: Tracked, now_ns: int) -> Out:
        if t.history.seam is not Seam.ASKED:
            return ()
        if t.history.tries < TRIES:
            return feed_seam.ask(self._config, t, now_ns)
        since = t.history.last_ns
        rows = t.history.give_up()
        return (feed_seam.gap(t, since, rows, now_ns), *self._merged(t, rows, now_ns))

    def _merged(self, t: Tracked, rows: Rows, now_ns: int) -> Out:
        batch = feed_seam.batch(t, rows, now_ns)
        return () if batch is None else self._trades(t, batch, now_ns)

    # --- time ----------------------------------------------------------------------------------

    def _timer_fired(self, state: FeedState, name: str, now_ns: int) -> Out:
        if name == _BARS:
            return self._close_bars(state, now_ns)
        if name == _STALE:
            again = _timer(_STALE, now_ns + self._config.check_ns, now_ns)
            return (*feed_watch.check(self._config, state, now_ns), again)
        if name == feed_streams.STREAMS:
            return feed_streams.due(state, now_ns)
        if name == feed_rules.RULES:
            return feed_rules.due(self._config, state, now_ns)
        for t in state.tracked.values():
            if name == feed_seam.HISTORY + t.instrument_id:
                return self._history_late(t, now_ns)
            if name == _SNAPSHOT + t.instrument_id:
                lost = self._routes.get("book", "") in state.down
                if t.sync.state is SyncState.SYNCHRONIZED or lost:
                    return ()
                t.awaiting = False
                return self._ask(t, t.reason, now_ns)
        return ()

    def _clock(self, state: FeedState, ts_event: int, now_ns: int) -> Out:
        """Follow the venue's clock; a leap of it moves the bar timer."""
        state.offset_ns = ts_event - now_ns
        if abs(state.offset_ns - state.armed_offset_ns) < _OFFSET_NEWS_NS:
            return ()
        return self._arm_bars(state, now_ns)

    def _arm_bars(self, state: FeedState, now_ns: int) -> Out:
        closes = [t.bars.next_close(now_ns + state.offset_ns) for t in state.tracked.values()]
        due = min((c for c in closes if c is not None), default=None)
        if due is None:
            return ()
        state.armed_offset_ns = state.offset_ns
        local = max(due - state.offset_ns, now_ns + NS_PER_MS)
        return (_timer(_BARS, local, now_ns),)

    def _close_bars(self, state: FeedState, now_ns: int) -> Out:
        out: list[Message] = []
        for t in state.tracked.values():
            pulse = t.pulses.get("trades")
            silent = pulse is not None and pulse.stale
            if t.history.filling or silent or self._routes.get("trades", "") in state.down:
                continue  # the trades that belong into these bars are still to come
            closed = t.bars.on_time(now_ns + state.offset_ns, now_ns)
            out += (self._bar(t, interval, rows, now_ns) for interval, rows in closed)
        return (*out, *self._arm_bars(state, now_ns))

    def _bar(self, t: Tracked, interval_ns: int, rows: Rows, now_ns: int) -> BarBatch:
        batch = BarBatch(
            ts_event=int(rows["ts_event"][-1]),
            ts_init=now_ns,
            instrument_id=t.instrument_id,
            interval_ns=interval_ns,
            rows=rows,
        )
        return t.stamp(batch)
