"""Market data of one frame as rows, and several of them joined into one batch.

Prices go from text to float64 in the venues' decoders, never by way of Python objects; nothing
here is exact money.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

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
_ROWS: Final[dict[type[Batch], np.dtype[np.void]]] = {
    TradeBatch: TRADE,
    LiquidationBatch: TRADE,
    QuoteBatch: QUOTE,
    BarBatch: BAR,
    FundingBatch: FUNDING,
}


@dataclass(frozen=True, slots=True)
class Piece:
    """What one market frame says: rows that may be joined with the next frame's."""

    kind: str
    batch: type[Batch]
    instrument_id: InstrumentId
    ts_event: int
    ts_init: int
    row: tuple[float, ...] | Rows  # one row; of a book many, already an array
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
        parts = [piece.row for piece in pieces if isinstance(piece.row, np.ndarray)]
        head |= {
            "snapshot": first.snapshot,
            "first_seq": first.first_seq,
            "last_seq": last.last_seq,
            "prev_seq": first.prev_seq,
            "rows": parts[0] if len(parts) == 1 else np.concatenate(parts),
        }
        return BookDeltaBatch(**head)
    head["rows"] = np.array([piece.row for piece in pieces], _ROWS[first.batch])
    if first.batch is BarBatch:
        head["interval_ns"] = last.interval_ns
    return first.batch(**head)


def delta_rows(bids: Levels, asks: Levels, ts_event: int, ts_init: int) -> Rows:
    """Book levels as DELTA rows, bids first."""
    rows = np.empty(len(bids) + len(asks), DELTA)
    rows["ts_event"], rows["ts_init"] = ts_event, ts_init
    rows["side"] = -1
    rows["side"][: len(bids)] = 1
    levels = np.array(bids + asks, np.float64).reshape(-1, 2)
    rows["price"], rows["size"] = levels[:, 0], levels[:, 1]
    return rows
