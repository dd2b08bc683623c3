"""One feed for everyone: who wants what is asked for once, and seen through to an answer."""

import numpy as np
from feed_driver import (
    ALL,
    BTC,
    MINUTE,
    ROUTES,
    T0,
    Driver,
    S,
    asked,
    book,
    confirmed,
    down,
    leave,
    managed,
    only,
    snapshot,
    subscribe,
    told,
    trades,
    up,
)

from messages import Message
from messages.arrays import TRADE, Rows
from messages.base import InstrumentId
from messages.market import (
    BarBatch,
    ChangeStreams,
    FeedGap,
    FeedRecovered,
    FeedStale,
    HistoryRequested,
    RepairStream,
    SnapshotRequested,
    StreamState,
    SubscriptionsChanged,
    TradeBatch,
    TradeHistory,
)


def history(wanted: Message, *rows: tuple[int, int]) -> TradeHistory:
    """The venue's trades (ts, id) as the answer to this request."""
    assert isinstance(wanted, HistoryRequested)
    return TradeHistory(
        ts_event=wanted.ts_event,
        ts_init=wanted.ts_event,
        instrument_id=BTC,
        asked_ns=wanted.ts_event,
        since_ns=wanted.since_ns,
        complete=True,
        rows=trade_rows(*rows),
    )


def trade_rows(*rows: tuple[int, int]) -> Rows:
    return np.array([(ts, ts, 100.0, 1.0, 1, n) for ts, n in rows], TRADE)


def ids(out: tuple[Message, ...]) -> list[int]:
    return [int(n) for b in only(TradeBatch, out) for n in b.rows["trade_id"]]  # type: ignore[attr-defined]


def test_streams_are_asked_for_once_however_many_want_them() -> None:
    feed = managed()

    first = feed.say(subscribe())
    second = feed.say(subscribe().model_copy(update={"asker": "strategy-B"}))

    assert asked(first) == ALL
    assert only(ChangeStreams, second) == []


def test_what_the_run_wants_is_asked_for_before_anybody_speaks() -> None:
    wanted = (("strategy-A", BTC, "book"), ("risk", BTC, "quotes"))
    feed = Driver(routes=ROUTES, wanted=wanted)

    assert asked(feed.resume()) == {"book", "quotes"}


def test_the_last_to_leave_closes_a_stream_and_those_of_others_stay() -> None:
    feed = managed(linger_ns=S)
    feed.say(subscribe())
    feed.say(subscribe().model_copy(update={"asker": "risk", "streams": ("quotes",)}))
    feed.say(up("public"))
    feed.say(confirmed("quotes"))
    feed.say(snapshot(10))

    soon = feed.say(leave("strategy-A"), T0 + 10 * S)
    later = feed.fire("streams", T0 + 11 * S)

    assert only(ChangeStreams, soon) == []
    assert asked(later, "unsubscribe") == {"book", "trades"}
    assert told(later) == {("UNSUBSCRIBED", "book"), ("UNSUBSCRIBED", "trades")}
    assert feed.state.tracked[BTC].book.bids.n == 0


def test_a_stream_too_many_for_its_connection_is_refused_in_words_and_the_others_are_had() -> None:
    feed = managed(per_connection=1)

    out = feed.say(subscribe())

    (event,) = (m for m in only(SubscriptionsChanged, out) if m.reason)  # type: ignore[attr-defined]
    assert isinstance(event, SubscriptionsChanged)
    assert [(event.state, n.stream) for n in event.streams] == [(StreamState.ERROR, "quotes")]
    assert "1 streams on its connection are open" in event.reason
    assert "name fewer instruments" in event.reason
    assert asked(out) == {"book", "trades"}


def test_an_instrument_that_the_run_has_not_is_refused_in_words() -> None:
    feed = managed()
    other = subscribe().model_copy(update={"instrument_ids": (InstrumentId("X.BINANCE"),)})

    (event,) = only(SubscriptionsChanged, feed.say(other))

    assert isinstance(event, SubscriptionsChanged)
    assert event.state is StreamState.ERROR
    assert "X.BINANCE" in event.reason


def test_a_refusal_is_said_asked_again_and_shown() -> None:
    feed = managed()
    feed.say(subscribe())
    feed.say(up("market"))

    refused = feed.say(confirmed("trades", refused="invalid symbol"))
    again = feed.fire("streams", T0 + 60 * S)

    assert ("ERROR", "trades") in told(refused)
    assert asked(again, "again") == {"trades"}
    (shown,) = (s for s in feed.state.subs.statuses() if s.key.kind == "trades")
    assert (shown.error, shown.tries) == ("invalid symbol", 1)


def test_words_that_name_no_stream_are_said_too() -> None:
    (event,) = only(SubscriptionsChanged, managed().say(confirmed(refused="rate limit exceeded")))

    assert isinstance(event, SubscriptionsChanged)
    assert (event.state, event.reason) == (StreamState.ERROR, "rate limit exceeded")


def test_a_subscription_that_nobody_confirms_is_asked_for_again() -> None:
    feed = managed()
    feed.say(subscribe())
    feed.say(up("public"))

    waiting = feed.fire("streams", T0 + 4 * S)
    feed.fire("streams", T0 + 5 * S)
    again = feed.fire("streams", T0 + 5 * S + 1)

    assert asked(waiting, "again") == set()
    assert asked(again, "again") == {"book", "quotes"}  # the other connection is not there yet


def test_a_book_is_asked_for_once_its_stream_holds() -> None:
    feed = managed()
    feed.say(subscribe())
    feed.say(up("public"), T0 + 9 * S)

    held = feed.say(confirmed("book"), T0 + 9 * S)

    assert len(only(SnapshotRequested, held)) == 1


# --- the seam of trades ---------------------------------------------------------------------------


def cut_after(*before: int) -> Driver:
    """A feed that told these trades, a second apart, and whose connection is back."""
    feed = managed()
    feed.say(subscribe())
    feed.say(up("market"))
    feed.say(confirmed("trades"))
    for n in before:
        feed.say(trades(T0 + n * S, trade_id=n), T0 + n * S)
    feed.say(down("market"))
    feed.say(up("market"))
    return feed


def test_history_is_asked_for_once_the_subscription_holds_and_not_before() -> None:
    feed = cut_after(1, 2)

    assert only(HistoryRequested, feed.fire("streams", T0 + 3 * S)) == []
    assert len(only(HistoryRequested, feed.say(confirmed("trades")))) == 1


def test_data_is_as_good_as_a_confirmation_and_waits_for_what_came_before_it() -> None:
    feed = cut_after(1, 2)

    out = feed.say(trades(T0 + 6 * S, trade_id=6), T0 + 6 * S)
    (wanted,) = only(HistoryRequested, out)
    filled = feed.say(history(wanted, *((T0 + n * S, n) for n in range(2, 7))))

    assert ids(out) == []
    assert ids(filled) == [3, 4, 5, 6]


def test_a_history_that_ends_before_the_first_live_trade_is_asked_for_again() -> None:
    feed = cut_after(1, 2)
    (wanted,) = only(HistoryRequested, feed.say(trades(T0 + 6 * S, trade_id=6), T0 + 6 * S))

    early = feed.say(history(wanted, (T0 + 2 * S, 2), (T0 + 3 * S, 3)))
    (again,) = only(HistoryRequested, feed.fire(f"history:{BTC}", T0 + 7 * S))
    whole = feed.say(history(again, *((T0 + n * S, n) for n in range(3, 7))))

    assert ids(early) == [3]
    assert ids(whole) == [4, 5, 6]
    assert only(FeedGap, (*early, *whole)) == []


def test_a_history_that_never_reaches_the_live_trades_is_told_as_a_gap() -> None:
    feed = cut_after(1, 2)
    (wanted,) = only(HistoryRequested, feed.say(trades(T0 + 6 * S, trade_id=6), T0 + 6 * S))
    out: list[Message] = []
    while not only(FeedGap, tuple(out)):
        out += feed.say(history(wanted, (T0 + 2 * S, 2)))
        more = feed.fire(f"history:{BTC}", feed.now + S)
        wanted = next(iter(only(HistoryRequested, more)), wanted)

    (gap,) = only(FeedGap, tuple(out))
    assert (gap.since_ns, gap.until_ns) == (T0 + 2 * S, T0 + 6 * S)  # type: ignore[attr-defined]
    assert ids(tuple(out)) == [6]


def test_a_hole_between_a_history_and_the_first_live_trade_is_seen_and_filled() -> None:
    feed = cut_after(1, 2)
    (wanted,) = only(HistoryRequested, feed.say(confirmed("trades")))
    told_now = feed.say(history(wanted, (T0 + 2 * S, 2), (T0 + 3 * S, 3)))

    live = feed.say(trades(T0 + 6 * S, trade_id=6), T0 + 6 * S)
    (again,) = only(HistoryRequested, live)
    rest = feed.say(history(again, *((T0 + n * S, n) for n in range(3, 7))))

    assert ids(told_now) == [3]
    assert ids(live) == []
    assert ids(rest) == [4, 5, 6]


def test_a_live_trade_that_the_history_told_is_not_told_twice() -> None:
    feed = cut_after(1, 2)
    (wanted,) = only(HistoryRequested, feed.say(confirmed("trades")))
    feed.say(history(wanted, *((T0 + n * S, n) for n in range(2, 6))))

    repeats = [feed.say(trades(T0 + n * S, trade_id=n), T0 + 6 * S) for n in (4, 5, 6, 7)]

    assert [ids(out) for out in repeats] == [[], [], [6], [7]]
    assert [only(HistoryRequested, out) for out in repeats] == [[]] * 4


def test_trades_that_a_silent_stream_did_not_bring_are_asked_for_when_it_speaks() -> None:
    feed = Driver(routes=ROUTES, stale_after_ns=(("trades", 5 * S),))
    feed.resume()
    feed.say(subscribe())
    feed.say(up("market"))
    feed.say(trades(T0, trade_id=1))
    feed.fire("stale", T0 + 6 * S)

    out = feed.say(trades(T0 + 9 * S, trade_id=9), T0 + 9 * S)
    (wanted,) = only(HistoryRequested, out)
    filled = feed.say(history(wanted, *((T0 + n * S, n + 1) for n in (0, 4)), (T0 + 9 * S, 9)))

    assert ids(out) == []
    assert ids(filled) == [5, 9]


def test_bars_that_fell_due_while_trades_were_missing_close_as_soon_as_they_are_here() -> None:
    feed = cut_after(1, 2)
    waiting = feed.fire("bars", T0 + MINUTE)
    (wanted,) = only(HistoryRequested, feed.say(confirmed("trades"), T0 + MINUTE + S))
    closed = feed.say(history(wanted, (T0 + 2 * S, 2), (T0 + 30 * S, 3)))

    (bar,) = only(BarBatch, closed)
    assert only(BarBatch, waiting) == []
    assert bar.rows["volume"].tolist() == [3.0]  # type: ignore[attr-defined]


def test_a_feed_that_was_started_anew_says_that_what_its_predecessor_called_stale_speaks() -> None:
    first, second = (
        Driver(routes=ROUTES, incarnation=n, stale_after_ns=(("trades", 5 * S),)) for n in (1, 2)
    )
    for feed in (first, second):
        feed.resume()

    told_first, told_second = (feed.say(trades(T0)) for feed in (first, second))
    again = second.say(trades(T0 + S, trade_id=8), T0 + S)

    assert only(FeedRecovered, told_first) == only(FeedRecovered, again) == []
    assert [m.stream for m in only(FeedRecovered, told_second)] == ["trades", "bars"]  # type: ignore[attr-defined]


def test_a_book_that_only_waits_for_its_whole_is_told_stale_and_its_stream_left_alone() -> None:
    feed = Driver(routes=ROUTES, books_streamed=False, stale_after_ns=(("book", 2 * S),))
    feed.resume()
    feed.say(subscribe())
    feed.say(up("public"))
    out: list[Message] = []
    for n in range(1, 300):  # the changes come, the whole book does not
        out += feed.say(book(n, n, (1, 99.0, float(n))), T0 + n * S // 10)
        out += feed.fire("stale", T0 + n * S // 10)

    assert len(only(FeedStale, tuple(out))) == 1
    assert only(RepairStream, tuple(out)) == []
