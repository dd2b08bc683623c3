"""A recording of a venue's wire as a tape: (time, market message), fit for a simulated venue.

The format is `.jsonl.zst`: one JSON record a line, which says what came ("recv") over which
connection ("connect" says its address) and what was answered over HTTP ("http"); it needs the
package `zstandard`. The venue's own sessions read the frames, so a tape says what our client would.

A tape's book is whole from its first message on: what came before it is left out, and what does not
continue it waits for the next whole one.
"""

import io
from collections import Counter
from collections.abc import Callable, Iterator
from heapq import merge
from pathlib import Path
from typing import Any, Final

import msgspec

from messages.base import NS_PER_S, Event, InstrumentId
from messages.market import Batch, BookDeltaBatch, Instrument
from trading.book_sync import BookSync, SyncState
from trading.errors import Garbled, Refused
from venues.wire.adapter import Adapter
from venues.wire.batch import Batcher

_BYTES_MAX: Final = 1 << 30  # decompressed, of a recording that is held in memory
Adapters = Callable[[str], Adapter | None]


class _Line(msgspec.Struct):
    t: str
    ts: float = 0.0
    conn: str = ""
    data: str = ""
    url: str = ""
    addr: str = ""


class RecordedTape:
    """One recording as market messages, in time order.

    adapter_of   the product that is spoken at an address, None where it is none of ours
    instruments  those whose books are in it, with the rules that it holds
    counts       readable frames by the venue's kind; `unknown` of kinds that we do not know
    raises       ValueError in one line: no such file, another format, no rules or no book in it
    """

    def __init__(self, path: Path, adapter_of: Adapters) -> None:
        self._lines = _lines(path)
        addresses = {x.conn: x.addr for x in self._lines if x.t == "connect"}
        found = {conn: adapter_of(address) for conn, address in addresses.items()}
        self._adapters = {conn: adapter for conn, adapter in found.items() if adapter is not None}
        self.counts: Counter[str] = Counter()
        self.unknown: Counter[str] = Counter()
        self.garbled = 0
        self._syncs: dict[InstrumentId, BookSync] = {}
        known = self._rules()
        heard = {m.instrument_id for _, m in self._messages() if isinstance(m, BookDeltaBatch)}
        self.instruments = tuple(known[name] for name in sorted(heard & known.keys()))
        if not self.instruments:
            raise ValueError(f"{path}: no instrument with its rules and its book in it")

    @property
    def gaps(self) -> int:
        """How often a book lost its sequence."""
        return sum(sync.gaps for sync in self._syncs.values())

    def __iter__(self) -> Iterator[tuple[int, Event]]:
        """From the beginning; the counters start again."""
        names = {i.instrument_id for i in self.instruments}
        self._syncs = {name: BookSync() for name in names}
        for ts, message in self._messages():
            if isinstance(message, Batch) and message.instrument_id in names:
                yield from ((ts, ready) for ready in self._in_step(message))

    def _in_step(self, message: Batch) -> tuple[Event, ...]:
        sync = self._syncs[message.instrument_id]
        if isinstance(message, BookDeltaBatch):
            return sync.offer(message).ready
        return (message,) if sync.state is SyncState.SYNCHRONIZED else ()

    def _rules(self) -> dict[InstrumentId, Instrument]:
        """The instruments of every page that was recorded."""
        known: dict[InstrumentId, Instrument] = {}
        for adapter in dict.fromkeys(self._adapters.values()):
            path = adapter.ask_instruments().path
            for line in self._lines:
                if line.t != "http" or path not in line.url:
                    continue
                try:
                    found = adapter.read_instruments(line.data.encode())
                except (Garbled, Refused):
                    continue  # a page of another product, which has other fields
                known |= {i.instrument_id: i for i in found}
        return known

    def _messages(self) -> Iterator[tuple[int, Event]]:
        self.counts, self.unknown, self.garbled = Counter(), Counter(), 0
        ways = [self._connection(conn, adapter) for conn, adapter in self._adapters.items()]
        return merge(*ways, key=lambda item: item[0])

    def _connection(self, conn: str, adapter: Adapter) -> Iterator[tuple[int, Event]]:
        batcher = Batcher(adapter.market_session({}, adapter.routes[0]).heard)
        for line in self._lines:
            if line.t == "recv" and line.conn == conn:
                ts = int(line.ts * NS_PER_S)
                batcher.add(line.data.encode(), ts)
                yield from ((ts, message) for message in batcher.flush())
        self.counts += batcher.counts
        self.unknown += batcher.unknown
        self.garbled += batcher.garbled


def played(config: Any, adapter_of: Adapters) -> tuple[Any, RecordedTape]:
    """A simulator's configuration with the instruments of its one recording, and the tape.

    raises  ValueError in one line
    """
    if len(config.recordings) > 1:
        raise ValueError(f"{config.recordings[1]}: one recording at a time is played here")
    tape = RecordedTape(Path(config.recordings[0]), adapter_of)
    return config.model_copy(update={"instruments": tape.instruments}), tape


def facts(tape: object) -> dict[str, object]:
    """What a recording had in it so far, for the ledger; nothing of a generated tape."""
    if not isinstance(tape, RecordedTape):
        return {}
    return {
        "frames": sum(tape.counts.values()),
        "unknown": sum(tape.unknown.values()),
        "garbled": tape.garbled,
        "gaps": tape.gaps,
    }


def _lines(path: Path) -> tuple[_Line, ...]:
    if not path.is_file():
        raise ValueError(f"{path}: no such recording; give a .jsonl.zst capture")
    if not path.name.endswith(".jsonl.zst"):
        raise ValueError(f"{path}: unknown format; give a .jsonl.zst capture")
    try:
        import zstandard  # noqa: PLC0415 - a development dependency
    except ImportError:
        raise ValueError(f"{path}: reading .zst needs `pip install zstandard`") from None
    try:
        with zstandard.ZstdDecompressor().stream_reader(path.read_bytes()) as reader:
            raw = reader.read(_BYTES_MAX)
        decoder = msgspec.json.Decoder(_Line)
        found = [decoder.decode(line) for line in io.BytesIO(raw) if line.strip()]
    except (zstandard.ZstdError, msgspec.DecodeError) as e:
        raise ValueError(f"{path}: unreadable: {e}") from e
    return tuple(sorted(found, key=lambda line: line.ts))
