"""Changes of books by the frame: joined into the rows that each would be, and OKX's checksums."""

from typing import Any

import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from messages.base import InstrumentId
from messages.market import BookDeltaBatch
from venues.okx.codec_book import Row, SentBook, checksum
from venues.wire.batch import Batcher
from venues.wire.piece import Levels, Piece, delta_rows, join

NAME = InstrumentId("BTC-USDT.OKX")
LEVELS = st.lists(st.tuples(st.floats(1, 1e6), st.floats(0, 1e6)), max_size=6)
TICKS = st.tuples(st.integers(1, 60), st.integers(0, 9))  # price, size; 0 removes
CHANGES = st.lists(st.tuples(st.booleans(), st.lists(TICKS, max_size=8)), min_size=1, max_size=12)


def piece(bids: Levels, asks: Levels, number: int) -> Piece:
    ts, prev = 1000 + number, number - 1
    change = (bids, asks)
    return Piece("books", BookDeltaBatch, NAME, ts, ts + 7, change, number, number, prev)


@given(st.lists(st.tuples(LEVELS, LEVELS), min_size=1, max_size=5))
def test_joined_changes_are_the_rows_of_each_in_turn(changes: list[tuple[Levels, Levels]]) -> None:
    pieces = [piece(bids, asks, number) for number, (bids, asks) in enumerate(changes, 1)]

    joined: Any = join(pieces)

    alone = [delta_rows(*p.row, p.ts_event, p.ts_init) for p in pieces]  # type: ignore[arg-type]
    assert joined.rows.tolist() == np.concatenate(alone).tolist()
    assert (joined.first_seq, joined.last_seq) == (1, len(changes))


def sent(bids: list[Row], asks: list[Row], books: tuple[dict[float, Row], ...]) -> bytes:
    row = {"bids": bids, "asks": asks, "ts": "1", "checksum": checksum(books[0], books[1])}
    return msgspec.json.encode([row])


@given(CHANGES)
def test_checksum_of_every_update_matches_whatever_changed(
    changes: list[tuple[bool, list[tuple[int, int]]]],
) -> None:
    places = [n / 2 for n in range(1, 41)]
    bids: dict[float, Row] = {1000 - at: (str(1000 - at), "1", "0", "1") for at in places}
    asks: dict[float, Row] = {1000 + at: (str(1000 + at), "1", "0", "1") for at in places}
    book = SentBook(NAME, 1.0)
    book.read(sent([*bids.values()], [*asks.values()], (bids, asks)), 5, whole=True)

    for bought, ticks in changes:
        side, sign = (bids, -1) if bought else (asks, 1)
        changed: list[Row] = []
        for away, size in ticks:
            price = 1000 + sign * away / 2
            changed.append((str(price), str(size), "0", "1"))
            side.pop(price, None)
            if size:
                side[price] = changed[-1]
        raw = sent(changed, [], (bids, asks)) if bought else sent([], changed, (bids, asks))
        book.read(raw, 6, whole=False)

    assert book.breaks == 0
    assert book.checked == 1 + sum(bool(ticks) for _, ticks in changes)


def test_a_thousand_changes_at_once_are_batches_of_moderate_size_that_continue_each_other() -> None:
    batcher = Batcher(lambda raw, ts_init: piece([(100.0, 1.0)], [], int(raw)))

    for number in range(1, 1001):
        batcher.add(str(number).encode(), number)
    found: Any = batcher.flush()

    assert max(len(batch.rows) for batch in found) <= 128
    assert [batch.prev_seq for batch in found[1:]] == [batch.last_seq for batch in found[:-1]]
    assert found[-1].last_seq == 1000
