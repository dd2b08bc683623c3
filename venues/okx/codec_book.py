"""OKX's order book: what continues what, and whether what we hold is what the venue holds.

Theory of operation. A subscription begins with a snapshot; each update names the one before it
(`prevSeqId`). Two things are not gaps: an update that repeats the number with no levels (sent after
60 s without a change), and a number smaller than the one before it, which is how the venue's
counter begins anew after maintenance. docs: "WS / Order book channel", "Sequence ID".

Older recordings have no sequence numbers, only a checksum: CRC32 over the texts of the best 25
levels of each side, so books are kept as the texts that were sent. Since 23 June 2026 the checksum
is always 0 (docs: "OKX Order Book Channels Checksum Field Deprecation") and the numbers are all
there is. Both are checked wherever they are there.

The batches are numbered by this side, not by the venue: a counter that may begin anew, or that
was damaged on its way, would make later batches look old. A snapshot gets the time at which it was
heard as its number, so it is newer than all before it, over connections too; each update gets
the next one; after a gap one number is left out, which whoever keeps the book sees as a gap.
"""

from typing import Annotated, Final
from zlib import crc32

import msgspec

from messages.base import InstrumentId
from messages.market import BookDeltaBatch
from venues.okx.codec_names import ns
from venues.wire.frames import Control
from venues.wire.piece import Levels, Piece, delta_rows

Row = tuple[str, str, str, str]  # price, size, unused, orders
_CHECKED: Final = 25  # levels of each side
_SIZE_MAX: Final = 1e300  # "inf" and "nan" are legal texts of a float
Ms = Annotated[int, msgspec.Meta(ge=0, lt=2**43)]


class BookRow(msgspec.Struct, rename="camel"):
    """docs: "WS / Order book channel", and one row of "Get order book"."""

    asks: list[Row]
    bids: list[Row]
    ts: str
    checksum: int = 0
    seq_id: int | None = None
    prev_seq_id: int | None = None


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
        self._bids: dict[float, Row] = {}
        self._asks: dict[float, Row] = {}

    def snapshot(self, row: BookRow, ts_init: int) -> Piece:
        """The whole book; raises ValueError."""
        piece = self._piece(row, ts_init, max(self.seq + 1, ts_init), snapshot=True)
        self._bids, self._asks = {}, {}
        _put(self._bids, row.bids)
        _put(self._asks, row.asks)
        self._venue_seq, self._whole = row.seq_id, True
        if not self._matches(row):
            self._whole = False  # damaged on its way: the next update shows the break
        return piece

    def update(self, row: BookRow, ts_init: int) -> Piece | Control:
        """What changed; a piece that does not continue the one before where something is lost.

        raises  ValueError
        """
        numbers = (row.prev_seq_id, row.seq_id)
        if row.seq_id is not None and numbers == self._last and self._whole:
            return Control("books:repeated")
        heartbeat = not row.asks and not row.bids
        follows = self._follows(row)
        if heartbeat and follows:
            self._venue_seq = row.seq_id
            return Control("books:unchanged")
        piece = self._piece(row, ts_init, self.seq + 1)
        _put(self._bids, row.bids)
        _put(self._asks, row.asks)
        if self._whole and follows and self._matches(row):
            self._venue_seq, self._last = row.seq_id, numbers
            return piece
        return self.lost(row, ts_init)

    def lost(self, row: BookRow, ts_init: int) -> Piece:
        """The update that shows that something is missing: its number leaves one out."""
        if self._whole:
            self.breaks += 1
        self._whole, self._venue_seq = False, row.seq_id
        return self._piece(row, ts_init, self.seq + 2)

    def damage(self) -> None:
        """A frame could not be read, and it may have been of this book."""
        self._whole = False

    def _follows(self, row: BookRow) -> bool:
        if row.prev_seq_id is None or self._venue_seq is None:
            return True  # the checksum is all there is
        return row.prev_seq_id == self._venue_seq

    def _matches(self, row: BookRow) -> bool:
        if row.checksum == 0:
            return True
        if checksum(self._bids, self._asks) != row.checksum:
            return False
        self.checked += 1
        return True

    def _piece(self, row: BookRow, ts_init: int, seq: int, *, snapshot: bool = False) -> Piece:
        ts = ns(int(row.ts))
        rows = delta_rows(levels(row.bids, self._size), levels(row.asks, self._size), ts, ts_init)
        self.seq = seq
        return Piece(
            "books",
            BookDeltaBatch,
            self._name,
            ts,
            ts_init,
            rows,
            first_seq=seq,
            last_seq=seq,
            prev_seq=-1 if snapshot else seq - 1,
            snapshot=snapshot,
        )


def _put(side: dict[float, Row], rows: list[Row]) -> None:
    for row in rows:
        if float(row[1]) == 0.0:
            side.pop(float(row[0]), None)
        else:
            side[float(row[0])] = row


def checksum(bids: dict[float, Row], asks: dict[float, Row]) -> int:
    """docs: "Checksum": bid, ask, bid, ask .. of the best 25, as sent; a side may end earlier."""
    best_bids = [bids[p] for p in sorted(bids, reverse=True)[:_CHECKED]]
    best_asks = [asks[p] for p in sorted(asks)[:_CHECKED]]
    words: list[str] = []
    for i in range(max(len(best_bids), len(best_asks))):
        for side in (best_bids, best_asks):
            if i < len(side):
                words += side[i][:2]
    unsigned = crc32(":".join(words).encode())
    return unsigned - 2**32 if unsigned >= 2**31 else unsigned
