"""One upstream subscription for all who want a stream, whatever the connection does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages.base import InstrumentId
from trading.subscriptions import (
    StreamChange,
    StreamKey,
    StreamState,
    SubscriptionLimits,
    SubscriptionRefused,
    Subscriptions,
)

S = 1_000_000_000
BOOK = StreamKey(InstrumentId("BTC-USD.COINBASE"), "BOOK")
TRADES = StreamKey(InstrumentId("BTC-USD.COINBASE"), "TRADES")
P, A, Z, E, U = (
    StreamState.PENDING,
    StreamState.ACTIVE,
    StreamState.PAUSED,
    StreamState.ERROR,
    StreamState.UNSUBSCRIBED,
)


def connected(**limits: int) -> Subscriptions:
    found = Subscriptions(SubscriptionLimits(**limits))
    found.up()
    return found


def key(n: int) -> StreamKey:
    return StreamKey(InstrumentId(f"C{n}-USD.COINBASE"), "BOOK")


def test_the_first_opens_the_last_closes_and_who_asks_again_changes_nothing() -> None:
    subs = connected()

    assert subs.subscribe("a", BOOK, 1) == (StreamChange(BOOK, None, P),)
    assert subs.subscribe("a", BOOK, 2) == subs.subscribe("b", BOOK, 3) == ()
    assert subs.due(4).subscribe == (BOOK,)
    assert subs.due(5).subscribe == ()
    assert subs.unsubscribe("a", BOOK) == subs.unsubscribe("nobody", BOOK) == ()
    assert subs.due(6).unsubscribe == ()
    assert subs.unsubscribe("b", BOOK) == (StreamChange(BOOK, P, U),)
    assert subs.due(7).unsubscribe == (BOOK,)
    assert subs.status(BOOK) is None


def test_a_stream_that_was_never_asked_for_is_not_left() -> None:
    subs = connected()
    subs.subscribe("a", BOOK, 1)
    subs.unsubscribe("a", BOOK)

    assert subs.due(2) == subs.due(3)
    assert subs.due(4).unsubscribe == ()


def test_confirmation_refusal_and_data_move_the_state_and_are_kept() -> None:
    subs = connected()
    for stream in (BOOK, TRADES):
        subs.subscribe("a", stream, 1)
    subs.due(2)

    assert subs.confirmed(BOOK, 3) == (StreamChange(BOOK, P, A),)
    assert subs.refused(TRADES, "not a valid product", 4) == (StreamChange(TRADES, P, E),)
    assert subs.heard(BOOK, 5, 7) == ()
    book, trades = subs.statuses()
    assert (book.state, book.messages, book.updated_ns, book.created_ns) == (A, 7, 5, 1)
    assert (trades.state, trades.error) == (E, "not a valid product")
    assert subs.again(TRADES) == (StreamChange(TRADES, E, P),)
    assert subs.due(6).subscribe == (TRADES,)
    assert subs.heard(TRADES, 7) == (StreamChange(TRADES, P, A),)
    status = subs.status(TRADES)
    assert status is not None
    assert status.error == ""


def test_a_lost_connection_pauses_all_and_the_next_one_asks_for_all_again() -> None:
    subs = connected()
    for stream in (TRADES, BOOK):
        subs.subscribe("a", stream, 1)
    subs.due(2)
    subs.confirmed(BOOK, 3)

    assert subs.down() == (StreamChange(TRADES, P, Z), StreamChange(BOOK, A, Z))
    assert subs.due(4).subscribe == ()
    subs.subscribe("b", key(1), 5)
    assert [s.state for s in subs.statuses()] == [Z, Z, Z]
    assert len(subs.up()) == 3
    assert subs.due(5 * S).subscribe == (TRADES, BOOK, key(1))


def test_a_stream_that_was_left_while_down_is_not_left_again() -> None:
    subs = connected()
    subs.subscribe("a", BOOK, 1)
    subs.due(2)
    subs.down()
    subs.unsubscribe("a", BOOK)
    subs.up()

    assert subs.due(5 * S) == subs.due(6 * S)


def test_a_stream_that_is_wanted_again_before_it_was_left_stays() -> None:
    subs = connected()
    subs.subscribe("a", BOOK, 1)
    subs.due(2)
    subs.unsubscribe("a", BOOK)
    subs.subscribe("b", BOOK, 3)

    due = subs.due(4)

    assert (due.subscribe, due.unsubscribe) == ((), ())
    assert subs.heard(BOOK, 5) == (StreamChange(BOOK, P, A),)


def test_no_more_than_ten_new_ones_a_second_are_asked_for() -> None:
    subs = connected()
    for n in range(25):
        subs.subscribe("a", key(n), 0)

    first = subs.due(0).subscribe
    at_once = subs.due(S // 2).subscribe
    later = subs.due(S).subscribe

    assert (len(first), len(at_once), len(later)) == (10, 0, 10)
    assert subs.next_due(S) == 2 * S
    assert len(subs.due(2 * S).subscribe) == 5
    assert subs.next_due(2 * S) is None


def test_limits_and_names_are_refused_in_one_line() -> None:
    subs = connected(total=3, per_instrument=2)
    for kind in ("BOOK", "TRADES"):
        subs.subscribe("a", StreamKey(BOOK.instrument_id, kind), 0)
    with pytest.raises(SubscriptionRefused, match="2 streams of it are open"):
        subs.subscribe("a", StreamKey(BOOK.instrument_id, "BARS"), 0)
    subs.subscribe("a", key(1), 0)
    with pytest.raises(SubscriptionRefused, match="3 streams are open"):
        subs.subscribe("a", key(2), 0)
    for name in ("BTCUSDT", "btc.binance", "", "BTC USD.COINBASE"):
        with pytest.raises(SubscriptionRefused, match="no instrument"):
            connected().subscribe("a", StreamKey(InstrumentId(name), "BOOK"), 0)


def test_who_is_gone_leaves_everything() -> None:
    subs = connected()
    for stream in (BOOK, TRADES):
        subs.subscribe("a", stream, 0)
    subs.subscribe("b", TRADES, 0)

    assert subs.leave("a") == (StreamChange(BOOK, P, U),)
    assert [s.subscribers for s in subs.statuses()] == [frozenset({"b"})]


_VERBS = st.sampled_from(["subscribe", "unsubscribe", "up", "down", "due", "confirmed", "refused"])


@given(st.lists(st.tuples(_VERBS, st.integers(0, 3), st.sampled_from("ab")), max_size=60))
def test_what_the_venue_holds_is_what_is_wanted_whatever_happens(
    story: list[tuple[str, int, str]],
) -> None:
    subs, venue, now = connected(), set[StreamKey](), 0
    for verb, n, who in story:
        now += S
        match verb:
            case "subscribe":
                subs.subscribe(who, key(n), now)
            case "unsubscribe":
                subs.unsubscribe(who, key(n))
            case "up" | "down":
                venue.clear()
                subs.up() if verb == "up" else subs.down()
            case "due":
                due = subs.due(now)
                assert not set(due.subscribe) & venue
                assert set(due.unsubscribe) <= venue
                venue = (venue - set(due.unsubscribe)) | set(due.subscribe)
            case "confirmed":
                subs.confirmed(key(n), now)
            case "refused":
                subs.refused(key(n), "no", now)
    subs.down()
    subs.up()

    assert set(subs.due(now + S).subscribe) == {s.key for s in subs.statuses()}
