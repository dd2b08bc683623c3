"""When a feed asks its venue for the rules of instruments out of turn, and how it tells them.

Theory of operation. Its connection asks for them every minute anyway. A venue that refuses by a
filter what we thought right has changed them since: risk says so, and they are *doubted*. What is
doubted is asked for at once, but not twice within `rules_min_ns`, however many orders are refused;
a question that fails, or whose answer never comes, is asked again a few times and then left to the
schedule, or to the next refusal.

An answer is told though nothing has changed: who was refused may not have heard it the last time.
What did change is told twice more, because the way to those who round may lose it.

A feed that starts knows the rules of when its run began: it doubts all of them.
"""

from collections.abc import Iterable
from typing import Final

from messages import Message
from messages.base import InstrumentId
from messages.control import SetTimer
from messages.market import InstrumentChanged, RulesRequested
from trading.feed_state import FeedConfig, FeedState
from trading.feed_streams import timer

RULES: Final = "rules"  # the timer
TRIES: Final = 3  # questions about one doubt
REPEATS: Final = 2

Out = tuple[Message, ...]


def begin(config: FeedConfig, state: FeedState, now_ns: int) -> Out:
    """What a fresh feed says of its instruments: a venue is asked, a tape has none to ask."""
    if config.routes:
        out = doubt(config, state, state.tracked, "start", now_ns)
        state.rules.asked_ns = -1  # an order that is refused soon must not wait for this one's sake
        return out
    return tuple(_word(state, i, now_ns) for i in state.tracked)


def doubt(
    config: FeedConfig, state: FeedState, ids: Iterable[InstrumentId], reason: str, now_ns: int
) -> Out:
    """These rules may be of yesterday: ask, now or as soon as that is allowed."""
    for instrument_id in ids:
        if instrument_id in state.tracked:
            state.rules.doubted[instrument_id] = 0
    return _ask(config, state, reason, now_ns) if state.rules.doubted else ()


def _ask(config: FeedConfig, state: FeedState, reason: str, now_ns: int) -> Out:
    rules = state.rules
    earliest_ns = rules.asked_ns + config.rules_min_ns
    # A clock that was set back must not silence us until it is where it was.
    if rules.asked_ns >= 0 and rules.asked_ns <= now_ns < earliest_ns:
        return (_wake(earliest_ns, now_ns),)
    rules.asked_ns = now_ns
    for instrument_id in rules.doubted:
        rules.doubted[instrument_id] += 1
    names = tuple(rules.doubted)
    asked = RulesRequested(ts_event=now_ns, ts_init=now_ns, instrument_ids=names, reason=reason)
    return (asked, _wake(now_ns + config.rules_min_ns, now_ns))


def due(config: FeedConfig, state: FeedState, now_ns: int) -> Out:
    """The timer: say again what may have been lost, ask again what was not answered."""
    rules, out = state.rules, list[Message]()
    for instrument_id, left in list(rules.repeats.items()):
        out.append(_word(state, instrument_id, now_ns))
        rules.repeats[instrument_id] = left - 1
    rules.repeats = {i: left for i, left in rules.repeats.items() if left}
    rules.doubted = {i: tries for i, tries in rules.doubted.items() if tries < TRIES}
    if rules.doubted:
        out += _ask(config, state, "not answered", now_ns)
    elif rules.repeats:
        out.append(_wake(now_ns + config.rules_min_ns, now_ns))
    return tuple(out)


def told(config: FeedConfig, state: FeedState, news: InstrumentChanged, now_ns: int) -> Out:
    """The venue's word on an instrument: for everyone, if it is new or was asked for."""
    instrument_id = news.instrument.instrument_id
    t = state.tracked.get(instrument_id)
    doubted = state.rules.doubted.pop(instrument_id, None) is not None
    if t is None or (t.instrument == news.instrument and not doubted):
        return ()
    if t.instrument == news.instrument:
        return (news,)
    t.instrument = news.instrument
    state.rules.repeats[instrument_id] = REPEATS
    soon_ns = now_ns + config.rules_min_ns
    if state.rules.doubted and state.rules.asked_ns >= 0:  # this timer is theirs as well
        soon_ns = max(min(soon_ns, state.rules.asked_ns + config.rules_min_ns), now_ns)
    return (news, _wake(soon_ns, now_ns))


def _word(state: FeedState, instrument_id: InstrumentId, now_ns: int) -> InstrumentChanged:
    instrument = state.tracked[instrument_id].instrument
    return InstrumentChanged(ts_event=now_ns, ts_init=now_ns, instrument=instrument)


def _wake(due_ns: int, now_ns: int) -> SetTimer:
    return timer(RULES, due_ns, now_ns)
