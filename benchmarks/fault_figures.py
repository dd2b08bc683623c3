"""What a fault did at one venue, from what is left of the run: recording, journal, both ledgers.

A book is *well* while changes of it arrive, continue the last and are no older than a second; from
the last good change before a loss, or before a second of silence or lateness, to the next good one
is an outage. (The venue's clock is ours here; while a fault skews it, lateness means nothing.)
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from heapq import merge
from pathlib import Path
from typing import Any, Final

from benchmarks.fault_list import FAULTS, FOR_S
from journal.reader import read_records
from journal.recorder import read_batches
from messages import decode
from messages.base import NS_PER_MS, NS_PER_S, InstrumentId
from messages.market import BookDeltaBatch, Product
from messages.orders import OrderAccepted, OrderFilled, OrderSubmitted
from scenarios.summarize import as_told, booked
from scenarios.summary import compare_fills
from trading.book import Book
from trading.book_sync import BookSync, SyncState
from venues.registry import adapter
from venues.wire.adapter import Channel, Subscription

_SILENT_NS: Final = NS_PER_S
_BEFORE_NS: Final = NS_PER_S // 2  # the last good change may have come so long before the fault
_AFTER_NS: Final = 2 * NS_PER_S  # what begins later than this after a fault is none of its doing


@dataclass(frozen=True, slots=True)
class Cell:
    """One fault at one venue; `wrong` in words, empty if everything held.

    out_ms      the longest outage of the book
    healed_ms   from the fault's end until the book was well for good; 0: it was already
    trading_ms  from the fault's end until the venue had taken an order that was sent after it
    """

    fault: str
    product: str
    venue: str
    struck: int = 0
    orders: int = 0
    refused: int = 0
    fills: int = 0
    duplicate_orders: int = 0
    fills_wrong: int = 0
    out_ms: int | None = None
    healed_ms: int | None = None
    trading_ms: int | None = None
    positions_equal: bool = True
    wrong: str = ""
    skipped: str = ""


@dataclass(frozen=True, slots=True)
class Time:
    """When a fault was in force, and until when what follows is counted as its own."""

    begin_ns: int
    until_ns: int

    @property
    def end_ns(self) -> int:
        """Of the fault."""
        return self.begin_ns + int(FOR_S * NS_PER_S)

    def has(self, ts_ns: int) -> bool:
        return self.begin_ns <= ts_ns < self.until_ns


@dataclass(frozen=True, slots=True)
class Account:
    """What is left of one account of a run.

    held     our positions by instrument; None if nobody could tell
    general  what is wrong with the run as a whole
    """

    venue: str
    product: str
    market: str
    folder: Path
    journal: Path
    feed_log: Path
    ledger: dict[str, Any]
    held: Mapping[str, Decimal] | None
    general: tuple[str, ...] = ()

    def cells(self, times: Mapping[str, Time]) -> Iterator[Cell]:
        """A cell for each fault that was played at it."""
        ours, until_ns = booked(self.journal), max(time.until_ns for time in times.values())
        losses = stream_losses(self.feed_log, route_of_book(self.venue, self.product, self.market))
        well = outages(self.folder, self.market, losses, until_ns)
        taken = sorted(accepted(self.journal))
        for fault, time in times.items():
            if not FAULTS[fault].at(self.venue):
                yield Cell(fault, self.product, self.venue, skipped="the venue has none")
                continue
            yield self._cell(fault, time, ours, well, taken)

    def _cell(
        self,
        fault: str,
        time: Time,
        ours: list[OrderFilled],
        out: list[tuple[int, int | None]],
        taken: list[tuple[int, int]],
    ) -> Cell:
        ledger = self.ledger
        when = {(f["instrument_id"], f["trade_id"]): f["ts_event"] for f in ledger["fills"]}
        mine = [f for f in ours if time.has(when.get((f.instrument_id, f.trade_id), f.ts_event))]
        theirs = [f for f in ledger["fills"] if time.has(f["ts_event"])]
        compared = compare_fills(as_told(mine), {"fills": theirs})
        orders = [o for o in ledger["orders"] if time.has(o["ts_received"])]
        doubled = {o["client_order_id"] for o in orders} & set(ledger["duplicate_client_order_ids"])
        here = [(a, b) for a, b in out if time.has(a + _BEFORE_NS)]
        struck = ledger["server"]["faults"]
        found = {
            "struck": sum(struck.get(kind, 0) for kind, _ in FAULTS[fault].rules),
            "orders": len(orders),
            "refused": sum(not o["accepted"] for o in orders),
            "fills": len(theirs),
            "duplicate_orders": len(doubled),
            "fills_wrong": sum(
                len(compared[k]) for k in ("lost", "invented", "doubled", "differing")
            ),
            "out_ms": _ms(max((_end(b, time) - a for a, b in here), default=0)),
            "healed_ms": _healed(here, time),
            "trading_ms": _first(taken, time),
            "positions_equal": self.positions_equal,
        }
        cell = Cell(fault, self.product, self.venue, **found)
        wrong = "; ".join((*wrongs(cell), *self.general))
        return Cell(fault, self.product, self.venue, **found, wrong=wrong)

    @property
    def positions_equal(self) -> bool:
        """At the run's end."""
        if self.held is None:
            return False
        theirs = {i: Decimal(q) for i, q in self.ledger["positions"].items()}
        return all(self.held.get(i, Decimal(0)) == q for i, q in theirs.items())


def wrongs(cell: Cell) -> Iterator[str]:
    """What did not hold. A fault that never struck has shown nothing, so that is wrong too."""
    if not cell.struck:
        yield "never struck"
    if cell.duplicate_orders:
        yield "duplicate orders"
    if cell.fills_wrong:
        yield "fills differ"
    if cell.healed_ms is None:
        yield "book not well in time"
    if cell.trading_ms is None:
        yield "no order taken in time"
    if not cell.positions_equal:
        yield "positions differ"


def _end(until_ns: int | None, time: Time) -> int:
    return time.until_ns if until_ns is None else min(until_ns, time.until_ns)


def _healed(out: list[tuple[int, int | None]], time: Time) -> int | None:
    """None: not before the next fault."""
    ends = [b for a, b in out if a < time.end_ns + _AFTER_NS]
    if any(b is None or b >= time.until_ns for b in ends):
        return None
    last = max((b for b in ends if b is not None), default=0)
    return _ms(max(last - time.end_ns, 0))


def _first(taken: list[tuple[int, int]], time: Time) -> int | None:
    found = [b for a, b in taken if a >= time.end_ns and time.has(b)]
    return _ms(min(found) - time.end_ns) if found else None


def _ms(ns: int) -> int:
    return round(ns / NS_PER_MS)


# --- the book as it was heard ---------------------------------------------------------------------


def outages(
    folder: Path, market: str, losses: Iterable[int], until_ns: int
) -> list[tuple[int, int | None]]:
    """(from, until) of each time in which the recorded book was not well; None: to `until_ns`.

    losses  when the feed was told that its stream is down
    """
    batches = read_batches(folder, ("book_delta_batch",), (market,))
    heard = ((b.ts_init, b) for b in batches if isinstance(b, BookDeltaBatch))
    lost = ((ts, None) for ts in losses)
    return list(_outages(merge(heard, lost, key=lambda found: found[0]), until_ns))


def _outages(
    heard: Iterable[tuple[int, BookDeltaBatch | None]], until_ns: int
) -> Iterator[tuple[int, int | None]]:
    sync, book, good_ns, ill = BookSync(), Book(), 0, False
    for now_ns, batch in heard:
        applied = _step(sync, book, batch) and not _late(batch)
        ill = ill or sync.state is not SyncState.SYNCHRONIZED
        if not applied:
            continue
        if good_ns and (ill or now_ns - good_ns > _SILENT_NS):
            yield good_ns, now_ns
        good_ns, ill = now_ns, sync.state is not SyncState.SYNCHRONIZED
    if good_ns < until_ns and (ill or until_ns - good_ns > _SILENT_NS):
        yield good_ns, None


def _late(batch: BookDeltaBatch | None) -> bool:
    """Whole books do not tell when they were made."""
    if batch is None or batch.snapshot:
        return False
    return batch.ts_init - batch.ts_event > _SILENT_NS


def _step(sync: BookSync, book: Book, batch: BookDeltaBatch | None) -> bool:
    """Whether the book is known better than before; as `trading.feed` does it."""
    if batch is None:
        sync.lose()
        return False
    found = sync.offer(batch)
    for ready in found.ready:
        book.apply(ready.rows, ready.snapshot)
        if book.crossed:
            sync.lose()
            return False
    return bool(found.ready)


def route_of_book(venue: str, product: str, market: str) -> str:
    """The connection that a market's book comes over, among the venue's."""
    book = Subscription(InstrumentId(market), Channel.BOOK)
    return adapter(venue, Product(product)).route_of(book)


def stream_losses(feed_log: Path, route: str) -> list[int]:
    """When the feed was told that the stream of its books is down; other routes have none."""
    lines = feed_log.read_text().splitlines() if feed_log.is_file() else []
    said = [json.loads(line) for line in lines]
    downs = [line for line in said if line["event"] == "stream_down"]
    return [line["ts_init"] for line in downs if line["route"] == route]


# --- orders --------------------------------------------------------------------------------------


def accepted(journal: Path) -> Iterator[tuple[int, int]]:
    """(sent, taken) of each order that the venue took, in our clock."""
    sent: dict[str, int] = {}
    for record in read_records(journal, direction="out"):
        if record.kind not in ("order_submitted", "order_accepted", "order_filled"):
            continue
        event = decode(record.payload)
        if isinstance(event, OrderSubmitted):
            sent[event.client_order_id] = event.ts_init
        elif isinstance(event, OrderAccepted | OrderFilled) and event.client_order_id in sent:
            yield sent.pop(event.client_order_id), event.ts_init
