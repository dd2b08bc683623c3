"""What receivers of a feed make of its reports, so that no lost word keeps them stale, or trading.

A feed says every second how all its streams are (`FeedReported`), over a way that may lose it. One
report makes good whatever was lost before it; if none comes for ten, the feed itself counts as a
silent stream. A feed that never reports (a tape) is not judged.

The way back may lose words too, and who dies says none: every tenth report is answered by those who
want streams (`SubscribeFeed` without replay), and who has answered none for a minute is taken to be
gone (`trading.subscriptions`).
"""

from typing import Final

from messages.base import NS_PER_S, InstrumentId
from messages.market import FeedReported, StreamName

REPORT_NS: Final = NS_PER_S
LEASE_NS: Final = 10 * REPORT_NS
_ANSWERED: Final = 10  # one in so many
FEED: Final = "feed"  # stands among silent streams for all of them


def silent(
    before: frozenset[str], report: FeedReported, instrument_id: InstrumentId
) -> frozenset[str]:
    """The silent streams of an instrument after a report; `before` are those that were."""
    return _of(report.silent, instrument_id) | (before & _of(report.unsure, instrument_id))


def asks(report: FeedReported) -> bool:
    """Whether this is a report to which receivers say that they want their streams still."""
    return report.number % _ANSWERED == 0


def lapsed(reported_ns: int, now_ns: int) -> bool:
    """Whether a feed that was heard then (-1: never) is to be taken for silent."""
    return reported_ns >= 0 and now_ns - reported_ns > LEASE_NS


def _of(names: tuple[StreamName, ...], instrument_id: InstrumentId) -> frozenset[str]:
    return frozenset(n.stream for n in names if n.instrument_id == instrument_id)
