"""What a write-ahead log holds before SQLite recovers it: read only, by the documented format.

A commit is a run of frames whose last one carries the size of the database. Each frame's checksum
continues the one before it. SQLite recovers up to the last good commit and silently ignores the
rest, so the rest is looked at here, before it is gone.

*Torn* is what a killed process or a lost power supply leaves: frames after the last good commit. It
was never acknowledged, because an acknowledgement follows the sync of its commit.

*Damaged* is something else: frames that cannot be recovered although later commits follow them. A
commit is only written after the one before it was synced, so if two or more commits stand at or
behind the bad frame, at least one acknowledged commit is unreadable. With one, it may be a
transaction whose pages reached the disk out of order: that is called torn. The header is synced
before any frame, so behind a bad header one commit is enough.

source  https://www.sqlite.org/fileformat2.html#the_write_ahead_log
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

_HEADER_BYTES: Final = 32
_FRAME_HEADER_BYTES: Final = 24
_MAGIC: Final = {0x377F0682: "<u4", 0x377F0683: ">u4"}  # byte order of the checksummed words
_VERSION: Final = 3_007_000
_PAGE_BYTES_DEFAULT: Final = 4096
_CHUNK_FRAMES: Final = 1024  # about 12 MB of working memory at a time


@dataclass(frozen=True, slots=True)
class Wal:
    """`commits` good ones; `torn_*` what was never committed; `damaged_at` a frame, from 1."""

    size_bytes: int = 0
    frames: int = 0
    commits: int = 0
    torn_frames: int = 0
    torn_bytes: int = 0
    damaged_at: int | None = None  # 0: the header


def wal_path(path: Path) -> Path:
    """Where SQLite keeps the write-ahead log of `path`."""
    return path.with_name(path.name + "-wal")


def scan(path: Path) -> Wal:
    """What stands in the write-ahead log of the journal `path`; all zero where there is none.

    cost  reads the file once; about 5 ms per MB
    """
    try:
        raw = wal_path(path).read_bytes()
    except FileNotFoundError:
        return Wal()
    if len(raw) < _HEADER_BYTES:
        return Wal(size_bytes=len(raw), torn_bytes=len(raw))
    header = np.frombuffer(raw, ">u4", 8).astype(np.uint64)
    order = _MAGIC.get(int(header[0]), "<u4")
    words = np.frombuffer(raw, order, 6).astype(np.uint64)[np.newaxis]
    sound = (
        int(header[0]) in _MAGIC
        and int(header[1]) == _VERSION
        and _page_bytes_ok(int(header[2]))
        and bool((_checksums(np.zeros((1, 2), np.uint64), words) == header[6:8]).all())
    )
    page_bytes = int(header[2]) if sound else _PAGE_BYTES_DEFAULT
    return _frames(raw, header, page_bytes, order, sound)


def _page_bytes_ok(page_bytes: int) -> bool:
    return 512 <= page_bytes <= 65536 and page_bytes & (page_bytes - 1) == 0


def _frames(
    raw: bytes, header: NDArray[np.uint64], page_bytes: int, order: str, sound: bool
) -> Wal:
    frame_bytes = _FRAME_HEADER_BYTES + page_bytes
    count = (len(raw) - _HEADER_BYTES) // frame_bytes
    body = np.frombuffer(raw, np.uint8, count * frame_bytes, _HEADER_BYTES)
    body = body.reshape(count, frame_bytes)
    heads = np.ascontiguousarray(body[:, :_FRAME_HEADER_BYTES]).view(">u4").astype(np.uint64)
    # Frames of an earlier round of the same file keep older salts: leftovers, not losses.
    salts = header[4:6] if sound or not count else heads[0, 2:4]
    ours = (heads[:, 2:4] == salts).all(axis=1)
    good = ours & _sums_hold(body, heads, header[6:8], order)
    first_bad = 0 if not sound else int(np.argmin(good)) if not good.all() else count
    commit = heads[:, 1] > 0
    committed = np.flatnonzero(commit[:first_bad])
    end = int(committed[-1]) + 1 if committed.size else 0
    lost = int((commit & good)[first_bad:].sum())
    if lost and first_bad < count and commit[first_bad] and not good[first_bad]:
        lost += 1  # the bad frame says itself that it ended a transaction
    torn = int(ours[end:].sum())
    tail = raw[_HEADER_BYTES + count * frame_bytes :]
    torn_bytes = torn * frame_bytes
    if end + torn == count and tail and _is_ours(tail, salts):
        torn_bytes += len(tail)
    return Wal(
        size_bytes=len(raw),
        frames=end,
        commits=int(committed.size),
        torn_frames=torn,
        torn_bytes=torn_bytes,
        damaged_at=(first_bad + 1 if sound else 0) if lost > sound else None,
    )


def _is_ours(tail: bytes, salts: NDArray[np.uint64]) -> bool:
    """Whether an unfinished frame belongs to this round; too short to say counts as yes."""
    return len(tail) < 16 or bool((np.frombuffer(tail, ">u4", 2, 8) == salts).all())


def _sums_hold(
    body: NDArray[np.uint8], heads: NDArray[np.uint64], first: NDArray[np.uint64], order: str
) -> NDArray[np.bool_]:
    """Whether each frame's checksum follows from the one stored before it."""
    hold = np.zeros(len(body), np.bool_)
    before = np.vstack((first[np.newaxis], heads[:-1, 4:6])) if len(body) else heads[:, 4:6]
    for at in range(0, len(body), _CHUNK_FRAMES):
        part = body[at : at + _CHUNK_FRAMES]
        # What is summed: the first two words of the frame's header, then its page.
        summed = np.concatenate((part[:, :8], part[:, _FRAME_HEADER_BYTES:]), axis=1)
        words = np.ascontiguousarray(summed).view(order).astype(np.uint64)
        made = _checksums(before[at : at + _CHUNK_FRAMES], words)
        hold[at : at + _CHUNK_FRAMES] = (made == heads[at : at + _CHUNK_FRAMES, 4:6]).all(axis=1)
    return hold


def _checksums(before: NDArray[np.uint64], words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SQLite's checksum of each row of words, continued from `before`.

    The definition is a loop over pairs: s0 += a + s1; s1 += b + s0 (modulo 2**32). Being linear,
    it is a weighted sum with Fibonacci weights: s0 = sum F(2k-1) a + F(2k-2) b and
    s1 = sum F(2k) a + F(2k-1) b, where k counts the pair from the end (1 is the last).

    before  (n, 2); words (n, 2m); -> (n, 2), all below 2**32
    """
    pairs = words.shape[1] // 2
    weights = _fibonacci(2 * pairs + 2)
    k = np.arange(pairs, 0, -1)
    a, b = words[:, 0::2], words[:, 1::2]
    odd, even, less = weights[2 * k - 1], weights[2 * k], weights[2 * k - 2]
    s0 = a @ odd + b @ less
    s1 = a @ even + b @ odd
    p, q = before[:, 0], before[:, 1]
    s0 = s0 + weights[2 * pairs - 1] * p + weights[2 * pairs] * q
    s1 = s1 + weights[2 * pairs] * p + weights[2 * pairs + 1] * q
    return np.stack((s0, s1), axis=1) & np.uint64(0xFFFFFFFF)


def _fibonacci(count: int) -> NDArray[np.uint64]:
    """F(0) .. F(count - 1), modulo 2**32."""
    values = [0, 1]
    while len(values) < count:
        values.append((values[-1] + values[-2]) & 0xFFFFFFFF)
    return np.array(values, np.uint64)
