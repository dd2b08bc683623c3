"""Keeping a book in step with its venue: which diffs to apply, and when to ask for a whole book.

Theory of operation. A venue numbers its changes and sends them as diffs; a whole book (snapshot)
says up to which number it goes. Diffs that come before the snapshot wait in a buffer. With the
snapshot, those that it covers are dropped, the first one kept must reach back to it, and from
then on each diff must begin where the one before ended:

    a diff says          it covers                     it continues `last` if
    prev_seq  (USD-M)    after prev_seq .. last_seq    prev_seq == last
    first_seq (spot)     first_seq .. last_seq         first_seq == last + 1

Only the first diff after a snapshot may overlap it. Anything else is a gap: the book is no longer
known, and a new snapshot is asked for. A diff that ends at or before `last` is a repetition.
source: Binance docs, "How to manage a local order book correctly" (spot and USD-M).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from messages.market import BookDeltaBatch

Reason = Literal["start", "gap", "crossed", "overflow"]


class SyncState(StrEnum):
    """What we know of the book."""

    EMPTY = "EMPTY"  # nothing heard yet
    BUFFERING = "BUFFERING"  # diffs wait for a snapshot
    SYNCHRONIZED = "SYNCHRONIZED"


class Outcome(StrEnum):
    """What became of one batch."""

    APPLIED = "APPLIED"
    DUPLICATE = "DUPLICATE"
    GAP = "GAP"
    BUFFERED = "BUFFERED"
    OVERFLOW = "OVERFLOW"


@dataclass(frozen=True, slots=True)
class Synced:
    """The outcome, the batches to apply now (in order), and whether to ask for a snapshot."""

    outcome: Outcome
    ready: tuple[BookDeltaBatch, ...] = ()
    request: Reason | None = None


class BookSync:
    """The state of one book's sequence; it holds no levels, the caller applies what is `ready`."""

    def __init__(self, buffer_max: int = 1000) -> None:
        self.state = SyncState.EMPTY
        self.last_seq = -1  # the venue's number up to which the book is known
        self.gaps = 0
        self.duplicates = 0
        self._fresh = False  # the last thing applied was a snapshot
        self._buffer: list[BookDeltaBatch] = []
        self._buffer_max = buffer_max

    def offer(self, batch: BookDeltaBatch) -> Synced:
        """Take one batch, diff or snapshot, in the order in which it came."""
        if batch.snapshot:
            return self._snapshot(batch)
        if self.state is SyncState.SYNCHRONIZED:
            return self._diff(batch)
        return self._wait(batch)

    def lose(self) -> None:
        """The book is no longer to be trusted (crossed, or the stream was down)."""
        self.state = SyncState.EMPTY
        self._buffer = []

    def _diff(self, batch: BookDeltaBatch) -> Synced:
        if batch.last_seq <= self.last_seq:
            self.duplicates += 1
            return Synced(Outcome.DUPLICATE)
        reaches = _reaches_back if self._fresh else _continues
        if not reaches(batch, self.last_seq):
            self.gaps += 1
            self.state = SyncState.BUFFERING
            self._buffer = [batch]
            return Synced(Outcome.GAP, request="gap")
        self.last_seq, self._fresh = batch.last_seq, False
        return Synced(Outcome.APPLIED, (batch,))

    def _wait(self, batch: BookDeltaBatch) -> Synced:
        request: Reason | None = "start" if self.state is SyncState.EMPTY else None
        self.state = SyncState.BUFFERING
        outcome = Outcome.BUFFERED
        if self._buffer:
            before = self._buffer[-1].last_seq
            if batch.last_seq <= before:
                self.duplicates += 1
                return Synced(Outcome.DUPLICATE)
            if not _continues(batch, before):
                # Only a snapshot from beyond this gap can help, so what came before it cannot.
                self.gaps += 1
                self._buffer = []
                outcome = Outcome.GAP
            elif len(self._buffer) >= self._buffer_max:
                self._buffer = []
                outcome, request = Outcome.OVERFLOW, "overflow"
        self._buffer.append(batch)
        return Synced(outcome, request=request)

    def _snapshot(self, batch: BookDeltaBatch) -> Synced:
        if self.state is SyncState.SYNCHRONIZED and batch.last_seq < self.last_seq:
            self.duplicates += 1
            return Synced(Outcome.DUPLICATE)
        kept = [diff for diff in self._buffer if diff.last_seq > batch.last_seq]
        if kept and not _reaches_back(kept[0], batch.last_seq):
            # The snapshot is older than what we buffered: a later one is needed.
            return Synced(Outcome.GAP, request="gap")
        self.state, self._buffer = SyncState.SYNCHRONIZED, []
        self.last_seq = kept[-1].last_seq if kept else batch.last_seq
        self._fresh = not kept
        return Synced(Outcome.APPLIED, (batch, *kept))


def _continues(diff: BookDeltaBatch, last: int) -> bool:
    return diff.prev_seq == last if diff.prev_seq >= 0 else diff.first_seq == last + 1


def _reaches_back(diff: BookDeltaBatch, last: int) -> bool:
    """Whether nothing between a snapshot that ends at `last` and this diff is missing."""
    return diff.prev_seq <= last if diff.prev_seq >= 0 else diff.first_seq <= last + 1
