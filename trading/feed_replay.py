"""What a feed still knows, for those who come late."""

from messages.market import BookDeltaBatch, FeedReplay, SubscribeFeed
from trading.book_sync import SyncState
from trading.feed_state import FeedState, StreamBatch


def replay(state: FeedState, asked: SubscribeFeed, now_ns: int) -> FeedReplay:
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
