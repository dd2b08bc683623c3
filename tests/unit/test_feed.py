"""The feed core: in step, numbered, never silent about silence."""

from decimal import Decimal

import numpy as np
from feed_driver import (
    BTC,
    INSTRUMENT,
    MINUTE,
    T0,
    Driver,
    S,
    book,
    only,
    quotes,
    replay,
    snapshot,
    subscribe,
    trades,
)

from messages.arrays import QUOTE
from messages.base import InstrumentId
from messages.control import SetTimer
from messages.market import (
    Anomaly,
    BarBatch,
    BookDeltaBatch,
    FeedRecovered,
    FeedStale,
    InstrumentChanged,
    QualityAlert,
    QuoteBatch,
    SnapshotRequested,
)
from messages.venue import StreamDown, StreamUp
from trading.feed_state import FeedConfig


def in_step() -> Driver:
    feed = Driver()
    feed.resume()
    feed.say(snapshot(10))
    return feed


def test_a_fresh_feed_names_its_instruments_and_asks_for_books() -> None:
    out = Driver().resume()

    assert len(only(InstrumentChanged, out)) == 1
    assert [m.reason for m in only(SnapshotRequested, out)] == ["start"]  # type: ignore[attr-defined]
    timers = {m.name for m in only(SetTimer, out)}  # type: ignore[attr-defined]
    assert timers == {"bars", "stale", f"snapshot:{BTC}"}


def test_batches_are_numbered_per_stream_from_the_incarnation() -> None:
    feed = Driver(incarnation=3)
    feed.resume()

    sent = [feed.say(m)[-1] for m in (trades(T0), trades(T0), quotes(T0), snapshot(1))]

    numbers = [m.sequence - (3 << 32) for m in sent]  # type: ignore[attr-defined]
    assert numbers == [1, 2, 1, 1]


def test_diffs_wait_for_the_snapshot_and_follow_it() -> None:
    feed = Driver()
    feed.resume()

    assert only(BookDeltaBatch, feed.say(book(9, 12, (1, 99.0, 2.0)))) == []
    sent = feed.say(snapshot(10))

    assert [b.last_seq for b in only(BookDeltaBatch, sent)] == [10, 12]  # type: ignore[attr-defined]
    assert feed.state.tracked[BTC].book.bids.n == 2


def test_a_dropped_diff_asks_and_a_snapshot_heals() -> None:
    feed = in_step()
    feed.say(book(11, 12, (1, 99.0, 2.0)))

    lost = feed.say(book(15, 16, (1, 98.0, 2.0)), T0 + 2 * S)
    healed = feed.say(snapshot(15))

    assert [m.reason for m in only(SnapshotRequested, lost)] == ["gap"]  # type: ignore[attr-defined]
    assert len(only(BookDeltaBatch, healed)) == 2


def test_a_repeated_diff_is_not_sent_on() -> None:
    feed = in_step()
    feed.say(book(11, 12, (1, 99.0, 2.0)))

    assert feed.say(book(11, 12, (1, 99.0, 2.0))) == ()


def test_a_crossed_book_is_not_sent_and_asks_again() -> None:
    feed = in_step()

    out = feed.say(book(11, 11, (1, 105.0, 1.0)), T0 + 2 * S)

    assert only(BookDeltaBatch, out) == []
    assert [m.reason for m in only(SnapshotRequested, out)] == ["crossed"]  # type: ignore[attr-defined]


def test_requests_are_bounded_in_rate_and_seen_through_by_a_timer() -> None:
    feed = in_step()  # asked at T0
    name = f"snapshot:{BTC}"

    soon = feed.say(book(15, 16), T0 + S // 2)
    due = feed.fire(name, T0 + S)
    again = feed.say(book(20, 21, ts=T0 + S), T0 + S + 1)
    retried = feed.fire(name, T0 + 6 * S)

    assert only(SnapshotRequested, soon) == []
    assert [t.ts_due for t in only(SetTimer, soon)] == [T0 + S]  # type: ignore[attr-defined]
    assert len(only(SnapshotRequested, due)) == 1
    assert again == ()
    assert len(only(SnapshotRequested, retried)) == 1


def test_a_request_that_was_answered_is_not_repeated() -> None:
    feed = in_step()

    assert feed.fire(f"snapshot:{BTC}", T0 + 5 * S) == ()


def test_silence_is_told_once_and_so_is_its_end() -> None:
    feed = in_step()

    quiet = feed.fire("stale", T0 + 4 * S)
    stale = feed.fire("stale", T0 + 6 * S)
    still = feed.fire("stale", T0 + 7 * S)
    back = feed.say(book(11, 11, (1, 99.0, 1.0), ts=T0 + 7 * S))
    after = feed.say(book(12, 12, (1, 99.0, 2.0), ts=T0 + 7 * S))

    assert only(FeedStale, quiet) == []
    assert [m.silent_ns for m in only(FeedStale, stale)] == [6 * S]  # type: ignore[attr-defined]
    assert only(FeedStale, still) == []
    assert [type(m) for m in back] == [FeedRecovered, BookDeltaBatch]
    assert [type(m) for m in after] == [BookDeltaBatch]
    assert [t.name for t in only(SetTimer, still)] == ["stale"]  # type: ignore[attr-defined]


def test_a_trade_of_the_next_minute_closes_the_bar() -> None:
    feed = in_step()
    feed.say(trades(T0 + S))

    out = feed.say(trades(T0 + MINUTE, 120.0), T0 + MINUTE)

    (bar,) = only(BarBatch, out)
    assert isinstance(bar, BarBatch)
    assert (bar.interval_ns, bar.rows["close"].tolist()) == (MINUTE, [100.0])


def test_the_timer_closes_bars_without_trades() -> None:
    feed = in_step()
    feed.say(trades(T0 + S), T0 + S)

    out = feed.fire("bars", T0 + MINUTE)
    later = feed.fire("bars", T0 + 2 * MINUTE)

    assert [b.rows["volume"].tolist() for b in only(BarBatch, out)] == [[1.0]]  # type: ignore[attr-defined]
    assert [b.rows["volume"].tolist() for b in only(BarBatch, later)] == [[0.0]]  # type: ignore[attr-defined]
    assert [t.ts_due for t in only(SetTimer, out)] == [T0 + 2 * MINUTE]  # type: ignore[attr-defined]


def test_bars_follow_the_clock_of_the_venue() -> None:
    feed = in_step()
    behind = 1000 * MINUTE  # a recording from long ago

    moved = feed.say(trades(T0 + S - behind), T0 + S)
    closed = feed.fire("bars", T0 + MINUTE)

    assert [t.ts_due for t in only(SetTimer, moved)] == [T0 + MINUTE]  # type: ignore[attr-defined]
    (bar,) = only(BarBatch, closed)
    assert bar.ts_event == T0 + MINUTE - behind


def test_a_late_subscriber_gets_the_book_and_what_it_missed() -> None:
    feed = in_step()
    feed.say(book(11, 12, (1, 99.0, 2.0)))
    first = feed.say(trades(T0))[-1].sequence  # type: ignore[attr-defined]
    feed.say(trades(T0))

    found = replay(feed.say(subscribe((f"trade_batch:{BTC}", first))))

    whole, missed = found.batches
    assert isinstance(whole, BookDeltaBatch)
    assert (whole.snapshot, whole.last_seq, len(whole.rows)) == (True, 12, 3)
    assert whole.sequence == feed.state.tracked[BTC].sequence("book_delta_batch")
    assert (missed.sequence, found.complete) == (first + 1, True)
    assert found.instruments == (INSTRUMENT,)


def test_a_replay_says_when_it_no_longer_holds_everything() -> None:
    feed = Driver(ring_batches=2)
    feed.resume()
    first = feed.say(trades(T0))[-1].sequence  # type: ignore[attr-defined]
    for _ in range(4):
        feed.say(trades(T0))

    assert not replay(feed.say(subscribe((f"trade_batch:{BTC}", first)))).complete
    assert replay(feed.say(subscribe((f"trade_batch:{BTC}", first + 2)))).complete


def test_a_restarted_feed_cannot_answer_for_the_one_before() -> None:
    feed = Driver(incarnation=2)
    feed.resume()

    assert not replay(feed.say(subscribe((f"trade_batch:{BTC}", (1 << 32) + 5)))).complete


def test_a_lost_stream_loses_the_book_until_it_is_back() -> None:
    feed = in_step()

    feed.say(StreamDown(ts_event=T0, ts_init=T0, reason="reset"))
    silent = feed.fire(f"snapshot:{BTC}", T0 + 5 * S)
    back = feed.say(StreamUp(ts_event=T0, ts_init=T0), T0 + 9 * S)

    assert silent == ()
    assert len(only(SnapshotRequested, back)) == 1
    assert replay(feed.say(subscribe())).batches == ()


def test_what_was_not_asked_for_is_ignored() -> None:
    feed = in_step()
    other = trades(T0).model_copy(update={"instrument_id": InstrumentId("X.BINANCE")})

    assert feed.say(other) == ()
    assert feed.state.ignored == 1


def test_a_change_of_the_rules_is_told_and_no_news_when_it_comes_again() -> None:
    feed = in_step()
    changed = INSTRUMENT.model_copy(update={"min_notional": Decimal(10)})
    message = InstrumentChanged(ts_event=T0, ts_init=T0, instrument=changed)

    assert only(InstrumentChanged, feed.say(message)) == [message]
    assert feed.say(message) == ()


def quiet() -> Driver:
    """A feed with twenty quiet quotes behind it."""
    feed = in_step()
    for n in range(20):
        feed.say(quote_at(T0 + n * S // 10, 100.0, 100.1), T0 + n * S // 10)
    return feed


def quote_at(ts: int, bid: float, ask: float) -> QuoteBatch:
    rows = np.array([(ts, ts, bid, 1.0, ask, 1.0)], QUOTE)
    return QuoteBatch(ts_event=ts, ts_init=ts, instrument_id=BTC, rows=rows)


def test_what_looks_wrong_is_alerted_with_the_frame_that_shows_it_and_before_it() -> None:
    feed = quiet()

    said = feed.say(quote_at(T0 + 3 * S, 100.0, 105.0), T0 + 3 * S)

    alert, quote = said
    assert isinstance(alert, QualityAlert)
    assert (alert.anomaly, alert.ts_event) == (Anomaly.SPREAD_WIDENING, T0 + 3 * S)
    assert isinstance(quote, QuoteBatch)


def test_silence_is_alerted_within_a_tenth_of_a_second_of_its_limit() -> None:
    feed = quiet()
    last = feed.now
    at, alerts = last, list[QualityAlert]()
    while not alerts and at < last + 7 * S:
        at += FeedConfig(()).check_ns
        alerts = [m for m in feed.fire("stale", at) if isinstance(m, QualityAlert)]

    assert [a.anomaly for a in alerts] == [Anomaly.STALE_DATA]
    assert 0 < alerts[0].ts_event - (last + 5 * S) <= S // 10


def test_a_gap_of_a_book_is_alerted_but_none_after_a_lost_connection() -> None:
    feed = quiet()
    feed.say(book(11, 12, (1, 99.0, 2.0)))
    gap = feed.say(book(15, 16, (1, 98.0, 2.0)), T0 + 3 * S)
    feed.say(StreamDown(ts_event=T0, ts_init=T0, reason="cut"))
    feed.say(StreamUp(ts_event=T0, ts_init=T0))
    after = feed.say(book(95, 96, (1, 98.0, 2.0)), T0 + 4 * S)

    assert [a.anomaly for a in only(QualityAlert, gap)] == [Anomaly.SEQUENCE_GAP]  # type: ignore[attr-defined]
    assert only(QualityAlert, after) == []
    assert feed.state.tracked[BTC].quality.view()["completeness"] < 1


TWO_ROUTES = (("book", "public"), ("quotes", "public"), ("trades", "market"))


def up(route: str) -> StreamUp:
    return StreamUp(ts_event=T0, ts_init=T0, route=route)


def down(route: str) -> StreamDown:
    return StreamDown(ts_event=T0, ts_init=T0, reason="cut", route=route)


def test_bars_wait_for_the_connection_that_carries_their_trades() -> None:
    feed = Driver(routes=TWO_ROUTES)
    feed.resume()
    feed.say(snapshot(10))
    feed.say(trades(T0 + S), T0 + S)

    feed.say(down("market"))
    feed.say(up("public"))  # the other one is made anew meanwhile
    without = feed.fire("bars", T0 + MINUTE)

    assert only(BarBatch, without) == []


def test_bars_do_not_wait_for_a_connection_that_carries_only_books() -> None:
    feed = Driver(routes=TWO_ROUTES)
    feed.resume()
    feed.say(trades(T0 + S), T0 + S)

    feed.say(down("public"))
    out = feed.fire("bars", T0 + MINUTE)

    assert len(only(BarBatch, out)) == 1


def test_a_book_outlives_the_loss_of_another_connection_than_its_own() -> None:
    feed = Driver(routes=TWO_ROUTES)
    feed.resume()
    feed.say(snapshot(10))

    feed.say(down("market"))
    kept = replay(feed.say(subscribe()))
    feed.say(down("public"))
    lost = replay(feed.say(subscribe()))

    assert len(only(BookDeltaBatch, kept.batches)) == 1
    assert only(BookDeltaBatch, lost.batches) == []
