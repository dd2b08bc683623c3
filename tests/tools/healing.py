"""Recorded connections, damaged on purpose, beside the same connections left alone.

Two keepers of books hear the same recording. One hears every frame; the other hears it with frames
dropped, repeated, swapped with the next one, or made unreadable. What the second believes to be
in step must equal the first; what it knows to be lost is served a whole book, as the venue would
send it, taken from the first.

Damage that leaves a frame readable is not among the faults: a connection's encryption ends it.
"""

from abc import ABC, abstractmethod
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any, Final

import msgspec
import numpy as np

from messages.base import InstrumentId
from messages.market import BookDeltaBatch, Product
from tests.tools.recorded import CRYPTOFEED, WIRE, recorded
from trading.book import Book
from trading.book_sync import BookSync, SyncState
from venues.binance.codec_frames import reader
from venues.binance.codec_market import decode_depth_snapshot
from venues.binance.codec_names import Market, instrument_id
from venues.binance.recording import records
from venues.bybit.adapter import ADAPTERS as BYBIT
from venues.coinbase.adapter import CoinbaseAdapter
from venues.okx.codec_account import InstrumentRow, instrument_of
from venues.okx.codec_names import instrument_id as okx_id
from venues.okx.session_market import OkxMarketSession
from venues.wire.batch import Batcher
from venues.wire.frames import Read

KINDS: Final = ("drop", "repeat", "swap", "corrupt")
Reader = Callable[[bytes, int], Read]
Item = bytes | BookDeltaBatch
Frames = Sequence[tuple[int, Item]]
_decode, _encode = msgspec.json.decode, msgspec.json.encode


class Keeper:
    """Books of one connection, kept as a feed keeps them."""

    def __init__(self, read: Reader) -> None:
        self.batcher = Batcher(read)
        self.books: dict[InstrumentId, Book] = defaultdict(Book)
        self.syncs: dict[InstrumentId, BookSync] = defaultdict(BookSync)

    def hear(self, ts: int, item: Item) -> set[InstrumentId]:
        """Take one frame or whole book in -> the books that it was about."""
        if isinstance(item, BookDeltaBatch):
            return self._offer((item,))
        self.batcher.add(item, ts)
        return self._offer(e for e in self.batcher.flush() if isinstance(e, BookDeltaBatch))

    def _offer(self, batches: Any) -> set[InstrumentId]:
        about = set()
        for batch in batches:
            about.add(batch.instrument_id)
            for ready in self.syncs[batch.instrument_id].offer(batch).ready:
                self.books[batch.instrument_id].apply(ready.rows, ready.snapshot)
        return about

    def in_step(self, name: InstrumentId) -> bool:
        return self.syncs[name].state is SyncState.SYNCHRONIZED

    def rows(self, name: InstrumentId) -> Any:
        return self.books[name].rows(0, 0)


class Recording(ABC):
    """One connection of one venue, as it was recorded."""

    @abstractmethod
    def frames(self) -> Frames:
        """In time order; whole books that came another way are among them."""

    @abstractmethod
    def reader(self) -> Reader:
        """For a new connection."""

    @abstractmethod
    def whole(self, name: InstrumentId, clean: Keeper, ts: int, clean_raw: bytes) -> Item:
        """The book as the venue would send it now; `clean_raw` is the newest frame about it."""

    def numbered(self, raw: bytes, inserted: int) -> bytes:
        """A frame that comes after so many frames which the recording does not have."""
        return raw


def number(value: float) -> str:
    """The shortest text of a float, never in scientific notation."""
    found = format(Decimal(repr(float(value))), "f")
    return found.removesuffix(".0")


def sides(clean: Keeper, name: InstrumentId) -> tuple[list[list[str]], list[list[str]]]:
    """(bids, asks) as texts, best first."""
    book = clean.books[name]
    return tuple(  # type: ignore[return-value]
        [[number(p), number(q)] for p, q in zip(*side.top(side.n), strict=True)]
        for side in (book.bids, book.asks)
    )


class Binance(Recording):
    """Diffs, and the snapshots that were asked for over REST."""

    def __init__(self, file: str, market: Market) -> None:
        self._path = WIRE / file
        self._market = market

    def frames(self) -> Frames:
        found: list[tuple[int, Item]] = []
        for r in records(self._path):
            if r.kind == "depth":
                name = instrument_id(r.symbol, self._market)
                found.append((r.ts_ns, decode_depth_snapshot(r.raw, name, r.ts_ns)))
            elif r.kind == "frame" and b'"depthUpdate"' in r.raw:
                found.append((r.ts_ns, r.raw))
        return found

    def reader(self) -> Reader:
        return reader(self._market)

    def whole(self, name: InstrumentId, clean: Keeper, ts: int, clean_raw: bytes) -> Item:
        bids, asks = sides(clean, name)
        body = {"lastUpdateId": clean.syncs[name].last_seq, "bids": bids, "asks": asks}
        return decode_depth_snapshot(_encode(body), name, ts)


class Okx(Recording):
    """Recorded before updates were numbered: here they are, as the venue has done since."""

    def frames(self) -> Frames:
        counts: Counter[str] = Counter()
        return [
            (line.ts_ns, self._with_number(line.raw, counts))
            for line in recorded(CRYPTOFEED / "OKX.jsonl.zst")
            if line.kind == "recv" and b'"action"' in line.raw
        ]

    def _with_number(self, raw: bytes, counts: Counter[str]) -> bytes:
        frame = _decode(raw)
        symbol, (row,) = frame["arg"]["instId"], frame["data"]
        row["prevSeqId"] = counts[symbol] or -1
        counts[symbol] += 7
        row["seqId"] = counts[symbol]
        return _encode(frame)

    def reader(self) -> Reader:
        spot = InstrumentRow("BTC-USDT", "SPOT", "live", "0.1", "0.1", "0.1", "1", "BTC", "USDT")
        rules = instrument_of(spot, Product.SPOT)  # sizes stay as recorded, also of contracts
        symbols = ("BTC-USDT", "UNI-USD-SWAP", "BTC-USD-220527")
        return OkxMarketSession(Product.SPOT, {okx_id(s): rules for s in symbols}).heard

    def whole(self, name: InstrumentId, clean: Keeper, ts: int, clean_raw: bytes) -> Item:
        newest = _decode(clean_raw)
        bids, asks = ([[*level, "0", "1"] for level in side] for side in sides(clean, name))
        row = newest["data"][0] | {"bids": bids, "asks": asks, "prevSeqId": -1, "checksum": 0}
        return _encode(newest | {"action": "snapshot", "data": [row]})


class Bybit(Recording):
    """One product's connection."""

    def __init__(self, product: Product) -> None:
        self._product = product

    def frames(self) -> Frames:
        lines = recorded(CRYPTOFEED / "BYBIT.jsonl.zst")
        word = "spot" if self._product is Product.SPOT else "linear"
        ours = {x.connection for x in lines if x.kind == "connect" and x.address.endswith(word)}
        return [
            (x.ts_ns, x.raw)
            for x in lines
            if x.kind == "recv" and x.connection in ours and b'"orderbook.' in x.raw
        ]

    def reader(self) -> Reader:
        return BYBIT[self._product].market_session({}, "").heard

    def whole(self, name: InstrumentId, clean: Keeper, ts: int, clean_raw: bytes) -> Item:
        newest = _decode(clean_raw)
        bids, asks = sides(clean, name)
        data = newest["data"] | {"b": bids, "a": asks}
        return _encode(newest | {"type": "snapshot", "data": data})


class Coinbase(Recording):
    """All channels of a connection, whose frames are numbered together."""

    def frames(self) -> Frames:
        path = CRYPTOFEED / "COINBASE.first60pct.jsonl.zst"
        return [(x.ts_ns, x.raw) for x in recorded(path) if x.kind == "recv"]

    def reader(self) -> Reader:
        return CoinbaseAdapter().market_session({}, "").heard

    def whole(self, name: InstrumentId, clean: Keeper, ts: int, clean_raw: bytes) -> Item:
        newest = _decode(clean_raw)
        words = zip(("bid", "offer"), sides(clean, name), strict=True)
        updates = [
            {"side": word, "price_level": p, "new_quantity": q, "event_time": newest["timestamp"]}
            for word, side in words
            for p, q in side
        ]
        event = {"type": "snapshot", "product_id": name.partition(".")[0], "updates": updates}
        frame = newest | {"channel": "l2_data", "events": [event]}
        return _encode(frame | {"sequence_num": newest["sequence_num"] + 1})

    def numbered(self, raw: bytes, inserted: int) -> bytes:
        if not inserted:
            return raw
        frame = _decode(raw)
        return _encode(frame | {"sequence_num": frame["sequence_num"] + inserted})


RECORDINGS: Final[dict[str, Recording]] = {
    "binance-spot": Binance("hftbacktest/spot/btcusdt_20240808.gz", Market.SPOT),
    "binance-usdm": Binance("hftbacktest/usdm/btcusdt_20240808.gz", Market.USDM),
    "binance-cryptofeed-spot": Binance("cryptofeed/BINANCE.jsonl.zst", Market.SPOT),
    "binance-cryptofeed-usdm": Binance("cryptofeed/BINANCE_FUTURES.jsonl.zst", Market.USDM),
    "okx": Okx(),
    "bybit-spot": Bybit(Product.SPOT),
    "bybit-linear": Bybit(Product.LINEAR),
    "coinbase": Coinbase(),
}


@cache
def frames_of(name: str) -> Frames:
    """A recording's frames, read once."""
    return tuple(RECORDINGS[name].frames())


@dataclass
class Told:
    """What became of a damaged stream.

    wrong    places where a book was believed to be in step and was not
    unequal  books that differ from the clean ones at the end
    """

    faults: Counter[str] = field(default_factory=Counter)
    gaps: int = 0
    healed: int = 0
    wrong: list[tuple[int, InstrumentId]] = field(default_factory=list)
    unequal: list[InstrumentId] = field(default_factory=list)


_WAIT: Final = 3  # frames of a book between its loss and the whole book that heals it
_LOOK: Final = 40  # frames after a fault at which books are compared
_SPACE: Final = 30  # frames between two faults
_TAIL: Final = 25  # frames at the end that are left alone, so that all may heal


def places(frames: Frames, count: int, rng: np.random.Generator) -> dict[int, str]:
    """At most so many places at random, none close to another, and what happens there."""
    inner = [i for i, (_, item) in enumerate(frames[:-_TAIL]) if isinstance(item, bytes)][10:]
    chosen: dict[int, str] = {}
    for at in rng.permutation(inner).tolist():
        if len(chosen) == count:
            break
        if all(abs(at - other) >= _SPACE for other in chosen):
            chosen[at] = KINDS[int(rng.integers(len(KINDS)))]
    return chosen


def unreadable(raw: bytes, rng: np.random.Generator) -> bytes:
    """Cut off somewhere, or with a byte that no JSON has."""
    at = int(rng.integers(1, len(raw) - 1))
    return raw[:at] if rng.integers(2) else raw[:at] + b"\x00" + raw[at + 1 :]


def play(recording: Recording, frames: Frames, faults: dict[int, str], seed: int) -> Told:
    """Both keepers over one recording, one of them with these faults."""
    rng, told = np.random.default_rng(seed), Told(Counter(faults.values()))
    clean, kept = Keeper(recording.reader()), Keeper(recording.reader())
    newest: dict[InstrumentId, bytes] = {}
    waiting: dict[InstrumentId, int] = {}
    doubtful: set[InstrumentId] = set()  # what was taken away may not show before the next frame
    inserted, last_fault = 0, -_LOOK

    def here(i: int) -> Item:
        item = frames[i][1]
        return recording.numbered(item, inserted) if isinstance(item, bytes) else item

    for i, (ts, item) in enumerate(frames):
        about = clean.hear(ts, item)
        newest |= dict.fromkeys(about, item if isinstance(item, bytes) else b"")
        last_fault = i if i in faults else last_fault
        swapped = faults.get(i - 1) == "swap"
        for each in _heard(here, i, faults.get(i, ""), rng) if not swapped else ():
            kept.hear(ts, each)
        if i in faults or swapped:
            doubtful |= about
            continue
        doubtful -= about
        for name in about:
            if kept.in_step(name):
                waiting.pop(name, None)
            elif clean.in_step(name):
                told.gaps += name not in waiting
                waiting[name] = waiting.get(name, _WAIT) - 1
                if waiting[name] <= 0 and newest[name]:
                    raw = newest[name]
                    whole = recording.whole(name, clean, ts, recording.numbered(raw, inserted))
                    inserted += isinstance(whole, bytes)
                    kept.hear(ts, whole)
                    told.healed += kept.in_step(name)
            compared = i - last_fault < _LOOK and name not in doubtful and kept.in_step(name)
            if compared and not np.array_equal(kept.rows(name), clean.rows(name)):
                told.wrong.append((i, name))
    for name in [n for n in clean.books if clean.in_step(n)]:
        if kept.in_step(name) and name in doubtful:
            continue
        if not kept.in_step(name) and newest[name]:  # too few frames came after its loss
            raw = recording.numbered(newest[name], inserted)
            kept.hear(frames[-1][0], recording.whole(name, clean, frames[-1][0], raw))
            told.healed += kept.in_step(name)
        if not (kept.in_step(name) and np.array_equal(kept.rows(name), clean.rows(name))):
            told.unequal.append(name)
    return told


def _heard(
    here: Callable[[int], Item], i: int, fault: str, rng: np.random.Generator
) -> Sequence[Item]:
    item = here(i)
    match fault:
        case "drop":
            return ()
        case "repeat":
            return (item, item)
        case "swap":
            return (here(i + 1), item)
        case "corrupt":
            assert isinstance(item, bytes), "whole books are asked for, not damaged"
            return (unreadable(item, rng),)
    return (item,)
