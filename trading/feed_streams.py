"""What a feed asks its venue for, and what it says of that: subscriptions as messages."""

from collections.abc import Iterable
from typing import Any, Final

from messages import Message
from messages.base import NS_PER_MS
from messages.control import SetTimer
from messages.market import (
    ChangeStreams,
    StreamName,
    StreamsAnswered,
    StreamState,
    SubscribeFeed,
    SubscriptionsChanged,
    UnsubscribeFeed,
)
from trading.feed_state import FeedConfig, FeedState, Tracked
from trading.subscriptions import StreamChange, StreamKey, SubscriptionRefused

STREAMS: Final = "streams"  # the timer of what is due

Out = tuple[Message, ...]


def timer(name: str, due_ns: int, now_ns: int) -> SetTimer:
    """Wake the feed for this."""
    return SetTimer(ts_event=now_ns, ts_init=now_ns, name=name, ts_due=due_ns)


def told(changes: Iterable[StreamChange], now_ns: int) -> Out:
    """An event for each kind of change."""
    kinds: dict[tuple[StreamState, str], list[StreamKey]] = {}
    for change in changes:
        kinds.setdefault((change.after, change.reason), []).append(change.key)
    return tuple(
        SubscriptionsChanged(
            ts_event=now_ns, ts_init=now_ns, state=state, streams=names(keys), reason=reason
        )
        for (state, reason), keys in kinds.items()
    )


def unnamed(answer: StreamsAnswered, now_ns: int) -> SubscriptionsChanged:
    """A refusal that names no stream is said all the same."""
    return SubscriptionsChanged(
        ts_event=now_ns, ts_init=now_ns, state=StreamState.ERROR, streams=(), reason=answer.refused
    )


def names(keys: Iterable[StreamKey]) -> tuple[StreamName, ...]:
    """Keys as messages have them."""
    made: list[Any] = [{"instrument_id": i, "stream": s} for i, s in keys]
    return tuple(StreamName(**name) for name in made)


def due(state: FeedState, now_ns: int) -> Out:
    """What is to be asked of the venue now, and a timer for the rest."""
    found = state.subs.due(now_ns)
    out = told(found.changes, now_ns)
    for change in found.changes:
        if change.after is StreamState.UNSUBSCRIBED:
            lost(state.tracked[change.key.instrument_id], change.key.kind)
    if found.subscribe or found.again or found.unsubscribe:
        out += (
            ChangeStreams(
                ts_event=now_ns,
                ts_init=now_ns,
                subscribe=names(found.subscribe),
                again=names(found.again),
                unsubscribe=names(found.unsubscribe),
            ),
        )
    later = state.subs.next_due(now_ns)
    if later is not None:
        out += (timer(STREAMS, max(later, now_ns + NS_PER_MS), now_ns),)
    return out


def lost(t: Tracked, stream: str) -> None:
    """What a stream says is missed from now on."""
    if stream == "book":
        t.sync.lose()
        t.book.clear()
        t.quality.disconnected()
    elif stream == "trades":
        t.history.hold()


def begin(config: FeedConfig, state: FeedState, now_ns: int) -> Out:
    """What the run's specification wants."""
    out: Out = ()
    for who, instrument_id, stream in config.wanted:
        out += _want(state, who, StreamKey(instrument_id, stream), now_ns)
    return _joined(out, now_ns) + due(state, now_ns)


def subscribe(state: FeedState, asked: SubscribeFeed, now_ns: int) -> Out:
    """An actor wants streams of instruments, or says that it wants them still."""
    keys = [StreamKey(i, stream) for i in asked.instrument_ids for stream in asked.streams]
    if not asked.replay:
        known = [key for key in keys if key.instrument_id in state.tracked]
        changes = state.subs.renew(asked.asker, known, now_ns)
        return _opened(state, changes, now_ns) + due(state, now_ns)
    out: Out = ()
    for key in keys:
        out += _want(state, asked.asker, key, now_ns)
    return _joined(out, now_ns) + due(state, now_ns)


def _want(state: FeedState, who: str, key: StreamKey, now_ns: int) -> Out:
    try:
        if key.instrument_id not in state.tracked:
            raise SubscriptionRefused(
                f"{key.instrument_id}: not an instrument of this run; name it in the run's file"
            )
        return _opened(state, state.subs.subscribe(who, key, now_ns), now_ns)
    except SubscriptionRefused as e:
        return told((StreamChange(key, None, StreamState.ERROR, str(e)),), now_ns)


def _opened(state: FeedState, changes: tuple[StreamChange, ...], now_ns: int) -> Out:
    """Silence counts from when a stream is asked for, not from when it was last closed."""
    for change in changes:
        for stream, pulse in state.tracked[change.key.instrument_id].pulses.items():
            if stream == change.key.kind and change.before is None:
                pulse.expect(now_ns)
    return told(changes, now_ns)


def _joined(out: Out, now_ns: int) -> Out:
    """One event where many say the same."""
    events = [m for m in out if isinstance(m, SubscriptionsChanged)]
    changes = (
        StreamChange(StreamKey(n.instrument_id, n.stream), None, e.state, e.reason)
        for e in events
        for n in e.streams
    )
    return told(changes, now_ns)


def unsubscribe(state: FeedState, asked: UnsubscribeFeed, now_ns: int) -> Out:
    """An actor leaves instruments, or everything."""
    if not asked.instrument_ids:
        state.subs.leave(asked.asker, now_ns)
    for status in state.subs.statuses():
        if status.key.instrument_id in asked.instrument_ids:
            state.subs.unsubscribe(asked.asker, status.key, now_ns)
    return due(state, now_ns)
