"""Whoever wants streams says so again and again; who does not is gone, and its streams with it."""

from feed_driver import (
    ALL,
    BTC,
    ROUTES,
    T0,
    Driver,
    S,
    asked,
    confirmed,
    leave,
    managed,
    only,
    subscribe,
    trades,
    up,
)

from messages.base import InstrumentId
from messages.market import FeedReplay, FeedStale, SubscribeFeed, SubscriptionsChanged


def renewal() -> SubscribeFeed:
    return subscribe().model_copy(update={"replay": False})


def test_who_renews_keeps_its_streams_and_is_sent_nothing() -> None:
    feed = managed(linger_ns=S)
    feed.say(subscribe())
    said = [feed.say(renewal(), T0 + 10 * n * S) for n in range(1, 30)]
    timers = [feed.fire("streams", T0 + 10 * n * S) for n in range(30, 35)]

    assert [only(FeedReplay, out) for out in said] == [[]] * len(said)
    assert [asked(out, "unsubscribe") for out in timers] == [set()] * len(timers)


def test_the_streams_of_a_strategy_that_is_given_up_are_closed_and_it_is_said_why() -> None:
    feed = managed()
    feed.say(subscribe())
    feed.say(up("public"))
    feed.say(confirmed("book", "quotes"))

    lapsed = feed.fire("streams", T0 + 60 * S)
    closed = feed.fire("streams", T0 + 90 * S)

    assert asked(lapsed, "unsubscribe") == set()
    assert asked(closed, "unsubscribe") == ALL
    (event,) = only(SubscriptionsChanged, closed)
    assert "strategy-A has not asked for it for 60 s" in event.reason  # type: ignore[attr-defined]


def test_what_the_run_wants_from_the_start_is_closed_too_where_nobody_comes_for_it() -> None:
    feed = Driver(routes=ROUTES, wanted=(("strategy-A", BTC, "book"), ("risk", BTC, "quotes")))
    feed.resume()
    for n in range(1, 12):
        renewed = {"asker": "risk", "streams": ("quotes",), "replay": False}
        feed.say(subscribe().model_copy(update=renewed), T0 + 10 * n * S)

    assert {s.key.kind for s in feed.state.subs.statuses()} == {"quotes"}


def test_a_feed_that_does_not_say_how_it_is_drops_nobody_for_not_answering() -> None:
    feed = managed(stale_after_ns=())
    feed.say(subscribe())

    assert asked(feed.fire("streams", T0 + 900 * S), "unsubscribe") == set()


def test_a_renewal_of_what_was_refused_does_not_say_so_again() -> None:
    other = (InstrumentId("X.BINANCE"),)
    feed = managed()

    refused = feed.say(subscribe().model_copy(update={"instrument_ids": other}))
    again = feed.say(renewal().model_copy(update={"instrument_ids": other}))

    assert len(only(SubscriptionsChanged, refused)) == 1
    assert only(SubscriptionsChanged, again) == []


def test_a_stream_that_is_opened_again_has_the_usual_time_to_speak() -> None:
    feed = managed(stale_after_ns=(("trades", 5 * S),), linger_ns=S)
    feed.say(subscribe())
    feed.say(up("market"))
    feed.say(trades(T0))
    feed.say(leave("strategy-A"))
    feed.fire("streams", T0 + 2 * S)

    feed.say(subscribe(), T0 + 50 * S)
    soon = feed.fire("stale", T0 + 51 * S)
    later = feed.fire("stale", T0 + 56 * S)

    assert only(FeedStale, soon) == []
    assert [m.stream for m in only(FeedStale, later)] == ["trades", "bars"]  # type: ignore[attr-defined]
