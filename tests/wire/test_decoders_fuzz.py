"""Decoders on frames that were damaged at random: Garbled or an answer, never another exception.
The full size (a million frames of each venue) is `python -m benchmarks.fuzz decoders`."""

import numpy as np
import pytest

from tests.tools.fuzzing import DECODERS, fuzz, mutated
from tests.tools.recorded import needs_wire

pytestmark = [pytest.mark.data, needs_wire]


@pytest.mark.parametrize("name", DECODERS)
def test_a_damaged_frame_is_garbled_or_read_and_nothing_else(name: str) -> None:
    told = fuzz(name, 1500, seed=11)

    assert told.frames == 1500
    assert told.failed == []
    assert 0 < told.garbled < told.frames
    assert told.slowest_s < 1.0


def test_mutation_changes_most_frames_and_keeps_their_size_bounded() -> None:
    rng = np.random.default_rng(1)
    raw = b'{"arg":{"channel":"books"},"data":[{"ts":"1","asks":[["1.5","2"]]}]}'

    found = [mutated(raw, raw, rng) for _ in range(200)]

    assert sum(each != raw for each in found) > 150
    assert max(map(len, found)) <= 8 * len(raw)
