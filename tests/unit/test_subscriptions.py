"""One upstream subscription for all who want a stream, whatever the connections do."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages.base import InstrumentId
from messages.market import StreamState
from trading.subscriptions import (
    RETRY_NS,
    TRIES,
    UNCONFIRMED,
    StreamChange,
    StreamKey,
    StreamStatus,
    SubscriptionLimits,
    SubscriptionRefused,
    Subscriptions,
)

S = 1_000_000_000
BOOK = StreamKey(InstrumentId("BTC-USD.COINBASE"), "book")
TRADES = StreamKey(InstrumentId("BTC-USD.COINBASE"), "trades")
P, A, Z, E, U = (
    StreamState.PENDING,
    StreamState.ACTIVE,
    StreamState.PAUSED,
    StreamState.ERROR,
    StreamState.UNSUBSCRIBED,
)


def connected(routes: dict[str, str] | None = None, **limits: int) -> Subscriptions:
    found = Subscriptions(SubscriptionLimits(**limits), routes or {})
    for route in {"", *(routes or {}).values()}:
        found.up(route, 0)
    return found


def key(n: int) -> StreamKey:
    return StreamKey(InstrumentId(f"C{n}-USD.COINBASE"), "book")


def status(subs: Subscriptions, of: StreamKey) -> StreamStatus:
    return next(s for s in subs.statuses() if s.key == of)


def test_the_first_opens_the_last_closes_and_who_asks_again_changes_nothing() -> None:
    subs = connected()

    assert subs.subscribe("a", BOOK, 1) == (StreamChange(BOOK, None, P),)
    assert subs.subscribe("a", BOOK, 2) == subs.subscribe("b", BOOK, 3) == ()
    assert subs.due(4).subscribe == (BOOK,)
    assert subs.due(5).subscribe == ()
    subs.unsubscribe("a", BOOK, 5)
    subs.unsubscribe("nobody", BOOK, 5)
    assert subs.due(6).unsubscribe == ()
    subs.unsubscribe("b", BOOK, 6)
    last = subs.due(7)
    assert (last.unsubscribe, last.changes) == ((BOOK,), (StreamChange(BOOK, P, U),))
    assert subs.statuses() == ()


def test_a_stream_that_was_never_asked_for_is_not_left() -> None:
    subs = connected()
    subs.subscribe("a", BOOK, 1)
    subs.unsubscribe("a", BOOK, 1)

    assert subs.due(2).unsubscribe == ()
    assert subs.statuses() == ()


def test_who_comes_back_soon_finds_the_stream_open() -> None:
    subs = connected(linger_ns=30 * S)
    subs.subscribe("a", BOOK, 0)
    subs.due(0)
    subs.heard(*BOOK, S)
    subs.unsubscribe("a", BOOK, 2 * S)

    assert subs.next_due(2 * S) == 32 * S
    assert subs.due(31 * S).unsubscribe == ()
    assert subs.subscribe("a", BOOK, 31 * S) == ()
    assert subs.due(90 * S).unsubscribe == ()
    assert subs.state(*BOOK) is A


def test_confirmation_refusal_and_data_move_the_state_and_are_kept() -> None:
    subs = connected()
    for stream in (BOOK, TRADES):
        subs.subscribe("a", stream, 1)
    subs.due(2)

    assert subs.confirmed(BOOK, 3) == (StreamChange(BOOK, P, A),)
    (refused,) = subs.refused(TRADES, "not a valid product", 4)
    assert (refused.after, refused.reason) == (E, "not a valid product; asked again")
    assert subs.heard(*BOOK, 5, 7) == ()
    book, trades = status(subs, BOOK), status(subs, TRADES)
    assert (book.state, book.messages, book.updated_ns, book.created_ns) == (A, 7, 5, 1)
    assert (trades.state, trades.error, trades.tries) == (E, "not a valid product", 1)
    assert subs.heard(*TRADES, 7) == (StreamChange(TRADES, E, A),)
    assert (status(subs, TRADES).error, status(subs, TRADES).tries) == ("", 0)


@pytest.mark.parametrize("answers", [True, False], ids=["refused", "not answered"])
def test_a_stream_without_a_yes_is_asked_for_again_a_few_times_and_then_given_up(
    answers: bool,
) -> None:
    subs = connected()
    subs.subscribe("a", BOOK, 0)
    asked, now = len(subs.due(0).subscribe), 0
    times = []
    for _ in range(1_000):
        if answers and subs.state(*BOOK) is P:
            subs.refused(BOOK, "no", now)
        now += S
        due = subs.due(now)
        asked += len(due.again)
        times += [now] * len(due.again)

    told = status(subs, BOOK)
    gaps = [b - a for a, b in pairwise(times)]
    assert asked == TRIES
    assert gaps == sorted(gaps)
    assert gaps[-1] >= 4 * RETRY_NS
    assert (told.state, told.error) == (E, "no" if answers else UNCONFIRMED)
    assert subs.next_due(now) is None
    subs.subscribe("b", BOOK, now)  # somebody wants it anew
    assert subs.due(now).again == (BOOK,)


def test_a_new_connection_gives_what_was_given_up_another_chance() -> None:
    subs = connected()
    subs.subscribe("a", BOOK, 0)
    subs.due(0)
    for n in range(TRIES):
        subs.refused(BOOK, "no", n)
    subs.down("", 10)

    assert subs.up("", 11) == (StreamChange(BOOK, Z, P),)
    assert subs.next_due(11) == 11 + RETRY_NS


def test_a_lost_connection_pauses_its_streams_and_no_others() -> None:
    subs = connected({"book": "public", "trades": "market"})
    for stream in (TRADES, BOOK):
        subs.subscribe("a", stream, 1)
    subs.due(2)
    subs.confirmed(BOOK, 3)
    subs.confirmed(TRADES, 3)

    assert subs.down("market", 4) == (StreamChange(TRADES, A, Z),)
    assert subs.state(*BOOK) is A
    assert subs.due(5).subscribe == ()
    assert subs.up("market", 6) == (StreamChange(TRADES, Z, P),)
    assert subs.due(5 * S).subscribe == ()  # the connection asks for all that it carries


def test_what_is_wanted_while_down_is_asked_for_once_and_waits_for_the_connection() -> None:
    subs = Subscriptions()

    assert subs.subscribe("a", BOOK, 1) == (StreamChange(BOOK, None, Z),)
    assert subs.due(2).subscribe == (BOOK,)
    assert subs.due(20 * S).again == ()
    assert subs.up("", 21 * S) == (StreamChange(BOOK, Z, P),)


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


def test_limits_and_names_are_refused_in_one_line() -> None:
    subs = connected(total=3, per_instrument=2)
    for kind in ("book", "trades"):
        subs.subscribe("a", StreamKey(BOOK.instrument_id, kind), 0)
    with pytest.raises(SubscriptionRefused, match="2 streams of it are open"):
        subs.subscribe("a", StreamKey(BOOK.instrument_id, "bars"), 0)
    subs.subscribe("a", key(1), 0)
    with pytest.raises(SubscriptionRefused, match="3 streams in all are open"):
        subs.subscribe("a", key(2), 0)
    for name in ("BTCUSDT", "btc.binance", "", "BTC USD.COINBASE"):
        with pytest.raises(SubscriptionRefused, match="no instrument"):
            connected().subscribe("a", StreamKey(InstrumentId(name), "book"), 0)


def test_a_connection_carries_as_many_streams_as_the_venue_takes() -> None:
    subs = connected({"book": "public", "trades": "market"}, per_connection=1)
    subs.subscribe("a", BOOK, 0)
    subs.subscribe("a", TRADES, 0)  # comes over the other one

    with pytest.raises(SubscriptionRefused) as told:
        subs.subscribe("a", key(1), 0)
    assert str(told.value) == (
        "C1-USD.COINBASE book: 1 streams on its connection are open, as many as the venue takes;"
        " name fewer instruments in the run's file, or give some of them to another run"
    )


def test_who_is_gone_leaves_everything() -> None:
    subs = connected()
    for stream in (BOOK, TRADES):
        subs.subscribe("a", stream, 0)
    subs.subscribe("b", TRADES, 0)

    subs.leave("a", 1)

    assert subs.due(2).changes == (StreamChange(BOOK, P, U),)
    assert [s.subscribers for s in subs.statuses()] == [frozenset({"b"})]


def test_who_says_nothing_for_its_lease_has_left_and_who_renews_has_not() -> None:
    subs = connected(lease_ns=60 * S, linger_ns=30 * S)
    for who in "ab":
        subs.subscribe(who, BOOK, 0)
        subs.subscribe(who, TRADES, 0)
    subs.due(0)
    subs.renew("b", [BOOK], 50 * S)

    assert subs.next_due(S) == 5 * S  # unconfirmed; the leases are later
    subs.due(60 * S)
    assert [s.subscribers for s in subs.statuses()] == [frozenset("b")] * 2
    assert subs.due(109 * S).unsubscribe == ()
    subs.due(110 * S)
    gone = subs.due(140 * S)
    assert set(gone.unsubscribe) == {BOOK, TRADES}
    assert {c.reason for c in gone.changes if c.after is U} == {"b has not asked for it for 60 s"}
    assert subs.statuses() == ()
    assert subs.next_due(140 * S) is None


def test_a_lease_that_ends_is_waited_for() -> None:
    subs = connected(lease_ns=60 * S)
    subs.subscribe("a", BOOK, 2 * S)
    subs.due(2 * S)
    subs.heard(*BOOK, 3 * S)

    assert subs.next_due(3 * S) == 62 * S
    assert subs.due(62 * S).unsubscribe == (BOOK,)


def test_without_leases_nobody_is_gone_for_saying_nothing() -> None:
    subs = connected()
    subs.subscribe("a", BOOK, 0)
    subs.due(0)
    subs.heard(*BOOK, S)

    assert subs.next_due(S) is None
    assert subs.due(9_000 * S).unsubscribe == ()


def test_a_renewal_brings_back_what_was_lost_and_asks_anew_for_nothing_that_was_given_up() -> None:
    subs = connected(lease_ns=60 * S)
    for stream in (BOOK, TRADES):
        subs.subscribe("a", stream, 0)
    subs.due(0)
    for n in range(TRIES):
        subs.refused(BOOK, "no", n)
    subs.unsubscribe("a", TRADES, S)  # a late word of an earlier process

    changes = subs.renew("a", [BOOK, TRADES], 2 * S)
    due = subs.due(2 * S)

    assert status(subs, TRADES).subscribers == frozenset("a")
    assert changes == ()
    assert (due.subscribe, due.again, due.unsubscribe) == ((), (), ())
    assert subs.state(*BOOK) is E


def test_what_finds_no_room_is_had_by_a_renewal_once_there_is_some() -> None:
    subs = connected(total=1)
    subs.subscribe("a", BOOK, 0)
    with pytest.raises(SubscriptionRefused):
        subs.subscribe("b", TRADES, 0)

    assert subs.renew("b", [TRADES], S) == ()
    subs.leave("a", 2 * S)
    subs.due(2 * S)
    assert subs.renew("b", [TRADES], 3 * S) == (StreamChange(TRADES, None, P),)


_VERBS = st.sampled_from(["subscribe", "unsubscribe", "up", "down", "due", "confirmed", "refused"])


@given(st.lists(st.tuples(_VERBS, st.integers(0, 3), st.sampled_from("ab")), max_size=60))
def test_what_the_venue_is_asked_for_is_what_is_wanted_whatever_happens(
    story: list[tuple[str, int, str]],
) -> None:
    subs, asked, now = connected(), set[StreamKey](), 0
    wanted: dict[StreamKey, set[str]] = {}
    for verb, n, who in story:
        now += S
        match verb:
            case "subscribe":
                subs.subscribe(who, key(n), now)
                wanted.setdefault(key(n), set()).add(who)
            case "unsubscribe":
                subs.unsubscribe(who, key(n), now)
                wanted.get(key(n), set()).discard(who)
            case "up":
                subs.up("", now)
            case "down":
                subs.down("", now)
            case "due":
                due = subs.due(now)
                assert not set(due.subscribe) & asked
                assert set(due.unsubscribe) <= asked
                asked = (asked - set(due.unsubscribe)) | set(due.subscribe)
                assert set(due.again) <= asked
            case "confirmed":
                subs.confirmed(key(n), now)
            case "refused":
                subs.refused(key(n), "no", now)
    due = subs.due(now + S)
    asked = (asked - set(due.unsubscribe)) | set(due.subscribe)

    assert asked == {k for k, who in wanted.items() if who}
