"""Frames damaged at random, and every venue's decoder on them."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from tests.tools.healing import RECORDINGS, Recording, frames_of
from trading.errors import Garbled

_WORDS: Final = (
    *(b"null", b"-1", b"0", b"1e400", b"NaN", b"Infinity", b'""', b"[]", b"{}", b"true"),
    *(b"99999999999999999999999", b'"\\ud800"', b'"-1"', b'"nan"', b'"inf"', b'"1e-400"'),
    *(b'"99999999999999999999"', b'"x"', b"[[]]", b'"\xff"', b"[" * 300),
)
_VALUE: Final = re.compile(rb'"[^"]*"|-?\d+(?:\.\d+)?|true|false|null')
_SAMPLES: Final = 400  # different frames of a recording


@dataclass
class Fuzzed:
    """What became of damaged frames.

    slowest_s  of this thread's own time, whatever else the machine does
    failed     frames that ended otherwise than as Garbled or as read, with the error
    """

    frames: int = 0
    garbled: int = 0
    slowest_s: float = 0.0
    failed: list[tuple[bytes, str]] = field(default_factory=list)


def mutated(raw: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """One to three damages: a byte, a cut, a doubled part, another value, part of another frame."""
    for _ in range(int(rng.integers(1, 4))):
        raw = _damages[int(rng.integers(len(_damages)))](raw, other, rng) or b" "
    return raw


def _byte(raw: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    at = int(rng.integers(len(raw)))
    return raw[:at] + bytes([int(rng.integers(256))]) + raw[at + 1 :]


def _cut(raw: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    start, end = sorted(int(x) for x in rng.integers(0, len(raw) + 1, 2))
    return raw[:start] + raw[end:]


def _double(raw: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    start, end = sorted(int(x) for x in rng.integers(0, len(raw) + 1, 2))
    return raw[:end] + raw[start:]


def _value(raw: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    found = list(_VALUE.finditer(raw))
    if not found:
        return raw
    at = found[int(rng.integers(len(found)))]
    return raw[: at.start()] + _WORDS[int(rng.integers(len(_WORDS)))] + raw[at.end() :]


def _splice(raw: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    at = int(rng.integers(min(len(raw), len(other)) + 1))
    return raw[:at] + other[at:]


_damages: Final[tuple[Callable[[bytes, bytes, np.random.Generator], bytes], ...]] = (
    _byte,
    _cut,
    _double,
    _value,
    _value,
    _splice,
)
DECODERS: Final[dict[str, Recording]] = {
    name: RECORDINGS[name]
    for name in ("binance-spot", "binance-usdm", "okx", "bybit-spot", "bybit-linear", "coinbase")
}


def samples(name: str) -> list[bytes]:
    """Different frames of a recording, short ones (snapshots are long, and much of the same)."""
    every = [item for _, item in frames_of(name) if isinstance(item, bytes) and len(item) < 8000]
    step = max(1, len(every) // _SAMPLES)
    return every[::step]


def fuzz(name: str, count: int, seed: int) -> Fuzzed:
    """So many damaged frames on one connection after another, each of a few hundred frames."""
    rng, told, raws = np.random.default_rng(seed), Fuzzed(), samples(name)
    read: Any = None
    clock = time.thread_time
    for i in range(count):
        if i % 500 == 0:
            read = DECODERS[name].reader()
            for raw in raws[:5]:
                read(raw, i)  # so that there are books to damage
        one, other = (raws[int(rng.integers(len(raws)))] for _ in range(2))
        raw = mutated(one, other, rng)
        before = clock()
        try:
            read(raw, i)
        except Garbled:
            told.garbled += 1
        except Exception as e:  # noqa: BLE001 - which ones there are is what is asked
            told.failed.append((raw, f"{type(e).__name__}: {e}"))
        told.slowest_s = max(told.slowest_s, clock() - before)
        told.frames += 1
    return told
