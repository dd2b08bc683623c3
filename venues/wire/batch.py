"""Many frames -> few messages.

Consecutive frames of one stream of one instrument become one batch. Frames of one instrument
never change places across its streams: a quote between two trades ends the first batch of trades,
because a receiver must see the quote where it was. Instruments are independent of each other.
A change of a book that was heard before stands alone: joined with its successor it would be a
batch that neither continues the book nor is known to it, and so look like a gap.
"""

from collections import Counter
from collections.abc import Callable

from messages.base import Event, InstrumentId
from messages.market import BookDeltaBatch
from trading.errors import Garbled
from venues.wire.frames import Decoded, Read, Unknown
from venues.wire.piece import Piece, join

# A batch stays small enough that a receiver is not held up by one message: of a book, whose frames
# have dozens of rows each, a quarter of a megabyte.
_FRAMES_MAX = 4096
_BOOK_FRAMES_MAX = 128


class Batcher:
    """Collects frames until `flush`; counts every frame by kind.

    read      one raw frame of this connection, and when it came -> what it says; raises Garbled
    counts    readable frames by the venue's kind
    unknown   readable frames of kinds that we do not know, by kind
    garbled   frames that could not be read; the last few are kept in `quarantine`
    """

    def __init__(self, read: Callable[[bytes, int], Read], quarantine_max: int = 16) -> None:
        self.counts: Counter[str] = Counter()
        self.unknown: Counter[str] = Counter()
        self.garbled = 0
        self.quarantine: list[Garbled] = []
        self._read = read
        self._quarantine_max = quarantine_max
        self._runs: list[list[Piece] | tuple[Event, ...]] = []
        self._open: dict[InstrumentId, list[Piece]] = {}
        self._books: dict[InstrumentId, int] = {}  # up to which number a book's changes came

    def add(self, raw: bytes, ts_init: int) -> None:
        """Take one frame in; it is never refused."""
        try:
            found = self._read(raw, ts_init)
        except Garbled as e:
            self.garbled += 1
            self.quarantine = [*self.quarantine, e][-self._quarantine_max :]
            return
        if isinstance(found, Unknown):
            self.unknown[found.kind] += 1
            return
        if isinstance(found, tuple):
            self.counts[found[0].kind] += 1
            for piece in found:
                self._put(piece)
            return
        self.counts[found.kind] += 1
        if isinstance(found, Piece):
            self._put(found)
        elif isinstance(found, Decoded):
            self._runs.append(found.messages)

    def flush(self) -> tuple[Event, ...]:
        """The messages so far, in the order in which their first frames came."""
        out: list[Event] = []
        for run in self._runs:
            out += (join(run),) if isinstance(run, list) else run
        self._runs, self._open = [], {}
        return tuple(out)

    def _put(self, piece: Piece) -> None:
        if self._repeats(piece):
            self._open.pop(piece.instrument_id, None)
            self._runs.append([piece])
            return
        run = self._open.get(piece.instrument_id)
        most = _BOOK_FRAMES_MAX if piece.batch is BookDeltaBatch else _FRAMES_MAX
        if run is not None and len(run) < most and piece.continues(run[-1]):
            run.append(piece)
            return
        run = [piece]
        self._runs.append(run)
        self._open[piece.instrument_id] = run

    def _repeats(self, piece: Piece) -> bool:
        if piece.batch is not BookDeltaBatch:
            return False
        known = self._books.get(piece.instrument_id, -1)
        goes_on = piece.prev_seq >= 0 and piece.prev_seq == known  # numbers may begin anew so
        if not piece.snapshot and piece.last_seq <= known and not goes_on:
            return True
        self._books[piece.instrument_id] = piece.last_seq
        return False
