"""Words about silence are lost between actors: nobody stays stale, or trades on, for that."""

from collections.abc import Callable

import pytest
from feed_driver import BTC, INSTRUMENT, book, snapshot
from feed_world import Deaf, Listeners, until

from messages import Message
from messages.base import StrategyId
from trading.faults import NONE, Faults

LOST = Faults(loss=1.0)
A = StrategyId("A")


class Market:
    """A feed with both that listen to it; its book speaks when told to."""

    def __init__(self) -> None:
        self.loop = Listeners((INSTRUMENT,), {A: BTC}).loop(Deaf())
        self.loop.start()
        self.last = 0
        self.speak(0.5, snapshot)

    def speak(self, at_s: float, what: Callable[[int], Message] | None = None) -> None:
        """A change of the book, or the whole of it."""
        self.until(at_s)
        self.last += 1
        change = what(self.last) if what else book(self.last, self.last, (1, 99.0, 1.0))
        self.loop.tell(self.loop.hosts["feed"], change, "venue")

    def until(self, at_s: float) -> None:
        until(self.loop, at_s)

    def crash(self, name: str) -> None:
        self.loop.crash(self.loop.hosts[name])

    @property
    def stale(self) -> tuple[set[str], set[str]]:
        """What the strategy and the risk checker hold to be silent."""
        risk, strategy = (self.loop.hosts[n].machine for n in ("risk", "strategy-A"))
        assert risk is not None
        assert strategy is not None
        known = risk.state.markets.get(BTC)
        return set(strategy.state.markets[0].stale), set(known.stale) if known else set()


def test_a_silence_and_its_end_are_told_where_nothing_is_lost() -> None:
    market = Market()

    market.until(6.5)
    silent = market.stale
    market.speak(7.0)
    market.until(7.1)

    assert silent == ({"book"}, {"book"})
    assert market.stale == (set(), set())


def test_a_lost_recovery_is_made_good_within_seconds() -> None:
    market = Market()

    market.until(6.9)
    market.loop.faults = LOST
    market.speak(7.0)
    market.until(7.4)
    lost = market.stale
    market.loop.faults = NONE
    for at in range(8, 10):
        market.speak(at)

    assert lost == ({"book"}, {"book"})
    assert market.stale == (set(), set())


def test_a_lost_word_of_silence_is_made_good_within_seconds() -> None:
    market = Market()

    market.until(5.4)
    market.loop.faults = LOST
    market.until(6.6)
    lost = market.stale
    market.loop.faults = NONE
    market.until(8.0)

    assert lost == (set(), set())
    assert market.stale == ({"book"}, {"book"})


@pytest.mark.parametrize("cut", ["the way", "the feed"])
def test_a_feed_that_says_nothing_at_all_is_not_traded_on_for_ever(cut: str) -> None:
    market = Market()

    market.until(2.0)
    if cut == "the way":
        market.loop.faults = LOST
    else:
        market.loop.hosts["feed"].machine = None
    for at in range(3, 14):
        market.speak(at)
    by_strategy, _ = market.stale
    market.loop.faults = NONE
    if cut == "the feed":
        market.crash("feed")
    market.until(15.0)
    market.speak(15.1, snapshot)
    market.until(16.5)

    assert by_strategy == {"feed"}
    assert market.stale == (set(), set())


def test_a_strategy_that_starts_while_a_book_is_silent_hears_of_it() -> None:
    market = Market()

    market.until(6.0)
    market.crash("strategy-A")
    market.crash("risk")
    market.until(8.0)

    assert market.stale == ({"book"}, {"book"})


def test_a_feed_that_starts_while_a_book_is_silent_calls_it_well_only_when_it_speaks() -> None:
    market = Market()

    market.until(6.0)
    market.crash("feed")
    market.until(9.0)
    before = market.stale
    market.speak(9.1, snapshot)
    market.until(10.5)

    assert before == ({"book"}, {"book"})
    assert market.stale == (set(), set())
