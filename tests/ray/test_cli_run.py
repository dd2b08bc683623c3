"""The command line around a real run: two terminals, one system."""

import json
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from quickstart import MANTA, started, until_booked

pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]


@dataclass
class Terminal:
    """A second terminal in the folder where the run was started."""

    folder: Path
    process: "subprocess.Popen[str]"

    def said(self, *words: str) -> tuple[int, str, str]:
        """Exit code, stdout and stderr of a verb."""
        done = subprocess.run(
            [*MANTA, *words],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    def asked(self, *words: str) -> Any:
        """The document that a verb prints with --json."""
        code, out, err = self.said(*words, "--json")
        assert code == 0, err
        return json.loads(out)


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """A run that trades, seen from a second terminal; stopped and collected at the end."""
    folder = tmp_path_factory.mktemp("cli")
    process = started(folder, "--duration", "600")
    until_booked(folder, process)
    yield Terminal(folder, process)
    if process.poll() is None:
        process.terminate()
    process.communicate(timeout=60)


def test_status_counts_what_has_happened(terminal: Terminal) -> None:
    status = terminal.asked("status")

    assert status["state"] == "running"
    assert status["fills"] > 0
    assert sum(status["orders"].values()) > 0


def test_actors_are_five_kinds_with_a_process_each(terminal: Terminal) -> None:
    actors = {a["name"]: a for a in terminal.asked("actors")}

    classes = {a["class"] for a in actors.values()}
    assert classes >= {"Feed", "Strategy", "RiskChecker", "OrderManager", "Reconciler"}
    assert all(a["pid"] and a["node"] and a["incarnation"] >= 1 for a in actors.values())
    assert all(a["restarts"] == 0 for a in actors.values())


def test_orders_and_positions_are_lists(terminal: Terminal) -> None:
    orders = terminal.asked("orders", "--all")

    assert {"client_order_id", "status", "quantity", "filled_qty"} <= orders[0].keys()
    assert sum(o["closed"] for o in terminal.asked("orders", "--closed", "1")) == 1
    assert not any(o["closed"] for o in terminal.asked("orders", "--closed", "0"))
    assert {p["instrument_id"] for p in terminal.asked("positions")}


def test_readable_output_is_a_table(terminal: Terminal) -> None:
    code, out, _ = terminal.said("actors")

    assert code == 0
    assert out.splitlines()[0].split()[:2] == ["name", "class"]


def test_logs_of_an_actor_name_it(terminal: Terminal) -> None:
    code, out, _ = terminal.said("logs", "orders", "-n", "5", "--json")

    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert {line["actor"] for line in lines} == {"orders"}


def test_a_second_run_on_the_same_account_is_refused_in_one_line(terminal: Terminal) -> None:
    code, out, err = terminal.said("run", "quickstart", "--duration", "5", "--json")

    assert (code, out) == (2, "")
    assert err.startswith("manta: ")
    assert err.count("\n") == 1
    assert terminal.asked("status", "--run", run_of(terminal))["state"] == "running"


def test_a_busy_port_is_refused_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        process = started(tmp_path, "--set", f"venue.port={port}")
        out, err = process.communicate(timeout=60)

    assert (process.returncode, out) == (2, "")
    assert err.startswith("manta: venue: ")
    assert err.count("\n") == 1
    # It has never traded, so it is no run that could be resumed.
    assert [p for p in (tmp_path / "runs").iterdir() if (p / "spec.toml").exists()] == []


def test_trading_is_reduced_halted_and_active_again(terminal: Terminal) -> None:
    run = run_of(terminal)

    for state in ("REDUCING", "HALTED", "ACTIVE"):
        told = terminal.asked("trading", state, "--reason", "test", "--run", run)

        assert told["trading_state"] == state
        assert terminal.asked("status", "--run", run)["trading_state"] == state


def test_a_run_is_halted_then_stopped_and_its_books_agree(terminal: Terminal) -> None:
    run = run_of(terminal)
    halted = terminal.asked("kill-switch", "--reason", "test", "--run", run)
    working = terminal.asked("orders", "--closed", "0", "--run", run)
    stopped = terminal.asked("stop", "--run", run)
    out, err = terminal.process.communicate(timeout=60)

    assert halted["trading_state"] == "HALTED"
    assert all(o["status"] == "PENDING_CANCEL" for o in working)
    assert terminal.process.returncode == 0, err
    assert json.loads(out) == stopped
    assert stopped["trading_state"] == "HALTED"
    assert stopped["discrepancies"]["open"] == 0
    assert stopped["ledger"]["equal"]
    assert terminal.asked("journal", "verify", run)["ok"]
    assert len(terminal.asked("venue", "ledger", "--run", run)["fills"]) == stopped["fills"]


def run_of(terminal: Terminal) -> str:
    """The id of the first run, whatever was tried since."""
    runs = [p.name for p in (terminal.folder / "runs").iterdir() if (p / "system.json").is_file()]
    return min(runs)
