"""Recordings of every venue with frames dropped, repeated, swapped and made unreadable: a book that
is lost is known to be lost, and heals. The full size is `python -m benchmarks.fuzz books`."""

import numpy as np
import pytest

from tests.tools.healing import RECORDINGS, Keeper, frames_of, places, play
from tests.tools.recorded import needs_wire

pytestmark = [pytest.mark.data, needs_wire]
FRAMES_MAX = 700  # of each recording: the same rules hold for the rest


@pytest.mark.parametrize("name", RECORDINGS)
def test_every_gap_is_detected_and_every_book_ends_as_the_clean_one(name: str) -> None:
    frames = frames_of(name)[:FRAMES_MAX]
    faults = places(frames, 40, np.random.default_rng(7))

    told = play(RECORDINGS[name], frames, faults, seed=7)

    assert len(faults) >= 4  # the shortest recording has room for no more
    assert told.wrong == []
    assert told.unequal == []
    assert told.gaps > 0
    assert told.healed >= told.gaps


@pytest.mark.parametrize("name", RECORDINGS)
def test_a_recording_left_alone_has_no_gap(name: str) -> None:
    told = play(RECORDINGS[name], frames_of(name)[:FRAMES_MAX], {}, seed=0)

    assert (told.gaps, told.wrong, told.unequal) == (0, [], [])


def test_a_digit_that_changes_near_the_touch_fails_the_checksum_of_okx() -> None:
    """Only OKX's recording has checksums, and only of its best 25 levels; it needs no numbers."""
    okx, rng, seen = RECORDINGS["okx"], np.random.default_rng(3), 0
    frames = [(ts, raw) for ts, raw in frames_of("okx") if isinstance(raw, bytes)]

    for at in rng.choice(np.arange(10, len(frames)), 20, replace=False).tolist():
        clean, kept = Keeper(okx.reader()), Keeper(okx.reader())
        for ts, raw in frames[:at]:
            clean.hear(ts, raw)
            kept.hear(ts, raw)
        ts, raw = frames[at]
        (name,) = clean.hear(ts, raw)
        best = {str(p).removesuffix(".0") for p in clean.books[name].bids.top(25)[0].tolist()}
        hit = next((p for p in sorted(best) if f'["{p}","'.encode() in raw), None)
        if hit is None:
            continue
        kept.hear(ts, raw.replace(f'["{hit}","'.encode(), f'["{hit}","9'.encode(), 1))

        seen += 1
        assert not kept.in_step(name)
    assert seen >= 3
