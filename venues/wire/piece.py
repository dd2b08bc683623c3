"""Market data of one frame as rows, and several of them joined into one batch.

Prices go from text to float64 in the venues' decoders, never by way of Python objects; nothing
here is exact money.
"""

from collections.abc import Sequence
from itertools import chain
from typing import Any, Final

import msgspec
import numpy as np

from messages.arrays import BAR, DELTA, FUNDING, QUOTE, TRADE, Rows
from messages.base import InstrumentId
from messages.market import (
    BarBatch,
    Batch,
    BookDeltaBatch,
    FundingBatch,
    LiquidationBatch,
    QuoteBatch,
    TradeBatch,
)

Levels = list[tuple[float, float]]  # (price, size)
Change = tuple[Levels, Levels]  # bids, asks
_ROWS: Final[dict[type[Batch], np.dtype[np.void]]] = {
    TradeBatch: TRADE,
    LiquidationBatch: TRADE,
    QuoteBatch: QUOTE,
    BarBatch: BAR,
    FundingBatch: FUNDING,
}


class Piece(msgspec.Struct, frozen=True):
    """What one market frame says: rows that may be joined with the next frame's.

    row  one row; of a book its changed levels, of which arrays are made once for many frames:
         twenty thousand frames a second leave no time for arrays of one frame each
    """

    kind: str
    batch: type[Batch]
    instrument_id: InstrumentId
    ts_event: int
    ts_init: int
    row: tuple[float, ...] | Change
    first_seq: int = 0
    last_seq: int = 0
    prev_seq: int = -1
    interval_ns: int = 0
    snapshot: bool = False  # the whole book

    def continues(self, before: "Piece") -> bool:
        """Whether one batch may hold `before` and then this."""
        if self.batch is not before.batch or self.interval_ns != before.interval_ns:
            return False
        if self.batch is not BookDeltaBatch:
            return True
        if self.snapshot or before.snapshot:
            return False
        if self.prev_seq >= 0:
            return self.prev_seq == before.last_seq
        return self.first_seq == before.last_seq + 1


def join(pieces: Sequence[Piece]) -> Batch:
    """One batch of consecutive pieces of one stream (each `continues` the one before)."""
    first, last = pieces[0], pieces[-1]
    head: dict[str, Any] = {
        "ts_event": last.ts_event,
        "ts_init": last.ts_init,
        "instrument_id": first.instrument_id,
    }
    if first.batch is BookDeltaBatch:
        head |= {
            "snapshot": first.snapshot,
            "first_seq": first.first_seq,
            "last_seq": last.last_seq,
            "prev_seq": first.prev_seq,
            "rows": _book_rows(pieces),
        }
        return BookDeltaBatch(**head)
    head["rows"] = np.array([piece.row for piece in pieces], _ROWS[first.batch])
    if first.batch is BarBatch:
        head["interval_ns"] = last.interval_ns
    return first.batch(**head)


def delta_rows(bids: Levels, asks: Levels, ts_event: int, ts_init: int) -> Rows:
    """Book levels as DELTA rows, bids first."""
    rows = _level_rows((bids, asks))
    rows["ts_event"], rows["ts_init"] = ts_event, ts_init
    return rows


def _book_rows(pieces: Sequence[Piece]) -> Rows:
    """DELTA rows of consecutive changes of one book."""
    sides: list[Any] = [side for piece in pieces for side in piece.row]
    rows = _level_rows(sides)
    if len(pieces) == 1:
        rows["ts_event"], rows["ts_init"] = pieces[0].ts_event, pieces[0].ts_init
        return rows
    counts = [len(bids) + len(asks) for bids, asks in zip(sides[::2], sides[1::2], strict=True)]
    for name in ("ts_event", "ts_init"):
        rows[name] = np.repeat([getattr(piece, name) for piece in pieces], counts)
    return rows


def _level_rows(sides: Sequence[Levels]) -> Rows:
    """DELTA rows without times of bids, asks, bids, asks .."""
    counts = [len(side) for side in sides]
    total = sum(counts)
    flat = chain.from_iterable(chain.from_iterable(sides))
    values = np.fromiter(flat, np.float64, 2 * total)
    rows = np.empty(total, DELTA)
    rows["side"] = np.repeat([1, -1] * (len(sides) // 2), counts)
    rows["price"], rows["size"] = values[::2], values[1::2]
    return rows
