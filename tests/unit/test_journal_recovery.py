"""An order manager comes back from its journal on disk: the last snapshot, and what came after."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from actors.recovery import recover
from journal import Draft, Journal, verify
from journal.errors import JournalCorrupt
from scenarios.simulate import SimulateSpec, live
from trading.machine import Machine, Row

LEASE: dict[str, Any] = {"owner": "test", "lease": "TEST/main", "now_ns": 1}


def draft(row: Row) -> Draft:
    kind = str(getattr(row.message, "kind", ""))
    place = (row.peer, row.session, row.seq, row.message.correlation_id)
    return Draft(row.ts_ns, row.direction, "orders", 1, kind, row.wire, *place)  # type: ignore[arg-type]


async def written(path: Path) -> tuple[Any, Machine[Any]]:
    """A simulated life whose order manager's rows are on disk."""
    loop, _ = live(5, spec=SimulateSpec(snapshot_every=10))
    async with await Journal.open(path, incarnation=1, **LEASE) as journal:
        await journal.append([draft(row) for row in loop.journals["orders"].rows])
    machine = loop.hosts["orders"].machine
    assert machine is not None
    return loop, machine


def fresh(loop: Any) -> Machine[Any]:
    return Machine("orders", loop.world.make("orders", 99), loop.world.directory, 99)


async def test_it_is_where_it_was_and_folds_only_what_came_after(tmp_path: Path) -> None:
    loop, lived = await written(tmp_path / "j.db")
    machine = fresh(loop)

    async with await Journal.open(tmp_path / "j.db", incarnation=2, **LEASE) as journal:
        snapshots, inputs = await recover(journal, machine)

    assert machine.state == lived.state
    assert machine.digest() == lived.digest()
    assert snapshots > 2
    assert inputs < 10
    assert not verify(tmp_path / "j.db").problems


async def test_a_snapshot_with_a_changed_byte_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    loop, _ = await written(path)
    with sqlite3.connect(path) as db:
        guard = db.execute("SELECT sql FROM sqlite_master WHERE name = 'record_is_not_updated'")
        (trigger,) = guard.fetchone()
        db.execute("DROP TRIGGER record_is_not_updated")
        (first,) = db.execute("SELECT min(seq) FROM record WHERE direction = 'note'").fetchone()
        (payload,) = db.execute("SELECT payload FROM record WHERE seq = ?", (first,)).fetchone()
        changed = payload.replace(b"2", b"3", 1)
        db.execute("UPDATE record SET payload = ? WHERE seq = ?", (changed, first))
        db.execute(trigger)
    db.close()

    with pytest.raises(JournalCorrupt, match=f"record {first}"):
        async with await Journal.open(path, incarnation=2, **LEASE) as journal:
            await recover(journal, fresh(loop))
