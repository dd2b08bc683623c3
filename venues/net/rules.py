"""The rules of the instruments that we trade, asked for again and again: venues change them.

A venue refuses what is off its steps, so whoever rounds must know the steps of today. Fees are the
account's, not the list's: they stay as they were told.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable

from messages.base import NS_PER_S, InstrumentId
from messages.market import Instrument, InstrumentChanged
from trading.errors import VenueError
from venues.net.access import Access
from venues.net.questions import Questions


async def changed_rules(access: Access) -> tuple[Instrument, ...]:
    """Those known whose rules the venue has changed; known so from now on, in `access` too.

    raises  VenueError: nothing is known anew. Who is no longer listed keeps its rules.
    """
    found = []
    for told in await Questions(access).instruments():
        known = access.instruments.get(told.instrument_id)
        if known is None:
            continue
        fees = {"maker_fee": known.maker_fee, "taker_fee": known.taker_fee}
        now = told.model_copy(update=fees)
        if now != known:
            access.instruments[now.instrument_id] = now
            found.append(now)
    return tuple(found)


async def todays_rules(
    access: Access, asked: Collection[InstrumentId]
) -> tuple[tuple[InstrumentChanged, ...], tuple[InstrumentChanged, ...]]:
    """An answer to who doubts these rules -> (what has changed, what of `asked` has not).

    raises  VenueError as `changed_rules`
    """
    changed = await changed_rules(access)
    new = {i.instrument_id for i in changed}
    same = (access.instruments[i] for i in asked if i not in new and i in access.instruments)
    return _events(changed, access), _events(same, access)


def _events(instruments: Iterable[Instrument], access: Access) -> tuple[InstrumentChanged, ...]:
    now_ns = access.now_ns()
    return tuple(
        InstrumentChanged(ts_event=now_ns, ts_init=now_ns, instrument=i) for i in instruments
    )


async def follow_rules(
    access: Access,
    every_ns: int,
    heard: Callable[[InstrumentChanged], None],
    failed: Callable[[VenueError], None],
) -> None:
    """Ask for ever; `heard` is told of each change, `failed` of each question that failed."""
    while True:
        await asyncio.sleep(every_ns / NS_PER_S)
        try:
            changed = await changed_rules(access)
        except VenueError as e:
            failed(e)
            continue
        for news in _events(changed, access):
            heard(news)
