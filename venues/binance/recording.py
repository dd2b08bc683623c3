"""Recordings of Binance's wire: raw captures as frames, and as a tape of market messages.

Two formats are read. `.gz`: lines of "<local ns> <JSON>", combined-stream frames with the REST
depth snapshot among them. `.jsonl.zst`: one JSON record a line that wraps frames ("recv") and HTTP
bodies ("http", with their URL); it needs the package `zstandard`.
"""

import gzip
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from pathlib import Path
from typing import IO, Final

import msgspec

from messages.base import NS_PER_S
from venues.binance.codec_names import Market

_SYMBOL_IN_URL: Final = re.compile(r"[?&]symbol=([A-Z0-9_]+)")
_STREAM: Final = re.compile(rb'"stream":"([a-z0-9_]+)@')
_ZSTD_MAX: Final = 1 << 30  # decompressed bytes of a recording that is held in memory


class RecordingError(ValueError):
    """A recording cannot be used; the message says which, why, and what to do."""


@dataclass(frozen=True, slots=True)
class Record:
    """One line of a recording.

    kind    "frame", "depth" (a REST snapshot) or "exchangeInfo"
    symbol  of a depth snapshot, which does not name it itself; "" elsewhere
    """

    ts_ns: int
    raw: bytes
    kind: str = "frame"
    symbol: str = ""


def records(path: Path) -> Iterator[Record]:
    """Everything a recording holds, in time order.

    raises  RecordingError if the file is absent, of another format or cut off
    """
    if not path.is_file():
        raise RecordingError(f"{path}: no such recording; give a .gz or .jsonl.zst capture")
    if path.name.endswith(".jsonl.zst"):
        return iter(sorted(_wrapped(path), key=lambda r: r.ts_ns))
    if path.suffix == ".gz":
        return _plain(path)
    raise RecordingError(f"{path}: unknown format; give a .gz or .jsonl.zst capture")


def frames(path: Path) -> Iterator[tuple[int, bytes]]:
    """(local time, raw frame) of a recording's WebSocket frames, in time order."""
    return ((r.ts_ns, r.raw) for r in records(path) if r.kind == "frame")


def concatenated(paths: Sequence[Path]) -> Iterator[Record]:
    """Several recordings as one, in time order."""
    return merge(*(records(path) for path in paths), key=lambda r: r.ts_ns)


def market_of_recording(path: Path) -> Market:
    """Which market was recorded: only USD-M's depth diffs say `pu`.

    raises  RecordingError if the recording holds no depth diff
    """
    for record in records(path):
        if record.kind == "frame" and b'"depthUpdate"' in record.raw:
            return Market.USDM if b'"pu":' in record.raw else Market.SPOT
    raise RecordingError(f"{path}: no depth diff in it, so no book; record the @depth stream too")


def _plain(path: Path) -> Iterator[Record]:
    symbols: set[str] = set()
    number = 0
    try:
        with gzip.open(path) as lines:
            for number, line in enumerate(lines, 1):
                ts, _, raw = line.rstrip().partition(b" ")
                if not raw.startswith(b'{"lastUpdateId"'):
                    if len(symbols) < 2 and (name := _STREAM.search(raw)):
                        symbols.add(name[1].decode().upper())
                    yield Record(int(ts), raw)
                    continue
                if len(symbols) != 1:
                    raise RecordingError(
                        f"{path}:{number}: a depth snapshot among {len(symbols)} symbols does not"
                        " say whose it is; record one symbol a file"
                    )
                yield Record(int(ts), raw, "depth", next(iter(symbols)))
    except (EOFError, OSError, ValueError) as e:
        if isinstance(e, RecordingError):
            raise
        raise RecordingError(f"{path}: unreadable after line {number}: {e}") from e


class _Line(msgspec.Struct):
    t: str
    ts: float = 0.0
    data: str = ""
    url: str = ""


def _wrapped(path: Path) -> Iterator[Record]:
    decoder = msgspec.json.Decoder(_Line)
    lines = _zstd(path)
    try:
        with lines:
            for line in lines:
                d = decoder.decode(line)
                ts_ns, raw = int(d.ts * NS_PER_S), d.data.encode()
                if d.t == "recv":
                    yield Record(ts_ns, raw)
                elif d.t == "http" and "/exchangeInfo" in d.url:
                    yield Record(ts_ns, raw, "exchangeInfo")
                elif d.t == "http" and "/depth?" in d.url:
                    found = _SYMBOL_IN_URL.search(d.url)
                    yield Record(ts_ns, raw, "depth", found[1] if found else "")
    except msgspec.DecodeError as e:
        raise RecordingError(f"{path}: unreadable before byte {lines.tell()}: {e}") from e


def _zstd(path: Path) -> IO[bytes]:
    try:
        import zstandard  # noqa: PLC0415 - a development dependency
    except ImportError:
        raise RecordingError(f"{path}: reading .zst needs `pip install zstandard`") from None
    try:
        with zstandard.ZstdDecompressor().stream_reader(path.read_bytes()) as reader:
            return io.BytesIO(reader.read(_ZSTD_MAX))
    except zstandard.ZstdError as e:
        raise RecordingError(f"{path}: not a zstd file: {e}") from e
