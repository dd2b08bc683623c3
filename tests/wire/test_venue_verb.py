"""`manta venue NAME` as a process: what it says first, what it serves, how it ends."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from repository import ROOT

from scenarios.cli import main


def test_verb_says_where_it_serves_and_ends_in_order(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text('[[fault]]\nkind = "FAIL_5XX"\ntimes = 1\nrequests = ["GET /api/v3/time"]\n')
    bare = {name: value for name, value in os.environ.items() if not name.startswith("MANTA_")}
    command = [sys.executable, "-m", "scenarios.cli", "venue", "binance"]
    given = ["--faults", str(plan), "--control", "--folder", str(tmp_path), "--json"]
    with subprocess.Popen(
        [*command, *given], cwd=ROOT, env=bare, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        with urllib.request.urlopen(f"{said['url']}/sim/faults", timeout=10) as answer:
            rules = json.load(answer)["script"]["rules"]
        with urllib.request.urlopen(f"{said['url']}/api/v3/ping", timeout=10) as answer:
            status = answer.status
        process.send_signal(signal.SIGTERM)
        code = process.wait(20)

    assert (status, code, said["pid"]) == (200, 0, process.pid)
    assert [rule["kind"] for rule in rules] == ["FAIL_5XX"]
    assert set(said["keys"]) == {"MANTA_BINANCE_API_KEY", "MANTA_BINANCE_SECRET"}
    assert json.loads((tmp_path / "ledger.json").read_text())["conserved"]


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("coinbase", "--product", "linear"), "COINBASE has no LINEAR"),
        (("binance", "--faults", "nowhere.toml"), "nowhere.toml"),
        (("binance", "--port", "99999"), "Invalid value for '--port'"),
        (("binance", "--port", "-1"), "Invalid value for '--port'"),
        (("okx", "--speed", "nan"), "speed: Input should be a finite number (given: nan)"),
        (("okx", "--speed", "inf"), "speed: Input should be a finite number (given: inf)"),
        (("okx", "--duration", "inf"), "duration_s: Input should be a finite number (given: inf)"),
        (("okx", "--duration", "-1"), "duration_s: Input should be greater than 0 (given: -1.0)"),
        (("binance", "--tape", "nowhere.gz"), "nowhere.gz"),
        (("binance", "--speed", "0"), "speed"),
    ],
)
def test_mistake_is_one_line_and_code_two(
    words: tuple[str, ...], what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["venue", *words])

    said = capsys.readouterr().err
    assert (code, said.count("\n")) == (2, 1)
    assert what in said
