"""Parameters of a live strategy: changed within a second, kept by the process that comes after."""

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from scenarios.connect import Connected, NoAnswer
from scenarios.folder import RunFolder, ask_to_stop
from scenarios.run import run
from scenarios.spec import BadSpec, load

pytestmark = [pytest.mark.ray, pytest.mark.timeout(240)]


def test_live_parameters_change_within_a_second_and_survive_a_kill(tmp_path: Path) -> None:
    seen: dict[str, Any] = {}

    def watch(shown: dict[str, Any]) -> None:
        folder = RunFolder(tmp_path / shown["run_id"])
        system = Connected(folder, folder.read("system.json"))
        if shown["fills"] and not seen:
            before = system.strategy_state("MAKER")
            seen["changed"] = system.set_params("MAKER", {"notional": 111.0}, "test")
            after = system.strategy_state("MAKER")
            seen["intents"] = (before["intents"], after["intents"])
            with pytest.raises(BadSpec, match=r"NOT_RELOADABLE.*refresh_s"):
                system.set_params("MAKER", {"refresh_s": 2.0}, "test")
            with pytest.raises(BadSpec, match="NOBODY"):
                system.set_params("NOBODY", {"notional": 1.0}, "test")
            pid = next(a["pid"] for a in shown["actors"] if a["name"] == "strategy-MAKER")
            seen["pid"] = pid
            os.kill(pid, signal.SIGKILL)
        elif "pid" in seen and "restarted" not in seen:
            row = next(a for a in shown["actors"] if a["name"] == "strategy-MAKER")
            if row["pid"] not in (0, seen["pid"]):
                with suppress(NoAnswer):
                    seen["restarted"] = system.strategy_state("MAKER")
                    ask_to_stop(folder, keep_orders=False)

    summary = run(
        load("quickstart", ["duration_s=60"]), runs_dir=tmp_path, on_progress=watch
    ).to_json()

    assert seen["changed"]["took_s"] < 1.0
    assert seen["changed"]["params"]["notional"] == 111.0
    assert seen["intents"][0] <= seen["intents"][1]
    assert seen["restarted"]["params"]["notional"] == 111.0
    assert seen["restarted"]["changed"] == {"notional": 111.0}
    assert summary["ledger"]["equal"], summary["ledger"]
