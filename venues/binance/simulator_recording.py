"""A capture of real frames as a tape: `local_ns {"stream": .., "data": ..}` a line, gzipped.

A capture starts in the middle of a book's life, with the REST snapshot somewhere among the first
diffs. The tape starts where the documented procedure says that a book is known: at the snapshot,
followed by the diffs that are newer than it.
"""

import gzip
from collections.abc import Iterator
from pathlib import Path

from messages.base import InstrumentId, Message
from messages.market import BookDeltaBatch
from venues.binance.codec_frames import decode_frame
from venues.binance.codec_market import decode_depth_snapshot
from venues.binance.codec_names import Control, Decoded, Market


def play(path: Path, instrument: InstrumentId) -> Iterator[tuple[int, Message]]:
    """(ts_ns, market message) of one capture of one spot instrument, in the order of arrival.

    raises  Garbled at a line that is no frame
    """
    known = False  # whether a snapshot has been seen
    held: list[BookDeltaBatch] = []
    with gzip.open(path, "rb") as lines:
        for line in lines:
            stamp, _, raw = line.strip().partition(b" ")
            ts_ns = int(stamp)
            found = decode_frame(raw, Market.SPOT, ts_ns)
            if isinstance(found, Control) and found.kind == "depthSnapshot":
                whole = decode_depth_snapshot(raw, instrument, ts_ns)
                known = True
                yield ts_ns, whole
                for newer in held:
                    if newer.last_seq > whole.last_seq:
                        yield ts_ns, newer
                held = []
            elif isinstance(found, Decoded):
                for message in found.messages:
                    if isinstance(message, BookDeltaBatch) and not known:
                        held.append(message)
                    elif known:
                        yield ts_ns, message
