"""What a venue's decoders make of a recording: kinds understood, books in step, none crossed.

A recording is `.jsonl.zst` (one JSON record a line: connections, frames, HTTP answers), `.gz`
(Binance's, lines of "<local ns> <frame>"), or frames as they are: `.jsonl` one a line, `.json` one
a file. What is in a `.json` may also be a frame of an account, or an answer over REST; many such
answers are in a `.json.zst` (`scenarios.venue_routes`).
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from messages.base import NS_PER_S, InstrumentId
from messages.market import BookDeltaBatch, Instrument, Product
from scenarios.spec import BadSpec
from scenarios.venue_payload import recognised, unused
from scenarios.venue_routes import decode_collected
from trading.book import Book
from trading.book_sync import BookSync, SyncState
from trading.errors import VenueError
from venues.binance.recording import records
from venues.registry import VENUES, UnknownVenue, adapter
from venues.wire.adapter import Adapter
from venues.wire.batch import Batcher

# For recordings without rules: of a book of base units no more than the name matters.
_NAMELESS: Final = Instrument(
    instrument_id=InstrumentId(""),
    symbol="",
    base="",
    quote="",
    price_increment=Decimal(1),
    size_increment=Decimal(1),
    min_quantity=Decimal(0),
    max_quantity=Decimal(1),
    min_notional=Decimal(0),
    maker_fee=Decimal(0),
    taker_fee=Decimal(0),
)
_LINEAR: Final = ("FUTURES", "USDM", "LINEAR", "SWAP")


@dataclass(frozen=True, slots=True)
class Line:
    """One record; kind "recv" (a frame), "http" (an answer, with its `url`) or "connect"."""

    kind: str
    ts_ns: int
    connection: str
    raw: bytes
    url: str = ""


@dataclass
class Kept:
    """One book, kept as its venue says."""

    sync: BookSync = field(default_factory=BookSync)
    book: Book = field(default_factory=Book)
    crossed: int = 0

    def offer(self, batch: BookDeltaBatch) -> None:
        for ready in self.sync.offer(batch).ready:
            self.book.apply(ready.rows, ready.snapshot)
            self.crossed += self.book.crossed


def adapter_for(path: Path, venue: str = "", product: str = "") -> Adapter:
    """The adapter of a file, by its name where it is not said.

    raises  BadSpec
    """
    if not path.is_file():
        raise BadSpec(f"{path}: no such file: check the path")
    if product.upper() not in ("", *Product):
        raise BadSpec(f"--product {product}: not known: choose one of {', '.join(Product)}")
    if venue and venue.upper() not in VENUES:
        raise BadSpec(f"--venue {venue}: not known: choose one of {', '.join(VENUES)}")
    text = str(path.resolve()).upper()
    found = venue.upper() or next((v for v in VENUES if v in path.name.upper()), "")
    found = found or next((v for v in VENUES if f"/{v}/" in text), "")
    if not found and path.suffix == ".gz":
        found = "BINANCE"
    if found not in VENUES:
        raise BadSpec(f"{path}: whose is it? say --venue, one of {', '.join(VENUES)}")
    linear = product.upper() == "LINEAR" or (not product and any(word in text for word in _LINEAR))
    try:
        return adapter(found, Product.LINEAR if linear else Product.SPOT)
    except UnknownVenue as e:
        raise BadSpec(f"{path}: {e}") from None


def lines(path: Path) -> Iterator[Line]:
    """Everything in a file, in its order.

    raises  BadSpec if it cannot be read
    """
    try:
        if path.name.endswith(".jsonl.zst"):
            yield from _wrapped(path)
        elif path.suffix == ".gz":
            for r in records(path):
                kind = "recv" if r.kind == "frame" else "http"
                yield Line(kind, r.ts_ns, "", r.raw, f"?symbol={r.symbol}")
        elif path.suffix == ".jsonl":
            for raw in path.read_bytes().splitlines():
                yield Line("recv", 0, "", raw)
        else:
            yield Line("recv", 0, "", path.read_bytes())
    except (OSError, EOFError, ValueError, KeyError) as e:
        raise BadSpec(f"{path}: cannot be read: {e}") from e


def _wrapped(path: Path) -> Iterator[Line]:
    try:
        import zstandard  # noqa: PLC0415 - a development dependency
    except ImportError:
        raise BadSpec(
            f"{path}: is compressed, and zstandard is not installed: install it, or unpack the file"
        ) from None

    try:
        with zstandard.ZstdDecompressor().stream_reader(path.read_bytes()) as stream:
            text = stream.read().decode()
    except zstandard.ZstdError as e:
        raise ValueError(e) from None
    rows = [json.loads(row) for row in text.splitlines() if row]
    for d in sorted((d for d in rows if "ts" in d), key=lambda d: float(d["ts"])):
        raw = d.get("data", "").encode()
        url = d.get("url", "") or d.get("addr", "")
        yield Line(d["t"], int(float(d["ts"]) * NS_PER_S), d.get("conn", ""), raw, url)


def decode(path: Path, of: Adapter) -> dict[str, Any]:
    """What was understood of one file."""
    if path.name.endswith(".json.zst"):
        return decode_collected(path, of, _NAMELESS)
    instruments: dict[InstrumentId, Instrument] = {}
    batchers: dict[str, Batcher] = {}
    sessions: list[Any] = []
    linear: set[str] = set()
    kept: dict[InstrumentId, Kept] = {}
    for line in lines(path):
        if line.kind == "http":
            answered(line, of, instruments, kept)
            continue
        if line.kind == "connect" and line.url.endswith("/linear"):
            linear.add(line.connection)  # a venue whose products have addresses of their own
        if line.kind != "recv":
            continue
        if line.connection not in batchers:
            one = adapter(of.venue, Product.LINEAR) if line.connection in linear else of
            session = one.market_session(instruments, one.routes[0])
            sessions.append(session)
            batchers[line.connection] = Batcher(session.heard)
        batcher = batchers[line.connection]
        batcher.add(line.raw, line.ts_ns)
        for event in batcher.flush():
            if isinstance(event, BookDeltaBatch):
                kept.setdefault(event.instrument_id, Kept()).offer(event)
    found = _summary(path, of, list(batchers.values()), kept, sessions)
    if path.suffix == ".json" and found["understood"] != 1.0:
        kind = recognised(path.read_bytes(), of, _NAMELESS)
        if kind:
            return found | {"understood": 1.0, "kinds": {kind: 1}, "unknown": {}, "garbled": 0}
        found["reason"] = unused(path.read_bytes())
    return found


def answered(
    line: Line, of: Adapter, instruments: dict[InstrumentId, Instrument], kept: dict[Any, Kept]
) -> None:
    """Instruments, or a whole book; other answers are of no use here."""
    with suppress(VenueError):
        instruments |= {i.instrument_id: i for i in of.read_instruments(line.raw)}
        return
    symbol = parse_qs(urlsplit(line.url).query).get("symbol", [""])[0]
    try:
        name = of.instrument_id(symbol)
        known = instruments.get(name) or _NAMELESS.model_copy(update={"instrument_id": name})
        book = of.read_book(line.raw, known, line.ts_ns)
    except (VenueError, LookupError, ValueError):
        return
    kept.setdefault(book.instrument_id, Kept()).offer(book)


def _summary(
    path: Path, of: Adapter, batchers: list[Batcher], kept: dict[Any, Kept], sessions: list[Any]
) -> dict[str, Any]:
    counts = [dict(b.counts) for b in batchers]
    kinds = {k: sum(c.get(k, 0) for c in counts) for k in sorted({k for c in counts for k in c})}
    unknown: dict[str, int] = {}
    for batcher in batchers:
        for kind, count in batcher.unknown.items():
            unknown[kind] = unknown.get(kind, 0) + count
    garbled = sum(b.garbled for b in batchers)
    frames = sum(kinds.values()) + sum(unknown.values()) + garbled
    books = [b for s in sessions for b in getattr(s, "books", {}).values()]
    return {
        "file": str(path),
        "venue": of.venue,
        "product": str(of.product),
        "frames": frames,
        "understood": round(sum(kinds.values()) / frames, 6) if frames else None,
        "kinds": kinds,
        "unknown": unknown,
        "garbled": garbled,
        "books": len(kept),
        "in_step": sum(k.sync.state is SyncState.SYNCHRONIZED for k in kept.values()),
        "gaps": sum(k.sync.gaps for k in kept.values()),
        "crossed": sum(k.crossed for k in kept.values()),
        "checksums": sum(getattr(b, "checked", 0) for b in books),
        "checksums_wrong": sum(getattr(b, "breaks", 0) for b in books),
    }
