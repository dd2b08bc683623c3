"""From a journal back to a machine: the last snapshot, and the fold of what came after it."""

from typing import Any

from journal import Journal
from journal.replay import message_of, replay
from messages.control import ActorSnapshot
from trading.machine import Machine, Row


async def recover(journal: Journal, machine: Machine[Any]) -> tuple[int, int]:
    """Bring a fresh machine to where its journal ends; returns (snapshots, inputs folded).

    What is folded is verified along the chain, the snapshots each against its own hash; the rows
    before the last snapshot are not read (`manta journal verify` walks them all).
    raises  JournalCorrupt, RecoveryMismatch
    """
    notes = [(record.seq, message_of(journal, record)) for record in await journal.notes()]
    taken = [(seq, note) for seq, note in notes if isinstance(note, ActorSnapshot)]
    if taken:
        machine.load([snapshot for _, snapshot in taken])
    after = taken[-1][0] if taken else 0
    rows = [
        Row(r.direction, r.peer, r.session, r.peer_seq, r.ts_ns, message, r.payload)
        async for r, message in replay(journal, after, direction=None)
    ]
    return len(taken), machine.recover(rows)
