"""The feed: decoded market messages in, synchronised and numbered batches out.

Books are kept in step by `trading.book_sync`; bars are built from trades; silence is measured
per stream. Bars close by the venue's clock, which the feed follows from the events themselves, so
a venue that is a little slow, or a recording that plays at twenty times the speed, closes its
bars where its own trades say. Timers only close what no trade closes.
"""

from typing import Any, Final

from messages import Message
from messages.arrays import Rows
from messages.base import NS_PER_MS, NS_PER_S
from messages.control import SetTimer, TimerFired
from messages.market import (
    BarBatch,
    BookDeltaBatch,
    FeedGap,
    FeedRecovered,
    FeedReplay,
    FeedStale,
    FundingBatch,
    HistoryRequested,
    InstrumentChanged,
    QuoteBatch,
    RepairStream,
    SnapshotRequested,
    SubscribeFeed,
    TradeBatch,
    TradeHistory,
)
from messages.venue import StreamDown, StreamUp
from trading.book_sync import Reason, SyncState
from trading.core import Step
from trading.feed_state import FeedConfig, FeedState, Stream, StreamBatch, Tracked
from trading.history import TRIES

_BARS: Final = "bars"
_STALE: Final = "stale"
_SNAPSHOT: Final = "snapshot:"
_HISTORY: Final = "history:"
# The venue's clock moved this much against ours: the bar timer no longer points where it should.
_OFFSET_NEWS_NS: Final = NS_PER_S

Out = tuple[Message, ...]


class FeedCore:
    """Core of a feed actor. See `FeedConfig` for what it can be told."""

    def __init__(self, config: FeedConfig) -> None:
        self._config = config

    def start(self) -> FeedState:
        tracked = [Tracked(i, self._config) for i in self._config.instruments]
        return FeedState({t.instrument_id: t for t in tracked})

    def resume(self, state: FeedState, now_ns: int) -> Step[FeedState]:
        out: list[Message] = []
        for t in state.tracked.values():
            for pulse in t.pulses.values():
                pulse.expect(now_ns)
            out.append(InstrumentChanged(ts_event=now_ns, ts_init=now_ns, instrument=t.instrument))
            out += self._ask(t, "start", now_ns)
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
            out = (_replay(state, message, now_ns),)
        elif isinstance(message, StreamDown):
            out = self._down(state)
        elif isinstance(message, StreamUp):
            out = self._up(state, now_ns)
        elif isinstance(message, TradeHistory):
            out = self._filled(state, message, now_ns)
        elif isinstance(message, InstrumentChanged):
            t = state.tracked.get(message.instrument.instrument_id)
            if t is not None and t.instrument != message.instrument:
                t.instrument = message.instrument
                out = (message,)
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
            return (*moved, *self._book(t, batch, now_ns))
        if isinstance(batch, TradeBatch):
            moved = self._clock(state, batch.ts_event, now_ns)
            if t.history.filling:
                t.history.wait(batch.rows)
                return moved
            return (*moved, *self._trades(t, batch, now_ns))
        if isinstance(batch, QuoteBatch):
            return self._send(t, "quotes", batch, now_ns)
        if isinstance(batch, BarBatch):
            # The venue's own bars of an interval that we build would be told twice.
            ours = batch.interval_ns in self._config.bar_intervals_ns
            return () if ours else self._send(t, "bars", batch, now_ns)
        return (t.stamp(batch),)

    def _trades(self, t: Tracked, batch: TradeBatch, now_ns: int) -> Out:
        t.history.told(batch.rows)
        closed = t.bars.on_trades(batch.rows, now_ns)
        sent = self._send(t, "trades", batch, now_ns)
        return (*sent, *(m for i, rows in closed for m in self._bar(t, i, rows, now_ns)))

    def _send(self, t: Tracked, stream: Stream, batch: StreamBatch, now_ns: int) -> Out:
        pulse = t.pulses.get(stream)
        if pulse is None or not pulse.heard(now_ns):
            return (t.stamp(batch),)
        recovered = FeedRecovered(
            ts_event=now_ns, ts_init=now_ns, instrument_id=t.instrument_id, stream=stream
        )
        return (recovered, t.stamp(batch))

    def _book(self, t: Tracked, batch: BookDeltaBatch, now_ns: int) -> Out:
        if batch.snapshot:
            t.awaiting = False
        synced = t.sync.offer(batch)
        out: list[Message] = []
        for ready in synced.ready:
            t.book.apply(ready.rows, ready.snapshot)
            if t.book.crossed:
                t.sync.lose()
                t.book.clear()
                return (*out, *self._ask(t, "crossed", now_ns))
            out += self._send(t, "book", ready, now_ns)
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

    def _down(self, state: FeedState) -> Out:
        """Changes are missed from here on: no book is known until the stream is back."""
        state.connected = False
        for t in state.tracked.values():
            t.sync.lose()
            t.book.clear()
            t.quality.disconnected()
        return ()

    def _up(self, state: FeedState, now_ns: int) -> Out:
        state.connected = True
        out: list[Message] = []
        for t in state.tracked.values():
            for pulse in t.pulses.values():
                pulse.expect(now_ns)
            if t.history.begin(now_ns):
                out += self._ask_history(t, now_ns)
            if t.sync.state is not SyncState.SYNCHRONIZED:
                t.awaiting = False
                out += self._ask(t, "start", now_ns)
        return tuple(out)

    # --- what a lost stream did not bring --------------------------------------------------------

    def _ask_history(self, t: Tracked, now_ns: int) -> Out:
        """Ask for the trades since the last one; a timer sees it through."""
        t.history.tries += 1
        wanted = HistoryRequested(
            ts_event=now_ns,
            ts_init=now_ns,
            instrument_id=t.instrument_id,
            since_ns=t.history.last_ns,
        )
        due = now_ns + self._config.snapshot_retry_ns
        return (wanted, _timer(_HISTORY + t.instrument_id, due, now_ns))

    def _filled(self, state: FeedState, history: TradeHistory, now_ns: int) -> Out:
        t = state.tracked.get(history.instrument_id)
        if t is None or not t.history.filling or history.asked_ns < t.history.up_ns:
            return ()  # it came after we gave it up, or does not reach up to the last outage
        since = t.history.last_ns
        out = self._merged(t, t.history.merge(history.rows), now_ns)
        return out if history.complete else (*out, self._gap(t, since, history.rows, now_ns))

    def _history_late(self, t: Tracked, now_ns: int) -> Out:
        if not t.history.filling:
            return ()
        if t.history.tries < TRIES:
            return self._ask_history(t, now_ns)
        since = t.history.last_ns
        rows = t.history.give_up()
        return (self._gap(t, since, rows, now_ns), *self._merged(t, rows, now_ns))

    def _merged(self, t: Tracked, rows: Rows, now_ns: int) -> Out:
        if not len(rows):
            return ()
        rows["ts_init"] = now_ns
        batch = TradeBatch(
            ts_event=int(rows["ts_event"][-1]),
            ts_init=now_ns,
            instrument_id=t.instrument_id,
            rows=rows,
        )
        return self._trades(t, batch, now_ns)

    @staticmethod
    def _gap(t: Tracked, since_ns: int, rows: Rows, now_ns: int) -> FeedGap:
        """Nobody knows what happened between `since_ns` and the first of `rows`."""
        until = int(rows["ts_event"][0]) if len(rows) else now_ns
        return FeedGap(
            ts_event=now_ns,
            ts_init=now_ns,
            instrument_id=t.instrument_id,
            stream="trades",
            since_ns=since_ns,
            until_ns=until,
        )

    # --- time ----------------------------------------------------------------------------------

    def _timer_fired(self, state: FeedState, name: str, now_ns: int) -> Out:
        if name == _BARS:
            return self._close_bars(state, now_ns)
        if name == _STALE:
            return self._check_silence(state, now_ns)
        for t in state.tracked.values():
            if name == _HISTORY + t.instrument_id:
                return self._history_late(t, now_ns)
            if name == _SNAPSHOT + t.instrument_id:
                if t.sync.state is SyncState.SYNCHRONIZED or not state.connected:
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
            if t.history.filling or not state.connected:
                continue  # the trades that belong into these bars are still to come
            for interval, rows in t.bars.on_time(now_ns + state.offset_ns, now_ns):
                out += self._bar(t, interval, rows, now_ns)
        return (*out, *self._arm_bars(state, now_ns))

    def _bar(self, t: Tracked, interval_ns: int, rows: Rows, now_ns: int) -> Out:
        batch = BarBatch(
            ts_event=int(rows["ts_event"][-1]),
            ts_init=now_ns,
            instrument_id=t.instrument_id,
            interval_ns=interval_ns,
            rows=rows,
        )
        return self._send(t, "bars", batch, now_ns)

    def _check_silence(self, state: FeedState, now_ns: int) -> Out:
        out: list[Message] = []
        for t in state.tracked.values():
            out += t.quality.on_time(now_ns)
            for stream, pulse in t.pulses.items():
                said: dict[str, Any] = {
                    "ts_event": now_ns,
                    "ts_init": now_ns,
                    "instrument_id": t.instrument_id,
                    "stream": stream,
                    "silent_ns": now_ns - pulse.heard_ns,
                }
                if pulse.stalled(now_ns):
                    out.append(FeedStale(**said))
                step = pulse.repair(now_ns) if state.connected else None
                if step is not None:
                    out.append(RepairStream(**said, step=step))
        return (*out, _timer(_STALE, now_ns + self._config.check_ns, now_ns))


def _timer(name: str, due_ns: int, now_ns: int) -> SetTimer:
    return SetTimer(ts_event=now_ns, ts_init=now_ns, name=name, ts_due=due_ns)


def _replay(state: FeedState, asked: SubscribeFeed, now_ns: int) -> FeedReplay:
    """A whole book per instrument, and what the other streams said since the asker last looked."""
    since = dict(asked.since)
    known = [state.tracked[i] for i in asked.instrument_ids if i in state.tracked]
    batches: list[StreamBatch] = []
    complete = len(known) == len(asked.instrument_ids)
    for t in known:
        if t.sync.state is SyncState.SYNCHRONIZED:
            batches.append(
                BookDeltaBatch(
                    ts_event=now_ns,
                    ts_init=now_ns,
                    instrument_id=t.instrument_id,
                    sequence=t.sequence("book_delta_batch"),
                    snapshot=True,
                    first_seq=t.sync.last_seq,
                    last_seq=t.sync.last_seq,
                    rows=t.book.rows(now_ns, now_ns),
                )
            )
        held, all_of_it = t.missed(since)
        batches += held
        complete = complete and all_of_it
    return FeedReplay(
        ts_event=now_ns,
        ts_init=now_ns,
        correlation_id=asked.correlation_id,
        asker=asked.asker,
        instruments=tuple(t.instrument for t in known),
        batches=tuple(batches),
        complete=complete,
    )
