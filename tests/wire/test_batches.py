"""Frames joined into batches: whatever repeats, the books that hear them see no gap in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages.base import InstrumentId
from messages.market import BookDeltaBatch
from trading.book_sync import BookSync, Outcome
from venues.wire.batch import Batcher
from venues.wire.piece import Piece, delta_rows

MARKET = InstrumentId("A.X")


def read(raw: bytes, ts_init: int) -> Piece:
    """ "4": the change 4; of numbers that tell their predecessor: "4<3"."""
    number, _, before = raw.decode().partition("<")
    return Piece(
        kind="book",
        batch=BookDeltaBatch,
        instrument_id=MARKET,
        ts_event=1,
        ts_init=ts_init,
        row=([(100.0, float(number))], []),
        first_seq=int(number),
        last_seq=int(number),
        prev_seq=int(before or -1),
    )


def heard(frames: list[list[str]]) -> tuple[list[Outcome], int]:
    """What a book that knows change 0 makes of frames; a list is what one wake-up reads."""
    batcher, sync = Batcher(read), BookSync()
    sync.offer(
        BookDeltaBatch(
            ts_event=1,
            ts_init=1,
            instrument_id=MARKET,
            snapshot=True,
            first_seq=0,
            last_seq=0,
            rows=delta_rows([(100.0, 1.0)], [], 1, 1),
        )
    )
    found = []
    for together in frames:
        for frame in together:
            batcher.add(frame.encode(), 1)
        found += [sync.offer(b).outcome for b in batcher.flush() if isinstance(b, BookDeltaBatch)]
    return found, sync.last_seq


@pytest.mark.parametrize(
    "frames",
    [
        [["1", "1", "2"]],
        [["1"], ["1", "2"]],
        [["1", "2"], ["1", "2", "3"]],
        [["1<0", "1<0", "2<1"]],
        [["1<0"], ["1<0", "2<1"]],
    ],
)
def test_a_frame_that_comes_twice_is_no_gap(frames: list[list[str]]) -> None:
    found, _ = heard(frames)

    assert Outcome.GAP not in found
    assert Outcome.DUPLICATE in found


@given(st.lists(st.tuples(st.integers(1, 3), st.booleans()), max_size=30))
def test_however_frames_repeat_and_arrive_the_book_goes_on(steps: list[tuple[int, bool]]) -> None:
    frames: list[list[str]] = [[]]
    for number, (times, wakes) in enumerate(steps, 1):
        frames[-1] += [str(number)] * times
        if wakes:
            frames.append([])

    found, last = heard(frames)

    assert Outcome.GAP not in found
    assert last == len(steps)


def test_a_missing_frame_is_still_a_gap() -> None:
    assert heard([["1", "3", "4"]])[0] == [Outcome.APPLIED, Outcome.GAP]


def test_numbers_that_begin_anew_after_their_predecessor_are_no_repetition() -> None:
    found, last = heard([["5<0", "2<5", "3<2"]])

    assert (found, last) == ([Outcome.APPLIED], 3)
