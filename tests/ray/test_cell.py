"""A cell: strategies, risk and order manager in one process, which is killed while it trades."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from scenarios.connect import Connected
from scenarios.folder import RunFolder, ask_to_stop
from scenarios.run import run
from scenarios.spec import load

pytestmark = [pytest.mark.ray, pytest.mark.timeout(240)]
MEMBERS = {"orders": "OrderManager", "risk": "RiskChecker", "strategy-MAKER": "Strategy"}


def test_killed_cell_comes_back_with_every_member_and_its_orders(tmp_path: Path) -> None:
    killed: list[dict[str, Any]] = []
    traded: list[int] = []

    def watch(shown: dict[str, Any]) -> None:
        rows = {row["name"]: row for row in shown["actors"]}
        if shown["fills"] and not killed:
            killed.append(rows["cell"])
            assert {n: rows[n]["class"] for n in MEMBERS} == MEMBERS
            assert {rows[n]["pid"] for n in MEMBERS} == {rows["cell"]["pid"]}
            run_id = shown["run_id"]
            seen = Connected(RunFolder(tmp_path / run_id), {"run_id": run_id}).actors()
            assert {a["name"] for a in seen} == rows.keys(), "as `manta actors` shows them"
            os.kill(rows["cell"]["pid"], signal.SIGKILL)
        elif killed and rows["cell"]["restarts"] and shown["fills"]:
            traded.append(shown["fills"])
            if max(traded) > min(traded) + 2:  # it has traded again: that is enough
                ask_to_stop(RunFolder(tmp_path / shown["run_id"]), keep_orders=False)

    spec = load("quickstart", ["cell=true", "duration_s=60"])
    summary = run(spec, runs_dir=tmp_path, on_progress=watch).to_json()

    assert len(killed) == 1, "it traded, and was killed"
    assert summary["restarts"] == 1
    assert summary["fills"] >= max(traded) > min(traded) + 2
    assert summary["ledger"]["equal"], summary["ledger"]
    assert summary["ledger"]["duplicate_client_order_ids"] == []
    assert summary["discrepancies"]["open"] == 0
