"""What the tape says of a book, where an order of ours may stand in it."""

from typing import Any

from trading.kernels.engine_kernel import cold
from trading.kernels.l2_book import next_level, set_level
from trading.kernels.l2_kernel import part
from trading.kernels.l2_match import forget_take, lead
from trading.kernels.l2_memory import number_at
from trading.kernels.l2_queue import queue_moved
from trading.kernels.l2_records import NONE


@part("line market book i8 i8 i8")
def quote_side(line: Any, market: Any, book: Any, side: int, key: int, lots: int) -> None:
    """Without depth: the touch of one side is now `lots` at `key`."""
    cold()
    old = book.best[side]
    if old > key and old != NONE:
        queue_moved(line, market, side, old, book.lots[side], 0)
        lead(market, side, key)
    if market.takes > 0:
        forget_take(market, side, old)
        forget_take(market, side, key)
    before = book.lots[side] if old == key else 0
    queue_moved(line, market, side, key, before, lots)


@part("book i8")
def begin_snapshot(book: Any, side: int) -> None:
    """Mark all levels as not seen in this snapshot: their sizes become negative."""
    cold()
    key = book.best[side]
    while key != NONE:
        number_at(book.sizes, book.start[side] + key).n *= -1
        key = next_level(book, side, key)


@part("book i8")
def forget_snapshot(book: Any, side: int) -> None:
    """Drop the levels that a snapshot did not show."""
    cold()
    deepest = NONE
    key = book.best[side]
    while key != NONE:
        below = next_level(book, side, key)
        if number_at(book.sizes, book.start[side] + key).n < 0:
            set_level(book, side, key, 0)
        else:
            deepest = key
        key = below
    book.low[side] = deepest if deepest != NONE else -NONE


@part("line market book i8")
def end_snapshot(line: Any, market: Any, book: Any, side: int) -> None:
    """The same, and what it means to our orders: within the snapshot's depth a level is gone."""
    cold()
    deepest = NONE
    key = book.best[side]
    while key != NONE:
        if number_at(book.sizes, book.start[side] + key).n > 0:
            deepest = key
        key = next_level(book, side, key)
    key = book.best[side]
    while key != NONE:
        lots = number_at(book.sizes, book.start[side] + key).n
        if lots < 0:
            forget_take(market, side, key)
            if deepest == NONE or key > deepest:
                queue_moved(line, market, side, key, -lots, 0)
        key = next_level(book, side, key)
    forget_snapshot(book, side)


@part("line market i8 i8 i8 i8")
def level_moved(line: Any, market: Any, side: int, key: int, before: int, lots: int) -> None:
    """The tape spoke of a level where we may stand or may have taken."""
    cold()
    if market.takes > 0:
        forget_take(market, side, key)
    if market.best[side] != NONE and market.worst[side] <= key <= market.best[side]:
        queue_moved(line, market, side, key, abs(before), lots)
