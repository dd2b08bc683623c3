"""The tests of damage at full size, for all recordings of all venues.

    python -m benchmarks.fuzz books      frames dropped, repeated, swapped, cut: 1,000 places each
    python -m benchmarks.fuzz decoders   a million mutated frames for each decoder

Prints one line a recording; exit code 1 if a book was wrong, or an exception escaped.
"""

import argparse
import resource
import sys
import time
from collections.abc import Callable
from typing import Final

import numpy as np

from tests.tools.fuzzing import DECODERS, fuzz
from tests.tools.healing import RECORDINGS, Told, frames_of, places, play

_MIB: Final = 1024.0


def books(name: str, count: int, seed: int) -> tuple[bool, str]:
    """As many passes over a recording as it takes for `count` places."""
    frames, total, passes = frames_of(name), Told(), 0
    while sum(total.faults.values()) < count:
        rng = np.random.default_rng((seed, passes))
        left = count - sum(total.faults.values())
        told = play(RECORDINGS[name], frames, places(frames, left, rng), seed + passes)
        total.faults += told.faults
        total.gaps += told.gaps
        total.healed += told.healed
        total.wrong += told.wrong
        total.unequal += told.unequal
        passes += 1
    kinds = " ".join(f"{kind}={n}" for kind, n in sorted(total.faults.items()))
    text = f"{kinds} passes={passes} gaps={total.gaps} healed={total.healed}"
    bad = f"wrong={len(total.wrong)} unequal={len(total.unequal)}"
    return not total.wrong and not total.unequal, f"{text} {bad}"


def decoders(name: str, count: int, seed: int) -> tuple[bool, str]:
    """Mutated frames of one recording's venue."""
    told = fuzz(name, count, seed)
    text = f"frames={told.frames} garbled={told.garbled} slowest_ms={told.slowest_s * 1e3:.1f}"
    for raw, error in told.failed[:3]:
        text += f"\n    {error}: {raw[:200]!r}"
    return not told.failed, f"{text} failed={len(told.failed)}"


def main(arguments: list[str]) -> int:
    """Exit code: 0 if everything held."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__)
    parser.add_argument("what", choices=("books", "decoders"))
    parser.add_argument("--count", type=int, help="places or frames for each")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", help="one recording")
    given = parser.parse_args(arguments)
    run: Callable[[str, int, int], tuple[bool, str]] = books
    names, count = tuple(RECORDINGS), 1000
    if given.what == "decoders":
        run, names, count = decoders, tuple(DECODERS), 1_000_000
    held = True
    for name in (given.only,) if given.only else names:
        before = time.perf_counter()
        fine, text = run(name, given.count or count, given.seed)
        held = held and fine
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _MIB
        seconds = time.perf_counter() - before
        print(f"{name}: {text} seconds={seconds:.1f} memory_mib={memory:.0f}", flush=True)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
