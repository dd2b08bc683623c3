"""Clocks that are set while we look: ours never runs backwards, the venue's is measured anew."""

from dataclasses import dataclass

from actors.clock import WallClock
from messages.base import NS_PER_MS, NS_PER_S
from venues.net.clock import VenueClock

START = 1_700_000_000 * NS_PER_S
MS = NS_PER_MS


@dataclass
class Host:
    """A host whose wall clock can be set."""

    set_by_ns: int = 0
    gone_ns: int = 0

    def wall_ns(self) -> int:
        return START + self.gone_ns + self.set_by_ns

    def steady_ns(self) -> int:
        return self.gone_ns

    def clock(self) -> VenueClock:
        return VenueClock(self.wall_ns, steady_ns=self.steady_ns)

    def measure(self, clock: VenueClock, round_trip_ns: int = 2 * MS, ahead_ns: int = 0) -> None:
        """One question to a venue whose clock is true, or `ahead_ns` ahead."""
        sent_ns = clock.local_ns()
        venue_ns = START + self.gone_ns + round_trip_ns // 2 + ahead_ns
        self.gone_ns += round_trip_ns
        clock.add(sent_ns, venue_ns // MS * MS, clock.local_ns())


def test_a_clock_that_is_set_back_goes_on_slowly_until_it_has_caught_up() -> None:
    host = Host()
    clock = WallClock(host.wall_ns, host.steady_ns)
    before = clock.now_ns()

    host.set_by_ns = -10 * NS_PER_S
    told = []
    for _ in range(5):
        host.gone_ns += NS_PER_S
        told.append(clock.now_ns() - before)
    host.gone_ns += 20 * NS_PER_S

    assert told == [n * NS_PER_S // 2 for n in range(1, 6)]
    assert clock.now_ns() == host.wall_ns()


def test_the_venues_time_goes_on_while_the_hosts_clock_is_set_back() -> None:
    host = Host()
    clock = host.clock()
    host.measure(clock)

    host.set_by_ns = -3 * NS_PER_S
    host.gone_ns += NS_PER_S

    assert abs(clock.now_ns() - (START + host.gone_ns)) <= 2 * MS
    assert clock.uncertainty_ns >= MS  # never exact


def test_nothing_is_signed_after_the_host_was_set_until_the_venue_is_asked_again() -> None:
    host = Host()
    clock = host.clock()
    host.measure(clock)
    assert clock.problem() == ""

    host.set_by_ns = -100 * MS
    stepped = clock.problem()
    host.measure(clock)

    assert "this host's clock was set by -100 ms" in stepped
    assert clock.problem() == ""
    assert abs(clock.offset_ns - 100 * MS) <= 2 * MS


def test_a_host_that_was_set_far_off_is_told_so_and_signs_again_once_it_is_right() -> None:
    host = Host()
    clock = host.clock()
    host.measure(clock)
    host.set_by_ns = -NS_PER_S
    host.measure(clock)
    far = clock.problem()

    host.set_by_ns = 0
    host.measure(clock)

    assert "this host's clock is 999 ms behind" in far or "is 1000 ms behind" in far
    assert clock.problem() == ""


def test_a_refused_signature_makes_the_clock_doubtful_until_it_is_measured() -> None:
    host = Host()
    clock = host.clock()
    host.measure(clock)

    clock.doubt("the venue refused our time")
    doubted = clock.problem()
    host.measure(clock, round_trip_ns=80 * MS, ahead_ns=100 * MS)  # less exact, and newer

    assert "the venue refused our time" in doubted
    assert clock.problem() == ""
    assert abs(clock.offset_ns - 100 * MS) <= 2 * MS
