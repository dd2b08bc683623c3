"""A book of price levels in plain arrays, by tick: every change is a store, the best is known.

Theory of operation. The tape of a backtest is known before it runs, so the arrays span every tick
that occurs in it (memory that is never touched costs nothing: the pages do not exist). One bit a
level in `words` says which levels are there, so that the next best after a removal is found 64
ticks at a time, however sparse the book. Both sides share the code: see *key* in `l2_records`.
"""

from typing import Any, Final

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from messages.arrays import Rows
from trading.kernels.l2_kernel import part
from trading.kernels.l2_memory import number_at
from trading.kernels.l2_records import BOOK, DELTA, NONE

I8 = NDArray[np.int64]
_WORD = 64
_REPLAY: Final[dict[str, Any]] = {"error_model": "numpy", "_nrt": False}


@intrinsic
def leading_zeros(typing_context: Any, word: Any) -> Any:
    """Zero bits above the highest one of an int64; 64 for 0."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ctlz(args[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.int64), generate


@part("book i8 i8", hot=True)
def next_level(book: Any, side: int, key: int) -> int:
    """Key of the best level below `key`; NONE if there is none."""
    start = book.start[side]
    at = start + key
    word = at >> 6
    bits = number_at(book.words, word).n & ((1 << (at & 63)) - 1)
    bottom = (start + book.low[side]) >> 6
    while bits == 0:
        word -= 1
        if word < bottom:
            return NONE
        bits = number_at(book.words, word).n
    return int((word << 6) + 63 - leading_zeros(bits) - start)  # type: ignore[call-arg]


@part("book i8 i8 i8", hot=True)
def set_level(book: Any, side: int, key: int, lots: int) -> int:
    """The tape's word about one level (0 removes it) -> the lots that stood there before.

    The key must be within the book's room; nothing checks it.
    """
    at = book.start[side] + key
    level = number_at(book.sizes, at)
    before = level.n
    level.n = lots
    if lots > 0:
        if before == 0:
            number_at(book.words, at >> 6).n |= 1 << (at & 63)
            book.low[side] = min(book.low[side], key)
            book.best[side] = max(book.best[side], key)
    elif before != 0:
        number_at(book.words, at >> 6).n &= ~(1 << (at & 63))
        if key == book.best[side]:
            book.best[side] = next_level(book, side, key)
    return int(before)


@part("book i8 i8", hot=True)
def shown(book: Any, side: int, key: int) -> int:
    """Lots that the tape shows at one level; 0 where it shows none."""
    if book.depth == 0:
        return int(book.lots[side]) if key == book.best[side] else 0
    tick = key if side == 0 else -key
    if tick < book.first or tick > book.last:
        return 0
    return int(number_at(book.sizes, book.start[side] + key).n)


@part("book i8 i8")
def hides(book: Any, side: int, key: int) -> bool:
    """Whether the tape may not show this level: deeper than all that it shows of this side."""
    if book.best[side] == NONE:
        return bool(book.seen == 0)
    if book.depth == 0:
        return bool(key < book.best[side])
    tick = key if side == 0 else -key
    if tick < book.first or tick > book.last:
        return bool(key < book.low[side])
    if number_at(book.sizes, book.start[side] + key).n != 0:
        return False
    return bool(key <= book.low[side] or next_level(book, side, key) == NONE)


@part("book show f8 f8 f8 f8")
def show_levels(
    book: Any, event: Any, tick_unit: float, tick: float, lot_unit: float,
    lot: float,
) -> None:  # fmt: skip
    """Write the best levels into a BOOK record of `trading.strategy_records`."""
    room = len(event.bid_px)
    for side in range(2):
        prices = event.bid_px if side == 0 else event.ask_px
        amounts = event.bid_sz if side == 0 else event.ask_sz
        key = book.best[side]
        count = 0
        while count < room and key != NONE:
            ticks = key if side == 0 else -key
            lots = number_at(book.sizes, book.start[side] + key).n
            prices[count] = ticks / tick_unit if tick_unit > 0.0 else ticks * tick
            amounts[count] = lots / lot_unit if lot_unit > 0.0 else lots * lot
            count += 1
            key = next_level(book, side, key)
        for i in range(count, room):
            prices[i] = 0.0
            amounts[i] = 0.0
        if side == 0:
            event.bids = count
        else:
            event.asks = count


def _replay(events: Rows, book: Any) -> int:
    """Apply all deltas of one instrument, and nothing else -> the sum of both best keys.

    cost   15-25 ns a delta
    """
    for i in range(len(events)):
        event = events[i]
        if event.kind & DELTA:
            side = (1 - event.side) >> 1
            set_level(book, side, event.side * event.price, event.size)
    return int(book.best[0] + book.best[1])


replay: Any = njit(**_REPLAY)(_replay)


def make_books(
    spans: "list[tuple[int, int] | None]",
) -> tuple[NDArray[np.void], I8, I8]:
    """(books, sizes, words): books for instruments whose ticks lie in these closed spans.

    spans   None for an instrument without depth
    The books hold the addresses of sizes and words: keep all three together.

    memory  16 bytes a tick of room, of which only touched pages exist
    """
    books = np.zeros(len(spans), BOOK)
    books["best"] = NONE
    books["low"] = -NONE
    end = _WORD  # room below, so that the scan's first word is never before the array
    for book, span in zip(books, spans, strict=True):
        if span is None:
            book["last"] = -1
            continue
        first, last = span
        book["depth"], book["first"], book["last"] = 1, first, last
        room = (last - first) // _WORD * _WORD + 2 * _WORD
        book["start"] = (end - first, end + room + last)
        end += 2 * room
    sizes, words = np.zeros(end, np.int64), np.zeros(end // _WORD + 1, np.int64)
    books["sizes"], books["words"] = sizes.ctypes.data, words.ctypes.data
    return books, sizes, words
