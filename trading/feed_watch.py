"""Is a silent stream a quiet market? What is asked, concluded and done about it.

Nothing here decides by a fixed time: `trading.liveness` says when silence is long for a stream. A
trade is evidence against a book and a quote that have been silent since, so the venue is asked at
once. What REST says of the market is held against what the stream told: the best levels of the book
against ours, the last trades against those that we know.
"""

from typing import Any, Final, Literal

import numpy as np

from messages import Message
from messages.arrays import Rows
from messages.market import (
    FeedRecovered,
    FeedReported,
    FeedStale,
    ProbeStream,
    RepairStep,
    RepairStream,
    StreamProbed,
    StreamState,
)
from trading.book_sync import SyncState
from trading.feed_state import INCARNATION_BITS, FeedConfig, FeedState, Stream, Tracked
from trading.feed_streams import names, told
from trading.liveness import Pulse
from trading.silence import REPORT_NS
from trading.subscriptions import StreamKey

Out = tuple[Message, ...]
LEVELS: Final = 5  # of each side that are compared
_BY_TRADES: Final = ("book", "quotes")  # streams that a trade changes
_LOOK_BACK_NS: Final = 60_000_000_000  # for trades of a market of which we know none


def best_levels(rows: Rows, count: int = LEVELS) -> Rows:
    """The best levels of both sides of a whole book, bids first, best first."""
    bids, asks = rows[rows["side"] > 0], rows[rows["side"] < 0]
    return np.concatenate(
        (
            bids[np.argsort(-bids["price"], kind="stable")][:count],
            asks[np.argsort(asks["price"], kind="stable")][:count],
        )
    )


def stale(t: Tracked, stream: Stream, now_ns: int) -> Out:
    """A stream is silent, and so is what is made of it."""
    silent_ns = now_ns - t.pulses[stream].since_ns
    return tuple(
        FeedStale(
            ts_event=now_ns,
            ts_init=now_ns,
            instrument_id=t.instrument_id,
            stream=s,
            silent_ns=silent_ns,
        )
        for s in _with(t, stream)
    )


def recovered(t: Tracked, stream: Stream, now_ns: int) -> Out:
    """It speaks again."""
    return tuple(
        FeedRecovered(ts_event=now_ns, ts_init=now_ns, instrument_id=t.instrument_id, stream=s)
        for s in _with(t, stream)
    )


def _with(t: Tracked, stream: Stream) -> tuple[Stream, ...]:
    return ("trades", "bars") if stream == "trades" and t.builds_bars else (stream,)


def report(config: FeedConfig, state: FeedState, now_ns: int) -> Out:
    """How every stream is, if it is time to say so again."""
    if 0 <= now_ns - state.reported_ns < REPORT_NS and state.reports:
        return ()
    state.reported_ns = now_ns
    state.reports += 1
    silent, unsure = [], []
    for t in state.tracked.values():
        for stream, pulse in t.pulses.items():
            keys = [StreamKey(t.instrument_id, s) for s in _with(t, stream)]
            if config.routes and state.subs.state(t.instrument_id, stream) is None:
                unsure += keys
            elif pulse.stale:
                silent += keys
            elif not (pulse.count or pulse.vouches):
                unsure += keys
    return (
        FeedReported(
            ts_event=now_ns,
            ts_init=now_ns,
            number=(config.incarnation << INCARNATION_BITS) + state.reports,
            silent=names(silent),
            unsure=names(unsure),
        ),
    )


def check(config: FeedConfig, state: FeedState, now_ns: int) -> Out:
    """Look at every stream that is wanted."""
    out: list[Message] = []
    for t in state.tracked.values():
        out += t.quality.on_time(now_ns)
        for stream, pulse in t.pulses.items():
            flow = StreamState.ACTIVE
            if config.routes:
                wanted = state.subs.state(t.instrument_id, stream)
                if wanted is None:
                    continue
                flow = wanted
            if pulse.stalled(now_ns):
                out += stale(t, stream, now_ns)
            if flow in (StreamState.ACTIVE, StreamState.PENDING):
                out += _probe(config, state, t, stream, now_ns) if config.probes else ()
                out += _repair(config, state, t, stream, now_ns)
    return (*out, *report(config, state, now_ns))


def _probe(config: FeedConfig, state: FeedState, t: Tracked, stream: Stream, now_ns: int) -> Out:
    pulse, by = t.pulses[stream], _by(config, stream)
    suspected = stream in _BY_TRADES and _traded_since(t, pulse, now_ns)
    if by is None or config.route(stream) in state.down:
        return ()
    if not pulse.wants_probe(now_ns, suspected=suspected):
        return ()
    if state.probed_ns >= 0 and now_ns - state.probed_ns < config.probe_min_ns:
        return ()
    state.probed_ns = pulse.probed_ns = now_ns
    since = t.history.last_ns
    return (
        ProbeStream(
            ts_event=now_ns,
            ts_init=now_ns,
            instrument_id=t.instrument_id,
            stream=stream,
            by=by,
            since_ns=since if since >= 0 else max(now_ns + state.offset_ns - _LOOK_BACK_NS, 0),
        ),
    )


def _by(config: FeedConfig, stream: Stream) -> Literal["book", "trades"] | None:
    return next((by for s, by in config.probes if s == stream), None)


def _traded_since(t: Tracked, pulse: Pulse, now_ns: int) -> bool:
    """A trade came since it last spoke, so long ago that its own word should be here."""
    return t.traded_ns > pulse.since_ns and now_ns - t.traded_ns > pulse.floor_ns


def _repair(config: FeedConfig, state: FeedState, t: Tracked, stream: Stream, now_ns: int) -> Out:
    pulse, route = t.pulses[stream], config.route(stream)
    if route in state.down:
        return ()
    if stream == "book" and 0 <= now_ns - t.booked_ns <= pulse.limit_ns:
        return ()  # it speaks: what the book lacks is its beginning, which is asked for anyway
    alone = state.spoke.get(route, -1) <= pulse.stale_ns
    step = pulse.repair(now_ns, alone=alone)
    if step is None:
        return ()
    said: dict[str, Any] = {"ts_event": now_ns, "ts_init": now_ns, "stream": stream}
    silent_ns = now_ns - (pulse.heard_ns if pulse.heard_ns >= 0 else pulse.since_ns)
    repair = RepairStream(**said, instrument_id=t.instrument_id, step=step, silent_ns=silent_ns)
    if step is not RepairStep.RESUBSCRIBE or not config.routes:
        return (repair,)
    if stream == "trades":
        t.history.hold()  # until the new subscription holds
    changed = state.subs.anew(StreamKey(t.instrument_id, stream), now_ns)
    return (repair, *told(changed, now_ns))


def probed(config: FeedConfig, state: FeedState, message: StreamProbed, now_ns: int) -> Out:
    """What the venue says of a silence: it was right, or something was missed."""
    t = state.tracked.get(message.instrument_id)
    pulse = t.pulses.get(message.stream) if t is not None else None
    if t is None or pulse is None or message.asked_ns != pulse.probed_ns:
        return ()  # it has spoken since, or was asked for anew
    by = _by(config, message.stream)
    if by == "trades":
        # Told to one stream and not to the other: the market moved.
        moved = _traded(t, message) or (message.stream != by and t.traded_ns > pulse.since_ns)
    else:
        moved = _booked(t, message)
    if moved:
        pulse.missed(now_ns)
        return ()
    return recovered(t, message.stream, now_ns) if pulse.vouched(message.asked_ns) else ()


def _traded(t: Tracked, message: StreamProbed) -> bool:
    if t.history.last_ns >= 0:
        return t.history.news(message.trades)
    before = t.marks.setdefault(message.stream, message.trades)
    return not bool(np.isin(message.trades["trade_id"], before["trade_id"]).all())


def _booked(t: Tracked, message: StreamProbed) -> bool:
    if message.stream == "book":
        theirs = best_levels(message.levels)[["side", "price", "size"]]
        if t.sync.state is not SyncState.SYNCHRONIZED:
            return True  # a subscription that holds would have brought one
        ours = best_levels(t.book.rows(0, 0))[["side", "price", "size"]]
        return not np.array_equal(ours, theirs)
    before = t.top or _top(t.marks.setdefault(message.stream, message.levels))
    return _top(message.levels) != before


def _top(levels: Rows) -> tuple[float, ...]:
    """As a quote has it: bid, size, ask, size."""
    return (*_best(levels, 1), *_best(levels, -1))


def _best(levels: Rows, side: int) -> tuple[float, float]:
    found = best_levels(levels, 1)
    found = found[found["side"] == side]
    return (float(found["price"][0]), float(found["size"][0])) if len(found) else (0.0, 0.0)
