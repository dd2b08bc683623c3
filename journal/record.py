"""What a journal row holds, and the SHA-256 chain through all rows.

Every record's hash covers the hash of the one before it, so no record can be changed, removed,
inserted or moved without the chain showing where. The first record continues from a hash of the
lease's name, so a row of another journal does not fit either. The head row (last number, last hash,
lease) is sealed by a hash of its own: it is what shows that the *last* records were removed.

What this cannot show: the hashes have no key, so whoever can write the file can forge all of it;
and an older copy of the whole file, or one whose -wal file was deleted, is a valid journal. Against
both, keep a `(seq, hash)` pair elsewhere and give it to `verify` as an anchor.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, Literal, TypeAlias, cast

Direction: TypeAlias = Literal["in", "out", "note"]
Row: TypeAlias = tuple[Any, ...]  # as SQLite gives it, in the order of COLUMNS, text as bytes

COLUMNS: Final = (
    "seq, ts_ns, direction, actor, incarnation, peer, session, peer_seq, kind, correlation_id,"
    " payload, fence, hash"
)
# Numbers, then the lengths of texts and payload: two different records never have the same bytes.
_RECORD: Final = struct.Struct(">6q6I")
_HEAD: Final = struct.Struct(">4q2I")


@dataclass(frozen=True, slots=True)
class Draft:
    """A record before it has a place in the journal."""

    ts_ns: int
    direction: Direction
    actor: str
    incarnation: int
    kind: str
    payload: bytes  # messages.encode(message)
    peer: str = ""  # where an input came from, or an output goes
    session: int = 0
    peer_seq: int = 0  # an input's place on its link; 0 where it has none
    correlation_id: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """One durable row."""

    seq: int
    ts_ns: int
    direction: Direction
    actor: str
    incarnation: int
    peer: str
    session: int
    peer_seq: int
    kind: str
    correlation_id: str
    payload: bytes
    fence: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """The last record (`seq` is also how many there are) and who may append."""

    seq: int
    hash: bytes
    fence: int
    lease: str
    owner: str
    incarnation: int
    taken_ns: int

    def seal(self) -> bytes:
        """Hash of all fields."""
        lease, owner = self.lease.encode(), self.owner.encode()
        numbers = _HEAD.pack(
            self.seq, self.fence, self.incarnation, self.taken_ns, len(lease), len(owner)
        )
        return sha256(b"".join((numbers, self.hash, lease, owner))).digest()


def genesis(lease: str) -> bytes:
    """What the first record of a lease's journal is chained to."""
    return sha256(b"manta journal 1\0" + lease.encode()).digest()


def chain(before: bytes, row: Row) -> bytes:
    """Hash of a row that follows the hash `before`.

    raises  TypeError or struct.error if a column has the wrong type (a damaged page)
    """
    seq, ts_ns, direction, actor, incarnation, peer, session, peer_seq, kind, about = row[:10]
    payload, fence = row[10:12]
    texts = (direction, actor, peer, kind, about, payload)
    numbers = _RECORD.pack(
        seq, ts_ns, incarnation, session, peer_seq, fence, *[len(text) for text in texts]
    )
    return sha256(b"".join((before, numbers, *texts))).digest()


def drafted(draft: Draft, seq: int, fence: int, before: bytes) -> Row:
    """The row that stores `draft` at `seq`; text as str, for SQLite to store."""
    texts = (draft.direction, draft.actor, draft.peer, draft.kind, draft.correlation_id)
    raw = [text.encode() for text in texts]
    numbers = _RECORD.pack(
        seq,
        draft.ts_ns,
        draft.incarnation,
        draft.session,
        draft.peer_seq,
        fence,
        *map(len, raw),
        len(draft.payload),
    )
    return (
        seq,
        draft.ts_ns,
        draft.direction,
        draft.actor,
        draft.incarnation,
        draft.peer,
        draft.session,
        draft.peer_seq,
        draft.kind,
        draft.correlation_id,
        draft.payload,
        fence,
        sha256(b"".join((before, numbers, *raw, draft.payload))).digest(),
    )


def recorded(row: Row) -> Record:
    """The record of a row whose hash was checked."""
    seq, ts_ns, direction, actor, incarnation, peer, session, peer_seq, kind, about = row[:10]
    payload, fence, digest = row[10:]
    return Record(
        seq,
        ts_ns,
        cast("Direction", direction.decode()),
        actor.decode(),
        incarnation,
        peer.decode(),
        session,
        peer_seq,
        kind.decode(),
        about.decode(),
        payload,
        fence,
        digest,
    )


class Chain:
    """Walks rows in order of `seq` and says what is wrong with each.

    Starts after record `seq`, whose hash is `digest`.
    """

    def __init__(self, seq: int, digest: bytes) -> None:
        self.seq = seq
        self.fence = 0
        # After a bad record, the next may follow from the hash it has or from the one it should
        # have: accepting both names the bad record alone. () after a gap: nothing to follow.
        self._before: tuple[bytes, ...] = (digest,)

    @property
    def digest(self) -> bytes:
        """Stored hash of the last row walked."""
        return self._before[0] if self._before else b""

    def problems(self, row: Row) -> Iterator[tuple[int, str]]:
        """(seq, what is wrong) that `row` shows; nothing for a good row."""
        seq, fence, stored = row[0], row[11], row[12]
        if seq <= self.seq:
            yield seq, f"stands after record {self.seq}"
            return
        if seq > self.seq + 1:
            yield missing(self.seq + 1, seq - 1)
            self._before = ()
        self.seq = seq
        try:
            made = tuple(chain(before, row) for before in self._before or (b"",))
        except (TypeError, struct.error):
            made = ()
        if not made or not isinstance(stored, bytes):
            yield seq, "has a column of the wrong type"
            self._before = (stored,) if isinstance(stored, bytes) else made[: len(self._before)]
            return
        if self._before and stored not in made:
            yield seq, "differs from its hash"
            self._before = (stored, made[0])
            return
        self._before = (stored,)
        if fence < self.fence:
            yield seq, f"was written under fence {fence}, after fence {self.fence}"
        self.fence = max(self.fence, fence)


def missing(first: int, last: int) -> tuple[int, str]:
    """The finding that records `first` to `last` are not there."""
    return first, "is missing" if first == last else f"and all up to {last} are missing"
