"""A feed over real sockets: a venue of two connections, and a stream that is open and mute."""

from itertools import pairwise

from contract_world import ROWS
from contract_world import running as contract
from wired_feed import STREAMS, WiredFeed

from messages.market import (
    FeedRecovered,
    FeedStale,
    RepairStep,
    RepairStream,
    SnapshotRequested,
    StreamState,
)
from venues.serving.faults import FaultKind, FaultScript, Rule

MS = 1_000_000
USDM = next(row for row in ROWS if row.name == "Binance USD-M")
ALL = set(STREAMS)


def holes(ids: list[int]) -> list[tuple[int, int]]:
    """Neighbours that do not follow each other."""
    return [(a, b) for a, b in pairwise(ids) if b != a + 1]


async def test_two_connections_of_one_venue_are_lost_one_at_a_time() -> None:
    async with contract(USDM) as w, WiredFeed(w).running() as feed:
        await w.until(lambda: feed.are(StreamState.ACTIVE) == ALL and feed.in_step)
        asked, before = len(feed.only(SnapshotRequested)), len(feed.said)
        clients = w.simulator.exchange.hub.clients
        paths = sorted(c.request.path for c in clients if not c.private)

        for client in tuple(clients):
            if client.request.path.startswith("/market"):
                client.cut()
        public, market = (feed.streams.routes[r].socket for r in ("public", "market"))
        await w.until(lambda: market.connects == 2)
        await w.until(lambda: feed.are(StreamState.ACTIVE) == ALL)
        heard = len(feed.trade_ids)
        await w.until(lambda: len(feed.trade_ids) > heard + 5)

    assert paths == ["/market/stream", "/public/stream"]
    assert (public.connects, market.connects) == (1, 2)
    assert feed.were(StreamState.PAUSED, before) == {"trades"}
    assert feed.in_step
    assert len(feed.only(SnapshotRequested)) == asked
    assert holes(feed.trade_ids) == []


async def test_a_muted_stream_is_found_asked_for_again_and_had_over_a_new_connection() -> None:
    watched = {
        "stale_after_ns": (("trades", 500 * MS),),
        "stale_floor_ns": 100 * MS,
        "check_ns": 20 * MS,
    }
    async with contract(USDM) as w, WiredFeed(w, **watched).running() as feed:
        await w.until(lambda: feed.are(StreamState.ACTIVE) == ALL and len(feed.trade_ids) > 20)
        market = feed.streams.routes["market"].socket
        up = market.connects

        w.simulator.faults.play(FaultScript(rules=(Rule(kind=FaultKind.MUTE_MARKET),)))
        await w.until(lambda: feed.only(RepairStream))
        still = market.up and market.connects == up
        await w.until(lambda: market.connects > up)
        w.simulator.faults.play(FaultScript())
        await w.until(lambda: feed.only(FeedRecovered))
        heard = len(feed.trade_ids)
        await w.until(lambda: len(feed.trade_ids) > heard + 5)

    steps = [m.step for m in feed.only(RepairStream)]
    assert still
    assert "trades" in {m.stream for m in feed.only(FeedStale)}
    assert steps[:2] == [RepairStep.RESUBSCRIBE, RepairStep.RECONNECT]
    assert holes(feed.trade_ids) == []
