"""Trades and bars after an outage are those of a feed that was never away."""

import numpy as np
from feed_driver import BTC, MINUTE, T0, Driver, S, only
from hypothesis import given, settings
from hypothesis import strategies as st

from messages import Message
from messages.arrays import TRADE, Rows
from messages.market import BarBatch, FeedGap, HistoryRequested, TradeBatch, TradeHistory
from messages.venue import StreamDown, StreamUp


def tape(seed: int, count: int) -> Rows:
    """Trades over some minutes, several of them in one nanosecond."""
    rng = np.random.default_rng(seed)
    rows = np.zeros(count, TRADE)
    gaps = rng.choice([0, 1, S, 20 * S, 90 * S], count, p=[0.2, 0.2, 0.4, 0.15, 0.05])
    rows["ts_event"] = T0 + np.cumsum(gaps)
    rows["ts_init"] = rows["ts_event"]
    rows["price"] = 100 + np.cumsum(rng.integers(-1, 2, count))
    rows["size"], rows["aggressor"] = rng.integers(1, 9, count), rng.choice([-1, 1], count)
    rows["trade_id"] = 1_000 + np.arange(count)
    return rows


def batch(rows: Rows) -> TradeBatch:
    last = int(rows["ts_event"][-1])
    return TradeBatch(ts_event=last, ts_init=last, instrument_id=BTC, rows=rows.copy())


def told(out: list[Message]) -> tuple[list[int], list[tuple[float, ...]]]:
    """Ids of all trades, and all bars but for when we learned them."""
    ids = [int(i) for b in only(TradeBatch, tuple(out)) for i in b.rows["trade_id"]]  # type: ignore[attr-defined]
    bars = [
        (*row[:2], *row[3:])
        for b in only(BarBatch, tuple(out))
        for row in b.rows.tolist()  # type: ignore[attr-defined]
    ]
    return ids, bars


def close(feed: Driver, rows: Rows) -> list[Message]:
    """Let time pass until every bar has closed."""
    end = (int(rows["ts_event"][-1]) // MINUTE + 2) * MINUTE
    return list(feed.fire("bars", end))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(3, 60), st.data())
def test_after_a_lost_connection_all_trades_and_bars_are_there_once(
    seed: int, count: int, data: st.DataObject
) -> None:
    rows = tape(seed, count)
    cut = data.draw(st.integers(1, count - 1))  # the first trade that is missed
    back = data.draw(st.integers(cut, count - 1))  # the first one heard again
    more = data.draw(st.integers(back, count))  # those up to here come before the history does
    steady, broken = Driver(), Driver()
    for feed in (steady, broken):
        feed.resume()

    expected = [m for row in rows for m in steady.say(batch(row[None]), int(row["ts_event"]))]
    expected += close(steady, rows)

    found = [m for row in rows[:cut] for m in broken.say(batch(row[None]), int(row["ts_event"]))]
    at = int(rows["ts_event"][back])
    found += broken.say(StreamDown(ts_event=at, ts_init=at, reason="cut"), at)
    found += broken.fire("bars", at)  # its timer fires all the same
    asked = broken.say(StreamUp(ts_event=at, ts_init=at), at)
    (wanted,) = only(HistoryRequested, asked)
    for row in rows[back:more]:
        found += broken.say(batch(row[None]), int(row["ts_event"]))
    since = wanted.since_ns  # type: ignore[attr-defined]
    past = rows[:more][rows["ts_event"][:more] >= since]
    history = TradeHistory(
        ts_event=at,
        ts_init=at,
        instrument_id=BTC,
        asked_ns=wanted.ts_event,
        since_ns=since,
        complete=True,
        rows=past.copy(),
    )
    found += broken.say(history)
    for row in rows[more:]:
        found += broken.say(batch(row[None]), int(row["ts_event"]))
    found += close(broken, rows)

    assert told(found) == told(expected)
    assert only(FeedGap, tuple(found)) == []


def test_the_answer_to_a_request_from_before_another_outage_closes_nothing() -> None:
    rows = tape(2, 8)
    rows["ts_event"] = T0 + np.arange(8) * S
    feed = Driver()
    feed.resume()
    feed.say(batch(rows[:2]), T0 + S)
    asked: list[HistoryRequested] = []
    for at in (T0 + 3 * S, T0 + 5 * S):  # two outages, one after the other
        feed.say(StreamDown(ts_event=at, ts_init=at, reason="cut"), at)
        (wanted,) = only(HistoryRequested, feed.say(StreamUp(ts_event=at, ts_init=at), at + S))
        assert isinstance(wanted, HistoryRequested)
        asked.append(wanted)

    def answer(to: HistoryRequested, until: int) -> tuple[Message, ...]:
        now = feed.now
        return feed.say(
            TradeHistory(
                ts_event=now, ts_init=now, instrument_id=BTC, asked_ns=to.ts_event,
                since_ns=to.since_ns, complete=True, rows=rows[1:until].copy(),
            )
        )  # fmt: skip

    early = answer(asked[0], 4)
    late = answer(asked[1], 7)

    assert early == ()
    assert told(list(late))[0] == [int(i) for i in rows["trade_id"][2:7]]


def test_a_history_that_never_comes_is_asked_three_times_and_then_told_as_a_gap() -> None:
    rows = tape(1, 10)
    feed = Driver()
    feed.resume()
    feed.say(batch(rows[:2]), int(rows["ts_event"][1]))
    feed.say(StreamDown(ts_event=feed.now, ts_init=feed.now, reason="cut"))
    asked = [*only(HistoryRequested, feed.say(StreamUp(ts_event=feed.now, ts_init=feed.now)))]
    assert feed.say(batch(rows[6:]), int(rows["ts_event"][9])) == ()

    out: tuple[Message, ...] = ()
    while not only(FeedGap, out):
        out = feed.fire(f"history:{BTC}", feed.now + 5 * S)
        asked += only(HistoryRequested, out)

    (gap,) = only(FeedGap, out)
    assert len(asked) == 3
    assert (gap.since_ns, gap.until_ns) == (  # type: ignore[attr-defined]
        int(rows["ts_event"][1]),
        int(rows["ts_event"][6]),
    )
    assert told(list(out))[0] == [int(i) for i in rows["trade_id"][6:]]
    assert feed.say(batch(tape(1, 11)[10:]), feed.now + S)  # and on it goes
