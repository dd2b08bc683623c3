"""The simulator as a process: it serves, keeps its ledger, and never stays behind."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from simulated_binance import KEYS

from messages.market import BookDeltaBatch
from venues.binance.simulator import Simulator
from venues.binance.simulator_config import SimulatorConfig
from venues.serving.faults import FaultKind, FaultScript, Rule
from venues.serving.process import configure, main

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "venues.binance.simulator"]


def wait_for(path: Path, timeout_s: float = 30.0) -> None:
    until = time.monotonic() + timeout_s
    while not path.exists():
        assert time.monotonic() < until, f"{path} did not appear"
        time.sleep(0.02)


@contextmanager
def process(folder: Path, *flags: str) -> Iterator[tuple["subprocess.Popen[bytes]", str]]:
    port = folder / "port"
    command = [*COMMAND, "--port-file", str(port), "--folder", str(folder), *flags]
    running = subprocess.Popen(command, cwd=ROOT, env=os.environ | KEYS.environment("BINANCE"))
    try:
        wait_for(port)
        yield running, f"http://127.0.0.1:{port.read_text()}"
    finally:
        running.kill()
        running.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_process_serves_and_ends_when_told_with_its_ledger_written(
    tmp_path: Path, number: signal.Signals
) -> None:
    with process(tmp_path, "--seed", "3") as (running, url):
        with urllib.request.urlopen(f"{url}/sim/ledger", timeout=5) as answer:
            live = json.load(answer)
        running.send_signal(number)
        code = running.wait(timeout=15)

    written = json.loads((tmp_path / "ledger.json").read_bytes())
    assert code == 0
    assert live["server"]["market_events"] <= written["server"]["market_events"]
    assert written["conserved"]


def test_process_ends_when_its_parent_does_even_if_nobody_collects_the_parent(
    tmp_path: Path,
) -> None:
    parent = subprocess.Popen(["sleep", "60"])
    with process(tmp_path, "--parent-pid", str(parent.pid)) as (running, _):
        parent.kill()  # and not waited for: a zombie still has its pid

        assert running.wait(timeout=15) == 0
    parent.wait()


def test_process_without_a_parent_outlives_the_death_of_its_client(tmp_path: Path) -> None:
    with process(tmp_path) as (running, url):
        client = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        client.kill()
        client.wait()
        time.sleep(0.5)

        assert running.poll() is None
        with urllib.request.urlopen(f"{url}/api/v3/ping", timeout=5) as answer:
            assert answer.status == 200


@pytest.mark.parametrize(
    ("flags", "environment", "word"),
    [
        ([], {}, "MANTA_BINANCE_API_KEY"),
        (["--recordings", "nowhere.gz"], KEYS.environment("BINANCE"), "nowhere.gz"),
        (["--speed", "0"], KEYS.environment("BINANCE"), "speed"),
        (["--config", "nowhere.json"], KEYS.environment("BINANCE"), "nowhere.json"),
    ],
)
def test_wrong_start_is_one_line_and_code_2(
    flags: list[str],
    environment: dict[str, str],
    word: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = main(Simulator, flags, environment)

    said = capsys.readouterr().err
    assert code == 2
    assert said.count("\n") == 1
    assert word in said


def test_busy_port_is_one_line_and_code_2(tmp_path: Path) -> None:
    with process(tmp_path) as (_, url):
        port = url.rpartition(":")[2]
        second = subprocess.run(
            [*COMMAND, "--port", port],
            cwd=ROOT,
            env=os.environ | KEYS.environment("BINANCE"),
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )

    assert second.returncode == 2
    assert len(second.stderr.strip().splitlines()) == 1
    assert "--port" in second.stderr


def test_flags_change_what_the_file_says(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{"seed": 1, "speed": 2.0, "balances": {"USDT": "5"}}')

    config = configure(Simulator, ["--config", str(path), "--seed", "9", "--control"])

    assert (config.seed, config.speed, config.control) == (9, 2.0, True)
    assert {k: str(v) for k, v in config.balances.items()} == {"USDT": "5"}


def test_configuration_survives_its_file() -> None:
    config = SimulatorConfig(seed=4, faults=FaultScript(rules=(Rule(kind=FaultKind.CUT),)))

    assert SimulatorConfig.model_validate_json(config.model_dump_json()) == config


@pytest.mark.data
def test_recording_brings_its_own_instruments() -> None:
    path = ROOT.parent / "shared/data/wire/hftbacktest/spot/btcusdt_20240808.gz"
    if not path.is_file():
        pytest.skip(f"no recording at {path.relative_to(ROOT.parent)}")

    config, tape = Simulator.tape_of(SimulatorConfig(recordings=(str(path),)))
    _, first = next(iter(tape))

    assert [i.symbol for i in config.instruments] == ["BTCUSDT"]
    assert isinstance(first, BookDeltaBatch)
    assert first.snapshot


@pytest.mark.data
def test_recording_of_another_market_is_refused() -> None:
    path = ROOT.parent / "shared/data/wire/hftbacktest/usdm/btcusdt_20240808.gz"
    if not path.is_file():
        pytest.skip(f"no recording at {path.relative_to(ROOT.parent)}")

    with pytest.raises(ValueError, match="USD-M"):
        Simulator.tape_of(SimulatorConfig(recordings=(str(path),)))
