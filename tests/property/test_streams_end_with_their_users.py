"""Processes die, come back, or never do, and words are lost: a stream is open while somebody who
lives wants it, and not for long after."""

from collections.abc import Callable
from dataclasses import dataclass, field

from feed_driver import INSTRUMENT, S
from feed_world import Listeners, until
from hypothesis import given, settings
from hypothesis import strategies as st
from instruments import usdt

from messages import Message
from messages.base import StrategyId
from messages.control import Shutdown
from messages.market import ChangeStreams, StreamsAnswered, UnsubscribeFeed
from messages.venue import StreamUp
from scenarios.fuzzer import Fuzzer
from trading.faults import Faults
from trading.links import Frame
from trading.loop import Host, Loop

ETH = usdt("ETH", "BINANCE")
USERS = {
    StrategyId("A"): INSTRUMENT.instrument_id,
    StrategyId("B"): INSTRUMENT.instrument_id,
    StrategyId("C"): ETH.instrument_id,
}
STREAMS = ("book", "trades", "quotes")
GONE_S = 60 + 30  # what a lease lasts, and how long a stream without users stays open
SLACK_S = 12  # for words on their way, and the longest wait of a timer
FEED = {
    "routes": tuple((s, "") for s in STREAMS),
    "wanted": tuple((f"strategy-{a}", i, s) for a, i in USERS.items() for s in STREAMS)
    + tuple(("risk", i, "quotes") for i in (INSTRUMENT.instrument_id, ETH.instrument_id)),
    "stale_after_ns": (("book", 100_000 * S),),
    "bar_intervals_ns": (),
    "check_ns": S,
}

Stream = tuple[str, str]


@dataclass
class Venue:
    """A venue that confirms everything; knows who lives, and who that harms."""

    open: set[Stream] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)  # actors that never come back, or want nothing
    harmed: list[str] = field(default_factory=list)

    @property
    def wanted(self) -> set[Stream]:
        """What those who live want."""
        mine = {
            (i, s) for a, i in USERS.items() if f"strategy-{a}" not in self.gone for s in STREAMS
        }
        risk = {(i, "quotes") for i in USERS.values() if "risk" not in self.gone}
        return mine | risk

    def request(self, loop: Loop, host: Host, message: Message) -> None:
        if not isinstance(message, ChangeStreams):
            return
        left = {(n.instrument_id, n.stream) for n in message.unsubscribe}
        self.harmed += [f"{loop.now_ns}: {x}" for x in sorted(left & self.wanted)]
        self.open -= left
        self.open |= {(n.instrument_id, n.stream) for n in message.subscribe}
        yes = StreamsAnswered(
            ts_event=0, ts_init=0, streams=(*message.subscribe, *message.again), refused=""
        )
        incarnation = host.incarnation
        loop.after(S // 20, lambda: loop.answer(host, incarnation, yes))

    def launched(self, loop: Loop, host: Host) -> None:
        if host.name == "feed":
            up = StreamUp(ts_event=0, ts_init=0)
            incarnation = host.incarnation
            loop.after(0, lambda: loop.answer(host, incarnation, up))


class Run:
    """A run whose actors die at given times."""

    def __init__(self, seed: int = 1, faults: Faults | None = None) -> None:
        self.venue = Venue()
        self.loop = Listeners((INSTRUMENT, ETH), USERS, FEED, Fuzzer, live=True).loop(
            self.venue, seed
        )
        self.loop.faults = faults or Faults()
        self.loop.start()

    def until(self, at_s: float) -> None:
        until(self.loop, at_s)

    def serves(self, name: str) -> bool:
        return self.loop.hosts[name].machine is not None and name not in self.venue.gone

    def give_up(self, name: str) -> None:
        self.venue.gone.add(name)
        self.loop.hosts[name].machine = None

    def crash(self, name: str) -> None:
        if name == "feed":
            self.venue.open.clear()  # with its connection
        self.loop.crash(self.loop.hosts[name])

    def stop(self, name: str) -> None:
        self.venue.gone.add(name)
        now = self.loop.now_ns
        asked = Shutdown(ts_event=now, ts_init=now, reason="test", cancel_orders=False)
        self.loop.tell(self.loop.hosts[name], asked, "operator")

    def late(self, name: str) -> None:
        """The last word of a dead process arrives, whoever it is told to by now."""
        host, now = self.loop.hosts[name], self.loop.now_ns
        words = UnsubscribeFeed(ts_event=now, ts_init=now, asker=name)
        self.loop._arrive(Frame(name, "feed", max(host.incarnation - 1, 0), 0, 0, 0, words))


def test_streams_of_a_strategy_that_is_given_up_end_and_no_others() -> None:
    run = Run()
    run.until(100)
    before = set(run.venue.open)

    run.give_up("strategy-C")
    run.until(100 + GONE_S + SLACK_S)

    assert before == {(i, s) for i in USERS.values() for s in STREAMS}
    assert before - run.venue.open == {(ETH.instrument_id, s) for s in ("book", "trades")}
    assert run.venue.harmed == []


def test_a_strategy_that_was_given_up_keeps_nothing_open_over_a_restart_of_the_feed() -> None:
    run = Run()
    run.give_up("strategy-C")
    run.until(200)
    run.crash("feed")
    run.until(201)
    again = set(run.venue.open)
    run.until(201 + GONE_S + SLACK_S)

    assert (ETH.instrument_id, "book") in again
    assert run.venue.open == run.venue.wanted


def test_a_late_word_of_a_dead_process_takes_no_stream_from_its_successor() -> None:
    run = Run()
    run.until(20)
    run.crash("strategy-C")
    run.until(22)
    run.crash("feed")  # the new one knows of no incarnations yet
    run.until(22.6)
    run.late("strategy-C")
    run.until(200)

    assert run.venue.open == run.venue.wanted
    assert run.venue.harmed == []


def test_a_feed_that_sleeps_for_minutes_takes_nobody_for_dead() -> None:
    run = Run()
    run.until(20)
    run.loop.hosts["feed"].clock_ns += 300 * S
    run.until(200)

    assert run.venue.harmed == []
    assert run.venue.open == run.venue.wanted


_STRATEGIES = [f"strategy-{a}" for a in USERS]
_STEPS = st.one_of(
    st.tuples(st.just(Run.crash), st.sampled_from(["feed", "risk", *_STRATEGIES])),
    st.tuples(st.just(Run.give_up), st.sampled_from(["risk", *_STRATEGIES])),
    st.tuples(st.sampled_from([Run.stop, Run.late]), st.sampled_from(_STRATEGIES)),
)


@settings(max_examples=30)
@given(story=st.lists(st.tuples(st.floats(0, 90), _STEPS), max_size=8), seed=st.integers(0, 2**32))
def test_streams_are_open_for_those_who_live_and_for_nobody_else(
    story: list[tuple[float, tuple[Callable[[Run, str], None], str]]], seed: int
) -> None:
    run = Run(seed, Faults(loss=0.02, duplication=0.02, delay_ns=2 * S))
    last = 0.0
    for at, (step, name) in sorted(story, key=lambda s: s[0]):
        run.until(at)
        last = at
        if run.serves(name):
            step(run, name)
    run.until(last + GONE_S + SLACK_S)

    assert run.venue.open == run.venue.wanted
    assert run.venue.harmed == []
