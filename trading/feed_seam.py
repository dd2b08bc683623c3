"""The seam of a feed's trades as messages: what is asked for, told, and told to be missing."""

from typing import Final

from messages import Message
from messages.arrays import Rows
from messages.market import FeedGap, HistoryRequested, TradeBatch
from trading.feed_state import FeedConfig, Tracked
from trading.feed_streams import timer

HISTORY: Final = "history:"  # the timer of one instrument's


def ask(config: FeedConfig, t: Tracked, now_ns: int) -> tuple[Message, ...]:
    """Ask for the trades since the last one; a timer sees it through."""
    t.history.tries += 1
    wanted = HistoryRequested(
        ts_event=now_ns,
        ts_init=now_ns,
        instrument_id=t.instrument_id,
        since_ns=t.history.last_ns,
    )
    due = now_ns + config.snapshot_retry_ns
    return (wanted, timer(HISTORY + t.instrument_id, due, now_ns))


def batch(t: Tracked, rows: Rows, now_ns: int) -> TradeBatch | None:
    """Trades of the past as a batch of now."""
    if not len(rows):
        return None
    rows["ts_init"] = now_ns
    return TradeBatch(
        ts_event=int(rows["ts_event"][-1]),
        ts_init=now_ns,
        instrument_id=t.instrument_id,
        rows=rows,
    )


def gap(t: Tracked, since_ns: int, rows: Rows, now_ns: int) -> FeedGap:
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
