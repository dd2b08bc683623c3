"""Recorded market data: Parquet files that give back the batches they were made of.

data/<kind>/<instrument>/part-<n>.parquet holds one row a tick, in order, beside it what its batch
said (`batch_*`); a batch without rows is one row of nulls, because an empty book change still moves
the book's sequence. Any Parquet reader can use the files; `read_batches` turns them into messages.

Theory of operation. `add` only keeps a reference. When `due`, the owner takes what has gathered
(`take`) and has it written (`write_parts`), in a thread if its loop must go on: the two share
nothing. A part is written beside its place, synced, and renamed, so a file that has its name is
whole; a crash loses what was not taken and written yet, never more. Part numbers begin with the
incarnation, so a successor never writes over a predecessor that is not quite dead.

polars is imported when the first part is written or read (0.1 s): see `warm_up`.
"""

import heapq
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast, get_args
from urllib.parse import quote, unquote

import numpy as np

from journal.errors import JournalCorrupt, translated
from journal.files import replacing
from messages import KINDS
from messages.arrays import Rows, RowsOf
from messages.base import NS_PER_S, InstrumentId
from messages.market import (
    BarBatch,
    Batch,
    BookDeltaBatch,
    FundingBatch,
    LiquidationBatch,
    QuoteBatch,
    TradeBatch,
)

if TYPE_CHECKING:
    import polars as pl

AnyBatch = TradeBatch | QuoteBatch | BookDeltaBatch | BarBatch | FundingBatch | LiquidationBatch
Stream = tuple[str, str]  # kind, instrument

ROWS_MAX: Final = 50_000
AGE_MAX_NS: Final = 10 * NS_PER_S
PENDING_MAX: Final = 1_000_000
_PARTS_A_LIFE: Final = 1_000_000
_BATCH: Final = "batch_"
_ORDER: Final = "batch_order"  # counts all batches of a recorder: the order between streams
_COUNT: Final = "batch_rows"
_PLAIN: Final = {"rows", "kind", "instrument_id"}  # not columns: the rows, and the file's place
_SUFFIX: Final = ".parquet"


@dataclass(slots=True)
class _Pending:
    since_ns: int
    rows: int = 0
    batches: list[tuple[int, Batch]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Part:
    """What one file will hold."""

    path: Path
    batches: Sequence[tuple[int, Batch]]  # with their numbers


class Recorder:
    """Gathers market batches of one run, bounded. One owner; no clock, no thread, no I/O inside.

    folder       the run's data/
    incarnation  of the owner, from 1
    rows_max     a stream with this many rows is due, and age_max_ns after its first batch, any is
    pending_max  rows in memory; batches beyond it are dropped and counted
    """

    def __init__(
        self,
        folder: Path,
        incarnation: int,
        *,
        rows_max: int = ROWS_MAX,
        age_max_ns: int = AGE_MAX_NS,
        pending_max: int = PENDING_MAX,
    ) -> None:
        self._folder = folder
        self._rows_max, self._age_max_ns, self._pending_max = rows_max, age_max_ns, pending_max
        self._order = incarnation << 32
        self._part = incarnation * _PARTS_A_LIFE
        self._pending: dict[Stream, _Pending] = {}
        self._full = False
        self.rows = 0  # waiting
        self.dropped = 0  # rows

    def add(self, batch: Batch, now_ns: int) -> None:
        """Keep a batch for the next file of its stream. About 1 us."""
        count = max(len(cast(AnyBatch, batch).rows), 1)
        if self.rows + count > self._pending_max:
            self.dropped += count
            return
        stream = (cast(AnyBatch, batch).kind, batch.instrument_id)
        pending = self._pending.get(stream)
        if pending is None:
            pending = self._pending[stream] = _Pending(now_ns)
        self._order += 1
        pending.batches.append((self._order, batch))
        pending.rows += count
        self.rows += count
        self._full = self._full or pending.rows >= self._rows_max

    def due(self, now_ns: int) -> bool:
        """Whether some stream has gathered enough or waited long enough."""
        return self._full or any(self._is_due(p, now_ns) for p in self._pending.values())

    def take(self, now_ns: int | None = None) -> tuple[Part, ...]:
        """What is due by now (None: everything), no longer kept here; for `write_parts`."""
        parts: list[Part] = []
        for stream, pending in list(self._pending.items()):
            if now_ns is not None and not self._is_due(pending, now_ns):
                continue
            del self._pending[stream]
            self.rows -= pending.rows
            self._part += 1
            parts.append(Part(self._path(stream), pending.batches))
        self._full = False
        return tuple(parts)

    def _is_due(self, pending: _Pending, now_ns: int) -> bool:
        return pending.rows >= self._rows_max or now_ns - pending.since_ns >= self._age_max_ns

    def _path(self, stream: Stream) -> Path:
        kind, instrument = stream
        return self._folder / kind / quote(instrument, safe="") / f"part-{self._part:012d}{_SUFFIX}"


# --- writing --------------------------------------------------------------------------------------


def warm_up() -> None:
    """Import polars now, not at the first file."""
    import polars  # noqa: F401, PLC0415  half of a reader's or an actor's start otherwise


def write_parts(parts: Iterable[Part]) -> int:
    """Write files; returns how many rows they have. Blocks: from an event loop, use a thread.

    raises  DiskFull, JournalUnavailable; files written before it stay, the rest is lost
    """
    return sum(_write(part) for part in parts)


def _write(part: Part) -> int:
    frame = _frame(part.batches)
    with replacing(part.path) as file:
        frame.write_parquet(file, compression="zstd", compression_level=1)
    return frame.height


def _frame(batches: Sequence[tuple[int, Batch]]) -> "pl.DataFrame":
    import polars as pl  # noqa: PLC0415  see warm_up

    held = [cast(AnyBatch, batch) for _, batch in batches]
    counts = np.array([len(b.rows) for b in held], np.int64)
    heads = pl.DataFrame(
        {_ORDER: [order for order, _ in batches], _COUNT: counts}
        | {_BATCH + name: [getattr(b, name) for b in held] for name in _head_fields(type(held[0]))}
    )
    taken = np.maximum(counts, 1)
    columns = heads[np.repeat(np.arange(len(held)), taken)]
    # Joined as bytes: concatenating arrays of records compares their fields, pair by pair.
    rows = np.frombuffer(b"".join([b.rows.tobytes() for b in held]), held[0].rows.dtype)
    there = np.repeat(counts > 0, taken)
    if len(rows) < len(there):  # a place for each batch without rows
        rows, whole = np.zeros(len(there), rows.dtype), rows
        rows[there] = whole
    ticks = pl.DataFrame({n: np.ascontiguousarray(rows[n]) for n in rows.dtype.names or ()})
    if not there.all():
        ticks = ticks.select(pl.when(pl.Series(there)).then(pl.all()))
    return pl.concat([ticks, columns], how="horizontal")


# --- reading --------------------------------------------------------------------------------------


def read_batches(
    folder: Path, kinds: Collection[str] = (), instruments: Collection[str] = ()
) -> Iterator[AnyBatch]:
    """Recorded batches in the order in which they came; each as it was added.

    folder       a run's data/
    kinds        "trade_batch", ...; empty: all
    instruments  empty: all
    raises       JournalCorrupt, JournalUnavailable
    memory       one file a stream
    """
    streams = [
        _read_stream(files)
        for (kind, instrument), files in sorted(_streams(folder).items())
        if (not kinds or kind in kinds) and (not instruments or instrument in instruments)
    ]
    for _, batch in heapq.merge(*streams, key=lambda numbered: numbered[0]):
        yield batch


def _streams(folder: Path) -> Mapping[Stream, list[Path]]:
    found: dict[Stream, list[Path]] = {}
    for path in sorted(folder.glob(f"*/*/part-*{_SUFFIX}")):
        kind, instrument = path.parts[-3], unquote(path.parts[-2])
        found.setdefault((kind, instrument), []).append(path)
    return found


def _read_stream(files: list[Path]) -> Iterator[tuple[int, AnyBatch]]:
    for path in files:
        yield from _read(path)


def _read(path: Path) -> Iterator[tuple[int, AnyBatch]]:
    import polars as pl  # noqa: PLC0415  see warm_up

    kind, instrument = path.parts[-3], unquote(path.parts[-2])
    with translated(path):
        raw = path.read_bytes()
    try:
        frame = pl.read_parquet(raw)
        batch_type = cast("type[AnyBatch]", KINDS[kind])
        rows = _rows(frame, _dtype(batch_type))
        heads = frame.select(pl.col(f"^{_BATCH}.*$"))
        begins = _begins(heads[_COUNT].to_numpy())
        said = heads[begins].to_dicts()
        made = [
            _batch(batch_type, instrument, s, rows[b:]) for s, b in zip(said, begins, strict=True)
        ]
    except (pl.exceptions.PolarsError, KeyError, ValueError) as e:
        raise JournalCorrupt(path, 0, f"is no recording that can be read ({e})") from e
    yield from made


def _batch(
    batch_type: type[AnyBatch], instrument: str, said: dict[str, Any], rows: Rows
) -> tuple[int, AnyBatch]:
    order, count = said.pop(_ORDER), said.pop(_COUNT)
    fields = {name.removeprefix(_BATCH): value for name, value in said.items()}
    return order, batch_type(instrument_id=InstrumentId(instrument), rows=rows[:count], **fields)


def _rows(frame: "pl.DataFrame", dtype: "np.dtype[np.void]") -> Rows:
    rows = np.zeros(frame.height, dtype)
    for name in dtype.names or ():
        rows[name] = frame[name].fill_null(0).to_numpy()
    return rows


def _begins(counts: "np.ndarray[Any, np.dtype[np.int64]]") -> list[int]:
    """Where each batch begins."""
    begins: list[int] = []
    at = 0
    while at < len(counts):
        begins.append(at)
        at += max(int(counts[at]), 1)
    return begins


@cache
def _head_fields(batch_type: type[AnyBatch]) -> tuple[str, ...]:
    return tuple(name for name in batch_type.model_fields if name not in _PLAIN)


@cache
def _dtype(batch_type: type[AnyBatch]) -> "np.dtype[np.void]":
    described = batch_type.model_fields["rows"].metadata
    return next(m.dtype for m in described if isinstance(m, RowsOf))


__all__ = ["AnyBatch", "Part", "Recorder", "read_batches", "warm_up", "write_parts"]
assert {k for k in KINDS if k.endswith("_batch")} == {
    t.model_fields["kind"].default for t in get_args(AnyBatch)
}, "every kind of batch can be recorded"
