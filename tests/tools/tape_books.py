"""What a recording played as a tape must hold from its first message to its last."""

from collections.abc import Callable, Iterable

from messages.base import InstrumentId, Message
from messages.market import BookDeltaBatch, Instrument, TradeBatch
from trading.book import Book


def whole_books(
    instruments: Iterable[Instrument],
    tape: Iterable[tuple[int, Message]],
    hear: Callable[[Message], None] | None = None,
) -> tuple[dict[InstrumentId, Book], int]:
    """Each instrument's book at the end, and how many batches of trades there were.

    Fails where time goes back or a book is crossed; `hear` is told every message.
    """
    books = {i.instrument_id: Book() for i in instruments}
    trades, before = 0, 0
    for ts, message in tape:
        assert ts >= before
        before = ts
        trades += isinstance(message, TradeBatch)
        if isinstance(message, BookDeltaBatch):
            books[message.instrument_id].apply(message.rows, message.snapshot)
            assert not books[message.instrument_id].crossed
        if hear is not None:
            hear(message)
    return books, trades
