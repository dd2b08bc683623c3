"""Silence is judged by how a stream has spoken, and climbs a ladder until it speaks again."""

import numpy as np
import pytest
from feed_driver import (
    BTC,
    T0,
    Driver,
    S,
    book,
    confirmed,
    only,
    probed,
    snapshot,
    subscribe,
    trades,
)

from messages import Message
from messages.base import NS_PER_MS
from messages.market import (
    FeedRecovered,
    FeedStale,
    ProbeStream,
    RepairStep,
    RepairStream,
    StreamProbed,
)
from messages.venue import StreamDown, StreamUp
from trading.liveness import LADDER, Pulse

MS = NS_PER_MS


def spoken(every_ns: int, times: int = 300, **more: int) -> Pulse:
    pulse = Pulse(60 * S, **more)
    for n in range(times):
        pulse.heard(T0 + n * every_ns)
    return pulse


@pytest.mark.parametrize("every_ms", [500, 2_000, 7_000])
def test_a_stall_is_found_within_three_of_a_streams_own_intervals(every_ms: int) -> None:
    pulse = spoken(every_ms * MS)
    last = pulse.heard_ns

    assert not pulse.stalled(last + 3 * every_ms * MS)
    assert pulse.stalled(last + 3 * every_ms * MS + 1)


def test_a_stream_that_pauses_now_and_then_is_given_its_pause() -> None:
    pulse = spoken(100 * MS, times=50)
    pulse.heard(pulse.heard_ns + 4 * S)
    for _ in range(20):
        pulse.heard(pulse.heard_ns + 100 * MS)

    assert not pulse.stalled(pulse.heard_ns + 10 * S)


def test_limits_hold_whatever_the_pace() -> None:
    fast, slow = spoken(1 * MS, floor_ns=S), spoken(50 * S)

    assert fast.limit_ns == S
    assert slow.limit_ns == 60 * S
    assert Pulse(5 * S).limit_ns == 5 * S  # nothing is known yet


def test_randomly_spoken_streams_are_not_called_stale() -> None:
    rng = np.random.default_rng(3)
    pulse, now, alarms = Pulse(60 * S, floor_ns=1 * MS), T0, 0
    for gap in rng.exponential(100 * MS, 20_000).astype(int):
        for at in range(now, now + int(gap), 50 * MS):
            alarms += pulse.stalled(at)
        now += int(gap)
        pulse.heard(now)

    assert alarms < 20  # one in a thousand


def test_a_stall_climbs_the_ladder_step_by_step_and_stays_at_its_end() -> None:
    pulse = spoken(500 * MS)
    steps, now = [], pulse.heard_ns
    pulse.missed(now)
    for _ in range(600):
        now += 100 * MS
        pulse.stalled(now)
        if (step := pulse.repair(now, alone=True)) is not None:
            steps.append((step, now - pulse.heard_ns))

    assert tuple(step for step, _ in steps) == LADDER
    whens = [when for _, when in steps]
    assert whens == sorted(whens)
    assert whens[0] < 2 * S


def test_a_new_connection_does_not_begin_the_ladder_anew() -> None:
    pulse, steps = spoken(500 * MS), []
    now = pulse.heard_ns
    for _ in range(600):
        now += 100 * MS
        pulse.stalled(now)
        step = pulse.repair(now, alone=True)
        if step is not None:
            steps.append(step)
            pulse.expect(now + 100 * MS)  # it is asked for on whatever was made anew
            pulse.missed(now + 200 * MS)

    assert tuple(steps) == LADDER


def test_a_stream_whose_connection_speaks_is_asked_for_again_and_nothing_more() -> None:
    pulse, steps, now = spoken(500 * MS), [], T0 + 150 * S
    pulse.missed(now)
    for _ in range(6_000):  # ten minutes
        now += 100 * MS
        pulse.stalled(now)
        if (step := pulse.repair(now, alone=False)) is not None:
            steps.append(step)

    assert set(steps) == {RepairStep.RESUBSCRIBE}
    assert 5 < len(steps) < 20


def test_a_process_is_not_ended_before_the_venue_says_that_it_misses_something() -> None:
    pulse, steps, now = spoken(500 * MS), [], T0 + 150 * S
    for _ in range(3_000):
        now += 100 * MS
        pulse.stalled(now)
        if (step := pulse.repair(now, alone=True)) is not None:
            steps.append(step)

    assert RepairStep.RESTART not in steps
    assert steps[:2] == list(LADDER[:2])


def test_a_quiet_market_that_the_venue_vouches_for_is_never_stale_and_ever_more_seldom_asked() -> (
    None
):
    pulse, asked, now = Pulse(5 * S), [], T0
    pulse.expect(now)
    for _ in range(36_000):  # an hour
        now += 100 * MS
        assert not pulse.stalled(now)
        if pulse.wants_probe(now, suspected=False):
            pulse.probed_ns = now
            asked.append(now)
            pulse.vouched(now)

    assert len(asked) < 30
    assert pulse.repair(now, alone=True) is None


def test_a_quiet_stream_that_misses_something_is_stale_a_second_after_the_venue_says_so() -> None:
    pulse = Pulse(5 * S)
    pulse.expect(T0)
    for n in range(4):  # the venue vouched, so it is given minutes
        pulse.vouched(T0 + n * S)
    pulse.missed(T0 + 10 * S)

    assert not pulse.stalled(T0 + 10 * S + 999 * MS)
    assert pulse.stalled(T0 + 11 * S)
    assert pulse.repair(T0 + 11 * S, alone=False) is RepairStep.RESUBSCRIBE


def in_step_and_busy() -> Driver:
    feed = Driver(routes=(("book", ""),), probes=(("book", "book"),))
    feed.resume()
    feed.say(subscribe())
    feed.say(StreamUp(ts_event=T0, ts_init=T0))
    feed.say(confirmed("book"))
    feed.say(snapshot(10))
    for n in range(11, 41):
        feed.say(book(n, n, (1, 99.0, float(n))), feed.now + 200 * MS)
    return feed


def moved(asked: ProbeStream) -> StreamProbed:
    """The venue's book is not ours."""
    return probed(asked, levels=[(1, 98.0, 1.0), (-1, 99.5, 1.0)])


def test_the_feed_tells_the_stall_then_repairs_then_tells_that_it_is_over() -> None:
    feed = in_step_and_busy()
    begun, told, repaired = feed.now, [], []
    for tick in range(1, 100):
        out = feed.fire("stale", begun + tick * 100 * MS)
        told += only(FeedStale, out)
        for step in only(RepairStream, out):
            repaired.append(step.step)  # type: ignore[attr-defined]
            if step.step is RepairStep.RECONNECT:  # type: ignore[attr-defined]
                feed.say(StreamDown(ts_event=feed.now, ts_init=feed.now, reason="cut"))
                feed.say(StreamUp(ts_event=feed.now, ts_init=feed.now))
            feed.say(confirmed("book"))
        for asked in only(ProbeStream, out):
            feed.say(moved(asked))  # type: ignore[arg-type]
    feed.say(snapshot(60))
    back = feed.say(book(61, 61, (1, 99.0, 5.0)))

    assert [m.silent_ns <= 1_100 * MS for m in told] == [True]  # type: ignore[attr-defined]
    assert repaired == list(LADDER)
    assert only(RepairStream, feed.fire("stale", feed.now + 100 * MS)) == []
    assert [m.stream for m in only(FeedRecovered, back)] in ([], ["book"])  # type: ignore[attr-defined]
    assert not feed.state.tracked[BTC].pulses["book"].stale


def test_a_book_that_is_as_the_venue_says_is_quiet_and_not_stale() -> None:
    feed = Driver(routes=(("book", ""),), probes=(("book", "book"),))
    feed.resume()
    feed.say(subscribe())
    feed.say(StreamUp(ts_event=T0, ts_init=T0))
    feed.say(snapshot(10))
    out: list[Message] = []
    for tick in range(1, 1_200):
        said = feed.fire("stale", T0 + tick * 100 * MS)
        for asked in only(ProbeStream, said):
            same = [(1, 100.0, 1.0), (-1, 101.0, 1.0)]
            out += feed.say(probed(asked, levels=same))  # type: ignore[arg-type]
        out += said

    assert only(FeedStale, tuple(out)) == []
    assert only(RepairStream, tuple(out)) == []
    assert 2 < len(only(ProbeStream, tuple(out))) < 8


def test_trades_that_the_venue_has_and_the_stream_does_not_are_a_stall() -> None:
    feed = Driver(
        routes=(("book", ""), ("trades", "")),
        probes=(("trades", "trades"),),
        stale_after_ns=(("trades", 30 * S),),
    )
    feed.resume()
    feed.say(subscribe())
    feed.say(StreamUp(ts_event=T0, ts_init=T0))
    feed.say(trades(T0, trade_id=1))
    out: list[Message] = []
    for tick in range(1, 600):
        said = feed.fire("stale", T0 + tick * 100 * MS)
        if tick % 10 == 0:  # the book of the same connection goes on
            feed.say(book(tick, tick, (1, 99.0, float(tick))))
        for asked in only(ProbeStream, said):
            out += feed.say(probed(asked, trades=[(T0 + S, 2)]))  # type: ignore[arg-type]
        out += said

    (first, *_) = only(FeedStale, tuple(out))
    assert {m.stream for m in only(FeedStale, tuple(out))} == {"trades", "bars"}  # type: ignore[attr-defined]
    assert first.ts_event < T0 + 23 * S
    steps = {m.step for m in only(RepairStream, tuple(out))}  # type: ignore[attr-defined]
    assert steps == {RepairStep.RESUBSCRIBE}


def test_a_trade_is_reason_to_ask_about_a_book_that_is_silent_since() -> None:
    feed = Driver(
        routes=(("book", ""), ("trades", "")),
        probes=(("book", "book"), ("trades", "trades")),
        stale_after_ns=(("book", 60 * S), ("trades", 60 * S)),
    )
    feed.resume()
    feed.say(subscribe())
    feed.say(StreamUp(ts_event=T0, ts_init=T0))
    feed.say(snapshot(10))
    feed.say(trades(T0 + 5 * S), T0 + 5 * S)

    soon = feed.fire("stale", T0 + 5 * S + 900 * MS)
    asked = only(ProbeStream, feed.fire("stale", T0 + 6 * S + 100 * MS))
    feed.say(moved(asked[0]))  # type: ignore[arg-type]
    told = only(FeedStale, feed.fire("stale", T0 + 7 * S + 200 * MS))

    assert only(ProbeStream, soon) == []
    assert [m.stream for m in told] == ["book"]  # type: ignore[attr-defined]


def test_what_has_no_connection_is_not_repaired_and_has_time_on_the_next_one() -> None:
    feed = in_step_and_busy()
    begun = feed.now
    feed.say(StreamDown(ts_event=begun, ts_init=begun, reason="cut"))
    away = [m for tick in range(1, 60) for m in feed.fire("stale", begun + tick * 100 * MS)]
    feed.say(StreamUp(ts_event=feed.now, ts_init=feed.now))
    feed.say(confirmed("book"))
    soon = feed.fire("stale", feed.now + 100 * MS)
    later = feed.fire("stale", feed.now + 2 * S)

    assert len(only(FeedStale, tuple(away))) == 1
    assert only(RepairStream, tuple(away)) == []
    assert only(RepairStream, soon) == []
    assert [m.step for m in only(RepairStream, later)] == [RepairStep.RESUBSCRIBE]  # type: ignore[attr-defined]
    assert all(m.instrument_id == BTC for m in only(RepairStream, later))  # type: ignore[attr-defined]
