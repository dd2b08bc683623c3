"""Everything of the system is killed at once, with orders working; it goes on where it stopped."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from quickstart import MANTA, booked, started, until_booked

from supervisors.process import alive

pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]


def descendants(pid: int) -> list[int]:
    """Every process below `pid`, however deep."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry.name)] = int(fields[1])
    found, fresh = [], [pid]
    while fresh:
        fresh = [child for child, parent in parents.items() if parent in fresh]
        found += fresh
    return found


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds processes through /proc")
def test_kill_of_the_whole_system_loses_and_doubles_nothing(tmp_path: Path) -> None:
    keep = ("--set", "venue.outlives_run=true")
    first = started(tmp_path, "--duration", "600", *keep)
    run = until_booked(tmp_path, first)
    venue: dict[str, Any] = json.loads((run / "venue" / "process.json").read_text())
    before = booked(run)

    for pid in (*descendants(first.pid), first.pid):
        if pid != venue["pid"]:
            os.kill(pid, signal.SIGKILL)
    first.communicate(timeout=30)
    second = started(tmp_path, "--resume", "latest", "--duration", "8", *keep)
    out, err = second.communicate(timeout=200)

    summary = json.loads(out)
    assert second.returncode == 0, err
    assert before > 0
    assert summary["run_id"] == run.name
    assert summary["ledger"]["equal"]
    assert summary["ledger"]["duplicate_client_order_ids"] == []
    assert summary["fills"] >= before
    assert summary["discrepancies"]["open"] == 0
    assert not alive(venue["pid"])


def test_orders_that_were_kept_are_taken_up_by_the_run_that_resumes(tmp_path: Path) -> None:
    keep = ("--set", "venue.outlives_run=true")
    first = started(tmp_path, "--duration", "600", *keep)
    run = until_booked(tmp_path, first)
    stopping = [*MANTA, "stop", "--keep-orders", "--json"]
    stopped = subprocess.run(stopping, cwd=tmp_path, capture_output=True, text=True, check=False)
    out, err = first.communicate(timeout=100)

    assert (stopped.returncode, first.returncode) == (0, 0), (stopped.stderr, err)
    before = json.loads(out)
    venue: dict[str, Any] = json.loads((run / "venue" / "process.json").read_text())
    assert before["orders_kept"]
    assert before["orders_open"] > 0  # the maker quotes all the time
    assert alive(venue["pid"])

    second = started(tmp_path, "--resume", "latest", "--duration", "8", *keep)
    out, err = second.communicate(timeout=200)

    after = json.loads(out)
    assert second.returncode == 0, err
    assert (after["orders_open"], after["orders_kept"]) == (0, False)
    # What the venue did with the orders in between is booked now.
    assert after["ledger"]["after_stop"] == []
    assert after["fills"] >= before["fills"] + len(before["ledger"]["after_stop"])
    assert after["ledger"]["equal"]
    assert after["ledger"]["duplicate_client_order_ids"] == []
    assert not alive(venue["pid"])
