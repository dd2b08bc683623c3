"""Silence is judged by how a stream has spoken, and climbs a ladder until it speaks again."""

import numpy as np
import pytest
from feed_driver import BTC, T0, Driver, S, book, only, snapshot

from messages.base import NS_PER_MS
from messages.market import FeedRecovered, FeedStale, RepairStep, RepairStream
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
    for _ in range(600):
        now += 100 * MS
        pulse.stalled(now)
        if (step := pulse.repair(now)) is not None:
            steps.append((step, now - pulse.heard_ns))

    assert tuple(step for step, _ in steps) == LADDER
    whens = [when for _, when in steps]
    assert whens == sorted(whens)
    assert whens[0] < 2 * S


def in_step_and_busy() -> Driver:
    feed = Driver()
    feed.resume()
    feed.say(snapshot(10))
    for n in range(11, 41):
        feed.say(book(n, n, (1, 99.0, float(n))), feed.now + 200 * MS)
    return feed


def test_the_feed_tells_the_stall_then_repairs_then_tells_that_it_is_over() -> None:
    feed = in_step_and_busy()
    begun, told, repaired = feed.now, [], []
    for tick in range(1, 80):
        out = feed.fire("stale", begun + tick * 100 * MS)
        told += only(FeedStale, out)
        repaired += [m.step for m in only(RepairStream, out)]  # type: ignore[attr-defined]
    back = feed.say(book(41, 41, (1, 99.0, 5.0)))

    assert [m.silent_ns <= 1_100 * MS for m in told] == [True]  # type: ignore[attr-defined]
    assert repaired == list(LADDER)
    assert len(only(FeedRecovered, back)) == 1
    assert only(RepairStream, feed.fire("stale", feed.now + 100 * MS)) == []


def test_what_has_no_connection_is_not_repaired_and_begins_anew_with_the_next_one() -> None:
    feed = in_step_and_busy()
    begun = feed.now
    feed.say(StreamDown(ts_event=begun, ts_init=begun, reason="cut"))
    away = [m for tick in range(1, 60) for m in feed.fire("stale", begun + tick * 100 * MS)]
    feed.say(StreamUp(ts_event=feed.now, ts_init=feed.now))
    soon = feed.fire("stale", feed.now + 100 * MS)
    later = feed.fire("stale", feed.now + 2 * S)

    assert len(only(FeedStale, tuple(away))) == 1
    assert only(RepairStream, tuple(away)) == []
    assert only(RepairStream, soon) == []
    assert [m.step for m in only(RepairStream, later)] == [RepairStep.RESUBSCRIBE]  # type: ignore[attr-defined]
    assert all(m.instrument_id == BTC for m in only(RepairStream, later))  # type: ignore[attr-defined]
