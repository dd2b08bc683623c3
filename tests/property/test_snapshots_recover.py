"""Recovery from a snapshot is the recovery from the whole journal, in every simulated life."""

import hashlib
from dataclasses import replace
from typing import Any

import pytest
from hash_seeds import printed

from scenarios.simulate import SimulateSpec, live
from trading.errors import RecoveryMismatch
from trading.machine import Machine, Row, since_snapshot

OFTEN = SimulateSpec(snapshot_every=10, suffer_s=3.0)


def lived(seed: int) -> tuple[Any, list[Row], Machine[Any]]:
    """The loop of a life, its order manager's journal, and that order manager."""
    loop, checker = live(seed, spec=OFTEN)
    machine = loop.hosts["orders"].machine
    assert checker.violations == []
    assert machine is not None
    return loop, loop.journals["orders"].rows, machine


def fresh(loop: Any) -> Machine[Any]:
    return Machine("orders", loop.world.make("orders", 99), loop.world.directory, 99)


def numbers(machine: Machine[Any]) -> dict[str, tuple[int, int]]:
    peers = ("risk", "reconciler", "strategy-A", "strategy-B")
    return {peer: machine.links.cursor(peer) for peer in peers}


@pytest.mark.parametrize("seed", range(12))
def test_a_snapshot_and_what_came_after_give_what_the_whole_journal_gives(seed: int) -> None:
    loop, rows, machine = lived(seed)
    taken, rest = since_snapshot(rows)

    whole, short = fresh(loop), fresh(loop)
    whole.recover(rows)
    short.load(taken)
    short.recover(rest)

    assert len(taken) >= 3
    assert whole.state.orders.packed
    assert short.state == whole.state == machine.state
    assert short.digest() == whole.digest() == machine.digest()
    assert short.handled == whole.handled == machine.handled
    assert numbers(short) == numbers(whole)


def test_a_fold_that_disagrees_with_a_snapshot_stops() -> None:
    loop, rows, _ = lived(1)
    taken, _ = since_snapshot(rows)
    wrong = taken[0].model_copy(update={"state": taken[0].state.replace(b'"fills":', b'"fills": ')})
    forged = [replace(r, message=wrong) if r.message is taken[0] else r for r in rows]

    with pytest.raises(RecoveryMismatch, match="the state in the snapshot"):
        fresh(loop).recover(forged)


def test_snapshots_do_not_depend_on_the_hash_seed_of_the_process() -> None:
    code = (
        "import hashlib; from scenarios.simulate import SimulateSpec, live;"
        "loop, _ = live(3, spec=SimulateSpec(snapshot_every=10));"
        "print(hashlib.sha256(b''.join(r.wire for r in loop.journals['orders'].rows)).hexdigest())"
    )

    digests = printed(code, "1", "2")

    assert len(digests) == 1
    assert digests != {hashlib.sha256(b"").hexdigest()}
