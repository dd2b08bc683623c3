"""OKX's order book: what continues what, and whether what we hold is what the venue holds.

Theory of operation. A subscription begins with a snapshot; each update names the one before it
(`prevSeqId`). Two things are not gaps: an update that repeats the number with no levels (sent after
60 s without a change), and a number smaller than the one before it, which is how the venue's
counter begins anew after maintenance. docs: "WS / Order book channel", "Sequence ID".

Older recordings have no sequence numbers, only a checksum: CRC32 over the texts of the best 25
levels of each side. Since 23 June 2026 the checksum is always 0 (docs: "OKX Order Book Channels
Checksum Field Deprecation") and the numbers are all there is. Both are checked wherever they are
there: a book whose updates have one is kept as the texts that were sent. One whose first checksum
comes later than in the first update after a snapshot is a break, and whole again with the next.

The batches are numbered by this side, not by the venue: a counter that may begin anew, or that
was damaged on its way, would make later batches look old. A snapshot gets the time at which it was
heard as its number, so it is newer than all before it, over connections too; each update gets
the next one; after a gap one number is left out, which whoever keeps the book sees as a gap.
"""

from bisect import bisect_left, insort
from typing import Annotated, Final
from zlib import crc32

import msgspec
from msgspec.structs import astuple

from messages.base import InstrumentId
from messages.market import BookDeltaBatch
from venues.okx.codec_names import ns
from venues.wire.piece import Levels, Piece

Row = tuple[str, str, str, str]  # price, size, unused, orders
_CHECKED: Final = 25  # levels of each side
_SIZE_MAX: Final = 1e300  # "inf" and "nan" are legal texts of a float
Ms = Annotated[int, msgspec.Meta(ge=0, lt=2**43)]


# The bounds keep "NaN" and "Infinity", which are legal text for a float, out of the arrays.
_Price = Annotated[float, msgspec.Meta(gt=0, lt=_SIZE_MAX)]
_Size = Annotated[float, msgspec.Meta(ge=0, lt=_SIZE_MAX)]


class _Level(msgspec.Struct, array_like=True, gc=False):
    """The two of a row's four that are read: what is not named here is skipped, not made."""

    price: _Price
    size: _Size


class BookRow(msgspec.Struct, rename="camel"):
    """docs: one row of "Get order book"."""

    asks: list[Row]
    bids: list[Row]
    ts: str
    checksum: int = 0
    seq_id: int | None = None
    prev_seq_id: int | None = None


class Update(msgspec.Struct, rename="camel"):
    """docs: "WS / Order book channel"; prices and sizes are read as numbers."""

    asks: list[_Level]
    bids: list[_Level]
    ts: str
    checksum: int = 0
    seq_id: int | None = None
    prev_seq_id: int | None = None


class _Texts(msgspec.Struct):
    """The same, as it was sent."""

    asks: list[Row]
    bids: list[Row]


# Lax mode reads quoted numbers; every numeric field is typed, so nothing else gets looser.
UPDATES: Final = msgspec.json.Decoder(list[Update], strict=False)
_TEXTS: Final = msgspec.json.Decoder(list[_Texts])


def levels(rows: list[Row], size: float) -> Levels:
    """Prices and base quantities; raises ValueError for what cannot be a level of a book."""
    found = [(float(row[0]), float(row[1]) * size) for row in rows]
    if not all(0 < price < _SIZE_MAX and 0 <= amount < _SIZE_MAX for price, amount in found):
        raise ValueError("a level without a price or a size")
    return found


class SentBook:
    """One book as the venue sent it: texts for its checksum, and where its sequence is."""

    def __init__(self, name: InstrumentId, size: float) -> None:
        self.checked = 0  # checksums that were there and matched
        self.breaks = 0
        self.seq = 0  # ours
        self._name = name
        self._size = size
        self._venue_seq: int | None = None
        self._last: tuple[int | None, int | None] = (None, None)  # numbers of the last update
        self._whole = False  # a snapshot came, and nothing was lost since
        self._summed = False  # it has had a checksum
        self._bids, self._asks = _Side(-1), _Side(1)

    def read(self, data: bytes | msgspec.Raw, ts_init: int, *, whole: bool) -> tuple[Piece, ...]:
        """What the rows of one frame say.

        whole   they are snapshots; else they say what changed
        raises  msgspec.DecodeError
        """
        rows = UPDATES.decode(data)
        self._summed = self._summed or any(row.checksum for row in rows)
        texts: list[_Texts | None] = [None] * len(rows)
        if self._summed or whole:
            texts = [*_TEXTS.decode(data)]
        read = self._snapshot if whole else self._update
        found = (read(row, text, ts_init) for row, text in zip(rows, texts, strict=True))
        return tuple(piece for piece in found if piece is not None)

    def _snapshot(self, row: Update, texts: _Texts | None, ts_init: int) -> Piece:
        piece = self._piece(row, ts_init, max(self.seq + 1, ts_init), snapshot=True)
        self._bids, self._asks = _Side(-1), _Side(1)
        self._put(texts)
        self._venue_seq, self._whole = row.seq_id, True
        if not self._matches(row):
            self._whole = False  # damaged on its way: the next update shows the break
        return piece

    def _update(self, row: Update, texts: _Texts | None, ts_init: int) -> Piece | None:
        """What changed, None if nothing; a piece that does not continue the one before where
        something is lost."""
        numbers = (row.prev_seq_id, row.seq_id)
        if row.seq_id is not None and numbers == self._last and self._whole:
            return None
        heartbeat = not row.asks and not row.bids
        follows = self._follows(row)
        if heartbeat and follows:
            self._venue_seq = row.seq_id
            return None
        piece = self._piece(row, ts_init, self.seq + 1)
        self._put(texts)
        if self._whole and follows and self._matches(row):
            self._venue_seq, self._last = row.seq_id, numbers
            return piece
        return self._lost(row, ts_init)

    def _lost(self, row: Update, ts_init: int) -> Piece:
        """The update that shows that something is missing: its number leaves one out."""
        if self._whole:
            self.breaks += 1
        self._whole, self._venue_seq = False, row.seq_id
        return self._piece(row, ts_init, self.seq + 2)

    def damage(self) -> None:
        """A frame could not be read, and it may have been of this book."""
        self._whole = False

    def _put(self, texts: _Texts | None) -> None:
        if texts is not None:
            self._bids.put(texts.bids)
            self._asks.put(texts.asks)

    def _follows(self, row: Update) -> bool:
        if row.prev_seq_id is None or self._venue_seq is None:
            return True  # the checksum is all there is
        return row.prev_seq_id == self._venue_seq

    def _matches(self, row: Update) -> bool:
        if row.checksum == 0:
            return True
        if _sum(self._bids.best(), self._asks.best()) != row.checksum:
            return False
        self.checked += 1
        return True

    def _piece(self, row: Update, ts_init: int, seq: int, *, snapshot: bool = False) -> Piece:
        ts, size = ns(int(row.ts)), self._size
        bids, asks = _scaled(row.bids, size), _scaled(row.asks, size)
        self.seq = seq
        return Piece(
            "books",
            BookDeltaBatch,
            self._name,
            ts,
            ts_init,
            (bids, asks),
            first_seq=seq,
            last_seq=seq,
            prev_seq=-1 if snapshot else seq - 1,
            snapshot=snapshot,
        )


def _scaled(rows: list[_Level], size: float) -> Levels:
    if size == 1.0:
        return [*map(astuple, rows)]
    return [(row.price, row.size * size) for row in rows]


class _Side:
    """Levels of one side as "price:size", best first; most changes leave the best 25 as they were.

    sign  1 for asks, -1 for bids: the best level has the smallest key
    """

    def __init__(self, sign: int) -> None:
        self._sign = sign
        self._keys: list[float] = []
        self._texts: dict[float, str] = {}
        self._best: list[str] | None = None
        self._last = 0.0  # the key of the last of the best

    def put(self, rows: list[Row]) -> None:
        """Take changed levels in."""
        keys, texts = self._keys, self._texts
        for price, size, _, _ in rows:
            key = self._sign * float(price)
            if float(size) == 0.0:
                if texts.pop(key, None) is None:
                    continue
                del keys[bisect_left(keys, key)]
            else:
                if key not in texts:
                    insort(keys, key)
                texts[key] = f"{price}:{size}"
            if key <= self._last:
                self._best = None

    def best(self) -> list[str]:
        """The best 25 levels, or all where there are fewer."""
        if self._best is None or len(self._best) < _CHECKED:
            keys = self._keys[:_CHECKED]
            self._best = [self._texts[key] for key in keys]
            self._last = keys[-1] if keys else 0.0
        return self._best


def checksum(bids: dict[float, Row], asks: dict[float, Row]) -> int:
    """docs: "Checksum": bid, ask, bid, ask .. of the best 25, as sent; a side may end earlier."""
    best_bids = [":".join(bids[p][:2]) for p in sorted(bids, reverse=True)[:_CHECKED]]
    best_asks = [":".join(asks[p][:2]) for p in sorted(asks)[:_CHECKED]]
    return _sum(best_bids, best_asks)


def _sum(bids: list[str], asks: list[str]) -> int:
    both = len(bids) if len(bids) < len(asks) else len(asks)
    words = [word for pair in zip(bids, asks, strict=False) for word in pair]
    unsigned = crc32(":".join([*words, *bids[both:], *asks[both:]]).encode())
    return unsigned - 2**32 if unsigned >= 2**31 else unsigned
